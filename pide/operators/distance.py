"""What the boundary correction reads off a signed distance: curvature, kinks, and whether it is a distance at all.

`signed` is the signed distance (negative inside) on the lattice with one node of margin on each side.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation

from pide.spaces.grid import Grid

__all__ = ["boundary_curvature", "deviation_from_distance", "neighbourhood", "signed_distance_with_margin"]

Field = NDArray[np.float64]
Nodes = NDArray[np.bool_]

_KINK = 0.4
"""Level sets that bend more than this over h belong to a corner or to the medial axis."""


def signed_distance_with_margin(grid: Grid) -> Field:
    """Signed distance of the domain at the nodes of the lattice and one more on each side."""
    return np.asarray(grid.domain.signed_distance(*grid.extended((1,) * grid.dimension)))


def boundary_curvature(signed: Field, d: Field, grid: Grid) -> tuple[Field, Nodes]:
    """(1/R at the nearest boundary point, nodes where the distance has a kink), for equal spacings.

    R is the mean radius of curvature: the Laplacian of the signed distance is (n - 1)/(R - d) at depth d.
    """
    h, n = grid.spacing[0], grid.dimension
    laplacian = np.zeros(grid.shape)
    for axis in range(n):
        ahead, behind = _neighbours(signed, axis)
        laplacian += (ahead + behind - 2 * signed[(slice(1, -1),) * n]) / h**2
    level = laplacian / (n - 1)
    kinks = grid.inside & (np.abs(level) * h > _KINK)
    level = np.clip(level, -_KINK / h, _KINK / h)
    return level / np.maximum(1.0 + level * d, 0.5), kinks


def deviation_from_distance(signed: Field, grid: Grid) -> float:
    """Median of | |grad d| - 1 | by central differences over the inside nodes within 2 h of the boundary."""
    square = np.zeros(grid.shape)
    for axis, h in enumerate(grid.spacing):
        ahead, behind = _neighbours(signed, axis)
        square += ((ahead - behind) / (2 * h)) ** 2
    core = signed[(slice(1, -1),) * grid.dimension]
    layer = grid.inside & (np.abs(core) < 2 * max(grid.spacing))
    slope = np.sqrt(square[layer])
    return float(np.median(np.abs(slope - 1.0))) if slope.size else 0.0


def neighbourhood(nodes: Nodes, width: float) -> Nodes:
    """Nodes within `width` steps of the given ones."""
    return np.asarray(binary_dilation(nodes, iterations=max(1, math.ceil(width)))) if nodes.any() else nodes


def _neighbours(signed: Field, axis: int) -> tuple[Field, Field]:
    """The field shifted by +1 and by -1 along an axis, without the margin."""
    ahead, behind = ([slice(1, -1)] * signed.ndim for _ in range(2))
    ahead[axis], behind[axis] = slice(2, None), slice(0, -2)
    return signed[tuple(ahead)], signed[tuple(behind)]

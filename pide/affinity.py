"""Kernels that follow data: nearby nodes exchange where the data agree and hardly where they differ."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from pide.continuum.kernels import TwoPoint

__all__ = ["affinity_kernel"]


def affinity_kernel(
    field: NDArray[np.float64], grid: Any, *, horizon: float, contrast: float, smoothing: float = 0.0
) -> TwoPoint:
    """omega(x, y) = exp(-(g(x) - g(y))^2 / contrast^2) / |B_horizon| for |x - y| < horizon, g the smoothed data.

    Parameters
    ----------
    field : array, shape grid.shape
        Data on the grid, zero outside the domain.
    grid : Grid
        Where the kernel will be used: it is defined at the nodes of this grid.
    horizon : float, unit length
    contrast : float, unit of the field
        Differences larger than this stop the exchange.
    smoothing : float, unit length
        Standard deviation of the Gaussian average that makes g from the data; 0 uses the data themselves.

    Notes
    -----
    omega is symmetric and nonnegative, so the operator has every claim of a diffusion; it is linear, because the
    affinities belong to given data and do not follow the solution. Dividing by the volume of the ball makes the rate
    at most about 1, in the interior of uniform data. Near the boundary the average g is taken over the domain only.

    References
    ----------
    Gilboa and Osher 2009 (nonlocal operators for images); Buades, Coll and Morel 2005 (affinities of noisy images).
    """
    for name, value, allowed in (
        ("horizon", horizon, horizon > 0),
        ("contrast", contrast, contrast > 0),
        ("smoothing", smoothing, smoothing >= 0),
    ):
        if not allowed:
            raise ValueError(f"affinity_kernel({name}={value}): needs a positive number.")
    guide = _smoothed(np.asarray(field, dtype=np.float64), grid, smoothing)
    n = grid.dimension
    volume = math.pi ** (n / 2) / math.gamma(n / 2 + 1) * horizon**n

    def affinity(x: tuple[Any, ...], y: tuple[Any, ...]) -> NDArray[np.float64]:
        difference = guide[_nodes(x, grid)] - guide[_nodes(y, grid)]
        return np.asarray(np.exp(-((difference / contrast) ** 2)) / volume)

    return TwoPoint(affinity, horizon=horizon)


def _smoothed(field: NDArray[np.float64], grid: Any, smoothing: float) -> NDArray[np.float64]:
    """Normalised Gaussian average over the nodes of the domain."""
    if smoothing == 0:
        return field
    deviations = [smoothing / h for h in grid.spacing]
    mode: Literal["grid-wrap", "constant"] = "grid-wrap" if grid.periodic else "constant"
    weight = gaussian_filter(np.asarray(grid.inside, dtype=np.float64), deviations, mode=mode)
    average = gaussian_filter(field, deviations, mode=mode) / np.maximum(weight, np.finfo(np.float64).tiny)
    return np.where(grid.inside, average, 0.0)


def _nodes(x: tuple[Any, ...], grid: Any) -> tuple[NDArray[np.intp], ...]:
    """Indices of the nodes nearest to the points, wrapped into the lattice (for the images on a torus)."""
    return tuple(
        (np.rint((np.asarray(axis) - low) / h).astype(np.intp) % count)
        for axis, low, h, count in zip(x, grid.lower, grid.spacing, grid.shape, strict=True)
    )

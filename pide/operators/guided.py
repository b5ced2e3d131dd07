"""Diffusion guided by a field: nearby nodes exchange where the field agrees and hardly where it differs."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from pide.operators.affinity import GaussianAffinity
from pide.operators.affinity_pairs import affinity_operator
from pide.operators.algebra import scale
from pide.operators.base import Operator
from pide.spaces.grid import Grid

__all__ = ["guided_diffusion"]


def guided_diffusion(
    field: NDArray[np.float64], grid: Grid, *, horizon: float, contrast: float, smoothing: float = 0.0
) -> Operator:
    """(L v)(x) = int omega(x, y) (v(y) - v(x)) dy, omega = exp(-(g(x) - g(y))^2 / contrast^2) / |B_horizon|.

    Parameters
    ----------
    field : array, shape grid.shape
        Data on the grid, zero outside the domain.
    grid : Grid
    horizon : float, unit length
        omega = 0 for |x - y| >= horizon; on a torus at most half a period.
    contrast : float, unit of the field
        Differences larger than this stop the exchange.
    smoothing : float, unit length
        Standard deviation of the Gaussian average over the domain that makes g from the data; 0 uses the data.

    Notes
    -----
    The Gaussian affinity of g, within a window, with the volume of a node as weight: all claims of a diffusion without
    killing. It is linear, because the affinities belong to given data and do not follow the solution. Dividing by the
    volume of the ball makes the rate at most about 1, in the interior of uniform data.

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
            raise ValueError(f"guided_diffusion({name}={value}): a positive number is needed. Write {name}=1.0.")
    guide = _smoothed(np.asarray(field, dtype=np.float64), grid, smoothing)
    n = grid.dimension
    volume = math.pi ** (n / 2) / math.gamma(n / 2 + 1) * horizon**n
    affinity = GaussianAffinity(width=contrast)
    A = affinity_operator(affinity, np.asarray(grid.compress(guide))[:, None], grid, None, window=horizon)
    return scale(A, grid.cell_volume / volume)


def _smoothed(field: NDArray[np.float64], grid: Any, smoothing: float) -> NDArray[np.float64]:
    """Normalised Gaussian average over the nodes of the domain."""
    if smoothing == 0:
        return field
    deviations = [smoothing / h for h in grid.spacing]
    mode: Literal["grid-wrap", "constant"] = "grid-wrap" if grid.periodic else "constant"
    weight = gaussian_filter(np.asarray(grid.inside, dtype=np.float64), deviations, mode=mode)
    average = gaussian_filter(field, deviations, mode=mode) / np.maximum(weight, np.finfo(np.float64).tiny)
    return np.where(grid.inside, average, 0.0)

"""The symmetric isotropic second-moment correction of pair weights on scattered points.

Symbols: gamma kernel, m masses, z = x_j - x_i, R radius of the correction, S_i = sum_{|z| < R} m_j gamma(|z|) |z|^2,
S = int_{|z| < R} gamma(|z|) |z|^2 dz.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import roots_jacobi

from pide.arrays import as_float
from pide.continuum.kernels import Kernel

__all__ = ["ball_second_moment", "pair_factors"]

Floats = NDArray[np.float64]

_SWEEPS = 20
_SMALLEST = 0.05


def ball_second_moment(kernel: Kernel, radius: float, dimension: int) -> float:
    """S = int_{|z| < R} gamma(|z|) |z|^2 dz, R at most the horizon; Gauss-Jacobi with the weight r^{n + 1 - a}."""
    power = dimension + 1 - as_float(kernel.singularity(dimension))
    nodes, weights = roots_jacobi(40, 0.0, power)
    r = radius * (nodes + 1) / 2
    sphere = 2 * math.pi ** (dimension / 2) / math.gamma(dimension / 2)
    values = np.asarray(kernel.regular_part(r, dimension), dtype=np.float64)
    return float(sphere * (radius / 2) ** (power + 1) * (weights @ values))


def pair_factors(moments: Any, target: float, interior: NDArray[np.bool_]) -> Floats:
    """g_i such that weights w_ij (1 + (g_i + g_j)/2) have the second moment `target` at interior points.

    Parameters
    ----------
    moments : CSR matrix (N, N)
        B_ij = m_j w_ij |x_i - x_j|^2 for the pairs within R.
    target : float
        S.
    interior : bool array, shape (N,)
        Points farther than R from the boundary; the others take the median of the interior.

    Notes
    -----
    Twenty steps of g += (S - S_i(g)) / S_i: components of g that vary slowly converge at once, those that alternate
    between neighbours, which the symmetric form cannot represent, are left alone. 1 + (g_i + g_j)/2 >= 0.05, so signs
    stay what they are.
    """
    sums = np.asarray(moments.sum(axis=1)).ravel()
    known = interior & (sums > 0)
    if not known.any():
        return np.zeros(len(sums))
    g = np.zeros(len(sums))
    for _ in range(_SWEEPS):
        defect = target - sums - 0.5 * (sums * g + moments @ g)
        g[known] += defect[known] / sums[known]
        g[~known] = np.median(g[known])
        g = np.maximum(g, _SMALLEST - 1)
    return g

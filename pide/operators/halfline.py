"""The defect of the lattice power on the half-line profile x_+^s, where the truth is zero."""

from __future__ import annotations

from typing import Any

import numpy as np

from pide.arrays import Array, like, namespace
from pide.operators.toeplitz import toeplitz
from pide.quadrature.lattice import lattice_weights

__all__ = ["halfline_defect", "power"]

_TERMS = 28
_FAR = 20_000


def halfline_defect(s: Any, offset: float, depth: int) -> Array:
    """g_j = sum_{k >= 0} K_{j-k} (k + offset)^s, the unit-lattice (-Delta)^s of x_+^s at x = j + offset.

    In the continuum (-Delta)^s x_+^s = 0 for x > 0, so g is pure lattice error. It falls like
    zeta(-s, offset) c_{1,s} j^{-1-2s}: the endpoint (Euler-Maclaurin) error of the sum.

    Parameters
    ----------
    s : float or 0-d array
        0 < s < 1; g is differentiable in a torch s.
    offset : float
        Distance of the first node from the boundary in units of h, 0 < offset.
    depth : int
        Number of nodes j = 0, ..., depth - 1.

    Returns
    -------
    array, shape (depth,)

    Notes
    -----
    The sum to M = 4 depth + 20 000 is one FFT convolution; the rest is the integral from M - 1/2 of the asymptotic
    kernel K_k ~ -c k^{-1-2s}, expanded in (j + offset)/(M + offset) <= 1/4. The relative error of the kernel there is
    O(M^-2), that of the midpoint rule O(M^-2).
    """
    M = 4 * depth + _FAR
    weights = lattice_weights(s, (1.0,), (M,))
    beta = weights.octant
    x = like(np.arange(M) + offset, beta)
    profile = power(x, s)
    g = weights.rate * profile[:depth] - toeplitz(beta[:M], (M,))(profile)[:depth]
    start = M - 0.5 + offset
    c = beta[M] * float(M) ** (1 + 2 * s)
    ratio = x[:depth] / start
    series = namespace(ratio).zeros_like(ratio)
    coefficient: Any = 1.0
    for m in range(_TERMS):
        series = series + coefficient * ratio**m / (s + m)
        coefficient = coefficient * (1 + 2 * s + m) / (m + 1)
    return g - c * start**-s * series


def power(x: Array, s: Any) -> Array:
    """x^s for x > 0, differentiable in s."""
    xp = namespace(x)
    return xp.exp(s * xp.log(x))

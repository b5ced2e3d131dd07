"""The defect of the lattice power on the half-line profile x_+^s, where the truth is zero."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.signal import fftconvolve

from pide.quadrature.lattice import lattice_weights

__all__ = ["halfline_defect"]

_TERMS = 28
_FAR = 20_000


def halfline_defect(s: float, offset: float, depth: int) -> NDArray[np.float64]:
    """g_j = sum_{k >= 0} K_{j-k} (k + offset)^s, the unit-lattice (-Delta)^s of x_+^s at x = j + offset.

    In the continuum (-Delta)^s x_+^s = 0 for x > 0, so g is pure lattice error. It falls like
    zeta(-s, offset) c_{1,s} j^{-1-2s}: the endpoint (Euler-Maclaurin) error of the sum.

    Parameters
    ----------
    s : float
        0 < s < 1.
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
    K = -np.asarray(weights.octant)
    K[0] = float(weights.rate)
    profile = (np.arange(M) + offset) ** s
    g = fftconvolve(profile, np.concatenate([K[1:M][::-1], K[:depth]]))[M - 1 : M - 1 + depth]
    c = -K[M] * float(M) ** (1 + 2 * s)
    start = M - 0.5 + offset
    ratio = (np.arange(depth) + offset) / start
    series = np.zeros(depth)
    coefficient = 1.0
    for m in range(_TERMS):
        series += coefficient * ratio**m / (s + m)
        coefficient *= (1 + 2 * s + m) / (m + 1)
    return np.asarray(g - c * start**-s * series)

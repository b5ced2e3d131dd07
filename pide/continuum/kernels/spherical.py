"""Means of cosines over spheres, the building block of every radial symbol.

    Omega_n(t) = mean over |w| = 1 in R^n of cos(t w_1) = 0F1(; n/2; -t^2/4): cos t, J_0(t), sin(t)/t for n = 1, 2, 3
    deficit(t) = (1 - Omega_n(t)) / t^2 > 0, without cancellation

so that symbol(k) = -|S^{n-1}| int_0^delta r^{n-1} gamma(r) (k r)^2 deficit(k r) dr.
"""

from __future__ import annotations

import numpy as np
import scipy.special
from numpy.typing import NDArray

__all__ = ["deficit"]

_SMALL = 1.5
"""Below this the power series of the deficit has terms that fall by a factor of at least 3."""


def deficit(t: NDArray[np.float64], dimension: int) -> NDArray[np.float64]:
    """(1 - Omega_n(t)) / t^2 for n = 1, ..., 5; 1/(2n) at t = 0.

    Notes
    -----
    Power series sum_{m >= 1} (-1)^{m+1} (t/2)^{2m} / (m! (n/2)_m) / t^2 for |t| < 1.5; beyond that 1 - Omega_n is at
    least 0.2 and the closed forms lose at most a digit. n = 1 is 2 sin^2(t/2) / t^2.
    n = 4 and 5 serve means over balls in two dimensions less.
    """
    t = np.abs(np.asarray(t, dtype=np.float64))
    if dimension == 1:
        return np.asarray(0.5 * np.sinc(t / (2 * np.pi)) ** 2)
    small = t < _SMALL
    safe = np.where(small, _SMALL, t)
    return np.where(small, _series(np.where(small, t, 0.0), dimension), (1 - _mean(safe, dimension)) / safe**2)


def _mean(t: NDArray[np.float64], dimension: int) -> NDArray[np.float64]:
    """Omega_n(t) for t away from 0, n = 2, ..., 5."""
    if dimension == 2:
        return np.asarray(scipy.special.j0(t))
    if dimension == 3:
        return np.asarray(np.sin(t) / t)
    if dimension == 4:
        return np.asarray(2 * scipy.special.j1(t) / t)
    return np.asarray(3 * (np.sin(t) / t - np.cos(t)) / t**2)


def _series(t: NDArray[np.float64], dimension: int) -> NDArray[np.float64]:
    x = -(t**2) / 4
    total = np.ones_like(x)
    for m in range(14, 1, -1):
        total = 1 + total * x / (m * (dimension / 2 + m - 1))
    return np.asarray(total / (2 * dimension))

"""Means of cosines over spheres, the building block of every radial symbol.

    Omega_n(t) = mean over |w| = 1 in R^n of cos(t w_1) = 0F1(; n/2; -t^2/4): cos t, J_0(t), sin(t)/t for n = 1, 2, 3
    deficit(t) = (1 - Omega_n(t)) / t^2 > 0, without cancellation

so that symbol(k) = -|S^{n-1}| int_0^delta r^{n-1} gamma(r) (k r)^2 deficit(k r) dr.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import scipy.special
from numpy.typing import NDArray

__all__ = ["deficit", "legendre_rule", "power_deficit", "power_integral", "power_rule"]

Reals = NDArray[np.float64]

_SMALL = 1.5
"""Below this the power series of the deficit has terms that fall by a factor of at least 3."""
_MODERATE = 10.0
"""Below this Gauss-Legendre resolves the oscillations; above, they are integrated along t + i y, where they decay."""
_NODES = 40


def deficit(t: Reals, dimension: int) -> Reals:
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


def power_deficit(x: Reals, exponent: float, dimension: int) -> Reals:
    """int_0^1 r^{n+1-a} deficit(x r) dr for x >= 0, a = exponent < n + 2, n = 1, 2, 3.

    Notes
    -----
    Equals 2F3(1, (n+2-a)/2; 2, (n+2)/2, (n+4-a)/2; -x^2/4) / (2 n (n+2-a)) [Alali & Albin 2021]: its power series
    for x < 1.5; that plus Gauss-Legendre in log r on (1.5/x, 1) for x < 10. Above, with b = n - a, r0 = 10/x and
    Omega_n(t) = Re(w(t) e^{it}),

        x^2 times the integral = int_0^{r0} + int_{r0}^1 r^{b-1} dr - x^{-b} int_10^x t^{b-1} Omega_n(t) dt,

    where the last integral is a difference of two on the lines 10 + i y and x + i y, on which e^{it} decays
    (Gauss-Laguerre). No cancellation; relative accuracy about 1e-14, also as a passes n.
    """
    x = np.asarray(x, dtype=np.float64)
    b = dimension - exponent
    far = np.maximum(x, _MODERATE)
    ratio = _MODERATE / far
    inner = ratio ** (b + 2) * far**2 * _moderate(np.asarray(_MODERATE), b, dimension)
    oscillation = ratio**b * _tail(np.asarray(_MODERATE), b, dimension) - _tail(far, b, dimension)
    outer = (inner + power_integral(b - 1, ratio, np.ones_like(ratio)) - oscillation) / far**2
    return np.where(x <= _MODERATE, _moderate(np.minimum(x, _MODERATE), b, dimension), outer)


def power_integral(p: float, lower: Reals, upper: Reals) -> Reals:
    """int_lower^upper r^p dr for 0 < lower <= upper, accurate as p passes -1 (logarithm)."""
    width = np.log(upper / lower)
    return np.asarray(upper ** (p + 1) * width * scipy.special.exprel(-(p + 1) * width))


@lru_cache(maxsize=64)
def power_rule(count: int, power: float) -> tuple[Reals, Reals]:
    """Nodes and weights on (0, 1) for int_0^1 r^p f(r) dr, p = power > -1, exact for polynomials f below `count`.

    Notes
    -----
    Product integration at the Gauss-Legendre nodes r_j with weights g_j: with the shifted Legendre polynomials P_m,
    w_j = g_j sum_m (2m + 1) P_m(r_j) M_m,  M_m = int_0^1 r^p P_m dr = p (p-1) ... (p-m+1) / ((p+1) ... (p+m+1)).
    Unlike Gauss-Jacobi rules computed from eigenvalues it keeps full accuracy as p -> -1.
    """
    nodes, gauss = legendre_rule(count)
    m = np.arange(count)
    ratios = np.concatenate([[1.0], (power - m[:-1]) / (power + m[:-1] + 2)])
    moments = np.cumprod(ratios) / (power + 1)
    return nodes, gauss * (np.polynomial.legendre.legvander(2 * nodes - 1, count - 1) @ ((2 * m + 1) * moments))


@lru_cache(maxsize=64)
def legendre_rule(count: int) -> tuple[Reals, Reals]:
    """Gauss-Legendre rule on (0, 1)."""
    x, w = np.polynomial.legendre.leggauss(count)
    return (1 + x) / 2, w / 2


@lru_cache(maxsize=2)
def _laguerre_rule(count: int) -> tuple[Reals, Reals]:
    x, w = scipy.special.roots_laguerre(count)
    return x, w


def _moderate(x: Reals, b: float, dimension: int) -> Reals:
    """int_0^1 r^{b+1} deficit(x r) dr for 0 <= x <= 10."""
    length = np.log(np.maximum(x, _SMALL) / _SMALL)
    nodes, weights = legendre_rule(_NODES)
    r = np.exp(-length[..., None] * nodes)
    outer = length * ((r ** (b + 2) * deficit(x[..., None] * r, dimension)) @ weights)
    return np.exp(-length * (b + 2)) * _series(np.minimum(x, _SMALL), dimension, b + 2) + outer


def _tail(x: Reals, b: float, dimension: int) -> Reals:
    """x^{-b} int_x^{i infinity} t^{b-1} Omega_n(t) dt = Re(i e^{ix} int_0^inf (t/x)^{b-1} w(t) e^{-y} dy) / x."""
    y, weights = _laguerre_rule(_NODES)
    t = x[..., None] + 1j * y
    amplitude = scipy.special.hankel1e(0, t) if dimension == 2 else (1 if dimension == 1 else -1j / t)
    integral = ((t / x[..., None]) ** (b - 1) * amplitude) @ weights
    return np.asarray((1j * np.exp(1j * x) * integral).real / x)


def _mean(t: Reals, dimension: int) -> Reals:
    """Omega_n(t) for t away from 0, n = 2, ..., 5."""
    if dimension == 2:
        return np.asarray(scipy.special.j0(t))
    if dimension == 3:
        return np.asarray(np.sin(t) / t)
    if dimension == 4:
        return np.asarray(2 * scipy.special.j1(t) / t)
    return np.asarray(3 * (np.sin(t) / t - np.cos(t)) / t**2)


def _series(t: Reals, dimension: int, power: float | None = None) -> Reals:
    """Power series of the deficit, or of int_0^1 r^{power-1} deficit(t r) dr."""
    x = -(t**2) / 4
    total = np.zeros_like(x)
    for m in range(14, 0, -1):
        divisor = 1.0 if power is None else power + 2 * m - 2
        total = 1 / divisor + total * x / ((m + 1) * (dimension / 2 + m))
    return np.asarray(total / (2 * dimension))

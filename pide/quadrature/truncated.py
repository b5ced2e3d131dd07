"""Spectral weights of potentials of smooth compactly supported densities on R^n: the kernel truncated at a radius.

Symbols: n dimension; h_a spacing; N_a nodes; k wavenumber; L truncation radius, at least the diameter of the lattice;
f(x) = 0F1(; n/2; -x^2/4), the mean of e^{i x e . theta} over the unit sphere: cos x, J_0(x), sin(x)/x.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy.special import j0, j1, roots_jacobi, sici

from pide.continuum.constants import logarithm_constant, riesz_constant, sphere_area
from pide.continuum.potentials import LogPotential, Potential, RieszPotential

__all__ = ["spectral_weights", "truncated_symbol"]

Floats = NDArray[np.float64]

ASYMPTOTIC = 45.0
"""From this k L on the expansion at the truncation radius is below rounding, its smallest term being e^(-k L)."""

TERMS = 21
"""Of that expansion."""

RAY_ORDER = 64
"""Points of the Gauss-Jacobi rule below it: f(x t), x <= 45, is resolved to rounding."""


def spectral_weights(potential: Potential, spacing: Sequence[float], counts: Sequence[int]) -> Floats:
    """beta_j = h_1 ... h_n times the band-limited interpolant of k(r) 1_{r < L} at z_j, 0 <= j_a < N_a.

    Parameters
    ----------
    potential : RieszPotential or LogPotential
        With a number s: gradients in s do not pass.
    spacing : sequence of float, length n in {1, 2, 3}
    counts : sequence of int
        N_a.

    Returns
    -------
    array, shape (N_1, ..., N_n), unit length^(2s)

    Notes
    -----
    Between points of the lattice |x - y| <= L, so the truncation changes nothing, but makes the symbol entire: the
    trapezoidal rule in k on a lattice of period P_a >= (N_a - 1) h_a + L is exact for densities that the grid resolves
    (Vico, Greengard and Ferrando 2016; their 4 N points per axis are 2 N, 2.5 N and 2.8 N for n = 1, 2, 3 here, and
    the padding of the convolution afterwards is the usual 2 N). The error is that of sampling the density: of spectral
    order for smooth ones, O(h) at jumps. Neither sign nor definiteness of the weights follows. Memory: two arrays of
    prod_a (P_a / (2 h_a) + 1) numbers. Results are cached.

    References
    ----------
    F. Vico, L. Greengard, M. Ferrando, Fast convolution with free-space Green's functions, J. Comput. Phys. 323 (2016).
    """
    return _cached(potential, tuple(map(float, spacing)), tuple(map(int, counts)))


@lru_cache(maxsize=8)
def _cached(potential: Potential, spacing: tuple[float, ...], counts: tuple[int, ...]) -> Floats:
    n = len(spacing)
    radius = math.sqrt(sum(((count - 1) * h) ** 2 for count, h in zip(counts, spacing, strict=True))) + min(spacing)
    halves = [
        scipy.fft.next_fast_len(math.ceil((count + radius / h) / 2), real=True)
        for count, h in zip(counts, spacing, strict=True)
    ]
    squares: Floats = np.zeros(1)
    for half, h in zip(halves, spacing, strict=True):
        squares = np.asarray(squares[..., None] + (math.pi / (half * h) * np.arange(half + 1)) ** 2)
    distinct, inverse = np.unique(squares[0], return_inverse=True)
    symbol = truncated_symbol(potential, np.sqrt(distinct), radius, n)[inverse].reshape(squares.shape[1:])
    values = scipy.fft.dctn(symbol, type=1, overwrite_x=True) / math.prod(2 * half for half in halves)
    weights = values[tuple(slice(0, count) for count in counts)].copy()
    weights.flags.writeable = False
    return weights


def truncated_symbol(potential: Potential, k: Floats, radius: float, dimension: int) -> Floats:
    """Fourier transform |S^{n-1}| int_0^L kernel(r) r^{n-1} f(k r) dr of the kernel truncated at L.

    Parameters
    ----------
    potential : RieszPotential or LogPotential
    k : array, any shape
        Wavenumbers >= 0, unit 1/length; k L >= 1 or k = 0.
    radius : float
        L.
    dimension : int
        n in {1, 2, 3}.

    Notes
    -----
    Riesz, x = k L: k^{-2s} - c |S^{n-1}| k^{-2s} T_{2s-1}(x), where T_q(x) = int_x^inf z^q f dz in the sense of Abel
    has, by parts twice in Bessel's equation (z^{n-1} f')' = -z^{n-1} f, the recurrence

        T_q = x^q f'(x) - (q - n + 1) x^{q-1} f(x) - (q - n + 1)(q - 1) T_{q-2},

    an asymptotic series used for x >= 45; below, a Gauss-Jacobi rule for int_0^1 t^{2s-1} f(x t) dt. The logarithm in
    closed form with f, f' and the sine integral.
    """
    k = np.asarray(k, dtype=np.float64)
    positive = k[k > 0]
    out = np.empty(k.shape)
    if isinstance(potential, LogPotential):
        out[k == 0], out[k > 0] = _log_at_zero(radius, dimension), _log_symbol(positive, radius, dimension)
    elif isinstance(potential, RieszPotential):
        s = float(potential.order(dimension))
        scale = riesz_constant(dimension, s) * sphere_area(dimension)
        out[k == 0], out[k > 0] = scale * radius ** (2 * s) / (2 * s), _riesz(positive, radius, dimension, s, scale)
    else:
        raise TypeError(f"truncated_symbol({type(potential).__name__}): write RieszPotential(s) or LogPotential().")
    return out


def _riesz(k: Floats, radius: float, n: int, s: float, scale: float) -> Floats:
    x = k * radius
    far = x >= ASYMPTOTIC
    out = np.empty_like(x)
    out[~far] = scale * radius ** (2 * s) * _ray_integral(x[~far], n, s)
    out[far] = k[far] ** (-2 * s) * (1 - scale * _tail(x[far], n, 2 * s - 1))
    return out


def _ray_integral(x: Floats, n: int, s: float) -> Floats:
    """int_0^1 t^{2s-1} f(x t) dt: 1/(2s) exactly, and a rule for t^{2s+1} on (f(x t) - 1) / t^2."""
    nodes, weights = roots_jacobi(RAY_ORDER, 0.0, 2 * s + 1)
    t, w = (nodes + 1) / 2, weights / 2 ** (2 * s + 2)
    return 1 / (2 * s) + (_mean_wave(x[:, None] * t, n)[0] - 1) @ (w / t**2)


def _tail(x: Floats, n: int, q: float) -> Floats:
    """T_q(x) for x >= 45; its terms fall like (2 m)! / x^(2 m) up to 2 m = x."""
    f, slope = _mean_wave(x, n)
    total, factor = np.zeros_like(x), 1.0
    for _ in range(TERMS):
        total += factor * (x**q * slope - (q - n + 1) * x ** (q - 1) * f)
        factor *= -(q - n + 1) * (q - 1)
        q -= 2
    return total


def _log_symbol(k: Floats, radius: float, n: int) -> Floats:
    """c_n |S^{n-1}| int_0^L (-2 log r - gamma) r^{n-1} f(k r) dr."""
    x = k * radius
    f, slope = _mean_wave(x, n)
    boundary = -(radius ** (n - 1)) * slope / k
    if n == 1:
        rest = -sici(x)[0] / k
    elif n == 2:
        rest = (f - 1) / k**2
    else:
        rest = (radius * f - sici(x)[0] / k) / k**2
    integral = -2 * (boundary * math.log(radius) + rest) - np.euler_gamma * boundary
    return logarithm_constant(n) * sphere_area(n) * integral


def _log_at_zero(radius: float, n: int) -> float:
    volume = sphere_area(n) * radius**n / n
    return logarithm_constant(n) * volume * (-2 * (math.log(radius) - 1 / n) - float(np.euler_gamma))


def _mean_wave(x: Floats, n: int) -> tuple[Floats, Floats]:
    """f(x) and f'(x)."""
    if n == 1:
        return np.cos(x), -np.sin(x)
    if n == 2:
        return j0(x), -j1(x)
    f = np.sin(x) / x
    return f, (np.cos(x) - f) / x

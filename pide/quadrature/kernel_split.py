"""Splitting a radial kernel into a part of short range and a smooth part of low bandwidth.

k = k_N + k_F, k_N = 0 for r >= R and k_F an even analytic function of r whose Fourier transform is below `tol` beyond
the frequency c / R. With the Kaiser-Bessel window f(x) = I_0(c sqrt(1 - x^2)) / I_0(c), 0 for x > 1, a power is split
by

    S_b(x) = x^{-b} int_0^x t^{b-1} f(t) dt / Z,    Z = int_0^1 t^{b-1} f(t) dt,    S_b(x) = x^{-b} for x >= 1,

the logarithm by int_x^1 (1 - f(t)) dt / t, and r^{-a} e^{-q r} into its even and odd parts in r, cosh and sinh, each
with its own power. For b < 0 the integrals are finite parts.

Symbols: r distance, y = r^2, x = r / R, b exponent, q rate, f window, c its shape parameter.

References
----------
D. Potts, G. Steidl, A. Nieslony, Fast convolution with radial kernels at nonequispaced knots, Numer. Math. 98 (2004)
329-351, is the method of near field, smooth far field and nonequispaced FFT; the window splitting is this library's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.polynomial import chebyshev
from numpy.typing import NDArray
from scipy.special import i0e, roots_jacobi

from pide.arrays import as_float
from pide.continuum.kernels import Exponential, Fractional, Gaussian, Kernel, PowerLaw, Tempered
from pide.continuum.potentials import LogPotential, Potential

__all__ = ["RadialForm", "SplitKernel", "kaiser_bessel", "radial_form", "split"]

Floats = NDArray[np.float64]

_NODES = 80
"""Gauss nodes of the window's integrals and interpolation nodes of the far part: rounding for c <= 40."""


@dataclass(frozen=True)
class RadialForm:
    """k(r) = factor r^{-exponent} e^{-rate r}, factor e^{-(r / width)^2}, or -factor log r + constant.

    Parameters
    ----------
    kind : {"power", "gaussian", "logarithm"}
    factor : float
    exponent : float
    rate : float, unit 1/length
    width : float, unit length
    constant : float
    """

    kind: str
    factor: float
    exponent: float = 0.0
    rate: float = 0.0
    width: float = math.inf
    constant: float = 0.0

    def __call__(self, square: Floats) -> Floats:
        """k as a function of y = r^2."""
        if self.kind == "gaussian":
            return np.asarray(self.factor * np.exp(-square / self.width**2))
        if self.kind == "logarithm":
            return np.asarray(self.constant - 0.5 * self.factor * np.log(square))
        values = self.factor * square ** (-0.5 * self.exponent)
        return np.asarray(values if self.rate == 0 else values * np.exp(-self.rate * np.sqrt(square)))


def radial_form(kernel: Kernel | Potential, dimension: int) -> RadialForm | None:
    """The form of a kernel that can be split, or None: kernels with a horizon and functions of the caller."""
    if isinstance(kernel, LogPotential):
        one, two = (float(v) for v in kernel.kernel(np.array([1.0, math.e]), dimension))
        return RadialForm("logarithm", one - two, constant=one)
    if isinstance(kernel, Potential):
        factor = as_float(kernel.kernel(np.ones(1), dimension)[0])
        return RadialForm("power", factor, exponent=dimension - 2 * as_float(kernel.order(dimension)))
    if not isinstance(kernel, (Exponential, Fractional, Gaussian, PowerLaw, Tempered)) or kernel.horizon < math.inf:
        return None
    factor = as_float(kernel.regular_part(np.zeros(1), dimension)[0])
    exponent = as_float(kernel.singularity(dimension))
    if isinstance(kernel, Gaussian):
        return RadialForm("gaussian", factor, width=as_float(kernel.width))
    rate = 0.0
    if isinstance(kernel, Exponential):
        rate = 1 / as_float(kernel.decay_length)
    elif isinstance(kernel, Tempered):
        rate = as_float(kernel.rate)
    return RadialForm("power", factor, exponent=exponent, rate=rate)


def kaiser_bessel(square: Floats, c: float) -> Floats:
    """f as a function of x^2 <= 1."""
    root = np.sqrt(np.maximum(1 - square, 0.0))
    return np.asarray(i0e(c * root) / i0e(c) * np.exp(c * (root - 1)))


@dataclass(frozen=True, eq=False)
class SplitKernel:
    """k = k_N + k_F of a radial kernel.

    Parameters
    ----------
    form : RadialForm
        k.
    radius : float, unit length
        R; 0 for a Gaussian, which is its own far part.
    shape : float
        c.
    """

    form: RadialForm
    radius: float
    shape: float

    @property
    def bandwidth(self) -> float:
        """The frequency beyond which the transform of k_F is negligible, unit 1/length."""
        if self.form.kind == "gaussian":
            return 2 * math.sqrt(self.shape) / self.form.width
        return self.shape / self.radius

    @cached_property
    def coefficients(self) -> Floats:
        """Chebyshev coefficients of k_F(y) on 0 <= y <= R^2, to a thousandth of the accuracy of the bandwidth."""
        nodes = (np.cos(np.pi * (np.arange(_NODES) + 0.5) / _NODES) + 1) / 2
        series = chebyshev.chebfit(2 * nodes - 1, self._smooth(nodes), _NODES - 1)
        kept = np.flatnonzero(np.abs(series) > 1e-3 * math.exp(-self.shape) * np.abs(series).max())
        return np.asarray(series[: int(kept.max()) + 1])

    @property
    def far_at_zero(self) -> float:
        """k_F(0)."""
        return float(self.far(np.zeros(1))[0])

    def far(self, square: Floats) -> Floats:
        """k_F as a function of y = r^2, array of any shape."""
        if self.radius == 0:
            return self.form(square)
        values = np.empty_like(square)
        inside = square < self.radius**2
        values[inside] = chebyshev.chebval(2 * square[inside] / self.radius**2 - 1, self.coefficients)
        values[~inside] = self.form(square[~inside])
        return values

    def _smooth(self, x2: Floats) -> Floats:
        """k_F inside R as a function of (r / R)^2."""
        form, R = self.form, self.radius
        if form.kind == "logarithm":
            return form.constant - form.factor * math.log(R) + form.factor * _logarithm(x2, self.shape)
        even = R**-form.exponent * _power(x2, form.exponent, self.shape)
        if form.rate == 0:
            return np.asarray(form.factor * even)
        argument = form.rate * R * np.sqrt(x2)
        odd = form.rate * R ** (1 - form.exponent) * _power(x2, form.exponent - 1, self.shape)
        return np.asarray(form.factor * (np.cosh(argument) * even - _sinhc(argument) * odd))


def split(form: RadialForm, radius: float, tol: float) -> SplitKernel:
    """The splitting at R = `radius` whose far part has relative accuracy `tol` within its bandwidth.

    Parameters
    ----------
    form : RadialForm
    radius : float, unit length
    tol : float
    """
    if form.kind == "gaussian":
        return SplitKernel(form, 0.0, math.log(1 / tol))
    return SplitKernel(form, radius, math.log(1 / tol) + form.rate * radius)


def _power(x2: Floats, b: float, c: float) -> Floats:
    """S_b inside 1: int_0^1 t^{b-1} f(x t) dt / Z, for b <= 0 by its finite part; 1 for b = 0."""
    if b == 0:
        return np.ones_like(x2)
    if b > 0:
        t, w = _unit_rule(b - 1)
        total = kaiser_bessel(t**2, c) @ w
        return np.asarray(kaiser_bessel(np.multiply.outer(x2, t**2), c) @ w / total)
    t, w = _unit_rule(b + 1)
    total = (kaiser_bessel(t**2, c) - 1) / t**2 @ w + 1 / b
    return np.asarray(((kaiser_bessel(np.multiply.outer(x2, t**2), c) - 1) / t**2 @ w + 1 / b) / total)


def _logarithm(x2: Floats, c: float) -> Floats:
    """int_x^1 (1 - f(t)) dt / t, for x <= 1."""
    t, w = _unit_rule(0.0)

    def integral(z: Floats) -> Floats:
        return np.asarray((1 - kaiser_bessel(np.multiply.outer(z, t**2), c)) / t @ w)

    return integral(np.ones(1)) - integral(x2)


def _unit_rule(power: float) -> tuple[Floats, Floats]:
    """Nodes and weights of int_0^1 t^power g(t) dt."""
    nodes, weights = roots_jacobi(_NODES, 0.0, power)
    return (nodes + 1) / 2, weights / 2 ** (power + 1)


def _sinhc(x: Floats) -> Floats:
    """sinh(x) / x."""
    return np.asarray(np.divide(np.sinh(x), x, out=np.ones_like(x), where=x > 0))

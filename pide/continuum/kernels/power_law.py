"""Power-law kernel."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

from pide.arrays import Array, as_float, namespace
from pide.continuum.constants import fractional_constant, sphere_area
from pide.continuum.kernels.base import Kernel
from pide.continuum.kernels.parameters import on_host, positive_horizon
from pide.continuum.kernels.spherical import power_deficit

__all__ = ["PowerLaw", "power_law_symbol", "power_law_tail"]


@final
@dataclass(frozen=True, eq=False)
class PowerLaw(Kernel):
    """gamma(r) = C r^{-a} for r < delta.

    Parameters
    ----------
    exponent : float
        a >= 0; the operator needs a < n + 2, and a > n when there is no horizon.
    horizon : float, unit length, optional
        delta > 0; None or math.inf: no cutoff.
    normalise : None (default), "laplacian" or "mass"
        C = 1; C = 2 n (n + 2 - a) / (|S^{n-1}| delta^{n+2-a}); C = (n - a) / (|S^{n-1}| delta^{n-a}), for a < n.

    Notes
    -----
    tail = C |S^{n-1}| int_R^delta r^{n-1-a} dr. With a horizon the symbol is
    -C k^2 delta^{n+2-a} |S^{n-1}| 2F3(1, (n+2-a)/2; 2, (n+2)/2, (n+4-a)/2; -k^2 delta^2 / 4) / (2 n (n+2-a))
    (see `spherical.power_deficit`; relative accuracy about 1e-14); without one it is -C k^{a-n} / c_{n,(a-n)/2}.

    Raises
    ------
    ValueError
        When the exponent suits no dimension, or not the one asked for.

    References
    ----------
    B. Alali, N. Albin, Fourier multipliers for nonlocal Laplace operators, Appl. Anal. 100 (2021) 2526-2546.

    >>> float(PowerLaw(exponent=2.0, horizon=0.5)(0.25, dimension=1))
    16.0
    """

    exponent: float
    horizon: float = math.inf
    normalise: str | None = None

    def __post_init__(self) -> None:
        horizon = positive_horizon(self.horizon, "PowerLaw", infinite=True)
        self._store(exponent=float(self.exponent), horizon=horizon)
        self._check_normalise()
        if not self.exponent >= 0:
            raise ValueError(f"PowerLaw(exponent={self.exponent:g}): needs a >= 0, a kernel r^-a that does not grow.")
        if self.normalise is not None and math.isinf(self.horizon):
            self._refuse_normalisation()

    def check_dimension(self, dimension: int) -> None:
        Kernel.check_dimension(self, dimension)
        if self.exponent >= dimension + 2:
            raise ValueError(
                f"{self!r}: needs exponent < n + 2 = {dimension + 2} in dimension {dimension}, because "
                "int r^2 gamma dz diverges at 0. Write a smaller exponent, or Radial(f) with f bounded near 0."
            )
        if math.isinf(self.horizon) and self.exponent <= dimension:
            raise ValueError(
                f"{self!r}: without a horizon it needs exponent > n = {dimension} in dimension {dimension}, because "
                "int gamma dz diverges at infinity. Give a horizon, or a larger exponent."
            )

    def _regular(self, r: Array, dimension: int) -> Array:
        return namespace(r).ones_like(r)

    def _singularity(self, dimension: int) -> float:
        return self.exponent

    def _length(self, dimension: int) -> float:
        return math.inf

    def _mass(self, dimension: int) -> float:
        b = dimension - self.exponent
        return sphere_area(dimension) * float(self.horizon**b) / b if b > 0 else math.inf

    def _second_moment(self, dimension: int) -> float:
        b = dimension + 2 - self.exponent
        return sphere_area(dimension) * float(self.horizon**b) / (dimension * b) if b > 0 else math.inf

    def _tail_mass(self, radius: Array, dimension: int) -> Array:
        return sphere_area(dimension) * power_law_tail(radius, self.horizon, dimension - self.exponent)

    def _symbol(self, k: Array, dimension: int) -> Array:
        if math.isinf(self.horizon):
            order = (self.exponent - dimension) / 2
            return -(k ** (2 * order)) / fractional_constant(dimension, order)
        return on_host(lambda q: power_law_symbol(q, self.exponent, self.horizon, dimension), k)


def power_law_symbol(k: Array, exponent: float, horizon: float, dimension: int) -> Array:
    """Symbol of r^{-a} on r < delta, NumPy."""
    factor = sphere_area(dimension) * horizon ** (dimension + 2 - exponent)
    return -factor * k**2 * power_deficit(k * horizon, exponent, dimension)


def power_law_tail(radius: Array, horizon: float, b: Array) -> Array:
    """int_radius^horizon r^{b-1} dr, also for b = 0; infinite at radius 0 for b <= 0. Differentiable in b."""
    xp = namespace(radius)
    positive = radius > 0
    inside = xp.where(positive, radius, xp.ones_like(radius))
    power = as_float(b)
    if math.isinf(horizon):
        tail = -(inside**b) / b
    elif power == 0:
        tail = -xp.log(inside / horizon)
    else:
        tail = -(horizon**b) / b * xp.expm1(b * xp.log(inside / horizon))
    at_zero = horizon**power / power if power > 0 else math.inf
    return xp.where(positive, tail, xp.full_like(radius, at_zero))

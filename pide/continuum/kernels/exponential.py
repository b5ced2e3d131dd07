"""Exponential kernel."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, final

from pide.arrays import Array, as_float, namespace
from pide.continuum.constants import sphere_area
from pide.continuum.kernels.base import Kernel
from pide.continuum.kernels.parameters import positive

__all__ = ["Exponential"]


@final
@dataclass(frozen=True, eq=False, init=False, repr=False)
class Exponential(Kernel):
    """gamma(r) = C exp(-r / l).

    Parameters
    ----------
    length : float or 0-d array, unit length
        l > 0; kept as the field `decay_length`, because `length` is a method of every kernel.
    normalise : "laplacian" (default), "mass" or None
        C = 2 n / (|S^{n-1}| Gamma(n + 2) l^{n+2}), C = 1 / (|S^{n-1}| Gamma(n) l^n) or C = 1.

    Notes
    -----
    mass = C |S^{n-1}| Gamma(n) l^n, second moment = mass (n + 1) l^2, tail = mass e^{-x} sum_{j < n} x^j / j!
    with x = R / l, and

        symbol = -mass (1 - (1 + l^2 k^2)^{-(n+1)/2}).

    References
    ----------
    E. M. Stein, G. Weiss, Introduction to Fourier Analysis on Euclidean Spaces (1971), theorem 1.14.

    >>> float(Exponential(length=0.5, normalise="mass").symbol(2.0, dimension=1))
    -0.5
    """

    decay_length: float | Array
    normalise: str | None
    horizon: ClassVar[float] = math.inf  # type: ignore[misc]

    def __init__(self, length: float | Array, normalise: str | None = "laplacian") -> None:
        self._store(decay_length=positive(length, "length", "Exponential"), normalise=normalise)
        self._check_normalise()

    def __repr__(self) -> str:
        return f"Exponential(length={self.decay_length!r}, normalise={self.normalise!r})"

    def _regular(self, r: Array, dimension: int) -> Array:
        return namespace(r).exp(-r / self.decay_length)

    def _singularity(self, dimension: int) -> float:
        return 0.0

    def _length(self, dimension: int) -> float:
        return as_float(self.decay_length)

    def _mass(self, dimension: int) -> Array:
        return sphere_area(dimension) * math.factorial(dimension - 1) * self.decay_length**dimension

    def _second_moment(self, dimension: int) -> Array:
        return self._mass(dimension) * (dimension + 1) * self.decay_length**2

    def _tail_mass(self, radius: Array, dimension: int) -> Array:
        x = radius / self.decay_length
        polynomial = sum(x**j / math.factorial(j) for j in range(dimension))
        return self._mass(dimension) * namespace(radius).exp(-x) * polynomial

    def _symbol(self, k: Array, dimension: int) -> Array:
        xp = namespace(k)
        return self._mass(dimension) * xp.expm1(-(dimension + 1) / 2 * xp.log1p((k * self.decay_length) ** 2))

"""Constant kernel."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

from pide.arrays import Array, namespace
from pide.continuum.constants import sphere_area
from pide.continuum.kernels.base import Kernel
from pide.continuum.kernels.parameters import on_host, positive_horizon
from pide.continuum.kernels.spherical import deficit

__all__ = ["Constant"]


@final
@dataclass(frozen=True, eq=False)
class Constant(Kernel):
    """gamma(r) = C for r < delta, the moving average over a ball.

    Parameters
    ----------
    horizon : float, unit length
        delta > 0.
    normalise : "laplacian" (default), "mass" or None
        C = 2 n (n + 2) / (|S^{n-1}| delta^{n+2}), C = n / (|S^{n-1}| delta^n) or C = 1.

    Notes
    -----
    mass = C |S^{n-1}| delta^n / n, second moment = mass delta^2 / (n + 2), and with x = k delta

        symbol = -mass (1 - sin x / x),  -mass (1 - 2 J_1(x) / x),  -mass (1 - 3 (sin x - x cos x) / x^3)

    for n = 1, 2, 3: the mean of cos over an n-ball is that over the sphere in R^{n+2} (by a power series for
    small x).

    References
    ----------
    B. Alali, N. Albin, Fourier multipliers for nonlocal Laplace operators, Appl. Anal. 100 (2021) 2526-2546.

    >>> round(Constant(horizon=0.2).mass(dimension=1), 9)
    150.0
    """

    horizon: float
    normalise: str | None = "laplacian"

    def __post_init__(self) -> None:
        self._store(horizon=positive_horizon(self.horizon, "Constant"))
        self._check_normalise()

    def _regular(self, r: Array, dimension: int) -> Array:
        return namespace(r).ones_like(r)

    def _singularity(self, dimension: int) -> float:
        return 0.0

    def _length(self, dimension: int) -> float:
        return math.inf

    def _mass(self, dimension: int) -> float:
        return sphere_area(dimension) / dimension * self.horizon**dimension

    def _second_moment(self, dimension: int) -> float:
        return self._mass(dimension) * self.horizon**2 / (dimension + 2)

    def _tail_mass(self, radius: Array, dimension: int) -> Array:
        return sphere_area(dimension) / dimension * (self.horizon**dimension - radius**dimension)

    def _symbol(self, k: Array, dimension: int) -> Array:
        mass, delta = self._mass(dimension), self.horizon
        return on_host(lambda q: -mass * (q * delta) ** 2 * deficit(q * delta, dimension + 2), k)

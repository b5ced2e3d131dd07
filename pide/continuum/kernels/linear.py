"""Linear (hat) kernel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from pide.arrays import Array
from pide.continuum.constants import sphere_area
from pide.continuum.kernels.base import Kernel
from pide.continuum.kernels.parameters import on_host, positive_horizon
from pide.continuum.kernels.spherical import power_deficit

__all__ = ["Linear"]


@final
@dataclass(frozen=True, eq=False)
class Linear(Kernel):
    """gamma(r) = C (1 - r / delta) for r < delta.

    Parameters
    ----------
    horizon : float, unit length
        delta > 0.
    normalise : "laplacian" (default), "mass" or None
        C = 2 n (n + 2) (n + 3) / (|S^{n-1}| delta^{n+2}), C = n (n + 1) / (|S^{n-1}| delta^n) or C = 1.

    Notes
    -----
    mass = C |S^{n-1}| delta^n / (n (n + 1)). The symbol is the difference of the symbols of r^0 and r^1 / delta on
    the ball, each a 2F3 function of k delta (see `spherical.power_deficit`); for n = 1 it is
    -mass (1 - 2 (1 - cos x) / x^2), x = k delta. Relative accuracy about 1e-14.

    References
    ----------
    B. Alali, N. Albin, Fourier multipliers for nonlocal Laplace operators, Appl. Anal. 100 (2021) 2526-2546.

    >>> float(Linear(horizon=0.5, normalise=None)(0.25, dimension=2))
    0.5
    """

    horizon: float
    normalise: str | None = "laplacian"

    def __post_init__(self) -> None:
        self._store(horizon=positive_horizon(self.horizon, "Linear"))
        self._check_normalise()

    def _regular(self, r: Array, dimension: int) -> Array:
        return 1 - r / self.horizon

    def _singularity(self, dimension: int) -> float:
        return 0.0

    def _length(self, dimension: int) -> float:
        return self.horizon

    def _mass(self, dimension: int) -> float:
        return sphere_area(dimension) * self.horizon**dimension / (dimension * (dimension + 1))

    def _second_moment(self, dimension: int) -> float:
        n = dimension
        return sphere_area(n) * self.horizon ** (n + 2) / (n * (n + 2) * (n + 3))

    def _tail_mass(self, radius: Array, dimension: int) -> Array:
        n, x = dimension, radius / self.horizon
        return self._mass(n) * (1 - x**n * (n + 1 - n * x))

    def _symbol(self, k: Array, dimension: int) -> Array:
        n, delta = dimension, self.horizon
        return on_host(
            lambda q: (
                -sphere_area(n)
                * q**2
                * delta ** (n + 2)
                * (power_deficit(q * delta, 0.0, n) - power_deficit(q * delta, -1.0, n))
            ),
            k,
        )

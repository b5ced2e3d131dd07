"""Kernel of the fractional Laplacian cut off at a horizon."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from pide.arrays import Array
from pide.continuum.constants import fractional_constant, sphere_area
from pide.continuum.kernels.parameters import host_number, on_host, order, positive_horizon
from pide.continuum.kernels.power_law import power_law_symbol, power_law_tail
from pide.continuum.kernels.singular import SingularKernel

__all__ = ["TruncatedFractional"]


@final
@dataclass(frozen=True, eq=False)
class TruncatedFractional(SingularKernel):
    """gamma(r) = C c_{n,s} r^{-n-2s} for r < delta.

    Parameters
    ----------
    s : float or 0-d array
        Order, 0 < s < 1.
    horizon : float, unit length
        delta > 0.
    normalise : None (default) or "laplacian"
        C = 1, so that -(-Delta)^s is the limit delta -> infinity; or C c_{n,s} = 4 n (1 - s) / (|S^{n-1}|
        delta^{2-2s}), so that Delta is the limit delta -> 0.

    Notes
    -----
    second moment = C c_{n,s} |S^{n-1}| delta^{2-2s} / (n (2 - 2s)), tail = C c_{n,s} |S^{n-1}|
    (R^{-2s} - delta^{-2s}) / (2s), and with x = k delta

        symbol = -second moment k^2 / 2  2F3(1, 1 - s; 2, (n+2)/2, 2 - s; -x^2 / 4)

    by `spherical.power_deficit`, relative accuracy about 1e-14 for every x; evaluated in NumPy, no gradient.

    References
    ----------
    B. Alali, N. Albin, Fourier multipliers for nonlocal Laplace operators, Appl. Anal. 100 (2021) 2526-2546.

    >>> TruncatedFractional(s=0.5, horizon=0.1, normalise="laplacian").singularity(dimension=2)
    3.0
    """

    s: float | Array
    horizon: float
    normalise: str | None = None

    def __post_init__(self) -> None:
        horizon = positive_horizon(self.horizon, "TruncatedFractional")
        self._store(s=order(self.s, "TruncatedFractional"), horizon=horizon)
        self._check_normalise()
        if self.normalise == "mass":
            self._refuse_normalisation()

    def _second_moment(self, dimension: int) -> Array:
        b = 2 - 2 * self.s
        return fractional_constant(dimension, self.s) * sphere_area(dimension) * self.horizon**b / (dimension * b)

    def _tail_mass(self, radius: Array, dimension: int) -> Array:
        c = fractional_constant(dimension, self.s) * sphere_area(dimension)
        return c * power_law_tail(radius, self.horizon, -2 * self.s)

    def _symbol(self, k: Array, dimension: int) -> Array:
        s = host_number(self.s, "s", "TruncatedFractional")
        c = fractional_constant(dimension, s)
        return on_host(lambda q: c * power_law_symbol(q, dimension + 2 * s, self.horizon, dimension), k)

"""Kernel of the fractional Laplacian."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, final

from pide.arrays import Array, namespace
from pide.continuum.constants import fractional_constant, sphere_area
from pide.continuum.kernels.parameters import order
from pide.continuum.kernels.singular import SingularKernel

__all__ = ["Fractional"]


@final
@dataclass(frozen=True, eq=False)
class Fractional(SingularKernel):
    """gamma(r) = c_{n,s} r^{-n-2s}, the kernel of -(-Delta)^s.

    Parameters
    ----------
    s : float or 0-d array
        Order, 0 < s < 1; alpha = 2 s is the order in the sense of Levy processes.
    normalise : None
        c_{n,s} is part of the kernel; mass and second moment are infinite, so nothing else can be normalised.

    Notes
    -----
    symbol = -|k|^{2s}, tail = c_{n,s} |S^{n-1}| R^{-2s} / (2s).

    References
    ----------
    M. Kwasnicki, Ten equivalent definitions of the fractional Laplace operator, Fract. Calc. Appl. Anal. 20 (2017).

    >>> float(Fractional(s=0.5).symbol(3.0, dimension=2))
    -3.0
    """

    s: float | Array
    normalise: str | None = None
    horizon: ClassVar[float] = math.inf  # type: ignore[misc]

    def __post_init__(self) -> None:
        self._store(s=order(self.s, "Fractional"))
        self._check_normalise()
        if self.normalise is not None:
            self._refuse_normalisation()

    def _second_moment(self, dimension: int) -> float:
        return math.inf

    def _tail_mass(self, radius: Array, dimension: int) -> Array:
        xp = namespace(radius)
        c = fractional_constant(dimension, self.s) * sphere_area(dimension) / (2 * self.s)
        inside = xp.where(radius > 0, radius, xp.ones_like(radius))
        return xp.where(radius > 0, c * inside ** (-2 * self.s), xp.full_like(radius, math.inf))

    def _symbol(self, k: Array, dimension: int) -> Array:
        return -(k ** (2 * self.s))

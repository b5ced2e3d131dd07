"""Exterior conditions: what v is outside Omega, where a nonlocal operator needs it.

With w the rates of jumps, (L v)(x) = int_Omega w (v(y) - v(x)) dy + exterior term.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from pide.arrays import Array

__all__ = ["Exterior", "Periodic", "Reflecting", "Value", "Zero"]


class Exterior:
    """A condition on the complement of Omega; one of `Periodic`, `Zero`, `Value`, `Reflecting`."""

    def __new__(cls, *args: object, **kwargs: object) -> Self:
        if cls is Exterior:
            raise TypeError("Exterior() is abstract: write Zero(), Value(g), Reflecting() or Periodic().")
        return super().__new__(cls)


@dataclass(frozen=True)
class Periodic(Exterior):
    """No exterior: Omega is a torus, and jumps wrap around."""


@dataclass(frozen=True)
class Zero(Exterior):
    """v = 0 outside Omega (volume constraint): the exterior kills, kappa(x) = int_{outside} w(x, y) dy."""


@dataclass(frozen=True)
class Reflecting(Exterior):
    """Jumps out of Omega are suppressed: integrals over Omega x Omega only, so kappa = 0 and mass is conserved.

    Notes
    -----
    For the fractional Laplacian this is the regional operator. It differs from the nonlocal Neumann condition
    of Dipierro, Ros-Oton and Valdinoci, in which the exterior carries values of its own.
    """


@dataclass(frozen=True)
class Value(Exterior):
    """v = g outside Omega (inhomogeneous volume constraint): adds int_{outside} w(x, y) g(y) dy to the zero condition.

    Parameters
    ----------
    g : callable, g(*x) -> array of the shape of the coordinates
        Data on the exterior collar, one coordinate array per axis.
    extent : float, optional, unit length
        g is taken as 0 farther than this from the bounding box of Omega. Needed for kernels of infinite horizon;
        otherwise the horizon decides.

    Raises
    ------
    TypeError
        If g is not callable.
    ValueError
        If `extent` is not positive and finite.
    """

    g: Callable[..., Array]
    extent: float | None = None

    def __post_init__(self) -> None:
        if not callable(self.g):
            raise TypeError(
                f"Value({type(self.g).__name__}): the exterior data is a function of the coordinates. "
                "Write Value(lambda x, y: x * y), or Zero() for v = 0."
            )
        if self.extent is not None and not 0 < self.extent < math.inf:
            raise ValueError(
                f"Value(extent={self.extent}): the extent is a positive length. "
                "Give the distance beyond which g may be taken as 0."
            )

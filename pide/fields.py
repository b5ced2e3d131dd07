"""Initial fields that a case file can name: functions u_0(*x) of the coordinates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Ball", "Bump", "Mode", "Uniform"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Uniform:
    """u_0(x) = value."""

    value: float = 1.0

    def __call__(self, *x: Floats) -> Floats:
        return np.full_like(x[0], self.value)


@dataclass(frozen=True)
class Bump:
    """u_0(x) = height exp(-|x - centre|^2 / width^2)."""

    centre: tuple[float, ...]
    width: float
    height: float = 1.0

    def __post_init__(self) -> None:
        _positive("Bump", "width", self.width)

    def __call__(self, *x: Floats) -> Floats:
        return np.asarray(self.height * np.exp(-_squared_distance(self.centre, x) / self.width**2))


@dataclass(frozen=True)
class Ball:
    """u_0(x) = height where |x - centre| < radius, else 0."""

    centre: tuple[float, ...]
    radius: float
    height: float = 1.0

    def __post_init__(self) -> None:
        _positive("Ball", "radius", self.radius)

    def __call__(self, *x: Floats) -> Floats:
        return np.where(_squared_distance(self.centre, x) < self.radius**2, self.height, 0.0)


@dataclass(frozen=True)
class Mode:
    """u_0(x) = height cos(k . x), an eigenfunction of every translation-invariant operator on R^n."""

    k: tuple[float, ...]
    height: float = 1.0

    def __call__(self, *x: Floats) -> Floats:
        _same_dimension("Mode", "k", self.k, x)
        return np.asarray(self.height * np.cos(sum(k * axis for k, axis in zip(self.k, x, strict=True))))


def _positive(name: str, parameter: str, value: float) -> None:
    if not value > 0:
        raise ValueError(f"{name}({parameter}={value}): needs {parameter} > 0, in the unit of the coordinates.")


def _same_dimension(name: str, parameter: str, value: tuple[float, ...], x: tuple[Floats, ...]) -> None:
    if len(value) != len(x):
        raise ValueError(f"{name}({parameter}={value}): needs {len(x)} numbers, one for each coordinate of the domain.")


def _squared_distance(centre: tuple[float, ...], x: tuple[Floats, ...]) -> Floats:
    _same_dimension("field", "centre", centre, x)
    return np.asarray(sum((axis - c) ** 2 for c, axis in zip(centre, x, strict=True)))

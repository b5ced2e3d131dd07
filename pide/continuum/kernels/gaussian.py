"""Gaussian kernel."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
import scipy.special

from pide.arrays import Array, as_float, like, namespace, to_host
from pide.continuum.kernels.base import Kernel
from pide.continuum.kernels.parameters import positive

__all__ = ["Gaussian"]


@final
@dataclass(frozen=True, eq=False)
class Gaussian(Kernel):
    """gamma(r) = C exp(-r^2 / w^2); note w^2, not 2 w^2.

    Parameters
    ----------
    width : float or 0-d array, unit length
        w > 0.
    normalise : "laplacian" (default), "mass" or None
        C = 4 / (w^2 (pi w^2)^{n/2}), C = (pi w^2)^{-n/2} or C = 1.

    Notes
    -----
    mass = C (pi w^2)^{n/2}, second moment = mass w^2 / 2, symbol = -mass (1 - exp(-k^2 w^2 / 4)),
    tail = mass Q(n/2, R^2 / w^2) with the regularised incomplete gamma function Q.

    References
    ----------
    Elementary Fourier transform; NIST DLMF 7.2, 8.2.

    >>> round(Gaussian(width=0.1).second_moment(dimension=2), 12)
    2.0
    """

    width: float | Array
    normalise: str | None = "laplacian"
    horizon: ClassVar[float] = math.inf  # type: ignore[misc]

    def __post_init__(self) -> None:
        self._store(width=positive(self.width, "width", "Gaussian"))
        self._check_normalise()

    def _regular(self, r: Array, dimension: int) -> Array:
        return namespace(r).exp(-((r / self.width) ** 2))

    def _singularity(self, dimension: int) -> float:
        return 0.0

    def _length(self, dimension: int) -> float:
        return as_float(self.width)

    def _mass(self, dimension: int) -> Array:
        return math.pi ** (dimension / 2) * self.width**dimension

    def _second_moment(self, dimension: int) -> Array:
        return self._mass(dimension) * self.width**2 / 2

    def _tail_mass(self, radius: Array, dimension: int) -> Array:
        xp = namespace(radius)
        x = radius / self.width
        if dimension == 2:
            return self._mass(2) * xp.exp(-(x**2))
        complement = _erfc(x)
        if dimension == 3:
            complement = complement + 2 / math.sqrt(math.pi) * x * xp.exp(-(x**2))
        return self._mass(dimension) * complement

    def _symbol(self, k: Array, dimension: int) -> Array:
        return self._mass(dimension) * namespace(k).expm1(-((k * self.width / 2) ** 2))


def _erfc(x: Array) -> Array:
    """Complementary error function, differentiable in namespaces that have it (torch)."""
    xp = namespace(x)
    return xp.erfc(x) if hasattr(xp, "erfc") else like(np.asarray(scipy.special.erfc(to_host(x))), x)

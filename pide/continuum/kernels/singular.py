"""What kernels with the singularity of the fractional Laplacian share."""

from __future__ import annotations

import math

from pide.arrays import Array, namespace
from pide.continuum.constants import fractional_constant
from pide.continuum.kernels.base import Kernel

__all__ = ["SingularKernel"]


class SingularKernel(Kernel):
    """gamma(r) = c_{n,s} r^{-n-2s} near 0: not integrable, with constant r^{n+2s} gamma unless a subclass varies it."""

    s: float | Array

    def _regular(self, r: Array, dimension: int) -> Array:
        return fractional_constant(dimension, self.s) * namespace(r).ones_like(r)

    def _singularity(self, dimension: int) -> Array:
        return dimension + 2 * self.s

    def _length(self, dimension: int) -> float:
        return math.inf

    def _mass(self, dimension: int) -> float:
        return math.inf

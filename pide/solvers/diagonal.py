"""Functions of a generator that Fourier modes diagonalise: f(L) u = F^{-1}[f(lambda) F u] on the torus."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pide.arrays import Array, device_key, fft_of, like, namespace
from pide.operators.base import Operator
from pide.spaces.grid import Grid

__all__ = ["DiagonalGenerator"]


@dataclass(frozen=True, eq=False)
class DiagonalGenerator:
    """A generator on the torus, by its eigenvalues.

    Parameters
    ----------
    space : Grid on a torus
    eigenvalues : array, rfftn layout of space.shape, unit 1/time
        lambda, real.
    """

    space: Grid
    eigenvalues: NDArray[np.float64]
    _cache: dict[Any, Array] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, generator: Operator) -> DiagonalGenerator | None:
        """The generator by its eigenvalues, or None when it is not diagonal."""
        symbol = generator.symbol()
        return None if symbol is None else cls(generator.space, symbol)

    def apply(self, f: Callable[[NDArray[np.float64]], NDArray[np.float64]], u: Array, key: Any = None) -> Array:
        """f(L) u; f(lambda) is kept per device when `key` names it."""
        xp, axes = namespace(u), tuple(range(-self.space.dimension, 0))
        fft = fft_of(xp)
        return fft.irfftn(fft.rfftn(u, axes=axes) * self._values(f, u, key), s=self.space.shape, axes=axes)

    def _values(self, f: Callable[[NDArray[np.float64]], NDArray[np.float64]], u: Array, key: Any) -> Array:
        if key is None:
            return like(f(self.eigenvalues), u)
        key = (key, *device_key(u))
        if key not in self._cache:
            self._cache[key] = like(f(self.eigenvalues), u)
        return self._cache[key]

"""Functions of an operator whose eigenvectors are Fourier modes, sines or cosines: f(A) u = B f(lambda) B^{-1} u."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pide.arrays import Array, device_key, fft_of, like, namespace
from pide.operators import transforms
from pide.spaces.grid import Grid

__all__ = ["Basis", "Diagonalisation", "from_modes", "to_modes"]

Basis = Literal["fourier", "sine", "half_sine", "cosine"]
"""Eigenvectors per axis, i = 0..N-1: e^{2 pi i k / N}; sin(pi (k+1)(i+1) / (N+1)) for nodes that leave out the ends;
sin(pi (k+1)(i+1/2) / N) and cos(pi k (i+1/2) / N) for cell centres."""


@dataclass(frozen=True, eq=False)
class Diagonalisation:
    """A real operator by its eigenvalues in a basis that a fast transform knows.

    Parameters
    ----------
    space : Grid
        On a torus for the basis "fourier", on a box for the others.
    eigenvalues : array, unit 1/time
        lambda, real: rfftn layout of space.shape for "fourier", shape space.shape for the others.
    basis : {"fourier", "sine", "half_sine", "cosine"}
    """

    space: Grid
    eigenvalues: NDArray[np.float64]
    basis: Basis = "fourier"
    _cache: dict[Any, Array] = field(default_factory=dict, init=False, repr=False)

    def apply(self, f: Callable[[NDArray[np.float64]], NDArray[np.float64]], u: Array, key: Any = None) -> Array:
        """f(A) u; f(lambda) is kept per device when `key` names it."""
        return from_modes(to_modes(u, self.space, self.basis) * self._values(f, u, key), self.space, self.basis)

    def scaled(self, factor: float) -> Diagonalisation:
        """That of factor * A."""
        return replace(self, eigenvalues=factor * self.eigenvalues)

    def _values(self, f: Callable[[NDArray[np.float64]], NDArray[np.float64]], u: Array, key: Any) -> Array:
        if key is None:
            return like(f(self.eigenvalues), u)
        key = (key, *device_key(u))
        if key not in self._cache:
            self._cache[key] = like(f(self.eigenvalues), u)
        return self._cache[key]


def to_modes(u: Array, space: Grid, basis: Basis) -> Array:
    """Coefficients of fields (..., *space.shape) in a basis, without normalisation."""
    n = space.dimension
    if basis == "fourier":
        return fft_of(namespace(u)).rfftn(u, axes=tuple(range(-n, 0)))
    forward = {
        "sine": transforms.sine_transform,
        "half_sine": transforms.half_sine_transform,
        "cosine": transforms.cosine_transform,
    }
    return forward[basis](u, n)


def from_modes(coefficients: Array, space: Grid, basis: Basis) -> Array:
    """Inverse of `to_modes`."""
    n = space.dimension
    if basis == "fourier":
        axes = tuple(range(-n, 0))
        return fft_of(namespace(coefficients)).irfftn(coefficients, s=space.shape, axes=axes)
    if basis == "sine":
        volume = math.prod(2.0 * (count + 1) for count in space.shape)
        return transforms.sine_transform(coefficients, n) / volume
    if basis == "half_sine":
        return transforms.inverse_half_sine_transform(coefficients, n)
    return transforms.inverse_cosine_transform(coefficients, n)

"""What diffusions given by products with a matrix share: the degree by the same product, and the adjoint.

Symbols: W (N, N) rates with any diagonal, s = W 1, m masses.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pide.arrays import Array, device_key, like
from pide.operators.base import Operator

__all__ = ["ProductDiffusion", "Transposed"]

Floats = NDArray[np.float64]

_SWAPPED = {"kills_constants": "conserves_mass", "conserves_mass": "kills_constants"}
_KEPT = {"linear", "adjoint", "translation_invariant", "bounded_generator"}


class ProductDiffusion(Operator):
    """L v = W v - s v, without killing; s by the same product, so that L 1 is 0 to the last bit."""

    _cache: dict[Any, Any]

    def apply(self, u: Array) -> Array:
        v = self.space.compress(u)
        return self.space.expand(self._product(v) - self._sums(v) * v)

    @property
    @abstractmethod
    def degree(self) -> Floats:
        """d_i = sum_j W_ij, j != i, as a field."""

    @property
    def killing(self) -> Floats:
        """0 as a field."""
        return np.zeros(self.space.shape)

    def diagonal(self) -> Floats:
        return -self.degree

    @abstractmethod
    def _product(self, v: Array) -> Array:
        """W v over the last axis."""

    def _sums(self, v: Array) -> Array:
        """s like v."""
        key = ("sums", *device_key(v))
        if key not in self._cache:
            self._cache[key] = self._product(like(np.ones(self.space.count), v))
        return self._cache[key]


@dataclass(frozen=True, eq=False, repr=False)
class Transposed(Operator):
    """Adjoint in the inner product of the masses, M^-1 L^T M, of an operator whose diagonal and spectrum it has.

    Parameters
    ----------
    forward : Operator
        L.
    act : callable
        The adjoint on fields.
    """

    forward: Operator
    act: Callable[[Array], Array]
    load: Array | None = None

    @property
    def space(self) -> Any:  # type: ignore[override]
        return self.forward.space

    @property
    def claims(self) -> frozenset[str]:  # type: ignore[override]
        return (self.forward.claims & _KEPT) | {_SWAPPED[name] for name in self.forward.claims & _SWAPPED.keys()}

    @property
    def notes(self) -> tuple[str, ...]:  # type: ignore[override]
        return self.forward.notes

    @property
    def adjoint(self) -> Operator:
        return self.forward

    def diagonal(self) -> Floats:
        return self.forward.diagonal()

    def spectral_bound(self) -> float:
        """That of the forward operator, which has the same eigenvalues."""
        return self.forward.spectral_bound()

    def rate_bound(self) -> float:
        """max_i (d_i + kappa_i) of the forward operator: the adjoint has the same diagonal."""
        return self.forward.rate_bound()

    def apply(self, u: Array) -> Array:
        return self.act(u)

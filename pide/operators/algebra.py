"""Multiples, sums and compositions of discrete operators; claims that the algebra cannot justify are dropped."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pide.arrays import Array
from pide.operators.base import Operator
from pide.operators.diagonalisation import Diagonalisation
from pide.spaces.grid import Grid

__all__ = ["Composition", "Multiple", "Sum", "add", "scale"]

_OPPOSITE = {
    "negative_semidefinite": "positive_semidefinite",
    "positive_semidefinite": "negative_semidefinite",
}
_SIGN_FREE = frozenset(
    {"linear", "self_adjoint", "adjoint", "kills_constants", "conserves_mass", "translation_invariant"}
)
"""Claims that hold for every linear combination of operators that have them."""


@dataclass(frozen=True, eq=False)
class Multiple(Operator):
    """factor * A. A negative factor swaps the two signs of definiteness; without one it voids claims about rates."""

    factor: float
    operator: Operator

    @property
    def space(self) -> Grid:  # type: ignore[override]
        return self.operator.space

    @property
    def claims(self) -> frozenset[str]:  # type: ignore[override]
        if self.factor > 0:
            return self.operator.claims
        if self.factor < 0 and self.operator.definiteness:
            return frozenset(_OPPOSITE.get(name, name) for name in self.operator.claims)
        if self.factor < 0:
            return self.operator.claims & (_SIGN_FREE | {"bounded_generator", "hilbert_schmidt"})
        return self.operator.claims & _SIGN_FREE

    @property
    def notes(self) -> tuple[str, ...]:  # type: ignore[override]
        return (f"factor {self.factor:g}", *self.operator.notes)

    @property
    def load(self) -> Array | None:  # type: ignore[override]
        return None if self.operator.load is None else self.factor * self.operator.load

    @property
    def adjoint(self) -> Operator:
        return scale(self.operator.adjoint, self.factor)

    @property
    def degree(self) -> NDArray[np.float64]:
        """|factor| d."""
        return abs(self.factor) * _field(self.operator, "degree")

    @property
    def killing(self) -> NDArray[np.float64]:
        """|factor| kappa."""
        return abs(self.factor) * _field(self.operator, "killing")

    def apply(self, u: Array) -> Array:
        return self.factor * self.operator.apply(u)

    def diagonal(self) -> NDArray[np.float64]:
        return self.factor * self.operator.diagonal()

    def spectral_bound(self) -> float:
        return abs(self.factor) * self.operator.spectral_bound()

    def rate_bound(self) -> float:
        return abs(self.factor) * self.operator.rate_bound()

    def symbol(self) -> NDArray[np.float64] | None:
        return _times(self.factor, self.operator.symbol())

    def diagonalisation(self) -> Diagonalisation | None:
        known = self.operator.diagonalisation()
        return None if known is None else known.scaled(self.factor)

    def dirichlet_symbol(self) -> NDArray[np.float64] | None:
        return _times(self.factor, self.operator.dirichlet_symbol())

    def cosine_symbol(self) -> NDArray[np.float64] | None:
        return _times(self.factor, self.operator.cosine_symbol())


@dataclass(frozen=True, eq=False)
class Sum(Operator):
    """A_1 + ... + A_m on one space.

    Claims shared by all terms survive when the terms are semidefinite of one sign, or generators by the signs of their
    rates, because they are then statements about sums of rates and killings; otherwise only those that survive every
    linear combination do.
    """

    terms: tuple[Operator, ...]

    @property
    def space(self) -> Grid:  # type: ignore[override]
        return self.terms[0].space

    @property
    def claims(self) -> frozenset[str]:  # type: ignore[override]
        shared = frozenset.intersection(*(term.claims for term in self.terms))
        signs = {_orientation(term) for term in self.terms}
        return shared if len(signs) == 1 and 0 not in signs else shared & _SIGN_FREE

    @property
    def notes(self) -> tuple[str, ...]:  # type: ignore[override]
        return tuple(f"term {k}: {note}" for k, term in enumerate(self.terms, 1) for note in term.notes)

    @property
    def load(self) -> Array | None:  # type: ignore[override]
        loads = [term.load for term in self.terms if term.load is not None]
        return sum(loads[1:], start=loads[0]) if loads else None

    @property
    def adjoint(self) -> Operator:
        return self if "self_adjoint" in self.claims else Sum(tuple(term.adjoint for term in self.terms))

    @property
    def degree(self) -> NDArray[np.float64]:
        """Sum of the degrees."""
        return np.asarray(sum(_field(term, "degree") for term in self.terms))

    @property
    def killing(self) -> NDArray[np.float64]:
        """Sum of the killing rates."""
        return np.asarray(sum(_field(term, "killing") for term in self.terms))

    def apply(self, u: Array) -> Array:
        total = self.terms[0].apply(u)
        for term in self.terms[1:]:
            total = total + term.apply(u)
        return total

    def diagonal(self) -> NDArray[np.float64]:
        return np.asarray(sum(term.diagonal() for term in self.terms))

    def spectral_bound(self) -> float:
        """Triangle inequality for self-adjoint terms."""
        return sum(term.spectral_bound() for term in self.terms)

    def rate_bound(self) -> float:
        return sum(term.rate_bound() for term in self.terms)

    def symbol(self) -> NDArray[np.float64] | None:
        return _total([term.symbol() for term in self.terms])

    def diagonalisation(self) -> Diagonalisation | None:
        """That of the sum, when one basis diagonalises all terms."""
        known = [found for term in self.terms if (found := term.diagonalisation()) is not None]
        if len(known) < len(self.terms) or len({found.basis for found in known}) > 1:
            return None
        return replace(known[0], eigenvalues=np.asarray(sum(found.eigenvalues for found in known)))

    def dirichlet_symbol(self) -> NDArray[np.float64] | None:
        return _total([term.dirichlet_symbol() for term in self.terms])

    def cosine_symbol(self) -> NDArray[np.float64] | None:
        return _total([term.cosine_symbol() for term in self.terms])


@dataclass(frozen=True, eq=False)
class Composition(Operator):
    """A B: first B, then A. Only linearity is inherited; (A B)* = B* A*."""

    first: Operator
    second: Operator
    load: Array | None = None

    def __post_init__(self) -> None:
        _check_common_space((self.first, self.second))

    @property
    def space(self) -> Grid:  # type: ignore[override]
        return self.first.space

    @property
    def claims(self) -> frozenset[str]:  # type: ignore[override]
        return self.first.claims & self.second.claims & {"linear", "kills_constants", "translation_invariant"}

    @property
    def notes(self) -> tuple[str, ...]:  # type: ignore[override]
        return (*self.first.notes, *self.second.notes)

    @property
    def adjoint(self) -> Operator:
        return Composition(self.second.adjoint, self.first.adjoint)

    def apply(self, u: Array) -> Array:
        return self.first.apply(self.second.apply(u))

    def spectral_bound(self) -> float:
        return self.first.spectral_bound() * self.second.spectral_bound()

    def symbol(self) -> NDArray[np.float64] | None:
        symbols = self.first.symbol(), self.second.symbol()
        return None if symbols[0] is None or symbols[1] is None else symbols[0] * symbols[1]


def scale(A: Operator, factor: float) -> Operator:
    """factor * A, with nested factors multiplied."""
    if isinstance(A, Multiple):
        return scale(A.operator, factor * A.factor)
    return A if factor == 1.0 else Multiple(float(factor), A)


def add(*terms: Operator) -> Operator:
    """Sum of operators on one space, nested sums flattened.

    Raises
    ------
    ValueError
        If the operators live on different spaces.
    """
    _check_common_space(terms)
    return Sum(tuple(part for term in terms for part in (term.terms if isinstance(term, Sum) else (term,))))


def _check_common_space(terms: tuple[Operator, ...]) -> None:
    if any(term.space is not terms[0].space for term in terms[1:]):
        raise ValueError(
            "operators on different spaces cannot be combined: make one grid and discretise every term on it, "
            "A.on(grid) + B.on(grid)."
        )


def _orientation(A: Operator) -> int:
    """-1 where A itself is the generator that its claims speak about, +1 where -A is, 0 where neither is known.

    Rates that are not symmetric have no definiteness, and their claims then speak about A itself.
    """
    return A.definiteness or (-1 if "nonnegative_rates" in A.claims else 0)


def _field(A: Operator, name: str) -> NDArray[np.float64]:
    value = getattr(A, name, None)
    if value is None:
        raise NotImplementedError(f"{type(A).__name__}: it has no {name}; only operators given by rates have one.")
    return np.asarray(value)


def _times(factor: float, symbol: NDArray[np.float64] | None) -> NDArray[np.float64] | None:
    return None if symbol is None else factor * symbol


def _total(symbols: list[NDArray[np.float64] | None]) -> NDArray[np.float64] | None:
    known = [symbol for symbol in symbols if symbol is not None]
    return np.asarray(sum(known)) if len(known) == len(symbols) else None

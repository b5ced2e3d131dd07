"""What the continuum says of a discrete operator: closed forms and partners it must agree with.

Symbols: h spacing, beta_j weight of the lattice offset j, z_j = j h, theta lattice frequency, s order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pide.arrays import Array
from pide.verification.claim import NotCheckableError

if TYPE_CHECKING:
    from pide.verification.subject import Subject

__all__ = ["NO_FACTS", "Facts"]

Field = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Facts:
    """Facts about an operator that are known without it; None where nothing is known.

    Parameters
    ----------
    spacing : tuple of float, optional
        h per axis.
    symbol : callable -> array in rfftn layout, optional
        Eigenvalues of A on the torus, real or complex, from a formula and not from the operator.
    lattice_symbol : callable theta -> float, optional
        Symbol of the weights on the infinite lattice at theta = (theta_1, ..., theta_n), from a formula.
    rate : float
        Sum of all weights on the infinite lattice, listed or not.
    lattice_error : float
        Bound of the part of the symbol beyond the listed weights, relative to their rate.
    trace_moment : float, optional
        sum_j beta_j |z_j|^2 of the continuum kernel, 2 n for L -> Delta.
    accuracy : float
        Stated relative accuracy of the weights.
    power : callable t -> Subject, optional
        The operator of order t of the same family; `order` is that of the subject.
    order : float, optional
        s.
    scaled : tuple (factor, Subject), optional
        The operator on the domain enlarged by 2, and the factor 2^{-2s} by which its values differ.
    isotropic : bool
        Whether reflections of the lattice, and exchanges of axes with equal spacing, commute with A.
    antiderivative : callable r -> array, optional
        In one dimension, F with F'' = k the kernel of a potential: its cell averages are second differences of F.
    positive_on_zero_mean : bool
        <A v, v> >= 0 for fields of zero mean.
    refuses : callable v -> array, optional
        The public call, which must raise ValueError for fields that have a mean.
    enlarged : tuple (Subject, embed, load, window), optional
        The operator on a domain that contains the collar; embed(v) is v in the window of the larger lattice, the data
        in the collar and zero beyond; load is what the data add to A v.
    larger : Subject, optional
        A subject with -<L v, v> at least as large for every v.
    partner : Subject, optional
        Another discretisation of the same operator with the same values, to the stated accuracy of the weights.
    stationary : array, optional
        A density pi > 0 that a jump process keeps: <A v, pi> = 0 for every v.
    pushforward, pullback : callable (x, v) -> array, optional
        Jacobian J(x) v and its transpose J(x)^T v, by automatic differentiation.
    """

    spacing: tuple[float, ...] | None = None
    symbol: Callable[[], NDArray[Any]] | None = None
    lattice_symbol: Callable[[Field], float] | None = None
    rate: float = 0.0
    lattice_error: float = 0.0
    trace_moment: float | None = None
    accuracy: float = 1e-10
    power: Callable[[float], Subject] | None = None
    order: float | None = None
    scaled: tuple[float, Subject] | None = None
    isotropic: bool = False
    antiderivative: Callable[[Field], Field] | None = None
    positive_on_zero_mean: bool = False
    refuses: Callable[[Array], Array] | None = None
    enlarged: tuple[Subject, Callable[[Field], Field], Field, tuple[slice, ...]] | None = None
    larger: Subject | None = None
    partner: Subject | None = None
    stationary: Field | None = None
    pushforward: Callable[[Array, Array], Array] | None = None
    pullback: Callable[[Array, Array], Array] | None = None

    def need(self, name: str) -> Any:
        """The fact, or NotCheckableError with the words of what is missing."""
        value = getattr(self, name)
        if value is None:
            raise NotCheckableError(f"no {name.replace('_', ' ')} is known for the subject")
        return value


NO_FACTS = Facts()
"""Nothing is known."""

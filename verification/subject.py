"""What a check sees of an operator: an apply, a space, claims, and whatever structure the operator exposes.

Symbols: A the operator, L = +-A the generator that is claimed to be <= 0, m masses, w_ij m_j rates, d degree,
kappa killing, N nodes inside the domain.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from pide.arrays import Array
from pide.claims import validate_claims
from pide.verification.claim import NotCheckableError, SubjectError
from pide.verification.estimate import DOUBLE, ROUNDOFF, ErrorModel, gamma
from pide.verification.facts import NO_FACTS, Facts
from pide.verification.rates import Rows
from pide.verification.samples import Draws

__all__ = ["Subject", "arithmetic", "call", "direct_sum", "inner", "largest_step", "norm"]

Field = NDArray[np.float64]
_PROBES = 20
LARGEST_DENSE = 1200
"""Largest number of unknowns for which checks see all rates (12 MB); above, they see the rows of drawn nodes."""


@dataclass(frozen=True, eq=False)
class Subject:
    """An operator A with the structure it exposes; what is None is not exposed, and its checks say "not checkable".

    Parameters
    ----------
    name : str
        Short, for test ids.
    apply : callable
        A on arrays of shape (..., *masses.shape).
    masses : array
        m_i > 0 at the nodes of the domain, 0 outside: <u, v> = sum_i m_i u_i v_i.
    claims : frozenset of str
    sign : int
        -1 if A <= 0, +1 if A >= 0, 0 if neither is known; L is -A for +1 and A otherwise.
    model : callable dtype -> ErrorModel, optional
        Error bound of the engine; None makes the subject a black box with the error model of a dense product.
    adjoint : callable, optional
        The adjoint in the inner product of the masses.
    rates : callable rows -> array (rows, N), optional
        w_ij m_j of L for i != j between inside nodes, by row numbers, rebuilt independently of `apply`.
    rates_error : float
        Bound of the error of one rate: 0 for weights, the accuracy of the inverse FFT for rates read off a symbol.
    degree, killing : arrays, optional
        d and kappa of L as fields.
    spectral_bound, rate_bound : callable -> float, optional
        Claimed upper bounds of lambda_max(-L) and of max(d + kappa).
    reach : tuple of int, optional
        Largest offset per axis at which A may couple nodes.
    octant : array, optional
        Weights of the nonnegative lattice offsets.
    kernel_norm : callable -> float, optional
        (sum_ij m_i m_j w_ij^2)^{1/2}.
    periodic : bool
        Whether lattice translations act on the fields.
    description : str
        What the report says below the name: space, scheme, engine.
    facts : Facts
        Closed forms and partners that the operator must agree with.
    """

    kind: ClassVar[str] = "operator"

    name: str
    apply: Callable[[Array], Array]
    masses: Field
    claims: frozenset[str] = frozenset()
    sign: int = 0
    model: Callable[[str], ErrorModel] | None = None
    adjoint: Callable[[Array], Array] | None = None
    rates: Callable[[Rows], Field] | None = None
    rates_error: float = 0.0
    degree: Field | None = None
    killing: Field | None = None
    spectral_bound: Callable[[], float] | None = None
    rate_bound: Callable[[], float] | None = None
    reach: tuple[int, ...] | None = None
    octant: Field | None = None
    kernel_norm: Callable[[], float] | None = None
    periodic: bool = False
    description: str = ""
    facts: Facts = NO_FACTS

    def __post_init__(self) -> None:
        validate_claims(self.claims)
        if not np.any(self.masses > 0):
            raise ValueError(f"Subject({self.name!r}): no positive mass. Give the quadrature weights of the nodes.")

    @property
    def inside(self) -> NDArray[np.bool_]:
        """Nodes of the domain."""
        return self.masses > 0

    @property
    def size(self) -> int:
        """N."""
        return int(np.count_nonzero(self.inside))

    @property
    def ones(self) -> Field:
        """1 inside, 0 outside."""
        return self.inside.astype(np.float64)

    @property
    def has_killing(self) -> bool:
        """Whether kappa is not identically 0; unknown killing counts as none."""
        return self.killing is not None and bool(np.any(self.killing != 0))

    def evaluate(self, v: Field, dtype: str, operator: Callable[[Array], Array] | None = None) -> Field:
        """fl(A v) in `dtype`, as float64.

        Raises
        ------
        SubjectError
            When A raises, or returns another shape, a complex or non-finite value.
        """
        y = call(self.apply if operator is None else operator, v.astype(dtype))
        if y.shape != v.shape:
            raise SubjectError(f"returned shape {y.shape}, needed {v.shape}")
        if not np.isrealobj(y):
            raise SubjectError(f"returned dtype {y.dtype}, needed a real one")
        if not np.all(np.isfinite(y)):
            raise SubjectError(f"returned {int(np.count_nonzero(~np.isfinite(y)))} NaN or infinite values")
        return np.asarray(y, dtype=np.float64)

    def generator(self, v: Field, dtype: str) -> Field:
        """fl(L v), L = -A where A >= 0."""
        y = self.evaluate(v, dtype)
        return -y if self.sign > 0 else y

    def errors(self, dtype: str) -> ErrorModel:
        """The engine's error model, or that of a black box (see `black_box`)."""
        if self.model is None:
            return black_box(self, dtype)
        model: ErrorModel = guarded(self.model, dtype)
        return model

    def rate_rows(self, draws: Draws, salt: str) -> tuple[Rows, Field]:
        """(row numbers, their rates): all rows of a small subject, else a drawn sample of them."""
        rates = self.need("rates")
        if self.size <= LARGEST_DENSE:
            rows = np.arange(self.size)
        else:
            rows = np.sort(draws.generator(salt).choice(self.size, size=draws.samples, replace=False))
        return rows, guarded(rates, rows)

    def need(self, attribute: str) -> Any:
        """The attribute, or NotCheckableError with the words of what is missing."""
        value = getattr(self, attribute)
        if value is None:
            raise NotCheckableError(f"the subject exposes no {attribute.replace('_', ' ')}")
        return value


def guarded(f: Callable[..., Any], *arguments: Any) -> Any:
    """f(*arguments) for a function of the subject's: anything it raises becomes a SubjectError."""
    try:
        return f(*arguments)
    except Exception as error:  # a subject may raise anything: the row must say so
        raise SubjectError(f"raised {type(error).__name__}: {error}") from error


def call(operator: Callable[[Array], Array], v: NDArray[Any]) -> NDArray[Any]:
    """operator(v) as a NumPy array."""
    return np.asarray(guarded(operator, v))


def inner(subject: Subject, u: Field, v: Field) -> float:
    """<u, v> by an exact sum of rounded products: error at most g_3 |u| |v| in float64."""
    inside = subject.inside
    return math.fsum((subject.masses[inside] * u[inside] * v[inside]).tolist())


def norm(subject: Subject, v: Field) -> float:
    """|v| in the inner product of the masses."""
    return math.sqrt(float(np.sum(subject.masses * v * v)))


def black_box(subject: Subject, dtype: str) -> ErrorModel:
    """Error model of an operator that exposes nothing: rounding like a product with its matrix, g_k |A|_F.

    k = max(N, 40 log2 4N per axis) covers direct sums and FFTs. |A|_F is bounded by 2 sqrt(N) times the largest
    |A z|/|z| of 20 Gaussian draws z; for a matrix of rank one, the worst case, that fails with probability 4e-9.
    """
    u = ROUNDOFF[dtype]
    largest = 0.0
    for sample in Draws(seed=0, samples=_PROBES, dtype=dtype).gaussians(subject.inside, "black box"):
        size = norm(subject, sample.values)
        largest = max(largest, norm(subject, subject.evaluate(sample.values, dtype)) / size)
    work = max(subject.size, sum(40 * math.log2(4 * n) for n in subject.masses.shape))
    scale = 2 * math.sqrt(subject.size) * largest * spread(subject)
    words = f"black box: g_{work + 2:.0f} times a measured bound of |A|_F"
    return ErrorModel(gamma(work + 2, u), scale, True, u, words)


def spread(subject: Subject) -> float:
    """sqrt(max m / min m): the price of passing between the Euclidean norm and that of the space."""
    masses = subject.masses[subject.inside]
    return math.sqrt(float(masses.max() / masses.min()))


def direct_sum(row_sums: Field, killing: Field, terms: int) -> Callable[[str], ErrorModel]:
    """Error model of an operator applied as a direct sum of `terms` products per row: componentwise g_{terms + 4}.

    `row_sums` are sum_j |w_ij| m_j and `killing` kappa_i at the inside nodes.
    """
    scale = float(np.max(2 * row_sums + np.abs(killing)))

    def model(dtype: str) -> ErrorModel:
        u = ROUNDOFF[dtype]
        return ErrorModel(gamma(terms + 4, u), scale, False, u, f"direct sum: g_{terms + 4} max(2 d + kappa)")

    return model


def largest_step(subject: Subject, bound: str, numerator: float) -> float:
    """numerator / bound, the largest step that the subject's bound allows; 1 for a bound 0, which allows every step.

    Raises
    ------
    SubjectError
        For a bound that is negative or not finite.
    """
    value = float(guarded(subject.need(bound)))
    if not 0 <= value < math.inf:
        raise SubjectError(f"has {bound.replace('_', ' ')} {value}, needed a finite nonnegative number")
    return numerator / value if value > 0 else 1.0


def arithmetic() -> float:
    """Relative rounding of the check itself: a handful of float64 operations per entry, sums by fsum."""
    return gamma(8, DOUBLE)

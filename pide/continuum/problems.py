"""Problems: a continuum operator, a domain, an exterior condition and data. Nothing here knows a grid.

Heat       u_t = L u + q,  L the member of {A, -A} that is <= 0
Evolution  u_t = A u + q(x, t) + f(u, x, t), literally
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, ClassVar

from pide.arrays import Array
from pide.continuum.exterior import Exterior
from pide.continuum.ingredients import surroundings
from pide.continuum.operators import ContinuumOperator

__all__ = ["Evolution", "Heat", "PointwiseTerm", "Problem"]


@dataclass(frozen=True, eq=False)
class PointwiseTerm:
    """A function of position, and where wanted of the state and of time, with its arguments told apart by name.

    Parameters
    ----------
    f : callable
        A parameter named ``t`` receives the time. Of the others without default, a term with a state takes ``u`` alone
        or ``u, *x``; a term without one takes ``*x``.
    dimension : int
        Number of coordinates x.
    with_state : bool
        Whether the first argument is the state u.
    """

    f: Callable[..., Array]
    dimension: int
    with_state: bool

    @property
    def uses_time(self) -> bool:
        """Whether f has a parameter named t."""
        return "t" in _parameters(self.f)

    @property
    def uses_coordinates(self) -> bool:
        """Whether f takes the coordinates."""
        return not self.with_state or self._positions != 1

    @property
    def _positions(self) -> int | None:
        """Number of positional parameters without default other than t; None when f takes any number."""
        parameters = [p for name, p in _parameters(self.f).items() if name != "t"]
        if not parameters or any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in parameters):
            return None
        positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        return sum(p.kind in positional and p.default is inspect.Parameter.empty for p in parameters)

    def __call__(self, u: Array, x: tuple[Array, ...], t: float) -> Array:
        """Value of the term at the state u, the coordinates x and the time t."""
        state = (u,) if self.with_state else ()
        time = {"t": t} if self.uses_time else {}
        return self.f(*state, *(x if self.uses_coordinates else ()), **time)

    def check(self, name: str) -> None:
        """Raise unless the number of parameters fits.

        Raises
        ------
        TypeError
            When f is not callable, or takes a wrong number of arguments.
        """
        if not callable(self.f):
            raise TypeError(f"{name}={type(self.f).__name__}: a function is needed. Write {name}={self._example}.")
        allowed = {1, 1 + self.dimension} if self.with_state else {self.dimension}
        if self._positions is not None and self._positions not in allowed:
            raise TypeError(
                f"{name} with {self._positions} arguments besides t: needed are "
                f"{' or '.join(map(str, sorted(allowed)))} in dimension {self.dimension}. Write {name}={self._example}."
            )

    @property
    def _example(self) -> str:
        x = ", ".join("xyz"[: self.dimension])
        return "lambda u: u * (1 - u)" if self.with_state else f"lambda {x}: ..., or lambda {x}, t: ..."


@dataclass(frozen=True, eq=False)
class Problem(ABC):
    """An evolution equation in the continuum: operator, domain, initial data, exterior condition, source.

    Parameters
    ----------
    operator : ContinuumOperator or Operator
        A discrete operator, such as a graph Laplacian, brings its space, and with it domain and exterior.
    domain : Domain
        Not given with a discrete operator.
    initial : callable f(*x), array of shape (..., *grid.shape), or number
        u at t = 0. Arrays keep their library, dtype and device, and must be zero outside the domain.
    exterior : Exterior
        `Periodic()` on a torus, where it need not be given; elsewhere `Zero()`, `Value(g)` or `Reflecting()`.
    source : callable f(*x) or f(*x, t), array, number, or None
        q. A parameter named ``t`` makes it depend on time; then x and the result belong to the array library of u.
    """

    operator: ContinuumOperator | Any
    domain: Any = None
    _: KW_ONLY
    initial: Any
    exterior: Exterior | None = None
    source: Any = None

    def __post_init__(self) -> None:
        domain, exterior = surroundings(self._name, self.operator, self.domain, self.exterior)
        object.__setattr__(self, "domain", domain)
        object.__setattr__(self, "exterior", exterior)
        if self.source_term is not None:
            self.source_term.check("source")

    @property
    @abstractmethod
    def sign(self) -> int:
        """+1 when the generator is the operator itself, -1 when it is its negative."""

    @property
    @abstractmethod
    def reaction_term(self) -> PointwiseTerm | None:
        """f(u, x, t), or None."""

    @property
    def source_term(self) -> PointwiseTerm | None:
        """The source, where it is a function; None when it is an array, a number or absent."""
        return PointwiseTerm(self.source, self.domain.dimension, False) if callable(self.source) else None

    @property
    def _name(self) -> str:
        return type(self).__name__


class SemidefiniteProblem(Problem):
    """A linear problem whose generator L is the member of {A, -A} that is <= 0."""

    _advice: ClassVar[str]
    """What to write when neither is known to be."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.operator.definiteness not in (-1, 1):
            raise ValueError(
                f"{self._name}({type(self.operator).__name__}): the operator must be semidefinite of one sign, and "
                f"this one is indefinite or its sign is unknown{self._advice}"
            )

    @property
    def sign(self) -> int:
        """-(definiteness of A): the generator L = sign A is <= 0."""
        return -self.operator.definiteness

    @property
    def reaction_term(self) -> None:
        """None: the problem is linear."""
        return None


@dataclass(frozen=True, eq=False)
class Heat(SemidefiniteProblem):
    """u_t = L u + q with L the member of {A, -A} that is <= 0: heat flows downhill whatever the sign of A.

    Parameters
    ----------
    operator, domain, initial, exterior, source
        See `Problem`. The operator must be semidefinite: `NonlocalDiffusion` (<= 0), `FractionalLaplacian` (>= 0),
        and sums and multiples of one sign.

    Raises
    ------
    ValueError
        When neither A nor -A is known to be <= 0, or the exterior condition is missing or does not fit the domain.
    TypeError
        When the operator, the domain or the source is of another kind.

    Examples
    --------
    >>> import pide
    >>> heat = pide.Heat(pide.FractionalLaplacian(s=0.5), pide.Torus((1.0,)), initial=lambda x: x)
    >>> heat.sign, heat.exterior
    (-1, Periodic())
    """

    _advice: ClassVar[str] = ". To solve u_t = A u as it stands, use Evolution(A, domain, ...)."


@dataclass(frozen=True, eq=False)
class Evolution(Problem):
    """u_t = A u + q(x, t) + f(u, x, t), with the signs as they are written.

    Parameters
    ----------
    operator : ContinuumOperator
        A, any operator or sum. Parts that grow (A >= 0) are solved only where their kernel is integrable.
    domain, initial, exterior, source
        See `Problem`.
    reaction : callable or None
        f(u), f(u, *x), f(u, t=...) or f(u, *x, t): a parameter named ``t`` receives the time, the first one u. Arrays
        belong to the library of u.

    Raises
    ------
    TypeError, ValueError
        As for `Problem`, and when the reaction takes a wrong number of arguments.

    Examples
    --------
    >>> import pide
    >>> fisher = pide.Evolution(pide.Laplacian(), pide.Torus((1.0,)), initial=0.1, reaction=lambda u: u * (1 - u))
    >>> fisher.sign
    1
    """

    reaction: Callable[..., Array] | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.reaction_term is not None:
            self.reaction_term.check("reaction")

    @property
    def sign(self) -> int:
        """+1: the generator is A."""
        return 1

    @property
    def reaction_term(self) -> PointwiseTerm | None:
        """f, or None."""
        return None if self.reaction is None else PointwiseTerm(self.reaction, self.domain.dimension, True)


def _parameters(f: Any) -> dict[str, inspect.Parameter]:
    """Parameters of a function; none when it does not tell (NumPy ufuncs, some built-ins)."""
    try:
        return dict(inspect.signature(f).parameters)
    except (TypeError, ValueError):
        return {}

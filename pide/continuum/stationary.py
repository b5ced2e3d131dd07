"""Steady problems: A u = f in the domain, and A phi = lambda phi. Nothing here knows a grid."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any

from pide.continuum.exterior import Exterior, Value, Zero
from pide.continuum.ingredients import given_space, surroundings
from pide.continuum.operators import ContinuumOperator
from pide.continuum.problems import PointwiseTerm

__all__ = ["Eigen", "Stationary"]


@dataclass(frozen=True, eq=False)
class Stationary:
    """A u = f in the domain, literally: the sign of A is not changed.

    Parameters
    ----------
    operator : ContinuumOperator or Operator
        A, semidefinite of either sign. A discrete operator brings its space, and with it domain and exterior.
    domain : Domain
        Not given with a discrete operator.
    source : callable f(*x), array of shape (..., *grid.shape), or number
        Leading axes are right-hand sides, solved together. Arrays keep their library, dtype and device, and must be
        zero outside the domain.
    exterior : Exterior or None
        None means `Zero()`, and `Periodic()` on a torus. `Value(g)` sets u = g outside.

    Notes
    -----
    With `Reflecting()`, and on a torus, constants are in the kernel of nonlocal operators: then f must have mean zero,
    and u is the solution of mean zero.

    Raises
    ------
    TypeError, ValueError
        When the operator, the domain, the exterior condition or the source does not fit, or the source depends on time.

    Examples
    --------
    >>> import pide
    >>> pide.Stationary(pide.FractionalLaplacian(s=0.5), pide.Interval(-1, 1), source=1.0).exterior
    Zero()
    """

    operator: ContinuumOperator | Any
    domain: Any = None
    _: KW_ONLY
    source: Any
    exterior: Exterior | None = None

    def __post_init__(self) -> None:
        _surround("Stationary", self)
        if callable(self.source):
            term = PointwiseTerm(self.source, self.domain.dimension, False)
            term.check("source")
            if term.uses_time:
                raise ValueError(
                    "Stationary(source=...): the source has a parameter t, but a steady problem has no time. Write a "
                    "function of the coordinates alone, or solve Heat(A, domain, initial=..., source=...)."
                )


@dataclass(frozen=True, eq=False)
class Eigen:
    """A phi = lambda phi in the domain: the `count` eigenvalues of A nearest to 0, with their modes.

    Parameters
    ----------
    operator : ContinuumOperator or Operator
        A, semidefinite of either sign. A discrete operator brings its space, and with it domain and exterior.
    domain : Domain
        Not given with a discrete operator.
    count : int
        Number of eigenpairs.
    exterior : Exterior or None
        None means `Zero()`, and `Periodic()` on a torus. `Value(g)` makes no eigenvalue problem and is refused.

    Raises
    ------
    TypeError, ValueError
        When the operator, the domain, the exterior condition or the count does not fit.

    Examples
    --------
    >>> import pide
    >>> pide.Eigen(pide.FractionalLaplacian(s=0.5), pide.Interval(-1, 1), count=5).exterior
    Zero()
    """

    operator: ContinuumOperator | Any
    domain: Any = None
    _: KW_ONLY
    count: int
    exterior: Exterior | None = None

    def __post_init__(self) -> None:
        _surround("Eigen", self)
        if isinstance(self.exterior, Value):
            raise ValueError(
                "Eigen(exterior=Value(g)): eigenfunctions are multiples of one another, data in the exterior are not. "
                "Write exterior=Zero() or Reflecting()."
            )
        if isinstance(self.count, bool) or not isinstance(self.count, int) or self.count < 1:
            raise ValueError(f"Eigen(count={self.count!r}): a positive number of eigenpairs is needed. Write count=6.")


def _surround(name: str, problem: Any) -> None:
    """Complete domain and exterior of a problem under construction; `Zero()` where an exterior is needed."""
    exterior = problem.exterior
    if exterior is None and given_space(problem.operator) is None and not getattr(problem.domain, "periodic", True):
        exterior = Zero()
    domain, exterior = surroundings(name, problem.operator, problem.domain, exterior)
    object.__setattr__(problem, "domain", domain)
    object.__setattr__(problem, "exterior", exterior)

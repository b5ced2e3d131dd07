"""Steady problems: A u = f in the domain, and A phi = lambda phi. Nothing here knows a grid."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any

from pide.continuum.domains import Domain
from pide.continuum.exterior import Exterior, Value, Zero
from pide.continuum.ingredients import check_operator_and_domain, checked_exterior
from pide.continuum.operators import ContinuumOperator
from pide.continuum.problems import PointwiseTerm

__all__ = ["Eigen", "Stationary"]


@dataclass(frozen=True, eq=False)
class Stationary:
    """A u = f in the domain, literally: the sign of A is not changed.

    Parameters
    ----------
    operator : ContinuumOperator
        A, semidefinite of either sign.
    domain : Domain
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

    operator: ContinuumOperator
    domain: Domain
    _: KW_ONLY
    source: Any
    exterior: Exterior | None = None

    def __post_init__(self) -> None:
        check_operator_and_domain("Stationary", self.operator, self.domain)
        object.__setattr__(self, "exterior", _steady_exterior("Stationary", self.domain, self.exterior))
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
    operator : ContinuumOperator
        A, semidefinite of either sign.
    domain : Domain
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

    operator: ContinuumOperator
    domain: Domain
    _: KW_ONLY
    count: int
    exterior: Exterior | None = None

    def __post_init__(self) -> None:
        check_operator_and_domain("Eigen", self.operator, self.domain)
        if isinstance(self.exterior, Value):
            raise ValueError(
                "Eigen(exterior=Value(g)): eigenfunctions are multiples of one another, data in the exterior are not. "
                "Write exterior=Zero() or Reflecting()."
            )
        object.__setattr__(self, "exterior", _steady_exterior("Eigen", self.domain, self.exterior))
        if isinstance(self.count, bool) or not isinstance(self.count, int) or self.count < 1:
            raise ValueError(f"Eigen(count={self.count!r}): a positive number of eigenpairs is needed. Write count=6.")


def _steady_exterior(name: str, domain: Domain, exterior: Exterior | None) -> Exterior:
    return checked_exterior(name, domain, Zero() if exterior is None and not domain.periodic else exterior)

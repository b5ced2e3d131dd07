"""What every problem is made of, checked: an operator, continuum or discrete, a domain and an exterior condition."""

from __future__ import annotations

from typing import Any

from pide.continuum.domains import Domain
from pide.continuum.exterior import Exterior, Periodic
from pide.continuum.operators import ContinuumOperator

__all__ = ["check_operator_and_domain", "checked_exterior", "given_space", "surroundings"]


def check_operator_and_domain(name: str, operator: Any, domain: Any) -> None:
    """Raise unless the problem `name` was given a continuum operator and a domain.

    Raises
    ------
    TypeError
        With what to write instead.
    """
    if not isinstance(operator, ContinuumOperator):
        raise TypeError(
            f"{name}({type(operator).__name__}, ...): a continuum operator is needed. "
            "Write FractionalLaplacian(s=0.5), NonlocalDiffusion(kernel), or a sum of such."
        )
    if not isinstance(domain, Domain):
        raise TypeError(
            f"{name}(..., {type(domain).__name__}): a domain is needed, the grid comes later. "
            "Write Box(((-1, 1), (-1, 1))) here and solve(problem, on=domain.grid(64), ...)."
        )


def given_space(operator: Any) -> Any:
    """The space of an operator that is discrete already; None for continuum operators, which wait for a grid."""
    return None if isinstance(operator, ContinuumOperator) else getattr(operator, "space", None)


def surroundings(name: str, operator: Any, domain: Any, exterior: Any) -> tuple[Any, Exterior | None]:
    """Domain and exterior condition of the problem `name`, checked.

    A discrete operator brings both: its domain is that of its space, a graph being its own, and nothing is left to say
    about the exterior.

    Raises
    ------
    TypeError, ValueError
        With what to write instead.
    """
    space = given_space(operator)
    if space is None:
        check_operator_and_domain(name, operator, domain)
        return domain, checked_exterior(name, domain, exterior)
    own = getattr(space, "domain", None) or space
    if exterior is not None or (domain is not None and domain is not own and domain != own):
        raise ValueError(
            f"{name}({type(operator).__name__}, ...) with domain or exterior: a discrete operator has its space and "
            f"its exterior already. Write {name}(operator, initial=...), or give the continuum operator."
        )
    return own, None


def checked_exterior(name: str, domain: Domain, exterior: Any) -> Exterior:
    """The exterior condition, `Periodic()` on a torus.

    Raises
    ------
    ValueError
        When it is missing off the torus, given on the torus, or no exterior condition.
    """
    if domain.periodic:
        if exterior is None or isinstance(exterior, Periodic):
            return Periodic()
        raise ValueError(
            f"{name}(exterior={type(exterior).__name__}) on a torus: a torus has no exterior. Leave exterior out."
        )
    if not isinstance(exterior, Exterior) or isinstance(exterior, Periodic):
        raise ValueError(
            f"{name}(exterior={exterior!r}) on {type(domain).__name__}: a nonlocal operator needs "
            "to know u outside the domain. Write exterior=Zero(), Value(g) or Reflecting(); for a periodic box "
            "use Torus."
        )
    return exterior

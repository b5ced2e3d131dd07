"""Where the spectrum of a self-adjoint generator lies, from the signs and the certified bounds of its terms."""

from __future__ import annotations

from pide.operators.algebra import Multiple, Sum
from pide.operators.base import Operator

__all__ = ["spectral_interval", "terms"]


def terms(A: Operator) -> tuple[Operator, ...]:
    """The summands of A, each with its factor."""
    if isinstance(A, Sum):
        return tuple(part for term in A.terms for part in terms(term))
    if isinstance(A, Multiple) and isinstance(A.operator, Sum):
        return tuple(part for term in A.operator.terms for part in terms(Multiple(A.factor, term)))
    return (A,)


def spectral_interval(A: Operator) -> tuple[float, float]:
    """Ends of an interval that holds the spectrum of a self-adjoint A: a term <= 0 moves only the lower end.

    Notes
    -----
    Weyl's inequality: the extreme eigenvalues of a sum lie between the sums of the extreme eigenvalues.
    """
    parts = [(float(term.spectral_bound()), term.definiteness) for term in terms(A)]
    lower = -sum(rho for rho, sign in parts if sign <= 0)
    upper = sum(rho for rho, sign in parts if sign >= 0)
    rho = float(A.spectral_bound())
    sign = A.definiteness
    return (0.0 if sign > 0 else max(lower, -rho)), (0.0 if sign < 0 else min(upper, rho))

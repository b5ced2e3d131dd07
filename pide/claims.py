"""The vocabulary of claims: what a discrete operator may assert about itself.

A claim is a name with a statement in mathematics and its hypotheses. Operators carry a
frozenset of names; `pide.verification` measures and proves them. Here
(L v)_i = sum_j w_ij m_j (v_j - v_i) - kappa_i v_i, with masses m, <u, v> = sum_i m_i u_i v_i.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["CLAIMS", "Claim", "validate_claims"]


@dataclass(frozen=True)
class Claim:
    """A statement about a discrete operator A, or about L, the member of {A, -A} that is <= 0."""

    name: str
    statement: str
    hypotheses: str


_TABLE = (
    ("linear", "A(a u + b v) = a A u + b A v", "none"),
    ("self_adjoint", "<A u, v> = <u, A v>", "w symmetric"),
    ("adjoint", "<A u, v> = <u, A* v>", "an adjoint is supplied"),
    ("nonnegative_rates", "w_ij >= 0 for i != j and kappa_i >= 0", "kernel >= 0, monotone scheme"),
    ("kills_constants", "A 1 = 0", "kappa = 0"),
    ("conserves_mass", "<1, A v> = 0", "w symmetric, kappa = 0"),
    ("negative_semidefinite", "<A v, v> <= 0", "w symmetric and >= 0, kappa >= 0"),
    ("positive_semidefinite", "<A v, v> >= 0", "w symmetric and >= 0, kappa >= 0"),
    ("energy_decay", "|v + tau L v| <= |v| for 0 <= tau <= 2/lambda_max", "L self-adjoint and <= 0"),
    ("variance_decay", "Var(v + tau L v) <= Var(v) for 0 <= tau <= 2/lambda_max", "L self-adjoint and <= 0, kappa = 0"),
    ("maximum_principle", "min v <= v + tau L v <= max v (with 0 included when kappa != 0) for tau max(d + kappa) <= 1",
     "w >= 0, kappa >= 0"),
    ("markov", "P = I + tau L has entries >= 0 and rows that sum to 1, tau max d <= 1", "w >= 0, kappa = 0"),
    ("sub_markov", "P = I + tau L has entries >= 0 and rows that sum to at most 1, tau max(d + kappa) <= 1",
     "w >= 0, kappa >= 0"),
    ("bounded_generator", "sup_x int gamma(x, y) dy < infinity in the continuum", "integrable kernel"),
    ("hilbert_schmidt", "sum_ij m_i m_j w_ij^2 is bounded as h -> 0", "square-integrable kernel part"),
    ("translation_invariant", "A commutes with lattice translations", "torus, constant coefficients"),
)

CLAIMS: dict[str, Claim] = {name: Claim(name, statement, hypotheses) for name, statement, hypotheses in _TABLE}


def validate_claims(names: Iterable[str]) -> frozenset[str]:
    """The names as a frozenset.

    Raises
    ------
    ValueError
        If a name is not in the vocabulary `CLAIMS`.
    """
    names = frozenset(names)
    unknown = sorted(names - CLAIMS.keys())
    if unknown:
        raise ValueError(f"claims={unknown}: unknown names. Choose from {', '.join(sorted(CLAIMS))}.")
    return names

"""Claims that follow from structure: symmetric rates, their signs, and the absence of killing."""

from __future__ import annotations

from pide.continuum.exterior import Exterior, Periodic, Value, Zero

__all__ = ["kills", "pair_claims", "structural_claims"]


def kills(exterior: Exterior) -> bool:
    """Whether the exterior condition takes mass away: kappa is not identically zero."""
    return isinstance(exterior, (Zero, Value))


def structural_claims(
    exterior: Exterior,
    sign: int,
    *,
    nonnegative: bool = True,
    bounded: bool = False,
    square_integrable: bool = False,
    constant_coefficients: bool = True,
) -> frozenset[str]:
    """Claims that follow from symmetry of the rates, their signs, and the absence of killing."""
    mass_conserving = not kills(exterior)
    claims = {"linear", "self_adjoint", "adjoint"}
    if mass_conserving:
        claims |= {"kills_constants", "conserves_mass"}
    if isinstance(exterior, Periodic) and constant_coefficients:
        claims.add("translation_invariant")
    if bounded:
        claims.add("bounded_generator")
    if square_integrable:
        claims.add("hilbert_schmidt")
    if nonnegative:
        claims |= {"nonnegative_rates", "energy_decay", "maximum_principle", "sub_markov"}
        claims.add("negative_semidefinite" if sign < 0 else "positive_semidefinite")
        if mass_conserving:
            claims |= {"variance_decay", "markov"}
    return frozenset(claims)


def pair_claims(nonnegative: bool, symmetric: bool, killed: bool) -> frozenset[str]:
    """Claims of a matrix of pair rates, from their signs and symmetry and the absence of killing."""
    claims = {"linear", "adjoint"} | (set() if killed else {"kills_constants"})
    if nonnegative:
        claims |= {"nonnegative_rates", "maximum_principle", "sub_markov"} | (set() if killed else {"markov"})
    if symmetric:
        claims |= {"self_adjoint"} | (set() if killed else {"conserves_mass"})
    if symmetric and nonnegative:
        claims |= {"negative_semidefinite", "energy_decay"} | (set() if killed else {"variance_decay"})
    return frozenset(claims)

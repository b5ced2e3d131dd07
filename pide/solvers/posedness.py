"""Whether a flow depends continuously on its data: growth is allowed for bounded generators only."""

from __future__ import annotations

import math

from pide.arrays import namespace
from pide.errors import IllPosedError
from pide.operators.base import Operator
from pide.solvers.spectrum import terms
from pide.solvers.stepper import Flow

__all__ = ["check_backward", "check_forward", "rounding_note"]

_REASON = (
    "sup_x int gamma(x, y) dy is infinite in the continuum (the kernel is singular, or the operator is differential), "
    "so errors in the data grow without bound as h -> 0"
)


def check_backward(flow: Flow, span: float, tol: float) -> dict[str, str]:
    """What a run to t = span < 0 amplifies, in words.

    Raises
    ------
    IllPosedError
        When the generator is not claimed bounded, or e^{|t| lambda_max} times the unit roundoff exceeds tol.
    ValueError
        With a reaction or a time-dependent source.
    """
    if not flow.is_affine:
        raise ValueError(
            "solve backward in time with a reaction or a time-dependent source: only u_t = L u + b can be reversed "
            "here. Leave the reaction out, or give until > 0."
        )
    if not is_bounded(flow.generator):
        raise IllPosedError(
            f"solve to t={span:g}: {_REASON}. Backward solves exist for integrable kernels, such as "
            "kernels.Gaussian(width=...); otherwise give until > 0."
        )
    rate = flow.generator.spectral_bound()
    roundoff = 0.5 * float(namespace(flow.initial).finfo(flow.initial.dtype).eps)
    largest = math.log(max(tol / roundoff, 1.0)) / rate if rate else math.inf
    if abs(span) > largest:
        raise IllPosedError(
            f"solve to t={span:g}: rounding errors grow by e^(|t| lambda_max) = "
            f"1e{abs(span) * rate / math.log(10):.0f}, more than tol={tol:g} allows. "
            f"The largest |t| is {largest:.4g}; take it, or a larger tol."
        )
    return {"amplification": f"e^(|t| lambda_max) = {math.exp(abs(span) * rate):.3g} at t = {span:g}"}


def check_forward(flow: Flow) -> dict[str, str]:
    """What grows in a forward run, in words; nothing when the generator is <= 0.

    Raises
    ------
    IllPosedError
        When a part of the generator that is not bounded grows.
    """
    generator = flow.generator
    if generator.definiteness == -1 or is_bounded(generator):
        return {}
    if _grows_at_high_frequencies([term for term in terms(generator) if not is_bounded(term)]):
        raise IllPosedError(
            f"solve: u_t = A u grows at the highest frequencies, and {_REASON}. Change the sign of the operator, or "
            "use Heat(A, ...), which flows downhill; integrable kernels may grow."
        )
    return {}


def rounding_note(flow: Flow, span: float, tol: float) -> dict[str, str]:
    """Says when rounding may exceed tol: applies of relative error u perturb L by u rho, the flow by u rho |t|."""
    if not flow.is_self_adjoint:
        return {}
    info = namespace(flow.initial).finfo(flow.initial.dtype)
    rounding = 0.5 * float(info.eps) * float(flow.generator.spectral_bound()) * abs(span)
    if rounding <= tol:
        return {}
    return {"rounding": f"may reach u rho |t| = {rounding:.1e} > tol, u the unit roundoff of {flow.initial.dtype}"}


def is_bounded(A: Operator) -> bool:
    """Whether every part of A is claimed to be a bounded operator in the continuum."""
    return all("bounded_generator" in term.claims for term in terms(A))


def _grows_at_high_frequencies(unbounded: list[Operator]) -> bool:
    """Whether the sum of the terms is positive at the highest wavenumbers of a torus; elsewhere, whether a term is."""
    symbols = [term.symbol() for term in unbounded]
    known = [symbol for symbol in symbols if symbol is not None]
    if len(known) < len(unbounded):
        return any(term.definiteness > 0 for term in unbounded)
    highest = tuple(count // 2 for count in unbounded[0].space.shape)
    return sum(float(symbol[highest]) for symbol in known) > 0

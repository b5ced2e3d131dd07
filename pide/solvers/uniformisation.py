"""Exponentials of jump generators by uniformisation: only nonnegative terms, no cancellation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.special
from numpy.typing import NDArray

from pide.arrays import namespace
from pide.solvers.projection import require_affine
from pide.solvers.stepper import Flow, Report, Stepper, Trajectory

__all__ = ["Uniformisation", "density_stepper", "poisson_weights"]

_MOST_STEPS = 2e4


@dataclass(frozen=True)
class Uniformisation(Stepper):
    """u(t) = sum_k e^{-qt} (qt)^k / k! P^k u0 with P = I + L/q and q = max(d + kappa): a Poisson number of steps.

    Notes
    -----
    P has nonnegative entries, so densities stay nonnegative and functions within their extremes, to rounding; mass is
    conserved, or constants kept, as L does it. Truncation error at most tol in the norm that P does not increase: the
    l1 norm of densities, the maximum norm of functions. Applies: about q t + 6 sqrt(q t), shared by all output times;
    symmetric rates are cheaper by Lanczos. Gradients pass to u0.

    Raises
    ------
    ValueError
        For a generator of which neither it nor its adjoint claims nonnegative rates, loads, sources, reactions.

    References
    ----------
    Jensen 1953; Gross, Miller 1984.
    """

    def integrate(self, flow: Flow, times: Sequence[float], tol: float, report: Report) -> Trajectory:
        require_affine(self, flow)
        if times[-1] < 0 or flow.load is not None:
            raise ValueError(f"{self}: forward in time and without exterior data or source. Write stepper='auto'.")
        if not has_rates(flow):
            raise ValueError(
                f"{self}: neither the generator nor its adjoint claims nonnegative_rates. Write stepper='auto'."
            )
        q = float(flow.generator.rate_bound()) or 1.0
        weights = poisson_weights([q * t for t in times], tol)
        u = flow.initial
        states = [namespace(u).zeros_like(u) for _ in times]
        for k in range(weights.shape[1]):
            if k:
                u = u + flow.apply(u) / q
            states = [x + float(w) * u if w else x for x, w in zip(states, weights[:, k], strict=True)]
            report((k + 1) / weights.shape[1])
        return Trajectory(states, weights.shape[1] - 1, tol)


def has_rates(flow: Flow) -> bool:
    """Whether L or its adjoint is a generator of nonnegative rates."""
    generator = flow.generator
    if generator.definiteness > 0:
        return False
    return "nonnegative_rates" in generator.claims or "nonnegative_rates" in generator.adjoint.claims


def density_stepper(flow: Flow, span: float) -> tuple[Stepper, str] | None:
    """Uniformisation for rates that are not symmetric, up to a mean number of 20000 steps; None elsewhere."""
    steps = flow.generator.rate_bound() * span if has_rates(flow) else math.inf
    if flow.is_self_adjoint or not 0 < steps <= _MOST_STEPS:
        return None
    return Uniformisation(), f"rates that are not symmetric: about q t = {steps:.3g} steps keep the density >= 0"


def poisson_weights(means: Sequence[float], tol: float) -> NDArray[np.float64]:
    """e^{-m} m^k / k! for each mean m and k = 0, 1, ..., until all tails are below tol; rows rescaled to sum 1."""
    largest = max(means)
    k = np.arange(math.ceil(largest + 12 * math.sqrt(largest) + 40))
    tails = np.asarray([scipy.special.pdtrc(k, m) for m in means])
    count = 1 + int(np.max(np.argmax(tails <= 0.5 * tol, axis=1)))
    m = np.asarray(means)[:, None]
    logs = scipy.special.xlogy(k[:count], m) - m - scipy.special.gammaln(k[:count] + 1.0)
    weights = np.where(logs > math.log(1e-18), np.exp(logs), 0.0)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))

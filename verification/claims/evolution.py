"""Flows v -> E(t) v: positivity, rows, mass, decay, contraction, semigroup, generator, equilibrium, order.

Symbols: eps stated relative error of the flow in the norm of the space plus its rounding, 64 g (1 + 2 t lambda);
an entry is then wrong by at most eps |v| / min m^{1/2}. Hypotheses are the claims of the generator.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from pide.verification.claim import NotApplicableError, NotCheckableError, Trial, measures
from pide.verification.claims.flow import deviation
from pide.verification.claims.spectrum import symmetrised
from pide.verification.estimate import ROUNDOFF, gamma
from pide.verification.flows import FlowMap
from pide.verification.orders import observed_order
from pide.verification.samples import Draws, Sample
from pide.verification.subject import Subject, guarded, inner, norm

Field = NDArray[np.float64]


def require(flow: FlowMap, *claims: str) -> None:
    """NotApplicableError unless the generator makes the claims."""
    missing = sorted(set(claims) - flow.claims)
    if missing:
        raise NotApplicableError(f"the generator does not claim {', '.join(missing)}")


def accuracy(flow: FlowMap, draws: Draws) -> float:
    """eps."""
    bound = flow.operator.spectral_bound
    largest = float(guarded(bound)) if bound is not None else flow.operator.errors("float64").scale
    return flow.tolerance + 64 * gamma(1 + 2 * flow.until * largest, ROUNDOFF[draws.dtype])


def entrywise(subject: Subject, size: float, eps: float) -> float:
    """Bound of an entry's error for a field of norm `size`."""
    return eps * size / math.sqrt(float(np.min(subject.masses[subject.inside])))


@measures(
    "flow_positive", kind="flow", origin="L", statement="v >= 0 gives E(t) v >= 0",
    derivation="eps |v| / min m^{1/2}, over max |v|",
)  # fmt: skip
def flow_positive(flow: FlowMap, draws: Draws) -> Iterator[Trial]:
    require(flow, "nonnegative_rates")
    eps = accuracy(flow, draws)
    for v in draws.fields(flow.operator.inside, "flow_positive"):
        x = draws.round(np.abs(v.values))
        top = float(np.max(x)) or 1.0
        lowest = float(np.min(flow(x, draws.dtype)))
        yield Trial(max(-lowest, 0.0) / top, entrywise(flow.operator, norm(flow.operator, x), eps) / top, v.label)


@measures(
    "flow_rows", kind="flow", origin="L", statement="E(t) 1 = 1 without killing, <= 1 with killing",
    derivation="eps |1| / min m^{1/2}",
)  # fmt: skip
def flow_rows(flow: FlowMap, draws: Draws) -> Iterator[Trial]:
    require(flow, "nonnegative_rates")
    subject = flow.operator
    rows = flow(subject.ones, draws.dtype)[subject.inside] - 1.0
    excess = float(np.max(np.abs(rows) if "kills_constants" in flow.claims else np.maximum(rows, 0.0)))
    yield Trial(excess, entrywise(subject, norm(subject, subject.ones), accuracy(flow, draws)), "rows of E(t)")


@measures(
    "flow_mass", kind="flow", origin="L", statement="<1, E(t) v> = <1, v>",
    derivation="eps, over |1||v|",
)  # fmt: skip
def flow_mass(flow: FlowMap, draws: Draws) -> Iterator[Trial]:
    require(flow, "conserves_mass")
    subject, eps = flow.operator, accuracy(flow, draws)
    for v in draws.fields(subject.inside, "flow_mass"):
        scale = norm(subject, subject.ones) * norm(subject, v.values) or 1.0
        change = inner(subject, subject.ones, flow(v.values, draws.dtype) - v.values)
        yield Trial(abs(change) / scale, eps, v.label)


def decays(
    flow: FlowMap, draws: Draws, size: Callable[[Subject, Field], float], salt: str, eps: float
) -> Iterator[Trial]:
    """Trials of size(E(t) v) <= size(v), relative."""
    for v in (Sample("constant 1", flow.operator.ones), *draws.fields(flow.operator.inside, salt)):
        before = size(flow.operator, v.values)
        scale = max(before, 1e-3 * norm(flow.operator, v.values)) or 1.0
        growth = size(flow.operator, flow(v.values, draws.dtype)) - before
        allowance = eps * norm(flow.operator, v.values) / scale
        yield Trial(max(growth, 0.0) / scale, allowance + eps, v.label)


@measures("flow_energy", kind="flow", origin="L", statement="|E(t) v| <= |v|", derivation="2 eps, relative")
def flow_energy(flow: FlowMap, draws: Draws) -> Iterator[Trial]:
    require(flow, "energy_decay")
    return decays(flow, draws, norm, "flow_energy", accuracy(flow, draws))


@measures(
    "flow_variance", kind="flow", origin="L", statement="Var(E(t) v) <= Var(v), the mean weighted by the masses",
    derivation="eps (|v| / |v - mean v| + 1), relative",
)  # fmt: skip
def flow_variance(flow: FlowMap, draws: Draws) -> Iterator[Trial]:
    require(flow, "variance_decay")
    return decays(flow, draws, deviation, "flow_variance", accuracy(flow, draws))


@measures(
    "flow_contracts", kind="flow", origin="L", statement="E(t) contracts sum m |v| and max |v|",
    derivation="eps |v| times |1| for the sum, over min m^{1/2} for the maximum, relative",
)  # fmt: skip
def flow_contracts(flow: FlowMap, draws: Draws) -> Iterator[Trial]:
    require(flow, "nonnegative_rates", "self_adjoint")
    subject, eps = flow.operator, accuracy(flow, draws)
    for v in draws.fields(subject.inside, "flow_contracts"):
        after, size = flow(v.values, draws.dtype), norm(subject, v.values)
        sums = [float(np.sum(subject.masses * np.abs(x))) for x in (v.values, after)]
        tops = [float(np.max(np.abs(x))) for x in (v.values, after)]
        one = eps * size * norm(subject, subject.ones) / (sums[0] or 1.0)
        yield Trial(max(sums[1] - sums[0], 0.0) / (sums[0] or 1.0), one, f"{v.label}, sum m |v|")
        top = tops[0] or 1.0
        yield Trial(max(tops[1] - tops[0], 0.0) / top, entrywise(subject, size, eps) / top, f"{v.label}, max |v|")


@measures(
    "flow_reversible", kind="flow", origin="L", statement="<E(t) u, v> = <u, E(t) v>: m_i E_ij = m_j E_ji",
    derivation="2 eps, over |u||v|",
)  # fmt: skip
def flow_reversible(flow: FlowMap, draws: Draws) -> Iterator[Trial]:
    require(flow, "self_adjoint")
    subject, eps = flow.operator, accuracy(flow, draws)
    for u, v in draws.pairs(subject.inside, "flow_reversible"):
        scale = norm(subject, u.values) * norm(subject, v.values) or 1.0
        left = inner(subject, flow(u.values, draws.dtype), v.values)
        right = inner(subject, u.values, flow(v.values, draws.dtype))
        yield Trial(abs(left - right) / scale, 2 * eps, f"{u.label}, {v.label}")


@measures(
    "flow_semigroup", kind="flow", origin="L", statement="E(t) E(t) v = E(2t) v",
    derivation="4 eps, over |v|; the generator is dissipative",
)  # fmt: skip
def flow_semigroup(flow: FlowMap, draws: Draws) -> Iterator[Trial]:
    require(flow, "energy_decay")
    if flow.order is not None:
        raise NotApplicableError("a one-step method has an order instead")
    subject, eps = flow.operator, accuracy(flow, draws)
    for v in draws.fields(subject.inside, "flow_semigroup"):
        twice = flow(draws.round(flow(v.values, draws.dtype)), draws.dtype)
        once = flow(v.values, draws.dtype, 2 * flow.until)
        yield Trial(norm(subject, twice - once) / (norm(subject, v.values) or 1.0), 4 * eps, v.label)


@measures(
    "flow_generator", kind="flow", origin="L", statement="(E(tau) v - v) / tau -> L v as tau -> 0",
    derivation="c tau |L^2 v| + (eps + 8 u)|v| / tau + E(v), over |A||v|, tau = 2^-k / lambda, c = 1/2, 1 for steps",
)  # fmt: skip
def flow_generator(flow: FlowMap, draws: Draws) -> Iterator[Trial]:
    require(flow, "energy_decay", "self_adjoint")
    subject, eps = flow.operator, accuracy(flow, draws)
    errors, largest = subject.errors(draws.dtype), float(guarded(subject.need("spectral_bound"))) or 1.0
    for v, k in zip(draws.fields(subject.inside, "flow_generator"), (3, 5, 7) * draws.samples, strict=False):
        tau, size = 2.0**-k / largest, norm(subject, v.values)
        Lv = subject.generator(v.values, draws.dtype)
        curvature = norm(subject, subject.generator(draws.round(Lv), draws.dtype)) + errors.energy(norm(subject, Lv))
        quotient = (flow(v.values, draws.dtype, tau) - v.values) / tau
        scale = errors.scale * size or 1.0
        rounding = (eps + 8 * errors.roundoff) * size / tau + errors.energy(size)
        bound = (0.5 if flow.order is None else 1.0) * tau * curvature + rounding
        yield Trial(norm(subject, quotient - Lv) / scale, bound / scale, f"{v.label}, 2^-{k} / lambda")


@measures(
    "flow_equilibrium", kind="flow", origin="L",
    statement="|E(t) v - mean v| <= exp(-lambda_2 t) |v - mean v| for irreducible chains",
    derivation="eps |v| + lambda_2 from the matrix of the generator, relative error 1e-6; over |v|",
)  # fmt: skip
def flow_equilibrium(flow: FlowMap, draws: Draws) -> Iterator[Trial]:
    require(flow, "variance_decay", "nonnegative_rates")
    subject, eps = flow.operator, accuracy(flow, draws)
    values, modes = np.linalg.eigh(symmetrised(subject, Draws(draws.seed, draws.samples)))
    gap = -float(values[-2]) * (1 - 1e-6)
    if gap <= 1e-9 * float(np.abs(values).max()):
        raise NotApplicableError("the chain is reducible")
    slowest = np.zeros(subject.masses.shape)
    slowest[subject.inside] = modes[:, -2] / np.sqrt(subject.masses[subject.inside])
    for v in (Sample("slowest mode", draws.round(slowest)), *draws.fields(subject.inside, "flow_equilibrium")):
        before, size = deviation(subject, v.values), norm(subject, v.values) or 1.0
        after = deviation(subject, flow(v.values, draws.dtype))
        excess = max(after - math.exp(-gap * flow.until) * before, 0.0)
        yield Trial(excess / size, 2 * eps, f"{v.label}, lambda_2 = {gap:.4g}")


@measures(
    "flow_order", kind="flow", origin="A", statement="a one-step method of order p errs by O(tau^p)",
    derivation="stated order - observed order <= uncertainty of the slope + 0.05, steps tau, tau/2, tau/4, tau/8",
)  # fmt: skip
def flow_order(flow: FlowMap, draws: Draws) -> Iterator[Trial]:
    if flow.order is None:
        raise NotApplicableError("no order is stated")
    if flow.refined is None:
        raise NotCheckableError("the flow exposes no refinement of its step")
    subject = flow.operator
    values, modes = np.linalg.eigh(symmetrised(subject, Draws(draws.seed, draws.samples)))
    weights = np.exp(flow.until * values)
    smooth = np.exp(-3.0 * np.abs(values) / (np.abs(values).max() or 1.0))
    smooth *= draws.generator("flow_order").standard_normal(values.size)
    root = np.sqrt(subject.masses[subject.inside])
    v, exact = np.zeros(subject.masses.shape), np.zeros(subject.masses.shape)
    v[subject.inside], exact[subject.inside] = modes @ smooth / root, modes @ (weights * smooth) / root
    errors = [norm(subject, flow.refined(k)(v, "float64") - exact) for k in (1, 2, 4, 8)]
    if min(errors) == 0.0:
        raise NotCheckableError("the error is 0 on this sample")
    result = observed_order(errors, [1.0, 0.5, 0.25, 0.125])
    label = f"order {result.order:.3f} +- {result.uncertainty:.3f}"
    yield Trial(flow.order - result.order, result.uncertainty + 0.05, label)

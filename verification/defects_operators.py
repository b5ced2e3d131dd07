"""Mutants of advection, jump processes, orders that vary, potentials in the plane, clouds and graphs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pide.arrays import Array
from pide.continuum.advection import Advection
from pide.continuum.domains import Box, Interval, Torus
from pide.continuum.exterior import Reflecting, Zero
from pide.continuum.kernels import TwoPoint
from pide.continuum.operators import NonlocalDiffusion
from pide.continuum.potentials import LogPotential
from pide.continuum.variable_order import VariableOrderLaplacian
from pide.verification.adapters import as_subject
from pide.verification.defects import altered, product, rates_of
from pide.verification.honest_operators import VELOCITY
from pide.verification.mutants import mutant
from pide.verification.subject import Subject

__all__: list[str] = []

Field = NDArray[np.float64]
UPWIND, CENTRAL, JUMPS, VARIES = "upwind advection", "central advection", "jump process", "order that varies"
_PLANE = Torus((1.0, 1.0)).grid(12, 10)


def advected(s: Subject, velocity: tuple[float, float], scheme: str = "upwind") -> Subject:
    """Advection with another velocity under the facts of `s`."""
    return replace(as_subject(Advection(velocity).on(_PLANE, scheme=scheme)), facts=s.facts)


@mutant("differences downwind", UPWIND, "maximum_principle", "markov", "symbol")
def downwind(s: Subject) -> Subject:
    other = Advection((-VELOCITY[0], -VELOCITY[1])).on(_PLANE, scheme="upwind")
    return replace(s, apply=lambda v: -other.apply(v), adjoint=lambda v: -other.adjoint.apply(v))


@mutant("velocity of the opposite sign", UPWIND, "symbol")
def opposite_velocity(s: Subject) -> Subject:
    return advected(s, (-VELOCITY[0], -VELOCITY[1]))


@mutant("components of the velocity exchanged", CENTRAL, "symbol")
def exchanged_components(s: Subject) -> Subject:
    return advected(s, (VELOCITY[1], VELOCITY[0]), "central")


@mutant("central differences called monotone", CENTRAL, "maximum_principle", "nonnegative_rates", "markov")
def central_called_monotone(s: Subject) -> Subject:
    rate = 2 * sum(b / h for b, h in zip(VELOCITY, _PLANE.spacing, strict=True))
    claims = s.claims | {"maximum_principle", "nonnegative_rates", "markov"}
    return replace(s, claims=claims, rate_bound=lambda: rate)


@mutant("master equation taken for the generator", JUMPS, "kills_constants", "markov", "fast_equals_dense")
def transposed_generator(s: Subject) -> Subject:
    backward = s.adjoint
    assert backward is not None
    return replace(s, apply=backward, adjoint=s.apply)


@mutant("rates of jumps from y to x", JUMPS, "stationary_density")
def reversed_jumps(s: Subject) -> Subject:
    kernel = TwoPoint(lambda x, y: 4 * np.exp(-9 * (x[0] - y[0]) ** 2 + x[0]), symmetric=False)
    wrong = NonlocalDiffusion(kernel).on(Interval(0, 1).grid(32), exterior=Reflecting())
    return replace(as_subject(wrong), facts=s.facts)


@mutant("order of the departing node alone", VARIES, "symmetric_rates", "self_adjoint", "conserves_mass")
def departing_order(s: Subject) -> Subject:
    """r^(-(s_i - s_j)) is what exchanges the mean order of a pair for that of one node."""
    nodes = (np.argwhere(s.inside) + 0.5) / 8
    order = 0.2 + 0.6 * nodes[:, 0] * nodes[:, 1]
    r = np.linalg.norm(nodes[:, None] - nodes[None], axis=-1) + np.eye(64)
    K = s.need("rates")(np.arange(s.size)) * r ** (order[None, :] - order[:, None])
    L = product(K, K.sum(1))

    def apply(v: Array) -> Array:
        return -L(v.reshape(*v.shape[:-2], 64)).reshape(v.shape)

    return altered(s, apply, rates=lambda rows: K[rows], degree=K.sum(1).reshape(8, 8))


@mutant("order of half the size", "variable order", "agrees_with_partner")
def half_order(s: Subject) -> Subject:
    wrong = VariableOrderLaplacian(lambda x: 0.2 + 0.0 * x).on(Interval(-1, 1).grid(32), Zero())
    return replace(as_subject(wrong), facts=s.facts)


@mutant("h^n for h^{2s} in a potential", "riesz disc", "scaling")
def cell_volume_alone(s: Subject) -> Subject:
    factor, other = s.facts.need("scaled")
    wrong = replace(other, apply=lambda v: 2.0**0.8 * other.apply(v))
    return replace(s, facts=replace(s.facts, scaled=(factor, wrong)))


@mutant("one quadrant of a potential heavier", "riesz disc", "isotropic", "self_adjoint")
def heavier_quadrant(s: Subject) -> Subject:
    row, column = np.indices(s.masses.shape)
    weight = np.where((row < 7) & (column < 7), 1 + 1e-6, 1.0)
    return altered(s, lambda v: weight.astype(v.dtype) * s.apply(v))


@mutant("projection of the logarithm left out", "logarithm square", "kills_constants", "conserves_mass")
def projection_left_out(s: Subject) -> Subject:
    raw = LogPotential().on(Box(((0.0, 1.0), (0.0, 1.0))).grid(12))
    return altered(s, raw.apply)


@mutant("walk in the inner product of equal masses", "graph random walk", "self_adjoint", "symmetric_rates")
def plain_inner_product(s: Subject) -> Subject:
    return replace(s, masses=np.ones(s.size))


@mutant("edges of a graph counted twice", "graph combinatorial", "fast_equals_dense", "green_identity")
def edges_counted_twice(s: Subject) -> Subject:
    return altered(s, lambda v: 2 * s.apply(v))


@mutant("correction of near pairs by one of their points", "cloud fractional", "symmetric_rates", "self_adjoint")
def one_sided_correction(s: Subject) -> Subject:
    K, _ = rates_of(s)
    factor = 1 + 0.1 * np.linspace(-1, 1, s.size)[:, None]
    L = product(factor * K, (factor * K).sum(1) + s.need("killing"))
    return altered(s, lambda v: -L(v), rates=lambda rows: (factor * K)[rows], degree=(factor * K).sum(1))


@mutant("degree of another summation", "summed cloud", "kills_constants", "conserves_mass", "fast_equals_dense")
def degree_of_another_sum(s: Subject) -> Subject:
    error = 1e-6 * s.need("rates")(np.arange(s.size)).sum(1)
    return altered(s, lambda v: s.apply(v) - error.astype(v.dtype) * v)


@mutant("masses on the wrong side of a sum", "summed cloud", "self_adjoint", "conserves_mass", "fast_equals_dense")
def masses_on_the_wrong_side(s: Subject) -> Subject:
    m = s.masses
    K = s.need("rates")(np.arange(s.size)) / m[None, :] * m[:, None]
    return altered(s, product(K, K.sum(1)))

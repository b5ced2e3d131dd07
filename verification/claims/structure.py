"""Properties of operators that expose their rates: symmetry, degree, Green's identity, support, fast = dense.

Every operator with exposed rates must have them, whatever it claims. The dense matrix is built from the weights, not
from the operator's own apply. Above 1200 nodes the rows of drawn nodes stand for all.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from pide.verification.claim import NotApplicableError, NotCheckableError, Trial, measures
from pide.verification.estimate import DOUBLE, ErrorModel, gamma
from pide.verification.samples import Draws
from pide.verification.subject import Subject, inner, norm

Field = NDArray[np.float64]


def killing_of(subject: Subject) -> Field:
    """kappa at the inside nodes, 0 where none is exposed."""
    return np.zeros(subject.size) if subject.killing is None else subject.killing[subject.inside]


def rebuilt(subject: Subject, errors: ErrorModel) -> float:
    """Error of a sum over the rebuilt rates, relative to |A|: g_{N + 24}, and 3 sqrt(N) errors of a rate."""
    return gamma(subject.size + 24, DOUBLE) + 3 * math.sqrt(subject.size) * subject.rates_error / (errors.scale or 1.0)


@measures(
    "symmetric_rates", origin="E", statement="m_i (w_ij m_j) = m_j (w_ji m_i), bit for bit where masses are equal",
    derivation="0 for equal masses, g_2 otherwise; entrywise, relative, beyond twice the error of a rate",
)  # fmt: skip
def symmetric_rates(subject: Subject, draws: Draws) -> Iterator[Trial]:
    if "self_adjoint" not in subject.claims:
        raise NotApplicableError("self_adjoint is not claimed")
    rows, rates = subject.rate_rows(draws, "symmetric_rates")
    masses, flux = subject.masses[subject.inside][rows], rates[:, rows]
    equal = bool(np.all(masses == masses[0]))
    flux = flux if equal else masses[:, None] * flux
    scale = np.maximum(np.abs(flux), np.abs(flux.T))
    known = 2 * subject.rates_error * (1.0 if equal else float(masses.max()))
    beyond = np.maximum(np.abs(flux - flux.T) - known, 0.0)
    defect = np.divide(beyond, scale, out=np.zeros_like(flux), where=scale > 0)
    i, j = np.unravel_index(int(np.argmax(defect)), defect.shape)
    yield Trial(float(defect[i, j]), 0.0 if equal else gamma(4, DOUBLE), f"entry ({rows[i]}, {rows[j]})")


@measures(
    "degree_matches_killing", origin="T", statement="L 1 = -kappa",
    derivation="max |L 1 + kappa| <= E_max(1), over |A|",
)  # fmt: skip
def degree_matches_killing(subject: Subject, draws: Draws) -> Iterator[Trial]:
    killing = np.zeros(subject.masses.shape)
    killing[subject.inside] = subject.need("killing")[subject.inside]
    errors = subject.errors(draws.dtype)
    image = subject.generator(subject.ones, draws.dtype)
    scale = errors.scale or 1.0
    yield Trial(float(np.max(np.abs(image + killing))) / scale, errors.maximum(subject.ones) / scale, "constant 1")


@measures(
    "degree_sums_rates", origin="L", statement="d_i = sum_j w_ij m_j, with the rates rebuilt from the weights",
    derivation="E_max(1) of the apply that made d, + g_{N+24}, over |A|",
)  # fmt: skip
def degree_sums_rates(subject: Subject, draws: Draws) -> Iterator[Trial]:
    rows, rates = subject.rate_rows(draws, "degree_sums_rates")
    degree = subject.need("degree")[subject.inside][rows]
    errors = subject.errors("float64")
    sums = np.array([math.fsum(row) for row in rates.tolist()])
    bound = errors.maximum(subject.ones) / errors.scale + rebuilt(subject, errors)
    i = int(np.argmax(np.abs(degree - sums)))
    yield Trial(float(np.abs(degree - sums)[i]) / errors.scale, bound, f"row {rows[i]}")


@measures(
    "green_identity", origin="T", statement="-<L v, v> = 1/2 sum m_i w_ij m_j (v_i - v_j)^2 + sum m_i kappa_i v_i^2",
    derivation="E(v)|v| + E_max(1)|v|^2 of the apply, over |A||v|^2; the form and the rebuilt rates to g_{N+24}",
)  # fmt: skip
def green_identity(subject: Subject, draws: Draws) -> Iterator[Trial]:
    if "self_adjoint" not in subject.claims:
        raise NotApplicableError("self_adjoint is not claimed")
    rows, rates = subject.rate_rows(draws, "green_identity")
    if rows.size < subject.size:
        raise NotCheckableError(f"the double sum over {subject.size} nodes is too long")
    errors = subject.errors(draws.dtype)
    masses, killing = subject.masses[subject.inside], killing_of(subject)
    diagonal = errors.maximum(subject.ones)
    for v in draws.fields(subject.inside, "green_identity"):
        x = v.values[subject.inside]
        form = 0.5 * math.fsum((masses[:, None] * rates * (x[:, None] - x[None, :]) ** 2).sum(axis=1).tolist())
        form += math.fsum((masses * killing * x * x).tolist())
        size = norm(subject, v.values)
        scale = errors.scale * size**2 or 1.0
        value = -inner(subject, subject.generator(v.values, draws.dtype), v.values)
        bound = (errors.energy(size) * size + diagonal * size**2) / scale + rebuilt(subject, errors)
        yield Trial(abs(value - form) / scale, bound, v.label)


@measures(
    "fast_equals_dense", origin="L", statement="the fast apply agrees with the matrix built from the weights",
    derivation="|fl(Av) - Av| <= E(v) + |v|E_max(1), rebuilt rates to g_{N+24}, over |A||v|",
)  # fmt: skip
def fast_equals_dense(subject: Subject, draws: Draws) -> Iterator[Trial]:
    rows, rates = subject.rate_rows(draws, "fast_equals_dense")
    errors = subject.errors(draws.dtype)
    rate = np.array([math.fsum(row) for row in rates.tolist()]) + killing_of(subject)[rows]
    root = np.sqrt(subject.masses[subject.inside][rows])
    for v in draws.fields(subject.inside, "fast_equals_dense"):
        x = v.values[subject.inside]
        image = subject.generator(v.values, draws.dtype)[subject.inside][rows]
        size = norm(subject, v.values)
        scale = errors.scale * size or 1.0
        defect = float(np.linalg.norm(root * (image - (rates @ x - rate * x[rows]))))
        bound = (errors.energy(size) + errors.maximum(subject.ones) * size) / scale + rebuilt(subject, errors)
        yield Trial(defect / scale, bound, v.label)


@measures(
    "support", origin="L", statement="A couples no nodes beyond its reach, and does couple nodes at its reach",
    derivation="outside: E_max(e_j) over |A| for FFTs, 0 for direct sums; at the reach: 0",
)  # fmt: skip
def support(subject: Subject, draws: Draws) -> Iterator[Trial]:
    reach = subject.need("reach")
    errors = subject.errors(draws.dtype)
    shape = subject.masses.shape
    if any(2 * r + 1 > n for r, n in zip(reach, shape, strict=True)):
        raise NotApplicableError(f"a reach of {reach} nodes leaves nothing outside it on {shape} nodes")
    octant = subject.need("octant")
    for node in _central_nodes(subject, draws):
        v = np.zeros(shape)
        v[node] = 1.0
        image = np.abs(subject.evaluate(v, draws.dtype))
        offset = np.abs(np.indices(shape) - np.reshape(node, (-1,) + (1,) * len(shape)))
        if subject.periodic:
            offset = np.minimum(offset, np.reshape(shape, (-1,) + (1,) * len(shape)) - offset)
        outside = np.any(offset > np.reshape(reach, (-1,) + (1,) * len(shape)), axis=0)
        floor = errors.maximum(v) / errors.scale if errors.normwise else 0.0
        yield Trial(float(np.max(image[outside], initial=0.0)) / errors.scale, floor, f"impulse at {node}, outside")
    for axis, r in enumerate(reach):
        last = np.take(octant, octant.shape[axis] - 1, axis) if octant.shape[axis] == r + 1 else np.zeros(1)
        yield Trial(0.0 if np.any(last > 0) else 1.0, 0.0, f"weights at the reach {r} of axis {axis}")


def _central_nodes(subject: Subject, draws: Draws) -> list[tuple[int, ...]]:
    nodes = np.argwhere(subject.inside)
    chosen = draws.generator("support").integers(len(nodes), size=max(1, draws.samples // 4))
    return [tuple(map(int, nodes[k])) for k in chosen]


@measures(
    "zero_outside", origin="E", statement="A v vanishes at the nodes outside the domain",
    derivation="0",
)  # fmt: skip
def zero_outside(subject: Subject, draws: Draws) -> Iterator[Trial]:
    if np.all(subject.inside):
        raise NotApplicableError("every lattice node is inside the domain")
    for v in draws.fields(subject.inside, "zero_outside"):
        image = subject.evaluate(v.values, draws.dtype)
        yield Trial(float(np.max(np.abs(image[~subject.inside]))), 0.0, v.label)



"""Operators against closed forms: symbols, moments, scaling, powers, cell averages; and symmetry of the lattice.

Each check needs one of the subject's `facts`; the right-hand sides come from formulas, not from the operator.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from itertools import combinations

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from pide.verification.claim import NotApplicableError, Trial, measures
from pide.verification.estimate import DOUBLE, gamma
from pide.verification.samples import Draws
from pide.verification.subject import Subject, arithmetic, inner, norm

Field = NDArray[np.float64]


def multiplied(subject: Subject, symbol: Field, v: Field) -> Field:
    """F^{-1}[symbol F v]."""
    return np.asarray(scipy.fft.irfftn(symbol * scipy.fft.rfftn(v), v.shape))


@measures(
    "symbol", origin="L", statement="A e^{ikx} = m(k) e^{ikx} with m from its formula, on the torus",
    derivation="E(v) + (stated accuracy of the weights) |A||v| + the same error model for the reference, over |A||v|",
)  # fmt: skip
def symbol(subject: Subject, draws: Draws) -> Iterator[Trial]:
    exact = subject.facts.need("symbol")()
    errors, reference = subject.errors(draws.dtype), subject.errors("float64")
    for v in draws.fields(subject.inside, "symbol"):
        size = norm(subject, v.values)
        scale = errors.scale * size or 1.0
        defect = norm(subject, subject.evaluate(v.values, draws.dtype) - multiplied(subject, exact, v.values))
        bound = (errors.energy(size) + reference.energy(size)) / scale + subject.facts.accuracy
        yield Trial(defect / scale, bound, v.label)


@measures(
    "lattice_symbol", origin="L", statement="sum_j beta_j (1 - cos j.theta) + tail = m(theta) on the infinite lattice",
    derivation="stated bound of the part beyond the listed weights + stated accuracy, over the largest value",
)  # fmt: skip
def lattice_symbol(subject: Subject, draws: Draws) -> Iterator[Trial]:
    exact, octant = subject.facts.need("lattice_symbol"), subject.need("octant")
    rng = draws.generator("lattice_symbol")
    top = exact(np.full(octant.ndim, math.pi))
    for _ in range(draws.samples):
        theta = rng.uniform(0.5, math.pi, octant.ndim)
        value = even_symbol(octant, np.zeros(octant.ndim)) - even_symbol(octant, theta)
        rest = max(subject.facts.rate - even_symbol(octant, np.zeros(octant.ndim)), 0.0)
        error = abs(value + rest - exact(theta)) / top
        bound = subject.facts.lattice_error + subject.facts.accuracy
        yield Trial(error, bound, f"theta = {np.round(theta, 3).tolist()}")


def even_symbol(octant: Field, theta: Field) -> float:
    """sum over all signs of beta_j cos(j . theta), exact product form for even weights."""
    total: Field = octant
    for angle in theta:
        j = np.arange(total.shape[0])
        weights = np.where(j == 0, 1.0, 2.0) * np.cos(j * angle)
        total = np.tensordot(weights, total, axes=(0, 0))
    return float(total)


@measures(
    "second_moment", origin="L", statement="sum_j beta_j |z_j|^2 = int gamma |z|^2 dz, 2 n for kernels with L -> Delta",
    derivation="stated accuracy of the weights + g_{3m+6}, relative; hat functions reproduce |z|_1 exactly",
)  # fmt: skip
def second_moment(subject: Subject, draws: Draws) -> Iterator[Trial]:
    exact, octant = subject.facts.need("trace_moment"), subject.need("octant")
    h = subject.facts.need("spacing")
    j = np.indices(octant.shape)
    images = np.prod(np.where(j == 0, 1, 2), axis=0)
    squares = sum((k * length) ** 2 for k, length in zip(j, h, strict=True))
    value = math.fsum((octant * images * squares).ravel().tolist())
    bound = subject.facts.accuracy + gamma(3 * octant.size + 6, DOUBLE)
    yield Trial(abs(value / exact - 1.0), bound, f"{value:.12g} against {exact:.12g}")


@measures(
    "scaling", origin="T", statement="on the domain enlarged by 2, A is multiplied by 2^{-2s}",
    derivation="2 E(v) + 8 u |A||v|, over |A||v|; powers of two are exact in h",
)  # fmt: skip
def scaling(subject: Subject, draws: Draws) -> Iterator[Trial]:
    factor, other = subject.facts.need("scaled")
    errors = subject.errors(draws.dtype)
    for v in draws.fields(subject.inside, "scaling"):
        size = norm(subject, v.values)
        scale = errors.scale * size or 1.0
        defect = norm(subject, other.evaluate(v.values, draws.dtype) - factor * subject.evaluate(v.values, draws.dtype))
        bound = (2 * errors.energy(size) * factor) / scale + 8 * errors.roundoff + subject.facts.accuracy
        yield Trial(defect / scale, bound, f"{v.label}, factor {factor:.6g}")


@measures(
    "isotropic", origin="T",
    statement="A commutes with the reflections and the exchanges of equal axes that keep the domain",
    derivation="2 E(v) + 2 |v| E_max(1), over |A||v|",
)  # fmt: skip
def isotropic(subject: Subject, draws: Draws) -> Iterator[Trial]:
    motions = _motions(subject)
    if not subject.facts.isotropic or not motions:
        raise NotApplicableError("isotropy is not stated, or no motion of the lattice keeps the domain")
    errors = subject.errors(draws.dtype)
    for k, v in enumerate(draws.fields(subject.inside, "isotropic")):
        name, move = motions[k % len(motions)]
        size = norm(subject, v.values)
        scale = errors.scale * size or 1.0
        image = move(subject.evaluate(v.values, draws.dtype))
        defect = norm(subject, subject.evaluate(np.ascontiguousarray(move(v.values)), draws.dtype) - image)
        bound = 2 * (errors.energy(size) + errors.maximum(subject.ones) * size) / scale
        yield Trial(defect / scale, bound, f"{v.label}, {name}")


def _motions(subject: Subject) -> list[tuple[str, Callable[[Field], Field]]]:
    """Reflections, and exchanges of axes with equal spacing, under which the masses do not change."""
    n, spacing = subject.masses.ndim, subject.facts.spacing
    motions: list[tuple[str, Callable[[Field], Field]]] = [
        (f"reflected axis {a}", partial(np.flip, axis=a)) for a in range(n)
    ]
    for a, b in combinations(range(n), 2):
        if spacing is not None and spacing[a] == spacing[b]:
            motions.append((f"axes {a} and {b} exchanged", partial(np.swapaxes, axis1=a, axis2=b)))
    return [(name, move) for name, move in motions if np.array_equal(move(subject.masses), subject.masses)]


def centred(subject: Subject, v: Field) -> Field:
    """v minus its mean, inside the domain."""
    mean = float(np.sum(subject.masses * v) / np.sum(subject.masses))
    return np.where(subject.inside, v - mean, 0.0)


@measures(
    "powers_add", origin="L", statement="A^a A^b = A^s for a + b = s, negative orders on zero-mean fields included",
    derivation="E_s(v) + |A^a| E_b(v) + E_a(A^b v), over |A^s||v|, with the spectral norms of the members",
)  # fmt: skip
def powers_add(subject: Subject, draws: Draws) -> Iterator[Trial]:
    power, s = subject.facts.need("power"), subject.facts.need("order")
    for a in (s / 2, s / 4, s + 0.25):
        outer, inner_ = power(a), power(s - a)
        e_outer, e_inner, e = (x.errors(draws.dtype) for x in (outer, inner_, subject))
        for v in draws.fields(subject.inside, f"powers_add {a}"):
            x = draws.round(centred(subject, v.values))
            size = norm(subject, x)
            scale = e.scale * size or 1.0
            middle = inner_.evaluate(x, draws.dtype)
            composed = outer.evaluate(draws.round(middle), draws.dtype)
            defect = norm(subject, composed - subject.evaluate(x, draws.dtype))
            top = outer.need("spectral_bound")() if outer.spectral_bound else e_outer.scale
            rounding = e.energy(size) + top * (e_inner.energy(size) + e.roundoff * norm(subject, middle))
            bound = rounding + e_outer.energy(norm(subject, middle))
            mean = 2 * e.roundoff * math.sqrt(subject.size) * top * e_inner.scale * size
            yield Trial(defect / scale, (bound + mean) / scale, f"{v.label}, a = {a:g}, b = {s - a:g}")


@measures(
    "order_limits", origin="T", statement="|A_s v - A_1 v| -> 0 as s -> 1, and A_s v -> v - mean v as s -> 0",
    derivation="|m^s - m^r| <= |s - r| max(1, m_max) |log m|, largest over the wavenumbers; + E(v) of each",
)  # fmt: skip
def order_limits(subject: Subject, draws: Draws) -> Iterator[Trial]:
    power, exact = subject.facts.need("power"), subject.facts.need("symbol")()
    s = subject.facts.need("order")
    m = np.where(exact > 0, exact, 1.0) ** (1.0 / s)
    for limit, epsilon in ((1.0, 1e-3), (1.0, 1e-5), (0.0, 1e-3), (0.0, 1e-5)):
        near = power(abs(limit - epsilon))
        errors = near.errors(draws.dtype)
        spread = epsilon * float(np.max(np.maximum(m, 1.0) ** max(limit, epsilon) * np.abs(np.log(m))))
        target = np.where(exact > 0, m**limit, 0.0)
        for v in draws.fields(subject.inside, f"order_limits {limit}"):
            size = norm(subject, v.values)
            defect = norm(subject, near.evaluate(v.values, draws.dtype) - multiplied(subject, target, v.values))
            scale = errors.scale * size or 1.0
            bound = spread * size + 2 * errors.energy(size)
            yield Trial(defect / scale, bound / scale, f"{v.label}, s = {limit} -+ {epsilon}")


@measures(
    "cell_averages", origin="L", statement="beta_j = (F((j+1)h) - 2 F(jh) + F((j-1)h)) / h with F'' = k",
    derivation="32 u max|F| / h for the cancelling differences + stated accuracy, over the largest weight",
)  # fmt: skip
def cell_averages(subject: Subject, draws: Draws) -> Iterator[Trial]:
    F, octant = subject.facts.need("antiderivative"), subject.need("octant")
    (h,) = subject.facts.need("spacing")
    j = np.arange(octant.size)
    values = np.asarray(F(np.abs(np.arange(-1, octant.size + 1) * h)))
    exact = (values[2:] - 2 * values[1:-1] + values[:-2]) / h
    top = float(np.max(np.abs(exact)))
    rounding = 32 * DOUBLE * float(np.max(np.abs(values))) / h / top
    i = int(np.argmax(np.abs(octant - exact)))
    yield Trial(float(np.abs(octant - exact)[i]) / top, rounding + subject.facts.accuracy, f"offset {j[i]}")


@measures(
    "refuses_mean", origin="E", statement="fields of non-zero mean raise ValueError; fields of zero mean do not",
    derivation="0 violations",
)  # fmt: skip
def refuses_mean(subject: Subject, draws: Draws) -> Iterator[Trial]:
    public = subject.facts.need("refuses")
    for v in draws.fields(subject.inside, "refuses_mean"):
        largest = float(np.max(np.abs(v.values)))
        shifted, plain = v.values + subject.ones * (1.0 + 2 * largest), centred(subject, v.values)
        constant = float(np.max(np.abs(plain))) < 1e-6 * largest  # what is left of it is rounding, which has a mean
        for x, refused in ((shifted, True), *(() if constant else ((plain, False),))):
            wrong = raises_value_error(public, x) != refused
            yield Trial(float(wrong), 0.0, f"{v.label}, {'with' if refused else 'without'} a mean")


def raises_value_error(f: object, x: Field) -> bool:
    """Whether f(x) raises ValueError."""
    try:
        f(x)  # type: ignore[operator]
    except ValueError:
        return True
    return False


@measures(
    "volume_constraint", origin="L", statement="A v + load = A' applied to v inside and to the data in the collar",
    derivation="E(v) + E'(embedded v) + stated accuracy of the weights, over |A'||embedded v|",
)  # fmt: skip
def volume_constraint(subject: Subject, draws: Draws) -> Iterator[Trial]:
    whole, embed, load, window = subject.facts.need("enlarged")
    errors, others = subject.errors(draws.dtype), whole.errors(draws.dtype)
    for v in draws.fields(subject.inside, "volume_constraint"):
        x = draws.round(embed(v.values))
        affine = subject.evaluate(v.values, draws.dtype) + load
        defect = norm(subject, affine - whole.evaluate(x, draws.dtype)[window])
        size = norm(whole, x)
        scale = others.scale * size or 1.0
        rounding = errors.energy(norm(subject, v.values)) + others.energy(size) + errors.maximum(subject.ones) * size
        bound = (rounding + 4 * errors.roundoff * others.scale * size) / scale + subject.facts.accuracy
        yield Trial(defect / scale, bound, v.label)


@measures(
    "forms_compare", origin="T", statement="-<L v, v> <= -<L' v, v> for the operator L' with the larger rates",
    derivation="(E(v) + E'(v))|v| + (E_max(1) + E'_max(1))|v|^2, over |A'||v|^2, + g",
)  # fmt: skip
def forms_compare(subject: Subject, draws: Draws) -> Iterator[Trial]:
    larger: Subject = subject.facts.need("larger")
    models = [x.errors(draws.dtype) for x in (subject, larger)]
    for v in draws.fields(subject.inside, "forms_compare"):
        size = norm(subject, v.values)
        small, big = (-inner(subject, x.generator(v.values, draws.dtype), v.values) for x in (subject, larger))
        scale = models[1].scale * size**2 or 1.0
        rounding = sum(e.energy(size) * size + e.maximum(subject.ones) * size**2 for e in models)
        yield Trial(max(small - big, 0.0) / scale, rounding / scale + arithmetic(), v.label)


@measures(
    "agrees_with_partner", origin="L", statement="A v = A' v for another discretisation A' with the same values",
    derivation="E(v) + E'(v) + stated accuracy of the weights, over |A||v|",
)  # fmt: skip
def agrees_with_partner(subject: Subject, draws: Draws) -> Iterator[Trial]:
    partner: Subject = subject.facts.need("partner")
    models = [x.errors(draws.dtype) for x in (subject, partner)]
    for v in draws.fields(subject.inside, "agrees_with_partner"):
        size = norm(subject, v.values)
        scale = models[0].scale * size or 1.0
        defect = norm(subject, subject.evaluate(v.values, draws.dtype) - partner.evaluate(v.values, draws.dtype))
        rounding = sum(e.energy(size) + e.maximum(subject.ones) * size for e in models)
        yield Trial(defect / scale, rounding / scale + subject.facts.accuracy, v.label)


@measures(
    "stationary_density", origin="T", statement="<A v, pi> = 0 for the density pi that the process keeps",
    derivation="|pi| (E(v) + E_max(1)|v|) + (g_{N+24} + stated accuracy) |A||pi||v|, over |A||pi||v|",
)  # fmt: skip
def stationary_density(subject: Subject, draws: Draws) -> Iterator[Trial]:
    density = subject.facts.need("stationary")
    errors, weight = subject.errors(draws.dtype), norm(subject, density)
    for v in draws.fields(subject.inside, "stationary_density"):
        size = norm(subject, v.values)
        scale = errors.scale * weight * size or 1.0
        drift = inner(subject, subject.generator(v.values, draws.dtype), density)
        rounding = weight * (errors.energy(size) + errors.maximum(subject.ones) * size)
        bound = rounding / scale + gamma(subject.size + 24, DOUBLE) + subject.facts.accuracy
        yield Trial(abs(drift) / scale, bound, v.label)


@measures(
    "jacobian_transposed", origin="T", statement="<J(x) p, q> = <p, J(x)^T q>, both by automatic differentiation",
    derivation="(E(p)|q| + |p|E(q)) / (|Jp||q| + |p||J^T q|) + g, the model of a black box where none is given",
)  # fmt: skip
def jacobian_transposed(subject: Subject, draws: Draws) -> Iterator[Trial]:
    forward, backward = subject.facts.need("pushforward"), subject.facts.need("pullback")
    errors = subject.errors(draws.dtype)
    points, pairs = draws.gaussians(subject.inside, "point"), draws.pairs(subject.inside, "jacobian")
    for x, (p, q) in zip(points, pairs, strict=True):
        at = x.values.astype(draws.dtype)
        Jp = subject.evaluate(p.values, draws.dtype, partial(forward, at))
        Jq = subject.evaluate(q.values, draws.dtype, partial(backward, at))
        sizes = norm(subject, p.values), norm(subject, q.values)
        scale = norm(subject, Jp) * sizes[1] + sizes[0] * norm(subject, Jq)
        rounding = 2 * errors.energy(sizes[0]) * sizes[1]
        defect = abs(inner(subject, Jp, q.values) - inner(subject, p.values, Jq))
        yield Trial(defect / (scale or 1.0), rounding / (scale or 1.0) + arithmetic(), f"{p.label}, {q.label}")

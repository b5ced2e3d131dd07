"""Claims about the linear map A itself: linearity, adjoints, kernel, mass, sign.

Symbols: e error of one apply with |e(v)| <= E(v) (`ErrorModel`), g arithmetic of the check in float64, |.| norm of
the space, A~ = A + diag(delta) with |delta| <= E_max(1) for operators whose degree comes from their own apply.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pide.verification.claim import NotApplicableError, Trial, measures
from pide.verification.claims.spectrum import most_positive
from pide.verification.samples import Draws
from pide.verification.subject import Subject, arithmetic, inner, norm

COEFFICIENTS = ((1.0, 1.0), (2.0, -0.5), (-1.0, 4.0))


@measures(
    "linear", origin="T",
    derivation="|A(au+bv) - aAu - bAv| <= E(au+bv) + |a|E(u) + |b|E(v) + u |A||au+bv|, over |A|(|au|+|bv|)",
)  # fmt: skip
def linear(subject: Subject, draws: Draws) -> Iterator[Trial]:
    errors = subject.errors(draws.dtype)
    for k, (u, v) in enumerate(draws.pairs(subject.inside, "linear")):
        a, b = COEFFICIENTS[k % len(COEFFICIENTS)]
        combined = draws.round(a * u.values + b * v.values)
        images = [subject.evaluate(x, draws.dtype) for x in (combined, u.values, v.values)]
        defect = norm(subject, images[0] - a * images[1] - b * images[2])
        size = abs(a) * norm(subject, u.values) + abs(b) * norm(subject, v.values)
        scale = max(errors.scale * size, np.finfo(float).tiny)
        bound = errors.energy(norm(subject, combined) + size) + errors.roundoff * errors.scale * size
        yield Trial(defect / scale, bound / scale + arithmetic(), f"{a} ({u.label}) + {b} ({v.label})")


def adjoint_trials(subject: Subject, draws: Draws, claim: str) -> Iterator[tuple[Trial, float, float]]:
    """(trial, <A u, v>, <u, A* v>) over pairs, with A* = A for the claim "self_adjoint"."""
    other = subject.apply if claim == "self_adjoint" else subject.need("adjoint")
    errors = subject.errors(draws.dtype)
    for u, v in draws.pairs(subject.inside, claim):
        Au = subject.evaluate(u.values, draws.dtype)
        Bv = subject.evaluate(v.values, draws.dtype, other)
        left, right = inner(subject, Au, v.values), inner(subject, u.values, Bv)
        size_u, size_v = norm(subject, u.values), norm(subject, v.values)
        scale = norm(subject, Au) * size_v + size_u * norm(subject, Bv)
        rounding = errors.energy(size_u) * size_v + errors.energy(size_v) * size_u
        relative = (abs(left - right) / scale, rounding / scale + arithmetic()) if scale > 0 else (0.0, arithmetic())
        yield Trial(*relative, f"u = {u.label}, v = {v.label}"), left, right


def fitted_factor(claim: str, subject: Subject, draws: Draws) -> str:
    """The factor f of <u, A* v> = f <A u, v>, by least squares: a missing h^n shows as a constant one."""
    pairs = np.array([(left, right) for _, left, right in adjoint_trials(subject, draws, claim)])
    left, right = pairs.T
    if not left @ left > 0:
        return "<A u, v> vanishes on all samples"
    if not right @ right > 0:
        return "<u, A* v> vanishes on all samples"
    factor = float(left @ right / (left @ left))
    residual = float(np.linalg.norm(right - factor * left) / max(np.linalg.norm(right), np.finfo(float).tiny))
    words = f"<u, A* v> / <A u, v> = {factor:.6g}, should be 1"
    if residual > 1e-3 or abs(factor - 1) < 1e-3:
        return words + f"; no constant factor (relative residual {residual:.2g})"
    return words + "; a constant factor: look for a missing h^n or mass"


@measures(
    "self_adjoint", origin="T", diagnose=lambda subject, draws: fitted_factor("self_adjoint", subject, draws),
    derivation="(E(u)|v| + |u|E(v)) / (|Au||v| + |u||Av|) + g",
)  # fmt: skip
def self_adjoint(subject: Subject, draws: Draws) -> Iterator[Trial]:
    for trial, _, _ in adjoint_trials(subject, draws, "self_adjoint"):
        yield trial


@measures(
    "adjoint", origin="T", diagnose=lambda subject, draws: fitted_factor("adjoint", subject, draws),
    derivation="(E(u)|v| + |u|E(v)) / (|Au||v| + |u||A*v|) + g",
)  # fmt: skip
def adjoint(subject: Subject, draws: Draws) -> Iterator[Trial]:
    for trial, _, _ in adjoint_trials(subject, draws, "adjoint"):
        yield trial


@measures("kills_constants", origin="T", derivation="max |A 1| <= E_max(1), over |A|")
def kills_constants(subject: Subject, draws: Draws) -> Iterator[Trial]:
    errors = subject.errors(draws.dtype)
    scale = errors.scale or 1.0
    for c in (1.0, -0.375, 1024.0):
        image = subject.evaluate(c * subject.ones, draws.dtype)
        bound = errors.maximum(c * subject.ones) / (abs(c) * scale)
        yield Trial(float(np.max(np.abs(image))) / (abs(c) * scale), bound, f"constant {c}")


@measures(
    "conserves_mass", origin="T",
    derivation="|<1, Av>| <= |1|E(v) + |v|E(1) + g|1||Av|, over |1||A||v|",
)  # fmt: skip
def conserves_mass(subject: Subject, draws: Draws) -> Iterator[Trial]:
    errors = subject.errors(draws.dtype)
    one = norm(subject, subject.ones)
    for v in draws.fields(subject.inside, "conserves_mass"):
        size = norm(subject, v.values)
        scale = errors.scale * one * size or 1.0
        image = subject.evaluate(v.values, draws.dtype)
        bound = one * errors.energy(size) + size * errors.energy(one) + arithmetic() * one * norm(subject, image)
        yield Trial(abs(inner(subject, subject.ones, image)) / scale, bound / scale, v.label)


def semidefinite(subject: Subject, draws: Draws, sign: int) -> Iterator[Trial]:
    """Trials of -sign <A v, v> <= 0."""
    errors = subject.errors(draws.dtype)
    diagonal = errors.maximum(subject.ones)
    for v in (*most_positive(subject, draws, -sign), *draws.fields(subject.inside, "semidefinite")):
        size = norm(subject, v.values)
        scale = errors.scale * size**2 or 1.0
        value = -sign * inner(subject, subject.evaluate(v.values, draws.dtype), v.values)
        bound = errors.energy(size) * size + diagonal * size**2
        yield Trial(max(value, 0.0) / scale, bound / scale + arithmetic(), v.label)


@measures("negative_semidefinite", origin="T", derivation="<Av, v> <= E(v)|v| + E_max(1)|v|^2, over |A||v|^2, + g")
def negative_semidefinite(subject: Subject, draws: Draws) -> Iterator[Trial]:
    return semidefinite(subject, draws, -1)


@measures("positive_semidefinite", origin="T", derivation="-<Av, v> <= E(v)|v| + E_max(1)|v|^2, over |A||v|^2, + g")
def positive_semidefinite(subject: Subject, draws: Draws) -> Iterator[Trial]:
    return semidefinite(subject, draws, +1)


@measures("translation_invariant", origin="L", derivation="|A Tv - T Av| <= 2 E(v), over |A||v|; T a translation")
def translation_invariant(subject: Subject, draws: Draws) -> Iterator[Trial]:
    if not subject.periodic:
        raise NotApplicableError("translations act on a torus only")
    errors = subject.errors(draws.dtype)
    rng = draws.generator("translations")
    axes = tuple(range(subject.masses.ndim))
    for v in draws.fields(subject.inside, "translation_invariant"):
        shift = tuple(int(rng.integers(1, max(2, n))) for n in subject.masses.shape)
        moved = subject.evaluate(np.roll(v.values, shift, axes), draws.dtype)
        defect = norm(subject, moved - np.roll(subject.evaluate(v.values, draws.dtype), shift, axes))
        scale = errors.scale * norm(subject, v.values) or 1.0
        yield Trial(defect / scale, 2 * errors.energy(norm(subject, v.values)) / scale, f"{v.label} by {shift}")

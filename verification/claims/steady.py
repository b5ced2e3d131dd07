"""Waves and steady solves: energy and reversibility; residual, sign, comparison.

Symbols: Z = -L >= 0, H = (|v|^2 + <Z u, u>) / 2.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from pide.verification.claim import NotApplicableError, SubjectError, Trial, measures
from pide.verification.claims.exact import centred
from pide.verification.flows import SolverMap, WaveMap
from pide.verification.samples import Draws
from pide.verification.subject import arithmetic, guarded, inner, norm

Field = NDArray[np.float64]


def waves(wave: WaveMap, draws: Draws, salt: str) -> Iterator[tuple[str, Field, Field, Field, Field]]:
    """(label, u, v, u(t), v(t)) for drawn data of similar energy."""
    for u, v in draws.pairs(wave.operator.inside, salt):
        a, b = u.values / (norm(wave.operator, u.values) or 1.0), v.values / (norm(wave.operator, v.values) or 1.0)
        after = guarded(wave.advance, a, b, wave.until)
        x, y = (np.asarray(part, dtype=np.float64) for part in after)
        if not (np.all(np.isfinite(x)) and np.all(np.isfinite(y))):
            raise SubjectError("returned NaN or infinite values")
        yield f"{u.label}, {v.label}", a, b, x, y


@measures(
    "wave_energy", kind="wave", origin="L", statement="(|u_t|^2 + <Z u, u>) / 2 is constant",
    derivation="stated drift of the method, relative",
)  # fmt: skip
def wave_energy(wave: WaveMap, draws: Draws) -> Iterator[Trial]:
    def energy(u: Field, v: Field) -> float:
        subject = wave.operator
        return (inner(subject, v, v) - inner(subject, subject.generator(u, "float64"), u)) / 2

    for label, u, v, x, y in waves(wave, draws, "wave_energy"):
        start = energy(u, v)
        yield Trial(abs(energy(x, y) - start) / start, wave.drift, label)


@measures(
    "wave_reversible", kind="wave", origin="L", statement="(u, v) -> (u(t), -v(t)) applied twice returns (u, v)",
    derivation="2 (tolerance + drift) (1 + t)(1 + |Z|^{1/2}), relative to the data of norm 1",
)  # fmt: skip
def wave_reversible(wave: WaveMap, draws: Draws) -> Iterator[Trial]:
    subject = wave.operator
    root = math.sqrt(float(guarded(subject.need("spectral_bound"))))
    bound = 2 * (wave.tolerance + 1e-12) * (1 + wave.until) * (1 + root)
    for label, u, _, x, y in waves(wave, draws, "wave_reversible"):
        back, _ = guarded(wave.advance, x, -y, wave.until)
        yield Trial(norm(subject, np.asarray(back) - u), bound, label)


def solved(solver: SolverMap, draws: Draws, salt: str) -> Iterator[tuple[str, Field, Field]]:
    """(label, f, u); f has zero mean where constants are in the kernel."""
    for f in draws.fields(solver.operator.inside, salt):
        source = centred(solver.operator, f.values) if "kills_constants" in solver.claims else f.values
        if float(np.max(np.abs(source))) < 1e-6 * float(np.max(np.abs(f.values))):
            continue  # a constant: what is left of it is rounding
        u = solver(source)
        if u.shape != source.shape or not np.all(np.isfinite(u)):
            raise SubjectError(f"returned {u.shape}, or NaN; needed a finite field of shape {source.shape}")
        yield f.label, source, u


@measures(
    "residual", kind="solver", origin="T", statement="A u = f, with the sign of A as it is written",
    derivation="stated relative residual + E(u) / |f|",
)  # fmt: skip
def residual(solver: SolverMap, draws: Draws) -> Iterator[Trial]:
    subject = solver.operator
    for label, f, u in solved(solver, draws, "residual"):
        size = norm(subject, f) or 1.0
        defect = norm(subject, subject.evaluate(u, "float64") - f)
        rounding = subject.errors("float64").energy(norm(subject, u)) / size
        yield Trial(defect / size, 2 * solver.tolerance + rounding, label)


@measures(
    "solution_sign", kind="solver", origin="T", statement="f >= 0 gives u >= 0 for A >= 0, u <= 0 for A <= 0",
    derivation="residual tolerance times max|f| over the smallest killing rate bounds an entry; relative to max|u|",
)  # fmt: skip
def solution_sign(solver: SolverMap, draws: Draws) -> Iterator[Trial]:
    subject = solver.operator
    if "nonnegative_rates" not in solver.claims or not subject.has_killing:
        raise NotApplicableError("comparison needs nonnegative rates and killing")
    lowest = float(np.min(subject.need("killing")[subject.inside]))
    if lowest <= 0:
        raise NotApplicableError("the killing vanishes somewhere")
    for label, f, _ in solved(solver, draws, "solution_sign"):
        positive = np.abs(f)
        u = solver(positive) * (1.0 if subject.sign > 0 else -1.0)
        top = float(np.max(np.abs(u))) or 1.0
        slack = 2 * solver.tolerance * float(np.linalg.norm(positive)) / lowest
        yield Trial(max(-float(np.min(u)), 0.0) / top, slack / top + arithmetic(), label)

"""Claims about the limit h -> 0, measured on a family of operators: boundedness and the Hilbert-Schmidt norm.

One spacing says nothing about a limit: for a single operator these rows are skipped with that reason.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from pide.verification.claim import NotCheckableError, Trial, measures
from pide.verification.estimate import DOUBLE, gamma
from pide.verification.family import Family
from pide.verification.orders import observed_order
from pide.verification.samples import Draws
from pide.verification.subject import Subject, guarded


def growth(values: Sequence[float], name: str) -> Iterator[Trial]:
    """Trial of "q_k converges": the exponent p of the differences |q_{k+1} - q_k| ~ 2^{p k} must be negative.

    From four spacings h, h/2, h/4, h/8: p is the last exponent, its uncertainty the change from the one before. A
    kernel r^{-a} has differences h^{n-a}, so that p = a - n: negative exactly where the integral is finite.
    """
    if len(values) < 4:
        raise NotCheckableError(f"{len(values)} spacings: needed are at least 4, each half the one before")
    differences = np.abs(np.diff(values))
    label = f"{name} " + ", ".join(f"{q:.6g}" for q in values)
    if differences[-1] <= gamma(64, DOUBLE) * abs(values[-1]):
        yield Trial(-math.inf, 0.0, label)
        return
    exponents = [math.log2(b / a) if a > 0 and b > 0 else 0.0 for a, b in pairwise(differences)]
    p, change = exponents[-1], abs(exponents[-1] - exponents[-2])
    undecided = p < 0 <= p + change
    yield Trial(p, math.inf if undecided else 0.0, label)


@measures(
    "bounded_generator", kind="family", origin="A",
    derivation="growth exponent of the differences of max(d + kappa) under h -> h/2 is < 0",
)  # fmt: skip
def bounded_generator(family: Family, draws: Draws) -> Iterator[Trial]:
    yield from growth([largest_rate(subject) for subject in family.subjects], "max(d + kappa) =")


def largest_rate(subject: Subject) -> float:
    """max(d + kappa) from the exposed fields."""
    killing = 0.0 if subject.killing is None else subject.killing
    return float(np.max(subject.need("degree") + killing))


@measures(
    "hilbert_schmidt", kind="family", origin="A",
    derivation="growth exponent of the differences of sum m_i m_j w_ij^2 under h -> h/2 is < 0",
)  # fmt: skip
def hilbert_schmidt(family: Family, draws: Draws) -> Iterator[Trial]:
    yield from growth([subject.need("kernel_norm")() ** 2 for subject in family.subjects], "norm^2 =")


@measures(
    "tends_to_limit", kind="family", origin="A",
    statement="numbers of the members tend to closed forms with their stated order",
    derivation="stated order - observed order <= uncertainty of the slope + 0.1; the errors must fall",
)  # fmt: skip
def tends_to_limit(family: Family, draws: Draws) -> Iterator[Trial]:
    if not family.limits:
        raise NotCheckableError("no limit is known for the family")
    for limit in family.limits:
        errors = [abs(float(guarded(limit.measure, subject)) - limit.exact) for subject in family.subjects]
        label = f"{limit.name}: " + ", ".join(f"{error:.2e}" for error in errors)
        floor = 1e-11 * max(abs(limit.exact), 1.0)
        if errors[-1] <= floor:
            yield Trial(-math.inf, 0.0, label)
            continue
        result = observed_order(np.maximum(errors, floor).tolist(), family.spacings)
        falling = errors[-1] < 0.7 * errors[0]
        gap = limit.order - result.order if falling else math.inf
        yield Trial(gap, result.uncertainty + 0.1, f"{label}; order {result.order:.2f}")

"""Claims about signs: rates, the maximum principle, and rows of P = I + tau L.

Symbols: tau = 1 / rate_bound with rate_bound >= max(d + kappa); E_max bound of the largest entry of one apply's error.
The float64 update v + tau L v adds at most g_4 max |v|.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from pide.verification.claim import NotCheckableError, Trial, measures
from pide.verification.samples import Draws, Sample
from pide.verification.subject import Subject, arithmetic, largest_step

Field = NDArray[np.float64]


@measures(
    "nonnegative_rates", origin="E",
    derivation="0: signs of exposed weights and of kappa; for rates read off a symbol, the error of its inverse FFT",
)  # fmt: skip
def nonnegative_rates(subject: Subject, draws: Draws) -> Iterator[Trial]:
    if subject.octant is None and subject.rates is None:
        raise NotCheckableError("the subject exposes no weights")
    if subject.octant is not None:
        yield Trial(negative_part(subject.octant), 0.0, "lattice weights")
    if subject.rates is not None:
        yield Trial(negative_part(subject.rate_rows(draws, "rates")[1]), subject.rates_error, "rates between the nodes")
    if subject.killing is not None:
        yield Trial(negative_part(subject.killing), 0.0, "killing")


def negative_part(a: Field) -> float:
    """max(0, -min a)."""
    return max(0.0, -float(np.min(a, initial=0.0)))


def impulses(subject: Subject, draws: Draws) -> Iterator[Sample]:
    """Unit impulses of alternating sign: at the node of largest d + kappa if it is known, then at drawn nodes."""
    nodes = [tuple(node) for node in np.argwhere(subject.inside)]
    order = draws.generator("impulses").permutation(len(nodes))
    chosen = [nodes[k] for k in order[: draws.samples]]
    if subject.degree is not None:
        rate = subject.degree + (0.0 if subject.killing is None else subject.killing)
        chosen.insert(0, tuple(np.unravel_index(int(np.argmax(rate)), rate.shape)))
    for k, node in enumerate(chosen):
        v = np.zeros(subject.masses.shape)
        v[node] = (-1.0) ** k
        yield Sample(f"impulse {(-1) ** k:+d} at {tuple(map(int, node))}", v)


def euler_step(subject: Subject, draws: Draws, v: Field) -> tuple[Field, float, float]:
    """(v + tau L v inside, bound of the error of an entry, tau) at tau = 1 / rate_bound."""
    tau = largest_step(subject, "rate_bound", 1.0)
    errors = subject.errors(draws.dtype)
    stepped = v + tau * subject.generator(v, draws.dtype)
    largest = float(np.max(np.abs(v)))
    bound = tau * (errors.maximum(v) + errors.maximum(subject.ones) * largest) + arithmetic() * largest
    return stepped[subject.inside], bound, tau


@measures(
    "maximum_principle", origin="T",
    derivation="tau (E_max(v) + E_max(1) max|v|) + g, over max |v|, at tau = 1 / rate_bound",
)  # fmt: skip
def maximum_principle(subject: Subject, draws: Draws) -> Iterator[Trial]:
    fields = [*impulses(subject, draws), *draws.fields(subject.inside, "maximum_principle")]
    for v in fields:
        values = v.values[subject.inside]
        low, high = float(values.min()), float(values.max())
        if subject.has_killing:
            low, high = min(low, 0.0), max(high, 0.0)
        stepped, bound, _ = euler_step(subject, draws, v.values)
        largest = float(np.max(np.abs(values))) or 1.0
        excess = max(float(stepped.max()) - high, low - float(stepped.min()), 0.0)
        yield Trial(excess / largest, bound / largest, v.label)


def transition_trials(subject: Subject, draws: Draws) -> Iterator[Trial]:
    """Entries of P >= 0: on sampled columns from the apply, on rows from exposed rates."""
    for v in impulses(subject, draws):
        column, bound, _ = euler_step(subject, draws, v.values)
        yield Trial(negative_part(column * float(v.values.sum())), bound, f"column: {v.label}")
    if subject.rates is not None and subject.degree is not None:
        tau = largest_step(subject, "rate_bound", 1.0)
        off_diagonal = negative_part(tau * subject.rate_rows(draws, "rates")[1])
        yield Trial(off_diagonal, tau * subject.rates_error, "off-diagonal entries from the rates")
        rate = subject.degree + (0.0 if subject.killing is None else subject.killing)
        yield Trial(negative_part(1.0 - tau * rate), arithmetic(), "diagonal entries 1 - tau (d + kappa)")


@measures("markov", origin="T", derivation="entries: tau E_max(e_j) + g (0 from exposed rates); rows: tau E_max(1) + g")
def markov(subject: Subject, draws: Draws) -> Iterator[Trial]:
    yield from transition_trials(subject, draws)
    rows, bound, _ = euler_step(subject, draws, subject.ones)
    yield Trial(float(np.max(np.abs(rows - 1.0))), bound, "row sums, P 1 = 1")


@measures("sub_markov", origin="T", derivation="entries as for markov; rows: P 1 <= 1 + tau E_max(1) + g")
def sub_markov(subject: Subject, draws: Draws) -> Iterator[Trial]:
    yield from transition_trials(subject, draws)
    rows, bound, _ = euler_step(subject, draws, subject.ones)
    yield Trial(max(float(np.max(rows)) - 1.0, 0.0), bound, "row sums, P 1 <= 1")

"""Claims about the flow v -> v + tau L v at the largest certified step tau = 2 / spectral_bound.

Symbols: E(v) error of one apply in the norm of the space, E_max(1) bound of the diagonal defect of a degree that comes
from the operator's own apply. A step of the exact generator does not increase the quantity; the computed one exceeds
it by at most tau (E(v) + E_max(1)|v|) + g |v|.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from pide.verification.claim import Trial, measures
from pide.verification.samples import Draws, Sample, extreme_vector
from pide.verification.subject import Subject, arithmetic, largest_step, norm

Field = NDArray[np.float64]
STEPS = 4


def deviation(subject: Subject, v: Field) -> float:
    """m-weighted standard deviation times the square root of the total mass: |v - mean(v)|."""
    mean = float(np.sum(subject.masses * v) / np.sum(subject.masses))
    return norm(subject, np.where(subject.inside, v - mean, 0.0))


def decay_trials(
    subject: Subject, draws: Draws, size: Callable[[Subject, Field], float], salt: str
) -> Iterator[Trial]:
    """Trials of size(v + tau L v) <= size(v), a few steps from each sample and from the stiffest direction."""
    tau = largest_step(subject, "spectral_bound", 2.0)
    errors = subject.errors(draws.dtype)
    stiff = extreme_vector(
        lambda x: subject.generator(draws.round(x), draws.dtype), subject.masses, draws.generator(salt)
    )
    for sample in [Sample("stiffest direction", draws.round(stiff)), *draws.fields(subject.inside, salt)]:
        v = sample.values
        for step in range(STEPS):
            w = v + tau * subject.generator(v, draws.dtype)
            scale = norm(subject, v) or 1.0
            rounding = tau * (errors.energy(scale) + errors.maximum(subject.ones) * scale) / scale
            excess = max(size(subject, w) - size(subject, v), 0.0) / scale
            yield Trial(excess, rounding + arithmetic(), f"{sample.label}, step {step}")
            v = draws.round(w)


@measures(
    "energy_decay", origin="T",
    derivation="|v + tau L v| - |v| <= tau (E(v) + E_max(1)|v|) + g|v|, over |v|, at tau = 2 / spectral_bound",
)  # fmt: skip
def energy_decay(subject: Subject, draws: Draws) -> Iterator[Trial]:
    return decay_trials(subject, draws, norm, "energy_decay")


@measures(
    "variance_decay", origin="T",
    derivation="the same for |v - mean(v)|, the mean weighted by the masses",
)  # fmt: skip
def variance_decay(subject: Subject, draws: Draws) -> Iterator[Trial]:
    return decay_trials(subject, draws, deviation, "variance_decay")

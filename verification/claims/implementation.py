"""Properties of the code behind an operator: dtype, determinism, batches, threads, unmodified input."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import scipy.fft

from pide.verification.claim import Trial, measures
from pide.verification.estimate import ROUNDOFF
from pide.verification.samples import Draws
from pide.verification.subject import Subject, call, norm

BATCH = 3


def count_of(condition: bool) -> float:
    """1 for a violation, 0 otherwise."""
    return float(bool(condition))


@measures(
    "preserves_dtype", origin="E", statement="float32 in, float32 out; float64 in, float64 out",
    derivation="0 violations",
)  # fmt: skip
def preserves_dtype(subject: Subject, draws: Draws) -> Iterator[Trial]:
    for dtype in ROUNDOFF:
        image = call(subject.apply, subject.ones.astype(dtype))
        yield Trial(count_of(image.dtype != np.dtype(dtype)), 0.0, f"{dtype} in, {image.dtype} out")


@measures(
    "deterministic", origin="E", statement="two applies to the same field agree bit for bit",
    derivation="0",
)  # fmt: skip
def deterministic(subject: Subject, draws: Draws) -> Iterator[Trial]:
    for v in draws.fields(subject.inside, "deterministic"):
        first, second = (subject.evaluate(v.values, draws.dtype) for _ in range(2))
        yield Trial(float(np.max(np.abs(first - second))), 0.0, v.label)


@measures(
    "keeps_input", origin="E", statement="an apply does not change its argument",
    derivation="0",
)  # fmt: skip
def keeps_input(subject: Subject, draws: Draws) -> Iterator[Trial]:
    for v in draws.fields(subject.inside, "keeps_input"):
        argument = v.values.astype(draws.dtype)
        call(subject.apply, argument)
        yield Trial(float(np.max(np.abs(argument.astype(np.float64) - v.values))), 0.0, v.label)


@measures(
    "batch_invariant", origin="L", statement="a batch of fields is mapped like its members",
    derivation="2 E(v) over |A||v| per member: the engines may sum in another order",
)  # fmt: skip
def batch_invariant(subject: Subject, draws: Draws) -> Iterator[Trial]:
    errors = subject.errors(draws.dtype)
    fields = list(draws.fields(subject.inside, "batch_invariant"))
    for start in range(0, len(fields), BATCH):
        chunk = fields[start : start + BATCH]
        images = subject.evaluate(np.stack([v.values for v in chunk]), draws.dtype)
        for v, image in zip(chunk, images, strict=True):
            size = norm(subject, v.values)
            defect = norm(subject, image - subject.evaluate(v.values, draws.dtype))
            scale = errors.scale * size or 1.0
            yield Trial(defect / scale, 2 * errors.energy(size) / scale, f"{v.label} in a batch of {len(chunk)}")


@measures(
    "thread_invariant", origin="L", statement="the number of FFT threads does not change the result",
    derivation="2 E(v) over |A||v|: threads may split a transform differently",
)  # fmt: skip
def thread_invariant(subject: Subject, draws: Draws) -> Iterator[Trial]:
    errors = subject.errors(draws.dtype)
    for v in draws.fields(subject.inside, "thread_invariant"):
        with scipy.fft.set_workers(1):
            one = subject.evaluate(v.values, draws.dtype)
        with scipy.fft.set_workers(2):
            two = subject.evaluate(v.values, draws.dtype)
        size = norm(subject, v.values)
        scale = errors.scale * size or 1.0
        yield Trial(norm(subject, one - two) / scale, 2 * errors.energy(size) / scale, v.label)

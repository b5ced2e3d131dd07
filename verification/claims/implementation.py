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
CHUNKED = 17
"""A batch longer than one block of an engine that takes fields in blocks of up to sixteen."""


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
    "chunk_invariant", origin="L", statement="a long batch, its parts, and the same fields on two batch axes agree",
    derivation="2 E(v) over |A||v| per field: the engines may sum in another order",
)  # fmt: skip
def chunk_invariant(subject: Subject, draws: Draws) -> Iterator[Trial]:
    errors = subject.errors(draws.dtype)
    drawn = Draws(draws.seed, CHUNKED, draws.dtype).gaussians(subject.inside, "chunk_invariant")
    fields = np.stack([v.values for v in drawn])
    whole = subject.evaluate(fields, draws.dtype)
    parts = np.concatenate([subject.evaluate(part, draws.dtype) for part in (fields[:8], fields[8:])])
    twice = subject.evaluate(fields[:16].reshape(2, 8, *fields.shape[1:]), draws.dtype)
    for k in (0, 7, 8, 15, 16):
        size = norm(subject, fields[k])
        scale = errors.scale * size or 1.0
        bound = 2 * errors.energy(size) / scale
        yield Trial(norm(subject, whole[k] - parts[k]) / scale, bound, f"field {k} of {CHUNKED}")
        if k < 16:
            yield Trial(norm(subject, whole[k] - twice[k // 8, k % 8]) / scale, bound, f"field {k} of 2 x 8")


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

"""Blocks B_i = v + h L B_{i-1}: R(z) = 1 + z + ... + z^m of the matrix of the rates, the Verlet form, non-growth.

Symbols: q = h |L|, b_i = |v| + q b_{i-1} a bound of |B_i|, e_i = q (f b_{i-1} + e_{i-1}) + 4 u b_i of its error, with
f the relative error of one apply.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from pide.verification.blocks import BlockMap
from pide.verification.claim import NotApplicableError, Trial, measures
from pide.verification.estimate import DOUBLE, ErrorModel, gamma
from pide.verification.samples import Draws, Sample, extreme_vector
from pide.verification.subject import guarded, norm

Field = NDArray[np.float64]


def stage_error(errors: ErrorModel, step: float, stages: int, factor: float, u: float) -> tuple[float, float]:
    """(b_m, e_m) for |v| = 1."""
    q, size, error = step * errors.scale, 1.0, 0.0
    for _ in range(stages):
        error = q * (factor * size + error)
        size = 1.0 + q * size
        error += 4 * u * size
    return size, error


def relative_error(block: BlockMap, draws: Draws, step: float) -> float:
    """e_m / b_m of the block and of the matrix that stands for it, degrees included twice."""
    errors = block.operator.errors(draws.dtype)
    own = stage_error(errors, step, block.stages, 2 * errors.factor, errors.roundoff)
    matrix = stage_error(errors, step, block.stages, gamma(block.operator.size + 24, DOUBLE), DOUBLE)
    return (own[1] + matrix[1]) / own[0]


def generator_matrix(block: BlockMap) -> Field:
    """L from its rates and killing, N x N."""
    subject = block.operator
    rates = guarded(subject.need("rates"), np.arange(subject.size))
    sums = np.array([math.fsum(row) for row in rates.tolist()])
    killing = np.zeros(subject.size) if subject.killing is None else subject.killing[subject.inside]
    return np.asarray(rates - np.diag(sums + killing))


@measures(
    "block_definition", kind="block", origin="T",
    statement="B_m = v + h L v + ... + (h L)^m v with L from its rates",
    derivation="e_m / b_m for the block and for the matrix, over b_m |v|",
)  # fmt: skip
def block_definition(block: BlockMap, draws: Draws) -> Iterator[Trial]:
    subject, hL = block.operator, block.step * generator_matrix(block)
    size, _ = stage_error(subject.errors(draws.dtype), block.step, block.stages, 0.0, 0.0)
    bound = relative_error(block, draws, block.step)
    for v in draws.fields(subject.inside, "block_definition"):
        expected = v.values
        for _ in range(block.stages):
            expected = v.values + subject.ones * _image(hL, expected, subject.inside)
        image = subject.evaluate(v.values, draws.dtype, lambda x: block.advance(x, block.step))
        scale = size * norm(subject, v.values) or 1.0
        yield Trial(norm(subject, image - expected) / scale, bound, v.label)


def _image(matrix: Field, v: Field, inside: NDArray[np.bool_]) -> Field:
    out = np.zeros(v.shape)
    out[inside] = matrix @ v[inside]
    return out


@measures(
    "block_system", kind="block", origin="T",
    statement="one Verlet step of v_t = -L w, w_t = -L v from (v, -v) gives v' = B_2",
    derivation="2 e_m / b_m, over b_m |v|",
)  # fmt: skip
def block_system(block: BlockMap, draws: Draws) -> Iterator[Trial]:
    system = block.system
    if system is None:
        raise NotApplicableError("no Verlet form: it is that of two stages")
    subject = block.operator
    size, _ = stage_error(subject.errors(draws.dtype), block.step, block.stages, 0.0, 0.0)
    bound = 2 * relative_error(block, draws, block.step)
    for v in draws.fields(subject.inside, "block_system"):
        staged = subject.evaluate(v.values, draws.dtype, lambda x: block.advance(x, block.step))
        verlet = subject.evaluate(v.values, draws.dtype, lambda x: system(x, -x)[0])
        scale = size * norm(subject, v.values) or 1.0
        yield Trial(norm(subject, staged - verlet) / scale, bound, v.label)


@measures(
    "block_energy", kind="block", origin="T",
    statement="|B_m| <= |v| in the norm of the space up to the stated largest step",
    derivation="e_m at that step, over |v|; the stiffest direction included",
)  # fmt: skip
def block_energy(block: BlockMap, draws: Draws) -> Iterator[Trial]:
    subject = block.operator
    if block.largest_step is None or not {"energy_decay", "self_adjoint"} <= subject.claims:
        raise NotApplicableError("no largest step is stated, or L is no self-adjoint generator <= 0")
    step = float(guarded(block.largest_step))
    size, _ = stage_error(subject.errors(draws.dtype), step, block.stages, 0.0, 0.0)
    bound = size * relative_error(block, draws, step)
    stiff = extreme_vector(
        lambda x: subject.generator(draws.round(x), draws.dtype), subject.masses, draws.generator("block_energy")
    )
    for v in (Sample("stiffest direction", draws.round(stiff)), *draws.fields(subject.inside, "block_energy")):
        image = subject.evaluate(v.values, draws.dtype, lambda x: block.advance(x, step))
        before = norm(subject, v.values) or 1.0
        yield Trial(max(norm(subject, image) - before, 0.0) / before, bound, f"{v.label}, h = {step:.4g}")

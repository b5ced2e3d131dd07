"""Layers: equality with the operator, equivariance, batches, dtype, coincident pixels, precision, gradients, expansion.

Rounding of a layer is bounded through its measured condition: S(x) is the largest change of f(x) under relative
perturbations of the features, per unit of perturbation. Sums of k terms perturb what enters them by g_k relatively, so
that |fl f(x) - f(x)| <= g_{4k} (S(x) + max |f(x)|) to first order; S is taken over several draws and doubled.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pide.verification.claim import NotApplicableError, NotCheckableError, Trial, measures
from pide.verification.estimate import DOUBLE, ROUNDOFF, gamma
from pide.verification.layers import LayerMap, Stage
from pide.verification.samples import Draws, Sample
from pide.verification.subject import call, guarded

Field = NDArray[np.float64]
BATCH = 3
_PERTURBATION = 2.0**-20
_PROBES = 4
STEPS = (2.0**-14, 2.0**-18, 2.0**-22)


def features(layer: LayerMap, draws: Draws, salt: str, count: int = BATCH) -> Iterator[Sample]:
    """Batches of normal features, of which every second one is a smooth image plus noise."""
    rng = draws.generator(salt)
    for k in range(max(2, draws.samples // 4)):
        x = rng.standard_normal((count, *layer.shape))
        if k % 2:
            ramp = np.linspace(-1.0, 1.0, layer.positions).reshape(layer.shape[1:])
            x = ramp + 0.2 * x
        yield Sample(f"{'smooth' if k % 2 else 'normal'} features {k}", draws.round(x))


def condition(layer: LayerMap, x: Field) -> float:
    """2 max |f(x + eta x) - f(x)| / max |eta| over draws of eta, in float64."""
    rng = np.random.default_rng(0)
    f, largest = layer.evaluate(x, "float64"), 0.0
    for _ in range(_PROBES):
        eta = _PERTURBATION * rng.choice((-1.0, 1.0), x.shape)
        largest = max(largest, float(np.max(np.abs(layer.evaluate(x + eta * x, "float64") - f))))
    return 2 * largest / _PERTURBATION


def rounding(layer: LayerMap, x: Field, dtype: str) -> tuple[float, float]:
    """(scale = max |f|, g_{4k} (S + max |f|) / scale)."""
    scale = float(np.max(np.abs(layer.evaluate(x, "float64")))) or 1.0
    return scale, gamma(4 * layer.terms, ROUNDOFF[dtype]) * (condition(layer, x) + scale) / scale


def stated(layer: LayerMap, name: str) -> None:
    """NotApplicableError unless the layer states `name`."""
    if name not in layer.states:
        raise NotApplicableError("not stated for the layer")


@measures(
    "layer_matches_operator", kind="layer", origin="L", statement="the layer is the map that pide's operators define",
    derivation="2 g_{4k} (S + max |f|), over max |f|",
)  # fmt: skip
def layer_matches_operator(layer: LayerMap, draws: Draws) -> Iterator[Trial]:
    reference: Any = layer.need("reference")
    for x in features(layer, draws, "layer_matches_operator"):
        scale, bound = rounding(layer, x.values, draws.dtype)
        defect = layer.evaluate(x.values, draws.dtype) - layer.evaluate(x.values, "float64", reference)
        yield Trial(float(np.max(np.abs(defect))) / scale, 2 * bound, x.label)


@measures(
    "layer_equivariant", kind="layer", origin="L", statement="f(P x) = P f(x) for permutations P of the positions",
    derivation="2 g_{4k} (S + max |f|), over max |f|: sums in another order",
)  # fmt: skip
def layer_equivariant(layer: LayerMap, draws: Draws) -> Iterator[Trial]:
    stated(layer, "layer_equivariant")
    rng = draws.generator("permutations")
    for x in features(layer, draws, "layer_equivariant"):
        order = rng.permutation(layer.positions)
        scale, bound = rounding(layer, x.values, draws.dtype)
        moved = layer.evaluate(permuted(x.values, order), draws.dtype)
        image = layer.evaluate(x.values, draws.dtype)
        if image.shape[2:] != x.values.shape[2:]:
            raise NotApplicableError(f"{x.values.shape[2:]} positions become {image.shape[2:]}")
        yield Trial(float(np.max(np.abs(moved - permuted(image, order)))) / scale, 2 * bound, x.label)


def permuted(x: Field, order: NDArray[np.intp]) -> Field:
    """x with its positions in another order."""
    return np.asarray(x.reshape(*x.shape[:2], -1)[..., order].reshape(x.shape))


@measures(
    "layer_batch_independent", kind="layer", origin="L", statement="f(x)_b = f(x_b): samples do not see each other",
    derivation="2 g_{4k} (S + max |f|), over max |f|",
)  # fmt: skip
def layer_batch_independent(layer: LayerMap, draws: Draws) -> Iterator[Trial]:
    for x in features(layer, draws, "layer_batch_independent"):
        scale, bound = rounding(layer, x.values, draws.dtype)
        together = layer.evaluate(x.values, draws.dtype)
        for b in range(BATCH):
            alone = layer.evaluate(x.values[b : b + 1], draws.dtype)
            yield Trial(float(np.max(np.abs(together[b : b + 1] - alone))) / scale, 2 * bound, f"{x.label}, sample {b}")


@measures(
    "layer_preserves_dtype", kind="layer", origin="E", statement="float32 in, float32 out; float64 in, float64 out",
    derivation="0 violations",
)  # fmt: skip
def layer_preserves_dtype(layer: LayerMap, draws: Draws) -> Iterator[Trial]:
    x = next(features(layer, draws, "layer_preserves_dtype"))
    for dtype in ROUNDOFF:
        image = call(layer.apply, x.values.astype(dtype))
        yield Trial(float(image.dtype != np.dtype(dtype)), 0.0, f"{dtype} in, {image.dtype} out")


@measures(
    "layer_finite", kind="layer", origin="E", statement="values and gradients are finite where pixels coincide",
    derivation="0 values that are NaN or infinite",
)  # fmt: skip
def layer_finite(layer: LayerMap, draws: Draws) -> Iterator[Trial]:
    pullback = layer.pullback
    for x in coincident(layer, draws):
        values = x.values.astype(draws.dtype)
        y = call(layer.apply, values)
        yield Trial(float(np.count_nonzero(~np.isfinite(y))), 0.0, f"{x.label}, values")
        if pullback is not None:
            g = guarded(pullback, values, np.ones_like(y))
            yield Trial(float(np.count_nonzero(~np.isfinite(np.asarray(g)))), 0.0, f"{x.label}, gradient")


def coincident(layer: LayerMap, draws: Draws) -> Iterator[Sample]:
    """A constant image, one of two colours, one that vanishes, and one with a pair of equal pixels."""
    rng = draws.generator("coincident")
    flat = rng.standard_normal((BATCH, layer.shape[0], 1))
    colours = rng.standard_normal((BATCH, layer.shape[0], 2))
    noise = rng.standard_normal((BATCH, layer.shape[0], layer.positions))
    noise[..., 1] = noise[..., 0]
    positions = np.arange(layer.positions)
    for label, x in (
        ("a constant image", np.repeat(flat, layer.positions, axis=-1)),
        ("two colours", colours[..., positions % 2]),
        ("zero", np.zeros_like(noise)),
        ("one pair of equal pixels", noise),
    ):
        yield Sample(label, draws.round(x.reshape(BATCH, *layer.shape)))


@measures(
    "layer_single_precision", kind="layer", origin="L", statement="f in float32 agrees with f in float64",
    derivation="g_{4k} (S + max |f|) with u = 2^-24, over max |f|, + the same with u = 2^-53",
)  # fmt: skip
def layer_single_precision(layer: LayerMap, draws: Draws) -> Iterator[Trial]:
    single = Draws(draws.seed, draws.samples, "float32")
    for x in features(layer, single, "layer_single_precision"):
        scale, bound = rounding(layer, x.values, "float32")
        defect = layer.evaluate(x.values, "float32") - layer.evaluate(x.values, "float64")
        yield Trial(float(np.max(np.abs(defect))) / scale, 2 * bound, x.label)


@measures(
    "layer_gradient", kind="layer", origin="A",
    statement="<J^T g, p> = d/dt <g, f(x + t p)> for the features, and likewise for the parameters",
    derivation="best of 3 t: sum |g| |D+ - D-| of one-sided differences + 4 g_{4k} (S + max |f|) |g|_1 / t, relative",
)  # fmt: skip
def layer_gradient(layer: LayerMap, draws: Draws) -> Iterator[Trial]:
    pullback: Any = layer.need("pullback")
    rng = draws.generator("gradient directions")
    for x in features(layer, draws, "layer_gradient"):
        _, relative = rounding(layer, x.values, "float64")
        y = layer.evaluate(x.values, "float64")
        g, p = rng.standard_normal(y.shape), rng.standard_normal(x.values.shape)
        noise = relative * float(np.max(np.abs(y))) * float(np.sum(np.abs(g)))

        def along(t: float, x: Field = x.values, p: Field = p, g: Field = g) -> Field:
            return g * layer.evaluate(x + t * p, "float64")

        gradient = np.asarray(guarded(pullback, x.values, g), dtype=np.float64)
        yield _slope(along, gradient, p, noise, f"{x.label}, features")
        if layer.parameters is not None and layer.parameters.size:
            yield _parameter_slope(layer, x, g, rng.standard_normal(layer.parameters.size), noise)


def _parameter_slope(layer: LayerMap, x: Sample, g: Field, p: Field, noise: float) -> Trial:
    parametrised: Any = layer.need("parametrised")
    pullback: Any = layer.need("parameter_pullback")
    parameters = np.asarray(layer.parameters, dtype=np.float64)
    gradient = np.asarray(guarded(pullback, x.values, g), dtype=np.float64)

    def along(t: float) -> Field:
        moved = parameters + t * p
        return g * layer.evaluate(x.values, "float64", lambda v: parametrised(moved, v))

    return _slope(along, gradient, p, noise, f"{x.label}, parameters")


def _slope(along: Callable[[float], Field], gradient: Field, p: Field, noise: float, label: str) -> Trial:
    """<gradient, p> against central differences; NaN gradients fail.

    In each entry of f a kink lies on one side of 0, so that the one-sided differences D+ and D- differ by twice the
    error that it makes; for smooth entries they differ by t f''. Of the steps t whose bound is within a factor of ten
    of the smallest, the one that agrees best counts: two kinks on either side of 0 may cancel in D+ - D- at one t, a
    wrong gradient agrees with none.
    """
    if not np.all(np.isfinite(gradient)):
        return Trial(math.nan, 0.0, f"{label}: NaN or infinite gradient")
    scale = float(np.linalg.norm(gradient) * np.linalg.norm(p)) or 1.0
    product, here, trials = float(np.sum(gradient * p)), along(0.0), []
    for t in STEPS:
        ahead, behind = along(t), along(-t)
        slope = float(np.sum(ahead - behind)) / (2 * t)
        kinks = float(np.sum(np.abs(ahead - 2 * here + behind))) / t
        trials.append(Trial(abs(product - slope) / scale, (kinks + 4 * noise / t) / scale, f"{label}, t = {t:.1e}"))
    smallest = min(trial.bound for trial in trials)
    return min((trial for trial in trials if trial.bound <= 10 * smallest), key=lambda trial: trial.excess)


@measures(
    "layer_non_expansive", kind="layer", origin="L",
    statement="a stage at frozen affinity does not expand in the weights d: W + W^T >= a W^T W, a = lambda_max(-L)",
    derivation="N g_{N+10} |W|^2 of LAPACK with N = M + C, over |W|; for the stage 8 g_{4(M+C)} (1 + a |W|)",
)  # fmt: skip
def layer_non_expansive(layer: LayerMap, draws: Draws) -> Iterator[Trial]:
    stated(layer, "layer_non_expansive")
    build: Any = layer.need("stage")
    for x in features(layer, draws, "layer_non_expansive", count=1):
        stage: Stage = guarded(build, x.values[0])
        yield from stage_trials(stage, x.label, draws)


def stage_trials(stage: Stage, label: str, draws: Draws) -> Iterator[Trial]:
    """Symmetry of d L, its sign, the eigenvalue of W + W^T - a W^T W, and the norm of sampled stages."""
    d, W, root = stage.weights, stage.mixing, np.sqrt(stage.weights)
    if not np.all(d > 0):
        raise NotCheckableError("the weights of the stage are not positive")
    S, N = root[:, None] * stage.generator / root[None, :], len(d) + len(W)
    size = float(np.linalg.norm(S)) or 1.0
    error = N * gamma(N + 10, DOUBLE)
    yield Trial(float(np.max(np.abs(S - S.T))) / size, error, f"{label}, d L symmetric")
    values = np.linalg.eigvalsh((S + S.T) / 2)
    yield Trial(max(float(values[-1]), 0.0) / size, error, f"{label}, L <= 0")
    a, scale = max(-float(values[0]), 0.0), float(np.linalg.norm(W, 2)) or 1.0
    lowest = float(np.linalg.eigvalsh(W + W.T - a * W.T @ W)[0])
    words = f"{label}, a = {a:.4g}, smallest eigenvalue {lowest:.3g}"
    yield Trial(max(-lowest, 0.0) / scale, error * (2 + a * scale), words)
    if stage.advance is not None:
        yield from _stage_norms(stage, a * scale, label, draws)


def _stage_norms(stage: Stage, size: float, label: str, draws: Draws) -> Iterator[Trial]:
    rng, root = draws.generator("stage"), np.sqrt(stage.weights)[:, None]
    M, C = len(stage.weights), len(stage.mixing)
    advance = stage.advance
    assert advance is not None
    bound = 8 * gamma(4 * (M + C), DOUBLE) * (1 + size)
    for k in range(max(2, draws.samples // 4)):
        Z = rng.standard_normal((M, C))
        image = np.asarray(guarded(advance, Z), dtype=np.float64)
        expected = Z + stage.generator @ Z @ stage.mixing.T
        before = float(np.linalg.norm(root * Z))
        grown = float(np.linalg.norm(root * image)) / before
        yield Trial(max(grown - 1.0, 0.0), bound, f"{label}, stage {k}: norm times {grown:.4f}")
        defect = float(np.linalg.norm(root * (image - expected))) / before
        yield Trial(defect, bound, f"{label}, stage {k} is Z + (L (x) W) Z")

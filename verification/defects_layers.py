"""Mutants of affinities, blocks and layers: naive distances, two embeddings, reused stages, wrong gradients."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pide.arrays import Array
from pide.operators.affinity import GaussianAffinity
from pide.verification.affinities import AffinityMap, affinity_of
from pide.verification.blocks import BlockMap
from pide.verification.defects import product, rates_of
from pide.verification.honest_layers import CHANNELS, Diffusion, embedding, layer_of_diffusion
from pide.verification.layers import LayerMap
from pide.verification.mutants import mutant

__all__: list[str] = []

Field = NDArray[np.float64]
GAUSSIAN, POWER, LOGARITHM, CLOUD = "gaussian affinity", "power affinity", "logarithm affinity", "cloud rates"
RESTARTED, STAR, LAYER = "restarted block", "star block", "diffusion layer"


def differences_squared(x: Array) -> Array:
    """|x_i - x_j|^2 from differences."""
    difference = x[:, None, :] - x[None, :, :]
    return (difference * difference).sum(-1)


def unguarded(f: Callable[[Array], Array]) -> Callable[[Array], Array]:
    """f without NumPy's warnings of what is wrong with it."""

    def quiet(x: Array) -> Array:
        with np.errstate(all="ignore"):
            return f(x)

    return quiet


@mutant("distances by |a|^2 + |b|^2 - 2 a.b", POWER, "finite_where_points_coincide")
def naive_distances(a: AffinityMap) -> AffinityMap:
    def values(x: Array) -> Array:
        squares = (x * x).sum(-1)
        r2 = squares[:, None] + squares[None, :] - 2 * x @ x.T
        return np.where(r2 == 0, 0, np.where(r2 == 0, 1, r2) ** -1.5)

    return replace(a, values=unguarded(values))


@mutant("power law without its mask", POWER, "finite_where_points_coincide")
def unmasked_power(a: AffinityMap) -> AffinityMap:
    return replace(a, values=unguarded(lambda x: differences_squared(x) ** -1.5))


@mutant("logarithm without its mask", LOGARITHM, "finite_where_points_coincide")
def unmasked_logarithm(a: AffinityMap) -> AffinityMap:
    return replace(a, values=unguarded(lambda x: -0.5 * np.log(differences_squared(x))))


@mutant("points that coincide accepted", CLOUD, "finite_where_points_coincide")
def coincident_accepted(a: AffinityMap) -> AffinityMap:
    def values(x: Array) -> Array:
        r = np.sqrt(differences_squared(x)) + np.where(np.eye(len(x)), np.inf, 0.0).astype(x.dtype)
        return r**-3

    return replace(a, values=unguarded(values))


@mutant("two embeddings called one", GAUSSIAN, "same_embedding_symmetric")
def twoembeddings(a: AffinityMap) -> AffinityMap:
    wrong = affinity_of(GaussianAffinity(embedding(0), embedding(5), width=1.0), CHANNELS, "count")
    return replace(a, values=wrong.values)


@mutant("embedding off by one ulp in one argument", GAUSSIAN, "same_embedding_symmetric")
def embedding_off_by_an_ulp(a: AffinityMap) -> AffinityMap:
    theta = embedding(0)
    phi = np.nextafter(theta, 1.0)
    wrong = affinity_of(GaussianAffinity(theta, phi, width=1.0), CHANNELS, "count")
    return replace(a, values=wrong.values)


@mutant("last block left out", GAUSSIAN, "blocks_agree")
def last_block_left_out(a: AffinityMap) -> AffinityMap:
    honest = a.diffuse
    assert honest is not None

    def diffuse(x: Array, z: Array, block: int | None) -> Array:
        y = honest(x, z, block)
        if block is not None and len(z) % block:
            y[len(z) - len(z) % block :] = 0.0
        return y

    return replace(a, diffuse=diffuse)


@mutant("degrees of the block only", GAUSSIAN, "blocks_agree")
def degrees_of_the_block(a: AffinityMap) -> AffinityMap:
    def diffuse(x: Array, z: Array, block: int | None) -> Array:
        W, parts = a.values(x), []
        step = len(x) if block is None else block
        for start in range(0, len(x), step):
            rows = slice(start, start + step)
            parts.append(W[rows] @ z - W[rows, rows].sum(-1, keepdims=True) * z[rows])
        return np.concatenate(parts)

    return replace(a, diffuse=diffuse)


def staged(block: BlockMap, stages: Callable[[Array, float, Callable[[Array], Array]], Array]) -> BlockMap:
    """The block with its stages in another way."""
    L = block.operator.apply
    return replace(block, advance=lambda v, h: stages(v, h, L))


@mutant("degrees of the columns", RESTARTED, "block_definition", "block_system")
def column_degrees(block: BlockMap) -> BlockMap:
    K, d = rates_of(block.operator)
    W = K * d[:, None] * block.operator.masses[:, None]
    columns = W / W.sum(0)[None, :]
    L = product(columns, columns.sum(1))
    return staged(block, lambda v, h, _: v + h * L(v + h * L(v)))


@mutant("second stage starts from the first", RESTARTED, "block_definition", "block_system")
def reused_stage(block: BlockMap) -> BlockMap:
    def stages(v: Array, h: float, L: Callable[[Array], Array]) -> Array:
        b = v + h * L(v)
        return b + h * L(b)

    return staged(block, stages)


@mutant("one stage left out", RESTARTED, "block_definition", "block_system")
def stage_left_out(block: BlockMap) -> BlockMap:
    return staged(block, lambda v, h, L: v + h * L(v))


@mutant("Verlet system started from (v, v)", RESTARTED, "block_system")
def system_sign(block: BlockMap) -> BlockMap:
    system = block.system
    assert system is not None
    return replace(block, system=lambda v, w: system(v, -w))


@mutant("step limit of Euler for two stages", STAR, "block_energy")
def euler_limit(block: BlockMap) -> BlockMap:
    limit: float = block.operator.need("spectral_bound")()
    return replace(block, largest_step=lambda: 2.0 / limit)


def other(layer: LayerMap, f: Any) -> LayerMap:
    """The layer with another map and the statements of its own."""
    return replace(layer_of_diffusion(f, layer.name, layer.shape), reference=layer.reference)


def diffusion_of(layer: LayerMap) -> Diffusion:
    """What the honest layer is made of."""
    f = layer.apply
    assert isinstance(f, Diffusion)
    return f


@mutant("layer divides by M - 1", LAYER, "layer_matches_operator")
def wrong_count(layer: LayerMap) -> LayerMap:
    f, M = diffusion_of(layer), layer.positions
    return other(layer, Diffusion(f.mixing, f.step * M / (M - 1)))


@mutant("layer that sees the index of a pixel", LAYER, "layer_equivariant", "layer_matches_operator")
def position_seen(layer: LayerMap) -> LayerMap:
    ramp = 1e-3 * np.arange(layer.positions)
    return replace(layer, apply=lambda x: layer.apply(x) + ramp.astype(x.dtype))


@mutant("layer that subtracts the mean of the batch", LAYER, "layer_batch_independent")
def batch_mean(layer: LayerMap) -> LayerMap:
    return replace(layer, apply=lambda x: layer.apply(x) - 1e-3 * x.mean(axis=0, keepdims=True))


@mutant("layer that returns float64", LAYER, "layer_preserves_dtype")
def layer_always_double(layer: LayerMap) -> LayerMap:
    return replace(layer, apply=lambda x: layer.apply(x).astype(np.float64))


@mutant("layer in half precision for float32", LAYER, "layer_single_precision")
def half_precision(layer: LayerMap) -> LayerMap:
    def apply(x: Array) -> Array:
        return layer.apply(x.astype(np.float16).astype(x.dtype) if x.dtype == np.float32 else x)

    return replace(layer, apply=apply)


@mutant("layer whose gradient has a distance in the denominator", LAYER, "layer_finite")
def gradient_of_distances(layer: LayerMap) -> LayerMap:
    honest = layer.pullback
    assert honest is not None

    def pullback(x: Array, g: Array) -> Array:
        difference = x[:, :, 0] - x[:, :, 1]
        distance = np.sqrt((difference * difference).sum(-1)).reshape(-1, 1, 1)
        with np.errstate(invalid="ignore"):
            return honest(x, g) * (distance / distance)

    return replace(layer, pullback=pullback)


@mutant("layer of a power law without its mask", LAYER, "layer_finite", "layer_gradient")
def power_layer(layer: LayerMap) -> LayerMap:
    def apply(x: Array) -> Array:
        X = x.transpose(0, 2, 1)
        with np.errstate(all="ignore"):
            omega = np.stack([differences_squared(sample) for sample in X]) ** -1.5
            flow = omega @ X - omega.sum(-1, keepdims=True) * X
        return (X + flow).transpose(0, 2, 1)

    return replace(layer, apply=apply, reference=None)


@mutant("gradient that takes the affinity for constant", LAYER, "layer_gradient")
def constant_affinity(layer: LayerMap) -> LayerMap:
    f = diffusion_of(layer)

    def pullback(x: Array, g: Array) -> Array:
        X, G = x.transpose(0, 2, 1), g.transpose(0, 2, 1)
        omega, c = f.affinity(X), f.step / X.shape[1]
        GZ = c * (omega @ G - omega.sum(-1, keepdims=True) * G)
        return (G + GZ @ f.mixing).transpose(0, 2, 1)

    return replace(layer, pullback=pullback)


@mutant("gradient of the mixing transposed", LAYER, "layer_gradient")
def mixing_transposed(layer: LayerMap) -> LayerMap:
    f = diffusion_of(layer)

    def transposed(x: Array, g: Array) -> Array:
        return f.mixing_pullback(x, g).reshape(f.mixing.shape).T.ravel()

    return replace(layer, parameter_pullback=transposed)


@mutant("layer that amplifies", LAYER, "layer_non_expansive")
def amplifies(layer: LayerMap) -> LayerMap:
    f = diffusion_of(layer)
    return other(layer, Diffusion(-f.mixing, f.step))


@mutant("layer with a step beyond its limit", LAYER, "layer_non_expansive")
def step_beyond_limit(layer: LayerMap) -> LayerMap:
    f = diffusion_of(layer)
    return other(layer, Diffusion(f.mixing, 8 * f.step))


@mutant("layer that is not its stage", LAYER, "layer_non_expansive")
def not_its_stage(layer: LayerMap) -> LayerMap:
    build = layer.stage
    assert build is not None

    def stage(x: Field) -> Any:
        honest = build(x)
        return replace(honest, advance=lambda Z: Z + honest.generator @ Z @ honest.mixing)

    return replace(layer, stage=stage)

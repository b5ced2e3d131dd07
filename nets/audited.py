"""What an audit sees of a nonlocal layer: the weights w of its pair sums at given features, and how it uses them.

Symbols: x features (1, C, *shape), M positions, N pooled positions; w_ij = omega_ij / C_i; d_i = C_i; h step; W mixing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pide.nets.kernels import PairMaps, pair_maps
from pide.nets.layers import AffinityDiffusion, NonlocalBlock, NonlocalStage, PIDEBlock
from pide.nets.layers.feature_maps import max_pool, to_maps, to_positions
from pide.operators.affinity import Affinity, GaussianAffinity, normalised
from pide.operators.affinity_pide import pide_form, pide_term
from pide.operators.affinity_weights import affinity_weights, weighted_difference, weighted_sum

__all__ = ["AUDITED", "PairLayer", "pair_layer"]

Field = NDArray[np.float64]
_LAST = "ReLU last: every stage adds values >= 0, so nothing decays"
_IMPLICIT = "backward Euler is no stage of the theorem; it expands for no step where L is self-adjoint and <= 0"


@dataclass(frozen=True, eq=False)
class PairLayer:
    """A layer of pair sums at one set of features.

    Parameters
    ----------
    weights : array, shape (M, N)
        w.
    degrees : array, shape (M,)
        C_i: sum_j omega_ij for "rows", 1 for "count".
    affinity : Affinity
    form : {"difference", "total"}
        sum_j w_ij (y_j - x_i) or sum_j w_ij y_j, times `sign`.
    sign : int
    symmetric : bool
        Whether both arguments of omega have one embedding.
    pooled : bool
    step : float
    stages : int
        That restart from the input; 1 where every sub-block goes on from the one before, 0 for implicit steps.
    mixing : tuple of arrays, shape (C, C)
        W of every stage or sub-block, where it is a matrix.
    obstacle : str
        Why the theorem of one stage says nothing of the layer; empty where it applies.
    maps : PairMaps
        The pair sums as the layer's own engine computes them.
    reference : callable
        x -> the layer's output by the functions of `pide.operators`.
    """

    weights: Field
    degrees: Field
    affinity: Affinity
    form: str
    sign: int
    symmetric: bool
    pooled: bool
    step: float
    stages: int
    mixing: tuple[Field, ...]
    obstacle: str
    maps: PairMaps
    reference: Callable[[Tensor], Tensor]

    def objections(self) -> dict[str, str]:
        """Why statements cannot be made, by a word for each reason."""
        kind = type(self.affinity).__name__
        found = {
            "pooled": "the features are pooled: w is M x N and pooling is not linear" if self.pooled else "",
            "potential": "sum_j w_ij y_j is a potential, not a diffusion" if self.form == "total" else "",
            "signed": "" if self.affinity.nonnegative else f"{kind} has values of either sign",
            "asymmetric": "" if self.symmetric else "theta and phi differ, so that omega_ij /= omega_ji",
            "uphill": "sign='paper' adds +(-Delta)^s, which is anti-diffusive"
            if self.form == "difference" and self.sign < 0
            else "",
        }
        return {word: reason for word, reason in found.items() if reason}


def pair_layer(module: nn.Module, x: Tensor) -> PairLayer:
    """The audited view of a module in float64 and evaluation mode at features x (1, C, *shape)."""
    with torch.no_grad():
        return AUDITED[type(module)](module, x)


def _array(x: Tensor) -> Field:
    return np.asarray(x.detach().double().numpy(), dtype=np.float64)


def _degrees(affinity: Affinity, t: Tensor, p: Tensor, normaliser: str) -> Field:
    if normaliser == "count":
        return np.ones(t.shape[-2])
    logarithm = affinity.logarithm(t, p)
    if logarithm is None:
        return _array(affinity(t, p).sum(-1)[0])
    return _array(torch.exp(logarithm - logarithm.max()).sum(-1)[0])  # one factor for all rows changes no statement


def _pide_block(block: PIDEBlock, x: Tensor) -> PairLayer:
    def weights(x: Tensor) -> Tensor:
        w: Tensor = affinity_weights(block.affinity, *block.embedded(x), block.normaliser)
        return w

    def reference(x: Tensor) -> Tensor:
        w, b = weights(x), x
        for index in range(block.stages):
            y = to_positions(max_pool(b, block.subsampling, block.dimension))
            term = pide_term(block.kind, w, to_positions(b), y, block.sign)
            b = x + block.step * block.stage(index, to_maps(term, tuple(x.shape[2:])))
        return b

    form, sign = pide_form(block.kind, block.sign)
    matrices = tuple(_normed(conv, norm) for conv, norm in zip(block.mixing, block.norms, strict=True))
    return PairLayer(
        _array(weights(x)[0]), _degrees(block.affinity, *block.embedded(x), block.normaliser), block.affinity, form,
        sign, block.phi is None, block.subsampling > 1, block.step, block.stages, matrices,
        "" if block.activation is None else _LAST,
        _maps(block.engine_for(*x.shape[2:]), block.affinity, block.embedded(x), block.normaliser), reference,
    )  # fmt: skip


def _maps(engine: str, affinity: Affinity, embedded: tuple[Tensor, Tensor], normaliser: str) -> PairMaps:
    return pair_maps(engine, affinity, *embedded, normaliser)


def _normed(convolution: Any, norm: Any) -> Field:
    """The matrix of a convolution of size 1 followed by batch normalisation in evaluation mode."""
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    return _array(scale[:, None] * convolution.weight.flatten(1))


def _stage(stage: NonlocalStage, x: Tensor) -> PairLayer:
    pairs = stage.pairs

    def reference(x: Tensor) -> Tensor:
        w, z = affinity_weights(pairs.affinity(), *pairs.embedded(x), pairs.normaliser), x
        for inward, outward in zip(stage.inward, stage.outward, strict=True):
            values = inward(z)
            pooled = to_positions(max_pool(values, pairs.subsampling, pairs.dimension))
            z = z + outward(to_maps(weighted_difference(w, to_positions(values), pooled), tuple(x.shape[2:])))
        return z

    matrices = tuple(_array(matrix) for matrix in stage.mixing_matrices())
    return _of_features(pairs, x, "difference", matrices, reference)


def _block(block: NonlocalBlock, x: Tensor) -> PairLayer:
    pairs = block.pairs

    def reference(x: Tensor) -> Tensor:
        w = affinity_weights(pairs.affinity(), *pairs.embedded(x), pairs.normaliser)
        g = to_positions(max_pool(block.inward(x), pairs.subsampling, pairs.dimension))
        z: Tensor = block.outward(to_maps(weighted_sum(w, g), tuple(x.shape[2:])))
        return x + (z if block.norm is None else block.norm(z))

    return _of_features(pairs, x, "total", tuple(_array(matrix) for matrix in block.mixing_matrices()), reference)


def _of_features(
    pairs: Any, x: Tensor, form: str, mixing: tuple[Field, ...], reference: Callable[[Tensor], Tensor]
) -> PairLayer:
    affinity, (t, p) = pairs.affinity(), pairs.embedded(x)
    weights = _array(affinity_weights(affinity, t, p, pairs.normaliser)[0])
    return PairLayer(
        weights, _degrees(affinity, t, p, pairs.normaliser), affinity, form, 1, pairs.theta is None,
        pairs.subsampling > 1, 1.0, 1, mixing, "", pairs(x, mixing[0].shape[0]), reference,
    )  # fmt: skip


def _affinity_diffusion(layer: AffinityDiffusion, x: Tensor) -> PairLayer:
    affinity = GaussianAffinity(width=layer.width)

    def weights(x: Tensor) -> Tensor:
        w: Tensor = normalised(affinity(to_positions(layer.theta(x))), layer.normaliser)
        return w

    def reference(x: Tensor) -> Tensor:
        w, values, identity = weights(x), to_positions(x), torch.eye(x[0, 0].numel(), dtype=x.dtype)
        if layer.method == "explicit":
            y = values + layer.step * weighted_difference(w, values, values)
        else:
            A = identity - layer.step[:, None, None] * (w - torch.diag_embed(w.sum(-1)))[:, None]
            y = torch.linalg.solve(A, values.mT[..., None])[..., 0].mT
        return to_maps(y, tuple(x.shape[2:]))

    w, step = weights(x), float(layer.step.max())
    sums = affinity(to_positions(layer.theta(x))).sum(-1)[0]
    degrees = sums if layer.normaliser == "rows" else torch.ones_like(sums)
    maps = PairMaps(lambda x, y: weighted_difference(w, x, y), lambda y: weighted_sum(w, y))
    explicit = layer.method == "explicit"
    return PairLayer(
        _array(w[0]), _array(degrees), affinity, "difference", 1, True, False, step, int(explicit),
        (_array(torch.diag(layer.step / step)),), "" if explicit else _IMPLICIT, maps, reference,
    )  # fmt: skip


AUDITED: dict[type[nn.Module], Callable[[Any, Tensor], PairLayer]] = {
    AffinityDiffusion: _affinity_diffusion,
    PIDEBlock: _pide_block,
    NonlocalStage: _stage,
    NonlocalBlock: _block,
}
"""Layers of pair sums that an audit knows."""

"""Sums weighed by power-law and logarithmic affinities, by blocks that stay in the cache.

Symbols: t (B, M, e), p (B, N, e) features; d = |t_i - p_j|^2; omega_ij = omega(d_ij); y (B, N, C) values.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from pide.nets.pair_blocks import PairBlocks, with_ones
from pide.nets.pair_gradients import DistanceGradients, dense_gradients
from pide.operators.affinity import LogAffinity, PowerAffinity

__all__ = ["pair_sums"]


def pair_sums(affinity: PowerAffinity | LogAffinity, t: Tensor, p: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """(sum_j omega_ij y_j, sum_j omega_ij), shapes (B, M, C) and (B, M, 1), without M N numbers in memory.

    Parameters
    ----------
    affinity : PowerAffinity or LogAffinity
        Its exponent, or slope and gauge, are numbers; the affinity has no embeddings.
    t, p, y : tensors, shapes (B, M, e), (B, N, e), (B, N, C), of one dtype

    Notes
    -----
    Distances are computed as the affinity says, see `squared_distances`. The weights are computed again in the backward
    pass, block by block. Second derivatives are those of the dense functions, with M N numbers in memory. Compiled
    modules call this function as it is, outside their graph.
    """
    total, degree = _outside_graphs(t, p, y, affinity)
    return total, degree


class _PairSums(torch.autograd.Function):
    """(t, p, y) -> (omega y, omega 1)."""

    @staticmethod
    def forward(ctx: Any, t: Tensor, p: Tensor, y: Tensor, affinity: Any) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(t, p, y)
        ctx.affinity = affinity
        blocks, y = PairBlocks.of(affinity, t, p), y.contiguous()
        out, degree = y.new_zeros((*t.shape[:2], y.shape[2])), y.new_zeros((*t.shape[:2], 1))
        for rows, columns in blocks:
            w = blocks.weights(blocks.distances(rows, columns))
            out[rows].baddbmm_(w, y[columns])
            degree[rows] += w.sum(dim=-1, keepdim=True)
        return out.mul_(blocks.factor), degree.mul_(blocks.factor)

    @staticmethod
    def backward(ctx: Any, g: Tensor, g1: Tensor) -> tuple[Tensor | None, ...]:
        t, p, y = ctx.saved_tensors
        g = torch.cat([g, g1], dim=-1)
        if torch.is_grad_enabled():

            def sums(t: Tensor, p: Tensor, y: Tensor) -> Tensor:
                both: Tensor = ctx.affinity(t, p) @ with_ones(y)
                return both

            return (*dense_gradients(sums, (t, p, y), g), None)
        return (*_gradients(PairBlocks.of(ctx.affinity, t, p), t, p, y, g), None)


def _gradients(blocks: PairBlocks, t: Tensor, p: Tensor, y: Tensor, g: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """dJ/d omega = g [y, 1]^T, dJ/dd = omega'(d) dJ/d omega."""
    values, chain = with_ones(y), DistanceGradients(t, p, blocks.affinity.distances)
    g, gy = blocks.factor * g, torch.zeros_like(values[..., :-1])
    for rows, columns in blocks:
        d = blocks.distances(rows, columns)
        w, gi = blocks.weights(d), g[rows]
        gy[columns].baddbmm_(w.mT, gi[..., :-1])
        chain.add(rows, columns, blocks.slopes_into(torch.bmm(gi, values[columns].mT), d, w))
    return (*chain.gradients(blocks.slope_factor), gy)


def _apply(t: Tensor, p: Tensor, y: Tensor, affinity: Any) -> tuple[Tensor, Tensor]:
    attach: Callable[..., tuple[Tensor, Tensor]] = _PairSums.apply
    return attach(t, p, y, affinity)


_disable: Callable[..., Callable[..., Any]] = torch.compiler.disable
_outside_graphs = _disable(_apply)

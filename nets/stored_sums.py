"""Sums weighed by power-law and logarithmic affinities that are stored once and applied several times.

Symbols: t (B, M, e), p (B, N, e) features; d = |t_i - p_j|^2; omega_ij = omega(d_ij); y_k (B, N, C) values of the k-th
application, g_k the gradient of omega y_k, g the one of omega 1.

The gradient of omega is sum_k g_k y_k^T + g 1^T: M N numbers that are needed only to be multiplied by omega'(d), block
by block. An application therefore passes its two factors back in place of their product, as the gradients of two
tensors that hold nothing, and the gradients of t and p are computed once, from the factors of all applications.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from pide.nets.pair_blocks import PairBlocks
from pide.nets.pair_gradients import DistanceGradients, dense_gradients
from pide.operators.affinity import LogAffinity, PowerAffinity

__all__ = ["stored_sums"]


def stored_sums(
    affinity: PowerAffinity | LogAffinity, t: Tensor, p: Tensor, applications: int = 1
) -> Callable[[Tensor], tuple[Tensor, Tensor]]:
    """y -> (sum_j omega_ij y_j, sum_j omega_ij), shapes (B, M, C) and (B, M, 1), with M N numbers kept for all y.

    Parameters
    ----------
    affinity : PowerAffinity or LogAffinity
        Its exponent, or slope and gauge, are numbers; the affinity has no embeddings.
    t, p : tensors, shapes (B, M, e), (B, N, e), of one dtype
    applications : int
        How many values of one shape share one backward pass through the weights; more of them begin another.

    Notes
    -----
    Distances are computed as the affinity says, and again in the backward pass, block by block; no second array of M N
    numbers is made. Second derivatives are those of the dense functions. Compiled modules call this function as it is,
    outside their graph.
    """
    with torch.no_grad():
        w, ones = _stored(affinity, t, p)
    slots: list[tuple[Tensor, Tensor]] = []
    degrees: list[Tensor] = []

    def sums(y: Tensor) -> tuple[Tensor, Tensor]:
        if not slots or slots[-1][1].shape[2] != y.shape[2]:
            degree, *free = _factors(t, p, w, ones, affinity, y.shape[2], applications)
            degrees.append(degree)
            slots[:] = zip(free[::2], free[1::2], strict=True)
        total: Tensor = _applied(*slots.pop(), y, t, p, w, affinity)
        return total, degrees[0]

    return sums


def _stored(affinity: Any, t: Tensor, p: Tensor) -> tuple[Tensor, Tensor]:
    """omega and its row sums."""
    blocks = PairBlocks.of(affinity, t, p)
    w, degree = t.new_empty((*t.shape[:2], p.shape[1])), t.new_zeros((*t.shape[:2], 1))
    for rows, columns in blocks:
        block = blocks.weights(blocks.distances(rows, columns), out=w[(*rows, columns[1])]).mul_(blocks.factor)
        degree[rows] += block.sum(dim=-1, keepdim=True)
    return w, degree


class _Factors(torch.autograd.Function):
    """(t, p) -> omega 1 and pairs of tensors (B, M, C), (B, N, C), whose gradients are the factors of that of omega."""

    @staticmethod
    def forward(
        ctx: Any, t: Tensor, p: Tensor, w: Tensor, ones: Tensor, affinity: Any, channels: int, applications: int
    ) -> tuple[Tensor, ...]:
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(t, p, w)
        ctx.affinity = affinity
        shapes = [(*z.shape[:2], channels) for z in (t, p)] * applications
        return ones.clone(), *(t.new_zeros(1).expand(shape) for shape in shapes)

    @staticmethod
    def backward(ctx: Any, g: Tensor | None, *found: Tensor | None) -> tuple[Tensor | None, ...]:
        t, p, w = ctx.saved_tensors
        given = [z for z in found if z is not None]
        factors = list(zip(given[::2], given[1::2], strict=True))
        g = t.new_zeros((*t.shape[:2], 1)) if g is None else g
        if torch.is_grad_enabled():
            return (*_dense(ctx.affinity, t, p, g, factors), *(None,) * 5)
        blocks, chain = PairBlocks.of(ctx.affinity, t, p), DistanceGradients(t, p, ctx.affinity.distances)
        for rows, columns in blocks:
            d = blocks.distances(rows, columns)
            slope = torch.empty_like(d).copy_(g[rows])
            for left, right in factors:
                slope.baddbmm_(left[rows], right[columns].mT)
            chain.add(rows, columns, blocks.slopes_into(slope, d, w[(*rows, columns[1])]))
        return (*chain.gradients(blocks.slope_factor), *(None,) * 5)


def _dense(
    affinity: Any, t: Tensor, p: Tensor, g: Tensor, factors: list[tuple[Tensor, Tensor]]
) -> tuple[Tensor | None, ...]:
    left = torch.cat([g, *(left for left, _ in factors)], dim=-1)
    right = torch.cat([torch.ones_like(p[..., :1]), *(right for _, right in factors)], dim=-1)
    return dense_gradients(lambda t, p: affinity(t, p) @ right, (t, p), left)


class _Application(torch.autograd.Function):
    """y -> omega y; the gradient of omega goes to its two factors."""

    @staticmethod
    def forward(
        ctx: Any, left: Tensor, right: Tensor, y: Tensor, t: Tensor, p: Tensor, w: Tensor, affinity: Any
    ) -> Tensor:
        ctx.save_for_backward(y, t, p, w)
        ctx.affinity = affinity
        return torch.bmm(w, y)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        y, t, p, w = ctx.saved_tensors
        if torch.is_grad_enabled():
            w = ctx.affinity(t, p)
        gy = torch.bmm(w.mT, g) if ctx.needs_input_grad[2] else None
        return g, y, gy, None, None, None, None


def _create(*inputs: Any) -> tuple[Tensor, ...]:
    attach: Callable[..., tuple[Tensor, ...]] = _Factors.apply
    return attach(*inputs)


def _apply(*inputs: Any) -> Tensor:
    attach: Callable[..., Tensor] = _Application.apply
    return attach(*inputs)


_disable: Callable[..., Callable[..., Any]] = torch.compiler.disable
_factors, _applied = _disable(_create), _disable(_apply)

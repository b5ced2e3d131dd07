"""sum_j omega_ij y_j and sum_j omega_ij of power-law and logarithmic affinities, in blocks that stay in the cache.

Symbols: t (B, M, e), p (B, N, e) features; d = |t_i - p_j|^2; w = omega(d); y (B, N, C);
g, g1 gradients of the two sums.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from pide.operators.affinity import LogAffinity, PowerAffinity
from pide.operators.affinity_distances import coincidence

__all__ = ["pair_sums"]

_BLOCK = 1 << 18
"""Pairs of one block: 1 MB of float32, so that the passes over it stay in the second-level cache."""


def pair_sums(affinity: PowerAffinity | LogAffinity, t: Tensor, p: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """(sum_j omega_ij y_j, sum_j omega_ij), shapes (B, M, C) and (B, M, 1), without M N numbers in memory.

    Parameters
    ----------
    affinity : PowerAffinity or LogAffinity
        Its exponent, or slope and gauge, are numbers; the affinity has no embeddings.
    t, p, y : tensors, shapes (B, M, e), (B, N, e), (B, N, C), of one dtype

    Notes
    -----
    Distances are computed "by products", see `squared_distances`. The weights are computed again in the backward pass,
    block by block. Second derivatives are those of the dense functions, with M N numbers in memory. Compiled modules
    call this function as it is, outside their graph.
    """
    sums = _attached(t, p, y, affinity)
    return sums[..., :-1], sums[..., -1:]


def _apply(t: Tensor, p: Tensor, y: Tensor, affinity: PowerAffinity | LogAffinity) -> Tensor:
    attach: Callable[..., Tensor] = _PairSums.apply
    return attach(t, p, y, affinity)


_outside_graphs: Callable[..., Callable[..., Tensor]] = torch.compiler.disable
_attached = _outside_graphs(_apply)


class _PairSums(torch.autograd.Function):
    """(t, p, y) -> [W y, W 1]."""

    @staticmethod
    def forward(ctx: Any, t: Tensor, p: Tensor, y: Tensor, affinity: Any) -> Tensor:
        ctx.save_for_backward(t, p, y)
        ctx.affinity = affinity
        left, right, limit = _factors(t, p)
        values = _with_ones(y)
        out = y.new_empty((*t.shape[:2], values.shape[2]))
        for images, rows in _blocks(t.shape[0], t.shape[1], p.shape[1]):
            d = torch.bmm(left[images, rows], right[images].mT)
            far = d > limit[images, rows]
            out[images, rows] = torch.bmm(_weights(affinity, d, far), values[images])
        return out

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        t, p, y = ctx.saved_tensors
        gradients = _differentiable_gradients if torch.is_grad_enabled() else _gradients
        return (*gradients(ctx.affinity, t, p, y, g), None)


def _gradients(affinity: Any, t: Tensor, p: Tensor, y: Tensor, g: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """dJ/dw = g y^T + g1; dJ/dd = w'(d) dJ/dw; dd/dt_i = 2 (t_i - p_j), and with the other sign for p_j."""
    left, right, limit = _factors(t, p)
    values, t1, p1 = _with_ones(y), _with_ones(t), _with_ones(p)
    g = g.contiguous()
    gt, gp, gy = torch.empty_like(t1), torch.zeros_like(p1), torch.zeros_like(values)
    for images, rows in _blocks(t.shape[0], t.shape[1], p.shape[1]):
        d = torch.bmm(left[images, rows], right[images].mT)
        far = d > limit[images, rows]
        gi = g[images, rows]
        w = _weights(affinity, d, far)
        gy[images].baddbmm_(w.mT, gi)
        gd = torch.bmm(gi, values[images].mT).mul_(_slopes(affinity, d, w, far))
        gt[images, rows] = torch.bmm(gd, p1[images])
        gp[images].baddbmm_(gd.mT, t1[images, rows])
    return 2.0 * (gt[..., -1:] * t - gt[..., :-1]), 2.0 * (gp[..., -1:] * p - gp[..., :-1]), gy[..., :-1]


def _differentiable_gradients(affinity: Any, t: Tensor, p: Tensor, y: Tensor, g: Tensor) -> tuple[Tensor | None, ...]:
    """The same as a graph of dense functions, for second derivatives."""
    inputs = [z for z in (t, p, y) if z.requires_grad]
    w = affinity(t, p)
    sums = torch.cat([w @ y, w.sum(dim=-1, keepdim=True)], dim=-1)
    found = iter(torch.autograd.grad(sums, inputs, g, create_graph=True))
    return tuple(next(found) if z.requires_grad else None for z in (t, p, y))


def _factors(t: Tensor, p: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Left and right factors of the matrix d, and the largest d of coincident pairs in each row."""
    centre = p.mean(dim=1, keepdim=True)
    t, p = t - centre, p - centre
    squares, others = t.square().sum(dim=-1, keepdim=True), p.square().sum(dim=-1, keepdim=True)
    left = torch.cat([-2.0 * t, squares, torch.ones_like(squares)], dim=-1)
    right = torch.cat([p, torch.ones_like(others), others], dim=-1)
    return left, right, coincidence(t.shape[-1], torch.finfo(t.dtype).eps) * squares


def _with_ones(x: Tensor) -> Tensor:
    return torch.cat([x, torch.ones_like(x[..., :1])], dim=-1)


def _blocks(images: int, rows: int, pooled: int) -> Iterator[tuple[slice, slice]]:
    """Blocks of at most _BLOCK pairs, or one row of one image: whole images while they fit, else rows of one image."""
    together = max(1, _BLOCK // max(1, rows * pooled))
    step = rows if rows * pooled <= _BLOCK else max(1, _BLOCK // pooled)
    for first in range(0, images, together):
        for start in range(0, rows, max(1, step)):
            yield slice(first, min(first + together, images)), slice(start, min(start + step, rows))


def _weights(affinity: Any, d: Tensor, far: Tensor) -> Tensor:
    """omega, and 0 for coincident pairs, whose d becomes infinite."""
    d.masked_fill_(~far, math.inf)
    if isinstance(affinity, LogAffinity):
        values = torch.log(d).mul_(-0.5 * affinity.slope).sub_(affinity.gauge)
        return values.masked_fill_(~far, 0.0)
    return _power(d, affinity.exponent).mul_(affinity.factor)


def _power(d: Tensor, exponent: float) -> Tensor:
    """d^(-exponent / 2), by products of the inverse root for the exponents 1 to 4."""
    if exponent not in (1, 2, 3, 4):
        return torch.pow(d, -0.5 * exponent)
    if exponent == 2:
        return torch.reciprocal(d)
    if exponent == 4:
        return torch.reciprocal(d).square_()
    root = torch.rsqrt(d)
    return root if exponent == 1 else root.pow_(3)


def _slopes(affinity: Any, d: Tensor, w: Tensor, far: Tensor) -> Tensor:
    """d omega / d d, in the storage of w and d; 0 for coincident pairs."""
    if isinstance(affinity, LogAffinity):
        return d.reciprocal_().mul_(-0.5 * affinity.slope)
    return w.div_(d).mul_(-0.5 * affinity.exponent)

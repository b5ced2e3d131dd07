"""Power-law and logarithmic affinities by blocks that stay in the cache: their sums, or their weights to be kept.

Symbols: t (B, M, e), p (B, N, e) features; d = |t_i - p_j|^2; omega_ij = omega(d_ij); y (B, N, C).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from pide.nets.pair_blocks import PairBlocks, Place, with_ones
from pide.operators.affinity import LogAffinity, PowerAffinity

__all__ = ["pair_sums", "pair_weights"]


def pair_sums(
    affinity: PowerAffinity | LogAffinity, t: Tensor, p: Tensor, y: Tensor
) -> tuple[Tensor, Tensor]:
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
    total, degree = _sums(t, p, y, affinity)
    return total, degree


def pair_weights(
    affinity: PowerAffinity | LogAffinity, t: Tensor, p: Tensor
) -> tuple[Tensor, Tensor]:
    """(omega_ij, sum_j omega_ij), shapes (B, M, N) and (B, M, 1); no other array of M N numbers is kept.

    Parameters and notes as in `pair_sums`.
    """
    omega, degree = _weights(t, p, affinity)
    return omega, degree


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
        if torch.is_grad_enabled():

            def sums(t: Tensor, p: Tensor, y: Tensor) -> Tensor:
                both: Tensor = ctx.affinity(t, p) @ with_ones(y)
                return both

            return (*_dense_gradients(sums, (t, p, y), torch.cat([g, g1], dim=-1)), None)
        return (*_gradients(PairBlocks.of(ctx.affinity, t, p), t, p, y, torch.cat([g, g1], dim=-1)), None)


class _PairWeights(torch.autograd.Function):
    """(t, p) -> (omega, omega 1)."""

    @staticmethod
    def forward(ctx: Any, t: Tensor, p: Tensor, affinity: Any) -> tuple[Tensor, Tensor]:
        blocks = PairBlocks.of(affinity, t, p)
        out, degree = t.new_empty((*t.shape[:2], p.shape[1])), t.new_zeros((*t.shape[:2], 1))
        for rows, columns in blocks:
            w = blocks.weights(blocks.distances(rows, columns)).mul_(blocks.factor)
            out[(*rows, columns[1])] = w
            degree[rows] += w.sum(dim=-1, keepdim=True)
        ctx.save_for_backward(t, p, out)
        ctx.affinity = affinity
        return out, degree

    @staticmethod
    def backward(ctx: Any, g: Tensor, g1: Tensor) -> tuple[Tensor | None, ...]:
        t, p, w = ctx.saved_tensors
        if torch.is_grad_enabled():
            return (*_dense_gradients(ctx.affinity, (t, p), g + g1), None)
        blocks = PairBlocks.of(ctx.affinity, t, p)
        chain = _DistanceGradients(t, p)
        for rows, columns in blocks:
            d, pairs = blocks.distances(rows, columns), (*rows, columns[1])
            chain.add(rows, columns, blocks.slopes_into(g[pairs] + g1[rows], d, w[pairs]))
        return (*chain.gradients(blocks.slope_factor), None)


class _DistanceGradients:
    """Gradients of t and p from those of d, dd/dt_i = 2 (t_i - p_j) and dd/dp_j the negative, summed over blocks."""

    def __init__(self, t: Tensor, p: Tensor) -> None:
        self.t, self.p = t.contiguous(), p.contiguous()
        self.gt, self.gp = torch.zeros_like(self.t), torch.zeros_like(self.p)
        self.own, self.others = torch.zeros_like(t[..., :1]), torch.zeros_like(p[..., :1])

    def add(self, rows: Place, columns: Place, gd: Tensor) -> None:
        """The gradient of one block of d."""
        self.gt[rows].baddbmm_(gd, self.p[columns])
        self.own[rows] += gd.sum(dim=-1, keepdim=True)
        self.gp[columns].baddbmm_(gd.mT, self.t[rows])
        self.others[columns] += gd.sum(dim=-2).unsqueeze(-1)

    def gradients(self, factor: float) -> tuple[Tensor, Tensor]:
        """factor dJ/dt, factor dJ/dp."""
        return 2.0 * factor * (self.own * self.t - self.gt), 2.0 * factor * (self.others * self.p - self.gp)


def _gradients(blocks: PairBlocks, t: Tensor, p: Tensor, y: Tensor, g: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """dJ/d omega = g [y, 1]^T, dJ/dd = omega'(d) dJ/d omega."""
    values, chain = with_ones(y), _DistanceGradients(t, p)
    g = blocks.factor * g
    gy = torch.zeros_like(values[..., :-1])
    for rows, columns in blocks:
        d = blocks.distances(rows, columns)
        w, gi = blocks.weights(d), g[rows]
        gy[columns].baddbmm_(w.mT, gi[..., :-1])
        chain.add(rows, columns, blocks.slopes_into(torch.bmm(gi, values[columns].mT), d, w))
    return (*chain.gradients(blocks.slope_factor), gy)


def _dense_gradients(
    f: Callable[..., Tensor], inputs: tuple[Tensor, ...], g: Tensor
) -> tuple[Tensor | None, ...]:
    """Gradients of f as a graph of dense functions, for second derivatives."""
    wanted = [z for z in inputs if z.requires_grad]
    found = iter(torch.autograd.grad(f(*inputs), wanted, g, create_graph=True))
    return tuple(next(found) if z.requires_grad else None for z in inputs)


def _apply_sums(t: Tensor, p: Tensor, y: Tensor, affinity: Any) -> tuple[Tensor, Tensor]:
    attach: Callable[..., tuple[Tensor, Tensor]] = _PairSums.apply
    return attach(t, p, y, affinity)


def _apply_weights(t: Tensor, p: Tensor, affinity: Any) -> tuple[Tensor, Tensor]:
    attach: Callable[..., tuple[Tensor, Tensor]] = _PairWeights.apply
    return attach(t, p, affinity)


_outside_graphs: Callable[..., Callable[..., Any]] = torch.compiler.disable
_sums, _weights = _outside_graphs(_apply_sums), _outside_graphs(_apply_weights)

"""Gradients of features from those of their distances, and of dense functions for second derivatives.

Symbols: t (B, M, e), p (B, N, e) features; d = |t_i - p_j|^2; J what is differentiated.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from pide.nets.pair_blocks import Place, by_channel, differences

__all__ = ["DistanceGradients", "dense_gradients"]


class DistanceGradients:
    """dJ/dt and dJ/dp from dJ/dd, dd/dt_i = 2 (t_i - p_j) and dd/dp_j the negative, summed over blocks of pairs.

    Products take the two terms of t_i - p_j apart, as distances by products do; near pairs lose digits by either.
    """

    def __init__(self, t: Tensor, p: Tensor, by: str) -> None:
        self.by_differences = by == "differences"
        self.t, self.p = (by_channel(t), by_channel(p)) if self.by_differences else (t.contiguous(), p.contiguous())
        self.gt, self.gp = torch.zeros_like(self.t), torch.zeros_like(self.p)
        self.own, self.others = torch.zeros_like(t[..., :1]), torch.zeros_like(p[..., :1])

    def add(self, rows: Place, columns: Place, gd: Tensor) -> None:
        """dJ/dd of one block."""
        t, p, gt, gp = self.t[rows], self.p[columns], self.gt[rows], self.gp[columns]
        if self.by_differences:
            for channel in range(t.shape[-1]):
                terms = differences(t, p, channel).mul_(gd)
                gt[..., channel] -= terms.sum(dim=-1)
                gp[..., channel] += terms.sum(dim=-2)
            return
        gt.baddbmm_(gd, p)
        self.own[rows] += gd.sum(dim=-1, keepdim=True)
        gp.baddbmm_(gd.mT, t)
        self.others[columns] += gd.sum(dim=-2).unsqueeze(-1)

    def gradients(self, factor: float) -> tuple[Tensor, Tensor]:
        """factor dJ/dt, factor dJ/dp."""
        scale = 2.0 * factor
        return scale * (self.own * self.t - self.gt), scale * (self.others * self.p - self.gp)


def dense_gradients(f: Callable[..., Tensor], inputs: tuple[Tensor, ...], g: Tensor) -> tuple[Tensor | None, ...]:
    """Gradients of <f, g> as a graph of dense functions; None for inputs that need none."""
    wanted = [z for z in inputs if z.requires_grad]
    found = iter(torch.autograd.grad(f(*inputs), wanted, g, create_graph=True))
    return tuple(next(found) if z.requires_grad else None for z in inputs)

"""Power-law and logarithmic affinities of one block of pairs, and their slopes, in place.

Symbols: t (B, M, e), p (B, N, e) features; d = |t_i - p_j|^2; w = omega(d) / factor.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from pide.operators.affinity import LogAffinity
from pide.operators.affinity_distances import coincidence

__all__ = ["PairBlocks", "Place", "by_channel", "differences", "with_ones"]

Place = tuple[slice, slice]
"""Images, and rows or columns of each."""

_BLOCK = 1 << 18
"""Pairs of one block: 1 MB of float32, so that the passes over it stay in the second-level cache."""


@dataclass(frozen=True, eq=False)
class PairBlocks:
    """The matrix d, taken block by block, "by products" or "by differences" as the affinity says.

    Parameters
    ----------
    affinity : PowerAffinity or LogAffinity
        Its exponent, or slope and gauge, are numbers.
    left, right : tensors, shapes (B, M, e + 2) and (B, N, e + 2), or (B, M, e) and (B, N, e)
        d = left right^T by products; t and p by differences.
    limit : tensor, shape (B, M, 1)
        The largest d of coincident pairs.
    """

    affinity: Any
    left: Tensor
    right: Tensor
    limit: Tensor

    @classmethod
    def of(cls, affinity: Any, t: Tensor, p: Tensor) -> PairBlocks:
        """From features; by products the mean of p is moved to the origin, as in `squared_distances`."""
        if affinity.distances == "differences":
            return cls(affinity, by_channel(t), by_channel(p), torch.zeros_like(t[..., :1]))
        centre = p.mean(dim=1, keepdim=True)
        t, p = t - centre, p - centre
        squares, others = t.square().sum(dim=-1, keepdim=True), p.square().sum(dim=-1, keepdim=True)
        left = torch.cat([-2.0 * t, squares, torch.ones_like(squares)], dim=-1)
        right = torch.cat([p, torch.ones_like(others), others], dim=-1)
        return cls(affinity, left, right, coincidence(t.shape[-1], torch.finfo(t.dtype).eps) * squares)

    def __iter__(self) -> Iterator[tuple[Place, Place]]:
        """(images, rows) and (images, columns) of blocks: whole images while they fit, else tiles of one image.

        Tiles are as square as the map allows, because products of thin blocks are slow, and of nearly one size.
        """
        (images, rows), pooled = self.left.shape[:2], self.right.shape[1]
        side = max(1, math.isqrt(_BLOCK))
        across = _parts(pooled, max(side, _BLOCK // max(1, rows)))
        down = _parts(rows, max(1, _BLOCK // max(1, across[0].stop if across else 1)))
        together = max(1, _BLOCK // max(1, rows * pooled))
        for first in range(0, images, together):
            some = slice(first, min(first + together, images))
            for row in down:
                for column in across:
                    yield (some, row), (some, column)

    def distances(self, rows: Place, columns: Place) -> Tensor:
        """d of a block, infinite for coincident pairs."""
        left, right = self.left[rows], self.right[columns]
        if self.affinity.distances == "differences":
            d = differences(left, right, 0).square_()
            for channel in range(1, left.shape[-1]):
                r = differences(left, right, channel)
                d.addcmul_(r, r)
        else:
            d = torch.bmm(left, right.mT)
        limit = self.limit[rows]
        # On the CPU one pass for the smallest d saves the three of masking; elsewhere it would wait for the
        # device, and a compiler cannot follow it.
        if d.device.type != "cpu" or torch.compiler.is_compiling() or bool(d.amin() <= limit.amax()):
            d.masked_fill_(d <= limit, math.inf)
        return d

    def weights(self, d: Tensor, out: Tensor | None = None) -> Tensor:
        """omega(d) without the factor of a power; 0 where d is infinite."""
        if isinstance(self.affinity, LogAffinity):
            values = torch.log(d, out=out).mul_(-0.5 * self.affinity.slope).sub_(self.affinity.gauge)
            return values.nan_to_num_(nan=math.nan, posinf=0.0, neginf=0.0)
        return _power(d, self.affinity.exponent, out)

    def slopes_into(self, gradient: Tensor, d: Tensor, w: Tensor) -> Tensor:
        """gradient d omega / d d, in the storage of the gradient."""
        if isinstance(self.affinity, LogAffinity):
            return gradient.div_(d).mul_(-0.5 * self.affinity.slope)
        return gradient.mul_(w).div_(d)

    @property
    def factor(self) -> float:
        """What `weights` leaves out."""
        return 1.0 if isinstance(self.affinity, LogAffinity) else float(self.affinity.factor)

    @property
    def slope_factor(self) -> float:
        """What `slopes_into` leaves out, besides the factor."""
        return 1.0 if isinstance(self.affinity, LogAffinity) else -0.5 * float(self.affinity.exponent)


def _parts(count: int, largest: int) -> list[slice]:
    """0 .. count - 1 in parts of nearly one size, at most `largest`."""
    size = math.ceil(count / max(1, math.ceil(count / largest)))
    return [slice(start, min(start + size, count)) for start in range(0, count, max(1, size))]


def by_channel(x: Tensor) -> Tensor:
    """x with the numbers of one channel beside each other in memory."""
    return x.mT.contiguous().mT


def differences(t: Tensor, p: Tensor, channel: int) -> Tensor:
    """t_i - p_j in one channel, shape (B, M, N)."""
    return t[..., channel].unsqueeze(-1) - p[..., channel].unsqueeze(-2)


def with_ones(x: Tensor) -> Tensor:
    """x with one more channel of ones."""
    return torch.cat([x, torch.ones_like(x[..., :1])], dim=-1)


def _power(d: Tensor, exponent: float, out: Tensor | None) -> Tensor:
    """d^(-exponent / 2), by products of the inverse root for the exponents 1 to 4."""
    if exponent not in (1, 2, 3, 4):
        return torch.pow(d, -0.5 * exponent, out=out)
    if exponent in (2, 4):
        inverse = torch.reciprocal(d, out=out)
        return inverse if exponent == 2 else inverse.square_()
    root = torch.rsqrt(d, out=out)
    return root if exponent == 1 else root.pow_(3)

"""The nonlocal Verlet block (Bohn, Griebel and Kannan 2021, equation 4.3): two fields that drive each other.

Symbols: X = (V, W) the halves of the channels; op the nonlocal operator with the kernel of V; K_1, K_2 convolutions of
size 1; sigma batch normalisation and activation; h step.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from pide.nets.layers.pide_block import PIDEBlock

__all__ = ["VerletBlock"]


class VerletBlock(nn.Module):
    """V <- V + h sigma(K_1 op(-W)), then W <- W - h sigma(K_2 op(V)), for the two halves V and W of the channels.

    Parameters
    ----------
    channels : int
        C, even: C / 2 for each of V and W.
    kind : {"diffusion", "fractional", "inverse_fractional", "log"}
    options
        Keywords of `PIDEBlock`, which is applied to the halves, except `stages`, which is 2 here; an embedding of None
        has C / 4 channels.

    Notes
    -----
    One step of the Stoermer-Verlet rule for V' = sigma(K_1 op(-W)), W' = -sigma(K_2 op(V)). Started from V = X, W = -X
    it gives W = -B_2, B_2 the two-stage `PIDEBlock` of X with the same weights: equation 4.2 is 4.1. The kernel is that
    of the incoming V, so the step can be undone only where V is kept. No energy is claimed. Cost: that of the block on
    C / 2 channels.

    Raises
    ------
    ValueError
        For an odd number of channels, and as `PIDEBlock`.

    References
    ----------
    Bohn, Griebel, Kannan 2021.
    """

    def __init__(self, channels: int, kind: str = "diffusion", **options: Any) -> None:
        super().__init__()
        if channels < 2 or channels % 2:
            raise ValueError(
                f"VerletBlock(channels={channels}): two halves are needed. Write channels={max(2, channels + 1)}."
            )
        if options.get("stages", 2) != 2:
            raise ValueError(f"VerletBlock(stages={options['stages']}): a step has two. Leave stages out.")
        self.channels = channels
        self.block = PIDEBlock(channels // 2, kind, **{**options, "stages": 2})

    def forward(self, x: Tensor) -> Tensor:
        """(V, W) after one step; x : tensor, shape (B, C, *shape)."""
        if x.shape[1] != self.channels:
            raise ValueError(
                f"VerletBlock: {x.shape[1]} channels were given, {self.channels} are needed. "
                f"Write VerletBlock(channels={x.shape[1]})."
            )
        v, w = x.chunk(2, dim=1)
        block, h = self.block, self.block.step
        term = block.term_of(v)
        v = torch.add(v, block.stage(0, term(-w)), alpha=h)
        w = torch.sub(w, block.stage(1, term(v)), alpha=h)
        return torch.cat([v, w], dim=1)

    def engine_for(self, *shape: int) -> str:
        """The engine that maps of this shape are computed with."""
        return self.block.engine_for(*shape)

    def pair_operations(self, shape: tuple[int, ...], counting: str = "core") -> int:
        """Multiply-adds of one image outside the convolutions, see `PIDEBlock.pair_operations`."""
        return self.block.pair_operations(shape, counting)

    def extra_repr(self) -> str:
        return f"V <- V + h sigma(K_1 op(-W)), W <- W - h sigma(K_2 op(V)), channels={self.channels}"

"""Optimisers as entries of a training file, and which parameters they shrink."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from pide.nets.training.penalties import Decay, parameter_groups

__all__ = ["SGD", "AdamW", "Optimiser"]


@dataclass(frozen=True)
class SGD:
    """v <- m v + g, p <- p - r v (Nesterov: p <- p - r (g + m v)); g contains 2 c p for a decay of c |p|^2."""

    momentum: float = 0.9
    nesterov: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.momentum < 1 or (self.nesterov and self.momentum == 0):
            raise ValueError(f"SGD(momentum={self.momentum:g}): needs 0 <= momentum < 1. Write momentum = 0.9.")

    def build(self, net: nn.Module, decay: Decay) -> torch.optim.Optimizer:
        """The optimiser of a network's parameters."""
        groups: Any = parameter_groups(net, decay)
        return torch.optim.SGD(groups, lr=1.0, momentum=self.momentum, nesterov=self.nesterov)


@dataclass(frozen=True)
class AdamW:
    """Adam with decoupled decay: p <- p - r 2 c p beside the Adam step, so that c is not a term of the loss."""

    first: float = 0.9
    second: float = 0.999

    def __post_init__(self) -> None:
        if not (0 <= self.first < 1 and 0 <= self.second < 1):
            raise ValueError(f"AdamW(first={self.first:g}, second={self.second:g}): needs both in [0, 1).")

    def build(self, net: nn.Module, decay: Decay) -> torch.optim.Optimizer:
        """The optimiser of a network's parameters."""
        groups: Any = parameter_groups(net, decay)
        return torch.optim.AdamW(groups, lr=1.0, betas=(self.first, self.second))


Optimiser = SGD | AdamW

"""Everything that changes in a training, to be saved and restored as a whole."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["State", "start"]


@dataclass(eq=False)
class State:
    """A training between two steps: the only mutable object of the loop.

    Parameters
    ----------
    net : nn.Module
    optimiser : torch.optim.Optimizer
    average : nn.Module or None
        Moving average of the weights.
    epoch, step : int
        Epochs done, and steps done in the present one: the position in the order of the images.
    sums : tensor, float64, shape (4,)
        Of the present epoch: cross entropy, labelled images or pixels, those called right, penalty times batches.
    seconds : float
        Spent on the present epoch.
    history : list of dict
        One row per epoch.
    best : float
        Highest accuracy (mean IoU for segmentation) so far on the set that picks the best epoch.
    """

    net: nn.Module
    optimiser: torch.optim.Optimizer
    average: nn.Module | None = None
    epoch: int = 0
    step: int = 0
    sums: Tensor = field(default_factory=lambda: torch.zeros(4, dtype=torch.float64))
    seconds: float = 0.0
    history: list[dict[str, float]] = field(default_factory=list)
    best: float = -1.0

    @property
    def judged(self) -> nn.Module:
        """The network that is evaluated: the moving average where there is one."""
        return self.net if self.average is None else self.average

    def content(self) -> dict[str, Any]:
        """All of it as tensors and plain values, with the states of torch's random generators."""
        cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
        return {
            "net": self.net.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "average": None if self.average is None else self.average.state_dict(),
            "random": {"cpu": torch.get_rng_state(), "cuda": cuda},
            **{name: getattr(self, name) for name in ("epoch", "step", "sums", "seconds", "history", "best")},
        }

    def restore(self, content: dict[str, Any]) -> None:
        """Become what `content` describes."""
        self.net.load_state_dict(content["net"])
        self.optimiser.load_state_dict(content["optimiser"])
        if self.average is not None:
            self.average.load_state_dict(content["average"])
        torch.set_rng_state(content["random"]["cpu"].cpu())
        if content["random"]["cuda"] and torch.cuda.is_available():
            torch.cuda.set_rng_state_all([state.cpu() for state in content["random"]["cuda"]])
        self.sums.copy_(content["sums"])
        for name in ("epoch", "step", "seconds", "history", "best"):
            setattr(self, name, content[name])

    def update_average(self, decay: float) -> None:
        """average <- decay average + (1 - decay) net; integers are copied."""
        if self.average is None:
            return
        with torch.no_grad():
            current = self.net.state_dict()
            for name, kept in self.average.state_dict().items():
                if kept.is_floating_point():
                    kept.lerp_(current[name], 1 - decay)
                else:
                    kept.copy_(current[name])


def start(net: nn.Module, optimiser: torch.optim.Optimizer, average: float, device: str) -> State:
    """State before the first step."""
    kept = copy.deepcopy(net).requires_grad_(False) if average else None
    return State(net, optimiser, kept, sums=torch.zeros(4, dtype=torch.float64, device=device))

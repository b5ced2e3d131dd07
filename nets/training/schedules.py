"""Learning rates by epoch. Symbols: e epochs done (0 in the first epoch), E all epochs, r the rate, g the factor."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["Constant", "Cosine", "Schedule", "Steps"]


def _check(name: str, rate: float, warm_up: int) -> None:
    if not (rate > 0 and warm_up >= 0):
        raise ValueError(f"{name}(rate={rate:g}, warm_up={warm_up}): needs rate > 0 and warm_up >= 0 epochs.")


@dataclass(frozen=True)
class Constant:
    """The same rate in every epoch."""

    rate: float = 0.1

    def __post_init__(self) -> None:
        _check("Constant", self.rate, 0)

    def at(self, epoch: int, epochs: int) -> float:
        """r of the epoch before which `epoch` epochs are done."""
        return self.rate


@dataclass(frozen=True)
class Steps:
    """`warm_up_rate` for the first `warm_up` epochs, then r g^k once k of the milestones are reached.

    Parameters
    ----------
    rate : float
        r.
    milestones : tuple of float
        Numbers of epochs done; increasing. With `relative`, fractions of all epochs.
    factor : float
        g, 0 < g <= 1.
    warm_up : int
        Epochs at `warm_up_rate`.
    warm_up_rate : float
    relative : bool
        A published schedule scaled to another number of epochs: milestones are floor(fraction * E).

    Notes
    -----
    Bohn et al.: Steps(0.1, (80, 120, 160, 180), 0.1, warm_up=1, warm_up_rate=0.01) for 200 epochs.
    Tao et al.: Steps(0.1, (81, 122)) for 164 epochs.

    >>> [Steps(0.1, (2, 3), warm_up=1).at(epoch, 4) for epoch in range(3)]
    [0.01, 0.1, 0.010000000000000002]
    """

    rate: float = 0.1
    milestones: tuple[float, ...] = ()
    factor: float = 0.1
    warm_up: int = 0
    warm_up_rate: float = 0.01
    relative: bool = False

    def __post_init__(self) -> None:
        _check("Steps", min(self.rate, self.warm_up_rate), self.warm_up)
        increasing = all(a < b for a, b in zip(self.milestones, self.milestones[1:], strict=False))
        if not increasing or not 0 < self.factor <= 1 or (self.relative and any(m > 1 for m in self.milestones)):
            raise ValueError(
                f"Steps(milestones={self.milestones}, factor={self.factor:g}): needs increasing milestones (fractions "
                "of all epochs if relative) and 0 < factor <= 1. Write milestones = [80, 120] and factor = 0.1."
            )

    def at(self, epoch: int, epochs: int) -> float:
        """r of the epoch before which `epoch` epochs are done."""
        if epoch < self.warm_up:
            return self.warm_up_rate
        places = (math.floor(m * epochs + 1e-9) for m in self.milestones) if self.relative else self.milestones
        return self.rate * self.factor ** sum(epoch >= place for place in places)


@dataclass(frozen=True)
class Cosine:
    """r (1 + cos(pi (e - w)/(E - w)))/2 after w warm-up epochs at r (e + 1)/(w + 1).

    Parameters
    ----------
    rate : float
        r.
    warm_up : int
        w, epochs of linear growth.
    """

    rate: float = 0.1
    warm_up: int = 0

    def __post_init__(self) -> None:
        _check("Cosine", self.rate, self.warm_up)

    def at(self, epoch: int, epochs: int) -> float:
        """r of the epoch before which `epoch` epochs are done."""
        if epoch < self.warm_up:
            return self.rate * (epoch + 1) / (self.warm_up + 1)
        return self.rate * 0.5 * (1 + math.cos(math.pi * (epoch - self.warm_up) / max(1, epochs - self.warm_up)))


Schedule = Constant | Steps | Cosine

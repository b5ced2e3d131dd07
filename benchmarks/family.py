"""A family of discrete problems with a known answer: its error as a function of its spacing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class Family:
    """An error over spacings, and the order that the documentation states for it.

    Parameters
    ----------
    group, name, measured : str
        Where it stands in the table, what is refined, what the error is.
    order : float or None
        As stated; None where no order is stated, inf for spectral accuracy.
    source, words : str
        File that states it, and the words that do.
    error : callable
        h -> error.
    spacings : tuple of float
        From coarse to fine.
    """

    group: str
    name: str
    measured: str
    order: float | None
    source: str
    words: str
    error: Callable[[float], float]
    spacings: tuple[float, ...]


def halved(coarsest: float, count: int) -> tuple[float, ...]:
    return tuple(coarsest / 2**i for i in range(count))


def relative(computed: Any, truth: Any) -> float:
    """Largest difference over the largest value."""
    return float(np.abs(computed - truth).max() / np.abs(truth).max())

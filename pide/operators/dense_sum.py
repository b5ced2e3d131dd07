"""Sums over all pairs of a cloud: with a stored matrix, or in blocks of rows that are evaluated anew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pide.operators.pair_sum import PairSum

__all__ = ["DenseSum"]

Floats = NDArray[np.float64]

_BLOCK = 1 << 21
"""Entries of a block, 16 MB."""


@dataclass(frozen=True, eq=False)
class DenseSum(PairSum):
    """k_ij = k(|x_i - x_j|^2) of all pairs.

    Parameters
    ----------
    points : array, shape (N, n)
    masses : array, shape (N,)
    kernel : callable
        k as a function of the squared distance, elementwise.
    stored : bool
        Keep the N^2 numbers k_ij m_j; otherwise every call evaluates them.

    Notes
    -----
    Cost N^2 sums for each field and, unless stored, N^2 kernel values for each call; memory of blocks 50 MB.
    Differences are summed as such, so that nothing cancels between near points.
    """

    points: Floats
    masses: Floats
    kernel: Callable[[Floats], Floats]
    stored: bool = False

    @property
    def error(self) -> float:
        return 0.0

    @property
    def notes(self) -> tuple[str, ...]:
        return (f"engine: dense, {'stored' if self.stored else 'in blocks that are not stored'}",)

    def product(self, v: Floats) -> Floats:
        return self._summed(v, lambda weights, rows, row: weights @ row)

    def difference(self, v: Floats) -> Floats:
        return self._summed(v, lambda weights, rows, row: np.sum(weights * (row - row[rows, None]), axis=1))

    def _summed(self, v: Floats, act: Callable[[Floats, slice, Floats], Floats]) -> Floats:
        fields = v.reshape(-1, v.shape[-1])
        total = np.empty_like(fields)
        step = max(1, _BLOCK // len(self.masses))
        for first in range(0, len(self.masses), step):
            rows = slice(first, min(first + step, len(self.masses)))
            weights = self._matrix[rows] if self.stored else self._weights(rows)
            for k, row in enumerate(fields):
                total[k, rows] = act(weights, rows, row)
        return total.reshape(v.shape)

    @cached_property
    def _matrix(self) -> Floats:
        return np.asarray(self._weights(slice(0, len(self.masses))))

    def _weights(self, rows: slice) -> Any:
        """k_ij m_j of some rows."""
        square = np.zeros((len(self.points[rows]), len(self.points)))
        for x in self.points.T:
            square += (x[rows, None] - x) ** 2
        own = np.arange(len(square)), np.arange(len(self.points))[rows]
        square[own] = 1.0
        weights = self.kernel(square)
        weights[own] = 0.0
        return weights * self.masses

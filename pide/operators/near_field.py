"""Pairs nearer than a radius in compressed sparse rows, by cells of that size, and sums of differences over them.

Symbols: R radius, y_ij = |x_i - x_j|^2, w_ij weights, m masses. The loops are compiled by numba on first use.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

__all__ = ["NearField", "cell_order", "compiled", "near_squares"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class NearField:
    """Weights of near pairs in compressed sparse rows.

    Parameters
    ----------
    starts : int array, shape (N + 1,)
    columns : int32 array, shape (pairs,)
        j of each pair; every pair is stored as (i, j) and as (j, i).
    weights : array, shape (pairs,)
        w_ij, symmetric to the bit.
    masses : array, shape (N,)
    """

    starts: Integers
    columns: NDArray[np.int32]
    weights: Floats
    masses: Floats

    @property
    def neighbours(self) -> float:
        """Mean number of neighbours of a point."""
        return len(self.columns) / (len(self.starts) - 1)

    def difference(self, v: Floats) -> Floats:
        """sum_j w_ij m_j (v_j - v_i) for v of shape (N,)."""
        return np.asarray(compiled(_difference)(self.starts, self.columns, self.weights, self.masses, v))

    def product(self, v: Floats) -> Floats:
        """sum_j w_ij m_j v_j for v of shape (N,)."""
        return np.asarray(compiled(_product)(self.starts, self.columns, self.weights, self.masses * v))

    def corrected(self, correction: Any) -> NearField:
        """w_ij + C_ij for a CSR matrix C, symmetric to the bit, in the order of these points."""
        count = len(self.masses)
        total = scipy.sparse.csr_matrix((self.weights, self.columns, self.starts), shape=(count, count)) + correction
        return NearField(total.indptr.astype(np.int64), total.indices.astype(np.int32), total.data, self.masses)


@cache
def compiled(f: Callable[..., Any]) -> Callable[..., Any]:
    """`f` compiled by numba, one thread, without reordering of sums.

    Raises
    ------
    ImportError
        Without numba.
    """
    try:
        from numba import njit
    except ImportError as error:
        raise ImportError(
            'fast summation on clouds needs numba. Write pip install "pide-operators[cloud]", or engine="dense".'
        ) from error
    return njit(cache=True, error_model="numpy")(f)


def cell_order(points: Floats, radius: float) -> tuple[Integers, Integers, Integers]:
    """(order, starts, cells per axis): points sorted by cubic cells of edge at least `radius`.

    Parameters
    ----------
    points : array, shape (N, n)
    radius : float, unit length

    Returns
    -------
    order : int array, shape (N,)
        points[order] is sorted by cell, row by row.
    starts : int array, shape (cells + 1,)
    counts : int array, shape (n,)
    """
    lower = points.min(axis=0)
    extent = np.ptp(points, axis=0)
    edge = radius
    while np.prod(np.floor(extent / edge) + 1) > 4 * len(points) + 1000:
        edge *= 2
    counts = np.maximum(np.floor(extent / edge).astype(np.int64), 1)
    index = np.minimum(((points - lower) * (counts / np.maximum(extent, edge))).astype(np.int64), counts - 1)
    cell = np.ravel_multi_index(tuple(index.T), tuple(counts))
    order = np.argsort(cell, kind="stable")
    starts = np.searchsorted(cell[order], np.arange(int(np.prod(counts)) + 1))
    return order, starts.astype(np.int64), counts


def near_squares(points: Floats, starts: Integers, counts: Integers, radius: float) -> tuple[Integers, Any, Floats]:
    """(row starts, columns, y_ij) of all pairs i != j nearer than R of points that are sorted by `cell_order`."""
    cells = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    index = np.stack(np.unravel_index(cells, tuple(counts)), axis=1).astype(np.int64)
    rows = compiled(_count)(points, index, starts, counts, radius * radius)
    row_starts = np.concatenate([[0], np.cumsum(rows)]).astype(np.int64)
    columns = np.empty(int(row_starts[-1]), dtype=np.int32)
    squares = np.empty(int(row_starts[-1]))
    compiled(_fill)(points, index, starts, counts, radius * radius, row_starts, columns, squares)
    return row_starts, columns, squares


def _difference(starts: Any, columns: Any, weights: Any, masses: Any, v: Any) -> Any:
    total = np.empty(starts.size - 1)
    for i in range(starts.size - 1):
        own, entry = v[i], 0.0
        for p in range(starts[i], starts[i + 1]):
            j = columns[p]
            entry += weights[p] * (masses[j] * (v[j] - own))
        total[i] = entry
    return total


def _product(starts: Any, columns: Any, weights: Any, q: Any) -> Any:
    total = np.empty(starts.size - 1)
    for i in range(starts.size - 1):
        entry = 0.0
        for p in range(starts[i], starts[i + 1]):
            entry += weights[p] * q[columns[p]]
        total[i] = entry
    return total


def _count(points: Any, index: Any, starts: Any, counts: Any, limit: float) -> Any:
    """Neighbours of every point among the points of the adjacent cells."""
    size, n = points.shape
    found = np.zeros(size, dtype=np.int64)
    for i in range(size):
        for offset in range(3 ** (n - 1)):
            row, rest, inside = 0, offset, True
            for axis in range(n - 1):
                k = index[i, axis] + rest % 3 - 1
                rest //= 3
                inside = inside and 0 <= k < counts[axis]
                row = row * counts[axis] + k
            if not inside:
                continue
            row *= counts[n - 1]
            first = starts[row + max(index[i, n - 1] - 1, 0)]
            last = starts[row + min(index[i, n - 1] + 1, counts[n - 1] - 1) + 1]
            for j in range(first, last):
                y = 0.0
                for axis in range(n):
                    y += (points[i, axis] - points[j, axis]) ** 2
                found[i] += y < limit and j != i
    return found


def _fill(
    points: Any, index: Any, starts: Any, counts: Any, limit: float, rows: Any, columns: Any, squares: Any
) -> None:
    """Columns and squared distances of the neighbours, in the order in which `_count` counts them."""
    size, n = points.shape
    for i in range(size):
        p = rows[i]
        for offset in range(3 ** (n - 1)):
            row, rest, inside = 0, offset, True
            for axis in range(n - 1):
                k = index[i, axis] + rest % 3 - 1
                rest //= 3
                inside = inside and 0 <= k < counts[axis]
                row = row * counts[axis] + k
            if not inside:
                continue
            row *= counts[n - 1]
            first = starts[row + max(index[i, n - 1] - 1, 0)]
            last = starts[row + min(index[i, n - 1] + 1, counts[n - 1] - 1) + 1]
            for j in range(first, last):
                y = 0.0
                for axis in range(n):
                    y += (points[i, axis] - points[j, axis]) ** 2
                if y < limit and j != i:
                    columns[p] = j
                    squares[p] = y
                    p += 1

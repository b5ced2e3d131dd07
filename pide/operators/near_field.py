"""Pairs nearer than a radius, found by cells of that size, each kept once, and sums of differences over them.

Symbols: R radius, y_ij = |x_i - x_j|^2, w_ij weights, m masses. The loops are compiled by numba on first use.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from pide.arrays import Array
from pide.operators.padded_rows import PaddedRows, padded_rows

__all__ = ["NearField", "cell_order", "compiled", "near_field"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_BLOCK = 1 << 13
"""Pairs whose weights are evaluated at once: they stay in the cache."""


@dataclass(frozen=True, eq=False)
class NearField:
    """Weights of near pairs i < j in compressed sparse rows.

    Parameters
    ----------
    starts : int array, shape (N + 1,)
    columns : int32 array, shape (pairs,)
        j > i of each pair; (j, i) has the same weight and is not stored.
    weights : array, shape (pairs,)
        w_ij.
    masses : array, shape (N,)
    """

    starts: Integers
    columns: NDArray[np.int32]
    weights: Floats
    masses: Floats

    @property
    def neighbours(self) -> float:
        """Mean number of neighbours of a point."""
        return 2 * len(self.columns) / (len(self.starts) - 1)

    def difference(self, v: Floats) -> Floats:
        """sum_j w_ij m_j (v_j - v_i) for v of shape (N,)."""
        return np.asarray(compiled(_difference)(self.starts, self.columns, self.weights, self.masses, v))

    def product(self, v: Floats) -> Floats:
        """sum_j w_ij m_j v_j for v of shape (N,)."""
        return np.asarray(compiled(_product)(self.starts, self.columns, self.weights, self.masses * v))

    def placed(self, v: Array) -> PaddedRows:
        """The matrix w_ij m_j for fields of the library and device of `v`."""
        return padded_rows(self.matrix().multiply(self.masses), v)

    def matrix(self) -> Any:
        """CSR matrix (N, N) of w_ij = w_ji, zero diagonal."""
        half = self._half()
        return (half + half.T).tocsr()

    def _half(self) -> Any:
        return scipy.sparse.csr_matrix((self.weights, self.columns, self.starts), shape=(len(self.masses),) * 2)

    def corrected(self, correction: Any) -> NearField:
        """w_ij + C_ij for a CSR matrix C, symmetric to the bit, in the order of these points."""
        total = self._half() + scipy.sparse.triu(correction, 1, format="csr")
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
    starts = np.concatenate([[0], np.cumsum(np.bincount(cell, minlength=int(np.prod(counts))))])
    return order, starts.astype(np.int64), counts


def near_field(
    points: Floats, masses: Floats, cells: tuple[Integers, Integers], radius: float, weight: Callable[[Floats], Floats]
) -> NearField:
    """The pairs nearer than R of points that are sorted by `cell_order`, with their weights.

    Parameters
    ----------
    points : array, shape (N, n), unit length
    masses : array, shape (N,)
    cells : (starts, counts)
        Of `cell_order`.
    radius : float, unit length
        R.
    weight : callable
        w as a function of y, elementwise.
    """
    spans, columns_of = _spans(*cells), [np.ascontiguousarray(x) for x in points.T]
    x = tuple([np.zeros(len(points))] * (3 - len(columns_of)) + columns_of)
    limit = radius * radius
    rows = compiled(_count)(x, *spans, limit)
    starts = np.concatenate([[0], np.cumsum(rows)]).astype(np.int64)
    pairs = int(starts[-1])
    columns, squares = np.empty(pairs + 1, dtype=np.int32), np.empty(pairs + 1)
    compiled(_fill)(x, *spans, limit, starts, columns, squares)
    columns, squares = columns[:pairs], squares[:pairs]
    for first in range(0, pairs, _BLOCK):
        squares[first : first + _BLOCK] = weight(squares[first : first + _BLOCK])
    return NearField(starts, columns, squares, masses)


def _spans(starts: Integers, counts: Integers) -> tuple[Integers, Integers]:
    """Points of every occupied cell, (cells, 2), and those of it and of the cells behind it, (cells, rows, 2).

    The cells that touch a cell lie in runs along the last axis, one run for each offset in the other axes; offsets
    that come before 0 in the order of the cells belong to the other cell of the pair.
    """
    occupied = np.flatnonzero(np.diff(starts))
    index = np.stack(np.unravel_index(occupied, tuple(counts)), axis=1)
    first, last = np.maximum(index[:, -1] - 1, 0), np.minimum(index[:, -1] + 1, counts[-1] - 1)
    others = itertools.product((-1, 0, 1), repeat=len(counts) - 1)
    behind = [o for o in others if o >= (0,) * len(o)]
    runs = np.zeros((len(occupied), len(behind), 2), dtype=np.int64)
    for k, offset in enumerate(behind):
        moved = index[:, :-1] + np.array(offset, dtype=np.int64)
        inside = np.all((moved >= 0) & (moved < counts[:-1]), axis=1)
        row = np.zeros(len(occupied), dtype=np.int64)
        for axis in range(len(offset)):
            row = row * counts[axis] + moved[:, axis]
        row = np.where(inside, row, 0) * counts[-1]
        runs[:, k, 0] = np.where(inside, starts[row + first], 0)
        runs[:, k, 1] = np.where(inside, starts[row + last + 1], 0)
    return np.stack([starts[occupied], starts[occupied + 1]], axis=1), runs


def _count(x: Any, cells: Any, runs: Any, limit: float) -> Any:
    """Neighbours j > i of every point i."""
    x0, x1, x2 = x
    found = np.zeros(x0.size, dtype=np.int64)
    for c in range(cells.shape[0]):
        for i in range(cells[c, 0], cells[c, 1]):
            total = 0
            for k in range(runs.shape[1]):
                for j in range(max(runs[c, k, 0], i + 1), runs[c, k, 1]):
                    total += (x0[i] - x0[j]) ** 2 + (x1[i] - x1[j]) ** 2 + (x2[i] - x2[j]) ** 2 < limit
            found[i] = total
    return found


def _fill(x: Any, cells: Any, runs: Any, limit: float, starts: Any, columns: Any, squares: Any) -> None:
    """Columns and squared distances of those neighbours; each is written, and kept if it is near."""
    x0, x1, x2 = x
    for c in range(cells.shape[0]):
        for i in range(cells[c, 0], cells[c, 1]):
            p = starts[i]
            for k in range(runs.shape[1]):
                for j in range(max(runs[c, k, 0], i + 1), runs[c, k, 1]):
                    y = (x0[i] - x0[j]) ** 2 + (x1[i] - x1[j]) ** 2 + (x2[i] - x2[j]) ** 2
                    columns[p] = j
                    squares[p] = y
                    p += y < limit


def _difference(starts: Any, columns: Any, weights: Any, masses: Any, v: Any) -> Any:
    total = np.zeros(starts.size - 1)
    for i in range(starts.size - 1):
        own, mass, entry = v[i], masses[i], 0.0
        for p in range(starts[i], starts[i + 1]):
            j = columns[p]
            change = weights[p] * (v[j] - own)
            entry += masses[j] * change
            total[j] -= mass * change
        total[i] += entry
    return total


def _product(starts: Any, columns: Any, weights: Any, q: Any) -> Any:
    total = np.zeros(starts.size - 1)
    for i in range(starts.size - 1):
        own, entry = q[i], 0.0
        for p in range(starts[i], starts[i + 1]):
            j = columns[p]
            entry += weights[p] * q[j]
            total[j] += weights[p] * own
        total[i] += entry
    return total

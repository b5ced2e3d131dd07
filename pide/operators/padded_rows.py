"""Sparse matrices for libraries of arrays without sparse products: rows padded to the longest one.

Symbols: W (N, N) the matrix, v a field.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pide.arrays import Array, like, namespace

__all__ = ["PaddedRows", "padded_rows"]


@dataclass(frozen=True, eq=False)
class PaddedRows:
    """W by the column numbers and entries of its rows; entries that only fill a row are 0.

    Parameters
    ----------
    columns : int array, shape (N k,)
        Row after row, k entries of each.
    weights : array, shape (N, k)

    Notes
    -----
    One product gathers (..., N, k) numbers: memory and work are those of the longest row, N times.
    """

    columns: Array
    weights: Array

    def product(self, v: Array) -> Array:
        """(W v)_i = sum_j W_ij v_j for v of shape (..., N)."""
        return namespace(v).sum(self._gathered(v) * self.weights, axis=-1)

    def difference(self, v: Array) -> Array:
        """sum_j W_ij (v_j - v_i) for v of shape (..., N), 0 exactly for a constant v."""
        return namespace(v).sum((self._gathered(v) - v[..., None]) * self.weights, axis=-1)

    def _gathered(self, v: Array) -> Array:
        xp = namespace(v)
        return xp.reshape(xp.take(v, self.columns, axis=-1), (*v.shape[:-1], *self.weights.shape))


def padded_rows(matrix: Any, v: Array) -> PaddedRows:
    """A SciPy sparse matrix as `PaddedRows` of the library, dtype and device of `v`."""
    rows = matrix.tocsr()
    lengths = np.diff(rows.indptr)
    width = int(lengths.max(initial=1))
    columns = np.zeros((rows.shape[0], width), dtype=np.int64)
    weights = np.zeros((rows.shape[0], width))
    slots = np.arange(width)[None, :] < lengths[:, None]
    columns[slots] = rows.indices
    weights[slots] = rows.data
    return PaddedRows(like(columns.ravel(), v), like(weights, v))

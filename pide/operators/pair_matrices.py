"""Matrices over pairs of nodes, dense arrays or CSR: the same few operations for both."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

__all__ = ["between", "pair_matrix", "pair_values", "row_sums", "without_diagonal"]

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

_BLOCK = 1 << 16
"""Numbers gathered at a time: they stay in the cache."""


def row_sums(a: Any) -> Floats:
    """sum_j a_ij, shape (N,)."""
    return np.asarray(a.sum(axis=1), dtype=np.float64).ravel()


def between(left: Floats, a: Any, right: Floats) -> Any:
    """a_ij (left_i right_j): the product in brackets first, so that equal factors keep a symmetric to the bit."""
    if not hasattr(a, "tocsr"):
        return a * (left[:, None] * right[None, :])
    a = a.tocsr()
    rows = np.repeat(np.arange(len(left)), np.diff(a.indptr))
    return scipy.sparse.csr_matrix((a.data * (left[rows] * right[a.indices]), a.indices, a.indptr), shape=a.shape)


def without_diagonal(a: Any, divisor: Floats | float = 1.0) -> Any:
    """a_ij / divisor_i for i != j, 0 on the diagonal."""
    divisor = np.broadcast_to(divisor, a.shape[0])
    if not hasattr(a, "tocoo"):
        quotient = a / divisor[:, None]
        np.fill_diagonal(quotient, 0.0)
        return quotient
    entries = a.tocoo()
    i, j = entries.row, entries.col
    off = i != j
    return scipy.sparse.csr_matrix((entries.data[off] / divisor[i[off]], (i[off], j[off])), shape=a.shape)


def pair_values(f: Callable[[Floats, Floats], Any], points: Floats, i: Indices, j: Indices) -> Floats:
    """f(x_i, x_j) of rows x of `points`, for many pairs, a block at a time."""
    values = np.empty(len(i))
    step = max(1, _BLOCK // points.shape[1])
    for start in range(0, len(i), step):
        some = slice(start, start + step)
        values[some] = np.asarray(f(points[i[some]], points[j[some]]))
    return values


def pair_matrix(values: Floats, i: Indices, j: Indices, diagonal: Floats) -> Any:
    """CSR matrix, symmetric to the bit, of values on pairs i < j, each pair once, and on the diagonal."""
    own = np.arange(len(diagonal))
    ends = np.concatenate([i, j, own]), np.concatenate([j, i, own])
    return scipy.sparse.csr_matrix((np.concatenate([values, values, diagonal]), ends), shape=(len(own),) * 2)

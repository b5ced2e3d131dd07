"""Compiled loops of the tree engine: near pairs, points with the nodes of boxes, and the leaves of both passes.

Imported only where numba is wanted. Points are rows of (N, 3), padded by zeros below three dimensions, so that every
loop is compiled once. Symbols: m masses, v values, h = 1 for differences v_j - v_i and 0 for plain sums, c value at the
centre of a box, Q and F its source and target values at p^n nodes, M and D the same for v = 1.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, TypeVar

import numpy as np

from pide.arrays import Array
from pide.operators.radial_table import LOW_BITS

__all__ = ["gather_nodes", "near_sums", "node_sums", "scatter_nodes", "squared_distances"]

F = TypeVar("F", bound=Callable[..., Any])

_LOW = (1 << LOW_BITS) - 1
_SHIFT = 52 - LOW_BITS
_ONE = 1023 << 52
"""The bits of 1.0."""


def _compiled(function: F) -> F:
    """`function` compiled by numba at its first call, kept on disk where a folder for it is writable."""
    jit: Any = import_module("numba").njit
    options = {"error_model": "numpy", "fastmath": {"reassoc", "contract", "nsz"}}
    try:
        return jit(cache=True, **options)(function)  # type: ignore[no-any-return]
    except RuntimeError:  # numba finds no folder for its cache
        return jit(**options)(function)  # type: ignore[no-any-return]


@_compiled
def _lookup(t: Any, first: Any, table: Any) -> Any:
    """k at the squared distance t, by Estrin's scheme."""
    bits = np.float64(t).view(np.int64)
    row = (bits >> LOW_BITS) - first
    s = np.int64(((bits & _LOW) << _SHIFT) | _ONE).view(np.float64) - 1.5
    a, b, c, d = table[row, 0], table[row, 1], table[row, 2], table[row, 3]
    e, f, g, h = table[row, 4], table[row, 5], table[row, 6], table[row, 7]
    s2 = s * s
    return (a + b * s + (c + d * s) * s2) + (e + f * s + (g + h * s) * s2) * (s2 * s2)


@_compiled
def squared_distances(x: Array, blocks: Array) -> Any:
    """Smallest squared distance in the near blocks, and the pair of points where it is."""
    least, first, second = np.inf, 0, 0
    for k in range(blocks.shape[0]):
        for i in range(blocks[k, 0], blocks[k, 1]):
            start = i + 1 if blocks[k, 0] == blocks[k, 2] else blocks[k, 2]
            for j in range(start, blocks[k, 3]):
                t = (x[i, 0] - x[j, 0]) ** 2 + (x[i, 1] - x[j, 1]) ** 2 + (x[i, 2] - x[j, 2]) ** 2
                if t < least:
                    least, first, second = t, i, j
    return least, first, second


@_compiled
def near_sums(x: Array, m: Array, v: Array, h: float, blocks: Array, first: int, table: Array, y: Array) -> None:
    """y_i += sum_j k_ij m_j (v_j - h v_i) over the blocks of points, every pair used both ways."""
    for k in range(blocks.shape[0]):
        same = blocks[k, 0] == blocks[k, 2]
        for i in range(blocks[k, 0], blocks[k, 1]):
            x0, x1, x2, vi, mi, total = x[i, 0], x[i, 1], x[i, 2], v[i], m[i], 0.0
            for j in range(i + 1 if same else blocks[k, 2], blocks[k, 3]):
                t = (x0 - x[j, 0]) ** 2 + (x1 - x[j, 1]) ** 2 + (x2 - x[j, 2]) ** 2
                w = _lookup(t, first, table)
                total += w * m[j] * (v[j] - h * vi)
                y[j] += w * mi * (vi - h * v[j])
            y[i] += total


@_compiled
def node_sums(
    x: Array, m: Array, v: Array, h: float, blocks: Array, centres: Array, sizes: Array, nodes: Array, first: int,
    table: Array, c: Array, Q: Array, M: Array, F: Array, y: Array,
) -> None:  # fmt: skip
    """Points of a leaf with the nodes of a smaller box: y_i and F of the box, by the same k(x_i - node)."""
    for k in range(blocks.shape[0]):
        b = blocks[k, 2]
        size, cb = sizes[b], c[b]
        for i in range(blocks[k, 0], blocks[k, 1]):
            x0, x1, x2 = x[i, 0] - centres[b, 0], x[i, 1] - centres[b, 1], x[i, 2] - centres[b, 2]
            inner, outer, total = cb - h * v[i], m[i] * (v[i] - cb), 0.0
            for a in range(nodes.shape[0]):
                t = (x0 - size * nodes[a, 0]) ** 2 + (x1 - size * nodes[a, 1]) ** 2 + (x2 - size * nodes[a, 2]) ** 2
                w = _lookup(t, first, table)
                total += w * (Q[b, a] + inner * M[b, a])
                F[b, a] += w * outer
            y[i] += total


@_compiled
def _axis(t: float, lagrange: Array, out: Array) -> None:
    """l_a(t) = sum_k lagrange[a, k] T_k(2 t), |t| <= 1/2; one node: 1."""
    p = lagrange.shape[0]
    for a in range(p):
        out[a] = lagrange[a, 0]
    before, now = 1.0, 2 * t
    for k in range(1, p):
        for a in range(p):
            out[a] += lagrange[a, k] * now
        before, now = now, 4 * t * now - before


@_compiled
def gather_nodes(
    x: Array, q: Array, leaves: Array, spans: Array, centres: Array, sizes: Array, axes: Any, Q: Array
) -> None:
    """Q_a += sum_i l_a(x_i) q_i in every leaf."""
    l0, l1, l2 = np.empty(axes[0].shape[0]), np.empty(axes[1].shape[0]), np.empty(axes[2].shape[0])
    for b in leaves:
        for i in range(spans[b, 0], spans[b, 1]):
            _axis((x[i, 0] - centres[b, 0]) / sizes[b], axes[0], l0)
            _axis((x[i, 1] - centres[b, 1]) / sizes[b], axes[1], l1)
            _axis((x[i, 2] - centres[b, 2]) / sizes[b], axes[2], l2)
            a = 0
            for a0 in range(l0.size):
                for a1 in range(l1.size):
                    f = q[i] * l0[a0] * l1[a1]
                    for a2 in range(l2.size):
                        Q[b, a] += f * l2[a2]
                        a += 1


@_compiled
def scatter_nodes(
    x: Array, v: Array, h: float, leaves: Array, spans: Array, centres: Array, sizes: Array, axes: Any, c: Array,
    F: Array, D: Array, y: Array,
) -> None:  # fmt: skip
    """y_i += sum_a l_a(x_i) (F_a + (c - h v_i) D_a) in every leaf."""
    l0, l1, l2 = np.empty(axes[0].shape[0]), np.empty(axes[1].shape[0]), np.empty(axes[2].shape[0])
    for b in leaves:
        for i in range(spans[b, 0], spans[b, 1]):
            _axis((x[i, 0] - centres[b, 0]) / sizes[b], axes[0], l0)
            _axis((x[i, 1] - centres[b, 1]) / sizes[b], axes[1], l1)
            _axis((x[i, 2] - centres[b, 2]) / sizes[b], axes[2], l2)
            shift, total, a = c[b] - h * v[i], 0.0, 0
            for a0 in range(l0.size):
                for a1 in range(l1.size):
                    part = 0.0
                    for a2 in range(l2.size):
                        part += l2[a2] * (F[b, a] + shift * D[b, a])
                        a += 1
                    total += l0[a0] * l1[a1] * part
            y[i] += total

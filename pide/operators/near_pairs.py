"""Pairs of nodes of a space that are nearer than a given length."""

from __future__ import annotations

import itertools
import math

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from pide.spaces.cloud import PointCloud
from pide.spaces.grid import Grid
from pide.spaces.space import Space

__all__ = ["near_pairs"]

Indices = NDArray[np.int64]


def near_pairs(space: Space, length: float) -> tuple[Indices, Indices]:
    """(i, j), each unordered pair of nodes inside with |x_i - x_j| < length once, in the order of `space.compress`.

    Raises
    ------
    ValueError
        On a torus, when `length` exceeds half a period: pairs would meet more than once.
    """
    if isinstance(space, (Grid, PointCloud)) and space.periodic and space.domain is not None:
        period = min(b - a for a, b in space.domain.bounds)
        if 2 * length > period:
            raise ValueError(
                f"window={length:g} on a torus of period {period:g}: it exceeds half a period. Take a smaller one."
            )
    if isinstance(space, Grid):
        return _on_lattice(space, length)
    points = np.stack([c[space.inside] for c in space.coordinates], axis=1)
    tree = space.tree if isinstance(space, PointCloud) else cKDTree(points)
    # The tree returns pairs at exactly `length` too.
    i, j = tree.query_pairs(math.nextafter(length, 0.0), output_type="ndarray").T.astype(np.int64)
    return i, j


def _on_lattice(grid: Grid, length: float) -> tuple[Indices, Indices]:
    number = np.where(grid.inside, np.cumsum(grid.inside).reshape(grid.shape) - 1, -1)
    pairs = []
    for offset in _half_ball(grid.spacing, length):
        if grid.periodic:
            i, j = number.ravel(), np.roll(number, [-o for o in offset], range(number.ndim)).ravel()
        else:
            here = tuple(slice(max(-o, 0), max(n - max(o, 0), 0)) for o, n in zip(offset, grid.shape, strict=True))
            there = tuple(slice(max(o, 0), max(n - max(-o, 0), 0)) for o, n in zip(offset, grid.shape, strict=True))
            i, j = number[here].ravel(), number[there].ravel()
        both = (i >= 0) & (j >= 0)
        pairs.append((i[both], j[both]))
    if not pairs:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    return np.concatenate([i for i, _ in pairs]), np.concatenate([j for _, j in pairs])


def _half_ball(spacing: tuple[float, ...], length: float) -> list[tuple[int, ...]]:
    """Offsets of lattice nodes in the open ball, one of each pair +-o, without 0."""
    reach = [math.ceil(length / h) for h in spacing]
    ball = itertools.product(*(range(-r, r + 1) for r in reach))
    zero = (0,) * len(spacing)
    return [o for o in ball if o > zero and math.hypot(*(k * h for k, h in zip(o, spacing, strict=True))) < length]

"""Boxes on which the integrands of `compatible_weights` are analytic: lattice cells and pieces of them.

Symbols: n dimension, h_a spacing, delta horizon, l length on which the kernel varies; a cell c is the box
prod_a [c_a h_a, (c_a + 1) h_a], c_a >= 0; D distance of a box from the origin.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["LENGTHS_PER_BOX", "ROUNDING", "Boxes", "cells_by_slab", "origin_boxes", "refine"]

ROUNDING = 1e-12
"""Relative size below which a horizon that ends on a lattice point counts as ending there."""

SLAB = 1 << 17
"""About as many cells are held at a time."""

NEGLIGIBLE = 40.0
"""A kernel of length l has decayed below rounding at this many lengths."""

LENGTHS_PER_BOX = 4.0
"""Longest side of a box in lengths of the kernel, which Gauss rules of twenty points resolve."""

MOST_PIECES = 1 << 20

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Boxes:
    """Boxes prod_a [lower_a, upper_a], each inside one lattice cell.

    Parameters
    ----------
    cell : int array, shape (P, n)
    lower, upper : float array, shape (P, n), unit length
    """

    cell: NDArray[np.int64]
    lower: Floats
    upper: Floats

    @property
    def nearest(self) -> Floats:
        """Distance of the origin, (P,)."""
        return _norm(self.lower)

    @property
    def farthest(self) -> Floats:
        """Distance of the farthest corner from the origin, (P,)."""
        return _norm(self.upper)

    @property
    def largest_side(self) -> Floats:
        return np.asarray(np.max(self.upper - self.lower, axis=1))

    @property
    def longest_cut(self) -> Floats:
        """Longest side at which the rules for boxes cut by a sphere converge fast."""
        half = self.nearest / 2
        return half if self.cell.shape[1] < 3 else np.minimum(half, 2 * np.min(self.upper - self.lower, axis=1))

    def __getitem__(self, which: NDArray[np.bool_] | NDArray[np.int64] | slice) -> Boxes:
        return Boxes(self.cell[which], self.lower[which], self.upper[which])

    def __len__(self) -> int:
        return len(self.cell)


def joined(parts: list[Boxes]) -> Boxes:
    """All boxes of all parts."""
    return Boxes(*(np.concatenate([getattr(p, name) for p in parts]) for name in ("cell", "lower", "upper")))


def cells_by_slab(counts: tuple[int, ...], spacing: tuple[float, ...], ordered: bool) -> Iterator[Boxes]:
    """Lattice cells 0 <= c_a < counts_a but the one at the origin, a slab of c_1 at a time.

    With `ordered`, only those with c_1 >= c_2 >= ... (one of every set of mirror images).
    """
    h = np.asarray(spacing)
    length = max(1, SLAB // math.prod(counts[1:]))
    for start in range(0, counts[0], length):
        stop = min(start + length, counts[0])
        others = [min(m, stop) if ordered else m for m in counts[1:]]
        cell = np.indices((stop - start, *others)).reshape(len(counts), -1).T
        cell[:, 0] += start
        keep = np.any(cell > 0, axis=1)
        if ordered:
            keep &= np.all(np.diff(cell, axis=1) <= 0, axis=1)
        cell = cell[keep]
        yield Boxes(cell, cell * h, (cell + 1) * h)


def origin_boxes(spacing: tuple[float, ...], horizon: float, length: float) -> tuple[Floats, Boxes]:
    """The cell at the origin as one nearly cubic box [0, b] inside the ball and shorter than l, and the rest.

    Returns
    -------
    box : float array, shape (n,)
        Its sides b.
    rest : Boxes
        Boxes away from the origin that fill the cell.
    """
    box = np.array(spacing)
    n = len(box)
    rest = [Boxes(np.zeros((0, n), dtype=np.int64), np.zeros((0, n)), np.zeros((0, n)))]
    while np.max(box) > min(1.6 * np.min(box), length) or np.linalg.norm(box) > horizon:
        axis = int(np.argmax(box))
        lower = np.zeros(n)
        lower[axis] = box[axis] / 2
        rest.append(Boxes(np.zeros((1, n), dtype=np.int64), lower[None], box[None].copy()))
        box[axis] /= 2
    return box, joined(rest)


def refine(boxes: Boxes, horizon: float, length: float) -> Boxes:
    """Boxes that meet the ball, halved until none is longer than its distance D from the origin or than 4 l.

    Those that the sphere cuts are halved until they are no longer than D/2, in three dimensions also until no side
    is more than twice another: their rules have more singularities nearby.
    Beyond NEGLIGIBLE lengths the kernel is not resolved further, nor once there are MOST_PIECES boxes.
    """
    while True:
        boxes = boxes[boxes.nearest < horizon * (1 - ROUNDING)]
        side, distance = boxes.largest_side, boxes.nearest
        allowed = np.where(boxes.farthest > horizon, boxes.longest_cut, distance)
        large = (side > allowed * (1 + ROUNDING)) | (
            (side > LENGTHS_PER_BOX * length) & (distance < NEGLIGIBLE * length)
        )
        if not np.any(large) or len(boxes) > MOST_PIECES:
            return boxes
        boxes = joined([boxes[~large], *_halves(boxes[large])])


def _halves(boxes: Boxes) -> tuple[Boxes, Boxes]:
    rows = np.arange(len(boxes))
    axis = np.argmax(boxes.upper - boxes.lower, axis=1)
    middle = (boxes.lower[rows, axis] + boxes.upper[rows, axis]) / 2
    lower, upper = boxes.lower.copy(), boxes.upper.copy()
    upper[rows, axis] = middle
    lower[rows, axis] = middle
    return Boxes(boxes.cell, boxes.lower, upper), Boxes(boxes.cell, lower, boxes.upper)


def _norm(points: Floats) -> Floats:
    return np.asarray(np.sqrt(np.sum(points**2, axis=-1)))

"""The tree of cubes of a cloud, and its pairs of cubes: near ones, separated ones of equal size, and unequal ones.

Symbols: a box is a cube, its side 2^-level times that of the root; two boxes are separated when a third one of the size
of the smaller fits between them along some axis.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

__all__ = ["Boxes", "Pairs", "build_boxes", "pair_boxes", "ranges"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_DEEPEST = 50
"""Levels: a box of the last one is 1e-15 of the cloud."""


@dataclass(frozen=True, eq=False)
class Boxes:
    """Cubes, parents before children, levels one after another; points are numbered in the order of `order`.

    Parameters
    ----------
    order : int array, shape (N,)
        Point number -> index in the cloud.
    spans : int array, shape (boxes, 2)
        Points of a box: start and stop.
    cells : int array, shape (boxes, n)
        Integer position of a box in the lattice of its level.
    levels, parents : int arrays, shape (boxes,)
        The parent of the root is -1.
    children : int array, shape (boxes, 2)
        Start and stop among the boxes; empty for leaves.
    corner : array, shape (n,)
    side : float
        Lower corner and side of the root.
    """

    order: Ints
    spans: Ints
    cells: Ints
    levels: Ints
    parents: Ints
    children: Ints
    corner: Floats
    side: float

    @cached_property
    def counts(self) -> Ints:
        """Points of every box."""
        return self.spans[:, 1] - self.spans[:, 0]

    @cached_property
    def leaf(self) -> NDArray[np.bool_]:
        """Whether a box has no children."""
        return np.asarray(self.children[:, 0] == self.children[:, 1])

    def size(self, level: int) -> float:
        """Side of the boxes of a level."""
        return float(np.ldexp(self.side, -level))

    @cached_property
    def sizes(self) -> Floats:
        """Sides of the boxes."""
        return np.ldexp(self.side, -self.levels)

    @cached_property
    def centres(self) -> Floats:
        """Centres of the boxes, shape (boxes, n)."""
        return self.corner + (self.cells + 0.5) * self.sizes[:, None]


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of boxes that together hold every unordered pair of points within a radius once; int arrays (pairs, 2).

    Parameters
    ----------
    near : all their points are paired directly; a box may be paired with itself
    equal : separated boxes of the same level
    unequal : a leaf, and a separated box smaller than it
    """

    near: Ints
    equal: Ints
    unequal: Ints

    def direct(self, counts: Ints, largest: int, nodes: int) -> Pairs:
        """The same, with pairs of few points moved to `near`, where they cost less than by their nodes."""
        few = counts[self.equal].prod(axis=1) <= largest
        small = counts[self.unequal[:, 1]] <= nodes
        near = np.concatenate([self.near, self.equal[few], self.unequal[small]])
        return replace(self, near=near, equal=self.equal[~few], unequal=self.unequal[~small])


def build_boxes(points: Floats, capacity: int) -> Boxes:
    """Cubes split at their centres until they hold at most `capacity` points; empty ones are left out.

    Parameters
    ----------
    points : array, shape (N, n)
    """
    count, dimension = points.shape
    corner = points.min(axis=0)
    side = float(np.ptp(points, axis=0).max()) * (1 + 1e-12)
    scaled = (points - corner) / side
    order = np.arange(count)
    level_spans, level_cells = np.array([[0, count]]), np.zeros((1, dimension), dtype=np.int64)
    spans, cells, parents, children = [level_spans], [level_cells], [np.array([-1])], []
    start, total = 0, 1
    for level in range(_DEEPEST):
        split = np.flatnonzero(level_spans[:, 1] - level_spans[:, 0] > capacity)
        owner, level_spans, cells_below = _split(scaled, order, level, level_spans[split], level_cells[split])
        born = np.zeros(len(level_cells), dtype=np.int64)
        born[split] = np.bincount(owner, minlength=len(split))
        stops = total + np.cumsum(born)
        children.append(np.stack([stops - born, stops], axis=1))
        if not split.size:
            break
        parents.append(start + split[owner])
        level_cells = cells_below
        spans.append(level_spans)
        cells.append(level_cells)
        start, total = total, total + len(level_cells)
    else:
        children.append(np.full((len(level_cells), 2), total))
    levels = np.repeat(np.arange(len(spans)), [len(s) for s in spans])
    joined = [np.concatenate(parts) for parts in (spans, cells, parents, children)]
    return Boxes(order, joined[0], joined[1], levels, joined[2], joined[3], corner, side)


def _split(scaled: Floats, order: Ints, level: int, spans: Ints, cells: Ints) -> tuple[Ints, Ints, Ints]:
    """Sort the points of the boxes by octant, in place in `order`; (parent, span, cell) of the children."""
    dimension = scaled.shape[1]
    where = ranges(spans)
    box = np.repeat(np.arange(len(spans)), spans[:, 1] - spans[:, 0])
    bits = np.floor(np.ldexp(scaled[order[where]], level + 1)).astype(np.int64) & 1
    keys = (box << dimension) + bits @ (1 << np.arange(dimension))
    ranks = np.argsort(keys, kind="stable")
    order[where] = order[where][ranks]
    found, counts = np.unique(keys, return_counts=True)
    owner = found >> dimension
    first = np.flatnonzero(np.diff(owner, prepend=-1))
    before = np.cumsum(counts) - counts
    starts = spans[owner, 0] + before - np.repeat(before[first], np.diff(first, append=len(found)))
    octant = (found[:, None] >> np.arange(dimension)) & 1
    return owner, np.stack([starts, starts + counts], axis=1), 2 * cells[owner] + octant


def pair_boxes(boxes: Boxes, coarsest: int, radius: float) -> Pairs:
    """Dual traversal from the root with itself.

    Parameters
    ----------
    coarsest : int
        Boxes of the levels above are never taken as separated.
    radius : float
        Boxes farther apart are left out.
    """
    near, equal, unequal = [], [], []
    same, mixed = np.zeros((1, 2), dtype=np.int64), np.empty((0, 2), dtype=np.int64)
    while same.size or mixed.size:
        leaf = boxes.leaf[same]
        near.append(same[leaf.all(axis=1)])
        single = leaf[:, 0] != leaf[:, 1]
        ordered = np.where(leaf[single][:, :1], same[single], same[single][:, ::-1])
        mixed = np.concatenate([_second_split(boxes, mixed), _second_split(boxes, ordered)])
        mixed = mixed[_distance(boxes, mixed) <= radius]
        same = _both_split(boxes, same[~leaf.any(axis=1)])
        same = same[_distance(boxes, same) <= radius]
        apart = _apart(boxes, same) & (boxes.levels[same[:, 0]] >= coarsest)
        equal.append(same[apart])
        same = same[~apart]
        apart = _apart(boxes, mixed) & (boxes.levels[mixed[:, 1]] >= coarsest)
        unequal.append(mixed[apart])
        mixed = mixed[~apart]
        closed = boxes.leaf[mixed[:, 1]]
        near.append(mixed[closed])
        mixed = mixed[~closed]
    return Pairs(*(np.concatenate(parts) for parts in (near, equal, unequal)))


def _apart(boxes: Boxes, pairs: Ints) -> NDArray[np.bool_]:
    """Whether a box of the size of the second, which is not larger, fits between the two."""
    a, b = pairs.T
    shift = (boxes.levels[b] - boxes.levels[a])[:, None]
    lower, here = boxes.cells[a] << shift, boxes.cells[b]
    gap = np.maximum(lower - here - 1, here - lower - (1 << shift))
    return np.asarray((gap >= 1).any(axis=1))


def _distance(boxes: Boxes, pairs: Ints) -> Floats:
    """Distance between the nearest points of two boxes."""
    a, b = pairs.T
    gaps = np.abs(boxes.centres[a] - boxes.centres[b]) - ((boxes.sizes[a] + boxes.sizes[b]) / 2)[:, None]
    return np.asarray(np.linalg.norm(np.maximum(gaps, 0), axis=1))


def _second_split(boxes: Boxes, pairs: Ints) -> Ints:
    """(a, b) -> (a, children of b)."""
    spans = boxes.children[pairs[:, 1]]
    return np.stack([np.repeat(pairs[:, 0], spans[:, 1] - spans[:, 0]), ranges(spans)], axis=1)


def _both_split(boxes: Boxes, pairs: Ints) -> Ints:
    """(a, b) -> (children of a, children of b), every unordered pair once where a = b."""
    split = _second_split(boxes, _second_split(boxes, pairs)[:, ::-1])
    twins = boxes.parents[split[:, 0]] == boxes.parents[split[:, 1]]
    return np.asarray(split[~twins | (split[:, 0] <= split[:, 1])])


def ranges(spans: Ints) -> Ints:
    """The numbers from start to stop of every span, one after another."""
    counts = spans[:, 1] - spans[:, 0]
    before = np.cumsum(counts) - counts
    return np.asarray(np.arange(counts.sum()) + np.repeat(spans[:, 0] - before, counts))

"""Far pairs of a tree: which levels they are taken at, their couplings, and the passes up, across and down the tree.

Symbols: Q, M sources at the nodes of the boxes, F, D targets, c one value per box; (boxes, P) and (boxes,).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pide.operators.tree_boxes import Boxes, Pairs, pair_boxes
from pide.operators.tree_far import LARGEST_ORDER, Coupling, Nodes, Profile, couple, smallest_order

__all__ = ["FarPlan", "plan_far"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Scaling = tuple[float, float] | None

_DIRECT = 20_000
"""Points up to which all pairs are summed directly where no order of interpolation reaches the tolerance."""

_SMALL = 0.8
"""In space, up to this many times P^1.5 points, P nodes per box, all pairs are summed directly: couplings cost O(P^3).

With couplings, `python benchmarks/clouds.py --one tree cube 8000` took 82 s to set up and 1.4 s for an apply; with
direct sums, as it is now, 0.7 s and 0.2 s.
"""


@dataclass(frozen=True, eq=False)
class Crossing:
    """Pairs (a, b) of one level, sorted by their offset.

    Parameters
    ----------
    span : (int, int)
        The boxes of the level.
    pairs : int array, shape (pairs, 2)
        Numbers within the level.
    stops : int array, shape (offsets + 1,)
    coupling : Coupling
    factor, shift : float
        The kernel between boxes of this level is factor k + shift, k that of the coupling.
    """

    span: tuple[int, int]
    pairs: Ints
    stops: Ints
    coupling: Coupling
    factor: float
    shift: float

    def across(self, c: Floats, Q: Floats, M: Floats, F: Floats) -> None:
        """F_a += S_o (Q_b + (c_b - c_a) M_b) and F_b += S_o^T (Q_a + (c_a - c_b) M_a)."""
        here, U = slice(*self.span), self.coupling.basis
        c, Q, M = c[here], Q[here] @ U, M[here] @ U
        result, ones = np.zeros_like(Q), U.sum(axis=0)
        constant = self.shift * np.outer(ones, ones)
        for k, matrix in enumerate(self.coupling.matrices):
            S = self.factor * matrix + constant
            a, b = self.pairs[self.stops[k] : self.stops[k + 1]].T
            gap = (c[b] - c[a])[:, None]
            result[a] += (Q[b] + gap * M[b]) @ S.T
            result[b] += (Q[a] - gap * M[a]) @ S
        F[here] += result @ U.T


@dataclass(frozen=True, eq=False)
class FarPlan:
    """Nodes and couplings of the far pairs.

    Parameters
    ----------
    boxes : Boxes
    nodes : Nodes
    crossings : tuple of Crossing
        One for each level that has separated pairs.
    error : float
        Sampled relative error of the weights of separated pairs, root mean square, the largest of the levels.
    """

    boxes: Boxes
    nodes: Nodes
    crossings: tuple[Crossing, ...]
    error: float

    @property
    def rank(self) -> int:
        """Largest r of the couplings."""
        return max((c.coupling.basis.shape[1] for c in self.crossings), default=0)

    def upward(self, c: Floats, Q: Floats, M: Floats) -> None:
        """Q of the parents from their children, level by level: Q + (c - c_parent) M, interpolated."""
        for octant, children in reversed(self._families):
            parents = self.boxes.parents[children]
            moved = Q[children] + (c[children] - c[parents])[:, None] * M[children]
            Q[parents] += self._transfer(moved, octant, up=True)

    def across(self, c: Floats, Q: Floats, M: Floats, F: Floats) -> None:
        """F of separated boxes from each other."""
        for crossing in self.crossings:
            crossing.across(c, Q, M, F)

    def downward(self, c: Floats, F: Floats, D: Floats) -> None:
        """F of the children from their parents: F + (c_parent - c) D, interpolated."""
        for octant, children in self._families:
            parents = self.boxes.parents[children]
            moved = F[parents] + (c[parents] - c[children])[:, None] * D[parents]
            F[children] += self._transfer(moved, octant, up=False)

    @cached_property
    def _families(self) -> list[tuple[tuple[int, ...], Ints]]:
        """(octant, boxes of one level in that octant of their parents), from the root downwards."""
        boxes, families = self.boxes, []
        corner = boxes.cells & 1
        for level in range(1, int(boxes.levels[-1]) + 1):
            here = np.flatnonzero(boxes.levels == level)
            for octant in np.ndindex((2,) * self.nodes.dimension):
                members = here[(corner[here] == octant).all(axis=1)]
                families += [(octant, members)] if members.size else []
        return families

    def _transfer(self, values: Floats, octant: tuple[int, ...], up: bool) -> Floats:
        """Interpolation between a box and one octant of it, axis by axis, the last one first."""
        p, shape = self.nodes.order, values.shape
        for half in reversed(octant):
            E = self.nodes.halves[half]
            values = values.reshape(-1, p) @ (E if up else E.T)
            values = values.reshape(shape[0], -1, p).transpose(0, 2, 1).reshape(shape)
        return values


def plan_far(boxes: Boxes, profile: Profile, tol: float, floor: float) -> tuple[FarPlan, Pairs]:
    """The pairs of boxes of a tree, and couplings for those that are separated.

    Parameters
    ----------
    tol : float
        Relative accuracy of the weights of far pairs, root mean square.
    floor : float
        Values of |k| below it are accurate to tol times the floor instead, except for power laws.

    Raises
    ------
    ValueError
        When no order of interpolation reaches tol and the cloud has more than 20 000 points; for fewer all pairs are
        near.
    """
    dimension, deepest = boxes.cells.shape[1], int(boxes.levels[-1])
    scaling = _scaling(profile, boxes.side)
    floor = 0.0 if scaling is not None and scaling[1] == 0 else floor
    levels = range(deepest + 1 if scaling is None else 1)
    orders = [smallest_order(_at(profile, boxes.size(level)), dimension, tol, floor) for level in levels]
    found = [order for order in orders if order is not None]
    radius = _audible(profile, boxes.side * np.sqrt(dimension), tol * floor)
    if deepest >= 2 and not found and radius >= boxes.side and len(boxes.order) > _DIRECT:
        raise ValueError(
            f"engine='tree' with tol={tol:g}: {LARGEST_ORDER[dimension]} nodes per axis do not reach it in "
            f"dimension {dimension}. Write a larger tol, or engine='dense'."
        )
    nodes = Nodes(max(found, default=2), dimension)
    coarsest = next((level for level, order in zip(levels, orders, strict=True) if order is not None), deepest + 1)
    if dimension == 3 and len(boxes.order) <= _SMALL * len(nodes.points) ** 1.5:
        coarsest = deepest + 1
    pairs = pair_boxes(boxes, coarsest, radius).direct(boxes.counts, 4 * len(nodes.points), len(nodes.points))
    crossings, error = _crossings(boxes, pairs.equal, profile, nodes, scaling, tol, floor)
    return FarPlan(boxes, nodes, crossings, error), pairs


def _crossings(
    boxes: Boxes, pairs: Ints, profile: Profile, nodes: Nodes, scaling: Scaling, tol: float, floor: float
) -> tuple[tuple[Crossing, ...], float]:
    """Pairs by levels, with one coupling for all of them when the kernel has a scaling, and the largest error."""
    offsets = boxes.cells[pairs[:, 1]] - boxes.cells[pairs[:, 0]]
    levels, crossings, worst = boxes.levels[pairs[:, 0]], [], 0.0
    shared: Coupling | None = None
    if scaling is not None and len(pairs):
        shared, worst = couple(_at(profile, boxes.side), nodes, np.unique(offsets, axis=0), tol, floor)
    for level in np.unique(levels):
        here, coupling, factor, shift = levels == level, shared, 1.0, 0.0
        if scaling is None or coupling is None:
            local = _at(profile, boxes.size(level))
            coupling, error = couple(local, nodes, np.unique(offsets[here], axis=0), tol, floor)
            worst = max(worst, error)
        else:
            factor = scaling[0] ** -float(level)
            shift = -scaling[1] * float(level) if scaling[1] else 0.0
        start, stop = np.searchsorted(boxes.levels, [level, level + 1])
        crossings.append(_sorted(pairs[here] - start, offsets[here], (int(start), int(stop)), coupling, factor, shift))
    return tuple(crossings), worst


def _sorted(
    pairs: Ints, offsets: Ints, span: tuple[int, int], coupling: Coupling, factor: float, shift: float
) -> Crossing:
    """Pairs in the order of the offsets of the coupling."""
    number = {tuple(o): k for k, o in enumerate(coupling.offsets.tolist())}
    keys = np.array([number[tuple(o)] for o in offsets.tolist()])
    order = np.argsort(keys, kind="stable")
    stops = np.searchsorted(keys[order], np.arange(len(number) + 1))
    return Crossing(span, pairs[order], stops, coupling, factor, shift)


def _audible(profile: Profile, farthest: float, least: float) -> float:
    """Largest sampled distance at which |k| exceeds `least`, infinite for the last of them."""
    r = np.geomspace(1e-9, 1, 2000) * farthest
    loud = np.flatnonzero(np.abs(profile(r)) > least)
    last = int(loud[-1]) if loud.size else 0
    return float(r[last + 1]) if last + 1 < r.size else np.inf


def _at(profile: Profile, side: float) -> Profile:
    """The kernel in units of a box."""
    return lambda r: profile(side * r)


def _scaling(profile: Profile, side: float) -> Scaling:
    """(a, b) with k(2 r) = a k(r) + b: b = 0 for power laws, a = 1 for logarithms; None for other kernels."""
    r = side * np.geomspace(1e-4, 1, 9)
    single, twice = profile(r), profile(2 * r)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios, gaps = twice / single, twice - single
    if np.ptp(ratios) <= 1e-13 * abs(ratios[0]):
        return float(ratios[0]), 0.0
    if np.ptp(gaps) <= 1e-13 * np.abs(single).max():
        return 1.0, float(gaps[0])
    return None

"""Sums over all pairs by a tree of cubes: for clouds whose points cluster, where no one length separates near from far.

Symbols: k kernel, m masses, v values, l_a Lagrange polynomials at the p^n nodes of a box b, c_b one of the values in b;
Q_b = sum_j l(x_j) m_j (v_j - c_b) sources, M_b the same with 1 in place of v - c_b, F_b and D_b what
the far points of b make of them, at its nodes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pide.operators.pair_sum import PairSum
from pide.operators.radial_table import RadialTable, tabulate
from pide.operators.tree_boxes import Boxes, Pairs, build_boxes, ranges
from pide.operators.tree_far import Profile
from pide.operators.tree_plan import FarPlan, plan_far

__all__ = ["TreeSum", "tree_sum"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_CAPACITY = {1: 32, 2: 64, 3: 192}
"""Points of a leaf."""

_ANCHORS = 16


def tree_sum(
    points: Floats, masses: Floats, kernel: Callable[[Floats, int], Floats], dimension: int, tol: float
) -> TreeSum:
    """Fast sums of k(|x_i - x_j|) over all pairs by a tree, for any radial kernel that is smooth for r > 0.

    Parameters
    ----------
    points : array, shape (N, n), unit length
        n = 1, 2, 3; no two coincide.
    masses : array, shape (N,)
    kernel : callable
        k(r, n) for arrays of r > 0: a `Kernel`, or the `kernel` of a potential.
    dimension : int
        n.
    tol : float
        Relative accuracy of the weights of far pairs, root mean square; near pairs are exact to 1e-14.

    Returns
    -------
    TreeSum

    Notes
    -----
    Cost O(N), in time and memory, for every distribution of the points; see `TreeSum` for what is guaranteed. Nodes per
    axis are at most 40, 20 and 12 in dimensions 1, 2, 3: where they do not reach `tol`, in space below about 1e-7,
    clouds of up to 20 000 points are summed pair by pair, as are clouds in space of fewer than 0.8 P^1.5 points with P
    nodes per box, for which this is cheaper; the notes say so.

    Raises
    ------
    ValueError
        Dimensions above 3, kernels with a horizon or not smooth, points that coincide, and accuracies out of reach.
    ImportError
        Without numba.
    """
    profile = _profile(kernel, dimension)
    _check(points, masses, dimension, tol)
    loops = _loops()
    floor = _floor(points, masses, profile)
    boxes = build_boxes(points, _CAPACITY[dimension])
    plan, pairs = plan_far(boxes, profile, tol, floor)
    order = boxes.order
    placed = np.zeros((len(points), 3))
    placed[:, 3 - dimension :] = points[order]
    blocks = np.ascontiguousarray(boxes.spans[pairs.near].reshape(-1, 4))
    nearest, i, j = loops.squared_distances(placed, blocks)
    if nearest == 0:
        raise ValueError(
            f"engine='tree': the points with indices {tuple(sorted((int(order[i]), int(order[j]))))} coincide. "
            "Keep one of them, with the sum of the masses."
        )
    farthest = math.sqrt(dimension) * boxes.side
    table = tabulate(profile, math.sqrt(nearest), farthest, floor)
    return TreeSum(masses, boxes, pairs, plan, table, placed, blocks, tol)


@dataclass(frozen=True, eq=False)
class TreeSum(PairSum):
    """Sums over all pairs by a tree of cubes; built by `tree_sum`.

    Parameters
    ----------
    masses : array, shape (N,)
    boxes : Boxes
    pairs : Pairs
    plan : FarPlan
    table : RadialTable
    points : array, shape (N, 3)
        In the order of the boxes, padded by zeros in front.
    blocks : int array, shape (near pairs, 4)
        Points of the near pairs of boxes: start, stop, start, stop.

    Notes
    -----
    Near pairs: k_ij m_j (v_j - v_i), each weight used for i and for j. Far pairs: the kernel interpolated between the
    nodes of two boxes, or between points and nodes, again used both ways. Every pass carries differences from a value
    c of the box, so that nothing cancels, and a constant v gives 0 bitwise. The weights are symmetric to rounding. They
    are nonnegative as long as the relative error of the interpolation is below 1 for every pair, which is sampled, not
    proved. One thread; the result is the same in every run.
    """

    masses: Floats
    boxes: Boxes
    pairs: Pairs
    plan: FarPlan
    table: RadialTable
    points: Floats
    blocks: Ints
    tol: float

    @property
    def error(self) -> float:
        """2 tol: what the tests hold it to; measured errors are smaller."""
        return 2 * self.tol

    @property
    def notes(self) -> tuple[str, ...]:
        plan = self.plan
        if not plan.crossings and not self.pairs.unequal.size:
            return (f"engine: tree, all pairs direct: {self.neighbours:.0f} neighbours per point",)
        return (
            f"engine: tree of {len(self.boxes.levels)} boxes on {int(self.boxes.levels[-1]) + 1} levels, "
            f"{self.neighbours:.0f} neighbours per point, {plan.nodes.order} nodes per axis compressed to {plan.rank} "
            f"per box, sampled error of far weights {plan.error:.1e}",
        )

    @property
    def neighbours(self) -> float:
        """Mean number of points that a point is paired with directly."""
        near = self.pairs.near
        a, b = self.boxes.counts[near].T
        return float(np.where(near[:, 0] == near[:, 1], a * (a - 1), 2 * a * b).sum() / len(self.masses))

    def product(self, v: Floats) -> Floats:
        return self._batched(v, 0.0)

    def difference(self, v: Floats) -> Floats:
        return self._batched(v, 1.0)

    def _batched(self, v: Floats, h: float) -> Floats:
        fields = np.asarray(v, dtype=np.float64).reshape(-1, len(self.masses))
        results = [self._summed(field, h) for field in fields]
        return np.stack(results).reshape(v.shape) if results else np.zeros(v.shape)

    def _summed(self, field: Floats, h: float) -> Floats:
        """sum_j k_ij m_j (v_j - h v_i), h = 0 or 1, of one field."""
        v = field[self.boxes.order]
        middle = self.boxes.spans.sum(axis=1) // 2
        y, _ = self._passes(v, h, h * v[middle], *self._basis)
        result = np.empty_like(field)
        result[self.boxes.order] = y
        return result

    @cached_property
    def _basis(self) -> tuple[Floats, Floats]:
        """M and D: the sources of the masses themselves, and what the far points make of them."""
        count, zero = len(self.boxes.levels), np.zeros((len(self.boxes.levels), len(self.plan.nodes.points)))
        ones = np.ones(len(self.masses))
        M = self._sources(ones, np.zeros(count), zero)
        _, D = self._passes(ones, 0.0, np.zeros(count), M, zero)
        return M, D

    def _sources(self, v: Floats, c: Floats, M: Floats) -> Floats:
        """Q of all boxes."""
        Q = np.zeros_like(M)
        _loops().gather_nodes(
            self.points, self._mass * (v - c[self._home]), self._leaves, self.boxes.spans, self._centres,
            self.boxes.sizes, self._axes, Q,
        )  # fmt: skip
        self.plan.upward(c, Q, M)
        return Q

    def _passes(self, v: Floats, h: float, c: Floats, M: Floats, D: Floats) -> tuple[Floats, Floats]:
        """The sums in the order of the boxes, and F."""
        loops, boxes, x, m = _loops(), self.boxes, self.points, self._mass
        y, F, first, table = np.zeros_like(v), np.zeros_like(M), self.table.first, self.table.coefficients
        loops.near_sums(x, m, v, h, self.blocks, first, table, y)
        Q = self._sources(v, c, M)
        self.plan.across(c, Q, M, F)
        loops.node_sums(x, m, v, h, self._unequal, self._centres, boxes.sizes, self._nodes, first, table, c, Q, M, F, y)
        self.plan.downward(c, F, D)
        loops.scatter_nodes(
            x, v, h, self._leaves, boxes.spans, self._centres, boxes.sizes, self._axes, c, F, D, y
        )  # fmt: skip
        return y, F

    @cached_property
    def _mass(self) -> Floats:
        return self.masses[self.boxes.order]

    @cached_property
    def _leaves(self) -> Ints:
        return np.flatnonzero(self.boxes.leaf)

    @cached_property
    def _home(self) -> Ints:
        """The leaf of every point."""
        home = np.empty(len(self.masses), dtype=np.int64)
        home[ranges(self.boxes.spans[self._leaves])] = np.repeat(self._leaves, self.boxes.counts[self._leaves])
        return home

    @cached_property
    def _centres(self) -> Floats:
        return _padded(self.boxes.centres)

    @cached_property
    def _nodes(self) -> Floats:
        return _padded(self.plan.nodes.points)

    @cached_property
    def _axes(self) -> tuple[Floats, ...]:
        """Lagrange polynomials of the three axes; those in front that are only padding have the one polynomial 1."""
        dimension, one = self.plan.nodes.dimension, np.ones((1, 1))
        return tuple([one] * (3 - dimension) + [self.plan.nodes.lagrange] * dimension)

    @cached_property
    def _unequal(self) -> Ints:
        """Start and stop of the points of the leaf, and the smaller box."""
        a, b = self.pairs.unequal.T
        return np.ascontiguousarray(np.column_stack([self.boxes.spans[a], b]))


def _padded(x: Floats) -> Floats:
    """Rows of three, zeros in front."""
    padded = np.zeros((len(x), 3))
    padded[:, 3 - x.shape[1] :] = x
    return padded


def _loops() -> Any:
    """The compiled loops."""
    try:
        return import_module("pide.operators.tree_loops")
    except ModuleNotFoundError as error:
        raise ImportError(
            "engine='tree' needs numba, which is not installed. Write: pip install \"pide-operators[cloud]\""
        ) from error


def _profile(kernel: Callable[[Floats, int], Floats], dimension: int) -> Profile:
    horizon = float(getattr(kernel, "horizon", math.inf))
    if math.isfinite(horizon):
        raise ValueError(
            f"engine='tree': a kernel with horizon {horizon:g} is cut off, not smooth. Write engine='sparse'."
        )
    return lambda r: np.asarray(kernel(r, dimension), dtype=np.float64)


def _check(points: Floats, masses: Floats, dimension: int, tol: float) -> None:
    if dimension not in (1, 2, 3):
        raise ValueError(f"engine='tree' in dimension {dimension}: it needs 1, 2 or 3. Write engine='dense'.")
    if points.ndim != 2 or points.shape[1] != dimension or masses.shape != (len(points),):
        raise ValueError(
            f"tree_sum(points of shape {points.shape}, masses of shape {masses.shape}, dimension={dimension}): needed "
            "are (N, dimension) and (N,). Pass cloud.points and cloud.masses."
        )
    if not 1e-12 <= tol <= 0.1:
        raise ValueError(f"engine='tree' with tol={tol:g}: needs 1e-12 <= tol <= 0.1. Write tol=1e-6.")


def _floor(points: Floats, masses: Floats, profile: Profile) -> float:
    """Median of the mean of |k| from a point to the others, plain or weighted by r^2, whichever is smaller.

    Errors of k of tol times this change the l2 norm of the degrees, or of the second moments, by about tol. Medians of
    a few points.
    """
    plain, weighted = [], []
    for i in np.linspace(0, len(points) - 1, _ANCHORS).astype(np.int64):
        squares = ((points - points[i]) ** 2).sum(axis=1)
        other = squares > 0
        k, m, s = np.abs(profile(np.sqrt(squares[other]))), masses[other], squares[other]
        plain.append(float(k @ m / m.sum()))
        weighted.append(float((k * s) @ m / (s @ m)))
    return float(min(np.median(plain), np.median(weighted)))

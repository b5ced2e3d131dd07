"""Separated boxes of equal size: Chebyshev interpolation of the kernel, its order, and its compression.

k(x - y) = sum_ab l_a(x) k(c_a - c_b) l_b(y) for x, y in two boxes with nodes c_a, c_b; S_o = (k(c_a - c_b)) for boxes
whose cells differ by o. Symbols: p nodes per axis, P = p^n, U (P, r) orthonormal columns, r the rank of the compression
S_o -> U U^T S_o U U^T. Boxes have side 1 here, and the kernel is k(side r).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

__all__ = ["Coupling", "Nodes", "couple", "error_at", "smallest_order"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Profile = Callable[[Floats], Floats]

LARGEST_ORDER = {1: 40, 2: 20, 3: 12}
"""Nodes per axis: S_o has 20^4 and 12^6 entries."""

_SAMPLES = 100
_THRESHOLDS = (1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 1e-3, 1e-4)
"""Singular values kept, in units of the tolerance times the largest."""


@dataclass(frozen=True)
class Nodes:
    """Tensor Chebyshev nodes of the box (-1/2, 1/2)^n.

    Parameters
    ----------
    order : int
        p.
    dimension : int
        n.
    """

    order: int
    dimension: int

    @cached_property
    def axis(self) -> Floats:
        """The nodes of one axis, shape (p,)."""
        return np.cos(np.pi * (np.arange(self.order) + 0.5) / self.order) / 2

    @cached_property
    def lagrange(self) -> Floats:
        """l_a = sum_k lagrange[a, k] T_k(2 x), shape (p, p)."""
        k = np.arange(self.order)
        values = 2 / self.order * np.cos(np.pi * np.outer(k + 0.5, k) / self.order)
        values[:, 0] /= 2
        return values

    @cached_property
    def points(self) -> Floats:
        """All nodes, the last axis fastest, shape (P, n)."""
        mesh = np.meshgrid(*[self.axis] * self.dimension, indexing="ij")
        return np.stack([m.ravel() for m in mesh], axis=1)

    @cached_property
    def halves(self) -> tuple[Floats, Floats]:
        """l_a at the nodes of the lower and of the upper half of the axis, each (p, p): [node of the half, a]."""
        return self._along(self.axis / 2 - 0.25), self._along(self.axis / 2 + 0.25)

    def basis(self, x: Floats) -> Floats:
        """l_a(x) for points x (m, n) of the box, shape (m, P)."""
        values = np.ones((len(x), 1))
        for axis in range(self.dimension):
            values = (values[:, :, None] * self._along(x[:, axis])[:, None, :]).reshape(len(x), -1)
        return values

    def _along(self, x: Floats) -> Floats:
        k = np.arange(self.order)
        return np.asarray(np.cos(k * np.arccos(np.clip(2 * x, -1, 1))[:, None]) @ self.lagrange.T)


@dataclass(frozen=True, eq=False)
class Coupling:
    """Compressed interaction of the boxes of one level.

    Parameters
    ----------
    basis : array, shape (P, r)
        U.
    offsets : int array, shape (offsets, n)
    matrices : array, shape (offsets, r, r)
        U^T S_o U.
    """

    basis: Floats
    offsets: Ints
    matrices: Floats


def smallest_order(profile: Profile, dimension: int, tol: float, floor: float) -> int | None:
    """Smallest p whose interpolation between the nearest separated boxes has a relative error <= tol, root mean square.

    Returns
    -------
    int or None
        None when `LARGEST_ORDER` is not enough.
    """
    nearest = np.array([2] + [0] * (dimension - 1))
    for order in range(2, LARGEST_ORDER[dimension] + 1):
        if error_at(profile, Nodes(order, dimension), nearest, floor) <= tol:
            return order
    return None


def error_at(profile: Profile, nodes: Nodes, offset: Ints, floor: float) -> float:
    """Root mean square over sampled pairs of |k~ - k| / max(|k|, floor) between two boxes."""
    x, left = _samples(nodes)
    exact = profile(_distances(x, x, offset))
    approximate = left @ profile(_distances(nodes.points, nodes.points, offset)) @ left.T
    return _relative(approximate - exact, exact, floor)


def couple(profile: Profile, nodes: Nodes, offsets: Ints, tol: float, floor: float) -> tuple[Coupling, float]:
    """S_o for all offsets in the smallest common basis whose error is <= tol, and that error.

    Notes
    -----
    U spans the constants and the leading left singular vectors of the kernel between the nodes of a box and sources in
    all the others, each column divided by its largest entry. Their number is the smallest for which the sampled root
    mean square of the relative error is <= tol, or within a tenth of that without compression; where none is, U = I.
    """
    (x, left), shapes = _samples(nodes), np.unique(np.sort(np.abs(offsets), axis=1), axis=0)
    exact = [profile(_distances(x, x, o)) for o in shapes]
    full = [profile(_distances(nodes.points, nodes.points, o)) for o in shapes]
    vectors, values = _directions(profile, nodes, shapes)
    ranks = [1 + max(1, int((values > threshold * tol * values[0]).sum())) for threshold in _THRESHOLDS]
    ranks = [min(rank, len(nodes.points)) for rank in ranks]
    vectors = np.linalg.qr(np.hstack([np.ones((len(vectors), 1)), vectors[:, : ranks[-1] - 1]]))[0]
    inner, cores = left @ vectors, [vectors.T @ S @ vectors for S in full]
    uncompressed = max(_relative(left @ S @ left.T - k, k, floor) for S, k in zip(full, exact, strict=True))
    for rank in ranks:
        U, V = np.ascontiguousarray(vectors[:, :rank]), inner[:, :rank]
        pairs = zip(cores, exact, strict=True)
        error = max(_relative(V @ core[:rank, :rank] @ V.T - k, k, floor) for core, k in pairs)
        if error <= max(tol, 1.1 * uncompressed):
            break
    else:
        U, error = np.eye(len(nodes.points)), uncompressed
    matrices = np.empty((len(offsets), U.shape[1], U.shape[1]))
    for k, o in enumerate(offsets):
        matrices[k] = U.T @ profile(_distances(nodes.points, nodes.points, o)) @ U
    return Coupling(U, offsets, matrices), error


def _directions(profile: Profile, nodes: Nodes, shapes: Ints) -> tuple[Floats, Floats]:
    """Left singular vectors and values of the kernel from the nodes to coarse nodes of all separated boxes."""
    coarse = Nodes(min(nodes.order, 3), nodes.dimension).points
    blocks = [profile(_distances(nodes.points, coarse, o)) for o in shapes]
    scaled = [b / np.maximum(np.abs(b).max(axis=0), np.finfo(np.float64).tiny) for b in blocks]
    images = _images(nodes)
    if nodes.dimension < 3:
        rows = np.vstack([block[image].T for block in scaled for image in images])
        vectors, values, _ = np.linalg.svd(np.asarray(np.linalg.qr(rows, mode="r")).T)
        return vectors, values
    square = sum(block @ block.T for block in scaled)
    values, vectors = np.linalg.eigh(sum(square[np.ix_(image, image)] for image in images))
    return vectors[:, ::-1], np.sqrt(np.maximum(values[::-1], 0))


def _images(nodes: Nodes) -> list[Ints]:
    """Permutations of the nodes by the reflections and permutations of the axes."""
    numbers = np.arange(len(nodes.points)).reshape((nodes.order,) * nodes.dimension)
    axes = range(nodes.dimension)
    mirrors = [m for count in range(nodes.dimension + 1) for m in itertools.combinations(axes, count)]
    turned = (np.flip(numbers.transpose(t), m) for t in itertools.permutations(axes) for m in mirrors)
    return [t.ravel() for t in turned]


def _samples(nodes: Nodes) -> tuple[Floats, Floats]:
    """Points of the box, drawn once for all, and the basis there."""
    x = np.random.default_rng(0).uniform(-0.5, 0.5, (_SAMPLES, nodes.dimension))
    return x, nodes.basis(x)


def _distances(x: Floats, y: Floats, offset: Ints) -> Floats:
    gaps = x[:, None, :] - y[None, :, :] - offset
    return np.asarray(np.sqrt((gaps**2).sum(axis=-1)))


def _relative(gap: Floats, exact: Floats, floor: float) -> float:
    return float(np.sqrt(np.mean((gap / np.maximum(np.abs(exact), floor)) ** 2)))

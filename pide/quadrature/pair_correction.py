"""Symmetric least-squares correction of near pair weights: first and second moments of the kernel on scattered points.

Symbols: pairs e = (i, j), i < j, nearer than R; w_e weight, z_e its relative change, x = x_j - x_i, m masses; q_k the
monomials x_a/R and x_a x_b/R^2, a <= b; b_ik the moments that are missing at point i.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray
from scipy.sparse.linalg import LinearOperator, cg

from pide.spaces.cloud import PointCloud

__all__ = ["NearPairs", "PairCorrection", "near_pairs", "pair_correction", "pair_moments", "summed_moments"]

Floats = NDArray[np.float64]

_STEPS = 30
_ROUNDS = 4
_LOWEST = -0.95
_RIDGE = 1e-3
"""Regularisation, relative to the mean eigenvalue of the diagonal block of a point."""


@dataclass(frozen=True, eq=False)
class NearPairs:
    """Pairs i < j of a cloud nearer than a radius.

    Attributes
    ----------
    first, second : int arrays, shape (E,)
        i and j.
    offsets : array, shape (E, n), unit length
        x_j - x_i; on a torus to the image of x_j nearest to x_i.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    offsets: Floats

    @property
    def distances(self) -> Floats:
        """|x_j - x_i|."""
        return np.asarray(np.linalg.norm(self.offsets, axis=1))

    def difference(self, values: Floats, masses: Floats, v: Floats) -> Floats:
        """sum_j c_ij m_j (v_j - v_i) with the values c at the pairs, for a field (N,)."""
        flux = values * (v[self.second] - v[self.first])
        ahead = np.bincount(self.first, flux * masses[self.second], len(v))
        return np.asarray(ahead - np.bincount(self.second, flux * masses[self.first], len(v)))

    def symmetric(self, values: Floats, count: int) -> Any:
        """CSR matrix (N, N) with the values at (i, j) and (j, i), symmetric to the bit."""
        ends = np.concatenate([self.first, self.second]), np.concatenate([self.second, self.first])
        return scipy.sparse.csr_matrix((np.tile(values, 2), ends), shape=(count, count))


@dataclass(frozen=True, eq=False)
class PairCorrection:
    """Relative changes z >= -0.95 of near pairs, and the largest moment still missing.

    `missing` is in units of the median second moment of the near pairs of a point, lengths in units of R.
    """

    changes: Floats
    missing: float


def near_pairs(cloud: PointCloud, radius: float) -> NearPairs:
    """Pairs with |x_i - x_j| < radius, by the tree of the cloud."""
    found = cloud.tree.query_pairs(radius, output_type="ndarray").astype(np.int64)
    offsets = cloud.points[found[:, 1]] - cloud.points[found[:, 0]]
    if cloud.periodic and cloud.domain is not None:
        lower, upper = np.array(cloud.domain.bounds).T
        offsets -= (upper - lower) * np.round(offsets / (upper - lower))
    keep = np.linalg.norm(offsets, axis=1) < radius
    return NearPairs(found[keep, 0], found[keep, 1], offsets[keep])


def pair_moments(near: NearPairs, weights: Floats, masses: Floats) -> Floats:
    """sum_j w_ij m_j (x_a, x_a x_b) over the pairs, shape (N, n + n (n + 1)/2), without cancellation."""
    columns = []
    for sign, q in _monomials(near.offsets):
        flux = weights * q
        columns.append(
            np.bincount(near.first, flux * masses[near.second], len(masses))
            + sign * np.bincount(near.second, flux * masses[near.first], len(masses))
        )
    return np.stack(columns, axis=1)


def summed_moments(difference: Callable[[Floats], Floats], points: Floats) -> Floats:
    """The same moments over all pairs of a summation v -> sum_j w_ij m_j (v_j - v_i), shape (N, n + n (n + 1)/2).

    They are its values at coordinates and their products: sum_j w_ij m_j (x_a x_b) = S(y_a y_b) - y_a S y_b - y_b S y_a
    at y = x_i, whatever the origin; it is put at the mean of the points.
    """
    y = points - points.mean(axis=0)
    n = points.shape[1]
    first = [difference(np.ascontiguousarray(y[:, a])) for a in range(n)]
    second = [
        difference(y[:, a] * y[:, b]) - y[:, a] * first[b] - y[:, b] * first[a]
        for a, b in combinations_with_replacement(range(n), 2)
    ]
    return np.stack(first + second, axis=1)


def pair_correction(
    near: NearPairs, weights: Floats, masses: Floats, defects: Floats, corrected: NDArray[np.bool_], radius: float
) -> PairCorrection:
    """The least z with sum_j m_j w_ij z_ij (x_a, x_a x_b) = defects_i at the corrected points.

    Parameters
    ----------
    near : NearPairs
        Pairs nearer than `radius`.
    weights : array, shape (E,)
        w_e > 0.
    masses : array, shape (N,)
    defects : array, shape (N, n + n (n + 1)/2)
        Moments of the kernel minus those of all pairs, in the order of `pair_moments`.
    corrected : bool array, shape (N,)
        Where the moments are wanted; at the others nothing is asked.
    radius : float, unit length
        R.

    Notes
    -----
    min sum z_e^2 subject to C z = b, so z = C^T (C C^T)^{-1} b, with thirty steps of conjugate gradients preconditioned
    by the diagonal blocks of C C^T, one for each point. C C^T is nearly singular on smooth fields, where b is small
    too: what is left after thirty steps varies slowly and has not been seen to matter (docs/explanation/clouds). Where
    z < -0.95 it is set to -0.95, and the rest is solved for again, four times: w (1 + z) keeps its sign, the moments
    then hold as far as the signs allow. Cost 120 products with a matrix of 2 E (n + n (n + 1)/2) entries at the most.
    """
    rows = _Rows.of(near, weights, masses, corrected, radius)
    scale = np.concatenate([np.full(_dimension(near), radius), np.full(rows.width - _dimension(near), radius**2)])
    wanted = defects[corrected] / scale * rows.scale[:, None]
    changes = np.zeros(len(weights))
    left = wanted
    for _ in range(_ROUNDS):
        changes = changes + rows.least(left)
        clipped = bool((changes < _LOWEST).any())
        changes = np.maximum(changes, _LOWEST)
        left = wanted - rows.product(changes)
        if not clipped:
            break
    typical = float(np.median(rows.scale)) if len(rows.scale) else 1.0
    return PairCorrection(changes, float(np.abs(left / rows.scale[:, None]).max(initial=0.0)) * typical)


@dataclass(frozen=True, eq=False)
class _Rows:
    """C as one sparse matrix per monomial, rows scaled by the second moment of the near pairs of their point."""

    matrices: tuple[Any, ...]
    scale: Floats
    ridge: Floats
    inverses: Floats

    @classmethod
    def of(cls, near: NearPairs, weights: Floats, masses: Floats, corrected: NDArray[np.bool_], radius: float) -> _Rows:
        count, pairs = len(masses), np.arange(len(weights))
        ends = np.concatenate([near.first, near.second]), np.tile(pairs, 2)
        fluxes = np.concatenate([weights * masses[near.second], weights * masses[near.first]])
        squares = np.tile(near.distances**2 / radius**2, 2)
        total = np.bincount(ends[0], fluxes * squares, count)
        scale = 1.0 / np.where(total > 0, total, 1.0)
        order = np.lexsort((ends[1], ends[0]))
        order = order[corrected[ends[0][order]]]
        start = np.concatenate([[0], np.cumsum(np.bincount(ends[0], minlength=count)[corrected])])
        matrices = []
        for sign, q in _monomials(near.offsets / radius):
            values = (fluxes * scale[ends[0]] * np.concatenate([q, sign * q]))[order]
            shape = (len(start) - 1, len(weights))
            matrices.append(scipy.sparse.csr_matrix((values, ends[1][order].astype(np.int32), start), shape=shape))
        return cls(tuple(matrices), scale[corrected], *_block_inverses(matrices))

    @property
    def width(self) -> int:
        """Monomials."""
        return len(self.matrices)

    def product(self, z: Floats) -> Floats:
        """C z, shape (points, monomials)."""
        return np.stack([C @ z for C in self.matrices], axis=1)

    def transposed(self, y: Floats) -> Floats:
        """C^T y."""
        return np.asarray(sum(C.T @ y[:, k] for k, C in enumerate(self.matrices)))

    def _regularised(self, y: Floats) -> Floats:
        return self.product(self.transposed(y)) + self.ridge * y

    def least(self, b: Floats) -> Floats:
        """C^T (C C^T + E)^{-1} b, E the ridge."""
        size = b.size
        if not np.any(b):
            return np.zeros(self.matrices[0].shape[1])
        normal = LinearOperator(
            (size, size), matvec=lambda y: self._regularised(y.reshape(b.shape)).ravel(), dtype=np.float64
        )
        blocks = LinearOperator(
            (size, size),
            matvec=lambda y: np.einsum("nij,nj->ni", self.inverses, y.reshape(b.shape)).ravel(),
            dtype=np.float64,
        )
        y, _ = cg(normal, b.ravel(), rtol=1e-10, maxiter=_STEPS, M=blocks)
        return self.transposed(y.reshape(b.shape))


def _block_inverses(matrices: list[Any]) -> tuple[Floats, Floats]:
    """The ridge E of every point, shape (points, 1), and the inverses of the diagonal blocks of C C^T + E."""
    width, points = len(matrices), matrices[0].shape[0]
    start = matrices[0].indptr
    blocks = np.zeros((points, width, width))
    for k, C in enumerate(matrices):
        for other, D in enumerate(matrices[: k + 1]):
            sums = np.concatenate([[0.0], np.cumsum(C.data * D.data)])
            blocks[:, k, other] = blocks[:, other, k] = np.diff(sums[start])
    trace = np.trace(blocks, axis1=1, axis2=2)
    ridge = np.where(trace > 0, _RIDGE * trace / width, 1.0)  # 1 for points without near pairs
    return ridge[:, None], np.asarray(np.linalg.inv(blocks + ridge[:, None, None] * np.eye(width)))


def _monomials(offsets: Floats) -> list[tuple[float, Floats]]:
    """(sign under exchange of i and j, values) of x_a and x_a x_b, a <= b."""
    n = offsets.shape[1]
    first = [(-1.0, offsets[:, a]) for a in range(n)]
    return first + [(1.0, offsets[:, a] * offsets[:, b]) for a, b in combinations_with_replacement(range(n), 2)]


def _dimension(near: NearPairs) -> int:
    return int(near.offsets.shape[1])

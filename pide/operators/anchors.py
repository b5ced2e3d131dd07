"""Affinities through anchors: every point exchanges with a few representatives, and through them with all others.

Symbols: z_a anchors, a = 1 .. K; C_ia = omega(X_i, z_a) / sum_b omega(X_i, z_b); mu masses; lambda_a = sum_i mu_i C_ia;
W_ij = sum_a C_ia C_ja mu_j / lambda_a.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import scipy.sparse
from numpy.typing import NDArray
from scipy.cluster.vq import kmeans2

from pide.arrays import Array, device_key, is_numpy, like, namespace
from pide.operators.affinity import Affinity
from pide.operators.base import Operator
from pide.operators.interop import FunctionOperator
from pide.operators.product_diffusion import ProductDiffusion
from pide.operators.structure import pair_claims
from pide.spaces.space import Space

__all__ = ["AnchorDiffusion", "anchor_diffusion", "anchor_points"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class AnchorDiffusion(ProductDiffusion):
    """L = W - I with W = C diag(1 / lambda) C^T diag(mu), applied as its factors; rows of C sum to 1.

    Parameters
    ----------
    space : Space
        N nodes inside.
    assignment : array or CSR matrix, shape (N, K)
        C >= 0; no column is zero.
    masses : array, shape (N,)
        mu > 0, those of the space up to a factor.

    Notes
    -----
    W >= 0, its rows sum to 1, and it is symmetric and positive semidefinite in the masses, whatever C: the spectrum of
    L lies in [-1, 0]. The rank of W is at most K. One apply costs 4 N K flops, or four per entry of a sparse C, and
    nothing of size N^2 is stored. Other libraries than NumPy get a dense C.

    References
    ----------
    Liu, He, Chang 2010.
    """

    space: Any
    assignment: Any
    masses: Floats
    notes: tuple[str, ...] = ()
    load: Array | None = None
    _cache: dict[Any, Any] = field(default_factory=dict, init=False, repr=False)

    claims = pair_claims(True, True, False)

    @property
    def averaging(self) -> Operator:
        """W itself, positive semidefinite in the masses."""

        def average(u: Array) -> Array:
            return self.space.expand(self._product(self.space.compress(u)))

        claims = frozenset({"linear", "adjoint", "self_adjoint", "positive_semidefinite"})
        return FunctionOperator(self.space, average, average, claims, self.notes)

    @property
    def degree(self) -> Floats:
        """d_i = 1 - W_ii as a field."""
        return np.asarray(self.space.expand(1.0 - self._own()))

    def rate_bound(self) -> float:
        """max_i (1 - W_ii), rounded upwards."""
        return float(self.degree.max()) + _rounding(self.space.count)

    def spectral_bound(self) -> float:
        """1: W is similar to a symmetric matrix between 0 and I."""
        return 1.0 + _rounding(self.space.count)

    def _own(self) -> Floats:
        """W_ii."""
        squares = self.assignment.multiply(self.assignment) if _is_sparse(self.assignment) else self.assignment**2
        return np.asarray(squares @ (1.0 / self._anchor_masses())).ravel() * self.masses

    def _anchor_masses(self) -> Floats:
        return np.asarray(self.assignment.T @ self.masses).ravel()

    def _product(self, v: Array) -> Array:
        C, mu, per_anchor = self._factors(v)
        if _is_sparse(C):
            columns = (v * mu).reshape(-1, v.shape[-1]).T
            return np.ascontiguousarray((C @ (per_anchor[:, None] * (C.T @ columns))).T).reshape(v.shape)
        xp = namespace(v)
        return xp.matmul(xp.matmul(v * mu, C) * per_anchor, xp.matrix_transpose(C))

    def _factors(self, v: Array) -> tuple[Any, Array, Array]:
        """C, mu and 1 / lambda like v."""
        key = ("factors", *device_key(v))
        if key not in self._cache:
            sparse, C = _is_sparse(self.assignment), self.assignment
            C = C.astype(v.dtype) if sparse and is_numpy(v) else like(C.toarray() if sparse else C, v)
            self._cache[key] = C, like(self.masses, v), like(1.0 / self._anchor_masses(), v)
        factors: tuple[Any, Array, Array] = self._cache[key]
        return factors


def anchor_diffusion(
    affinity: Affinity, X: Floats, space: Space, masses: Floats, anchors: int | Floats, neighbours: int | None
) -> AnchorDiffusion:
    """The diffusion of points through anchors.

    Parameters
    ----------
    affinity : Affinity
        omega >= 0.
    X : array, shape (N, C)
    masses : array, shape (N,)
    anchors : int or array, shape (K, C)
        Their number, chosen by `anchor_points`, or their features.
    neighbours : int or None
        Anchors that a point uses, those of largest affinity; None: all.

    Raises
    ------
    ValueError
        Signed affinities, anchors that do not fit the features, points without affinity to any anchor.
    """
    if not affinity.nonnegative:
        raise ValueError(f"anchors with {type(affinity).__name__}: omega >= 0 is needed. Write a Gaussian affinity.")
    Z = anchor_points(X, int(anchors)) if np.ndim(anchors) == 0 else np.asarray(anchors, dtype=np.float64)
    if Z.ndim != 2 or Z.shape[1] != X.shape[1] or not np.isfinite(Z).all():
        raise ValueError(
            f"anchors of shape {Z.shape} for features of {X.shape[1]} channels: needed is a number or finite features "
            f"of shape (K, {X.shape[1]}). Write anchors=anchor_points(features, 100)."
        )
    if neighbours is not None and not 1 <= neighbours <= len(Z):
        raise ValueError(f"neighbours={neighbours} of {len(Z)} anchors: needs 1 to {len(Z)}. Write neighbours=5.")
    C = _assignment(affinity, X, Z, neighbours)
    used = np.asarray(C.sum(axis=0)).ravel() > 0
    how = "all" if neighbours is None else f"the {neighbours} nearest"
    notes = (
        f"affinity: {type(affinity).__name__} of {X.shape[1]} channels through anchors, rows sum to 1",
        f"engine: {int(used.sum())} anchors, {how} of them per point, applied as factors",
    )
    return AnchorDiffusion(space, C[:, used], masses, notes)


def anchor_points(
    X: Any, count: int, method: Literal["farthest", "kmeans"] = "farthest", seed: int | None = None
) -> Floats:
    """Representatives of the rows of X, shape (count, C).

    Parameters
    ----------
    X : array, shape (N, C)
        Features on the host.
    count : int
    method : {"farthest", "kmeans"}
        "farthest": rows of X, the first the nearest to the mean, each following one the farthest from those before; it
        covers X evenly, outliers included. "kmeans": means of clusters, 20 Lloyd sweeps from k-means++ of `seed`; it
        follows the density.
    seed : int or None
        Needed by "kmeans".

    Notes
    -----
    Work O(N count C). Farthest points cover X within twice the smallest radius that `count` balls can (Gonzalez 1985).

    Raises
    ------
    ValueError
        More anchors than distinct rows, an unknown method, "kmeans" without a seed, features that are not finite.
    """
    X = np.asarray(X, dtype=np.float64)
    if X.ndim != 2 or not np.isfinite(X).all():
        raise ValueError(f"anchor_points(X of shape {X.shape}): finite features of shape (N, C) are needed.")
    if not 1 <= count <= len(X):
        raise ValueError(f"anchor_points(count={count}) of {len(X)} rows: needs 1 to {len(X)}. Write a smaller count.")
    if method == "farthest":
        return np.asarray(X[_farthest(X, count)])
    if method != "kmeans":
        raise ValueError(f"method={method!r}: there are 'farthest' and 'kmeans'. Write one of them.")
    if seed is None:
        raise ValueError("method='kmeans' draws its start: a seed is needed. Write seed=0.")
    means, labels = kmeans2(X, count, iter=20, minit="++", missing="raise", rng=np.random.default_rng(seed))
    return np.asarray(means[np.unique(labels)])


def _farthest(X: Floats, count: int) -> NDArray[np.intp]:
    chosen = np.empty(count, dtype=np.intp)
    chosen[0] = np.argmin(((X - X.mean(axis=0)) ** 2).sum(axis=1))
    distances = ((X - X[chosen[0]]) ** 2).sum(axis=1)
    for k in range(1, count):
        chosen[k] = np.argmax(distances)
        if distances[chosen[k]] == 0:
            raise ValueError(f"anchor_points(count={count}): there are only {k} distinct rows. Write count={k}.")
        distances = np.minimum(distances, ((X - X[chosen[k]]) ** 2).sum(axis=1))
    return chosen


def _assignment(affinity: Affinity, X: Floats, Z: Floats, neighbours: int | None) -> Any:
    """C, by a softmax where the logarithm of omega is known, so that points far from all anchors keep their row."""
    logarithm = affinity.logarithm(X, Z)
    with np.errstate(divide="ignore"):
        log = np.log(np.asarray(affinity(X, Z))) if logarithm is None else np.asarray(logarithm)
    columns = None
    if neighbours is not None and neighbours < len(Z):
        columns = np.sort(np.argpartition(log, len(Z) - neighbours, axis=1)[:, len(Z) - neighbours :], axis=1)
        log = np.take_along_axis(log, columns, axis=1)
    largest = log.max(axis=1, keepdims=True)
    if not np.isfinite(largest).all():
        raise ValueError("anchors: some point has no affinity to any anchor. Take a wider affinity or other anchors.")
    omega: Floats = np.exp(log - largest)
    C: Floats = omega / omega.sum(axis=1, keepdims=True)
    if columns is None:
        return C
    starts = np.arange(0, C.size + 1, C.shape[1])
    return scipy.sparse.csr_matrix((C.ravel(), columns.ravel(), starts), shape=(len(X), len(Z)))


def _rounding(count: int) -> float:
    """Of sums of `count` numbers that add up to 1."""
    return 8.0 * count * float(np.finfo(np.float64).eps)


def _is_sparse(a: Any) -> bool:
    return hasattr(a, "tocsr")

"""Affinities of given features as operators on a space: all pairs, the k nearest, or a window.

(L v)_i = sum_j W_ij (v_j - v_i), W_ij = omega(X_i, X_j) mu_j / C_i. mu_j = m_j / mean(m) are relative masses, 1 on
grids.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from pide.arrays import to_host
from pide.operators.affinity import NORMALISERS, Affinity
from pide.operators.pairs import PairOperator
from pide.operators.structure import pair_claims
from pide.spaces.space import Space

__all__ = ["affinity_operator"]

Floats = NDArray[np.float64]

_DENSE_BYTES = 4 << 30
_BLOCK = 1 << 22
_SWEEPS = 1000
_TOLERANCE = 1e-13


def affinity_operator(
    affinity: Affinity,
    features: Any,
    space: Space,
    normaliser: str | None = "rows",
    neighbours: int | None = None,
    window: float | None = None,
) -> PairOperator:
    """The diffusion generator of the affinities of fixed features.

    Parameters
    ----------
    affinity : Affinity
    features : array, shape (N, C)
        One row per node inside the domain, in the order of `space.compress`; copied to the host.
    space : Grid or PointCloud
    normaliser : {"rows", "count", None, "sinkhorn"}
        C_i = sum_j omega_ij mu_j; N; 1; or the symmetric scaling c_i omega_ij c_j whose rows, with mu, sum to 1.
    neighbours : int or None
        Keep omega_ij where j is among the k largest of row i, or i among those of row j, j != i; exact search. The part
        of the sum of all omega_ij, i != j, that is kept is in the notes.
    window : float or None, unit length
        Keep pairs with |x_i - x_j| < window in the space.

    Returns
    -------
    PairOperator
        Claims follow from the signs and the symmetry that are there: symmetric nonnegative affinities with "count",
        None or "sinkhorn" have all of a diffusion; "rows" keeps positivity and loses symmetry; signed or asymmetric
        affinities claim neither decay nor a maximum principle.

    Notes
    -----
    omega_ii enters C_i and nothing else. Time O(N^2 C) for all pairs and the k nearest, memory O(N^2) and O(N k).

    Raises
    ------
    ValueError
        Features of another shape or not finite, both `neighbours` and `window`, a dense matrix above 4 GiB, "sinkhorn"
        with signed or asymmetric affinities, rows that sum to 0.
    """
    X = _checked_features(features, space)
    _check(affinity, normaliser, neighbours, window, space.count)
    notes = [f"affinity: {type(affinity).__name__} of {X.shape[1]} channels, normaliser {normaliser!r}"]
    K: Any
    if window is not None:
        K, how = _within(affinity, X, space, window), f"pairs nearer than {window:g}"
    elif neighbours is not None:
        K, kept = _largest(affinity, X, neighbours)
        how = f"{neighbours} largest per row, {100 * kept:.4g} % of the sum of affinities kept"
    else:
        K, how = np.asarray(affinity(X), dtype=np.float64), "all pairs"
    if affinity.symmetric:
        K = (K + K.T) / 2
    W = _scaled(K, _masses(space), normaliser)
    notes.append(f"engine: {how}")
    symmetric = affinity.symmetric and normaliser != "rows"
    return PairOperator(space, W, np.zeros(space.count), _claims(W, symmetric), None, tuple(notes))


def _claims(W: Any, symmetric: bool) -> frozenset[str]:
    return pair_claims(bool(W.min() >= 0), symmetric, killed=False)


def _checked_features(features: Any, space: Space) -> Floats:
    X = np.asarray(to_host(features) if hasattr(features, "dtype") else features, dtype=np.float64)
    if X.ndim != 2 or X.shape[0] != space.count:
        raise ValueError(
            f"features of shape {X.shape}: needed is ({space.count}, C), one row per node inside the domain. "
            "Write space.compress(field)[:, None] for a field."
        )
    if not np.isfinite(X).all():
        raise ValueError("features contain NaN or infinity. Replace them first.")
    return X


def _check(
    affinity: Affinity, normaliser: str | None, neighbours: int | None, window: float | None, count: int
) -> None:
    if normaliser not in NORMALISERS:
        known = ", ".join(map(repr, NORMALISERS))
        raise ValueError(f"normaliser={normaliser!r}: there are {known}. Write one of them.")
    if neighbours is not None and window is not None:
        raise ValueError("neighbours= and window=: one of the two. Leave one out.")
    if neighbours is not None and not 1 <= neighbours < count:
        raise ValueError(f"neighbours={neighbours} of {count} nodes: needs 1 <= neighbours < {count}. Write 16.")
    if window is not None and not window > 0:
        raise ValueError(f"window={window}: a positive length is needed. Write a few spacings.")
    if normaliser == "sinkhorn" and not (affinity.symmetric and affinity.nonnegative):
        raise ValueError(
            "normaliser='sinkhorn' needs a symmetric affinity >= 0. Leave phi out and take a Gaussian or power "
            "affinity, or write normaliser='rows'."
        )
    if neighbours is None and window is None and 8 * count**2 > _DENSE_BYTES // 4:
        raise ValueError(
            f"all pairs of {count} nodes need {32 * count**2 / 2**30:.1f} GiB, at most 4 are taken. "
            "Write neighbours=16, or window=..."
        )


def _within(affinity: Affinity, X: Floats, space: Space, window: float) -> Any:
    """CSR of omega on the pairs nearer than `window` in the space, and on the diagonal."""
    points = np.stack([c[space.inside] for c in space.coordinates], axis=1)
    found = cKDTree(points).query_pairs(window, output_type="ndarray")
    near = np.linalg.norm(points[found[:, 0]] - points[found[:, 1]], axis=1) < window
    diagonal = np.arange(space.count)
    i = np.concatenate([found[near, 0], found[near, 1], diagonal])
    j = np.concatenate([found[near, 1], found[near, 0], diagonal])
    values = np.empty(len(i))
    step = max(1, _BLOCK // X.shape[1])
    for start in range(0, len(i), step):
        some = slice(start, start + step)
        values[some] = np.asarray(affinity(X[i[some], None, :], X[j[some], None, :]))[:, 0, 0]
    return scipy.sparse.csr_matrix((values, (i, j)), shape=(space.count,) * 2)


def _largest(affinity: Affinity, X: Floats, k: int) -> tuple[Any, float]:
    """CSR of omega on the union of the k largest per row and the diagonal, and the part of the sum that it keeps."""
    count = len(X)
    chosen = np.empty((count, k), dtype=np.int64)
    total, step = 0.0, max(1, _BLOCK // count)
    for start in range(0, count, step):
        rows = np.arange(start, min(start + step, count))
        omega = np.array(affinity(X[rows], X), dtype=np.float64)
        omega[rows - start, rows] = 0.0
        total += float(np.abs(omega).sum())
        omega[rows - start, rows] = -np.inf
        chosen[rows] = np.argpartition(omega, count - k, axis=1)[:, count - k :]
    i, j = np.repeat(np.arange(count), k), chosen.ravel()
    pairs = np.unique(np.concatenate([i * count + j, j * count + i]))
    i, j = np.divmod(pairs, count)
    values = np.asarray(affinity(X[i, None, :], X[j, None, :]), dtype=np.float64)[:, 0, 0]
    own = np.asarray(affinity(X[:, None, :], X[:, None, :]), dtype=np.float64)[:, 0, 0]
    K = scipy.sparse.csr_matrix((values, (i, j)), shape=(count, count)) + scipy.sparse.diags(own)
    return K.tocsr(), float(np.abs(values).sum()) / total if total else 1.0


def _masses(space: Any) -> Floats:
    """m at the nodes inside, in a unit that makes equal masses 1."""
    return np.ones(space.count) if space.root_masses is None else np.asarray(space.masses)


def _scaled(K: Any, m: Floats, normaliser: str | None) -> Any:
    """W = K_ij mu_j / C_i with zero diagonal; with K symmetric and normalisers other than "rows", m_i W_ij is, too."""
    mu, one = m / m.mean(), np.ones_like(m)
    if normaliser == "rows":
        sums = K @ mu
        if np.any(sums == 0):
            raise ValueError("normaliser='rows': a row of affinities sums to 0. Write normaliser='count'.")
        return _without_diagonal(_times(K, 1.0 / sums, mu), one)
    a = m * _sinkhorn(K, mu) if normaliser == "sinkhorn" else m
    factor = (1.0 / len(m) if normaliser == "count" else 1.0) / m.mean()
    return _without_diagonal(_times(K, a, a) * factor, m)


def _times(K: Any, left: Floats, right: Floats) -> Any:
    """K_ij (left_i right_j): the product in brackets first, so that equal factors keep K symmetric to the bit."""
    sparse: bool = scipy.sparse.issparse(K)
    if not sparse:
        return K * (left[:, None] * right[None, :])
    K = K.tocsr()
    rows = np.repeat(np.arange(len(left)), np.diff(K.indptr))
    return scipy.sparse.csr_matrix((K.data * (left[rows] * right[K.indices]), K.indices, K.indptr), shape=K.shape)


def _without_diagonal(S: Any, m: Floats) -> Any:
    """S_ij / m_i for i != j."""
    sparse: bool = scipy.sparse.issparse(S)
    if not sparse:
        W = S / m[:, None]
        np.fill_diagonal(W, 0.0)
        return W
    entries = S.tocoo()
    i, j = entries.row, entries.col
    off = i != j
    return scipy.sparse.csr_matrix((entries.data[off] / m[i[off]], (i[off], j[off])), shape=S.shape)


def _sinkhorn(K: Any, mu: Floats) -> Floats:
    """c with c_i sum_j K_ij c_j mu_j = 1 to 1e-13, for K symmetric and >= 0.

    Raises
    ------
    ValueError
        When 1000 sweeps do not reach it: K has no such scaling, or nearly none.
    """
    c = 1.0 / np.sqrt(K @ mu)
    for _ in range(_SWEEPS):
        sums = c * (K @ (c * mu))
        if not np.isfinite(sums).all():
            break
        if np.abs(sums - 1).max() <= _TOLERANCE * np.sqrt(len(mu)):
            return np.asarray(c)
        c = c / np.sqrt(sums)
    raise ValueError(
        "normaliser='sinkhorn': the rows do not come to sum to 1, because some nodes have hardly any affinity. "
        "Take a wider affinity or more neighbours, or write normaliser='count'."
    )

"""Affinities of given features as operators on a space: all pairs, the k nearest, a window, or through anchors.

(L v)_i = sum_j W_ij (v_j - v_i), W_ij = omega(X_i, X_j) mu_j / C_i. mu_j = m_j / mean(m) are relative masses, 1 on
grids.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from pide.arrays import to_host
from pide.operators.affinity import NORMALISERS, Affinity
from pide.operators.affinity_blocked import BlockedAffinity, BlockedRows
from pide.operators.anchors import anchor_diffusion
from pide.operators.base import Operator
from pide.operators.near_pairs import near_pairs
from pide.operators.pair_matrices import between, pair_matrix, pair_values, without_diagonal
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
    *,
    anchors: int | Floats | None = None,
    block: int | None = None,
) -> Operator:
    """The diffusion generator of the affinities of fixed features.

    Parameters
    ----------
    affinity : Affinity
    features : array, shape (N, C)
        One row per node inside the domain, in the order of `space.compress`; copied to the host.
    space : Grid, PointCloud, Samples or Graph
    normaliser : {"rows", "count", None, "sinkhorn"}
        C_i = sum_j omega_ij mu_j; N; 1; or the symmetric scaling c_i omega_ij c_j whose rows, with mu, sum to 1.
    neighbours : int or None
        Keep omega_ij where j is among the k largest of row i, or i among those of row j, j != i; exact search. The part
        of the sum of all omega_ij, i != j, that is kept is in the notes. With anchors: those that a point uses.
    window : float or None, unit length
        Keep pairs with |x_i - x_j| < window in the space.
    anchors : int, array of shape (K, C), or None
        Number or features of anchors through which all pairs exchange, `pide.operators.anchors`; rows then sum to 1
        *and* W is symmetric, so that "rows" and "sinkhorn" mean the same and other normalisers are refused.
    block : int or None
        Rows of omega held at a time; they are computed anew at every apply. None stores the matrix.

    Returns
    -------
    Operator
        A `PairOperator`, with anchors an `AnchorDiffusion`, with a block a `BlockedAffinity`. Claims follow from the
        signs and the symmetry that are there: symmetric nonnegative affinities with "count", None or "sinkhorn" have
        all of a diffusion; "rows" keeps positivity and loses symmetry; signed or asymmetric affinities claim neither
        decay nor a maximum principle.

    Notes
    -----
    omega_ii enters C_i and nothing else. Time O(N^2 C) for all pairs and the k nearest, memory O(N^2) and O(N k); time
    and memory O(N C) times the pairs per node for a window, O(N K) for anchors.

    Raises
    ------
    ValueError
        Features of another shape or not finite, more than one of `neighbours` and `anchors`, `window`, `block`; a
        dense matrix above 4 GiB; "sinkhorn" with signed or asymmetric affinities; rows that sum to 0.
    """
    X = _checked_features(features, space)
    _check(affinity, normaliser, neighbours, window, anchors, block, space.count)
    mu = _masses(space)
    if anchors is not None:
        return anchor_diffusion(affinity, X, space, mu, anchors, neighbours)
    note = f"affinity: {type(affinity).__name__} of {X.shape[1]} channels, normaliser {normaliser!r}"
    if block is not None:
        return _blocked(affinity, X, space, normaliser, block, note)
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
    W = _scaled(K, mu, normaliser)
    claims = pair_claims(bool(W.min() >= 0), affinity.symmetric and normaliser != "rows", killed=False)
    return PairOperator(space, W, np.zeros(space.count), claims, None, (note, f"engine: {how}"))


def _blocked(
    affinity: Affinity, X: Floats, space: Space, normaliser: str | None, block: int, note: str
) -> BlockedAffinity:
    rows, mu = BlockedRows(affinity, X, block), _masses(space)
    left, right = np.ones(len(X)), mu
    if normaliser == "count":
        left = left / len(X)
    elif normaliser == "rows":
        left = 1.0 / _nonzero(np.asarray(rows @ mu))
    elif normaliser == "sinkhorn":
        left = _sinkhorn(rows, mu)
        right = left * mu
    claims = pair_claims(affinity.nonnegative, affinity.symmetric and normaliser != "rows", killed=False)
    how = f"engine: all pairs, {min(block, len(X))} rows at a time, computed at every apply"
    return BlockedAffinity(space, rows, left, right, claims, (note, how))


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
    affinity: Affinity,
    normaliser: str | None,
    neighbours: int | None,
    window: float | None,
    anchors: Any,
    block: int | None,
    count: int,
) -> None:
    if normaliser not in NORMALISERS:
        known = ", ".join(map(repr, NORMALISERS))
        raise ValueError(f"normaliser={normaliser!r}: there are {known}. Write one of them.")
    ways = {"neighbours": neighbours if anchors is None else None, "window": window, "anchors": anchors, "block": block}
    given = [name for name, value in ways.items() if value is not None]
    if len(given) > 1:
        raise ValueError(f"{' and '.join(f'{name}=' for name in given)}: one of them. Leave one out.")
    if anchors is not None and normaliser not in ("rows", "sinkhorn"):
        raise ValueError(f"normaliser={normaliser!r} with anchors: their rows sum to 1. Write normaliser='rows'.")
    if anchors is None and neighbours is not None and not 1 <= neighbours < count:
        raise ValueError(f"neighbours={neighbours} of {count} nodes: needs 1 <= neighbours < {count}. Write 16.")
    if window is not None and not window > 0:
        raise ValueError(f"window={window}: a positive length is needed. Write a few spacings.")
    if block is not None and block < 1:
        raise ValueError(f"block={block}: a positive number of rows is needed. Write block=1024.")
    if normaliser == "sinkhorn" and anchors is None and not (affinity.symmetric and affinity.nonnegative):
        raise ValueError(
            "normaliser='sinkhorn' needs a symmetric affinity >= 0. Leave phi out and take a Gaussian or power "
            "affinity, or write normaliser='rows'."
        )
    if not given and 8 * count**2 > _DENSE_BYTES // 4:
        raise ValueError(
            f"all pairs of {count} nodes need {32 * count**2 / 2**30:.1f} GiB, at most 4 are taken. "
            "Write neighbours=16, window=..., anchors=200, or block=1024 for no matrix at all."
        )


def _within(affinity: Affinity, X: Floats, space: Space, window: float) -> Any:
    """CSR of omega on the pairs nearer than `window` in the space, and on the diagonal."""
    i, j = near_pairs(space, window)

    def omega(x: Floats, y: Floats) -> Floats:
        return np.asarray(affinity(x[:, None, :], y[:, None, :]), dtype=np.float64)[:, 0, 0]

    forward, own = pair_values(omega, X, i, j), omega(X, X)
    if affinity.symmetric:
        return pair_matrix(forward, i, j, own)
    values = np.concatenate([forward, pair_values(omega, X, j, i), own])
    diagonal = np.arange(len(X))
    ends = np.concatenate([i, j, diagonal]), np.concatenate([j, i, diagonal])
    return scipy.sparse.csr_matrix((values, ends), shape=(len(X),) * 2)


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
    """mu = m / mean(m) at the nodes inside."""
    if space.root_masses is None:
        return np.ones(space.count)
    m = np.asarray(space.compress(space.masses))
    return np.asarray(m / m.mean())


def _scaled(K: Any, mu: Floats, normaliser: str | None) -> Any:
    """W = K_ij mu_j / C_i with zero diagonal; with K symmetric and normalisers other than "rows", mu_i W_ij is, too."""
    if normaliser == "rows":
        return without_diagonal(between(1.0 / _nonzero(np.asarray(K @ mu)), K, mu))
    a = mu * _sinkhorn(K, mu) if normaliser == "sinkhorn" else mu
    factor = 1.0 / len(mu) if normaliser == "count" else 1.0
    return without_diagonal(between(a, K, a) * factor, mu)


def _nonzero(sums: Floats) -> Floats:
    if np.any(sums == 0):
        raise ValueError("normaliser='rows': a row of affinities sums to 0. Write normaliser='count'.")
    return sums


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

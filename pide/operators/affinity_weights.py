"""Affinities of M positions with N others as weights, and the two operators made of them, for one batch at a time.

Symbols: t (..., M, K), p (..., N, K) embedded features; omega_ij = omega(t_i, p_j); w_ij = omega_ij / C_i weights;
x (..., M, C) values at the positions; y (..., N, C) values at the others; leading axes are batch.
"""

from __future__ import annotations

from pide.arrays import Array, namespace
from pide.operators.affinity import Affinity

__all__ = ["PAIR_NORMALISERS", "affinity_weights", "weighted_difference", "weighted_sum"]

PAIR_NORMALISERS = ("rows", "count")


def affinity_weights(
    affinity: Affinity, t: Array, p: Array, normaliser: str = "count", masses: Array | None = None
) -> Array:
    """w_ij = omega(t_i, p_j) / C_i, or omega(t_i, p_j) m_j / C_i, shape (..., M, N).

    Parameters
    ----------
    affinity : Affinity
    t, p : arrays, shapes (..., M, K) and (..., N, K)
        Features, which the embeddings of the affinity are applied to when it has any.
    normaliser : {"count", "rows"}
        C_i = N, or C_i = sum_j omega_ij; with masses sum_j m_j, or sum_j omega_ij m_j.
    masses : array, shape (..., N), or None
        m_j >= 0 of the others, such as quadrature weights, or 0 for points that only fill a batch.

    Notes
    -----
    Memory M N. "rows" of exponentials are a softmax, without overflow; elsewhere a row that sums to 0 gets weights 0,
    so that the difference leaves its position alone. "rows" of signed affinities may divide by nearly 0: no bound.

    Raises
    ------
    ValueError
        For an unknown normaliser.
    """
    if normaliser not in PAIR_NORMALISERS:
        known = ", ".join(map(repr, PAIR_NORMALISERS))
        raise ValueError(f"normaliser={normaliser!r}: there are {known}. Write one of them.")
    if masses is not None:
        return _weighted_by_masses(affinity, t, p, normaliser, masses)
    if normaliser == "count":
        return affinity(t, p) / p.shape[-2]
    logarithm = affinity.logarithm(t, p)
    xp = namespace(t, p)
    if logarithm is not None:
        values = xp.exp(logarithm - xp.max(logarithm, axis=-1, keepdims=True))
        return values / xp.sum(values, axis=-1, keepdims=True)
    return _rows_divided(affinity(t, p))


def weighted_difference(w: Array, x: Array, y: Array) -> Array:
    """sum_j w_ij (y_j - x_i), shape (..., M, C): diffusion for w >= 0.

    Constants, x = y = c, are mapped to 0 up to rounding, whatever the weights.
    """
    xp = namespace(w, x, y)
    return xp.matmul(w, y) - xp.sum(w, axis=-1, keepdims=True) * x


def weighted_sum(w: Array, y: Array) -> Array:
    """sum_j w_ij y_j, shape (..., M, C): a potential of the density y."""
    return namespace(w, y).matmul(w, y)


def _weighted_by_masses(affinity: Affinity, t: Array, p: Array, normaliser: str, masses: Array) -> Array:
    xp, m = namespace(t, p, masses), masses[..., None, :]
    if normaliser == "count":
        return affinity(t, p) * _rows_divided(m)
    logarithm = affinity.logarithm(t, p)
    if logarithm is None:
        return _rows_divided(affinity(t, p) * m)
    # The largest exponent among the masses that count, so that points of mass 0 cannot make the others underflow.
    present = xp.where(m > 0, logarithm, xp.full_like(logarithm, float(xp.finfo(logarithm.dtype).min)))
    exponents = logarithm - xp.max(present, axis=-1, keepdims=True)
    values = xp.exp(xp.where(m > 0, exponents, xp.zeros_like(exponents)))
    return _rows_divided(values * m)


def _rows_divided(omega: Array) -> Array:
    """omega_ij / sum_j omega_ij, and 0 in rows that sum to 0."""
    xp = namespace(omega)
    sums = xp.sum(omega, axis=-1, keepdims=True)
    empty = sums == 0
    return xp.where(empty, xp.zeros_like(omega), omega / xp.where(empty, xp.ones_like(sums), sums))

"""Orthonormal Jacobi polynomials and Gauss-Jacobi rules.

p_k^{(a,b)} is orthonormal for the probability weight (1-t)^a (1+t)^b / M on (-1, 1), M = 2^{a+b+1} B(a+1, b+1), and
satisfies t p_k = B_{k-1} p_{k-1} + A_k p_k + B_k p_{k+1}, p_0 = 1. Nothing overflows: p_k grows at most like k^{a+1/2}
at t = 1 and k^{b+1/2} at t = -1.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

__all__ = ["gauss_jacobi", "orthonormal_jacobi"]

Floats = NDArray[np.float64]


def orthonormal_jacobi(count: int, a: float, b: float, t: Floats, first: float | Floats = 1.0) -> Floats:
    """Rows first * p_k^{(a,b)}(t), k = 0, ..., count - 1, by the three-term recurrence.

    Parameters
    ----------
    count : int
    a, b : float
        Exponents, greater than -1.
    t : array, shape (N,)
        Points of [-1, 1].
    first : float or array, shape (N,)
        Common factor of the rows, such as a solid harmonic; a factor that decays where p_k grows keeps the product in
        range at any degree.

    Returns
    -------
    array, shape (count, N)

    Notes
    -----
    Cost 4 N count. Forward recurrence is stable: p_k is the dominant solution where it does not oscillate.

    Examples
    --------
    >>> orthonormal_jacobi(2, 0.0, 0.0, np.array([0.5]))[1]   # sqrt(3) t
    array([0.8660254])
    """
    A, B = _recurrence(count + 1, a, b)
    rows = np.empty((count, t.size))
    if count > 0:
        rows[0] = first
    if count > 1:
        rows[1] = (t - A[0]) * rows[0] / B[0]
    for k in range(1, count - 1):
        rows[k + 1] = ((t - A[k]) * rows[k] - B[k - 1] * rows[k - 1]) / B[k]
    return rows


@lru_cache(maxsize=32)
def gauss_jacobi(count: int, a: float, b: float) -> tuple[Floats, Floats]:
    """Nodes and weights of the Gauss rule for (1-t)^a (1+t)^b / M, exact for polynomials of degree 2 count - 1.

    Notes
    -----
    Nodes are eigenvalues of the Jacobi matrix (Golub and Welsch 1969) and one Newton step; weights are Christoffel
    numbers 1 / sum_k p_k(t_i)^2, positive by construction. Measured deviation of the discrete Gram matrix from the
    identity: 3e-14 at 300 nodes, where rules whose nodes are only accurate to rounding relative to 1 have 1e-11.

    References
    ----------
    golubwelsch1969: G. H. Golub and J. H. Welsch, Calculation of Gauss quadrature rules.
    """
    A, B = _recurrence(count + 1, a, b)
    t: Floats = np.asarray(scipy.linalg.eigvalsh_tridiagonal(A[:count], B[: count - 1]) if count > 1 else A[:1])
    rows = orthonormal_jacobi(count + 1, a, b, t)
    # Christoffel-Darboux on the diagonal: sum_{k<K} p_k^2 = B_{K-1} p_K' p_{K-1} where p_K = 0.
    t = t - rows[count] * B[count - 1] * rows[count - 1] / np.sum(rows[:count] ** 2, axis=0)
    weights = 1.0 / np.sum(orthonormal_jacobi(count, a, b, t) ** 2, axis=0)
    t.flags.writeable = weights.flags.writeable = False
    return t, weights


def _recurrence(count: int, a: float, b: float) -> tuple[Floats, Floats]:
    """A_k and B_k for k < count; the first ones separately, where the general formula is 0/0 for a + b = 0, -1."""
    k = np.arange(1.0, count + 1)
    c = 2 * k + a + b
    A = np.concatenate([[(b - a) / (a + b + 2)], (b * b - a * a) / (c * (c + 2))])[:count]
    square = 4 * k * (k + a) * (k + b) * (k + a + b) / (c**2 * (c + 1) * np.where(k > 1, c - 1, 1.0))
    square[0] = 4 * (1 + a) * (1 + b) / ((2 + a + b) ** 2 * (3 + a + b))
    return A, np.sqrt(square)

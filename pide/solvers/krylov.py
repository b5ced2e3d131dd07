"""Krylov spaces of a generator L, and tau^k phi_k(tau L) v projected on them, with an a-posteriori bound.

V orthonormal, V^T L V = H of size m, beta the norm of what L V leaves outside the space: L V = V H + beta v_{m+1}
e_m^T.
Every batch member has a space of its own; all grow together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pide.arrays import Array, namespace
from pide.solvers.phi import phi, phi_first_column
from pide.solvers.rows import axpy, combine, dots, norms, scaled

__all__ = ["KrylovSpace", "grow"]


@dataclass(frozen=True, eq=False)
class KrylovSpace:
    """An orthonormal basis with the projected generator.

    Parameters
    ----------
    vectors : list of arrays, shape (B, N)
    H : array, shape (B, m, m)
        Projected generator.
    beta : array, shape (B,)
        Coupling to the next vector; 0 where the space is invariant.
    norm : array, shape (B,)
        |v| of the starting vector v = norm * vectors[0].
    symmetric : bool
        Whether L is self-adjoint: H is then tridiagonal with nonnegative off-diagonals.
    """

    vectors: list[Array]
    H: NDArray[np.float64]
    beta: NDArray[np.float64]
    norm: NDArray[np.float64]
    symmetric: bool

    def coefficients(self, k: int, tau: float) -> NDArray[np.float64]:
        """Coordinates of tau^k phi_k(tau L) v in the basis, shape (B, m)."""
        if not self.symmetric:
            columns = [phi_first_column(k, tau, H) for H in self.H]
            return self.norm[:, None] * np.stack(columns)
        w, Q = self._eigen
        return np.asarray(self.norm[:, None] * tau**k * np.einsum("bij,bj,bj->bi", Q, phi(k, tau * w), Q[:, 0]))

    def error(self, k: int, tau: float, growth: float) -> NDArray[np.float64]:
        """Bound of |tau^k phi_k(tau L) v - its projection|, shape (B,).

        Notes
        -----
        The error is int_0^tau e^{(tau - s) L} beta v_{m+1} [s^k phi_k(s H)]_{m1} ds. For self-adjoint L the last factor
        is >= 0 (H is a Metzler matrix), so with |e^{s L}| <= e^{s growth} the norm is at most
        e^{tau growth} beta tau^{k+1} [phi_{k+1}(tau H)]_{m1}: a bound up to rounding and loss of orthogonality (Saad
        1992). Otherwise the same number is an estimate.
        """
        return np.asarray(self.beta * np.abs(self.coefficients(k + 1, tau)[:, -1]) * np.exp(tau * growth))

    def combine(self, k: int, tau: float) -> Array:
        """tau^k phi_k(tau L) v as rows (B, N)."""
        return combine(self.coefficients(k, tau), self.vectors)

    def slowest(self) -> NDArray[np.float64]:
        """Largest Ritz value of self-adjoint L, shape (B,): for L <= 0 the slowest decay that the space knows."""
        return np.asarray(self._eigen[0].max(axis=1))

    @cached_property
    def _eigen(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        w, Q = np.linalg.eigh(self.H)
        return w, Q


def grow(
    apply: Callable[[Array], Array],
    v: Array,
    *,
    symmetric: bool,
    accept: Callable[[KrylovSpace], bool],
    max_vectors: int,
) -> tuple[KrylovSpace, bool]:
    """Krylov space of L and v, grown until it is accepted or has `max_vectors` vectors.

    Parameters
    ----------
    apply : callable
        L on rows (B, N).
    v : array, shape (B, N)
    symmetric : bool
        Three-term recurrence (Lanczos 1950) without reorthogonalisation: the loss of orthogonality delays convergence
        of the exponential a little and does not spoil it (Druskin, Greenbaum, Knizhnerman 1998). Otherwise Arnoldi with
        modified Gram-Schmidt.
    accept : callable
        Whether the space will do; asked at every size up to 25, then each time it has grown by 4 per cent.
    max_vectors : int

    Returns
    -------
    space : KrylovSpace
    accepted : bool
    """
    norm = norms(v)
    vectors = [scaled(_inverse(norm), v)]
    H = np.zeros((len(norm), max_vectors, max_vectors))
    beta = np.zeros(len(norm))
    for m in range(1, max_vectors + 1):
        w = apply(vectors[-1])
        first = max(0, m - 2) if symmetric else 0
        for i in range(first, m):
            h = beta if symmetric and i == m - 2 else dots(vectors[i], w)
            H[:, i, m - 1] = h
            w = axpy(-h, vectors[i], w)
        beta = norms(w)
        beta = np.where(beta > 10 * _roundoff(w) * np.abs(H[:, :m, m - 1]).max(axis=1), beta, 0.0)
        last = m == max_vectors or not beta.any()
        if last or m % max(1, m // 25) == 0:
            space = KrylovSpace(vectors, H[:, :m, :m].copy(), beta, norm, symmetric)
            if accept(space):
                return space, True
            if last:
                break
        H[:, m, m - 1] = beta
        vectors.append(scaled(_inverse(beta), w))
    return space, not beta.any()


def _inverse(a: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 / a, and 0 where a is 0: an exhausted member continues with zero vectors."""
    return np.divide(1.0, a, out=np.zeros_like(a), where=a > 0)


def _roundoff(x: Array) -> float:
    return float(namespace(x).finfo(x.dtype).eps)

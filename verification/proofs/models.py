"""The exact objects that certificates speak about: a matrix of doubles, and a diffusion given by its rates.

Symbols: w weights, m masses, K = w diag(m) rates, d degree, kappa killing, S = M (-L) the stiffness matrix.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from pide.verification.proofs.exact import exact_dot

__all__ = ["DiffusionMatrix", "Field", "SquareMatrix", "digest"]

Field = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class DiffusionMatrix:
    """(L v)_i = sum_j w_ij m_j (v_j - v_i) - kappa_i v_i with the exact products and sums of these doubles.

    Parameters
    ----------
    weights : array or CSR matrix, shape (N, N), unit 1/(time mass)
        The diagonal multiplies v_i - v_i = 0 and is ignored.
    masses : array, shape (N,), optional
        m_i > 0, 1 by default: then `weights` are rates.
    killing : array, shape (N,), optional
    spectral_bound, rate_bound : float, optional
        Claimed bounds of lambda_max(-L) and of max(d + kappa).
    kernel_at_zero : float, optional
        k(0) of a kernel that is assumed positive definite, w_ij = k(x_i - x_j).
    sign : int
        -1 where the operator is A = -L.
    name : str
    """

    weights: Any
    masses: Field | None = None
    killing: Field | None = None
    spectral_bound: float | None = None
    rate_bound: float | None = None
    kernel_at_zero: float | None = None
    sign: int = 1
    name: str = "diffusion matrix"

    def __post_init__(self) -> None:
        shape = self.weights.shape
        if len(shape) != 2 or shape[0] != shape[1] or shape[0] == 0:
            raise ValueError(f"DiffusionMatrix: weights of shape {shape}, needed is a square matrix w_ij.")
        masses = np.ones(shape[0]) if self.masses is None else np.asarray(self.masses, dtype=np.float64)
        killing = np.zeros(shape[0]) if self.killing is None else np.asarray(self.killing, dtype=np.float64)
        if masses.shape != shape[:1] or killing.shape != shape[:1]:
            raise ValueError(f"DiffusionMatrix: masses and killing need shape ({shape[0]},), one number per node.")
        if not np.all((masses > 0) & np.isfinite(masses)):
            raise ValueError("DiffusionMatrix: masses must be positive and finite. Leave out nodes of no mass.")
        object.__setattr__(self, "masses", masses)
        object.__setattr__(self, "killing", killing)
        object.__setattr__(self, "weights", _prepared(self.weights))

    @property
    def size(self) -> int:
        """N."""
        return int(self.weights.shape[0])

    @property
    def sparse(self) -> bool:
        """Whether the weights are a CSR matrix."""
        return bool(scipy.sparse.issparse(self.weights))

    @property
    def m(self) -> Field:
        """Masses."""
        return np.asarray(self.masses)

    @property
    def kappa(self) -> Field:
        """Killing."""
        return np.asarray(self.killing)

    @cached_property
    def finite(self) -> bool:
        """Whether all weights and kappa are finite: nothing is proved of others."""
        return bool(np.isfinite(self.values).all() and np.isfinite(self.kappa).all())

    @property
    def unit_masses(self) -> bool:
        """Whether every mass is 1."""
        return bool(np.all(self.m == 1.0))

    @property
    def values(self) -> Field:
        """The stored weights: all of a dense matrix, the nonzeros of a sparse one."""
        return np.asarray(self.weights.data if self.sparse else self.weights)

    def row(self, i: int) -> Field:
        """w_i. as a dense vector."""
        row = self.weights[[i]].toarray()[0] if self.sparse else self.weights[i]
        return np.asarray(row)

    def degree(self, i: int) -> Fraction:
        """d_i = sum_j w_ij m_j, exactly."""
        return exact_dot(self.row(i), self.m)

    def energy(self, v: Field) -> Fraction:
        """<-L v, v> = sum_ij m_i w_ij m_j v_i (v_i - v_j) + sum_i m_i kappa_i v_i^2, exactly; v of small integers."""
        total = exact_dot(self.m, self.kappa, v, v)
        for i in np.flatnonzero(v):
            factor = float(v[i]) * (float(v[i]) - v)
            total += Fraction(float(self.m[i])) * exact_dot(self.row(int(i)), self.m, factor)
        return total

    @property
    def digest(self) -> str:
        """SHA-256 of weights, masses and killing."""
        pattern = (self.weights.indptr, self.weights.indices) if self.sparse else ()
        return digest(*pattern, self.values, self.m, self.kappa)


@dataclass(frozen=True, eq=False)
class SquareMatrix:
    """A square matrix of doubles as it is, with the Euclidean inner product.

    Parameters
    ----------
    entries : array, shape (N, N)
    spectral_bound : float, optional
        Claimed bound of the largest |eigenvalue|.
    sampled : bool
        Whether the entries are floating-point applies to unit impulses, so that their last bits mean nothing.
    name : str
    sign : int
        -1 where the matrix is A = -L, so that rates are -a_ij.
    """

    entries: Field
    spectral_bound: float | None = None
    sampled: bool = False
    name: str = "matrix"
    sign: int = 1

    def __post_init__(self) -> None:
        shape = self.entries.shape
        if len(shape) != 2 or shape[0] != shape[1] or shape[0] == 0:
            raise ValueError(f"matrix of shape {shape}: a square one is needed. Check the order of the axes.")
        object.__setattr__(self, "entries", np.ascontiguousarray(self.entries, dtype=np.float64))

    @property
    def size(self) -> int:
        """N."""
        return int(self.entries.shape[0])

    @property
    def digest(self) -> str:
        """SHA-256 of the entries."""
        return digest(self.entries)


def digest(*arrays: NDArray[Any]) -> str:
    """SHA-256 of shapes, dtypes and bytes."""
    state = hashlib.sha256()
    for array in arrays:
        contiguous = np.ascontiguousarray(array)
        state.update(f"{contiguous.shape}{contiguous.dtype.str}".encode())
        state.update(contiguous.data)
    return state.hexdigest()


def _prepared(weights: Any) -> Any:
    """Float64 weights with a zero diagonal, copied only where something changes; duplicates of CSR entries summed."""
    if scipy.sparse.issparse(weights):
        given: Any = weights
        matrix = given.tocsr().astype(np.float64)
        if not matrix.has_canonical_format or matrix.diagonal().any():
            matrix = matrix.copy()
            matrix.sum_duplicates()
            matrix.setdiag(0.0)
            matrix.eliminate_zeros()
        return matrix
    matrix = np.ascontiguousarray(weights, dtype=np.float64)
    if np.any(np.diagonal(matrix) != 0):
        matrix = matrix.copy()
        np.fill_diagonal(matrix, 0.0)
    return matrix

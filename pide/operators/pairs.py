"""Operators given by a matrix of pair rates: any kernel omega(x, y), dense, sparse or blocked.

(L v)_i = sum_j W_ij (v_j - v_i) - kappa_i v_i,    W_ij = omega(x_i, x_j) m_j,  j != i.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from pide.arrays import Array, device_key, is_numpy, like, namespace
from pide.operators.base import Operator
from pide.operators.padded_rows import padded_rows
from pide.operators.product_diffusion import Transposed

__all__ = ["PairOperator", "incidence"]


@dataclass(frozen=True, eq=False, repr=False)
class PairOperator(Operator):
    """L of a matrix of rates on the inside nodes of a space.

    Parameters
    ----------
    space : Grid or PointCloud
    rates : array (N, N) or CSR matrix, unit 1/time
        W_ij, zero diagonal; N the number of inside nodes.
    killing : array, shape (N,)
        kappa_i.

    Notes
    -----
    Dense: L v = W v - (W 1) v by the same product, L 1 = -kappa up to the order of summation; O(N^2) memory and work.
    Sparse: the difference form, L 1 = -kappa exactly, and no cancellation between near points; O(nonzeros), on NumPy
    fields by sparse products with the signed incidence matrix of the pairs, on other namespaces through index arrays.
    """

    space: Any
    rates: Any
    killing: NDArray[np.float64]
    claims: frozenset[str]
    load: Array | None = None
    notes: tuple[str, ...] = ()
    _cache: dict[Any, Any] = field(default_factory=dict, init=False, repr=False)

    def apply(self, u: Array) -> Array:
        v = self.space.compress(u)
        if scipy.sparse.issparse(self.rates):
            return self.space.expand(self._differences(v) - self._killing(v) * v)
        return self.space.expand(self._product(v, self.rates, "rates") - self._row_sums(v) * v)

    @property
    def adjoint(self) -> Operator:
        if "self_adjoint" in self.claims:
            return self
        return Transposed(self, self._apply_adjoint)

    @property
    def degree(self) -> NDArray[np.float64]:
        """d_i = sum_j W_ij as a field."""
        return np.asarray(self.space.expand(np.asarray(self.rates.sum(axis=1)).ravel()))

    def diagonal(self) -> NDArray[np.float64]:
        return np.asarray(-self.degree - self.space.expand(self.killing))

    def rate_bound(self) -> float:
        rates = np.asarray(abs(self.rates).sum(axis=1)).ravel() + abs(self.killing)
        return float(rates.max() * (1 + 4 * self.space.count * np.finfo(np.float64).eps))

    def spectral_bound(self) -> float:
        """Gershgorin: max_i (2 d_i + kappa_i), for signed rates with their absolute values."""
        return 2 * self.rate_bound()

    def _apply_adjoint(self, u: Array) -> Array:
        """M^-1 W^T M, less the same diagonal."""
        v, masses = self.space.compress(u), self._masses(u)
        rates: Any = self.rates
        transposed = rates.T.tocsr() if scipy.sparse.issparse(self.rates) else rates.T
        moved = self._product(v * masses, transposed, "transposed") / masses
        return self.space.expand(moved - self._row_sums(v) * v)

    def _row_sums(self, v: Array) -> Array:
        key = ("sums", *device_key(v))
        if key not in self._cache:
            one = like(np.ones(self.space.count), v)
            self._cache[key] = self._product(one, self.rates, "rates") + like(self.killing, v)
        return self._cache[key]

    def _masses(self, v: Array) -> Array:
        """Masses of the inside nodes, up to a factor."""
        key = ("masses", *device_key(v))
        if key not in self._cache:
            root = self.space.root_masses
            self._cache[key] = like(np.ones(self.space.count) if root is None else root**2, v)
        return self._cache[key]

    def _killing(self, v: Array) -> Array:
        key = ("killing", *device_key(v))
        if key not in self._cache:
            self._cache[key] = like(self.killing, v)
        return self._cache[key]

    def _differences(self, v: Array) -> Array:
        """sum_j W_ij (v_j - v_i) over the pairs of the sparse pattern."""
        key = ("differences", *device_key(v))
        if is_numpy(v):
            if key not in self._cache:
                self._cache[key] = incidence(self.rates, v.dtype)
            gather, scatter = self._cache[key]
            flat = v.reshape(-1, v.shape[-1]).T
            return np.ascontiguousarray((scatter @ (gather @ flat)).T).reshape(v.shape)
        if key not in self._cache:
            self._cache[key] = padded_rows(self.rates, v)
        return self._cache[key].difference(v)

    def _product(self, v: Array, rates: Any, name: str) -> Array:
        """rates v over the last axis."""
        if scipy.sparse.issparse(rates):
            return self._sparse_product(v, rates, name)
        key = (name, *device_key(v))
        if key not in self._cache:
            self._cache[key] = like(np.asarray(rates), v)
        return namespace(v).matmul(self._cache[key], v[..., None])[..., 0]

    def _sparse_product(self, v: Array, rates: Any, name: str) -> Array:
        if is_numpy(v):
            flat = v.reshape(-1, v.shape[-1]).T
            matrix = rates if v.dtype == np.float64 else rates.astype(v.dtype)
            return np.ascontiguousarray((matrix @ flat).T).reshape(v.shape)
        key = (name, *device_key(v))
        if key not in self._cache:
            self._cache[key] = padded_rows(rates, v)
        return self._cache[key].product(v)


def incidence(rates: Any, dtype: Any) -> tuple[Any, Any]:
    """(G, S) with (G v)_e = v_j - v_i for the stored pairs e = (i, j), and (S f)_i = sum_e W_e f_e."""
    rates = rates.tocsr()
    (count, _), pairs = rates.shape, rates.nnz
    rows = np.repeat(np.arange(count), np.diff(rates.indptr))
    ends = np.stack([rows, rates.indices], axis=1).ravel()
    signs = np.tile(np.array([-1.0, 1.0], dtype=dtype), pairs)
    gather = scipy.sparse.csr_matrix((signs, ends, np.arange(0, 2 * pairs + 1, 2)), shape=(pairs, count))
    scatter = scipy.sparse.csr_matrix((rates.data.astype(dtype), np.arange(pairs), rates.indptr), shape=(count, pairs))
    return gather, scatter

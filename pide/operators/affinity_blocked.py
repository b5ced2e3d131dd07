"""Affinities of all pairs of features without their matrix: rows are made in blocks at every apply.

Symbols: W_ij = l_i omega(X_i, X_j) r_j with factors l, r of the normaliser; s_i = sum_j W_ij; m masses.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pide.arrays import Array, device_key, is_numpy, like, namespace
from pide.operators.affinity import Affinity
from pide.operators.base import Operator
from pide.operators.product_diffusion import ProductDiffusion, Transposed

__all__ = ["BlockedAffinity", "BlockedRows"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class BlockedRows:
    """The matrix K = omega(X, X) as products with it, `block` rows at a time, over the last axis."""

    affinity: Affinity
    features: Floats
    block: int
    _cache: dict[Any, Any] = field(default_factory=dict, init=False, repr=False)

    def __matmul__(self, v: Array) -> Array:
        """K v."""
        xp = namespace(v)
        parts = [xp.matmul(v, xp.matrix_transpose(omega)) for _, omega in self._rows(v)]
        return xp.concat(parts, axis=-1)

    def transposed(self, v: Array) -> Array:
        """K^T v."""
        xp = namespace(v)
        total = xp.zeros_like(v)
        for rows, omega in self._rows(v):
            total = total + xp.matmul(v[..., rows], omega)
        return total

    def absolute_sums(self, v: Floats) -> Floats:
        """sum_j |omega_ij| v_j on NumPy."""
        return np.concatenate([np.abs(omega) @ v for _, omega in self._rows(v)])

    def diagonal(self) -> Floats:
        """omega(X_i, X_i)."""
        X = self.features[:, None, :]
        return np.asarray(self.affinity(X, X), dtype=np.float64)[:, 0, 0]

    def _rows(self, v: Array) -> Iterator[tuple[slice, Array]]:
        """Slices of rows and omega on them, like v."""
        key = device_key(v)
        if key not in self._cache:
            arrays = {f.name: getattr(self.affinity, f.name) for f in fields(self.affinity)}
            moved = {name: like(a, v) for name, a in arrays.items() if isinstance(a, np.ndarray)}
            self._cache[key] = replace(self.affinity, **moved), like(self.features, v)
        affinity, X = self._cache[key]
        for start in range(0, X.shape[0], self.block):
            rows = slice(start, min(start + self.block, X.shape[0]))
            yield rows, affinity(X[rows, :], X)


@dataclass(frozen=True, eq=False, repr=False)
class BlockedAffinity(ProductDiffusion):
    """(L v)_i = sum_j W_ij (v_j - v_i) with W_ij = l_i omega(X_i, X_j) r_j, never stored.

    Parameters
    ----------
    space : Space
        N nodes inside.
    rows : BlockedRows
    left, right : arrays, shape (N,)
        l and r.

    Notes
    -----
    L v = W v - (W 1) v by the same products. One apply costs O(N^2 (C + B)) for C channels and B fields, about C times
    that of the stored matrix, with memory for `block` N numbers. omega_ii cancels.
    """

    space: Any
    rows: BlockedRows
    left: Floats
    right: Floats
    claims: frozenset[str]
    notes: tuple[str, ...] = ()
    load: Array | None = None
    _cache: dict[Any, Any] = field(default_factory=dict, init=False, repr=False)

    @property
    def adjoint(self) -> Operator:
        return self if "self_adjoint" in self.claims else Transposed(self, self._apply_adjoint)

    @property
    def degree(self) -> Floats:
        own = self.left * self.rows.diagonal() * self.right
        return np.asarray(self.space.expand(self._sums(self.left) - own))

    def rate_bound(self) -> float:
        """max_i sum_j |W_ij|, with j = i where affinities have signs."""
        if "nonnegative_rates" in self.claims:
            rates = self.degree
        else:
            rates = np.abs(self.left) * self.rows.absolute_sums(np.abs(self.right))
        return float(rates.max() * (1 + 8 * self.space.count * np.finfo(np.float64).eps))

    def spectral_bound(self) -> float:
        """Gershgorin: twice the rate bound."""
        return 2 * self.rate_bound()

    def _product(self, v: Array) -> Array:
        left, right = self._factors(v)
        return left * (self.rows @ (right * v))

    def _apply_adjoint(self, u: Array) -> Array:
        """M^-1 W^T M - diag(s)."""
        v, root = self.space.compress(u), self.space.root_masses
        left, right = self._factors(v)
        m = like(np.ones(self.space.count) if root is None else self.space.compress(root) ** 2, v)
        return self.space.expand(right * self.rows.transposed(left * m * v) / m - self._sums(v) * v)

    def _factors(self, v: Array) -> tuple[Array, Array]:
        if is_numpy(v) and v.dtype == np.float64:
            return self.left, self.right
        return like(self.left, v), like(self.right, v)

"""Inverses of sparse generators by factorisation, for graphs and clouds, where no transform comes near them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse
from scipy.sparse.linalg import spilu, splu

from pide.arrays import Array, is_numpy
from pide.operators.algebra import Multiple
from pide.operators.base import Operator
from pide.operators.pairs import PairOperator
from pide.solvers.near_field import near_field_inverse

__all__ = ["factored_inverse", "sparse_matrix"]

_EXACT = 4000
"""Unknowns up to which the factors may fill: 256 MB at worst."""

_FILL = 20.0
_SHIFT = 1e-8
"""Of the largest eigenvalue, added to M, which may be singular."""


def sparse_matrix(A: Operator) -> Any:
    """CSC matrix of A on the nodes inside, where A is a multiple of an operator of sparse rates; None elsewhere."""
    if isinstance(A, Multiple):
        inner = sparse_matrix(A.operator)
        return None if inner is None else A.factor * inner
    rates: Any = getattr(A, "rates", None)
    if not isinstance(A, PairOperator) or not hasattr(rates, "tocsc"):
        return None
    leaving = np.asarray(rates.sum(axis=1)).ravel() + A.killing
    return (rates - scipy.sparse.diags(leaving)).tocsc()


def factored_inverse(M: Operator, *, incomplete: bool = False) -> tuple[Callable[[Array], Array], str] | None:
    """u -> (M + delta)^-1 u for NumPy fields, and its name; that of the near field for other rates on clouds.

    None for other operators, or with too many unknowns.

    Parameters
    ----------
    M : Operator
        >= 0, a multiple of an operator of sparse rates.
    incomplete : bool
        Above 4000 unknowns take an incomplete factorisation with at most 20 times the entries of M, which is not
        symmetric.
    """
    matrix = sparse_matrix(M)
    if matrix is None:
        return near_field_inverse(M)
    if M.space.count > _EXACT and not incomplete:
        return None
    shifted = matrix + _SHIFT * M.spectral_bound() * scipy.sparse.identity(matrix.shape[0], format="csc")
    exact = M.space.count <= _EXACT
    factors = splu(shifted) if exact else spilu(shifted, drop_tol=1e-4, fill_factor=_FILL)
    space = M.space

    def inverse(u: Array) -> Array:
        v = space.compress(u)
        if not is_numpy(v):
            raise TypeError("factors of a sparse matrix act on NumPy fields. Write pide.arrays.to_host(u).")
        columns = np.ascontiguousarray(v.reshape(-1, space.count).T, dtype=np.float64)
        return space.expand(factors.solve(columns).T.reshape(v.shape).astype(v.dtype))

    return inverse, "sparse factorisation" if exact else "incomplete sparse factorisation"

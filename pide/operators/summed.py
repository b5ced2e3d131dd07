"""Operators on point clouds given by a fast summation over pairs.

diffusion  (L v)_i = sum_j k_ij m_j (v_j - v_i) - kappa_i v_i
potential  (A v)_i = sum_{j != i} k_ij m_j v_j + a_i m_i v_i

Symbols: m masses, d degree, kappa killing, a mean of the kernel over a point's own cell.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pide.arrays import Array, device_key, like, namespace
from pide.operators.base import Operator
from pide.operators.pair_sum import PairSum
from pide.spaces.cloud import PointCloud

__all__ = ["SummedDiffusion", "SummedPotential"]

Floats = NDArray[np.float64]

_EPS = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, eq=False)
class SummedDiffusion(Operator):
    """L of a pair summation and killing rates.

    Parameters
    ----------
    space : PointCloud
    sums : PairSum
        k_ij, in unit 1/(time mass).
    killing : array, shape (N,), unit 1/time
        kappa >= 0.
    claims : frozenset of str
        What follows from the symmetry of the effective weights and from their signs.
    notes : tuple of str

    Notes
    -----
    L 1 = -kappa exactly; mass and self-adjointness hold to rounding at every accuracy of the
    summation. NumPy fields, and CuPy fields where `sums` has a form for them (`PairSum.placed`), which is made from the
    host's data at the first field and kept. float32 fields are summed in float64 and returned as float32. Cost and
    accuracy are those of `sums`, in the notes.
    """

    space: PointCloud  # type: ignore[assignment]
    sums: PairSum
    killing: Floats
    claims: frozenset[str]
    notes: tuple[str, ...]
    load: Array | None = None
    _placed: dict[Any, PairSum] = field(default_factory=dict, init=False, repr=False)

    @property
    def degree(self) -> Floats:
        """d_i, by the same summation."""
        return self.sums.degree

    def apply(self, u: Array) -> Array:
        return _in_double(self, u, lambda sums, v: sums.difference(v) - like(self.killing, v) * v)

    def diagonal(self) -> Floats:
        return -self.degree - self.killing

    def rate_bound(self) -> float:
        """max_i (d_i + kappa_i), enlarged by the stated accuracy of the summation and by rounding."""
        slack = 4 * self.sums.error + 4 * self.space.count * _EPS
        return float(np.max(abs(self.degree) + abs(self.killing)) * (1 + slack))

    def spectral_bound(self) -> float:
        """Gershgorin: 2 max_i (d_i + kappa_i); for nonnegative effective weights."""
        return 2 * self.rate_bound()


@dataclass(frozen=True, eq=False)
class SummedPotential(Operator):
    """A of a pair summation and the means a_i of the kernel over the cells of the points.

    Parameters
    ----------
    space : PointCloud
    sums : PairSum
        k_ij.
    own : array, shape (N,)
        a_i, in the unit of k.
    claims : frozenset of str
    notes : tuple of str
    gauge : float or None
        A constant c with k + c >= 0 that may be added to k, for the bound of Gershgorin: 0 for nonnegative k, any
        on fields of zero mean; None if there is none.

    Notes
    -----
    The libraries of `SummedDiffusion`; float32 fields are summed in float64 and returned as float32.
    """

    space: PointCloud  # type: ignore[assignment]
    sums: PairSum
    own: Floats
    claims: frozenset[str]
    notes: tuple[str, ...]
    gauge: float | None = 0.0
    load: Array | None = None
    _placed: dict[Any, PairSum] = field(default_factory=dict, init=False, repr=False)

    def apply(self, u: Array) -> Array:
        weight = self.own * self.space.masses
        return _in_double(self, u, lambda sums, v: sums.product(v) + like(weight, v) * v)

    def diagonal(self) -> Floats:
        return self.own * self.space.masses

    def spectral_bound(self) -> float:
        """Gershgorin: max_i sum_j (k_ij + c) m_j with k_ii = a_i."""
        if self.gauge is None:
            return Operator.spectral_bound(self)
        m = self.space.masses
        sums = self.own * m + self.sums.degree + self.gauge * m.sum()
        return float(np.max(sums) * (1 + 4 * self.sums.error + 4 * self.space.count * _EPS))


def _in_double(A: SummedDiffusion | SummedPotential, u: Array, act: Callable[[PairSum, Array], Array]) -> Array:
    """act(sums, u) in float64, where u lives, returned in the dtype of u."""
    xp = namespace(u)
    v, key = xp.astype(u, xp.float64, copy=False), device_key(u)
    if key not in A._placed:
        A._placed[key] = A.sums.placed(v)
    return xp.astype(act(A._placed[key], v), u.dtype, copy=False)

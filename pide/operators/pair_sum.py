"""Sums over all pairs of fixed points with a symmetric kernel: what every fast summation provides.

Symbols: x_i points, m_i masses, k_ij = k_ji kernel of the pair i != j, unit 1/(time mass) in a diffusion;
d_i = sum_{j != i} k_ij m_j the degree, C a sparse symmetric correction of k.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pide.arrays import Array, is_numpy, like, namespace
from pide.operators.padded_rows import PaddedRows, padded_rows
from pide.operators.pairs import incidence

__all__ = ["CorrectedPairSum", "PairSum", "with_coefficient"]

Floats = NDArray[np.float64]


class PairSum(ABC):
    """Applies a symmetric kernel k_ij to all pairs of fixed points; fields are float64 arrays (..., N).

    Attributes
    ----------
    masses : array, shape (N,)
        m_j > 0.
    error : float
        Stated accuracy: |fast - exact| <= error |exact| in the l2 norm, of `difference` and of `product`.
    notes : tuple of str
        Engine and the choices it made.

    Notes
    -----
    The effective weights, those that the fast summation really applies, are symmetric to rounding whatever `error` is,
    and `difference` uses the degree of the same summation: constants give 0 exactly, mass is kept to rounding.
    """

    masses: Array

    @property
    @abstractmethod
    def error(self) -> float:
        """Stated relative accuracy."""

    @property
    @abstractmethod
    def notes(self) -> tuple[str, ...]:
        """The choices made."""

    @abstractmethod
    def product(self, v: Array) -> Array:
        """sum_{j != i} k_ij m_j v_j.

        Parameters
        ----------
        v : array, shape (..., N), float64
        """

    @abstractmethod
    def difference(self, v: Array) -> Array:
        """sum_j k_ij m_j (v_j - v_i), which is 0 exactly for a constant v.

        Parameters
        ----------
        v : array, shape (..., N), float64
        """

    @cached_property
    def degree(self) -> Floats:
        """d_i = sum_{j != i} k_ij m_j by `product`, shape (N,)."""
        return np.asarray(self.product(np.ones(len(self.masses))))

    def corrected(self, correction: Any) -> PairSum:
        """k_ij + C_ij for a sparse C: the near pairs of a quadrature, or the cap of a kernel.

        Parameters
        ----------
        correction : CSR matrix (N, N)
            C, symmetric to the bit, zero diagonal, in the unit of k.
        """
        return CorrectedPairSum(self, correction)

    def placed(self, v: Array) -> PairSum:
        """The same sum for fields of the library and device of `v`, float64: itself for NumPy.

        Raises
        ------
        TypeError
            For a summation, or a library, that has no form there.
        """
        if is_numpy(v):
            return self
        raise TypeError(
            f"u is an array of {namespace(v).__name__}: this fast summation on clouds takes NumPy arrays, that of "
            "engine='nufft' also those of CuPy. Write numpy.asarray(u); the rates of engine='dense' and 'sparse' take "
            "every array namespace."
        )

    def rows(self, indices: NDArray[np.int64]) -> Floats:
        """Effective weights k_ij of the rows i in `indices`, by unit vectors; 0 at j = i.

        Parameters
        ----------
        indices : int array, shape (r,)

        Returns
        -------
        array, shape (r, N)
        """
        unit = np.zeros((len(indices), len(self.masses)))
        here = np.arange(len(indices)), indices
        unit[here] = 1 / self.masses[indices]
        weights: Floats = self.product(unit)
        weights[here] = 0.0
        return weights


class _DerivedPairSum(PairSum):
    """A sum made from another one, with its masses, accuracy and notes."""

    base: PairSum

    @property
    def masses(self) -> Array:
        return self.base.masses

    @property
    def error(self) -> float:
        return self.base.error

    @property
    def notes(self) -> tuple[str, ...]:
        return self.base.notes


@dataclass(frozen=True, eq=False)
class CorrectedPairSum(_DerivedPairSum):
    """k_ij + C_ij: a pair summation whose near pairs are corrected, by a quadrature or by a cap of the kernel.

    Parameters
    ----------
    base : PairSum
    correction : CSR matrix (N, N), or PaddedRows of C_ij m_j
        C, symmetric to the bit, zero diagonal, in the unit of k.
    """

    base: PairSum
    correction: Any

    def product(self, v: Array) -> Array:
        if isinstance(self.correction, PaddedRows):
            return self.base.product(v) + self.correction.product(v)
        return self.base.product(v) + _along(self.correction, v * self.masses)

    def difference(self, v: Array) -> Array:
        if isinstance(self.correction, PaddedRows):
            return self.base.difference(v) + self.correction.difference(v)
        gather, scatter = self._incidence
        return self.base.difference(v) + _along(scatter, _along(gather, v))

    def placed(self, v: Array) -> PairSum:
        return self if is_numpy(v) else CorrectedPairSum(self.base.placed(v), padded_rows(self._rates, v))

    @cached_property
    def _rates(self) -> Any:
        return self.correction.multiply(self.masses).tocsr()

    @cached_property
    def _incidence(self) -> tuple[Any, Any]:
        return incidence(self._rates, np.float64)


@dataclass(frozen=True, eq=False)
class _ScaledPairSum(_DerivedPairSum):
    """b_i k_ij b_j; in differences b_i (S(b v) - v S(b))_i, S those of k."""

    base: PairSum
    factors: Array

    def product(self, v: Array) -> Array:
        return self.factors * self.base.product(self.factors * v)

    def difference(self, v: Array) -> Array:
        return self.factors * (self.base.difference(self.factors * v) - v * self._own)

    def placed(self, v: Array) -> PairSum:
        return self if is_numpy(v) else _ScaledPairSum(self.base.placed(v), like(self.factors, v))

    @cached_property
    def _own(self) -> Array:
        return self.base.difference(self.factors)


@dataclass(frozen=True, eq=False)
class _AveragedPairSum(_DerivedPairSum):
    """k_ij (a_i + a_j)/2; in differences (a S v + S(a v) - v S a)/2."""

    base: PairSum
    coefficient: Array

    def product(self, v: Array) -> Array:
        a = self.coefficient
        return (a * self.base.product(v) + self.base.product(a * v)) / 2

    def difference(self, v: Array) -> Array:
        a = self.coefficient
        return (a * self.base.difference(v) + self.base.difference(a * v) - v * self._own) / 2

    def placed(self, v: Array) -> PairSum:
        return self if is_numpy(v) else _AveragedPairSum(self.base.placed(v), like(self.coefficient, v))

    @cached_property
    def _own(self) -> Array:
        return self.base.difference(self.coefficient)


def with_coefficient(base: PairSum, a: Floats, mean: str) -> PairSum:
    """k_ij (a_i a_j)^{1/2} for mean="geometric", k_ij (a_i + a_j)/2 for "arithmetic".

    Parameters
    ----------
    base : PairSum
    a : array, shape (N,)
        a > 0.
    mean : {"geometric", "arithmetic"}
    """
    return _ScaledPairSum(base, np.sqrt(a)) if mean == "geometric" else _AveragedPairSum(base, a)


def _along(matrix: Any, v: Floats) -> Floats:
    """matrix v over the last axis."""
    flat = v.reshape(-1, v.shape[-1])
    return np.ascontiguousarray((matrix @ flat.T).T).reshape(*v.shape[:-1], matrix.shape[0])

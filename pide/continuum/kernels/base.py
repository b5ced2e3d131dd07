"""Radial kernels gamma(|z|) >= 0 of the nonlocal diffusion L v(x) = int gamma(|y - x|) (v(y) - v(x)) dy.

Symbols: n dimension, r = |z|, k = |wave vector|, a singularity, delta horizon,
|S^{n-1}| surface of the unit sphere. A subclass describes its *raw* kernel, as written in its docstring;
this class multiplies it by the factor `scale` that `normalise` asks for.
"""

from __future__ import annotations

import dataclasses
import math
from abc import ABC, abstractmethod
from types import ModuleType
from typing import Any

import numpy as np

from pide.arrays import Array, as_float, is_numpy, like, namespace

__all__ = ["NORMALISATIONS", "Kernel"]

NORMALISATIONS = (None, "laplacian", "mass")
"""Choices of `normalise`: as written; int gamma z_1^2 dz = 2, so that L -> Delta; int gamma dz = 1."""


class Kernel(ABC):
    """A radial kernel gamma(r), the same function in every dimension n = 1, 2, 3 up to its normalisation.

    Parameters may be numbers or, where the subclass says so, 0-d arrays; the values are then arrays of that
    namespace, differentiable in torch.

    Attributes
    ----------
    normalise : None, "laplacian" or "mass"
        None: as written. "laplacian": int gamma z_1^2 dz = 2, so that L -> Delta. "mass": int gamma dz = 1.
    horizon : float, unit length
        gamma(r) = 0 for r >= horizon; math.inf when the kernel has no cutoff.

    Notes
    -----
    Equality and hash are by type and by value of the parameters, so that weights can be cached; a kernel with
    array parameters is equal only to itself and has no hash, because its values may change.
    """

    normalise: str | None
    horizon: float

    @property
    def nonnegative(self) -> bool:
        """Whether gamma >= 0; otherwise operators withhold the claims that need it."""
        return True

    def __call__(self, r: Array, dimension: int) -> Array:
        """gamma(r) with normalisation and cutoff.

        Parameters
        ----------
        r : array, any shape, unit length
            Distances >= 0. NumPy values are moved to the namespace of array parameters.
        dimension : int
            n = 1, 2 or 3.

        Returns
        -------
        array, shape of r
            0 for r >= horizon, inf at r = 0 when the kernel is singular.
        """
        xp, r = self._operand(r)
        values = self.profile(r, dimension)
        return values if math.isinf(self.horizon) else xp.where(r < self.horizon, values, xp.zeros_like(values))

    def profile(self, r: Array, dimension: int) -> Array:
        """gamma(r) without the cutoff: its smooth continuation beyond the horizon."""
        xp, r = self._operand(r)
        a = self.singularity(dimension)
        values = self.regular_part(r, dimension)
        if isinstance(a, float) and a == 0:
            return values
        inverse = xp.where(r > 0, xp.where(r > 0, r, xp.ones_like(r)) ** -a, xp.full_like(r, math.inf))
        return values * inverse

    def regular_part(self, r: Array, dimension: int) -> Array:
        """r^a gamma(r) without the cutoff, finite at r = 0; a = singularity(dimension)."""
        _, r = self._operand(r)
        return self.scale(dimension) * self._regular(r, dimension)

    def singularity(self, dimension: int) -> Array:
        """Exponent a >= 0 of gamma(r) ~ r^-a as r -> 0; 0 for bounded kernels."""
        self.check_dimension(dimension)
        return self._singularity(dimension)

    def scale(self, dimension: int) -> Array:
        """Factor by which `normalise` multiplies the kernel as written.

        Raises
        ------
        ValueError
            If the moment to be normalised is infinite in this dimension, or not positive.
        """
        self.check_dimension(dimension)
        if self.normalise is None:
            return 1.0
        moment = self._second_moment(dimension) if self.normalise == "laplacian" else self._mass(dimension)
        if math.isinf(as_float(moment)):
            self._refuse_normalisation(f" in dimension {dimension}")
        if not as_float(moment) > 0:
            raise ValueError(f"{self!r}: the moment to normalise is {as_float(moment):g}. Write normalise=None.")
        return (2.0 if self.normalise == "laplacian" else 1.0) / moment

    def length(self, dimension: int) -> float:
        """Smallest length on which `regular_part` varies; inf when it is constant."""
        self.check_dimension(dimension)
        return self._length(dimension)

    def mass(self, dimension: int) -> Array:
        """int gamma(|z|) dz; inf when the kernel is not integrable."""
        return self.scale(dimension) * self._mass(dimension)

    def integrable(self, dimension: int) -> bool:
        """Whether int gamma dz is finite: the operator is then bounded."""
        self.check_dimension(dimension)
        return math.isfinite(as_float(self._mass(dimension)))

    def second_moment(self, dimension: int) -> Array:
        """int gamma(|z|) z_1^2 dz; 2 when L -> Delta, inf for heavy tails."""
        return self.scale(dimension) * self._second_moment(dimension)

    def tail_mass(self, radius: Array, dimension: int) -> Array:
        """int_{|z| > radius} gamma(|z|) dz.

        Parameters
        ----------
        radius : array, any shape, unit length
            Radii >= 0; at radius 0 this is `mass`.
        """
        xp, radius = self._operand(radius)
        scale = self.scale(dimension)
        tail = self._tail_mass(radius if math.isinf(self.horizon) else xp.clip(radius, max=self.horizon), dimension)
        return scale * tail

    def symbol(self, k: Array, dimension: int) -> Array:
        """int gamma(|z|) (cos(k . z) - 1) dz <= 0 as a function of |k|: the eigenvalue of L on exp(i k . x).

        Parameters
        ----------
        k : array, any shape, unit 1/length
            Length of the wave vector.

        Notes
        -----
        The docstring of the subclass says by which formula; relative accuracy about 1e-13, also for small k.
        """
        _, k = self._operand(k)
        return self.scale(dimension) * self._symbol(abs(k), dimension)

    @property
    def arrays(self) -> tuple[Array, ...]:
        """Array parameters, in the order of the fields; empty when all parameters are numbers."""
        return tuple(v for v in self._values() if hasattr(v, "dtype") and hasattr(v, "shape"))

    def check_dimension(self, dimension: int) -> None:
        """Refuse a dimension other than 1, 2, 3, and one in which the kernel defines no operator.

        Raises
        ------
        ValueError
            With what to change.
        """
        if dimension not in (1, 2, 3):
            raise ValueError(f"{self!r}: dimension={dimension}. Kernels are defined in dimensions 1, 2 and 3.")

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if type(self) is not type(other) or not isinstance(other, Kernel) or self.arrays or other.arrays:
            return False
        return self._values() == other._values()

    def __hash__(self) -> int:
        if self.arrays:
            raise TypeError(f"{type(self).__name__} with array parameters has no hash: its weights are not cached.")
        return hash((type(self), self._values()))

    @abstractmethod
    def _regular(self, r: Array, dimension: int) -> Array:
        """r^a times the kernel as written."""

    @abstractmethod
    def _singularity(self, dimension: int) -> Array: ...

    @abstractmethod
    def _length(self, dimension: int) -> float: ...

    @abstractmethod
    def _mass(self, dimension: int) -> Array: ...

    @abstractmethod
    def _second_moment(self, dimension: int) -> Array: ...

    @abstractmethod
    def _tail_mass(self, radius: Array, dimension: int) -> Array:
        """Tail of the kernel as written; 0 <= radius <= horizon."""

    @abstractmethod
    def _symbol(self, k: Array, dimension: int) -> Array:
        """Symbol of the kernel as written; k >= 0."""

    def _values(self) -> tuple[Any, ...]:
        return tuple(getattr(self, field.name) for field in dataclasses.fields(self))  # type: ignore[arg-type]

    def _operand(self, r: Array) -> tuple[ModuleType, Array]:
        """Namespace of the result, and r in it."""
        parameters = self.arrays
        if not hasattr(r, "dtype"):
            r = np.asarray(r, dtype=np.float64)
        if is_numpy(r) and r.dtype.kind in "iu":
            r = np.asarray(r, dtype=np.float64)
        if parameters and is_numpy(r):
            r = like(r, parameters[0])
        return namespace(r), r

    def _store(self, **values: Any) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def _check_normalise(self) -> None:
        if self.normalise not in NORMALISATIONS:
            raise ValueError(
                f"{type(self).__name__}(normalise={self.normalise!r}): unknown. "
                "Choose None (as written), 'laplacian' (L -> Delta) or 'mass' (int gamma = 1)."
            )

    def _refuse_normalisation(self, where: str = "") -> None:
        if self.normalise == "laplacian":
            raise ValueError(
                f"{self!r}: the second moment is infinite{where}, so L does not tend to Delta. "
                "Give a finite horizon, or normalise=None."
            )
        other = " or 'laplacian'" if math.isfinite(as_float(self._second_moment(1))) else ""
        raise ValueError(
            f"{self!r}: the kernel is not integrable{where}, so it has no mass to normalise. "
            f"Write normalise=None{other}."
        )

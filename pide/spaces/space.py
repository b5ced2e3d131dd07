"""What grids and point clouds share: nodes with masses, the inner product they define, and the fields on them.

Symbols: n dimension, m_i mass of node i, N the number of nodes inside the domain. Fields are arrays (..., *shape),
leading axes are batch, zero at nodes outside the domain.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import cached_property
from typing import Any, ClassVar

import array_api_compat
import numpy as np
from numpy.typing import NDArray

from pide.arrays import Array, device_key, is_numpy, like, namespace, real_dtype_name

__all__ = ["Space"]


class Space(ABC):
    """Nodes x_i of masses m_i, with <u, v> = sum_i m_i u_i v_i over the nodes inside the domain."""

    _noun: ClassVar[str]
    """What messages call the space: the name of a variable in the user's code."""

    shape: tuple[int, ...]
    _cache: dict[tuple[str, ...], Array]

    @property
    @abstractmethod
    def coordinates(self) -> tuple[NDArray[np.float64], ...]:
        """Coordinates of all nodes: n read-only arrays of shape `shape`."""

    @property
    @abstractmethod
    def inside(self) -> NDArray[np.bool_]:
        """Boolean array of shape `shape`: the nodes inside the domain."""

    @property
    @abstractmethod
    def count(self) -> int:
        """N, the number of nodes inside the domain: the unknowns."""

    @property
    @abstractmethod
    def size(self) -> int:
        """Number of nodes, inside and outside."""

    @abstractmethod
    def _integral(self, f: Array) -> Array:
        """sum_i m_i f_i over the nodes, for f that is zero outside the domain."""

    @property
    def ndim(self) -> int:
        """Number of trailing axes of a field: n on a grid, 1 on a cloud."""
        return len(self.shape)

    @property
    def root_masses(self) -> NDArray[np.float64] | None:
        """m^(1/2) as a field; None when all masses are equal, and Euclidean products are as good as those of m."""
        return None

    def inner(self, u: Array, v: Array) -> Array:
        """<u, v> = sum_i m_i u_i v_i over the axes of the space; leading axes are kept.

        Parameters
        ----------
        u, v : arrays, shape (..., *shape)
            Fields, zero outside the domain; leading axes broadcast.

        Raises
        ------
        TypeError
            If u and v belong to different libraries or devices.
        """
        self._check_shape(u, "u")
        self._check_shape(v, "v")
        namespace(u, v)
        return self._integral(u * v)

    def norm(self, u: Array) -> Array:
        """|u| = <u, u>^(1/2)."""
        return namespace(u).sqrt(self.inner(u, u))

    @abstractmethod
    def mean(self, u: Array) -> Array:
        """sum_i m_i u_i / sum_i m_i over the nodes inside the domain."""

    def variance(self, u: Array) -> Array:
        """Var(u) = mean of (u - mean(u))^2 over the nodes inside the domain."""
        xp = namespace(u)
        mean = xp.reshape(self.mean(u), (*u.shape[: u.ndim - self.ndim], *(1,) * self.ndim))
        return self.mean((u - mean) ** 2)

    def compress(self, u: Array) -> Array:
        """Values at the nodes inside the domain, (..., *shape) -> (..., N), in C order."""
        self._check_shape(u, "u")
        xp = namespace(u)
        flat = xp.reshape(u, (*u.shape[: u.ndim - self.ndim], self.size))
        return flat if self.count == self.size else xp.take(flat, self._cached("_positions", u), axis=-1)

    def expand(self, values: Array) -> Array:
        """Field with the given values inside and zeros outside, (..., N) -> (..., *shape); inverse of `compress`."""
        if values.ndim < 1 or values.shape[-1] != self.count:
            raise ValueError(
                f"expand of values with shape {tuple(values.shape)}: needed is (..., {self.count}), "
                f"one value per node inside. Write {self._noun}.expand({self._noun}.compress(u))."
            )
        xp, batch = namespace(values), tuple(values.shape[:-1])
        if self.count < self.size:
            zero = xp.zeros((*batch, 1), dtype=values.dtype, device=array_api_compat.device(values))
            values = xp.take(xp.concat([values, zero], axis=-1), self._cached("_sources", values), axis=-1)
        return xp.reshape(values, (*batch, *self.shape))

    def sample(self, f: Callable[..., Any] | Any, dtype: Any = np.float64) -> NDArray[Any]:
        """NumPy field of a function, an array or a number; zero outside the domain.

        Parameters
        ----------
        f : callable f(*coordinates), array of shape (..., *shape), or number
            What the function returns is broadcast to `shape`; its values outside the domain do not matter.
        dtype : float64 or float32

        Raises
        ------
        TypeError
            For complex values, and for arrays (not functions) of integers or booleans.
        ValueError
            For a wrong shape, and for NaN or infinity at nodes inside the domain.
        """
        dtype = np.dtype(dtype)
        if dtype not in (np.dtype(np.float64), np.dtype(np.float32)):
            raise TypeError(f"sample(dtype={dtype}): fields are float32 or float64. Write dtype=numpy.float64.")
        values = self._evaluated(f)
        outside = int(np.count_nonzero(~np.isfinite(values) & self.inside))
        if outside:
            raise ValueError(
                f"sample: NaN or infinity at {outside} nodes inside the domain. "
                "Change the function or the data there, or shift the lattice off the singularity with origin=."
            )
        return np.where(self.inside, values, 0.0).astype(dtype)

    def check_field(self, u: Array, name: str = "u") -> None:
        """Raise unless `u` is a field: a real floating array (..., *shape), finite, zero outside the domain.

        Raises
        ------
        TypeError
            If `u` is not an array, or its dtype is not float32 or float64.
        ValueError
            If the shape is wrong, or values are not finite, or not zero outside the domain.
        """
        if not array_api_compat.is_array_api_obj(u):
            raise TypeError(
                f"{name} is a {type(u).__name__}: needed is an array of shape (..., {_listed(self.shape)}). "
                f"Write {name} = {self._noun}.sample({name})."
            )
        _check_dtype(u, name)
        self._check_shape(u, name)
        xp = namespace(u)
        bad = _number(xp, ~xp.isfinite(u))
        if bad:
            raise ValueError(f"{name} has {bad} NaN or infinite values: fields are finite. Replace them first.")
        if self.count == self.size:
            return
        bad = _number(xp, (u != 0) & ~self._cached("inside", u))
        if bad:
            raise ValueError(
                f"{name} is non-zero at {bad} nodes outside the domain: fields are zero there. "
                f"Write {name} = {self._noun}.sample({name}), or "
                f"{self._noun}.expand({self._noun}.compress({name})) to keep its array library."
            )

    @property
    def _last_axes(self) -> tuple[int, ...]:
        return tuple(range(-self.ndim, 0))

    @cached_property
    def _positions(self) -> NDArray[np.int64]:
        """Flat indices of the nodes inside."""
        return np.flatnonzero(self.inside).astype(np.int64)

    @cached_property
    def _sources(self) -> NDArray[np.int64]:
        """For each node its position among the nodes inside, or N, where `expand` puts a zero."""
        sources = np.full(self.size, self.count, dtype=np.int64)
        sources[self._positions] = np.arange(self.count)
        return sources

    def _cached(self, name: str, x: Array) -> Array:
        """Array `name` of this space like `x` (booleans and integers stay what they are), transferred once."""
        host = getattr(self, name)
        if is_numpy(x) and (host.dtype.kind != "f" or host.dtype == x.dtype):
            return host
        key = (name, *device_key(x))
        if key not in self._cache:
            self._cache[key] = like(host.copy(), x)
        return self._cache[key]

    def rescaled(self, u: Array, *, inverse: bool = False) -> Array:
        """m^(1/2) u, whose Euclidean products are those of the space, or back; u itself where all masses are equal."""
        if self.root_masses is None:
            return u
        root = self._cached("root_masses", u)
        return u / root if inverse else u * root

    def restricted(self, u: Array) -> Array:
        """`u` with zeros outside the domain."""
        if self.count == self.size:
            return u
        xp = namespace(u)
        return xp.where(self._cached("inside", u), u, xp.zeros_like(u))

    def _check_shape(self, u: Array, name: str) -> None:
        if tuple(u.shape[max(u.ndim - self.ndim, 0) :]) != self.shape:
            raise ValueError(
                f"{name} of shape {tuple(u.shape)}: {self._noun}.shape is {self.shape}, "
                f"needed (..., {_listed(self.shape)}); leading axes are batch. "
                f"Use {self._noun}.expand for values at the inside nodes, {self._noun}.sample for functions."
            )

    def _evaluated(self, f: Callable[..., Any] | Any) -> NDArray[Any]:
        """Values of a function, array or number on the lattice, broadcast to (..., *shape), any real dtype."""
        function = callable(f) and not array_api_compat.is_array_api_obj(f)
        if function:
            with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
                values = np.asarray(f(*self.coordinates))
        elif array_api_compat.is_array_api_obj(f) and not is_numpy(f):
            raise TypeError(
                f"sample of a {type(f).__module__.split('.')[0]} array: sample returns NumPy arrays. "
                f"Write {self._noun}.expand({self._noun}.compress(u)), or u = pide.arrays.to_host(u) first."
            )
        else:
            values = np.asarray(f)
        if np.iscomplexobj(values) or values.dtype.kind not in "fiub":
            raise TypeError(f"sample: values of dtype {values.dtype}, fields are real. Write u.real for the real part.")
        if not function and values.ndim and values.dtype.kind != "f":
            raise TypeError(f"sample of an array of dtype {values.dtype}: fields are floating. Write u.astype(float).")
        if function or not values.ndim:
            values = self._broadcast(values)
        self._check_shape(values, "sample: the array")
        return values

    def _broadcast(self, values: NDArray[Any]) -> NDArray[Any]:
        """`values` broadcast to `shape`, or as they are when that cannot be done."""
        try:
            return np.broadcast_to(values, np.broadcast_shapes(values.shape, self.shape))
        except ValueError:
            return values


def _listed(shape: tuple[int, ...]) -> str:
    return ", ".join(map(str, shape))


def _number(xp: Any, mask: Array) -> int:
    """Number of true entries."""
    return int(xp.sum(xp.astype(mask, xp.int64)))


def _check_dtype(u: Array, name: str) -> None:
    """Raise unless the dtype is float32 or float64."""
    xp = namespace(u)
    if xp.isdtype(u.dtype, "complex floating"):
        raise TypeError(f"{name} has dtype {u.dtype}: fields are real, float32 or float64. Write {name} = {name}.real.")
    try:
        real_dtype_name(u)
    except TypeError:
        convert = f"{name}.astype(float)" if is_numpy(u) else f"xp.astype({name}, xp.float64)"
        raise TypeError(
            f"{name} has dtype {u.dtype}: fields are real, float32 or float64. Write {name} = {convert}."
        ) from None

"""Uniform grids: the lattice of nodes over the bounding box of a domain, with its inner product.

Symbols: n dimension, h spacing per axis, m = h_1 ... h_n the mass of a node, N the number of nodes inside.
Fields are arrays (..., *shape), leading axes are batch, zero at nodes outside the domain.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import array_api_compat
import numpy as np
from numpy.typing import NDArray

from pide.arrays import Array, device_key, is_numpy, like, namespace, real_dtype_name
from pide.continuum.domains import Domain
from pide.spaces.lattice import lattice

__all__ = ["Grid"]

_ON_BOUNDARY = 1e-9
"""Nodes nearer than this fraction of h to the boundary count as boundary nodes, hence as exterior."""


@dataclass(frozen=True, eq=False, repr=False)
class Grid:
    """Nodes x_i = lower + i h, 0 <= i < shape, and <u, v> = m sum_i u_i v_i over the nodes inside the domain.

    Parameters
    ----------
    domain : Domain
    shape : tuple of int
        Nodes of the lattice per axis.
    spacing : tuple of float, unit length
        h per axis.
    lower : tuple of float, unit length
        Coordinates of the node (0, ..., 0).

    Notes
    -----
    Write ``domain.grid(64, 64)`` or ``domain.grid(spacing=1/64)`` to make one. A node is inside when its signed
    distance is below -1e-9 h, so that rounding does not decide about nodes on the boundary.

    Raises
    ------
    ValueError
        If no node lies inside the domain.

    Examples
    --------
    >>> from pide.continuum.domains import Interval
    >>> grid = Interval(0, 1).grid(100)
    >>> round(float(grid.norm(grid.sample(lambda x: x))) ** 2, 6)
    0.333325
    """

    domain: Domain
    shape: tuple[int, ...]
    spacing: tuple[float, ...]
    lower: tuple[float, ...]
    _cache: dict[tuple[str, ...], Array] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        if not len(self.shape) == len(self.spacing) == len(self.lower) == self.domain.dimension:
            raise ValueError(
                f"Grid(shape={self.shape}, spacing={self.spacing}, lower={self.lower}): needed is one entry per axis, "
                f"the domain has dimension {self.domain.dimension}. Write domain.grid(64) to have them computed."
            )
        if self.count == 0:
            raise ValueError(
                f"{self!r}: a grid that misses the domain. Give a smaller spacing or more nodes, "
                "and an origin inside the domain."
            )

    @classmethod
    def over(
        cls,
        domain: Domain,
        counts: Sequence[int] = (),
        *,
        spacing: float | Sequence[float] | None = None,
        origin: Sequence[float] | None = None,
        nodes: str = "cell",
    ) -> Grid:
        """Grid over the bounding box of a domain; `Domain.grid` documents the arguments."""
        return cls(domain, *lattice(domain, tuple(counts), spacing, origin, nodes))

    def __repr__(self) -> str:
        h = self.spacing[0] if len(set(self.spacing)) == 1 else self.spacing
        return f"Grid({self.domain!r}, shape={self.shape}, spacing={h}, {self.count} nodes inside)"

    @property
    def dimension(self) -> int:
        """n."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of nodes of the lattice, inside and outside."""
        return math.prod(self.shape)

    @cached_property
    def count(self) -> int:
        """N, the number of nodes inside the domain: the unknowns."""
        return int(np.count_nonzero(self.inside))

    @property
    def cell_volume(self) -> float:
        """m = h_1 ... h_n, unit length^n."""
        return math.prod(self.spacing)

    @property
    def masses(self) -> float:
        """Mass of a node in the inner product, the same for all nodes: `cell_volume`."""
        return self.cell_volume

    @property
    def periodic(self) -> bool:
        """Whether the domain is a torus."""
        return self.domain.periodic

    @cached_property
    def axes(self) -> tuple[NDArray[np.float64], ...]:
        """Coordinates per axis: 1-D arrays of the lengths in `shape`."""
        return self._axes((0,) * self.dimension)

    @cached_property
    def coordinates(self) -> tuple[NDArray[np.float64], ...]:
        """Coordinates of all nodes: n read-only arrays of shape `shape`."""
        return _mesh(self.axes)

    @cached_property
    def inside(self) -> NDArray[np.bool_]:
        """Boolean array of shape `shape`: the nodes inside the domain."""
        distance = self.domain.signed_distance(*self.coordinates)
        inside = np.asarray(distance < -_ON_BOUNDARY * min(self.spacing))
        inside.flags.writeable = False
        return inside

    def extended(self, pad: Sequence[int]) -> tuple[NDArray[np.float64], ...]:
        """Coordinates of the lattice enlarged by `pad` nodes on both sides of each axis, for exterior data."""
        if len(pad) != self.dimension or min(pad) < 0:
            raise ValueError(f"extended({tuple(pad)}): needed are {self.dimension} nonnegative counts, one per axis.")
        return _mesh(self._axes(tuple(pad)))

    def inner(self, u: Array, v: Array) -> Array:
        """<u, v> = m sum_i u_i v_i over the last n axes; leading axes are kept.

        Parameters
        ----------
        u, v : arrays, shape (..., *shape)
            Fields, zero outside the domain; leading axes broadcast.
        """
        self._check_shape(u, "u")
        self._check_shape(v, "v")
        return namespace(u, v).sum(u * v, axis=self._last_axes) * self.cell_volume

    def norm(self, u: Array) -> Array:
        """|u| = <u, u>^(1/2)."""
        return namespace(u).sqrt(self.inner(u, u))

    def mean(self, u: Array) -> Array:
        """Mean of u over the nodes inside the domain, sum_i u_i / N."""
        self._check_shape(u, "u")
        return namespace(u).sum(self.restricted(u), axis=self._last_axes) / self.count

    def variance(self, u: Array) -> Array:
        """Var(u) = sum_i (u_i - mean(u))^2 / N over the nodes inside the domain."""
        xp = namespace(u)
        mean = xp.reshape(self.mean(u), (*u.shape[: u.ndim - self.dimension], *(1,) * self.dimension))
        return xp.sum(self.restricted(u - mean) ** 2, axis=self._last_axes) / self.count

    def compress(self, u: Array) -> Array:
        """Values at the nodes inside the domain, (..., *shape) -> (..., N), in C order."""
        self._check_shape(u, "u")
        xp = namespace(u)
        flat = xp.reshape(u, (*u.shape[: u.ndim - self.dimension], self.size))
        return flat if self.count == self.size else xp.take(flat, self._cached("_positions", u), axis=-1)

    def expand(self, values: Array) -> Array:
        """Field with the given values inside and zeros outside, (..., N) -> (..., *shape); inverse of `compress`."""
        if values.ndim < 1 or values.shape[-1] != self.count:
            raise ValueError(
                f"expand of values with shape {tuple(values.shape)}: needed is (..., {self.count}), "
                "one value per node inside. Write grid.expand(grid.compress(u))."
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
                f"Write {name} = grid.sample({name})."
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
                f"Write {name} = grid.sample({name}), or grid.expand(grid.compress({name})) to keep its array library."
            )

    @property
    def _last_axes(self) -> tuple[int, ...]:
        return tuple(range(-self.dimension, 0))

    @cached_property
    def _positions(self) -> NDArray[np.int64]:
        """Flat indices of the nodes inside."""
        return np.flatnonzero(self.inside).astype(np.int64)

    @cached_property
    def _sources(self) -> NDArray[np.int64]:
        """For each lattice node its position among the nodes inside, or N, where `expand` puts a zero."""
        sources = np.full(self.size, self.count, dtype=np.int64)
        sources[self._positions] = np.arange(self.count)
        return sources

    def _axes(self, pad: tuple[int, ...]) -> tuple[NDArray[np.float64], ...]:
        layout = zip(self.lower, self.spacing, self.shape, pad, strict=True)
        return tuple(a + h * np.arange(-p, n + p, dtype=np.float64) for a, h, n, p in layout)

    def _cached(self, name: str, x: Array) -> Array:
        """Boolean or integer array `name` of this grid on the device of `x`, transferred once per device."""
        if is_numpy(x):
            return getattr(self, name)
        key = (name, *device_key(x))
        if key not in self._cache:
            self._cache[key] = like(getattr(self, name).copy(), x)
        return self._cache[key]

    def restricted(self, u: Array) -> Array:
        """`u` with zeros outside the domain."""
        if self.count == self.size:
            return u
        xp = namespace(u)
        return xp.where(self._cached("inside", u), u, xp.zeros_like(u))

    def _check_shape(self, u: Array, name: str) -> None:
        if tuple(u.shape[max(u.ndim - self.dimension, 0) :]) != self.shape:
            raise ValueError(
                f"{name} of shape {tuple(u.shape)}: grid.shape is {self.shape}, needed (..., {_listed(self.shape)}); "
                "leading axes are batch. Use grid.expand for values at the inside nodes, grid.sample for functions."
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
                "Write grid.expand(grid.compress(u)), or u = pide.arrays.to_host(u) first."
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


def _mesh(axes: tuple[NDArray[np.float64], ...]) -> tuple[NDArray[np.float64], ...]:
    """Full-shape read-only views of the coordinates, which cost no memory."""
    shape = tuple(a.size for a in axes)
    return tuple(np.broadcast_to(a, shape) for a in np.meshgrid(*axes, indexing="ij", sparse=True))


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

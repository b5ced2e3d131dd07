"""Domains given by a signed distance function or by a boolean array."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pide.continuum.domains import Bounds, Domain, Floats, Layout, check_bounds, check_dimension, finite_floats, store

__all__ = ["Mask", "SignedDistance"]

_SAMPLES = {1: 257, 2: 65, 3: 17}
"""Points per axis at which a function is examined when a domain is made of it."""


@dataclass(frozen=True)
class SignedDistance(Domain):
    """The set f(x) < 0, with f the signed distance to its boundary: negative inside, positive outside.

    Parameters
    ----------
    f : callable, f(*x) -> array of the shape of the coordinates, unit length
    bounds : ((a_1, b_1), ...), one pair per axis, unit length
        A box that contains the set.

    Attributes
    ----------
    exact_distance : bool
        Whether |grad f| = 1 was found at nine tenths of the sampled points inside. This is necessary for a distance,
        not sufficient: the minimum of two distances passes although it is only a bound near their meeting points.

    Notes
    -----
    f is examined on a lattice of 257, 65^2 or 17^3 points; what happens between them is not seen.

    Raises
    ------
    ValueError
        If f is negative on the edges of the bounds: its sign is flipped, or the bounds are too small.

    Examples
    --------
    >>> ring = SignedDistance(lambda x, y: abs((x**2 + y**2) ** 0.5 - 0.7) - 0.2, ((-1, 1), (-1, 1)))
    >>> ring.exact_distance
    True
    """

    f: Callable[..., ArrayLike]
    bounds: Bounds
    dimension: int = field(init=False, repr=False, compare=False)
    volume: None = field(init=False, repr=False, compare=False)
    exact_distance: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not callable(self.f):
            raise TypeError(
                f"SignedDistance({type(self.f).__name__}, bounds): needed first is a function of the coordinates. "
                "Write SignedDistance(lambda x, y: (x**2 + y**2) ** 0.5 - 1, ((-1, 1), (-1, 1))), or Mask(array)."
            )
        bounds = check_bounds(self.bounds, f"SignedDistance(f, {self.bounds})")
        store(self, bounds=bounds, dimension=len(bounds), volume=None)
        x = self._samples()
        values = self._distance(x)
        self._check_edges(x, values)
        store(self, exact_distance=self._has_unit_slope(x, values))

    def _distance(self, x: tuple[Floats, ...]) -> Floats:
        values = np.asarray(self.f(*x))
        if values.dtype.kind not in "fiu" or values.shape != x[0].shape:
            raise TypeError(
                f"SignedDistance: f returned dtype {values.dtype} and shape {values.shape} for coordinates of shape "
                f"{x[0].shape}, needed are real numbers of that shape. Use NumPy functions of the coordinate arrays."
            )
        bad = int(np.count_nonzero(np.isnan(values)))
        if bad:
            raise ValueError(f"SignedDistance: f is NaN at {bad} of {values.size} points. Return a number everywhere.")
        return values.astype(np.float64)

    def _samples(self) -> tuple[Floats, ...]:
        count = _SAMPLES[self.dimension]
        return tuple(np.meshgrid(*(np.linspace(a, b, count) for a, b in self.bounds), indexing="ij"))

    def _check_edges(self, x: tuple[Floats, ...], values: Floats) -> None:
        edge = np.zeros(values.shape, dtype=bool)
        for c, (a, b) in zip(x, self.bounds, strict=True):
            edge |= (c == a) | (c == b)
        rounding = 1e-9 * max(b - a for a, b in self.bounds)
        negative = int(np.count_nonzero(values[edge] < -rounding))
        if not negative:
            return
        names = ", ".join("xyz"[: self.dimension])
        flip = f"SignedDistance(lambda {names}: -f({names}), bounds)"
        share = f"{negative} of {int(np.count_nonzero(edge))} points"
        found = f"SignedDistance: f is negative at {share} on the edges of the bounds, needed is f >= 0 there"
        if np.all(values[edge] <= rounding) and np.any(values > 0):
            raise ValueError(f"{found} and f < 0 inside. The sign is flipped, write {flip}.")
        raise ValueError(f"{found}. Enlarge the bounds; if the sign is flipped, write {flip}.")

    def _has_unit_slope(self, x: tuple[Floats, ...], values: Floats) -> bool:
        inside = values < 0
        if not np.any(inside):
            return False
        points = tuple(c[inside] for c in x)
        step = 1e-5 * min(b - a for a, b in self.bounds)
        square = np.zeros(points[0].shape)
        for axis in range(self.dimension):
            ahead, behind = (
                tuple(c + sign * step if a == axis else c for a, c in enumerate(points)) for sign in (1.0, -1.0)
            )
            square += ((self._distance(ahead) - self._distance(behind)) / (2 * step)) ** 2
        return bool(np.mean(np.abs(np.sqrt(square) - 1.0) < 1e-3) >= 0.9)


@dataclass(frozen=True, eq=False, repr=False)
class Mask(Domain):
    """The union of the cells of a lattice at which a boolean array is true.

    Parameters
    ----------
    array : boolean array with 1, 2 or 3 axes
        True inside. It is copied.
    spacing : float or one per axis, unit length
        Cell size h.
    origin : one coordinate per axis, optional
        Centre of the cell (0, ..., 0); by default h/2, so that the array covers (0, N_1 h_1) x ...

    Notes
    -----
    ``mask.grid()`` takes no arguments and has one node per cell of the array. The signed distance of a point is that
    to the nearest cell of the other kind, as found for the centre of its own cell by an exact Euclidean distance
    transform; as a distance to the object that the array depicts it is accurate to O(h), so `exact_distance` is False.
    Cells beyond the array are outside.
    """

    array: NDArray[np.bool_]
    spacing: float | tuple[float, ...]
    origin: tuple[float, ...] | None = None
    dimension: int = field(init=False)
    bounds: Bounds = field(init=False)
    volume: float = field(init=False)
    fixed_lattice: Layout = field(init=False)

    exact_distance = False

    def __post_init__(self) -> None:
        array = _checked_mask(self.array)
        n = array.ndim
        each = [self.spacing] * n if np.ndim(self.spacing) == 0 else self.spacing
        h = finite_floats(each, f"Mask(array, spacing={self.spacing})", n)
        if min(h) <= 0:
            raise ValueError(f"Mask(array, spacing={self.spacing}): a spacing is positive. Give the width of one cell.")
        centre = tuple(step / 2 for step in h) if self.origin is None else self.origin
        origin = finite_floats(centre, f"Mask(array, origin={self.origin})", n)
        bounds = tuple((o - s / 2, o + (m - 0.5) * s) for o, s, m in zip(origin, h, array.shape, strict=True))
        store(self, array=array, spacing=h, origin=origin, dimension=n, bounds=bounds,
              volume=int(np.count_nonzero(array)) * math.prod(h), fixed_lattice=(array.shape, h, origin))

    def __repr__(self) -> str:
        _, h, _ = self.fixed_lattice
        return f"Mask(shape={self.array.shape}, spacing={h}, {int(np.count_nonzero(self.array))} cells inside)"

    @cached_property
    def _padded(self) -> NDArray[np.bool_]:
        """The array with one layer of outside cells around it."""
        return np.pad(self.array, 1)

    @cached_property
    def _opposite(self) -> NDArray[np.int32]:
        """Index, per axis, of the cell of the other kind nearest to each cell of `_padded`."""
        from scipy.ndimage import distance_transform_edt

        _, h, _ = self.fixed_lattice
        nearest = [
            distance_transform_edt(kind, sampling=h, return_distances=False, return_indices=True)
            for kind in (self._padded, ~self._padded)
        ]
        return np.where(self._padded, *nearest)

    def _distance(self, x: tuple[Floats, ...]) -> Floats:
        shape, h, origin = self.fixed_lattice
        cell = tuple(
            np.clip(np.rint((c - o) / s), -1, m).astype(np.intp) + 1
            for c, o, s, m in zip(x, origin, h, shape, strict=True)
        )
        square = np.zeros(x[0].shape)
        for c, o, s, index in zip(x, origin, h, self._opposite, strict=True):
            square += np.maximum(np.abs(c - o - (index[cell] - 1) * s) - s / 2, 0.0) ** 2
        return np.where(self._padded[cell], -1.0, 1.0) * np.sqrt(square)


def _checked_mask(array: ArrayLike) -> NDArray[np.bool_]:
    """Read-only copy of a boolean array with 1 to 3 axes and a true entry."""
    mask = np.array(array)
    if mask.dtype != np.bool_:
        raise TypeError(f"Mask of dtype {mask.dtype}: needed is a boolean array. Write Mask(array > 0, spacing=h).")
    check_dimension(mask.ndim, f"Mask of an array of shape {mask.shape}")
    if not mask.any():
        raise ValueError(
            f"Mask of shape {mask.shape}: an empty mask, no entry is True. "
            "Check the threshold that made it, or write Mask(~array, spacing=h) if True means outside."
        )
    mask.flags.writeable = False
    return mask

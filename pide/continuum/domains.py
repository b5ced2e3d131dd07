"""Domains Omega of R^n, n = 1, 2, 3: boxes, the torus and the ball.

d(x) is the signed distance to the boundary, negative inside. Curved and implicit domains
are in `domains_ellipsoid`, `domains_polygon` and `domains_implicit`.
"""

from __future__ import annotations

import math
import numbers
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from pide.spaces.grid import Grid

Floats = NDArray[np.float64]
Bounds = tuple[tuple[float, float], ...]
Layout = tuple[tuple[int, ...], tuple[float, ...], tuple[float, ...]]
"""Shape, spacing and coordinates of the first node of a lattice."""

__all__ = ["Ball", "Bounds", "Box", "Domain", "Interval", "Torus"]


class Domain(ABC):
    """An open set Omega with its signed distance.

    Attributes
    ----------
    dimension : int
        n, one of 1, 2, 3.
    bounds : tuple of (float, float), one per axis, unit length
        Bounding box of Omega.
    volume : float or None, unit length^n
        n-dimensional volume in closed form; None when it is not known.
    periodic : bool
        True for the torus only.
    exact_distance : bool
        False when `signed_distance` is only accurate to about a grid spacing, or is not a distance.
    rectangular : bool
        True when Omega fills its bounding box, so that a lattice must fit the box exactly.
    fixed_lattice : (shape, spacing, lower) or None
        The only lattice of a domain that is given by one.
    """

    periodic: ClassVar[bool] = False
    rectangular: ClassVar[bool] = False

    exact_distance: bool = True
    fixed_lattice: Layout | None = None
    dimension: int
    bounds: Bounds
    volume: float | None

    @abstractmethod
    def _distance(self, x: tuple[Floats, ...]) -> Floats:
        """Signed distance at points whose coordinates are float64 arrays of one common shape."""

    def signed_distance(self, *x: ArrayLike) -> Floats:
        """d(x) = -dist(x, boundary) inside, +dist(x, boundary) outside; -inf on the torus.

        Parameters
        ----------
        *x : arrays that broadcast against each other, one per axis, unit length
            Coordinates of the points.

        Raises
        ------
        TypeError
            If the number of coordinates is not the dimension.
        """
        if len(x) != self.dimension:
            raise TypeError(
                f"signed_distance of {len(x)} coordinate arrays: {self!r} has dimension {self.dimension}. "
                f"Write domain.signed_distance({', '.join('xyz'[: self.dimension])})."
            )
        return self._distance(tuple(np.broadcast_arrays(*(np.asarray(c, dtype=np.float64) for c in x))))

    def contains(self, *x: ArrayLike) -> NDArray[np.bool_]:
        """Whether the points lie in the open set Omega, d(x) < 0."""
        return np.asarray(self.signed_distance(*x) < 0)

    def grid(
        self,
        *counts: int,
        spacing: float | Sequence[float] | None = None,
        origin: Sequence[float] | None = None,
        nodes: str = "cell",
    ) -> Grid:
        """Lattice of nodes over the bounding box of the domain.

        Parameters
        ----------
        *counts : int
            Nodes per axis; one count stands for all axes. Give either counts or `spacing`.
        spacing : float or one per axis, unit length
            h. On boxes and the torus it must divide the side; elsewhere the lattice covers the bounding box
            and is centred on it.
        origin : one coordinate per axis, optional
            A point that the lattice passes through, for domains that do not fill their bounding box.
        nodes : "cell" or "interior"
            "cell": a + (i + 1/2) h with h = L/N, on the torus a + i h. "interior", on `Interval` and `Box`:
            a + (i + 1) h with h = L/(N + 1), so that the boundary is on the lattice.
        """
        from pide.spaces.grid import Grid

        return Grid.over(self, counts, spacing=spacing, origin=origin, nodes=nodes)


def store(domain: Domain, **values: Any) -> None:
    """Store derived fields of a frozen dataclass, from its own __post_init__ only."""
    for name, value in values.items():
        object.__setattr__(domain, name, value)


def check_dimension(n: int, what: str) -> int:
    """`n` if it is 1, 2 or 3."""
    if not isinstance(n, numbers.Integral) or isinstance(n, bool) or n not in (1, 2, 3):
        raise ValueError(f"{what}: domains have dimension 1, 2 or 3, not {n}. Give one entry per axis.")
    return int(n)


def finite_floats(values: Any, what: str, n: int | None = None) -> tuple[float, ...]:
    """Sequence of finite numbers as a tuple of floats, of length `n` where given."""
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise TypeError(f"{what}: needed are numbers, one per axis, such as (1.0, 1.0).") from None
    if array.ndim != 1 or (n is not None and array.size != n):
        needed = "one number per axis" if n is None else f"{n} numbers, one per axis"
        raise ValueError(f"{what} has shape {array.shape}: needed are {needed}. Write a tuple such as (1.0, 1.0).")
    if not np.all(np.isfinite(array)):
        raise ValueError(f"{what}: NaN or infinite entries. Give finite numbers.")
    return tuple(float(v) for v in array)


def check_bounds(bounds: Any, what: str) -> Bounds:
    """Bounding box as a tuple of (a, b) with a < b."""
    try:
        pairs = [(float(a), float(b)) for a, b in bounds]
    except (TypeError, ValueError):
        raise TypeError(f"{what}: needed is one pair (a, b) per axis. Write ((-1, 1), (-1, 1)) in 2-D.") from None
    check_dimension(len(pairs), what)
    for axis, (a, b) in enumerate(pairs):
        if not (math.isfinite(a) and math.isfinite(b) and a < b):
            raise ValueError(f"{what}: axis {axis} has bounds ({a:g}, {b:g}). Write (a, b) with finite a < b.")
    return tuple(pairs)


def _box_distance(bounds: Bounds, x: tuple[Floats, ...]) -> Floats:
    """Exact signed distance of a box: with q_i = max(a_i - x_i, x_i - b_i), |max(q, 0)| + min(max_i q_i, 0)."""
    q = [np.maximum(a - c, c - b) for (a, b), c in zip(bounds, x, strict=True)]
    outside = np.sqrt(sum(np.maximum(c, 0.0) ** 2 for c in q))
    inside = np.minimum(np.maximum.reduce(q), 0.0)
    return np.asarray(outside + inside)


@dataclass(frozen=True)
class Torus(Domain):
    """The periodic box with x_i and x_i + L_i identified; it has no boundary, so d = -inf.

    Parameters
    ----------
    lengths : floats, one per axis, unit length
        Periods L_i; a single number is a torus of dimension 1.
    lower : float or one per axis, unit length
        Lower corner of the box that represents the torus; 0 by default.

    Examples
    --------
    >>> Torus((1.0, 2.0)).grid(4, 8).spacing
    (0.25, 0.25)
    """

    lengths: tuple[float, ...]
    lower: float | tuple[float, ...] = 0.0
    dimension: int = field(init=False, repr=False, compare=False)
    bounds: Bounds = field(init=False, repr=False, compare=False)
    volume: float = field(init=False, repr=False, compare=False)

    periodic: ClassVar[bool] = True
    rectangular: ClassVar[bool] = True

    def __post_init__(self) -> None:
        what = f"Torus(lengths={self.lengths})"
        if isinstance(self.lengths, numbers.Real) and self.lower != 0.0:
            raise TypeError(
                f"Torus({self.lengths}, {self.lower}): the second argument is the lower corner. Write "
                f"Torus(({self.lengths}, {self.lower})) for two periods, or (({self.lengths},), {self.lower})."
            )
        lengths = finite_floats(np.atleast_1d(self.lengths), what)
        n = check_dimension(len(lengths), what)
        if min(lengths) <= 0:
            raise ValueError(f"{what}: periods must be positive. Give the length of one period per axis.")
        corner = [self.lower] * n if isinstance(self.lower, numbers.Real) else self.lower
        lower = finite_floats(corner, f"{what} with lower={self.lower}", n)
        bounds = tuple((a, a + length) for a, length in zip(lower, lengths, strict=True))
        store(self, lengths=lengths, lower=lower, dimension=n, bounds=bounds, volume=math.prod(lengths))

    def _distance(self, x: tuple[Floats, ...]) -> Floats:
        return np.full(x[0].shape, -np.inf)


@dataclass(frozen=True)
class Box(Domain):
    """The box (a_1, b_1) x ... x (a_n, b_n); the distance is exact inside and outside.

    Parameters
    ----------
    bounds : ((a_1, b_1), ...), one pair per axis, unit length

    Examples
    --------
    >>> float(Box(((-1, 1), (-1, 1))).signed_distance(0.0, 0.5))
    -0.5
    """

    bounds: Bounds
    dimension: int = field(init=False, repr=False, compare=False)
    volume: float = field(init=False, repr=False, compare=False)

    rectangular: ClassVar[bool] = True

    def __post_init__(self) -> None:
        bounds = check_bounds(self.bounds, f"Box({self.bounds})")
        store(self, bounds=bounds, dimension=len(bounds), volume=math.prod(b - a for a, b in bounds))

    def _distance(self, x: tuple[Floats, ...]) -> Floats:
        return _box_distance(self.bounds, x)


@dataclass(frozen=True)
class Interval(Domain):
    """The interval (a, b) of the line.

    Parameters
    ----------
    a, b : float, unit length
        End points, a < b.
    """

    a: float
    b: float
    dimension: int = field(init=False, repr=False, compare=False)
    bounds: Bounds = field(init=False, repr=False, compare=False)
    volume: float = field(init=False, repr=False, compare=False)

    rectangular: ClassVar[bool] = True

    def __post_init__(self) -> None:
        bounds = check_bounds(((self.a, self.b),), f"Interval({self.a}, {self.b})")
        (a, b), = bounds
        store(self, a=a, b=b, dimension=1, bounds=bounds, volume=b - a)

    def _distance(self, x: tuple[Floats, ...]) -> Floats:
        return _box_distance(self.bounds, x)


@dataclass(frozen=True)
class Ball(Domain):
    """The ball |x - c| < R: an interval, a disc or a ball in n = 1, 2, 3.

    Parameters
    ----------
    radius : float, unit length
        R > 0.
    dimension : int
        n.
    centre : one coordinate per axis, optional
        c, the coordinate origin by default.

    Examples
    --------
    >>> float(Ball(radius=1.0, dimension=2).signed_distance(3.0, 4.0))
    4.0
    """

    radius: float
    dimension: int
    centre: tuple[float, ...] | None = None
    bounds: Bounds = field(init=False, repr=False, compare=False)
    volume: float = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        what = f"Ball(radius={self.radius}, dimension={self.dimension})"
        n = check_dimension(self.dimension, what)
        radius, = finite_floats([self.radius], what)
        if radius <= 0:
            raise ValueError(f"{what}: the radius must be positive. Write Ball(radius=1.0, dimension={n}).")
        centre = finite_floats((0.0,) * n if self.centre is None else self.centre, f"{what}, centre={self.centre}", n)
        volume = math.pi ** (n / 2) / math.gamma(n / 2 + 1) * radius**n
        store(self, radius=radius, dimension=n, centre=centre, volume=volume,
             bounds=tuple((c - radius, c + radius) for c in centre))

    def _distance(self, x: tuple[Floats, ...]) -> Floats:
        squares = ((c - c0) ** 2 for c, c0 in zip(x, self.centre or (), strict=True))
        return np.asarray(np.sqrt(sum(squares)) - self.radius)

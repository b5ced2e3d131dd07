"""Uniform grids: the lattice of nodes over the bounding box of a domain, with its inner product.

Symbols: n dimension, h spacing per axis, m = h_1 ... h_n the mass of a node, N the number of nodes inside.
Fields are arrays (..., *shape), leading axes are batch, zero at nodes outside the domain.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pide.arrays import Array, namespace
from pide.continuum.domains import Domain
from pide.spaces.lattice import lattice
from pide.spaces.space import Space

__all__ = ["Grid"]

_ON_BOUNDARY = 1e-9
"""Nodes nearer than this fraction of h to the boundary count as boundary nodes, hence as exterior."""


@dataclass(frozen=True, eq=False, repr=False)
class Grid(Space):
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

    _noun = "grid"

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

    def mean(self, u: Array) -> Array:
        """Mean of u over the nodes inside the domain, sum_i u_i / N."""
        self._check_shape(u, "u")
        return namespace(u).sum(self.restricted(u), axis=self._last_axes) / self.count

    def extended(self, pad: Sequence[int]) -> tuple[NDArray[np.float64], ...]:
        """Coordinates of the lattice enlarged by `pad` nodes on both sides of each axis, for exterior data."""
        if len(pad) != self.dimension or min(pad) < 0:
            raise ValueError(f"extended({tuple(pad)}): needed are {self.dimension} nonnegative counts, one per axis.")
        return _mesh(self._axes(tuple(pad)))

    def _integral(self, f: Array) -> Array:
        return namespace(f).sum(f, axis=self._last_axes) * self.cell_volume

    def _axes(self, pad: tuple[int, ...]) -> tuple[NDArray[np.float64], ...]:
        layout = zip(self.lower, self.spacing, self.shape, pad, strict=True)
        return tuple(a + h * np.arange(-p, n + p, dtype=np.float64) for a, h, n, p in layout)


def _mesh(axes: tuple[NDArray[np.float64], ...]) -> tuple[NDArray[np.float64], ...]:
    """Full-shape read-only views of the coordinates, which cost no memory."""
    shape = tuple(a.size for a in axes)
    return tuple(np.broadcast_to(a, shape) for a in np.meshgrid(*axes, indexing="ij", sparse=True))

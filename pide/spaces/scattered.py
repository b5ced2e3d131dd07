"""Spaces whose nodes form no lattice: one axis of nodes, each with its own mass."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pide.arrays import Array, namespace
from pide.spaces.space import Space

__all__ = ["Scattered"]


class Scattered(Space):
    """Nodes 0 .. N - 1 of masses m_i; fields are arrays (..., N)."""

    masses: NDArray[np.float64]

    @property
    def shape(self) -> tuple[int, ...]:  # type: ignore[override]
        """(N,)."""
        return self.masses.shape

    @property
    def size(self) -> int:
        """N, with the nodes outside."""
        return len(self.masses)

    @property
    def count(self) -> int:
        """Number of nodes inside."""
        return int(self.inside.sum())

    @property
    def dimension(self) -> int:
        """Number of coordinates of a node."""
        return len(self.coordinates)

    @property
    def cell_volume(self) -> NDArray[np.float64]:
        """The masses."""
        return self.masses

    @property
    def periodic(self) -> bool:
        """False."""
        return False

    @property
    def domain(self) -> Any:
        """The space itself: nothing is known of what its nodes sample."""
        return self

    @cached_property
    def inside(self) -> NDArray[np.bool_]:
        """True for every node."""
        return np.ones(self.shape, dtype=np.bool_)

    @cached_property
    def root_masses(self) -> NDArray[np.float64] | None:
        """m^(1/2), None where all masses are equal."""
        return None if np.all(self.masses == self.masses[0]) else np.sqrt(self.masses)

    def mean(self, u: Array) -> Array:
        """sum_i m_i u_i / sum_i m_i over the nodes inside."""
        self._check_shape(u, "u")
        return self._integral(self.restricted(u)) / float(self.masses[self.inside].sum())

    def _integral(self, f: Array) -> Array:
        return namespace(f).sum(f * self._cached("masses", f), axis=-1)


def coordinate_columns(points: NDArray[Any]) -> tuple[NDArray[Any], ...]:
    """The columns of (N, d) as read-only contiguous arrays."""
    columns = tuple(np.ascontiguousarray(column) for column in points.T)
    for column in columns:
        column.flags.writeable = False
    return columns

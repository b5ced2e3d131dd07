"""Point clouds: scattered nodes with masses, and the inner product <u, v> = sum_i m_i u_i v_i that they define."""

from __future__ import annotations

from dataclasses import InitVar, dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from pide.arrays import Array
from pide.continuum.domains import Domain
from pide.spaces.scattered import Scattered, coordinate_columns
from pide.spaces.voronoi import voronoi_masses

__all__ = ["PointCloud"]

_NEAR = 1e-9
"""Points nearer than this fraction of the cloud's diameter are near-duplicates."""
_SHOWN = 4


@dataclass(frozen=True, eq=False, repr=False)
class PointCloud(Scattered):
    """Points x_i in R^n, n = 1, 2, 3, with masses m_i, and <u, v> = sum_i m_i u_i v_i.

    Parameters
    ----------
    points : array, shape (N, n), unit length
    weights : array of shape (N,), number, or None, unit length^n
        Masses m_i > 0; a number is the mass of every point. None takes the volumes of the Voronoi cells in `domain`.
    domain : Domain or None
        What the points sample; all of them lie inside. Needed for exteriors other than `Reflecting()`, for `solve`,
        and for Voronoi weights.

    Notes
    -----
    Fields are arrays (..., N). Voronoi cells are cut at the boundary by points mirrored in it: exactly on boxes and on
    the torus, to second order in the spacing where the boundary is curved and smooth; cells at re-entrant corners may
    reach outside. The sum of the masses is then the volume of the domain to that accuracy.

    Raises
    ------
    ValueError
        Points that coincide to 1e-9 of the cloud's diameter, or lie outside the domain, with their indices; masses that
        are not positive.

    Examples
    --------
    >>> from pide.continuum.domains import Interval
    >>> cloud = PointCloud([[0.1], [0.4], [0.8]], domain=Interval(0, 1))
    >>> cloud.masses.round(3).tolist()
    [0.25, 0.35, 0.4]
    """

    _noun = "cloud"

    points: NDArray[np.float64]
    weights: InitVar[ArrayLike | None] = None
    domain: Domain | None = None
    masses: NDArray[np.float64] = field(init=False)
    _cache: dict[tuple[str, ...], Array] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self, weights: ArrayLike | None) -> None:
        points = _checked_points(self.points)
        object.__setattr__(self, "points", points)
        _refuse_outside(points, self.domain)
        _refuse_duplicates(points, self.tree)
        if weights is None and self.domain is None:
            raise ValueError(
                "PointCloud without weights and without domain: the masses are unknown. Write domain=... for Voronoi "
                "weights, or weights=1.0 for equal ones."
            )
        masses = voronoi_masses(points, self.domain) if weights is None and self.domain else _checked_masses(
            weights, len(points)
        )  # fmt: skip
        masses.flags.writeable = False
        object.__setattr__(self, "masses", masses)
        object.__setattr__(self, "weights", masses)

    def __repr__(self) -> str:
        domain = "" if self.domain is None else f", domain={self.domain!r}"
        return f"PointCloud({self.count} points in R^{self.dimension}{domain})"

    @property
    def periodic(self) -> bool:
        """Whether the domain is a torus."""
        return self.domain is not None and self.domain.periodic

    @cached_property
    def coordinates(self) -> tuple[NDArray[np.float64], ...]:
        """Coordinates of the points: n read-only arrays of shape (N,)."""
        return coordinate_columns(self.points)

    @cached_property
    def tree(self) -> cKDTree:
        """KD-tree of the points, periodic on a torus, where it holds the points modulo the periods."""
        if not (self.domain is not None and self.domain.periodic):
            return cKDTree(self.points)
        lower, upper = np.array(self.domain.bounds).T
        return cKDTree(np.mod(self.points - lower, upper - lower), boxsize=upper - lower)


def _checked_points(points: Any) -> NDArray[np.float64]:
    array = np.array(points, dtype=np.float64)
    if array.ndim != 2 or array.shape[1] not in (1, 2, 3) or array.shape[0] < 2:
        raise ValueError(
            f"PointCloud(points of shape {array.shape}): needed is (N, n) with N >= 2 points and n = 1, 2 or 3. "
            "Write points[:, None] for points on a line; for features with more axes see pide.Affinity."
        )
    bad = np.flatnonzero(~np.isfinite(array).all(axis=1))
    if bad.size:
        raise ValueError(f"PointCloud: NaN or infinity at point {_indices(bad)}. Remove them.")
    array.flags.writeable = False
    return array


def _checked_masses(weights: Any, count: int) -> NDArray[np.float64]:
    masses = np.array(weights, dtype=np.float64)
    if masses.ndim == 0:
        masses = np.full(count, float(masses))
    if masses.shape != (count,):
        raise ValueError(
            f"PointCloud(weights of shape {masses.shape}): needed is ({count},), one mass per point. "
            "Write one number for equal masses."
        )
    bad = np.flatnonzero(~(np.isfinite(masses) & (masses > 0)))
    if bad.size:
        raise ValueError(
            f"PointCloud: weights at point {_indices(bad)} are not positive and finite. Remove these points."
        )
    return masses


def _refuse_duplicates(points: NDArray[np.float64], tree: cKDTree) -> None:
    diameter = float(np.linalg.norm(np.ptp(points, axis=0)))
    near, partner = map(np.asarray, tree.query(tree.data, k=2))
    bad = np.flatnonzero(near[:, 1] <= _NEAR * diameter)
    if bad.size:
        pairs = sorted({(min(int(i), j), max(int(i), j)) for i in bad for j in map(int, partner[i]) if j != i})
        shown = ", ".join(map(str, pairs[:_SHOWN])) + (", ..." if len(pairs) > _SHOWN else "")
        raise ValueError(
            f"PointCloud: the points with indices {shown} coincide to {_NEAR:g} of the cloud's diameter. "
            "Keep one point of each pair, with the sum of the masses."
        )


def _refuse_outside(points: NDArray[np.float64], domain: Domain | None) -> None:
    if domain is None:
        return
    if domain.dimension != points.shape[1]:
        raise ValueError(
            f"PointCloud(points in R^{points.shape[1]}, domain={domain!r}): the domain has dimension "
            f"{domain.dimension}. Give a domain of the dimension of the points."
        )
    bad = np.flatnonzero(~domain.contains(*points.T))
    if bad.size:
        raise ValueError(
            f"PointCloud: point {_indices(bad)} is not inside {domain!r}. "
            "Write points[domain.contains(*points.T)], or a larger domain."
        )


def _indices(bad: NDArray[np.intp]) -> str:
    """The first few indices, in words."""
    return ", ".join(str(int(i)) for i in bad[:_SHOWN]) + (f", ... ({bad.size} in all)" if bad.size > _SHOWN else "")

"""Points of a set of which nothing else is known, in any number of dimensions: the space of data and of manifolds."""

from __future__ import annotations

from dataclasses import InitVar, dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pide.arrays import Array
from pide.spaces.scattered import Scattered, coordinate_columns

__all__ = ["Samples"]


@dataclass(frozen=True, eq=False, repr=False)
class Samples(Scattered):
    """Points x_i in R^d, d >= 1, with masses m_i, and <u, v> = sum_i m_i u_i v_i.

    Parameters
    ----------
    points : array, shape (N, d)
        Rows of a table, or points of a manifold in R^d. They may coincide.
    weights : array of shape (N,) or number
        m_i > 0; a number is the mass of every point.

    Notes
    -----
    `PointCloud` is for points that fill a domain of R^n, n <= 3, and knows volumes and exteriors. Here masses are
    weights of the data and nothing more.

    Raises
    ------
    ValueError
        Points of another shape or not finite; masses that are not positive.
    """

    _noun = "samples"

    points: NDArray[np.float64]
    weights: InitVar[ArrayLike] = 1.0
    masses: NDArray[np.float64] = field(init=False)
    _cache: dict[tuple[str, ...], Array] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self, weights: ArrayLike) -> None:
        points = np.array(self.points, dtype=np.float64)
        if points.ndim != 2 or 0 in points.shape:
            raise ValueError(
                f"Samples(points of shape {points.shape}): needed is (N, d), one row per point. "
                "Write points[:, None] for points on a line."
            )
        if not np.isfinite(points).all():
            bad = int(np.flatnonzero(~np.isfinite(points).all(axis=1))[0])
            raise ValueError(f"Samples: NaN or infinity at point {bad}. Remove such points.")
        masses = np.array(np.broadcast_to(np.asarray(weights, dtype=np.float64), len(points)))
        if not (np.isfinite(masses) & (masses > 0)).all():
            raise ValueError("Samples: weights are positive and finite. Remove points without weight.")
        for name, array in (("points", points), ("masses", masses)):
            array.flags.writeable = False
            object.__setattr__(self, name, array)

    def __repr__(self) -> str:
        return f"Samples({self.size} points in R^{self.points.shape[1]})"

    @cached_property
    def coordinates(self) -> tuple[NDArray[np.float64], ...]:
        """Coordinates of the points: d read-only arrays of shape (N,)."""
        return coordinate_columns(self.points)

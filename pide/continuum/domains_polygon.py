"""Polygons of the plane, with their exact signed distance."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pide.continuum.domains import Bounds, Domain, Floats, store

__all__ = ["Polygon"]


@dataclass(frozen=True, repr=False)
class Polygon(Domain):
    """The interior of a simple polygon, convex or not.

    Parameters
    ----------
    vertices : pairs of coordinates, shape (K, 2), unit length
        Corners in order, in either orientation; repeating the first one at the end is allowed.

    Notes
    -----
    The distance is the least one to the K edges, the sign is that of the even-odd rule: O(K) operations per point.

    Raises
    ------
    ValueError
        For fewer than three distinct corners, and for a polygon that crosses or touches itself.

    Examples
    --------
    >>> Polygon(((0, 0), (1, 0), (0, 1))).volume
    0.5
    """

    vertices: tuple[tuple[float, float], ...]
    dimension: int = field(init=False, compare=False)
    bounds: Bounds = field(init=False, compare=False)
    volume: float = field(init=False, compare=False)

    def __post_init__(self) -> None:
        p = _checked_vertices(self.vertices)
        _check_simple(p)
        x, y = (p - p[0]).T
        area = abs(float(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)))) / 2
        bounds = tuple((float(a), float(b)) for a, b in zip(p.min(axis=0), p.max(axis=0), strict=True))
        vertices = tuple((float(a), float(b)) for a, b in p)
        store(self, vertices=vertices, dimension=2, bounds=bounds, volume=area)

    def __repr__(self) -> str:
        few = len(self.vertices) <= 8
        return f"Polygon({self.vertices})" if few else f"Polygon({len(self.vertices)} vertices)"

    def _distance(self, x: tuple[Floats, ...]) -> Floats:
        px, py = x
        square = np.full(px.shape, np.inf)
        inside = np.zeros(px.shape, dtype=bool)
        for a, b in _edges(np.asarray(self.vertices)):
            square = np.minimum(square, _square_distance(px, py, a, b))
            inside ^= _crosses(px, py, a, b)
        return np.asarray(np.where(inside, -1.0, 1.0) * np.sqrt(square))


def _edges(p: Floats) -> list[tuple[Floats, Floats]]:
    return list(zip(p, np.roll(p, -1, axis=0), strict=True))


def _square_distance(px: Floats, py: Floats, a: Floats, b: Floats) -> Floats:
    """Squared distance of the points to the segment from a to b."""
    ex, ey = b - a
    t = np.clip(((px - a[0]) * ex + (py - a[1]) * ey) / (ex**2 + ey**2), 0.0, 1.0)
    return np.asarray((px - a[0] - t * ex) ** 2 + (py - a[1] - t * ey) ** 2)


def _crosses(px: Floats, py: Floats, a: Floats, b: Floats) -> NDArray[np.bool_]:
    """Whether the horizontal ray from the point to the right crosses the edge, half-open in y."""
    spans = (a[1] > py) != (b[1] > py)
    # Multiplied through by b_y - a_y, whose sign is that of the edge, so that horizontal edges do not divide by 0.
    side = (b[0] - a[0]) * (py - a[1]) - (px - a[0]) * (b[1] - a[1])
    return np.asarray(spans & ((side > 0) == (b[1] > a[1])))


def _checked_vertices(vertices: object) -> Floats:
    """Corners as a (K, 2) array without a repeated last one."""
    try:
        p = np.asarray(vertices, dtype=np.float64)
    except (TypeError, ValueError):
        raise TypeError("Polygon(vertices): give pairs (x, y). Write Polygon([(0, 0), (1, 0), (0, 1)]).") from None
    if p.ndim != 2 or p.shape[1] != 2 or not np.all(np.isfinite(p)):
        raise ValueError(
            f"Polygon of vertices with shape {p.shape}: needed are K >= 3 finite pairs (x, y). "
            "Write Polygon([(0, 0), (1, 0), (0, 1)])."
        )
    if len(p) > 1 and np.array_equal(p[0], p[-1]):
        p = p[:-1]
    if len(p) < 3:
        raise ValueError(f"Polygon of {len(p)} vertices: at least 3 are needed. Add corners, or use a Box.")
    repeated = np.flatnonzero(np.all(p == np.roll(p, -1, axis=0), axis=1))
    if repeated.size:
        raise ValueError(f"Polygon: vertex {repeated[0]} is repeated by the next one. Remove one of the two.")
    return p


def _turn(a: Floats, b: Floats, c: Floats) -> Floats:
    """Sign of the area of the triangle a, b, c."""
    return np.asarray(
        np.sign((b[..., 0] - a[..., 0]) * (c[..., 1] - a[..., 1]) - (b[..., 1] - a[..., 1]) * (c[..., 0] - a[..., 0]))
    )


def _meet(a: Floats, b: Floats, c: Floats, d: Floats) -> NDArray[np.bool_]:
    """Whether the segment a-b has a point in common with each of the segments c-d."""
    apart = np.zeros(len(c), dtype=bool)
    for axis in (0, 1):
        low, high = np.minimum(c, d)[:, axis], np.maximum(c, d)[:, axis]
        apart |= (high < min(a[axis], b[axis])) | (low > max(a[axis], b[axis]))
    return np.asarray(~apart & (_turn(a, b, c) * _turn(a, b, d) <= 0) & (_turn(c, d, a) * _turn(c, d, b) <= 0))


def _check_simple(p: Floats) -> None:
    """Raise when two edges share a point other than a common corner."""
    count, q = len(p), np.roll(p, -1, axis=0)
    for i in range(count):
        # Edge i + 1 shares the corner q_i; they overlap when the polygon turns back on itself there.
        j = (i + 1) % count
        back = _turn(p[i], q[i], q[j]) == 0 and np.dot(q[i] - p[i], q[j] - q[i]) < 0
        others = np.arange(i + 2, count - (i == 0))
        met = others[_meet(p[i], q[i], p[others], q[others])]
        if back or met.size:
            other = j if back else int(met[0])
            raise ValueError(
                f"Polygon: edges {i} and {other} cross or touch, needed is a simple polygon. List the corners in the "
                "order in which they follow each other along the boundary, or use SignedDistance for other shapes."
            )

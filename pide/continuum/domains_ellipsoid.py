"""The ellipse and the ellipsoid, with their exact signed distance.

Symbols: e_i semi-axes, e the smallest, y the point relative to the centre, r_i = (e_i / e)^2, z_i = y_i / e_i.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pide.continuum.domains import Bounds, Domain, Floats, check_dimension, finite_floats, store

__all__ = ["Ellipsoid"]

_ITERATIONS = 100
"""Cap on the Newton steps; every iterate is a lower bound of the root."""


@dataclass(frozen=True)
class Ellipsoid(Domain):
    """The ellipsoid sum_i ((x_i - c_i) / e_i)^2 < 1 with axes along the coordinates; n = 2 an ellipse.

    Parameters
    ----------
    semiaxes : floats, one per axis, unit length
        e_i > 0, in any order; equal ones are allowed.
    centre : one coordinate per axis, optional
        c, the coordinate origin by default.

    Notes
    -----
    The nearest boundary point is x_i = r_i y_i / (s + r_i), where s > -1 is the largest root of
    G(s) = sum_i (r_i z_i / (s + r_i))^2 = 1, and d = s (sum_i (y_i / (s + r_i))^2)^(1/2). This is Eberly's
    formulation. The root is found by Newton's method on G^(-1/2): as a power mean of order -2 of affine functions
    it is concave and increasing on s > -1, so iterates that start to the left of the root increase to it. Points
    of the medial set, where the coordinate along the smallest axis is 0 and G(-1) < 1, have s = -1. Accuracy:
    rounding.

    References
    ----------
    eberly2013: D. Eberly, Distance from a Point to an Ellipse, an Ellipsoid, or a Hyperellipsoid.

    Examples
    --------
    >>> float(Ellipsoid((2.0, 1.0)).signed_distance(0.0, 0.0))
    -1.0
    """

    semiaxes: tuple[float, ...]
    centre: tuple[float, ...] | None = None
    dimension: int = field(init=False, repr=False, compare=False)
    bounds: Bounds = field(init=False, repr=False, compare=False)
    volume: float = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        what = f"Ellipsoid({self.semiaxes})"
        semiaxes = finite_floats(self.semiaxes, what)
        n = check_dimension(len(semiaxes), what)
        if min(semiaxes) <= 0:
            raise ValueError(f"{what}: semi-axes must be positive. Write Ellipsoid((2.0, 1.0)), half the widths.")
        centre = finite_floats((0.0,) * n if self.centre is None else self.centre, f"{what}, centre={self.centre}", n)
        volume = math.pi ** (n / 2) / math.gamma(n / 2 + 1) * math.prod(semiaxes)
        bounds = tuple((c - e, c + e) for c, e in zip(centre, semiaxes, strict=True))
        store(self, semiaxes=semiaxes, dimension=n, centre=centre, bounds=bounds, volume=volume)

    def _distance(self, x: tuple[Floats, ...]) -> Floats:
        y = np.stack([np.abs(c - c0).ravel() for c, c0 in zip(x, self.centre or (), strict=True)])
        return _ellipsoid_distance(y, np.asarray(self.semiaxes)).reshape(x[0].shape)


def _ellipsoid_distance(y: Floats, e: Floats) -> Floats:
    """Signed distances of the points y >= 0, shape (n, points), for semi-axes e, shape (n,)."""
    least = float(e.min())
    z = y / e[:, None]
    r = ((e / least) ** 2)[:, None]
    gap = r - 1.0
    medial = _medial(z, r, gap)
    distance = np.empty(y.shape[1])
    distance[medial] = -_medial_distance(y[:, medial], e, gap)
    sigma = _secular_root(z[:, ~medial], r, gap)
    scaled = y[:, ~medial] / (sigma + gap)
    distance[~medial] = (sigma - 1.0) * np.sqrt(np.sum(scaled**2, axis=0))
    return distance


def _medial(z: Floats, r: Floats, gap: Floats) -> NDArray[np.bool_]:
    """Points whose nearest boundary points are not unique, or at a double root: z = 0 on the least axes, G(-1) < 1."""
    long = gap[:, 0] > 0
    at_pole = np.sum((r[long] * z[long] / gap[long]) ** 2, axis=0)
    return np.asarray(np.all(z[~long] == 0, axis=0) & (at_pole < 1.0))


def _medial_distance(y: Floats, e: Floats, gap: Floats) -> Floats:
    """Distance for s = -1: x_i = r_i y_i / (r_i - 1) on the longer axes, the rest on the least ones."""
    long = gap[:, 0] > 0
    offset = y[long] / gap[long]
    nearest = (y[long] + offset) / e[long, None]
    rest = e.min() ** 2 * np.maximum(1.0 - np.sum(nearest**2, axis=0), 0.0)
    return np.asarray(np.sqrt(np.sum(offset**2, axis=0) + rest))


def _secular_root(z: Floats, r: Floats, gap: Floats) -> Floats:
    """sigma = s + 1 > 0 with sum_i (r_i z_i / (sigma + gap_i))^2 = 1, by monotone Newton on the inverse norm."""
    weights = r * z
    # Each term alone is at most 1 at the root, which bounds it from below; the norm of all bounds it from above.
    sigma = np.max(weights - gap, axis=0, initial=-np.inf)
    upper = np.sqrt(np.sum(weights**2, axis=0))
    sigma = np.maximum(sigma, np.finfo(float).tiny)
    for _ in range(_ITERATIONS):
        terms = weights / (sigma + gap)
        square = np.sum(terms**2, axis=0)
        slope = np.sum(terms**2 / (sigma + gap), axis=0)
        following = np.minimum(sigma + (np.sqrt(square) - 1.0) * square / slope, upper)
        if np.all(following <= sigma * (1.0 + 4e-16)):
            break
        sigma = np.maximum(following, sigma)
    return np.asarray(sigma)

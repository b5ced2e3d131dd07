"""Gauss rules on boxes, on pieces of boxes inside a ball, and on a box with a power singularity at its corner.

Symbols: q points per direction, D distance from the origin, delta radius of the ball, phi angle, rho = |(x, y)|;
r^-a singularity. Every rule returns points and weights; all weights are positive.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import eval_legendre, roots_jacobi

from pide.arrays import Array, as_float, like, namespace
from pide.quadrature.cells import LENGTHS_PER_BOX, Boxes

__all__ = ["CornerRule", "PointRule", "corner_rule", "cut_rule", "gauss", "orders", "sectors"]

Floats = NDArray[np.float64]

CORNER_ORDER = 18
"""Points per direction at the singularity."""

EXTRA_POINTS = 3
"""Pieces with curved sides take as many more points per direction than boxes."""


@lru_cache(maxsize=64)
def gauss(q: int) -> tuple[Floats, Floats]:
    """Gauss-Legendre nodes and weights on [0, 1]."""
    nodes, weights = np.polynomial.legendre.leggauss(q)
    return (nodes + 1) / 2, weights / 2


def orders(boxes: Boxes, length: float) -> NDArray[np.int64]:
    """Points per direction for a relative error near 1e-15, from Bernstein ellipses.

    A singularity at distance D from a side d lies on the ellipse of parameter rho >= 2 D/d + sqrt(4 (D/d)^2 + 1),
    and the rule errs by about rho^(-2q); exp(-3 r/l), the steepest relative slope of a kernel of length l where
    it matters, by about exp(2q (1 - log(1.33 q l/d))).
    """
    side = boxes.largest_side
    ratio = 2 * boxes.nearest / side
    q = np.ceil(17.5 / np.log(ratio + np.sqrt(ratio**2 + 1))).astype(np.int64) + 1
    if math.isfinite(length):
        largest = math.ceil(math.log2(LENGTHS_PER_BOX))
        steps = np.clip(np.ceil(np.log2(np.maximum(side / length, 1e-300))), -12, largest).astype(np.int64)
        q = np.maximum(q, np.array([_entire_order(2.0**k) for k in range(-12, largest + 1)])[steps + 12])
    return q


@lru_cache(maxsize=16)
def _entire_order(kappa: float) -> int:
    q = 2
    while 1.33 * q <= kappa * math.e or 2 * q * (math.log(1.33 * q / kappa) - 1) < 34:
        q += 1
    return q


class PointRule(NamedTuple):
    """Quadrature points of P pieces: cell (P, n), points (P, Q, n), weights (P, Q)."""

    cell: NDArray[np.int64]
    points: Floats
    weights: Floats


class CornerRule(NamedTuple):
    """Rule for r^-a f on the box [0, b]: points (1, Q, n); weights (1, Q), which multiply r^a gamma(r)."""

    points: Floats
    weights: Array


def corner_rule(box: Floats, a: float | Array) -> CornerRule:
    """Rule for integrands f = r^-a g with g = O(r^2), smooth in r and the direction, on the box [0, b].

    The box is n pyramids with apex 0: x = t y, y on the face y_i = b_i, dx = b_i t^(n-1) dt dy. Along t a
    Gauss-Jacobi rule for t^(n+1-a) takes the power (a < n + 2).
    """
    n = len(box)
    power = n + 1 - a
    t, t_weights = _jacobi(power)
    xp = namespace(t_weights)
    points, weights = [], []
    for axis in range(n):
        face, face_weights = _tensor(np.delete(box, axis), CORNER_ORDER)
        y = np.insert(face, axis, box[axis], axis=1)
        distance = np.sqrt(np.sum(y**2, axis=1))
        radial = like((face_weights * box[axis])[:, None] / t**2, t_weights) * t_weights
        points.append((y[:, None, :] * t[:, None]).reshape(-1, n))
        weights.append(xp.reshape(radial * (like(distance, t_weights) ** -a)[:, None], (-1,)))
    return CornerRule(np.concatenate(points)[None], xp.concat(weights)[None, :])


def _jacobi(power: float | Array) -> tuple[Floats, Array]:
    """Nodes on [0, 1] and weights for t^power, power > -1.

    The weights are those of the interpolatory rule on Gauss-Jacobi nodes, from the moments of the orthonormal
    shifted Legendre polynomials, int t^p P_k dt = p (p-1) ... (p-k+1) / ((p+1) ... (p+k+1)): differentiable in p
    at fixed nodes, and more accurate near p = -1 than the weights of `roots_jacobi`.
    """
    q = CORNER_ORDER
    nodes = (roots_jacobi(q, 0.0, as_float(power))[0] + 1) / 2
    scale = np.sqrt(2 * np.arange(q) + 1.0)
    values = np.stack([scale[k] * eval_legendre(k, 2 * nodes - 1) for k in range(q)])
    moments = [1 / (power + 1)]
    for k in range(1, q):
        moments.append(moments[-1] * (power - k + 1) / (power + k + 1))
    if not hasattr(power, "dtype"):
        return nodes, np.linalg.solve(values, scale * np.array(moments))
    xp = namespace(power)
    return nodes, xp.linalg.solve(like(values, power), like(scale, power) * xp.stack(moments))


def _tensor(box: Floats, q: int) -> tuple[Floats, Floats]:
    """Gauss rule on prod_a [0, box_a]: points (q^m, m), weights (q^m,); m may be 0."""
    g, w = gauss(q)
    m = len(box)
    if m == 0:
        return np.zeros((1, 0)), np.ones(1)
    points = np.stack(np.meshgrid(*[g * b for b in box], indexing="ij"), axis=-1).reshape(-1, m)
    weights = np.ones(1)
    for b in box:
        weights = np.multiply.outer(weights, w * b).ravel()
    return points, weights


def box_rule(boxes: Boxes, q: int) -> PointRule:
    """Tensor Gauss rule on each box."""
    n = boxes.cell.shape[1]
    unit, weights = _tensor(np.ones(n), q)
    side = boxes.upper - boxes.lower
    points = boxes.lower[:, None, :] + side[:, None, :] * unit
    return PointRule(boxes.cell, points, np.prod(side, axis=1)[:, None] * weights)


def cut_rule(boxes: Boxes, horizon: float, q: int) -> list[PointRule]:
    """Rules on the parts of boxes inside the ball |z| < delta; every part has smooth sides."""
    n = boxes.cell.shape[1]
    if n == 1:
        return [box_rule(Boxes(boxes.cell, boxes.lower, np.minimum(boxes.upper, horizon)), q)]
    q += EXTRA_POINTS
    return [_cut_rectangle(boxes, horizon, q)] if n == 2 else _cut_cuboid(boxes, horizon, q)


def _cut_rectangle(boxes: Boxes, horizon: float, q: int) -> PointRule:
    zero = np.zeros(len(boxes))
    arcs = sectors(boxes.lower, boxes.upper, zero, zero + horizon)
    phi, phi_weights, inner, outer = arcs.limits(q)
    g, w = gauss(q)
    rho = inner[..., None] + (outer - inner)[..., None] * g
    weights = phi_weights[..., None] * (outer - inner)[..., None] * w * rho
    points = np.stack([rho * np.cos(phi)[..., None], rho * np.sin(phi)[..., None]], axis=-1)
    count = len(weights)
    return PointRule(boxes.cell[arcs.piece], points.reshape(count, -1, 2), weights.reshape(count, -1))


def _cut_cuboid(boxes: Boxes, horizon: float, q: int) -> list[PointRule]:
    """Columns over the plane of the two axes nearest to the origin; z, the third, ends at z_1 or on the sphere.

    Under the sphere rho = delta sin(theta), z <= delta cos(theta): smooth up to rho = delta.
    """
    order = np.argsort(boxes.lower, axis=1, kind="stable")
    lower, upper = np.take_along_axis(boxes.lower, order, 1), np.take_along_axis(boxes.upper, order, 1)
    z0, z1 = lower[:, 2], upper[:, 2]
    whole = np.sqrt(np.maximum(horizon**2 - z1**2, 0.0))
    reached = np.sqrt(np.maximum(horizon**2 - z0**2, 0.0))
    rules = []
    for inside, outside, capped in ((np.zeros_like(whole), whole, False), (whole, reached, True)):
        arcs = sectors(lower[:, :2], upper[:, :2], inside, outside)
        if len(arcs.piece) == 0:
            continue
        points, weights = _columns(arcs, z0[arcs.piece], z1[arcs.piece], horizon if capped else None, q)
        inverse = np.argsort(order[arcs.piece], axis=1)
        points = np.take_along_axis(points, inverse[:, None, :], 2)
        rules.append(PointRule(boxes.cell[arcs.piece], points, weights))
    return rules


def _columns(arcs: Sectors, z0: Floats, z1: Floats, horizon: float | None, q: int) -> tuple[Floats, Floats]:
    """Points (P, q^3, 3) and weights over sectors, up to z1 or, with a horizon, up to the sphere."""
    g, w = gauss(q)
    phi, phi_weights, inner, outer = (part[..., None] for part in arcs.limits(q))
    z0, z1 = z0[:, None, None], z1[:, None, None]
    if horizon is None:
        rho = inner + (outer - inner) * g
        flat = phi_weights * (outer - inner) * w * rho
        height = z1 - z0 + 0 * rho
    else:
        first, last = np.arcsin(np.minimum(inner / horizon, 1.0)), np.arcsin(np.minimum(outer / horizon, 1.0))
        theta = first + (last - first) * g
        rho = horizon * np.sin(theta)
        flat = phi_weights * (last - first) * w * rho * horizon * np.cos(theta)
        height = np.maximum(horizon * np.cos(theta) - z0, 0.0)
    z = z0[..., None] + height[..., None] * g
    weights = flat[..., None] * height[..., None] * w
    x, y = (rho * np.cos(phi))[..., None] + 0 * z, (rho * np.sin(phi))[..., None] + 0 * z
    count = len(weights)
    return np.stack([x, y, z], axis=-1).reshape(count, -1, 3), weights.reshape(count, -1)


class Sectors(NamedTuple):
    """Intervals of the angle on which a rectangle cut by an annulus has smooth radial limits."""

    piece: NDArray[np.int64]
    first: Floats
    last: Floats
    lower: Floats
    upper: Floats
    inner: Floats
    outer: Floats

    def limits(self, q: int) -> tuple[Floats, Floats, Floats, Floats]:
        """Angles, their weights, and the radial limits there, each (P, q)."""
        g, w = gauss(q)
        width = (self.last - self.first)[:, None]
        phi = self.first[:, None] + width * g
        start, end = _radial_limits(phi, *(part[:, None] for part in self[3:]))
        return phi, width * w, start, np.maximum(end, start)


def sectors(lower: Floats, upper: Floats, inner: Floats, outer: Floats) -> Sectors:
    """Rectangles [x0, x1] x [y0, y1] of the first quadrant cut with annuli inner < rho < outer, by angle.

    Parameters
    ----------
    lower, upper : array, shape (P, 2)
    inner, outer : array, shape (P,)
    """
    (x0, y0), (x1, y1) = lower.T, upper.T
    smallest, largest = np.arctan2(y0, x1), np.arctan2(y1, x0)
    breaks = [smallest, largest, np.arctan2(y0, x0), np.arctan2(y1, x1)]
    for radius in (inner, outer):
        safe = np.where(radius > 0, radius, 1.0)
        breaks += [np.arccos(np.minimum(x / safe, 1.0)) for x in (x0, x1)]
        breaks += [np.arcsin(np.minimum(y / safe, 1.0)) for y in (y0, y1)]
    angles = np.sort(np.clip(np.stack(breaks, axis=1), smallest[:, None], largest[:, None]), axis=1)
    first, last = angles[:, :-1], angles[:, 1:]
    bounds = (lower, upper, inner, outer)
    start, end = _radial_limits((first + last) / 2, *(bound[:, None] for bound in bounds))
    piece, which = np.nonzero((last > first) & (end > start))
    return Sectors(piece, first[piece, which], last[piece, which], *(bound[piece] for bound in bounds))


def _radial_limits(phi: Floats, lower: Floats, upper: Floats, inner: Floats, outer: Floats) -> tuple[Floats, Floats]:
    """Limits of rho; nan on empty intervals at the axes, where every comparison is then false."""
    with np.errstate(divide="ignore", invalid="ignore"):
        (x0, y0), (x1, y1) = np.moveaxis(lower, -1, 0), np.moveaxis(upper, -1, 0)
        cosine, sine = np.cos(phi), np.sin(phi)
        start = np.maximum(inner, np.maximum(x0 / cosine, y0 / sine))
        return start, np.minimum(outer, np.minimum(x1 / cosine, y1 / sine))

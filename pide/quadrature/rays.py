"""The rate to the exterior of a radial kernel, kappa(x) = int_{outside Omega} gamma(|x - y|) dy, by rays.

Symbols: S the unit sphere, rho_1 < rho_2 < ... the distances at which the ray x + r theta crosses the boundary,
T(r) = int_{|z| > r} gamma dz.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pide.continuum.domains import Ball, Domain
from pide.continuum.domains_ellipsoid import Ellipsoid
from pide.continuum.kernels import Kernel

__all__ = ["Rays", "exterior_rate", "ray_blocks"]

Floats = NDArray[np.float64]

_DIRECTIONS = {1: 2, 2: 256, 3: 1024}
_SAMPLES = 64
_BISECTIONS = 40
_BLOCK = 1 << 21


def exterior_rate(points: Floats, domain: Domain, kernel: Kernel) -> Floats:
    """kappa(x) = mean over theta in S of T(rho_1) - T(rho_2) + T(rho_3) - ...

    Parameters
    ----------
    points : array, shape (N, n), unit length
        Points inside the domain.
    domain : Domain
    kernel : Kernel

    Returns
    -------
    array, shape (N,), unit 1/time

    Notes
    -----
    Exact in r, and exact altogether for n = 1. The mean over 256 directions (n = 2, equal angles) or 1024 (n = 3,
    Fibonacci lattice) is of second order, because the integrand has kinks where a face of the boundary ends: relative
    errors of 1e-4 (n = 2) and 1e-2 (n = 3) are typical. Crossings are exact for boxes, balls and ellipsoids; elsewhere
    the signed distance is sampled 64 times per ray, and parts of the domain thinner than a 64th of its diameter may be
    missed.
    """
    near = -domain.signed_distance(*points.T) < kernel.horizon
    kappa = np.zeros(len(points))
    which = np.flatnonzero(near)
    for block, rays in ray_blocks(points[which], domain):
        tails = np.where(rays.signs != 0, np.asarray(kernel.tail_mass(rays.distances, points.shape[1])), 0.0)
        kappa[which[block]] = (rays.signs * tails).sum(axis=-1).mean(axis=1)
    return kappa


@dataclass(frozen=True, eq=False)
class Rays:
    """Where rays from some points cross the boundary.

    Attributes
    ----------
    directions : array, shape (K, n)
        Unit vectors of equal weight.
    distances, signs : arrays, shape (points, K, crossings)
        rho_k, and +1 where the ray leaves the domain, -1 where it enters, 0 where there is no crossing.
    """

    directions: Floats
    distances: Floats
    signs: Floats


def ray_blocks(points: Floats, domain: Domain) -> Iterator[tuple[slice, Rays]]:
    """Rays of consecutive blocks of points, of bounded memory; an integral over the part of the domain that is seen
    from x is the mean over the directions of the signed sum of a radial antiderivative."""
    directions = _directions(points.shape[1])
    sampled = not (domain.rectangular or isinstance(domain, (Ball, Ellipsoid)))
    rows = max(1, _BLOCK // (len(directions) * (_SAMPLES if sampled else 1)))
    for start in range(0, len(points), rows):
        block = slice(start, start + rows)
        if sampled:
            yield block, Rays(directions, *_crossings(points[block], directions, domain))
        else:
            exits = _box_exits if domain.rectangular else _ellipsoid_exits
            distances = exits(points[block], directions, domain)[..., None]
            yield block, Rays(directions, distances, np.ones_like(distances))


def _directions(n: int) -> Floats:
    """Directions of equal weight, symmetric under z -> -z in one and two dimensions; shape (K, n)."""
    count = _DIRECTIONS[n]
    if n == 1:
        return np.array([[1.0], [-1.0]])
    if n == 2:
        angle = 2 * math.pi * (np.arange(count) + 0.5) / count
        return np.stack([np.cos(angle), np.sin(angle)], axis=1)
    z = 1 - (2 * np.arange(count) + 1.0) / count
    golden = math.pi * (3 - math.sqrt(5)) * np.arange(count)
    return np.stack([np.sqrt(1 - z**2) * np.cos(golden), np.sqrt(1 - z**2) * np.sin(golden), z], axis=1)


def _box_exits(x: Floats, directions: Floats, domain: Domain) -> Floats:
    """rho_1, shape (points, directions): the nearest face ahead."""
    lower, upper = np.array(domain.bounds).T
    with np.errstate(divide="ignore", invalid="ignore"):
        ahead = np.where(directions > 0, upper - x[:, None, :], lower - x[:, None, :]) / directions
    return np.asarray(np.where(directions == 0, np.inf, ahead).min(axis=2))


def _ellipsoid_exits(x: Floats, directions: Floats, domain: Domain) -> Floats:
    """rho_1, the positive root of |y + r t| = 1 with y = (x - c)/a, t = theta/a, a the semiaxes."""
    lower, upper = np.array(domain.bounds).T
    semiaxes = (upper - lower) / 2
    y, t = (x - (lower + upper) / 2) / semiaxes, directions / semiaxes
    along = y @ t.T
    room = np.maximum(1 - (y**2).sum(axis=1)[:, None], 0.0)
    return np.asarray(room / (along + np.sqrt(along**2 + (t**2).sum(axis=1) * room)))


def _crossings(x: Floats, directions: Floats, domain: Domain) -> tuple[Floats, Floats]:
    """Distances at which rays cross the boundary, with +1 where they leave and -1 where they enter, else 0."""
    lower, upper = np.array(domain.bounds).T
    reach = 1.01 * float(np.linalg.norm(upper - lower))
    edges = np.asarray(np.linspace(0.0, reach, _SAMPLES + 1), dtype=np.float64)
    inside = _inside(x, directions, edges[None, None, :], domain)
    signs = inside[..., :-1].astype(np.float64) - inside[..., 1:]
    low = np.broadcast_to(edges[:-1], signs.shape).copy()
    high = np.broadcast_to(edges[1:], signs.shape).copy()
    i, j, k = np.nonzero(signs)
    a, b = low[i, j, k], high[i, j, k]
    starts_inside = inside[i, j, k]
    for _ in range(_BISECTIONS):
        middle = np.asarray((a + b) / 2)
        same = domain.contains(*(x[i] + middle[:, None] * directions[j]).T) == starts_inside
        a, b = np.where(same, middle, a), np.where(same, b, middle)
    low[i, j, k] = (a + b) / 2
    return low, signs


def _inside(x: Floats, directions: Floats, r: Floats, domain: Domain) -> NDArray[np.bool_]:
    points = [x[:, axis, None, None] + r * directions[None, :, axis, None] for axis in range(x.shape[1])]
    return domain.contains(*points)

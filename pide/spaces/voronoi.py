"""Volumes of the Voronoi cells of points in a domain.

Symbols: x_i points, F_ij the facet between the cells of x_i and x_j, d the signed distance, nu its gradient.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import Voronoi

from pide.continuum.domains import Domain

__all__ = ["voronoi_masses"]

Floats = NDArray[np.float64]

_BAND = 6.0
"""Width of the band of images, in mean spacings."""
_STEP = 1e-6
"""Step of the difference quotient for nu, relative to the size of the domain."""


def voronoi_masses(points: Floats, domain: Domain) -> Floats:
    """|V_i|, the volumes of the Voronoi cells of the points, cut at the boundary of the domain.

    Parameters
    ----------
    points : array, shape (N, n), unit length
        Distinct points inside the domain.
    domain : Domain

    Returns
    -------
    array, shape (N,), unit length^n

    Notes
    -----
    |V_i| = sum_j |F_ij| |x_i - x_j| / (2 n), since x_i is at distance |x_i - x_j| / 2 from the facet. The boundary is
    made of facets between the points and their mirror images: in every face of a box, in the nearest boundary point
    elsewhere; on the torus the images are periodic. On boxes and tori images within six mean spacings are enough when
    the volumes add up to that of the domain; otherwise all are taken. Cost O(N log N).

    Raises
    ------
    ValueError
        When cells are unbounded.
    """
    spacing = (float(np.prod(np.diff(domain.bounds))) / len(points)) ** (1.0 / points.shape[1])
    if domain.rectangular or domain.periodic:
        volumes = _volumes(points, _images(points, domain, _BAND * spacing))
        if volumes is not None and np.isclose(volumes.sum(), np.prod(np.diff(domain.bounds)), rtol=1e-9):
            return volumes
    volumes = _volumes(points, _images(points, domain, np.inf))
    if volumes is None:
        raise ValueError(
            f"PointCloud: Voronoi cells are unbounded in {domain!r}, because its boundary has too few points near it. "
            "Give weights=, or more points."
        )
    return volumes


def _volumes(points: Floats, images: Floats) -> Floats | None:
    """Volumes of the cells of `points` among the points and images; None when some are unbounded."""
    count, n = points.shape
    if n == 1:
        return _lengths(points[:, 0], images[:, 0])
    diagram = Voronoi(np.concatenate([points, images]))
    pairs = diagram.ridge_points
    own = np.flatnonzero((pairs < count).any(axis=1))
    if any(-1 in diagram.ridge_vertices[k] for k in own):
        return None
    separation = np.linalg.norm(np.diff(diagram.points[pairs[own]], axis=1)[:, 0], axis=1)
    share = _facet_measures(diagram, own) * separation / (2 * n)
    return np.asarray(np.bincount(pairs[own].ravel(), np.repeat(share, 2), len(diagram.points))[:count])


def _images(points: Floats, domain: Domain, band: float) -> Floats:
    """Points outside the domain, at most `band` from its bounding box, whose facets make the boundary."""
    lower, upper = np.array(domain.bounds).T
    n = points.shape[1]
    if domain.periodic:
        shifts = np.stack(np.meshgrid(*[(-1, 0, 1)] * n, indexing="ij"), axis=-1).reshape(-1, n)
        images = np.concatenate([points + shift * (upper - lower) for shift in shifts if shift.any()])
        return np.asarray(images[((images > lower - band) & (images < upper + band)).all(axis=1)])
    if domain.rectangular:
        faces = [(axis, wall[axis]) for axis in range(n) for wall in (lower, upper)]
        near = [points[np.abs(points[:, axis] - wall) < band] for axis, wall in faces]
        return np.concatenate([_reflected(x, axis, float(wall)) for x, (axis, wall) in zip(near, faces, strict=True)])
    step = _STEP * float(np.max(upper - lower))
    distance = domain.signed_distance(*points.T)
    normal = np.stack([_slope(points, domain, axis, step) for axis in range(n)], axis=1)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), np.finfo(np.float64).tiny)
    mirrored = points - 2 * distance[:, None] * normal
    return np.asarray(mirrored[~domain.contains(*mirrored.T)])


def _reflected(points: Floats, axis: int, wall: float) -> Floats:
    mirrored = points.copy()
    mirrored[:, axis] = 2 * wall - points[:, axis]
    return mirrored


def _slope(points: Floats, domain: Domain, axis: int, step: float) -> Floats:
    """Derivative of the signed distance along an axis."""
    shift = step * np.eye(points.shape[1])[axis]
    ahead, behind = (domain.signed_distance(*(points + side * shift).T) for side in (1, -1))
    return np.asarray((ahead - behind) / (2 * step))


def _lengths(x: Floats, images: Floats) -> Floats:
    """Half the distance between the two neighbours of every point of a line."""
    everything = np.concatenate([x, images])
    order = np.argsort(everything)
    ranked = everything[order]
    lengths = np.zeros_like(everything)
    lengths[order[1:-1]] = (ranked[2:] - ranked[:-2]) / 2
    return np.asarray(lengths[: len(x)])


def _facet_measures(diagram: Voronoi, ridges: NDArray[np.intp]) -> Floats:
    """Lengths of edges (n = 2) or areas of convex polygons (n = 3), by the number of their vertices."""
    corners = [diagram.ridge_vertices[k] for k in ridges]
    sizes = np.array([len(c) for c in corners])
    measures = np.empty(len(ridges))
    for size in np.unique(sizes):
        which = np.flatnonzero(sizes == size)
        v = diagram.vertices[np.array([corners[k] for k in which])]
        edges = v[:, 1:] - v[:, :1]
        if diagram.points.shape[1] == 2:
            measures[which] = np.linalg.norm(edges[:, 0], axis=1)
        else:
            normals = np.cross(edges[:, :-1], edges[:, 1:]).sum(axis=1)
            measures[which] = np.linalg.norm(normals, axis=1) / 2
    return measures

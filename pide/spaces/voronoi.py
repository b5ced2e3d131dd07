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
    elsewhere; on the torus the images are periodic. Cost O(N log N), with 3^n N points on the torus.

    Raises
    ------
    ValueError
        When cells stay unbounded or empty.
    """
    images = _images(points, domain)
    if points.shape[1] == 1:
        return _lengths(points[:, 0], images[:, 0])
    diagram = Voronoi(np.concatenate([points, images]))
    count, n = points.shape
    pairs = diagram.ridge_points
    own = (pairs < count).any(axis=1)
    unbounded = np.array([-1 in ridge for ridge in diagram.ridge_vertices])
    if np.any(own & unbounded):
        raise ValueError(
            f"PointCloud: Voronoi cells are unbounded in {domain!r}, because its boundary has too few points near it. "
            "Give weights=, or more points."
        )
    facets = _facet_measures(diagram, np.flatnonzero(own))
    share = facets * np.linalg.norm(np.diff(diagram.points[pairs[own]], axis=1)[:, 0], axis=1) / (2 * n)
    volumes = np.bincount(pairs[own].ravel(), np.repeat(share, 2), len(diagram.points))[:count]
    return np.asarray(volumes)


def _images(points: Floats, domain: Domain) -> Floats:
    """Points outside the domain whose facets with the points make its boundary."""
    lower, upper = np.array(domain.bounds).T
    n = points.shape[1]
    if domain.periodic:
        shifts = np.stack(np.meshgrid(*[(-1, 0, 1)] * n, indexing="ij"), axis=-1).reshape(-1, n)
        return np.concatenate([points + shift * (upper - lower) for shift in shifts if shift.any()])
    if domain.rectangular:
        faces = [(axis, wall[axis]) for axis in range(n) for wall in (lower, upper)]
        return np.concatenate([_reflected(points, axis, float(wall)) for axis, wall in faces])
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
    lengths = np.empty_like(everything)
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

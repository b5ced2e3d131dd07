"""Correction of point clouds near a boundary outside of which v = 0: exact on the profile d^s of all solutions.

Symbols: A = -L, phi = d^s with d the distance to the boundary, G = A phi on the cloud, S the smooth function that A phi
is in the continuum, h mean spacing, D = -(G - S)/phi the correction.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from pide.continuum.domains import Domain
from pide.spaces.cloud import PointCloud

__all__ = ["BAND", "profile_correction", "spacing"]

Floats = NDArray[np.float64]

BAND = 2.0
"""Depth in mean spacings up to which the diagonal is corrected, and beyond which the moments are."""

_WINDOW = 4.0
"""S is fitted between one and four times the depth of the band, with Gaussian weights around the nearest point."""

_WIDTH = 3.0
_FITTED = {1: 6, 2: 64, 3: 128}
_ALIGNED = 0.7
_STEP = 1e-6


def spacing(cloud: PointCloud) -> float:
    """h = (mean mass)^(1/n)."""
    return float(cloud.masses.mean() ** (1.0 / cloud.dimension))


def profile_correction(
    apply: Callable[[Floats], Floats], cloud: PointCloud, killing: Floats, s: float, band: float = BAND
) -> tuple[Floats, str]:
    """D on the points near the boundary, and a note.

    Parameters
    ----------
    apply : callable
        A = -L with exterior zero, on fields (N,).
    cloud : PointCloud
        With a domain.
    killing : array, shape (N,)
        kappa; D >= -kappa, so that kappa + D stays a killing rate.
    s : float
        Solutions behave like d^s near the boundary, 0 < s < 1.
    band : float
        Depth of the corrected points in mean spacings.

    Notes
    -----
    Solutions are v = d^s w with smooth w (Grubb 2015), and A (d^s w)_i = sum_j a_ij d_j^s (w_j - w_i) + w_i G_i: with
    A + D the second term is w_i S_i, that is, D stands for the unknown w. S is continued from inside: a line in depth
    through G at the 64 nearest points (n = 2; 6, 128 for n = 1, 3) between one and four bands. Points where normals
    turn over the window (corners, narrow parts) stay as they are, and the note counts them. D is diagonal: symmetry
    stays.

    References
    ----------
    Grubb 2015.
    """
    assert cloud.domain is not None
    h, depth = spacing(cloud), -cloud.domain.signed_distance(*cloud.points.T)
    near = np.flatnonzero(depth < band * h)
    window = np.flatnonzero((depth >= band * h) & (depth <= _WINDOW * band * h))
    D = np.zeros(cloud.count)
    if not cloud.domain.exact_distance:
        return D, f"boundary: plain, this {type(cloud.domain).__name__} has no exact distance"
    needed = _FITTED[cloud.dimension]
    if window.size < needed or not near.size:
        return D, "boundary: plain, too few points inside for the profile"
    phi = depth**s
    G = apply(phi)
    S, known = _continued(G, depth / h, cloud.points / h, near, window, needed, _normals(cloud.points, cloud.domain))
    D[near[known]] = (S[known] - G[near[known]]) / phi[near[known]]
    low = int(np.count_nonzero(D + killing < 0))
    note = f"boundary: exact on d^{s:.3g} within {band:g} spacings"
    note += f", {np.count_nonzero(~known)} points near corners left plain" if not known.all() else ""
    note += f", {low} points limited to kappa + D = 0" if low else ""
    return np.maximum(D, -killing), note


def _continued(
    G: Floats, depth: Floats, x: Floats, band: NDArray[np.intp], window: NDArray[np.intp], count: int, normals: Floats
) -> tuple[Floats, NDArray[np.bool_]]:
    """S at the points of the band by lines in depth, and where the fit is determined; lengths in h."""
    distance, index = map(np.asarray, cKDTree(x[window]).query(x[band], k=count))
    near = window[index]
    weight = np.exp(-0.5 * ((distance - distance[:, :1]) / _WIDTH) ** 2)
    weight /= weight.sum(axis=1, keepdims=True)
    t, g = depth[near], G[near]
    mean, level = (weight * t).sum(axis=1), (weight * g).sum(axis=1)
    t = t - mean[:, None]
    spread = (weight * t**2).sum(axis=1)
    aligned = (weight * np.einsum("bkn,bn->bk", normals[near], normals[band])).sum(axis=1)
    known = (spread > 0.1) & (aligned > _ALIGNED)
    slope = (weight * t * g).sum(axis=1) / np.where(known, spread, 1.0)
    return level + slope * (depth[band] - mean), known


def _normals(points: Floats, domain: Domain) -> Floats:
    """Gradient of the signed distance by central differences, shape (N, n)."""
    step = _STEP * float(np.max(np.diff(domain.bounds)))
    columns = []
    for axis in range(points.shape[1]):
        shift = step * np.eye(points.shape[1])[axis]
        ahead, behind = (domain.signed_distance(*(points + side * shift).T) for side in (1, -1))
        columns.append((ahead - behind) / (2 * step))
    return np.stack(columns, axis=1)

"""Assembled pair rates of nonlocal operators on point clouds: CSR within a horizon, a dense matrix otherwise.

W_ij = w_ij m_j with w_ij = gamma(|x_i - x_j|) or omega(x_i, x_j), m the masses.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from pide.continuum.kernels import Kernel, TwoPoint
from pide.continuum.operators import NonlocalDiffusion
from pide.quadrature.second_moment import ball_second_moment, pair_factors
from pide.spaces.cloud import PointCloud

__all__ = ["assembled_rates", "moment_correction", "moment_radius", "pair_weights", "with_means"]

Floats = NDArray[np.float64]
Pairs = tuple[NDArray[np.int64], NDArray[np.int64]]

_CORRECTION_RADIUS = 4.0
"""R of the second-moment correction in mean spacings."""


def pair_weights(A: NonlocalDiffusion, cloud: PointCloud, horizon: float) -> Any:
    """CSR matrix w_ij of all pairs, or of those nearer than a finite horizon; symmetric to the bit where omega is."""
    pairs = _near_pairs(cloud, horizon) if math.isfinite(horizon) else np.triu_indices(cloud.count, 1)
    forward, backward = _weights(A, cloud, pairs)
    return _matrix(forward, backward, pairs, cloud.count)


def assembled_rates(weights: Any, masses: Floats) -> Any:
    """CSR matrix W_ij = w_ij m_j, as (w_ij (m_i m_j)) / m_i, whose numerator is symmetric to the bit."""
    rows = np.repeat(np.arange(len(masses)), np.diff(weights.indptr))
    flux = weights.data * (masses[rows] * masses[weights.indices])
    return scipy.sparse.csr_matrix((flux / masses[rows], weights.indices, weights.indptr), shape=weights.shape)


def with_means(weights: Any, a: Floats, mean: str) -> Any:
    """CSR matrix w_ij (a_i a_j)^{1/2}, or w_ij (a_i + a_j)/2 for mean="arithmetic"."""
    rows = np.repeat(np.arange(len(a)), np.diff(weights.indptr))
    a_i, a_j = a[rows], a[weights.indices]
    values = weights.data * (np.sqrt(a_i * a_j) if mean == "geometric" else (a_i + a_j) / 2)
    return scipy.sparse.csr_matrix((values, weights.indices, weights.indptr), shape=weights.shape)


def moment_correction(kernel: Kernel, cloud: PointCloud) -> Any:
    """CSR matrix (N, N) of w_ij (g_i + g_j)/2 for pairs nearer than R: symmetric to the bit, in the unit of w.

    Notes
    -----
    With it the second moment of the near pairs of interior points is that of the kernel (`pide.quadrature`).
    """
    radius = moment_radius(kernel, cloud)
    pairs = _near_pairs(cloud, radius)
    w = np.asarray(kernel(_distances(cloud, pairs), cloud.dimension), dtype=np.float64)
    squares = w * _distances(cloud, pairs) ** 2
    moments = assembled_rates(_matrix(squares, squares, pairs, cloud.count), cloud.masses)
    assert cloud.domain is not None
    interior = -cloud.domain.signed_distance(*cloud.coordinates) >= radius
    g = pair_factors(moments, ball_second_moment(kernel, radius, cloud.dimension), interior)
    changes = w * (g[pairs[0]] + g[pairs[1]]) / 2
    return _matrix(changes, changes, pairs, cloud.count)


def moment_radius(kernel: Kernel, cloud: PointCloud) -> float:
    """R: four mean spacings, or the horizon."""
    spacing = float(cloud.masses.mean()) ** (1.0 / cloud.dimension)
    return float(min(kernel.horizon, _CORRECTION_RADIUS * spacing))


def _near_pairs(cloud: PointCloud, horizon: float) -> Pairs:
    """Pairs i < j with |x_i - x_j| < horizon."""
    found = cloud.tree.query_pairs(horizon, output_type="ndarray").astype(np.int64)
    keep = _distances(cloud, (found[:, 0], found[:, 1])) < horizon
    return found[keep, 0], found[keep, 1]


def _ends(cloud: PointCloud, pairs: Pairs) -> tuple[Floats, Floats]:
    """x_i and x_j, shape (pairs, n); on a torus x_j is the image nearest to x_i."""
    x, y = cloud.points[pairs[0]], cloud.points[pairs[1]]
    if cloud.periodic and cloud.domain is not None:
        lower, upper = np.array(cloud.domain.bounds).T
        y = y - (upper - lower) * np.round((y - x) / (upper - lower))
    return x, y


def _distances(cloud: PointCloud, pairs: Pairs) -> Floats:
    x, y = _ends(cloud, pairs)
    return np.asarray(np.linalg.norm(x - y, axis=1))


def _weights(A: NonlocalDiffusion, cloud: PointCloud, pairs: Pairs) -> tuple[Floats, Floats]:
    """w_ij and w_ji of the pairs i < j; the same array for symmetric kernels."""
    if isinstance(A.kernel, TwoPoint):
        if A.coefficient is not None:
            raise ValueError("coefficient= with a TwoPoint kernel: put it into omega(x, y) itself.")
        x, y = _ends(cloud, pairs)
        forward = _evaluated(A.kernel, x, y)
        backward = _evaluated(A.kernel, y, x)
        if A.kernel.symmetric:
            _refuse_asymmetry(forward, backward)
            return forward, forward
        return forward, backward
    w = np.asarray(A.kernel(_distances(cloud, pairs), cloud.dimension), dtype=np.float64)
    return w, w


def _evaluated(kernel: TwoPoint, x: Floats, y: Floats) -> Floats:
    values = np.asarray(kernel.f(tuple(x.T), tuple(y.T)), dtype=np.float64)
    values = np.broadcast_to(values, x.shape[:1])
    if not np.isfinite(values).all():
        raise ValueError("TwoPoint: omega(x, y) is not finite at some x != y. Regularise the singularity.")
    return values


def _refuse_asymmetry(forward: Floats, backward: Floats) -> None:
    gap, largest = np.abs(forward - backward).max(initial=0.0), np.abs(forward).max(initial=0.0)
    if gap > 1e4 * np.finfo(np.float64).eps * largest:
        raise ValueError(
            f"TwoPoint(symmetric=True): omega(x, y) and omega(y, x) differ by {gap / largest:.1e} relative "
            "to the largest. Write symmetric=False, or give the mean of the two."
        )


def _matrix(forward: Floats, backward: Floats, pairs: Pairs, count: int) -> Any:
    """CSR matrix of values at (i, j) and (j, i)."""
    i, j = pairs
    ends = np.concatenate([i, j]), np.concatenate([j, i])
    return scipy.sparse.csr_matrix((np.concatenate([forward, backward]), ends), shape=(count, count))

"""What `quadrature="pairs"` adds to an operator on a point cloud: near pairs, capped and corrected, and the boundary.

Symbols: w_e weight gamma(|x_i - x_j|) of a near pair, w~_e its cap, z_e relative change, dw_e = w~_e (1 + z_e) - w_e;
kappa killing, D its correction; h mean spacing, R radius of near pairs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pide.arrays import as_float
from pide.continuum.kernels import Kernel
from pide.quadrature.boundary_profile import BAND, profile_correction, spacing
from pide.quadrature.inside_moments import inside_moments
from pide.quadrature.pair_correction import NearPairs, near_pairs, pair_correction, pair_moments, summed_moments
from pide.spaces.cloud import PointCloud

__all__ = ["MOST_NEIGHBOURS", "CloudCorrection", "cloud_correction", "near_neighbours"]

Floats = NDArray[np.float64]

_REACH = {1: 4.0, 2: 4.0, 3: 3.0}
"""R in mean spacings."""

_CAP = 0.5
"""Singular kernels are constant below this many mean spacings."""


MOST_NEIGHBOURS = 500.0
"""Mean number of near neighbours up to which pairs are corrected; uniform clouds have 8, 50, 113 in n = 1, 2, 3."""


@dataclass(frozen=True, eq=False)
class CloudCorrection:
    """Changes of the near pair weights and of the killing.

    Attributes
    ----------
    near : NearPairs
    weights : array, shape (E,)
        w~_e (1 + z_e) >= 0, the corrected weights.
    changes : array, shape (E,)
        dw_e, by which they differ from the kernel.
    killing : array, shape (N,)
        D, with kappa + D >= 0.
    notes : tuple of str
    """

    near: NearPairs
    weights: Floats
    changes: Floats
    killing: Floats
    notes: tuple[str, ...]

    def matrix(self) -> Any:
        """CSR matrix (N, N) of dw_ij = dw_ji, zero diagonal."""
        return self.near.symmetric(self.changes, len(self.killing))


def cloud_correction(
    kernel: Kernel, cloud: PointCloud, difference: Callable[[Floats], Floats], killing: Floats | None = None
) -> CloudCorrection:
    """Correction of (L v)_i = sum_j gamma(|x_i - x_j|) m_j (v_j - v_i) - kappa_i v_i on a cloud in a domain.

    Parameters
    ----------
    kernel : Kernel
        gamma >= 0.
    cloud : PointCloud
        With a domain; on a torus gamma has a horizon.
    difference : callable
        v -> sum_j gamma(|x_i - x_j|) m_j (v_j - v_i) on fields (N,), by any engine; 2 n + n (n - 1)/2 + 1 calls.
    killing : array, shape (N,), or None
        kappa where v = 0 outside; None on the torus and for reflecting boundaries.

    Notes
    -----
    1. Weights of pairs nearer than h/2 are those at h/2 where the kernel is singular: a pair of nearly equal points
    would otherwise carry the whole second moment of its cells. 2. Weights of pairs nearer than R are changed, each in
    proportion to itself and as little as possible, so that first and second moments of all pairs are those of gamma
    over the domain at points deeper than 2 h: L is then exact there on polynomials of degree 2, up to the
    regularisation. 3. Where v = 0 outside and gamma ~ r^{-n-2s}, D makes L exact on d^s in the band d < 2 h.
    Everything is symmetric, and weights keep their signs. Not guaranteed: moments where signs do not allow them; the
    largest miss is in the notes.

    Raises
    ------
    ValueError
        For a cloud without a domain, more than 500 near neighbours per point, or a kernel with negative values.
    """
    _check(kernel, cloud)
    n, h, m = cloud.dimension, spacing(cloud), cloud.masses
    radius = _radius(kernel, cloud)
    near = near_pairs(cloud, radius)
    plain = np.asarray(kernel(near.distances, n), dtype=np.float64)
    capped = _capped(kernel, plain, h, n)
    defects = _wanted(kernel, cloud) - _present(kernel, cloud, difference) - pair_moments(near, capped - plain, m)
    found = pair_correction(near, capped, m, defects, _depth(cloud) >= BAND * h, radius)
    weights = capped * (1 + found.changes)
    notes = [f"quadrature: moments 0, 1, 2 by pairs nearer than {radius:.3g}, {found.missing:.1e} missing at the worst"]
    if cap := int(np.count_nonzero(capped < plain)):
        notes.append(f"quadrature: kernel capped below {_CAP * h:.3g}, {cap} pairs")
    D, s = np.zeros(cloud.count), (as_float(kernel.singularity(n)) - n) / 2
    if killing is not None and 0 < s < 1:
        kappa = killing

        def image(v: Floats) -> Floats:
            return kappa * v - difference(v) - near.difference(weights - plain, m, v)

        D, note = profile_correction(image, cloud, killing, s)
        notes.append(note)
    return CloudCorrection(near, weights, weights - plain, D, tuple(notes))


def near_neighbours(kernel: Kernel, cloud: PointCloud) -> float:
    """Mean number of points within R of a point; large on clustered clouds."""
    return float(cloud.tree.count_neighbors(cloud.tree, _radius(kernel, cloud))) / cloud.count - 1


def _radius(kernel: Kernel, cloud: PointCloud) -> float:
    return float(min(kernel.horizon, _REACH[cloud.dimension] * spacing(cloud)))


def _check(kernel: Kernel, cloud: PointCloud) -> None:
    if cloud.domain is None:
        raise ValueError(
            "quadrature='pairs' on a cloud without a domain: the moments of the kernel over the domain are unknown. "
            "Write PointCloud(points, domain=...), or quadrature='plain'."
        )
    if not kernel.nonnegative:
        raise ValueError(
            f"quadrature='pairs' with {kernel!r}, which has negative values: weights are changed in proportion to "
            "themselves. Write quadrature='plain'."
        )
    if (neighbours := near_neighbours(kernel, cloud)) > MOST_NEIGHBOURS:
        raise ValueError(
            f"quadrature='pairs' on a clustered cloud, {neighbours:.0f} near neighbours per point: at most "
            f"{MOST_NEIGHBOURS:.0f} are corrected. Write quadrature='plain'."
        )


def _depth(cloud: PointCloud) -> Floats:
    assert cloud.domain is not None
    return -cloud.domain.signed_distance(*cloud.points.T)


def _capped(kernel: Kernel, weights: Floats, h: float, n: int) -> Floats:
    """min(w, gamma(h/2)) for singular kernels."""
    if not as_float(kernel.singularity(n)) > 0 or _CAP * h >= kernel.horizon:
        return weights
    return np.minimum(weights, float(np.asarray(kernel(np.array(_CAP * h), n))))


def _wanted(kernel: Kernel, cloud: PointCloud) -> Floats:
    assert cloud.domain is not None
    return inside_moments(cloud.points, cloud.domain, kernel)


def _present(kernel: Kernel, cloud: PointCloud, difference: Callable[[Floats], Floats]) -> Floats:
    """Moments of the uncorrected weights; on a torus, where coordinates jump, by the pairs themselves."""
    if not cloud.periodic:
        return summed_moments(difference, cloud.points)
    near = near_pairs(cloud, kernel.horizon)
    return pair_moments(near, np.asarray(kernel(near.distances, cloud.dimension), dtype=np.float64), cloud.masses)

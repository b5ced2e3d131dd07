"""Nonlocal operators on point clouds by pair rates: sparse within a horizon, dense otherwise.

(L v)_i = sum_j w_ij m_j (v_j - v_i) - kappa_i v_i with w_ij = gamma(|x_i - x_j|) or omega(x_i, x_j), m the masses.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from pide.continuum.exterior import Exterior, Periodic, Reflecting, Value, Zero
from pide.continuum.kernels import Fractional, Kernel, TwoPoint
from pide.continuum.operators import ContinuumOperator, FractionalLaplacian, NonlocalDiffusion
from pide.operators.algebra import scale
from pide.operators.base import Operator
from pide.operators.pairs import PairOperator
from pide.operators.structure import pair_claims
from pide.quadrature.rays import exterior_rate
from pide.quadrature.second_moment import ball_second_moment, pair_factors
from pide.spaces.cloud import PointCloud

__all__ = ["cloud_operator"]

Floats = NDArray[np.float64]
Pairs = tuple[NDArray[np.int64], NDArray[np.int64]]

ENGINES = ("auto", "sparse", "dense")
QUADRATURES = ("auto", "plain", "moment")

_DENSE_BYTES = 4 << 30
_CORRECTION_RADIUS = 4.0
"""R of the second-moment correction in mean spacings."""


def cloud_operator(
    A: ContinuumOperator, cloud: PointCloud, exterior: Exterior | None, engine: str = "auto", quadrature: str = "auto"
) -> Operator:
    """Discrete operator of nonlocal diffusion, or of the fractional Laplacian, on a point cloud.

    Parameters
    ----------
    A : NonlocalDiffusion or FractionalLaplacian
    cloud : PointCloud
    exterior : Exterior or None
        `Reflecting()` or `Zero()`; None on a torus.
    engine : {"auto", "sparse", "dense"}
        "sparse" needs a kernel with a horizon; "auto" takes it there, and "dense" for the others.
    quadrature : {"auto", "plain", "moment"}
        "plain": w_ij = gamma(|x_i - x_j|). "moment": multiplied by 1 + (g_i + g_j)/2 within four mean spacings, so that
        the second moment of the near pairs is that of the kernel; the default for singular kernels, whose own cell
        contributes at leading order.

    Notes
    -----
    Rates m_i w_ij m_j are symmetric to the bit before the division by m_i. Consistency on scattered points is that of
    the quadrature by the masses: first order in the spacing relative to the horizon for a jump at the horizon, no
    convergence of A v at a fixed number of neighbours.

    Raises
    ------
    TypeError, ValueError
        For other operators, exterior data, unknown engines, and what an engine or a quadrature cannot do.
    """
    _check(engine, quadrature)
    if isinstance(A, FractionalLaplacian):
        return scale(_diffusion(NonlocalDiffusion(Fractional(s=A.s)), cloud, exterior, engine, quadrature), -1.0)
    if not isinstance(A, NonlocalDiffusion):
        raise TypeError(
            f"{type(A).__name__} on a point cloud: NonlocalDiffusion and FractionalLaplacian have a discretisation "
            "there. Write A.on(domain.grid(64)) for the others."
        )
    return _diffusion(A, cloud, exterior, engine, quadrature)


def _diffusion(
    A: NonlocalDiffusion, cloud: PointCloud, exterior: Exterior | None, engine: str, quadrature: str
) -> PairOperator:
    exterior = _checked_exterior(exterior, cloud)
    horizon = A.kernel.horizon if A.kernel.horizon is not None else math.inf
    kind = _chosen_engine(engine, horizon, cloud)
    pairs = _near_pairs(cloud, horizon) if kind == "sparse" else _all_pairs(cloud, horizon)
    weights = _weights(A, cloud, pairs)
    notes = [f"engine: {kind} pair rates, {2 * len(pairs[0]) / cloud.count:.0f} neighbours per point"]
    symmetric = not (isinstance(A.kernel, TwoPoint) and not A.kernel.symmetric)
    if isinstance(A.kernel, Kernel) and _wants_moments(A.kernel, cloud, quadrature):
        weights = (_with_moments(A.kernel, weights[0], pairs, cloud),) * 2
        notes.append(f"quadrature: second moments of near pairs, |z| < {_radius(A.kernel, cloud):.3g}")
    else:
        notes.append("quadrature: plain")
    rates = _assembled(weights, pairs, cloud, symmetric)
    killing = _killing(A, cloud, exterior, notes)
    if kind == "dense":
        rates = rates.toarray()
    nonnegative = bool(rates.min() >= 0)
    bounded = isinstance(A.kernel, Kernel) and A.kernel.integrable(cloud.dimension)
    claims = pair_claims(nonnegative, symmetric, bool(killing.any())) | ({"bounded_generator"} if bounded else set())
    return PairOperator(cloud, rates, killing, claims, None, tuple(notes))


def _check(engine: str, quadrature: str) -> None:
    for name, value, known in (("engine", engine, ENGINES), ("quadrature", quadrature, QUADRATURES)):
        if value not in known:
            raise ValueError(f"{name}={value!r}: a point cloud has {', '.join(map(repr, known))}. Write one of them.")


def _checked_exterior(exterior: Exterior | None, cloud: PointCloud) -> Exterior:
    if cloud.periodic:
        if exterior is None or isinstance(exterior, Periodic):
            return Periodic()
        raise ValueError(f"exterior={exterior!r} on a torus: a torus has no exterior. Leave exterior out.")
    if exterior is None or isinstance(exterior, Periodic):
        raise ValueError(
            f"exterior={exterior!r} on a point cloud: a nonlocal operator needs to know v outside. "
            "Write exterior=Reflecting(), or Zero() for a cloud with a domain."
        )
    if isinstance(exterior, Value):
        raise ValueError("exterior=Value(g) on a point cloud: no points lie outside. Write Zero(), or use a grid.")
    if isinstance(exterior, Zero) and cloud.domain is None:
        raise ValueError(
            "exterior=Zero() on a cloud without a domain: the rate to the exterior is unknown. "
            "Write PointCloud(points, domain=...), or exterior=Reflecting()."
        )
    return exterior


def _chosen_engine(engine: str, horizon: float, cloud: PointCloud) -> str:
    if math.isfinite(horizon) and cloud.periodic and cloud.domain is not None:
        period = min(b - a for a, b in cloud.domain.bounds)
        if 2 * horizon > period:
            raise ValueError(
                f"horizon {horizon:g} on a torus of period {period:g}: it exceeds half a period. "
                "Take a smaller horizon, or a grid with NonlocalDiffusion(kernel, images=True)."
            )
    if math.isinf(horizon) and engine == "sparse":
        raise ValueError("engine='sparse': the kernel has no horizon. Write engine='dense', or a kernel with horizon=.")
    if math.isinf(horizon) and cloud.periodic:
        raise ValueError("a kernel without horizon on a torus of scattered points: images are not summed. Use a grid.")
    kind = engine if engine != "auto" else "sparse" if math.isfinite(horizon) else "dense"
    size = 8 * cloud.count**2
    if kind == "dense" and 4 * size > _DENSE_BYTES:
        raise ValueError(
            f"engine='dense' on {cloud.count} points: assembling it needs {4 * size / 2**30:.1f} GiB, at most 4 are "
            "taken. Give the kernel a horizon, or take fewer points."
        )
    return kind


def _near_pairs(cloud: PointCloud, horizon: float) -> Pairs:
    """Pairs i < j with |x_i - x_j| < horizon."""
    found = cloud.tree.query_pairs(horizon, output_type="ndarray").astype(np.int64)
    keep = _distances(cloud, (found[:, 0], found[:, 1])) < horizon
    return found[keep, 0], found[keep, 1]


def _all_pairs(cloud: PointCloud, horizon: float) -> Pairs:
    i, j = np.triu_indices(cloud.count, 1)
    if math.isinf(horizon):
        return i, j
    keep = _distances(cloud, (i, j)) < horizon
    return i[keep], j[keep]


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
    if A.coefficient is not None:
        a = np.broadcast_to(np.asarray(A.coefficient(*cloud.coordinates), dtype=np.float64), cloud.shape)
        if not (np.isfinite(a).all() and (a > 0).all()):
            raise ValueError("coefficient: a(x) > 0 and finite is needed at every point of the cloud. Change a.")
        a_i, a_j = a[pairs[0]], a[pairs[1]]
        w = w * (np.sqrt(a_i * a_j) if A.mean == "geometric" else (a_i + a_j) / 2)
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


def _assembled(weights: tuple[Floats, Floats], pairs: Pairs, cloud: PointCloud, symmetric: bool) -> Any:
    """CSR of w_ij m_j; for symmetric w through m_i w_ij m_j, which is symmetric to the bit."""
    i, j = pairs
    m = cloud.masses
    if symmetric:
        flux = weights[0] * (m[i] * m[j])
        values = np.concatenate([flux / m[i], flux / m[j]])
    else:
        values = np.concatenate([weights[0] * m[j], weights[1] * m[i]])
    ends = np.concatenate([i, j]), np.concatenate([j, i])
    return scipy.sparse.csr_matrix((values, ends), shape=(cloud.count, cloud.count))


def _radius(kernel: Kernel, cloud: PointCloud) -> float:
    spacing = float(cloud.masses.mean()) ** (1.0 / cloud.dimension)
    return float(min(kernel.horizon, _CORRECTION_RADIUS * spacing))


def _wants_moments(kernel: Kernel, cloud: PointCloud, quadrature: str) -> bool:
    if quadrature == "moment" and cloud.domain is None:
        raise ValueError(
            "quadrature='moment' on a cloud without a domain: which points are near its boundary is unknown. "
            "Write PointCloud(points, domain=...), or quadrature='plain'."
        )
    singular = float(kernel.singularity(cloud.dimension)) > 0
    return quadrature == "moment" or (quadrature == "auto" and singular and cloud.domain is not None)


def _with_moments(kernel: Kernel, w: Floats, pairs: Pairs, cloud: PointCloud) -> Floats:
    """w_ij (1 + (g_i + g_j)/2) for the pairs nearer than R, w_ij for the others."""
    assert cloud.domain is not None
    radius = _radius(kernel, cloud)
    distances = _distances(cloud, pairs)
    near = distances < radius
    i, j = pairs[0][near], pairs[1][near]
    squares = w[near] * distances[near] ** 2
    moments = _assembled((squares, squares), (i, j), cloud, True)
    interior = -cloud.domain.signed_distance(*cloud.coordinates) >= radius
    g = pair_factors(moments, ball_second_moment(kernel, radius, cloud.dimension), interior)
    w = w.copy()
    w[near] *= 1 + (g[i] + g[j]) / 2
    return w


def _killing(A: NonlocalDiffusion, cloud: PointCloud, exterior: Exterior, notes: list[str]) -> Floats:
    if isinstance(exterior, (Reflecting, Periodic)) or cloud.domain is None:
        return np.zeros(cloud.count)
    if isinstance(A.kernel, TwoPoint):
        raise ValueError(
            "exterior=Zero() with a TwoPoint kernel on a point cloud: the rate to the exterior has no closed form. "
            "Write exterior=Reflecting(), or a radial kernel."
        )
    if A.coefficient is not None:
        raise ValueError(
            "exterior=Zero() with coefficient= on a point cloud: the coefficient outside is not integrated. "
            "Write exterior=Reflecting(), or use a grid."
        )
    notes.append("killing: tail mass of the kernel along rays to the boundary")
    return exterior_rate(cloud.points, cloud.domain, A.kernel)

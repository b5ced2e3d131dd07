"""Nonlocal operators and potentials on point clouds: which engine, which quadrature, which rate to the exterior.

(L v)_i = sum_j w_ij m_j (v_j - v_i) - kappa_i v_i with w_ij = gamma(|x_i - x_j|) or omega(x_i, x_j), m the masses.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pide.continuum.exterior import Exterior, Periodic, Reflecting, Value, Zero
from pide.continuum.kernels import Fractional, Kernel, TwoPoint
from pide.continuum.operators import ContinuumOperator, FractionalLaplacian, NonlocalDiffusion
from pide.continuum.potentials import Potential
from pide.operators.algebra import scale
from pide.operators.base import Operator
from pide.operators.cloud_engine import ENGINES, check_choice, chosen_engine, pair_sum
from pide.operators.cloud_pairs import assembled_rates, moment_correction, moment_radius
from pide.operators.cloud_potential import cloud_potential
from pide.operators.pair_sum import CorrectedPairSum, PairSum, with_coefficient
from pide.operators.pairs import PairOperator
from pide.operators.structure import pair_claims
from pide.operators.summed import SummedDiffusion
from pide.quadrature.rays import exterior_rate
from pide.spaces.cloud import PointCloud

__all__ = ["cloud_operator"]

Floats = NDArray[np.float64]

QUADRATURES = ("auto", "plain", "moment")


def cloud_operator(
    A: ContinuumOperator,
    cloud: PointCloud,
    exterior: Exterior | None,
    engine: str = "auto",
    quadrature: str = "auto",
    tol: float = 1e-6,
) -> Operator:
    """Discrete operator of nonlocal diffusion, of the fractional Laplacian, or of a potential, on a point cloud.

    Parameters
    ----------
    A : NonlocalDiffusion, FractionalLaplacian or Potential
    cloud : PointCloud
    exterior : Exterior or None
        `Reflecting()` or `Zero()`; None on a torus and for potentials.
    engine : {"auto", "sparse", "dense", "nufft", "ducc0", "tree"}
        "sparse": the pairs within the horizon of the kernel. "dense": all pairs, stored up to 11 000 points, in blocks
        beyond. "nufft": near pairs and a nonequispaced FFT, by finufft; "ducc0" the same by ducc0. "tree": for
        clustered clouds. "auto": "sparse" with a horizon; else "dense" up to 4000 points; else "nufft" for kernels
        that it can split; else "tree".
    quadrature : {"auto", "plain", "moment"}
        "plain": w_ij = gamma(|x_i - x_j|). "moment": multiplied by 1 + (g_i + g_j)/2 within four mean spacings, so that
        the second moment of the near pairs is that of the kernel; the default for singular kernels, whose own cell
        contributes at leading order.
    tol : float
        Accuracy of "nufft", "ducc0" and "tree", 1e-12 to 1e-2; the others are exact.

    Notes
    -----
    The weights, those that the engine applies included, are symmetric to rounding at every `tol`. Consistency on
    scattered points is that of the quadrature by the masses: first order in the spacing relative to the horizon for a
    jump at the horizon, no convergence of A v at a fixed number of neighbours.

    Raises
    ------
    TypeError, ValueError
        For other operators, exterior data, unknown engines, and what an engine or a quadrature cannot do.
    """
    check_choice("engine", engine, ENGINES)
    check_choice("quadrature", quadrature, QUADRATURES)
    if not 1e-12 <= tol <= 1e-2:
        raise ValueError(f"tol={tol:g}: fast summation on clouds has accuracies from 1e-12 to 1e-2. Write tol=1e-6.")
    if isinstance(A, Potential):
        return cloud_potential(A, cloud, exterior, engine, tol)
    if isinstance(A, FractionalLaplacian):
        kernel = NonlocalDiffusion(Fractional(s=A.s))
        return scale(_diffusion(kernel, cloud, exterior, engine, quadrature, tol), -1.0)
    if not isinstance(A, NonlocalDiffusion):
        raise TypeError(
            f"{type(A).__name__} on a point cloud: NonlocalDiffusion, FractionalLaplacian and potentials have a "
            "discretisation there. Write A.on(domain.grid(64)) for the others."
        )
    return _diffusion(A, cloud, exterior, engine, quadrature, tol)


def _diffusion(
    A: NonlocalDiffusion, cloud: PointCloud, exterior: Exterior | None, engine: str, quadrature: str, tol: float
) -> Operator:
    exterior = _checked_exterior(exterior, cloud)
    horizon = A.kernel.horizon if A.kernel.horizon is not None else math.inf
    kind = chosen_engine(engine, A.kernel, cloud, tol)
    killing, words = _killing(A, cloud, exterior)
    moments = isinstance(A.kernel, Kernel) and _wants_moments(A.kernel, cloud, quadrature)
    notes = [_quadrature_note(A.kernel, cloud) if moments else "quadrature: plain", *words]
    symmetric = not (isinstance(A.kernel, TwoPoint) and not A.kernel.symmetric)
    bounded = {"bounded_generator"} if isinstance(A.kernel, Kernel) and A.kernel.integrable(cloud.dimension) else set()
    if kind in ("sparse", "stored"):
        rates = assembled_rates(A, cloud, horizon, moments)
        engine_note = f"engine: {'sparse' if kind == 'sparse' else 'dense'} pair rates, "
        notes = [f"{engine_note}{rates.nnz / cloud.count:.0f} neighbours per point", *notes]
        if kind == "stored":
            rates = rates.toarray()
        claims = pair_claims(bool(rates.min() >= 0), symmetric, bool(killing.any())) | bounded
        return PairOperator(cloud, rates, killing, claims, None, tuple(notes))
    assert isinstance(A.kernel, Kernel)
    sums = _corrected(pair_sum(A.kernel, cloud, kind, tol), A, cloud, moments)
    claims = pair_claims(A.kernel.nonnegative, True, bool(killing.any())) | bounded
    return SummedDiffusion(cloud, sums, killing, claims, (*sums.notes, *notes))


def _corrected(sums: PairSum, A: NonlocalDiffusion, cloud: PointCloud, moments: bool) -> PairSum:
    """The sum with the quadrature of its near pairs, and with the coefficient."""
    assert isinstance(A.kernel, Kernel)
    if moments:
        sums = CorrectedPairSum(sums, moment_correction(A.kernel, cloud))
    if A.coefficient is None:
        return sums
    a = np.broadcast_to(np.asarray(A.coefficient(*cloud.coordinates), dtype=np.float64), cloud.shape)
    return with_coefficient(sums, a, A.mean)


def _quadrature_note(kernel: Any, cloud: PointCloud) -> str:
    return f"quadrature: second moments of near pairs, |z| < {moment_radius(kernel, cloud):.3g}"


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


def _wants_moments(kernel: Kernel, cloud: PointCloud, quadrature: str) -> bool:
    if quadrature == "moment" and cloud.domain is None:
        raise ValueError(
            "quadrature='moment' on a cloud without a domain: which points are near its boundary is unknown. "
            "Write PointCloud(points, domain=...), or quadrature='plain'."
        )
    singular = float(kernel.singularity(cloud.dimension)) > 0
    return quadrature == "moment" or (quadrature == "auto" and singular and cloud.domain is not None)


def _killing(A: NonlocalDiffusion, cloud: PointCloud, exterior: Exterior) -> tuple[Floats, tuple[str, ...]]:
    """kappa, and a note on it."""
    if isinstance(exterior, (Reflecting, Periodic)) or cloud.domain is None:
        return np.zeros(cloud.count), ()
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
    note = "killing: tail mass of the kernel along rays to the boundary"
    return exterior_rate(cloud.points, cloud.domain, A.kernel), (note,)

"""Nonlocal operators and potentials on point clouds: which engine, which quadrature, which rate to the exterior.

(L v)_i = sum_j w_ij m_j (v_j - v_i) - kappa_i v_i with w_ij = gamma(|x_i - x_j|) or omega(x_i, x_j), m the masses.
"""

from __future__ import annotations

import math
from collections.abc import Callable
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
from pide.operators.cloud_pairs import assembled_rates, moment_correction, moment_radius, pair_weights, with_means
from pide.operators.cloud_potential import cloud_potential
from pide.operators.pair_sum import with_coefficient
from pide.operators.pairs import PairOperator
from pide.operators.structure import pair_claims
from pide.operators.summed import SummedDiffusion
from pide.quadrature.cloud_correction import MOST_NEIGHBOURS, cloud_correction, near_neighbours
from pide.quadrature.rays import exterior_rate
from pide.spaces.cloud import PointCloud

__all__ = ["cloud_operator"]

Floats = NDArray[np.float64]

QUADRATURES = ("auto", "plain", "moment", "pairs")


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
    quadrature : {"auto", "plain", "moment", "pairs"}
        "plain": w_ij = gamma(|x_i - x_j|). "moment": multiplied by 1 + (g_i + g_j)/2 within four mean spacings, so that
        the second moment of the near pairs is that of the kernel. "pairs": first and second moments of all pairs exact
        at points inside, close pairs capped, exact on d^s at the boundary, see
        `pide.quadrature.cloud_correction.cloud_correction`; a coefficient= multiplies the weights that this gives.
        "auto": "pairs" for singular kernels in a domain, "moment" for those of both signs, "plain" for others and for
        clustered clouds.
    tol : float
        Accuracy of "nufft", "ducc0" and "tree", 1e-12 to 1e-2; the others are exact.

    Notes
    -----
    Set-up is on the host. "sparse" and stored "dense" operators take fields of every array library, "nufft" those of
    NumPy and, with cufinufft, of CuPy, the others those of NumPy.

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
    kind = chosen_engine(engine, A.kernel, cloud, tol)
    rule = _chosen_quadrature(A, cloud, quadrature)
    killing, words = _killing(A, cloud, exterior)
    if kind in ("sparse", "stored"):
        return _assembled(A, cloud, kind, rule, killing, words)
    assert isinstance(A.kernel, Kernel)
    sums = pair_sum(A.kernel, cloud, kind, tol)
    correction, extra, notes = _correction(rule, A.kernel, cloud, sums.difference, killing)
    if correction is not None:
        sums, killing = sums.corrected(correction), killing + extra
    if A.coefficient is not None:
        sums = with_coefficient(sums, _coefficient(A, cloud), A.mean)
    claims = pair_claims(A.kernel.nonnegative, True, bool(killing.any())) | _bounded(A, cloud)
    return SummedDiffusion(cloud, sums, killing, claims, (*sums.notes, *notes, *words))


def _assembled(
    A: NonlocalDiffusion, cloud: PointCloud, kind: str, rule: str, killing: Floats, words: tuple[str, ...]
) -> Operator:
    """The operator of a matrix of rates, sparse or stored."""
    horizon = A.kernel.horizon if A.kernel.horizon is not None else math.inf
    weights = pair_weights(A, cloud, horizon)
    rates = assembled_rates(weights, cloud.masses)
    notes: tuple[str, ...] = ("quadrature: plain",)
    if isinstance(A.kernel, Kernel) and rule != "plain":
        plain = PairOperator(cloud, rates, np.zeros(cloud.count), frozenset())
        correction, extra, notes = _correction(rule, A.kernel, cloud, plain.apply, killing)
        weights, killing = (weights + correction).tocsr(), killing + extra
        rates = assembled_rates(weights, cloud.masses)
    if A.coefficient is not None:
        rates = assembled_rates(with_means(weights, _coefficient(A, cloud), A.mean), cloud.masses)
    engine = f"engine: {'sparse' if kind == 'sparse' else 'dense'} pair rates, {rates.nnz / cloud.count:.0f}"
    rates = rates.toarray() if kind == "stored" else rates
    symmetric = not (isinstance(A.kernel, TwoPoint) and not A.kernel.symmetric)
    claims = pair_claims(bool(rates.min() >= 0), symmetric, bool(killing.any())) | _bounded(A, cloud)
    return PairOperator(cloud, rates, killing, claims, None, (f"{engine} neighbours per point", *notes, *words))


def _coefficient(A: NonlocalDiffusion, cloud: PointCloud) -> Floats:
    assert A.coefficient is not None
    a = np.broadcast_to(np.asarray(A.coefficient(*cloud.coordinates), dtype=np.float64), cloud.shape)
    if not (np.isfinite(a).all() and (a > 0).all()):
        raise ValueError("coefficient: a(x) > 0 and finite is needed at every point of the cloud. Change a.")
    return a


def _bounded(A: NonlocalDiffusion, cloud: PointCloud) -> set[str]:
    integrable = isinstance(A.kernel, Kernel) and A.kernel.integrable(cloud.dimension)
    return {"bounded_generator"} if integrable else set()


def _correction(
    rule: str, kernel: Kernel, cloud: PointCloud, difference: Callable[[Floats], Floats], killing: Floats
) -> tuple[Any, Floats, tuple[str, ...]]:
    """(changes of the weights of near pairs or None, change of the killing, notes) of a quadrature."""
    none = np.zeros(cloud.count)
    if rule == "moment":
        note = f"quadrature: second moments of near pairs, |z| < {moment_radius(kernel, cloud):.3g}"
        return moment_correction(kernel, cloud), none, (note,)
    if rule == "pairs":
        found = cloud_correction(kernel, cloud, difference, killing if killing.any() else None)
        return found.matrix(), found.killing, found.notes
    return None, none, ("quadrature: plain",)


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


def _chosen_quadrature(A: NonlocalDiffusion, cloud: PointCloud, quadrature: str) -> str:
    if quadrature == "auto":
        if not isinstance(A.kernel, Kernel) or not _singular(A.kernel, cloud):
            return "plain"
        if near_neighbours(A.kernel, cloud) > MOST_NEIGHBOURS:
            return "plain"
        return "pairs" if A.kernel.nonnegative else "moment"
    if quadrature == "plain":
        return quadrature
    if not isinstance(A.kernel, Kernel):
        raise ValueError(
            f"quadrature={quadrature!r} needs a radial kernel: the moments of others are unknown. "
            "Write quadrature='plain'."
        )
    if cloud.domain is None:
        raise ValueError(
            f"quadrature={quadrature!r} on a cloud without a domain: which points are near its boundary is unknown. "
            "Write PointCloud(points, domain=...), or quadrature='plain'."
        )
    return quadrature


def _singular(kernel: Kernel, cloud: PointCloud) -> bool:
    """Whether the own cell of a point matters, and its correction is known."""
    return cloud.domain is not None and float(kernel.singularity(cloud.dimension)) > 0


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

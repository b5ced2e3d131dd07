"""Riesz and logarithmic potentials on point clouds.

(A v)_i = sum_{j != i} k(|x_i - x_j|) m_j v_j + a_i m_i v_i, a_i the mean of k over the ball of volume m_i around x_i.

Point values of a singular kernel do not make a positive definite matrix when two points are nearer than their cells. So
k is replaced at distances below a cap radius D by

    k_D(r) = const int_D^inf (1 - r/t)_+^l t^{-b-1} dt,    k = k_D for r >= D,    l = 1, 2, 2 for n = 1, 2, 3,

a positive mixture of the positive definite functions (1 - r/t)_+^l (Askey), with k_D(0) = min_i a_i: the matrix is
that of a positive definite kernel plus a nonnegative diagonal. D is below the distance of neighbours on regular clouds.

Symbols: n dimension, m masses, k(r) = C r^{-b} or -C log r + const, B(., .) Euler's beta function.

References
----------
R. Askey, Radial characteristic functions, MRC Technical Report 1262, University of Wisconsin (1973).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse
from numpy.typing import NDArray
from scipy.special import beta as euler_beta

from pide.arrays import as_float
from pide.continuum.exterior import Exterior, Zero
from pide.continuum.potentials import LogPotential, Potential
from pide.operators.base import Operator
from pide.operators.cloud_engine import chosen_engine, pair_sum
from pide.operators.summed import SummedPotential
from pide.operators.zero_mean import ZeroMeanOperator
from pide.quadrature.kernel_split import RadialForm, radial_form
from pide.spaces.cloud import PointCloud

__all__ = ["CappedKernel", "capped_kernel", "cloud_potential"]

Floats = NDArray[np.float64]

_GAUGE = "the logarithmic potential depends on the gauge unless the density has zero mean"


@dataclass(frozen=True)
class CappedKernel:
    """k_D on r < D.

    Parameters
    ----------
    form : RadialForm
        k, a power or a logarithm.
    radius : float, unit length
        D.
    power : int
        l.
    """

    form: RadialForm
    radius: float
    power: int

    def __call__(self, r: Floats) -> Floats:
        """k_D(r) for 0 <= r <= D: sum_j (l over j) (-r/D)^j / (b + j), divided by B(b, l + 1)."""
        b, x = self.form.exponent, r / self.radius
        if self.form.kind == "logarithm":
            ramp = sum(math.comb(self.power, j) * ((-x) ** j - (-1.0) ** j) / j for j in range(1, self.power + 1))
            return np.asarray(self.form.constant + self.form.factor * (ramp - math.log(self.radius)))
        series = sum(math.comb(self.power, j) * (-x) ** j / (b + j) for j in range(self.power + 1))
        return np.asarray(self.form.factor * self.radius**-b * series / euler_beta(b, self.power + 1))


def capped_kernel(form: RadialForm, at_zero: float, dimension: int) -> CappedKernel:
    """The cap with k_D(0) = `at_zero`."""
    unit = CappedKernel(form, 1.0, 1 if dimension == 1 else 2)
    if form.kind == "logarithm":
        return replace(unit, radius=math.exp((float(unit(np.zeros(1))[0]) - at_zero) / form.factor))
    return replace(unit, radius=(at_zero / float(unit(np.zeros(1))[0])) ** (-1 / form.exponent))


def cloud_potential(A: Potential, cloud: PointCloud, exterior: Exterior | None, engine: str, tol: float) -> Operator:
    """Discrete potential of densities on a cloud, zero outside it.

    Parameters
    ----------
    A : Potential
    cloud : PointCloud
        Its masses are taken as volumes of cells.
    exterior : Zero or None
    engine : {"auto", "dense", "nufft", "ducc0", "tree"}
    tol : float

    Notes
    -----
    The matrix of the kernel with the cap is positive definite in the inner product of the masses, for the logarithm on
    fields of zero mean; the fast engines are within `tol` of it. Not guaranteed: an order of accuracy on irregular
    clouds; errors of the rule are O(h^{2s}) with a small constant, O(h^2 log h) for the logarithm in the plane.

    Raises
    ------
    ValueError
        For a torus, another exterior, an engine that cannot, or s outside its range.
    """
    n = cloud.dimension
    A.order(n)
    if cloud.periodic:
        raise ValueError(f"{type(A).__name__} on a torus of scattered points: images are not summed. Use a grid.")
    if exterior is not None and not isinstance(exterior, Zero):
        raise ValueError(
            f"exterior={exterior!r}: a potential is that of a density which is zero outside the cloud. "
            "Leave exterior out, or write exterior=Zero()."
        )
    kind = chosen_engine(engine, A, cloud, tol)
    form = radial_form(A, n)
    assert form is not None
    own = n * np.asarray(A.ray_moment((cloud.masses / _ball(n)) ** (1 / n), 0, n), dtype=np.float64)
    sums = pair_sum(A, cloud, kind, tol)
    cap = capped_kernel(form, float(own.min()), n)
    correction, capped = _cap_correction(cap, cloud)
    own_words = "self cell: mean of the kernel over a ball of its volume"
    notes = (*sums.notes, f"{own_words}; kernel capped below {cap.radius:.3g}, {capped} pairs")
    claims = _claims(A, n)
    plain = frozenset(claims) - {"kills_constants", "conserves_mass", "variance_decay"}
    operator = SummedPotential(cloud, sums.corrected(correction), own, plain, notes, _gauge(A, form, cloud))
    if A.project or isinstance(A, LogPotential):
        return ZeroMeanOperator(operator, A.project, f"{type(A).__name__}: {_GAUGE}", claims, notes)
    return operator


def _claims(A: Potential, n: int) -> frozenset[str]:
    claims = {"linear", "self_adjoint", "adjoint", "bounded_generator"}
    if 2 * as_float(A.order(n)) > n / 2:
        claims.add("hilbert_schmidt")
    if A.project or not isinstance(A, LogPotential):
        claims |= {"positive_semidefinite", "energy_decay"}
    if A.project:
        claims |= {"kills_constants", "conserves_mass", "variance_decay"}
    return frozenset(claims)


def _gauge(A: Potential, form: RadialForm, cloud: PointCloud) -> float | None:
    """A constant that makes the kernel nonnegative on the cloud and drops out."""
    if not isinstance(A, LogPotential):
        return 0.0
    diagonal = float((np.ptp(cloud.points, axis=0) ** 2).sum())
    return -float(form(np.array(diagonal))) if A.project else None


def _ball(n: int) -> float:
    """Volume of the unit ball."""
    return float(math.pi ** (n / 2) / math.gamma(n / 2 + 1))


def _cap_correction(cap: CappedKernel, cloud: PointCloud) -> tuple[scipy.sparse.csr_matrix, int]:
    """k_D - k for the pairs nearer than D, and their number."""
    pairs = cloud.tree.query_pairs(cap.radius, output_type="ndarray")
    i, j = pairs.T
    square = ((cloud.points[i] - cloud.points[j]) ** 2).sum(axis=1)
    change = cap(np.sqrt(square)) - cap.form(square)
    ends = np.concatenate([i, j]), np.concatenate([j, i])
    return scipy.sparse.csr_matrix((np.tile(change, 2), ends), shape=(cloud.count, cloud.count)), len(i)

"""Powers of the Laplacian of a bounded domain by its eigenfunctions: other operators than the integral ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pide.continuum.constants import check_order
from pide.continuum.operators import ContinuumOperator

__all__ = ["SpectralFractionalLaplacian"]


@dataclass(frozen=True)
class SpectralFractionalLaplacian(ContinuumOperator):
    """(-Delta_Omega)^s v = sum_k mu_k^s <v, e_k> e_k, where -Delta e_k = mu_k e_k in Omega with a boundary condition.

    Omega is an interval, a box or a torus. The condition is on the boundary, not on the complement of Omega: with
    `Zero()` it is e_k = 0 (Dirichlet), with `Reflecting()` it is d e_k / d n = 0 (Neumann). On a torus the operator is
    `FractionalLaplacian`, elsewhere it is another one: its solutions behave like the distance to the boundary to the
    power min(2 s, 1), those of the integral operator like its power s.

    Parameters
    ----------
    s : float or 0-d torch tensor
        Half the differential order.

    Notes
    -----
    `scheme="lattice"` (default): the power of the discrete Laplacian, whose eigenvalues are
    mu = sum_a 4 sin^2(theta_a / 2) / h_a^2; a power of an M-matrix with 0 < s < 1 is one, so that rates are >= 0
    and the maximum principle holds; O(h^2) on eigenfunctions. `scheme="fourier"`: mu = sum_a (theta_a / h_a)^2, exact
    on every resolved eigenfunction, not monotone. With n nodes per axis theta = pi k / n at cell centres (k = 1..n for
    `Zero`, k = 0..n-1 for `Reflecting`) and pi k / (n + 1) at nodes="interior", which has `Zero` only. One pair of sine
    or cosine transforms per apply, as per solve: `Stationary`, `Heat` and `Wave` divide by eigenvalues.

    Raises
    ------
    ValueError
        Unless 0 < s < 1.

    References
    ----------
    R. Servadei, E. Valdinoci, On the spectrum of two different fractional operators, Proc. Roy. Soc. Edinburgh A 144
    (2014). L. Caffarelli, P. Stinga, Fractional elliptic equations, Caccioppoli estimates and regularity, Ann. Inst. H.
    Poincare C 33 (2016).

    >>> SpectralFractionalLaplacian(s=0.5).definiteness
    1
    """

    s: Any

    def __post_init__(self) -> None:
        check_order(self.s, "SpectralFractionalLaplacian")

    @property
    def definiteness(self) -> int:
        return 1

"""Potentials: the inverses of fractional Laplacians as integrals of a density, by their kernels on R^n.

Riesz          (-Delta)^{-s} v(x) = c_{n,-s} int v(y) |x - y|^{2s-n} dy,                0 < s < n/2
logarithmic    (-Delta)^{-n/2} v(x) = c_n int (-2 log|x - y| - gamma) v(y) dy,      int v = 0

Symbols: n dimension, k(r) kernel, rho a distance, gamma = 0.5772... Euler's constant.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pide.arrays import Array, as_float, like, namespace
from pide.continuum.constants import logarithm_constant, riesz_constant
from pide.continuum.operators import ContinuumOperator

__all__ = ["LogPotential", "Potential", "RieszPotential"]


class Potential(ContinuumOperator):
    """A v(x) = int k(|x - y|) v(y) dy with Fourier symbol |k|^{-2s}; v is zero outside the domain."""

    project: bool

    @property
    def definiteness(self) -> int:
        """+1: the symbol |k|^{-2s} is positive; for the logarithm on zero-mean data only."""
        return 1

    @abstractmethod
    def order(self, dimension: int) -> Any:
        """s in the dimension n, checked to be in the range in which k is the kernel of (-Delta)^{-s}."""

    @abstractmethod
    def kernel(self, r: NDArray[np.float64], dimension: int) -> Array:
        """k(r) for r > 0, unit length^(2s-n); in the namespace of an array s."""

    @abstractmethod
    def ray_moment(self, rho: NDArray[np.float64], m: int, dimension: int) -> Array:
        """int_0^1 t^(n-1+m) k(t rho) dt, the integral of k times a power along a ray from the singularity."""


@dataclass(frozen=True)
class RieszPotential(Potential):
    """(-Delta)^{-s} v(x) = c_{n,-s} int v(y) |x - y|^{2s-n} dy, 0 < s < n/2, the inverse of (-Delta)^s on R^n.

    Its Fourier symbol is |k|^{-2s}; c_{n,-s} = Gamma(n/2-s) / (4^s pi^{n/2} Gamma(s)).

    Parameters
    ----------
    s : float or 0-d torch tensor
        Half the order of smoothing.
    project : bool
        Replace A by P A P, P the projection onto fields of zero mean: the mean of the density is removed, and that of
        the potential. On a torus a density of non-zero mean has no potential and is refused otherwise.

    Notes
    -----
    The density is zero outside the domain, whatever the domain is; the potential is the one of R^n, restricted to the
    domain. On a torus it is the periodic one, by the multiplier |k|^{-2s} with 0 at k = 0.

    Raises
    ------
    ValueError
        Unless s > 0; and, when the dimension is known, unless s < n/2.

    References
    ----------
    E. M. Stein, Singular Integrals and Differentiability Properties of Functions (1970), chapter V.

    >>> RieszPotential(s=0.25).definiteness
    1
    """

    s: Any
    project: bool = False

    def __post_init__(self) -> None:
        if math.prod(getattr(self.s, "shape", ())) != 1:
            raise ValueError(f"RieszPotential(s=array of shape {tuple(self.s.shape)}): s is one number. Pass s=s[0].")
        s = as_float(self.s)
        if not 0 < s < math.inf:
            remedy = f"For (-Delta)^{-s:g} write FractionalLaplacian(s={-s:g})." if -1 < s < 0 else "Pass s > 0."
            raise ValueError(f"RieszPotential(s={s:g}): (-Delta)^-s needs 0 < s < n/2. {remedy}")

    def order(self, dimension: int) -> Any:
        s = as_float(self.s)
        if not s < dimension / 2:
            raise ValueError(
                f"RieszPotential(s={s:g}) in dimension {dimension}: (-Delta)^-s needs 0 < s < n/2 = {dimension / 2:g}. "
                "At s = n/2 the kernel is logarithmic: write LogPotential(). If you meant the order alpha = 2 s, "
                "pass s=alpha/2."
            )
        return self.s

    def kernel(self, r: NDArray[np.float64], dimension: int) -> Array:
        s = self.order(dimension)
        return riesz_constant(dimension, s) * _power(r, 2 * s - dimension)

    def ray_moment(self, rho: NDArray[np.float64], m: int, dimension: int) -> Array:
        return self.kernel(rho, dimension) / (2 * self.s + m)


@dataclass(frozen=True)
class LogPotential(Potential):
    """(-Delta)^{-n/2} v(x) = c_n int (-2 log|x - y| - gamma) v(y) dy for densities v of zero mean.

    c_n = 1 / ((4 pi)^{n/2} Gamma(n/2)). In the plane this is the Newtonian potential -1/(2 pi) int log|x - y| v dy.

    Parameters
    ----------
    project : bool
        Replace A by P A P, P the projection onto fields of zero mean: the mean of the density is removed, and that of
        the potential, which is defined up to a constant. Otherwise densities of non-zero mean are refused.

    Notes
    -----
    The gauge: (-Delta)^{-n/2} v is the limit of (-Delta)^{-s} v as s -> n/2 only when int v = 0, and a constant in the
    kernel then adds nothing. Here it is -gamma c_n with lengths in the unit of the grid (Bohn, Griebel and Kannan
    2021, equation 3.9). Without zero mean the potential changes with that unit. The form <A v, v> is positive on
    zero-mean fields and indefinite on others, so off the torus a discrete operator claims `positive_semidefinite`, and
    may be stepped in time, only with project=True.

    References
    ----------
    P. R. Stinga, User's guide to the fractional Laplacian and the method of semigroups (2019).

    >>> LogPotential().definiteness
    1
    """

    project: bool = False

    def order(self, dimension: int) -> Any:
        return dimension / 2

    def kernel(self, r: NDArray[np.float64], dimension: int) -> Array:
        return logarithm_constant(dimension) * (-2.0 * np.log(r) - np.euler_gamma)

    def ray_moment(self, rho: NDArray[np.float64], m: int, dimension: int) -> Array:
        q = dimension + m
        return self.kernel(rho, dimension) / q + 2.0 * logarithm_constant(dimension) / q**2


def _power(r: NDArray[np.float64], exponent: Any) -> Array:
    """r^exponent; differentiable in an array exponent."""
    if isinstance(exponent, (int, float)):
        return r**exponent
    return namespace(exponent).exp(exponent * like(np.log(r), exponent))

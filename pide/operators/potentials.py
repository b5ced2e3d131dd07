"""Potentials on grids: lattice convolutions with Galerkin or spectral weights, and multipliers on the torus."""

from __future__ import annotations

import difflib
import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pide.arrays import Array, as_float, like, to_host
from pide.continuum.exterior import Exterior, Periodic, Zero
from pide.continuum.operators import ContinuumOperator, OperatorSum, ScaledOperator
from pide.continuum.potentials import LogPotential, Potential
from pide.operators.base import Operator
from pide.operators.fourier import FourierMultiplier
from pide.operators.toeplitz import FourierConvolution, toeplitz
from pide.operators.torus import modulus, power
from pide.operators.zero_mean import ZeroMeanOperator
from pide.quadrature.galerkin import galerkin_weights, symbol_floor
from pide.quadrature.truncated import spectral_weights
from pide.spaces.grid import Grid

__all__ = ["SCHEMES", "ConvolutionOperator", "density_exterior", "potential_operator"]

SCHEMES = ("galerkin", "spectral", "fourier")

_GAUGE = "the logarithmic potential depends on the gauge unless the density has zero mean"
_ZERO_MODE = "on a torus only a density of zero mean has a potential"


@dataclass(frozen=True, eq=False, repr=False)
class ConvolutionOperator(Operator):
    """A v(x_i) = sum_j beta_{i-j} v_j over the nodes j inside the domain, self-adjoint.

    Parameters
    ----------
    space : Grid
    octant : array, shape space.shape
        beta of the nonnegative offsets; even in every component.
    convolution : FourierConvolution
        Applies them.
    floor : float or None
        Lower bound of the symbol of the weights on the infinite lattice, which proves that A is positive definite:
        A is a principal submatrix of that lattice's matrix. For the logarithm it holds on zero-mean fields.
    """

    space: Grid
    octant: Array
    convolution: FourierConvolution
    claims: frozenset[str]
    floor: float | None = None
    notes: tuple[str, ...] = ()
    load: Array | None = None

    def apply(self, u: Array) -> Array:
        return self.space.restricted(self.convolution(u))

    def diagonal(self) -> NDArray[np.float64]:
        own = to_host(self.octant)[(0,) * self.space.dimension]
        return np.asarray(self.space.inside * float(own))

    def spectral_bound(self) -> float:
        """The smaller of max_i sum_j |beta_{i-j}| (Gershgorin) and the largest spectrum value of the embedding."""
        return self._bound

    @cached_property
    def _bound(self) -> float:
        sums = toeplitz(np.abs(to_host(self.octant)), self.space.shape)
        low, high = sums.spectrum_range
        slack = 64 * np.finfo(np.float64).eps * math.log2(max(self.space.size, 2)) * max(abs(low), abs(high))
        gershgorin = float(np.max(sums(self.space.inside.astype(np.float64))[self.space.inside])) + slack
        return min(gershgorin, max(map(abs, self.convolution.spectrum_range)))


def density_exterior(A: ContinuumOperator, exterior: Exterior | None, grid: Grid) -> Exterior | None:
    """`Zero()` where none was given and A is made of potentials, whose densities are zero outside by definition."""
    return Zero() if exterior is None and not grid.periodic and _only_potentials(A) else exterior


def _only_potentials(A: ContinuumOperator) -> bool:
    if isinstance(A, ScaledOperator):
        return _only_potentials(A.operator)
    if isinstance(A, OperatorSum):
        return all(_only_potentials(term) for term in A.terms)
    return isinstance(A, Potential)


def potential_operator(
    A: Potential, grid: Grid, exterior: Exterior, scheme: str, engine: str, evolution: bool = False
) -> Operator:
    """Discrete potential of densities that are zero outside the domain, or periodic.

    Parameters
    ----------
    A : Potential
    grid : Grid
    exterior : Exterior
        `Zero()`, or `Periodic()` on a torus.
    scheme : {"auto", "galerkin", "spectral", "fourier"}
        "galerkin": cell-pair averages of the kernel, positive definite, O(h^2), any domain; the default. "spectral":
        truncated kernel on `Interval` and `Box`, of spectral order for smooth densities that vanish at the boundary,
        not definite. "fourier": |k|^{-2s} on a torus, its default.
    engine : {"auto", "fft"}
    evolution : bool
        The operator will be stepped in time.

    Raises
    ------
    ValueError
        For other choices; for s that is not in the range of the dimension; for an evolution by the logarithm without
        projection, which leaves the fields of zero mean, except on a torus.
    """
    A.order(grid.dimension)
    if not isinstance(exterior, (Zero, Periodic)):
        raise ValueError(
            f"exterior={exterior!r}: a potential is that of a density which is zero outside the domain. "
            "Leave exterior out, or write exterior=Zero()."
        )
    if engine not in ("auto", "fft"):
        raise ValueError(f"engine={engine!r}: the weights of a potential reach everywhere. Leave engine out.")
    if evolution and isinstance(A, LogPotential) and not A.project and not grid.periodic:
        raise ValueError(
            f"LogPotential() in time on {type(grid.domain).__name__}: {_GAUGE}, and the flow does not keep the mean. "
            "Write LogPotential(project=True)."
        )
    scheme = _checked_scheme(A, scheme, grid)
    return _periodic(A, grid) if scheme == "fourier" else _convolution(A, grid, scheme)


def _checked_scheme(A: Potential, scheme: str, grid: Grid) -> str:
    if scheme == "auto":
        return "fourier" if grid.periodic else "galerkin"
    name = type(A).__name__
    if scheme not in SCHEMES:
        near = difflib.get_close_matches(str(scheme), SCHEMES, 1)
        hint = f"Did you mean {near[0]!r}? " if near else ""
        raise ValueError(f"scheme={scheme!r}: {hint}{name} on a grid has {', '.join(map(repr, SCHEMES))}.")
    if grid.periodic != (scheme == "fourier"):
        kind = type(grid.domain).__name__
        raise ValueError(
            f"scheme={scheme!r} on {kind}: a torus has scheme='fourier', every other domain 'galerkin', boxes also "
            "'spectral'. Leave scheme out."
        )
    if scheme == "spectral" and grid.count < grid.size:
        raise ValueError(
            f"scheme='spectral' on {type(grid.domain).__name__}: needed is a grid with all nodes inside, on Interval "
            "or Box, and a smooth density that vanishes near the boundary. Write scheme='galerkin'."
        )
    if scheme == "spectral" and not isinstance(A.order(grid.dimension), (int, float)):
        raise ValueError("scheme='spectral' with an array s: its weights have no gradient. Write s=float(s).")
    return scheme


def _convolution(A: Potential, grid: Grid, scheme: str) -> Operator:
    n = grid.dimension
    claims = {"linear", "self_adjoint", "adjoint", "bounded_generator"}
    if 2 * as_float(A.order(n)) > n / 2:
        claims.add("hilbert_schmidt")
    floor, octant = None, None
    notes: tuple[str, ...] = ("scheme: spectral weights of the truncated kernel; no sign is claimed",)
    if scheme == "galerkin":
        octant = galerkin_weights(A, grid.spacing, tuple(count - 1 for count in grid.shape))
        floor = symbol_floor(A, grid.spacing)
        where = " on zero-mean fields" if A.project or isinstance(A, LogPotential) else ""
        notes = (
            f"scheme: Galerkin weights of {A!r}, a density constant on cells and zero outside the domain",
            f"definiteness: eigenvalues >= {floor:.3g}{where}, by a lower bound of the symbol",
        )
        if A.project or not isinstance(A, LogPotential):
            claims |= {"positive_semidefinite", "energy_decay"}
    else:
        octant = spectral_weights(A, grid.spacing, grid.shape)
    if A.project:
        # a constant in the kernel drops out: with the median weight at 0 the bound is small in any unit of length
        octant = octant - like(np.asarray(np.median(to_host(octant))), octant)
        claims |= {"kills_constants", "conserves_mass"}
        claims |= {"variance_decay"} if "energy_decay" in claims else set()
    K = toeplitz(octant, grid.shape)
    own = frozenset(claims) - {"kills_constants", "conserves_mass", "variance_decay"}
    operator = ConvolutionOperator(grid, octant, K, own, floor, (*notes, f"engine: {K.engine}"))
    return _zero_mean(operator, A, frozenset(claims), _GAUGE) if A.project or isinstance(A, LogPotential) else operator


def _periodic(A: Potential, grid: Grid) -> Operator:
    n, s = grid.dimension, A.order(grid.dimension)
    claims = {"linear", "self_adjoint", "adjoint", "translation_invariant", "kills_constants", "conserves_mass"}
    claims |= {"positive_semidefinite", "energy_decay", "variance_decay", "bounded_generator"}
    if 2 * as_float(s) > n / 2:
        claims.add("hilbert_schmidt")
    notes = ("scheme: fourier, |k|^{-2s}, 0 at k = 0", "engine: fft")
    operator = FourierMultiplier(grid, power(modulus(grid), -2 * s), frozenset(claims), notes)
    return operator if A.project else _zero_mean(operator, A, frozenset(claims), _ZERO_MODE)


def _zero_mean(operator: Any, A: Potential, claims: frozenset[str], reason: str) -> ZeroMeanOperator:
    return ZeroMeanOperator(operator, A.project, f"{type(A).__name__}: {reason}", claims, operator.notes)

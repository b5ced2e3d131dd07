"""The one dispatch table: (continuum operator, space) -> discrete operator."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pide.arrays import Array, as_float, is_numpy
from pide.continuum.advection import Advection
from pide.continuum.exterior import Exterior, Periodic, Zero
from pide.continuum.kernels import Fractional, Kernel, TwoPoint
from pide.continuum.operators import (
    ContinuumOperator,
    FractionalLaplacian,
    Laplacian,
    Multiplier,
    NonlocalDiffusion,
    OperatorSum,
    ScaledOperator,
)
from pide.continuum.potentials import LogPotential, Potential, RieszPotential
from pide.continuum.spectral import SpectralFractionalLaplacian
from pide.continuum.variable_order import VariableOrderLaplacian
from pide.operators.advection import SCHEMES as ADVECTION_SCHEMES
from pide.operators.advection import advection_operator
from pide.operators.algebra import add, scale
from pide.operators.base import Operator
from pide.operators.boundary import EVOLUTION_CAP, corrected
from pide.operators.cloud import cloud_operator
from pide.operators.fourier import FourierMultiplier, wavenumbers
from pide.operators.potentials import SCHEMES as POTENTIAL_SCHEMES
from pide.operators.potentials import density_exterior, potential_operator
from pide.operators.rates import ENGINES, collar_pad, nonlocal_operator
from pide.operators.spectral import spectral_power_operator
from pide.operators.structure import kills, structural_claims
from pide.operators.torus import hermitian_symbol, image_sum_operator, lattice_power_operator, modulus, power
from pide.operators.two_point import two_point_operator
from pide.operators.variable_order import variable_order_operator
from pide.quadrature.compatible import compatible_weights
from pide.quadrature.lattice import lattice_weights
from pide.quadrature.sinc import sinc_weights
from pide.quadrature.weights import LatticeWeights
from pide.spaces.cloud import PointCloud
from pide.spaces.grid import Grid
from pide.spaces.space import Space

__all__ = ["discretise"]

_SCHEMES: dict[type, tuple[str, ...]] = {
    NonlocalDiffusion: ("compatible", "fourier"),
    FractionalLaplacian: ("lattice", "compatible", "corrected", "fourier", "sinc"),
    SpectralFractionalLaplacian: ("lattice", "fourier"),
    Laplacian: ("lattice", "fourier"),
    Multiplier: ("fourier",),
    Advection: ADVECTION_SCHEMES,
    VariableOrderLaplacian: ("compatible",),
    RieszPotential: POTENTIAL_SCHEMES,
    LogPotential: POTENTIAL_SCHEMES,
}


@dataclass(frozen=True)
class _Request:
    """What the caller asked for, checked."""

    grid: Grid
    exterior: Exterior
    scheme: str
    engine: str
    evolution: bool
    automatic: bool = False


def discretise(
    A: ContinuumOperator | Operator,
    space: Space,
    *,
    exterior: Exterior | None = None,
    scheme: str = "auto",
    engine: str = "auto",
    tol: float = 1e-6,
    quadrature: str = "auto",
    evolution: bool = False,
) -> Operator:
    """Discrete operator of a continuum operator on a grid or a point cloud.

    Parameters
    ----------
    A : ContinuumOperator or Operator
        An operator that is discrete already is returned, when `space` is its own.
    space : Grid or PointCloud
    exterior : Exterior or None
        None means `Periodic()` on a torus and `Zero()` for potentials; elsewhere it must be given.
    scheme : {"auto", "compatible", "lattice", "corrected", "fourier", "sinc"}
        "compatible": asymptotically compatible monotone weights, O(h^2) at fixed horizon, consistent with the local
        limit as the horizon shrinks with h (Tian and Du 2013; Du, Tao, Tian and Yang 2019); the default of
        `NonlocalDiffusion`. "lattice": the power (sum_a 4 sin^2(k_a h_a / 2) / h_a^2)^s of the discrete Laplacian,
        monotone, O(h^2) on smooth data; the default of `FractionalLaplacian`. "corrected": the same with the boundary
        defect removed (`pide.operators.boundary`), the default for `Zero` exteriors where the domain has an exact
        distance. "fourier": the continuum symbol at the resolved wavenumbers of a torus, of spectral order on smooth
        data, not monotone. "sinc": the same symbol on R^n, for smooth functions that are 0 (to rounding) near the
        boundary, of spectral order for these, not monotone. Potentials have
        "galerkin", "spectral" and "fourier" (`pide.operators.potentials`).
    engine : {"auto", "fft", "stencil"}; for TwoPoint kernels {"auto", "dense", "sparse"}
        On clouds {"auto", "sparse", "dense", "nufft", "ducc0", "tree"}, see `pide.operators.cloud.cloud_operator`.
        The fast apply; "auto" takes the stencil for a few neighbours and the FFT otherwise, and notes which.
    evolution : bool
        The operator will be stepped in time: limit the boundary correction so that it does not make it stiff.
    quadrature : {"auto", "plain", "moment", "pairs"}
        On point clouds, see `pide.operators.cloud.cloud_operator`; grids accept only the default.
    tol : float
        Accuracy of the engines "nufft", "ducc0" and "tree" on point clouds; "sparse" and "dense" are exact.

    Returns
    -------
    Operator
        `.notes` says which scheme and engine were chosen.

    Raises
    ------
    TypeError, ValueError
        For an unknown operator, scheme, engine or space; a missing or unsuitable exterior condition; a horizon beyond
        half a period of the torus without `images=True`.
    """
    if isinstance(A, Operator):
        return _given(A, space, exterior, scheme, engine)
    if not isinstance(A, ContinuumOperator):
        raise TypeError(
            f"discretise({type(A).__name__}): a continuum operator is needed. Write NonlocalDiffusion(kernel)."
        )
    if isinstance(space, PointCloud):
        return _on_cloud(A, space, exterior, scheme, (engine, quadrature, tol))
    if not isinstance(space, Grid):
        raise TypeError(
            f"discretise(on={type(space).__name__}): a grid or a point cloud is needed. Write A.on(domain.grid(64))."
        )
    if tol != 1e-6 or quadrature != "auto":
        raise ValueError("tol= and quadrature= belong to point clouds; a grid has no use for them. Leave them out.")
    exterior = _checked_exterior(density_exterior(A, exterior, space), space)
    return _dispatch(A, _Request(space, exterior, scheme, engine, evolution))


def _given(A: Operator, space: Any, exterior: Exterior | None, scheme: str, engine: str) -> Operator:
    if space is not A.space:
        raise ValueError(
            f"{type(A).__name__} on another space than its own: a discrete operator is not discretised again. "
            "Write on=operator.space, or give the continuum operator."
        )
    if exterior is not None or scheme != "auto" or engine != "auto":
        raise ValueError(
            f"exterior, scheme or engine for {type(A).__name__}: a discrete operator has made these choices. "
            "Leave them out."
        )
    return A


def _on_cloud(
    A: ContinuumOperator, cloud: PointCloud, exterior: Exterior | None, scheme: str, choices: tuple[str, str, float]
) -> Operator:
    if scheme not in ("auto", "plain"):
        raise ValueError(f"scheme={scheme!r} on a point cloud: pair rates are its only scheme. Leave scheme out.")
    if isinstance(A, ScaledOperator):
        return scale(_on_cloud(A.operator, cloud, exterior, scheme, choices), A.factor)
    if isinstance(A, OperatorSum):
        return add(*(_on_cloud(term, cloud, exterior, scheme, choices) for term in A.terms))
    return cloud_operator(A, cloud, exterior, *choices)


def _dispatch(A: ContinuumOperator, request: _Request) -> Operator:
    if isinstance(A, ScaledOperator):
        if isinstance(A.operator, (OperatorSum, ScaledOperator)):
            return _dispatch(A.distributed(), request)
        return scale(_dispatch(A.operator, request), A.factor)
    if isinstance(A, OperatorSum):
        return add(*(_dispatch(term, _for_term(term, request)) for term in A.terms))
    if isinstance(A, Potential):
        chosen = request.exterior, request.scheme, request.engine, request.evolution
        return potential_operator(A, request.grid, *chosen)
    build = _TABLE.get(type(A))
    if build is None:
        raise TypeError(f"discretise({type(A).__name__}): no discretisation on a Grid is registered for it.")
    if isinstance(A, NonlocalDiffusion) and isinstance(A.kernel, TwoPoint):
        return _two_point(A, A.kernel, request)
    if request.engine not in ENGINES:
        raise ValueError(f"engine={request.engine!r}: a grid operator has {', '.join(map(repr, ENGINES))}.")
    return build(A, replace(request, scheme=_checked_scheme(A, request), automatic=request.scheme == "auto"))


def _for_term(term: ContinuumOperator, request: _Request) -> _Request:
    """The request for a term of a sum: a scheme that the term does not have falls to its default."""
    kind = type(term.operator if isinstance(term, ScaledOperator) else term)
    known = request.scheme in _SCHEMES.get(kind, (request.scheme,))
    return request if known else replace(request, scheme="auto")


def _nonlocal_diffusion(A: Any, request: _Request) -> Operator:
    kernel = A.kernel
    n = request.grid.dimension
    claims = structural_claims(
        request.exterior,
        -1,
        nonnegative=kernel.nonnegative,
        bounded=kernel.integrable(n),
        square_integrable=as_float(kernel.singularity(n)) < n / 2,
        constant_coefficients=A.coefficient is None,
    )
    if request.scheme == "fourier":
        if A.coefficient is not None:
            raise ValueError("scheme='fourier' needs constant coefficients. Write scheme='compatible'.")
        symbol = kernel.symbol(modulus(request.grid), n)
        bounded = claims & {"bounded_generator", "hilbert_schmidt"}
        return _multiplier_operator(request, symbol, bounded, f"scheme: fourier symbol of {kernel!r}")
    return _compatible(kernel, request, +1.0, claims, images=A.images, coefficient=A.coefficient, mean=A.mean)


def _fractional(A: Any, request: _Request) -> Operator:
    grid = request.grid
    claims = structural_claims(request.exterior, +1)
    if request.scheme == "fourier":
        return _multiplier_operator(request, power(modulus(grid), 2.0 * A.s), frozenset(), "scheme: fourier, |k|^{2s}")
    if request.scheme == "compatible":
        return _compatible(Fractional(s=A.s), request, -1.0, claims, images=grid.periodic)
    note = "scheme: lattice power of the discrete Laplacian"
    if grid.periodic:
        return lattice_power_operator(A.s, grid, claims, note)
    pad = collar_pad(request.exterior, math.inf, grid)
    reach = tuple(nodes - 1 + p for nodes, p in zip(grid.shape, pad, strict=True))
    if request.scheme == "sinc":
        weights, note = sinc_weights(A.s, grid.spacing, reach), "scheme: sinc, |xi|^{2s} of band-limited functions"
        claims = frozenset({"linear", "self_adjoint", "adjoint", "positive_semidefinite", "energy_decay"})
    else:
        weights = lattice_weights(A.s, grid.spacing, reach)
    plain = nonlocal_operator(
        weights, grid, request.exterior, scale=-1.0, claims=claims, engine=request.engine, notes=(note,)
    )
    if request.scheme != "corrected":
        return plain
    cap = EVOLUTION_CAP if request.evolution else math.inf
    return corrected(plain, A.s, cap=cap, strict=not request.automatic)


def _spectral(A: Any, request: _Request) -> Operator:
    if request.grid.periodic:
        return _fractional(FractionalLaplacian(A.s), request)
    if request.engine not in ("auto", "fft"):
        raise ValueError(f"engine={request.engine!r}: SpectralFractionalLaplacian is applied by fast transforms only.")
    return spectral_power_operator(
        A.s, request.grid, request.exterior, "fourier" if request.scheme == "fourier" else "lattice"
    )


def _laplacian(A: Any, request: _Request) -> Operator:
    grid = request.grid
    claims = structural_claims(request.exterior, -1)
    if request.scheme == "fourier":
        return _multiplier_operator(request, -(modulus(grid) ** 2), frozenset(), "scheme: fourier, -|k|^2")
    octant = np.zeros((2,) * grid.dimension)
    for axis, h in enumerate(grid.spacing):
        octant[tuple(int(axis == a) for a in range(grid.dimension))] = h**-2
    rate = 2.0 * sum(h**-2 for h in grid.spacing)
    weights = LatticeWeights(octant, rate, (1,) * grid.dimension)
    note = f"scheme: lattice, {2 * grid.dimension + 1}-point difference"
    return nonlocal_operator(
        weights, grid, request.exterior, scale=1.0, claims=claims, engine=request.engine, notes=(note,)
    )


def _multiplier(A: Any, request: _Request) -> Operator:
    k = np.broadcast_arrays(*wavenumbers(request.grid))
    values = A.symbol(*k)
    if is_numpy(values) or isinstance(values, (int, float, complex)):
        values = hermitian_symbol(np.broadcast_to(np.asarray(values), k[0].shape), A.symbol, k, request.grid)
    return _multiplier_operator(request, values, frozenset(), "scheme: fourier multiplier")


def _multiplier_operator(request: _Request, symbol: Array, extra: frozenset[str], note: str) -> Operator:
    claims = {"linear", "adjoint", "translation_invariant"} | extra
    values = np.asarray(symbol) if is_numpy(symbol) else None
    if values is None or not np.iscomplexobj(values):
        claims.add("self_adjoint")
    if values is not None and values.flat[0] == 0:
        claims |= {"kills_constants", "conserves_mass"}
    if values is not None and not np.iscomplexobj(values):
        signs = {int(s) for s in np.unique(np.sign(values)) if s}
        if len(signs) == 1:
            claims |= {"energy_decay"} | ({"variance_decay"} if values.flat[0] == 0 else set())
            claims.add("negative_semidefinite" if signs == {-1} else "positive_semidefinite")
    return FourierMultiplier(request.grid, symbol, frozenset(claims), (note, "engine: fft"))


def _compatible(
    kernel: Kernel,
    request: _Request,
    sign: float,
    claims: frozenset[str],
    *,
    images: bool = False,
    coefficient: Callable[..., Array] | None = None,
    mean: Any = "geometric",
) -> Operator:
    grid, exterior = request.grid, request.exterior
    notes = (f"scheme: compatible weights of {kernel!r}",)
    half = min(nodes * h for nodes, h in zip(grid.shape, grid.spacing, strict=True)) / 2
    if grid.periodic and kernel.horizon > half * (1 + 1e-12):
        if not images:
            raise ValueError(
                f"{kernel!r} on a torus: its horizon {kernel.horizon:g} exceeds half a period, {half:g}, "
                "so it meets its own periodic images. Write NonlocalDiffusion(kernel, images=True) to sum them, "
                "or take a smaller horizon."
            )
        if request.engine == "stencil":
            raise ValueError("engine='stencil' with images=True: every node meets every other. Write engine='fft'.")
        return image_sum_operator(kernel, grid, sign, claims, notes, coefficient, mean)
    if grid.periodic:
        reach = tuple(math.ceil(kernel.horizon / h) + 1 for h in grid.spacing)
    else:
        pad = collar_pad(exterior, kernel.horizon, grid)
        reach = tuple(nodes - 1 + p for nodes, p in zip(grid.shape, pad, strict=True))
        if coefficient is not None and math.isfinite(kernel.horizon) and kills(exterior):
            reach = tuple(math.ceil(kernel.horizon / h) + 1 for h in grid.spacing)
    weights = compatible_weights(kernel, grid.spacing, reach)
    return nonlocal_operator(
        weights,
        grid,
        exterior,
        scale=sign,
        claims=claims,
        engine=request.engine,
        coefficient=coefficient,
        mean=mean,
        notes=notes,
    )


def _two_point(A: NonlocalDiffusion, kernel: TwoPoint, request: _Request) -> Operator:
    if request.scheme not in ("auto", "plain"):
        raise ValueError(f"scheme={request.scheme!r}: a TwoPoint kernel has only scheme='plain'. Leave scheme out.")
    if A.coefficient is not None:
        raise ValueError("coefficient= with a TwoPoint kernel: put it into omega(x, y) itself.")
    return two_point_operator(kernel, request.grid, request.exterior, request.engine)


def _checked_exterior(exterior: Exterior | None, grid: Grid) -> Exterior:
    if grid.periodic:
        if exterior is None or isinstance(exterior, Periodic):
            return Periodic()
        raise ValueError(f"exterior={exterior!r} on a torus: a torus has no exterior. Leave exterior out.")
    if exterior is None or isinstance(exterior, Periodic):
        kind = type(grid.domain).__name__
        raise ValueError(
            f"exterior={exterior!r} on {kind}: a nonlocal operator needs to know v outside the domain. "
            "Write exterior=Zero(), Value(g) or Reflecting(); for a periodic box use Torus."
        )
    if not isinstance(exterior, Exterior):
        raise TypeError(f"exterior={exterior!r}: write Zero(), Value(g) or Reflecting().")
    return exterior


def _checked_scheme(A: ContinuumOperator, request: _Request) -> str:
    known, scheme = _SCHEMES[type(A)], request.scheme
    if scheme == "auto" and isinstance(A, Advection):
        scheme = A.scheme
    if scheme == "auto":
        zero_exterior = isinstance(A, FractionalLaplacian) and isinstance(request.exterior, Zero)
        return "corrected" if zero_exterior else known[0]
    if scheme not in known:
        near = difflib.get_close_matches(str(scheme), known, 1)
        hint = f"Did you mean {near[0]!r}? " if near else ""
        raise ValueError(f"scheme={scheme!r}: {hint}{type(A).__name__} on a grid has {', '.join(map(repr, known))}.")
    if scheme == "fourier" and not request.grid.periodic and not isinstance(A, SpectralFractionalLaplacian):
        kind = type(request.grid.domain).__name__
        raise ValueError(f"scheme='fourier' needs a torus, not {kind}. Write scheme={known[0]!r}.")
    if scheme == "sinc" and (request.grid.periodic or not kills(request.exterior)):
        raise ValueError(
            "scheme='sinc' is for functions on R^n that decay, with exterior=Zero() or Value(g). "
            "On a torus write scheme='fourier', with Reflecting() scheme='lattice'."
        )
    if scheme == "corrected" and not isinstance(request.exterior, Zero):
        raise ValueError(
            f"scheme='corrected' with exterior={request.exterior!r}: the boundary correction is for exterior=Zero(). "
            "Write scheme='lattice'."
        )
    return scheme


_TABLE: dict[type, Callable[[Any, _Request], Operator]] = {
    NonlocalDiffusion: _nonlocal_diffusion,
    FractionalLaplacian: _fractional,
    SpectralFractionalLaplacian: _spectral,
    Laplacian: _laplacian,
    Multiplier: _multiplier,
    VariableOrderLaplacian: lambda A, request: variable_order_operator(A, request.grid, request.exterior),
    Advection: lambda A, request: advection_operator(A, request.grid, request.exterior, request.scheme),
}

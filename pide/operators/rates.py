"""From lattice weights to the discrete operator: engine, degree, killing and exterior data."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pide.arrays import Array, is_numpy, like, namespace, to_host
from pide.continuum.exterior import Exterior, Value, Zero
from pide.operators.nonlocal_operator import NonlocalOperator
from pide.operators.stencil import StencilConvolution
from pide.operators.toeplitz import FourierConvolution, circulant, toeplitz
from pide.quadrature.weights import LatticeWeights
from pide.spaces.grid import Grid

__all__ = ["ENGINES", "collar_pad", "convolution", "nonlocal_operator", "positive_coefficient"]

ENGINES = ("auto", "fft", "stencil")

_STENCIL_NEIGHBOURS = {1: 4, 2: 6, 3: 8}
"""Up to this many neighbours "auto" takes the stencil: its difference form does not cancel.

It costs between 0.2 and 1.6 times the FFT, most on large boxes (exploratory runs, float64, NumPy: 4096 and 2^18 nodes,
128^2, 512^2, 48^3, 96^3).
"""


def nonlocal_operator(
    weights: LatticeWeights,
    grid: Grid,
    exterior: Exterior,
    *,
    scale: float,
    claims: frozenset[str],
    engine: str = "auto",
    coefficient: Callable[..., Array] | None = None,
    mean: Literal["geometric", "arithmetic"] = "geometric",
    notes: tuple[str, ...] = (),
) -> NonlocalOperator:
    """Operator c L on a grid from the rates of its lattice offsets.

    Parameters
    ----------
    weights : LatticeWeights
        Offsets up to N_a - 1, and beyond that by `collar_pad` for `Value` data.
    scale : float
        c, +1 or -1.
    coefficient : callable or None
        a(*x) > 0, evaluated also on the collar of exterior conditions.

    Raises
    ------
    ValueError
        When the coefficient is not positive or its collar is infinite.
    """
    K = convolution(weights, grid, engine)
    a = None if coefficient is None else positive_coefficient(coefficient, grid.coordinates, grid.inside)
    operator = NonlocalOperator(
        space=grid,
        weights=weights,
        convolution=K,
        exterior=exterior,
        killing=np.zeros(grid.shape),
        scale=scale,
        claims=claims,
        coefficient=a,
        mean=mean,
        notes=(*notes, f"engine: {K.engine}", *weights.notes),
    )
    if not isinstance(exterior, (Zero, Value)):
        return operator
    if coefficient is None:
        killing = _killing(weights, grid, operator)
    else:
        killing = _collar_sum(weights, grid, exterior, coefficient, mean, None)
        killing = np.where(_reaches_exterior(weights, grid), np.maximum(killing, 0.0), 0.0)
    load = None
    if isinstance(exterior, Value):
        load = scale * _collar_sum(weights, grid, exterior, coefficient, mean, exterior.g)
    return replace(operator, killing=killing, load=load)


def convolution(weights: LatticeWeights, grid: Grid, engine: str) -> FourierConvolution | StencilConvolution:
    """The fast apply: a stencil for few neighbours, else the FFT; `engine` "fft" or "stencil" decides by name."""
    octant = weights.octant
    wraps = grid.periodic and any(2 * (j - 1) >= n for j, n in zip(octant.shape, grid.shape, strict=True))
    if engine == "stencil" and wraps:
        raise ValueError("engine='stencil': the stencil is wider than the torus. Write engine='fft'.")
    if engine != "fft" and not wraps:
        stencil = StencilConvolution(octant[tuple(slice(0, n) for n in grid.shape)], grid.shape, grid.periodic)
        if engine == "stencil" or stencil.neighbours <= _STENCIL_NEIGHBOURS[grid.dimension]:
            return stencil
    return circulant(octant, grid.shape) if grid.periodic else toeplitz(octant, grid.shape)


def collar_pad(exterior: Exterior, horizon: float, grid: Grid) -> tuple[int, ...]:
    """Nodes per side on which `Value` data are needed: the support of the weights, or the stated extent.

    Raises
    ------
    ValueError
        For data without extent and a kernel of infinite horizon.
    """
    if not isinstance(exterior, Value):
        return (0,) * grid.dimension
    reach = horizon if exterior.extent is None else min(horizon, exterior.extent)
    if math.isinf(reach):
        raise ValueError(
            "Value(g) with a kernel of infinite horizon: g is needed on all of the exterior. "
            "Write Value(g, extent=R) to take g as 0 farther than R from the bounding box."
        )
    return tuple(math.ceil(reach / h) + 1 for h in grid.spacing)


def _killing(weights: LatticeWeights, grid: Grid, operator: NonlocalOperator) -> Array:
    """kappa = rate - d, exactly 0 at nodes from which no weight reaches the exterior."""
    if not is_numpy(weights.octant):
        xp = namespace(weights.octant)
        inside = like(grid.inside.astype(np.float64), weights.octant)
        kappa = (weights.rate - operator.convolution(inside)) * inside
        return xp.where(kappa > 0, kappa, xp.zeros_like(kappa))
    kappa = np.maximum(float(weights.rate) - operator.degree, 0.0) * grid.inside
    return np.where(_reaches_exterior(weights, grid), kappa, 0.0)


def _reaches_exterior(weights: LatticeWeights, grid: Grid) -> NDArray[np.bool_]:
    """Nodes with a positive weight to some node outside the domain, counted exactly by an integer convolution."""
    octant = to_host(weights.octant)
    if weights.support is None or any(e - 1 < s for e, s in zip(octant.shape, weights.support, strict=True)):
        return grid.inside
    pad = tuple(extent - 1 for extent in octant.shape)
    outside = np.pad(~grid.inside, [(p, p) for p in pad], constant_values=True)
    count = toeplitz((octant > 0).astype(np.float64), outside.shape)(outside.astype(np.float64))
    return np.asarray((_crop(count, pad, grid) > 0.5) & grid.inside)


def _collar_sum(
    weights: LatticeWeights,
    grid: Grid,
    exterior: Exterior,
    coefficient: Callable[..., Array] | None,
    mean: str,
    g: Callable[..., Array] | None,
) -> Array:
    """sum over exterior nodes j of w_ij m_j g_j at the inside nodes i; g = 1 when None."""
    finite = weights.support is not None
    if not finite and not (isinstance(exterior, Value) and g is not None):
        raise ValueError(
            "a variable coefficient with an exterior condition needs a kernel of finite horizon: "
            "give the kernel a horizon, or write exterior=Reflecting()."
        )
    extent = (e - 1 for e in weights.octant.shape)
    pad = tuple(extent) if finite else collar_pad(exterior, math.inf, grid)
    x = grid.extended(pad)
    outside = ~np.pad(grid.inside, [(p, p) for p in pad])
    data = outside.astype(np.float64) if g is None else _exterior_values(g, x, outside)
    K = toeplitz(weights.octant, outside.shape)
    f = data if is_numpy(weights.octant) else like(data, weights.octant)
    if coefficient is None:
        total = K(f)
    else:
        a = positive_coefficient(coefficient, x, np.ones_like(outside))
        total = np.sqrt(a) * K(np.sqrt(a) * f) if mean == "geometric" else 0.5 * (a * K(f) + K(a * f))
    mask = grid.inside if is_numpy(total) else like(grid.inside.astype(np.float64), total)
    return _crop(total, pad, grid) * mask


def _exterior_values(
    g: Callable[..., Array], x: tuple[NDArray[np.float64], ...], outside: NDArray[np.bool_]
) -> NDArray[np.float64]:
    values = np.broadcast_to(np.asarray(g(*x), dtype=np.float64), outside.shape)
    bad = int(np.count_nonzero(~np.isfinite(values) & outside))
    if bad:
        raise ValueError(f"Value(g): g is NaN or infinite at {bad} exterior nodes. Define g on the whole collar.")
    return np.where(outside, values, 0.0)


def positive_coefficient(
    coefficient: Callable[..., Array], x: tuple[NDArray[np.float64], ...], where: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """a(x) at lattice nodes, checked to be positive and finite on `where`, 0 elsewhere."""
    values: Any = np.broadcast_to(np.asarray(coefficient(*x), dtype=np.float64), where.shape)
    bad = int(np.count_nonzero(~((values > 0) & np.isfinite(values)) & where))
    if bad:
        raise ValueError(
            f"coefficient: a(x) is not positive and finite at {bad} nodes, but a diffusion needs a > 0. "
            "Add a positive floor, for example lambda x: 1e-6 + a(x)."
        )
    return np.asarray(np.where(where, values, 0.0))


def _crop(extended: Array, pad: tuple[int, ...], grid: Grid) -> Array:
    return extended[tuple(slice(p, p + n) for p, n in zip(pad, grid.shape, strict=True))]

"""Operators on the torus by their symbols: image sums of radial kernels, lattice powers, and checks of multipliers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from pide.arrays import Array, as_float, like, namespace, to_host
from pide.continuum.exterior import Periodic
from pide.continuum.kernels import Kernel
from pide.operators.fourier import wavenumbers
from pide.operators.nonlocal_operator import NonlocalOperator
from pide.operators.rates import positive_coefficient
from pide.operators.toeplitz import FourierConvolution, circulant
from pide.quadrature.compatible import compatible_weights
from pide.spaces.grid import Grid

__all__ = ["hermitian_symbol", "image_sum_operator", "lattice_power_operator", "modulus", "power"]

_IMAGE_CELLS = {1: 1 << 16, 2: 1 << 9, 3: 40}
"""Largest reach, in nodes, of an explicit image sum (at least one period); what lies beyond is the stated tail."""


def image_sum_operator(
    kernel: Kernel,
    grid: Grid,
    scale: float,
    claims: frozenset[str],
    notes: tuple[str, ...],
    coefficient: Callable[..., Array] | None = None,
    mean: Literal["geometric", "arithmetic"] = "geometric",
) -> NonlocalOperator:
    """Compatible weights summed over all periodic images; the tail beyond the explicit sum is spread over the period.

    Parameters
    ----------
    kernel : Kernel
    grid : Grid on a torus
    scale : float
        c, +1 or -1.

    Notes
    -----
    The tail is stated in the notes of the operator. For a power-law kernel r^{-n-2s} summed to radius R, the error of
    spreading it is O((L/R)^2) of the tail, by the Euler-Maclaurin formula, L the period.
    """
    radius = _image_radius(kernel, grid)
    reach = tuple(max(1, math.ceil(radius / h)) for h in grid.spacing)
    weights = compatible_weights(kernel, grid.spacing, reach)
    K = circulant(weights.octant, grid.shape)
    tail = as_float(weights.rate) - as_float(_even_sum(weights.octant))
    if tail > 0.0:
        spike = np.zeros(K.spectrum.shape)
        spike.flat[0] = tail
        K = FourierConvolution(K.shape, K.padded, K.spectrum + like(spike, K.spectrum))
        notes = (*notes, f"images: summed to r = {radius:.3g}; the rate {tail:.2e} beyond is spread over the period")
    a = None if coefficient is None else positive_coefficient(coefficient, grid.coordinates, grid.inside)
    return NonlocalOperator(
        space=grid,
        weights=None,
        convolution=K,
        exterior=Periodic(),
        killing=np.zeros(grid.shape),
        scale=scale,
        claims=claims,
        coefficient=a,
        mean=mean,
        notes=(*notes, f"engine: {K.engine}"),
    )


def _image_radius(kernel: Kernel, grid: Grid) -> float:
    """Radius of the explicit image sum: the horizon, or where the tail is below roundoff, or the largest allowed."""
    n = grid.dimension
    largest = max(
        _IMAGE_CELLS[n] * min(grid.spacing), max(N * h for N, h in zip(grid.shape, grid.spacing, strict=True))
    )
    if kernel.horizon <= largest:
        return kernel.horizon
    radii = np.geomspace(min(grid.spacing), largest, 200)
    tails = to_host(kernel.tail_mass(radii, n))
    negligible = radii[tails <= np.finfo(np.float64).eps * tails[0]]
    return float(negligible[0]) if negligible.size else largest


def _even_sum(octant: Array) -> Array:
    """Sum over all sign combinations of the offsets listed in an octant."""
    total = octant
    for _ in range(octant.ndim):
        total = 2.0 * total.sum(axis=0) - total[0]
    return total


def lattice_power_operator(s: Any, grid: Grid, claims: frozenset[str], note: str) -> NonlocalOperator:
    """(sum_a 4 sin^2(k_a h_a / 2) / h_a^2)^s on the torus, by its exact symbol."""
    squares = (4 * np.sin(k * h / 2) ** 2 / h**2 for k, h in zip(wavenumbers(grid), grid.spacing, strict=True))
    symbol = power(np.asarray(sum(squares)), s)
    K = FourierConvolution(grid.shape, grid.shape, _full_mean(symbol, grid) - symbol)
    return NonlocalOperator(
        space=grid,
        weights=None,
        convolution=K,
        exterior=Periodic(),
        killing=np.zeros(grid.shape),
        scale=-1.0,
        claims=claims,
        notes=(note, f"engine: {K.engine}"),
        torus_symbol=symbol,
    )


def _full_mean(symbol: Array, grid: Grid) -> Array:
    """Mean over all wavenumbers of a symbol in the rfftn layout."""
    count = grid.shape[-1]
    multiplicity = np.full(count // 2 + 1, 2.0)
    multiplicity[0] = 1.0
    if count % 2 == 0:
        multiplicity[-1] = 1.0
    return namespace(symbol).sum(symbol * like(multiplicity, symbol)) / grid.size


def power(base: np.ndarray[Any, Any], exponent: Any) -> Array:
    """base^exponent with 0 at base 0, differentiable in a torch exponent."""
    if isinstance(exponent, (int, float)):
        return np.where(base > 0, np.where(base > 0, base, 1.0) ** exponent, 0.0)
    xp = namespace(exponent)
    positive = like(np.where(base > 0, base, 1.0), exponent)
    mask = like((base > 0).astype(np.float64), exponent)
    return mask * xp.exp(exponent * xp.log(positive))


def modulus(grid: Grid) -> np.ndarray[Any, Any]:
    """|k| in the rfftn layout."""
    return np.asarray(np.sqrt(sum(k**2 for k in wavenumbers(grid))))


def hermitian_symbol(values: np.ndarray[Any, Any], m: Callable[..., Array], k: Any, grid: Grid) -> np.ndarray[Any, Any]:
    """The symbol, checked to keep real fields real, with the mean of m(k), m(-k) at Nyquist wavenumbers."""
    if not np.isfinite(values).all():
        raise ValueError("Multiplier: m(k) is NaN or infinite at a resolved wavenumber. Define it at k = 0 too.")
    mirrored = np.broadcast_to(np.asarray(m(*(-c for c in k))), values.shape)
    if not np.allclose(mirrored, np.conj(values), rtol=1e-12, atol=1e-12 * float(np.abs(values).max())):
        raise ValueError(
            "Multiplier: m(-k) is not conj(m(k)), so real fields would become complex. Symmetrise m; where phases are "
            "large, write k * k * k for k**3, which rounds alike at k and -k."
        )
    nyquist = np.zeros(values.shape, dtype=bool)
    for c, count, h in zip(k, grid.shape, grid.spacing, strict=True):
        if count % 2 == 0:
            nyquist |= np.abs(np.abs(c) - math.pi / h) < 1e-9 / h
    fixed = np.where(nyquist, np.real(values), values)
    return np.real(fixed) if not np.iscomplexobj(values) else fixed

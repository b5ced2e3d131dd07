"""Boundary-defect correction of the lattice fractional Laplacian with zero exterior.

Solutions behave like d^s times smooth near the boundary, d the distance to it, and the lattice sees the boundary as a
staircase. A diagonal D is added so that the discrete operator maps a boundary profile phi ~ d^s to the smooth function
that the continuum operator maps it to: D = -(A_h phi - S) / phi, S the smooth extension of A_h phi from inside.
`docs/explanation/boundary` derives it and gives the measured orders.

Symbols: d distance, R radius of curvature, T width of the layer in units of h, S smooth image, K_0 lattice rate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label

from pide.arrays import Array, as_float, is_numpy, like, namespace, to_host
from pide.operators.distance import (
    boundary_curvature,
    deviation_from_distance,
    neighbourhood,
    signed_distance_with_margin,
)
from pide.operators.halfline import halfline_defect, power
from pide.operators.nonlocal_operator import NonlocalOperator
from pide.operators.toeplitz import toeplitz
from pide.spaces.grid import Grid

__all__ = ["EVOLUTION_CAP", "corrected"]

Field = NDArray[np.float64]

_LAYER = 0.85
"""T = _LAYER (rho / h)^{1/2}, rho the smaller of the inradius and the least radius of curvature: the defect left beyond
the layer, of order h T^-s, is balanced against its decoherence by curvature at depth (2 R / h)^{1/2}."""

_WINDOW = 3.5
"""The image is fitted at depths between T h and _WINDOW T h."""

_SLOPE = 0.2
"""Largest deviation of |grad d| from 1 near the boundary that still counts as a distance."""

EVOLUTION_CAP = 2.0
"""Cap of D / K_0 for time-dependent problems: measured within 2.5 of the plain spectral radius."""


def corrected(A: NonlocalOperator, s: Any, *, cap: float = math.inf, strict: bool = True) -> NonlocalOperator:
    """A + D, symmetric and exact on the boundary profile.

    Parameters
    ----------
    A : NonlocalOperator
        Plain restriction of the lattice (-Delta)^s, scale -1, exterior zero.
    s : float or 0-d array
        The order; D is differentiable in a torch s.
    cap : float
        D <= cap * K_0. Nodes much closer to the boundary than h get a huge D, which costs steady solves nothing but
        makes evolutions stiff: these use `EVOLUTION_CAP`.
    strict : bool
        Raise where no correction applies; otherwise return A with a note that says why.

    Notes
    -----
    Cost: one apply and, for n > 1, five convolutions with a Gaussian. D enters the killing rate; where kappa + D < 0
    the claims that rest on nonnegative rates are dropped and a note says so. One dimension: the exact half-line defect
    is subtracted down to a quarter of every interval; observed order 1 + s on the torsion function. n > 1: the table
    in docs/explanation/boundary. Nodes within the layer of a corner keep the plain restriction, and a note counts them.

    Raises
    ------
    ValueError
        When `strict`: a domain without exact distance (masks), thinner than 4 h, or whose function is not a distance
        near the boundary; spacings that differ between the axes for n > 1.
    """
    grid = A.space
    signed = signed_distance_with_margin(grid)
    d = np.where(grid.inside, -signed[(slice(1, -1),) * grid.dimension], 0.0)
    obstacle = _obstacle(grid, signed, d)
    if obstacle and strict:
        raise ValueError(f"{grid!r}: {obstacle}, or write scheme='lattice' for the plain restriction.")
    if obstacle:
        return replace(A, notes=(*A.notes, f"boundary: plain restriction, first order at best: {obstacle}"))
    if grid.dimension == 1:
        D, note = _halfline_correction(s, d, grid), "half-line defect to a quarter of the interval"
    else:
        D, note = _layer_correction(A, s, _Layer.of(grid, signed, d))
    if math.isfinite(cap):
        xp = namespace(D)
        D, note = xp.minimum(D, xp.ones_like(D) * (cap * as_float(_rate(A)))), f"{note}, D at most {cap:g} K_0"
    return _with_killing(A, D, note)


def _obstacle(grid: Grid, signed: Field, d: Field) -> str:
    """Why no correction applies, with the remedy; empty when it does."""
    kind, h = type(grid.domain).__name__, max(grid.spacing)
    slope = deviation_from_distance(signed, grid)
    if slope > _SLOPE:
        return (
            f"|grad d| differs from 1 by {slope:.2f} near the boundary, so the function of this {kind} is not a signed "
            "distance. Give a true distance, for example f / |grad f|"
        )
    if not grid.domain.exact_distance:
        return f"this {kind} has no exact distance to its boundary. Describe the domain by a SignedDistance"
    if d.max() < 2 * h:
        return f"the domain is thinner than 4 h (inradius {d.max():.3g}, h = {h:.3g}). Take a smaller spacing"
    if grid.dimension > 1 and max(grid.spacing) > min(grid.spacing) * (1 + 1e-12):
        return "the spacings of the axes differ. Write grid(spacing=h) with one number"
    return ""


def _rate(A: NonlocalOperator) -> Array:
    assert A.weights is not None
    return A.weights.rate


def _with_killing(A: NonlocalOperator, D: Array, note: str) -> NonlocalOperator:
    total = A.killing + D
    claims, notes = A.claims, (*A.notes, f"boundary: corrected, {note}")
    lowest = float(to_host(total).min())
    if lowest < 0:
        claims = claims - {"nonnegative_rates", "maximum_principle", "sub_markov"}
        notes = (*notes, f"boundary: kappa + D reaches {lowest:.2e} < 0, so no maximum principle is claimed")
    return replace(A, killing=total, claims=claims, notes=notes)


def _halfline_correction(s: Any, d: Field, grid: Grid) -> Array:
    """-h^{-2s} g(j) / (d/h)^s from both ends of every interval, each to a quarter of its nodes."""
    (h,) = grid.spacing
    components, count = label(grid.inside)
    D: Any = 0.0
    for k in range(1, count + 1):
        (nodes,) = np.nonzero(components == k)
        depth = max(1, nodes.size // 4)
        for end in (nodes[:depth], nodes[::-1][:depth]):
            first = float(d[end[0]]) / h
            g = halfline_defect(s, first, depth)
            values = -(h ** (-2 * s)) * g / power(like(first + np.arange(depth), g), s)
            D = D + _scattered(values, end, grid.shape[0])
    return D


def _scattered(values: Array, nodes: NDArray[np.int64], size: int) -> Array:
    """Field with the values at the given nodes and zeros elsewhere."""
    source = np.full(size, len(nodes), dtype=np.int64)
    source[nodes] = np.arange(len(nodes))
    xp = namespace(values)
    return xp.take(xp.concat([values, values[:1] * 0.0]), like(source, values), axis=0)


@dataclass(frozen=True, eq=False)
class _Layer:
    """Geometry of the correction: nodes of the layer and of the window, the profile's base, and T."""

    grid: Grid
    T: float
    base: Field
    depth: Field
    band: NDArray[np.bool_]
    window: NDArray[np.bool_]

    @classmethod
    def of(cls, grid: Grid, signed: Field, d: Field) -> _Layer:
        h = grid.spacing[0]
        curvature, kinks = boundary_curvature(signed, d, grid)
        edge = grid.inside & (d < 1.5 * h) & ~kinks
        sharpest = float(np.quantile(np.abs(curvature[edge]), 0.98)) if edge.any() else 0.0
        rho = min(float(d.max()), 1.0 / sharpest if sharpest > 0 else math.inf)
        T = max(1.0, min(_LAYER * math.sqrt(rho / h), float(d.max()) / (_WINDOW * h)))
        base = d * (1.0 - 0.5 * np.minimum(curvature * d, 1.0))
        near_kink = neighbourhood(kinks & (d < _WINDOW * T * h), T)
        band = grid.inside & (d < T * h) & ~near_kink & (base > 0)
        window = grid.inside & (d >= T * h) & (d <= _WINDOW * T * h) & ~near_kink
        return cls(grid, T, base, d / (_WINDOW * T * h), band, window)


def _layer_correction(A: NonlocalOperator, s: Any, layer: _Layer) -> tuple[Array, str]:
    """D in the layer from the image of phi = (d - d^2 / (2 R))^s_+, fitted over the window and extended outwards."""
    octant = A.weights.octant if A.weights is not None else layer.base
    phi = _profile(layer.base, s, octant)
    G = A.apply(phi)
    S, known = _extended_image(G, layer)
    band = layer.band & known
    mask = band if is_numpy(G) else like(band, G)
    xp = namespace(G)
    D = xp.where(mask, -(G - S) / xp.where(mask, phi, xp.ones_like(phi)), xp.zeros_like(G))
    bare = int(np.count_nonzero(layer.grid.inside & (layer.depth * _WINDOW < 1.0) & ~band))
    note = f"layer of {layer.T:.1f} h"
    return D, note if not bare else f"{note}; {bare} nodes near corners or in narrow parts keep the plain restriction"


def _profile(base: Field, s: Any, octant: Array) -> Array:
    """base^s, 0 where the base is 0, differentiable in s."""
    positive = like(np.where(base > 0, base, 1.0), octant)
    return power(positive, s) * like((base > 0).astype(np.float64), octant)


def _extended_image(G: Array, layer: _Layer) -> tuple[Array, NDArray[np.bool_]]:
    """Lines in depth fitted to G over the window with Gaussian weights of T nodes; where the fit is determined."""
    width, n = layer.T, layer.grid.dimension
    radius = tuple(min(nodes, math.ceil(5 * width) + 1) for nodes in layer.grid.shape)
    octant = np.ones(())
    for extent in radius:
        octant = np.multiply.outer(octant, np.exp(-0.5 * (np.arange(extent) / width) ** 2))
    average = toeplitz(octant / (math.sqrt(2 * math.pi) * width) ** n, layer.grid.shape)
    w, t = layer.window.astype(np.float64), layer.depth
    w0, w1, w2 = average(w), average(w * t), average(w * t**2)
    known = w0 > 1e-3
    w0 = np.where(known, w0, 1.0)
    mean = w1 / w0
    spread = w2 / w0 - mean**2
    known &= spread > 1e-4
    spread = np.where(known, spread, 1.0)
    weights, slopes = (like(f, G) for f in (w, w * t))
    level = average(weights * G) / like(w0, G)
    slope = (average(slopes * G) / like(w0, G) - like(mean, G) * level) / like(spread, G)
    return level + like(t - mean, G) * slope, known

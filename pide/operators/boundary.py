"""Boundary-defect correction of the lattice fractional Laplacian with zero exterior.

Solutions behave like d^s times smooth near the boundary, d the distance to it, and the lattice sees the boundary as a
staircase. A diagonal D is added so that the discrete operator maps a boundary profile phi ~ d^s to the smooth function
that the continuum operator maps it to: D = -(A_h phi - S) / phi, S the smooth extension of A_h phi from inside.
`docs/explanation/boundary` derives it and gives the measured orders.

Symbols: d distance, R radius of curvature, T band width in units of h, S smooth image.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, gaussian_filter, label

from pide.operators.nonlocal_operator import NonlocalOperator
from pide.quadrature.halfspace import halfline_defect
from pide.spaces.grid import Grid

__all__ = ["EVOLUTION_CAP", "corrected", "profile_curvature"]

Field = NDArray[np.float64]

_BAND = 0.85
"""T = _BAND (rho / h)^{1/2}, rho the smaller of the inradius and the least radius of curvature: the residual beyond the
band, of order h T^-s, is balanced against the decoherence of the defect by curvature at depth (2 R / h)^{1/2}."""

_WINDOW = 3.5
"""The image is fitted at depths between T h and _WINDOW T h."""

_KINK = 0.4
"""Level sets that bend more than this over h belong to a corner or to the medial axis."""

EVOLUTION_CAP = 2.0
"""Cap of D for time-dependent problems: the spectral radius stays within 2.5 of the plain one."""

_SLOPE = 0.2
"""Largest deviation of |grad d| from 1, in the root mean square over the boundary layer, of a distance function."""


def corrected(A: NonlocalOperator, s: float, cap: float = math.inf) -> NonlocalOperator:
    """A + D, symmetric, exact on the boundary profile; A itself with a note where no correction applies.

    Parameters
    ----------
    A : NonlocalOperator
        Plain restriction of the lattice (-Delta)^s, scale -1, exterior zero.
    s : float
    cap : float
        D <= cap * K_0, K_0 the rate of the lattice operator. Nodes much closer to the boundary than h get a huge D,
        which costs steady solves nothing but makes evolutions stiff: these use `EVOLUTION_CAP`.

    Notes
    -----
    Cost: one apply, and in n > 1 six Gaussian filters of width T. D enters the killing rate; where kappa + D < 0 the
    claims that rest on nonnegative rates are dropped and a note says so. One dimension: the exact half-line defect is
    subtracted down to a quarter of the interval; observed order 1 + s on the torsion function. n > 1: see the table in
    docs/explanation/boundary. Not corrected: masks, whose distance is not exact, and nodes within the band of corners.

    Raises
    ------
    ValueError
        When the domain is thinner than 4 h, or its signed distance is not a distance near the boundary.
    """
    grid = A.space
    if not grid.domain.exact_distance:
        return _noted(A, "boundary: plain restriction, first order at best: the domain has no exact distance function")
    signed = np.asarray(grid.domain.signed_distance(*grid.extended((1,) * grid.dimension)))
    core = (slice(1, -1),) * grid.dimension
    d = np.where(grid.inside, -signed[core], 0.0)
    _check_distance(signed, grid)
    h = max(grid.spacing)
    if d.max() < 2 * h:
        raise ValueError(
            f"{grid!r}: the domain is thinner than 4 h (its inradius is {d.max():.3g}, h = {h:.3g}), too thin for the "
            "boundary correction. Take a smaller spacing, or write scheme='lattice' for the plain restriction."
        )
    if grid.dimension == 1:
        D, note = _halfline_correction(s, d, grid), "half-line defect to a quarter of the interval"
    elif len(set(grid.spacing)) > 1:
        return _noted(A, "boundary: plain restriction, first order at best: the spacings of the axes differ")
    else:
        D, note = _layer_correction(A, s, d, signed, grid)
    if math.isfinite(cap):
        D = np.minimum(D, cap * float(A.weights.rate)) if A.weights is not None else D
        note = f"{note}, D capped at {cap:g} K_0"
    return _with_killing(A, D, note)


def _with_killing(A: NonlocalOperator, D: Field, note: str) -> NonlocalOperator:
    total = np.asarray(A.killing) + D
    claims, notes = A.claims, (*A.notes, f"boundary: corrected, {note}")
    lowest = float(total.min())
    if lowest < 0:
        claims = claims - {"nonnegative_rates", "maximum_principle", "sub_markov"}
        notes = (*notes, f"boundary: kappa + D reaches {lowest:.2e} < 0, so no maximum principle is claimed")
    return replace(A, killing=total, claims=claims, notes=notes, _cache={})


def _noted(A: NonlocalOperator, note: str) -> NonlocalOperator:
    return replace(A, notes=(*A.notes, note), _cache={})


def _halfline_correction(s: float, d: Field, grid: Grid) -> Field:
    """-h^{-2s} g(j) / (d/h)^s from both ends of every interval, each to a quarter of its nodes."""
    (h,) = grid.spacing
    D = np.zeros(grid.shape)
    components, count = label(grid.inside)
    for k in range(1, count + 1):
        (nodes,) = np.nonzero(components == k)
        depth = max(1, nodes.size // 4)
        for end in (nodes[:depth], nodes[::-1][:depth]):
            first = d[end[0]] / h
            D[end] -= h ** (-2 * s) * halfline_defect(s, first, depth) / (first + np.arange(depth)) ** s
    return D


def _layer_correction(A: NonlocalOperator, s: float, d: Field, signed: Field, grid: Grid) -> tuple[Field, str]:
    """D in the band d < T h, from the image of phi = (d - d^2 / (2 R))^s_+ fitted at depths T h to 3.5 T h."""
    h = grid.spacing[0]
    curvature, kinks = profile_curvature(signed, d, grid)
    boundary = grid.inside & (d < 1.5 * h) & ~kinks
    sharpest = float(np.quantile(np.abs(curvature[boundary]), 0.98)) if boundary.any() else 0.0
    rho = min(float(d.max()), 1.0 / sharpest if sharpest > 0 else math.inf)
    T = min(_BAND * math.sqrt(rho / h), float(d.max()) / (_WINDOW * h))
    T = max(T, 1.0)
    phi = (d * (1.0 - 0.5 * np.minimum(curvature * d, 1.0))) ** s
    G = np.asarray(A.apply(phi))
    near_kink = _dilated(kinks & (d < _WINDOW * T * h), T)
    window = grid.inside & (d >= T * h) & (d <= _WINDOW * T * h) & ~near_kink
    band = grid.inside & (d < T * h) & ~near_kink & (phi > 0)
    S = _fit_in_depth(G, d / (_WINDOW * T * h), window, band, T)
    D = np.zeros(grid.shape)
    D[band] = -(G[band] - S) / phi[band]
    D[~np.isfinite(D)] = 0.0
    bare = int(np.count_nonzero(grid.inside & (d < T * h) & (D == 0.0)))
    note = f"layer of {T:.1f} h"
    return D, note if not bare else f"{note}; {bare} nodes near corners or in narrow parts keep the plain restriction"


def profile_curvature(signed: Field, d: Field, grid: Grid) -> tuple[Field, NDArray[np.bool_]]:
    """(1/R of the nearest boundary point, nodes where the distance has a kink).

    R is the mean radius of curvature, from the Laplacian (n - 1)/(R - d) of the signed distance; `signed` has one
    node of margin on each side.
    """
    h, n = grid.spacing[0], grid.dimension
    core = (slice(1, -1),) * n
    laplacian = np.zeros(grid.shape)
    for axis in range(n):
        ends = [list(core), list(core)]
        ends[0][axis], ends[1][axis] = slice(2, None), slice(0, -2)
        laplacian += (signed[tuple(ends[0])] + signed[tuple(ends[1])] - 2 * signed[core]) / h**2
    level = laplacian / (n - 1)
    kinks = grid.inside & (np.abs(level) * h > _KINK)
    level = np.clip(level, -_KINK / h, _KINK / h)
    return level / np.maximum(1.0 + level * d, 0.5), kinks


def _fit_in_depth(G: Field, t: Field, window: NDArray[np.bool_], band: NDArray[np.bool_], width: float) -> Field:
    """Value at the band nodes of the line in t fitted to G over the window, weighted by a Gaussian of `width` nodes."""

    def average(f: Field) -> Field:
        return np.asarray(gaussian_filter(f, width, mode="constant", truncate=3.5 + 1.5)[band])

    w = window.astype(np.float64)
    w0, w1, w2 = average(w), average(w * t), average(w * t**2)
    g0, g1 = average(w * G), average(w * G * t)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean, slope = w1 / w0, w2 / w0 - (w1 / w0) ** 2
        level = g0 / w0
        return np.asarray(level + (t[band] - mean) * (g1 / w0 - mean * level) / slope)


def _dilated(nodes: NDArray[np.bool_], width: float) -> NDArray[np.bool_]:
    """Nodes within `width` steps of the given ones."""
    if not nodes.any():
        return nodes
    return np.asarray(binary_dilation(nodes, iterations=max(1, math.ceil(width))))


def _check_distance(signed: Field, grid: Grid) -> None:
    """Raise unless |grad d| is 1 near the boundary, up to kinks and the error of central differences."""
    core = (slice(1, -1),) * grid.dimension
    square = np.zeros(grid.shape)
    for axis, h in enumerate(grid.spacing):
        ends = [list(core), list(core)]
        ends[0][axis], ends[1][axis] = slice(2, None), slice(0, -2)
        square += ((signed[tuple(ends[0])] - signed[tuple(ends[1])]) / (2 * h)) ** 2
    layer = grid.inside & (np.abs(signed[core]) < 2 * max(grid.spacing))
    slope = np.sqrt(square[layer])
    deviation = float(np.median(np.abs(slope - 1.0))) if slope.size else 0.0
    if deviation > _SLOPE:
        raise ValueError(
            f"{grid.domain!r}: |grad d| differs from 1 by {deviation:.2f} near the boundary, so the function is not a "
            "signed distance. Give a true distance, divide by |grad f|, or write scheme='lattice'."
        )

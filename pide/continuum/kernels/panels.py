"""Piecewise Gauss rules on (0, R) for r^p g(r), g smooth at 0 and piecewise smooth elsewhere.

The first panel takes the power exactly (product integration); the others are bisected until Gauss-Legendre with 16
nodes agrees with itself on both halves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from pide.continuum.kernels.spherical import legendre_rule, power_rule

__all__ = ["adaptive_panels", "decay_radius", "panel_rule", "refine_panels", "tail_integrals"]

Reals = NDArray[np.float64]
Function = Callable[[Reals], Reals]

_NODES = 16
_TOLERANCE = 1e-15
_DEEPEST = 44
"""Halvings after which a panel is accepted: at a jump of g it is then too short to matter."""
_MOST = 1 << 14
"""Panels halved in one sweep; a piecewise smooth g needs a few for each of its kinks."""
_RADIANS = 8.0
"""Phase over which 16 Gauss nodes integrate a cosine to rounding."""
_FARTHEST = 1e4
"""Largest radius, in units of the scale of the kernel, to which an infinite horizon is integrated."""


def adaptive_panels(g: Function, powers: Sequence[float], end: float) -> Reals:
    """Edges 0 = e_0 < e_1 < ... = end of panels that resolve r^p g(r) for each p > -1 in `powers`.

    Panels are halved until the change is below 1e-15 of int r^p |g| dr, which does not vanish with the moment of g.

    Raises
    ------
    ValueError
        When more than 16384 panels would be halved at once: g is not piecewise smooth.
    """
    first = _first_edge(g, powers, end)
    edges = np.asarray(first * 2.0 ** np.arange(0, np.ceil(np.log2(end / first))), dtype=np.float64)
    lower, upper = edges, np.append(edges[1:], end)[: edges.size]
    totals = [_absolute_moment(g, p, first, lower, upper) for p in powers]
    accepted = [edges, np.asarray([0.0, first, end])]
    for _ in range(_DEEPEST):
        middle = np.asarray((lower + upper) / 2, dtype=np.float64)
        bad = np.zeros(lower.shape, dtype=bool)
        for p, total in zip(powers, totals, strict=True):
            halves = _gauss(g, p, lower, middle) + _gauss(g, p, middle, upper)
            bad |= abs(_gauss(g, p, lower, upper) - halves) > _TOLERANCE * total
        if not bad.any():
            break
        _refuse_many(int(bad.sum()))
        accepted.append(middle[bad])
        lower, upper = np.concatenate([lower[bad], middle[bad]]), np.concatenate([middle[bad], upper[bad]])
    return np.unique(np.concatenate(accepted))


def panel_rule(edges: Reals, power: float) -> tuple[Reals, Reals]:
    """Nodes r_i and weights w_i with sum w_i g(r_i) = int r^p g(r) dr over the panels; the first starts at 0."""
    nodes, weights = legendre_rule(_NODES)
    start, product = power_rule(_NODES, power)
    width = np.diff(edges[1:])[:, None]
    r = edges[1:-1, None] + width * nodes
    first = edges[1]
    return (
        np.concatenate([first * start, r.ravel()]),
        np.concatenate([first ** (power + 1) * product, (width * weights * r**power).ravel()]),
    )


def refine_panels(edges: Reals, k: float) -> Reals:
    """Panels split to lengths of at most 8 / k, the first to 3 / k, on which cos(k r) is resolved."""
    edges = np.insert(edges, 1, min(3 / k, edges[1])) if k * edges[1] > 3 else edges
    pieces = np.maximum(1, np.ceil(np.diff(edges) * k / _RADIANS)).astype(int)
    parts = [a + (b - a) / m * np.arange(m) for a, b, m in zip(edges[:-1], edges[1:], pieces, strict=True)]
    return np.concatenate([*parts, edges[-1:]])


def tail_integrals(f: Function, edges: Reals, radii: Reals) -> Reals:
    """int_radius^end f(r) dr for each 0 < radius <= end; f may be singular at 0, where the panels are graded."""
    halvings = max(0, int(np.ceil(np.log2(edges[1] / np.min(radii)))))
    graded = np.concatenate([edges[1] * 2.0 ** -np.arange(halvings, 0, -1), edges[1:]])
    beyond = np.append(np.cumsum(_gauss(f, 0.0, graded[:-1], graded[1:])[::-1])[::-1], 0.0)
    above = np.minimum(np.searchsorted(graded, radii), graded.size - 1)
    return np.asarray(beyond[above] + _gauss(f, 0.0, radii, graded[above]))


def decay_radius(f: Function, dimension: int) -> float | None:
    """Radius beyond which int r^{n+1} f dr is below 1e-17 of the whole; None if it is beyond 1e4 scales.

    The scale is where r^{n+2} f(r) is largest on a logarithmic grid of 40 points per decade.
    """
    r = np.geomspace(1e-12, 1e12, 40 * 24 + 1)
    with np.errstate(all="ignore"):
        density = np.abs(np.nan_to_num(f(r))) * r ** (dimension + 2)
    tail = np.cumsum(density[::-1])[::-1]
    small = np.nonzero(tail <= 1e-17 * tail[0])[0]
    if small.size == 0 or r[small[0]] > _FARTHEST * r[np.argmax(density)]:
        return None
    return float(r[small[0]])


def _first_edge(g: Function, powers: Sequence[float], end: float) -> float:
    """Largest end 2^-j on which 16 and 24 nodes agree for every power."""
    first = end
    for _ in range(_DEEPEST):
        agree = True
        for p in powers:
            (r, w), (finer, v) = power_rule(_NODES, p), power_rule(_NODES + 8, p)
            values = g(first * finer)
            coarse, fine, scale = float(w @ g(first * r)), float(v @ values), float(v @ abs(values))
            agree &= abs(coarse - fine) <= 1e-12 * scale
        if agree:
            break
        first /= 2
    return first


def _absolute_moment(g: Function, power: float, first: float, lower: Reals, upper: Reals) -> float:
    """int r^p |g(r)| dr, as exactly as a tolerance needs."""
    r, w = panel_rule(np.asarray([0.0, first]), power)
    return float(w @ abs(g(r)) + np.sum(_gauss(lambda q: abs(g(q)), power, lower, upper)))


def _refuse_many(count: int) -> None:
    if count > _MOST:
        raise ValueError(
            f"a function of the distance needs more than {_MOST} panels: it is noisy, or oscillates or jumps too often "
            "to be integrated. Give a piecewise smooth f, or a smaller horizon."
        )


def _gauss(g: Function, power: float, lower: Reals, upper: Reals) -> Reals:
    nodes, weights = legendre_rule(_NODES)
    width = (upper - lower)[:, None]
    r = lower[:, None] + width * nodes
    return np.asarray((width * r**power * g(r)) @ weights)

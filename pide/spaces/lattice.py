"""Where the nodes of a lattice lie: shape, spacing and first node from counts or a spacing."""

from __future__ import annotations

import math
import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np

from pide.continuum.domains import Domain, Layout

__all__ = ["lattice"]

_ROUNDING = 1e-9
"""Relative tolerance within which a spacing divides a side, and a node is on the edge of the bounding box."""


def lattice(
    domain: Domain,
    counts: tuple[int, ...],
    spacing: float | Sequence[float] | None,
    origin: Sequence[float] | None,
    nodes: str,
) -> Layout:
    """(shape, spacing, lower) of the lattice over the bounding box of `domain`; see `Domain.grid`.

    Raises
    ------
    ValueError
        For arguments that do not determine a lattice; the message says which ones do.
    """
    if domain.fixed_lattice is not None:
        if counts or spacing is not None or origin is not None or nodes != "cell":
            raise ValueError(f"grid(...) of a {type(domain).__name__}: it has its own lattice. Write grid().")
        return domain.fixed_lattice
    _check_nodes(domain, nodes, origin)
    if bool(counts) == (spacing is not None):
        given = "both counts and spacing" if counts else "neither counts nor spacing"
        raise ValueError(f"grid() with {given}: give one of them. Write domain.grid(64) or domain.grid(spacing=1/64).")
    sides = [b - a for a, b in domain.bounds]
    extra = 1 if nodes == "interior" else 0
    if counts:
        cells = [n + extra for n in _checked_counts(counts, domain.dimension)]
        h = tuple(side / n for side, n in zip(sides, cells, strict=True))
    else:
        h = _checked_spacing(spacing, domain.dimension)
        cells = [_cells(side, step, domain, extra) for side, step in zip(sides, h, strict=True)]
    if origin is not None:
        return _through(domain, h, origin)
    shape = tuple(n - extra for n in cells)
    first = 0.0 if domain.periodic else 1.0 if extra else 0.5
    lower = []
    for (a, _), side, n, step in zip(domain.bounds, sides, cells, h, strict=True):
        slack = 0.0 if domain.rectangular else (n * step - side) / 2
        lower.append(a - slack + first * step)
    return shape, h, tuple(lower)


def _check_nodes(domain: Domain, nodes: str, origin: Sequence[float] | None) -> None:
    kind = type(domain).__name__
    if nodes not in ("cell", "interior"):
        raise ValueError(f"grid(nodes={nodes!r}): nodes are 'cell' or 'interior'. Write grid(64, nodes='interior').")
    if nodes == "interior" and (domain.periodic or not domain.rectangular):
        instead = "" if domain.periodic else " Pass origin= to move the lattice of this domain."
        raise ValueError(f"grid(nodes='interior') on {kind}: only Interval and Box have it. Leave nodes out.{instead}")
    if origin is not None and domain.rectangular:
        instead = "Torus(lengths, lower=)" if domain.periodic else "nodes='cell' or 'interior'"
        raise ValueError(f"grid(origin=) on {kind}: its lattice fits the box, it has no free origin. Write {instead}.")


def _checked_counts(counts: tuple[int, ...], n: int) -> tuple[int, ...]:
    if len(counts) == 1:
        counts = counts * n
    if len(counts) != n:
        raise ValueError(f"grid{counts}: the domain has dimension {n}. Give one count, or {n} counts, one per axis.")
    for count in counts:
        if not isinstance(count, numbers.Integral) or isinstance(count, bool) or count < 1:
            raise ValueError(f"grid{counts}: counts are positive integers. Write grid(64), or grid(spacing=1/64).")
    return tuple(int(count) for count in counts)


def _checked_spacing(spacing: Any, n: int) -> tuple[float, ...]:
    try:
        h = np.asarray(spacing, dtype=np.float64)
    except (TypeError, ValueError):
        raise TypeError(f"grid(spacing={spacing!r}): needed is a positive number, or one per axis.") from None
    if h.ndim == 0:
        h = np.full(n, h)
    if h.shape != (n,):
        raise ValueError(f"grid(spacing={spacing}): the domain has dimension {n}. Give one number, or one per axis.")
    if not np.all((h > 0) & np.isfinite(h)):
        raise ValueError(f"grid(spacing={spacing}): a spacing is positive and finite. Write grid(spacing=1/64).")
    return tuple(float(step) for step in h)


def _cells(side: float, h: float, domain: Domain, extra: int) -> int:
    """Number of cells of width h: side/h where the lattice must fit the side, else enough to cover it."""
    ratio = side / h
    if not domain.rectangular:
        return max(math.ceil(ratio * (1 - _ROUNDING)), 1)
    cells = round(ratio)
    least = 1 + extra
    if cells < least or abs(ratio - cells) > _ROUNDING * ratio:
        valid = sorted({side / max(math.floor(ratio), least), side / max(math.ceil(ratio), least)})
        nearest = " or ".join(f"{step:.12g}" for step in valid)
        raise ValueError(
            f"grid(spacing={h:.12g}): it does not divide the side {side:.12g} of the box. Write spacing={nearest}, "
            f"the nearest that do; or give counts, grid({max(cells, least) - extra})."
        )
    return cells


def _through(domain: Domain, h: tuple[float, ...], origin: Sequence[float]) -> Layout:
    """Lattice origin + k h, all nodes strictly inside the bounding box."""
    point = np.asarray(origin, dtype=np.float64)
    if point.shape != (domain.dimension,) or not np.all(np.isfinite(point)):
        raise ValueError(f"grid(origin={origin}): needed is a point, {domain.dimension} finite coordinates.")
    shape, lower = [], []
    for (a, b), step, x in zip(domain.bounds, h, point.tolist(), strict=True):
        first = math.floor((a - x) / step + _ROUNDING) + 1
        last = math.ceil((b - x) / step - _ROUNDING) - 1
        shape.append(max(last - first + 1, 1))
        lower.append(x + first * step)
    return tuple(shape), h, tuple(lower)

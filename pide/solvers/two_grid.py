"""How far a solution is from the continuum, estimated from solutions on nested grids (Richardson).

Symbols: h spacing, q ratio of the grids, p order, u_h solution; |.| the l2 norm over the nodes of the coarsest grid.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from pide.arrays import Array, to_host
from pide.continuum.domains import Box, Interval
from pide.continuum.problems import Heat
from pide.continuum.stationary import Stationary
from pide.result import Result
from pide.solvers.solve import solve
from pide.spaces.grid import Grid

__all__ = ["ErrorEstimate", "estimate_error"]

_LOWEST, _HIGHEST, _HIGHEST_CURVED = 0.5, 2.0, 1.0
"""Observed orders outside [lowest, highest] are replaced by its ends. On curved domains the errors of coarse grids fall
irregularly, and an order above one would promise too much."""


@dataclass(frozen=True)
class ErrorEstimate:
    """Estimated error of a solution, and where it comes from. An estimate, not a bound.

    Attributes
    ----------
    relative : float
        Estimated |u_h - u| / |u|.
    order : float
        p that was used.
    observed : float or None
        Order observed on three grids; None when p was stated.
    spacings : tuple of float
        Largest spacing of every grid, the finest first.
    differences : tuple of float
        Relative differences of solutions on neighbouring grids, the finest pair first.
    """

    relative: float
    order: float
    observed: float | None
    spacings: tuple[float, ...]
    differences: tuple[float, ...]


def estimate_error(
    problem: Stationary | Heat,
    *,
    on: Grid,
    until: float | None = None,
    order: float | Literal["observed"] = "observed",
    direction: Literal["coarsen", "refine"] = "coarsen",
    tol: float = 1e-8,
    scheme: str = "auto",
    solution: Array | None = None,
) -> ErrorEstimate:
    """Relative l2 error of the solution on a grid, estimated as |u_h - u_{qh}| / (q^p - 1).

    Parameters
    ----------
    problem : Stationary or Heat
        Its data are functions or numbers, which every grid can sample.
    on : Grid
    until : float
        Time at which a heat equation is compared.
    order : float or "observed"
        p. "observed" takes a third grid: p = log_q(|u_{qh} - u_{q^2 h}| / |u_h - u_{qh}|), kept within [1/2, 2], on
        curved domains within [1/2, 1].
    direction : {"coarsen", "refine"}
        "coarsen" compares with grids of spacing q h and q^2 h, cheaper than the solution itself. "refine" compares with
        h/q, and for the observed order with q h as well: |u_h - u_{h/q}| q^p / (q^p - 1).
    tol, scheme
        As for `pide.solve`; the tolerance must be well below the estimate.
    solution : array or None
        u_h, when it is known already.

    Returns
    -------
    ErrorEstimate

    Notes
    -----
    Every node of a coarser grid is one of the finer grid, and its distance from the boundary of an interval or box is
    the same multiple of its spacing: q = 3 for cell-centred grids, whose nodes lie half a spacing from the boundary,
    and q = 2 otherwise. There the estimate is within a factor of about two. On curved domains the position of the
    boundary in its cell changes with the grid and errors do not fall regularly: for the torsion function of the disc,
    over spacings, shifts and s, the estimate was 1 to 5 times the error of plain restriction and 1.5 to 11 times the
    corrected one. It sees discretisation errors that fall like h^p, and no others: not a horizon that is not resolved,
    nor wrong data.

    Raises
    ------
    ValueError
        When the grid cannot be coarsened, the data are arrays, or the order is not positive.

    References
    ----------
    Roache 1994.
    """
    _check(problem, order, direction)
    grids = _family(on, order, direction)
    fields = []
    for grid in grids:
        u = solution if grid is on and solution is not None else _solved(problem, grid, until, tol, scheme)
        fields.append(np.asarray(to_host(u)))
    q = _ratio(on)
    coarsest = grids[-1]
    values = [coarsest.compress(_on_coarsest(u, grid, coarsest)) for u, grid in zip(fields, grids, strict=True)]
    size = float(np.linalg.norm(values[0]))
    differences = tuple(float(np.linalg.norm(u - v)) / max(size, 1e-300) for u, v in itertools.pairwise(values))
    observed = None
    if order == "observed":
        observed = math.log(max(differences[1], 1e-300) / max(differences[0], 1e-300)) / math.log(q)
    curved = not on.periodic and _offset(on) is None
    highest = _HIGHEST_CURVED if curved else _HIGHEST
    p = float(order) if observed is None else min(max(observed, _LOWEST), highest)
    factor = 1.0 / (q**p - 1.0) if direction == "coarsen" else q**p / (q**p - 1.0)
    return ErrorEstimate(factor * differences[0], p, observed, tuple(max(g.spacing) for g in grids), differences)


def _solved(problem: Stationary | Heat, grid: Grid, until: float | None, tol: float, scheme: str) -> Array:
    if isinstance(problem, Stationary):
        return solve(problem, on=grid, tol=tol, scheme=scheme).final
    result: Result = solve(problem, on=grid, until=until, tol=tol, scheme=scheme)
    return result.final


def _family(on: Grid, order: Any, direction: str) -> list[Grid]:
    """The grids of the comparison, the finest first."""
    if direction == "coarsen":
        coarser = [_coarser(on)]
        return [on, *coarser] if order != "observed" else [on, *coarser, _coarser(coarser[0])]
    return [_finer(on), on] if order != "observed" else [_finer(on), on, _coarser(on)]


def _ratio(grid: Grid) -> int:
    """q."""
    return 3 if _offset(grid) == 0.5 else 2


def _offset(grid: Grid) -> float | None:
    """Distance of the first node of an interval or box from its boundary, in units of h; None on other domains."""
    if not isinstance(grid.domain, (Interval, Box)):
        return None
    offsets = {
        round((low - a) / h, 6) for low, (a, _), h in zip(grid.lower, grid.domain.bounds, grid.spacing, strict=True)
    }
    return offsets.pop() if len(offsets) == 1 and offsets <= {0.5, 1.0} else None


def _coarser(grid: Grid) -> Grid:
    """Every q-th node, at the same distance from the boundary in units of the spacing."""
    q, offset = _ratio(grid), _offset(grid)
    first = {None: 0, 0.5: 1, 1.0: 1}[offset]
    if grid.periodic or offset == 0.5:
        shape, fits = tuple(n // q for n in grid.shape), all(n % q == 0 for n in grid.shape)
    elif offset == 1.0:
        shape, fits = tuple((n - 1) // 2 for n in grid.shape), all(n % 2 == 1 for n in grid.shape)
    else:
        shape, fits = tuple((n + 1) // 2 for n in grid.shape), True
    if not fits or min(shape) < 3:
        kind = {None: "even", 0.5: "multiples of 3 (9 for the observed order)", 1.0: "odd"}[offset]
        raise ValueError(
            f"estimate_error on {grid.shape} nodes: every {q}-{'rd' if q == 3 else 'nd'} node must make a grid of the "
            f"same kind, so needed are counts that are {kind}. Take such a grid, or write direction='refine' with "
            "order=1.0."
        )
    spacing = tuple(q * h for h in grid.spacing)
    lower = tuple(a + first * h for a, h in zip(grid.lower, grid.spacing, strict=True))
    return Grid(grid.domain, shape, spacing, lower)


def _finer(grid: Grid) -> Grid:
    """The grid of which `grid` is every q-th node."""
    q = _ratio(grid)
    spacing = tuple(h / q for h in grid.spacing)
    if grid.periodic:
        return Grid(grid.domain, tuple(q * n for n in grid.shape), spacing, grid.lower)
    if q == 3:
        return Grid(grid.domain, tuple(3 * n for n in grid.shape), spacing, _shifted(grid.lower, spacing))
    return Grid(grid.domain, tuple(2 * n + 1 for n in grid.shape), spacing, _shifted(grid.lower, spacing))


def _shifted(lower: tuple[float, ...], spacing: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(a - h for a, h in zip(lower, spacing, strict=True))


def _on_coarsest(u: Array, fine: Grid, coarse: Grid) -> Array:
    """u at the nodes of the coarse grid, which are nodes of the fine one."""
    index = []
    for a, h, b, k, n in zip(fine.lower, fine.spacing, coarse.lower, coarse.spacing, coarse.shape, strict=True):
        step, first = round(k / h), round((b - a) / h)
        index.append(slice(first, first + step * (n - 1) + 1, step))
    return u[(..., *index)]


def _check(problem: Any, order: Any, direction: str) -> None:
    if not isinstance(problem, (Stationary, Heat)):
        raise TypeError(
            f"estimate_error({type(problem).__name__}): a Stationary or Heat problem is needed. For others solve on "
            "two grids and compare."
        )
    if direction not in ("coarsen", "refine"):
        raise ValueError(f"direction={direction!r}: choose 'coarsen' or 'refine'.")
    if order != "observed" and not (isinstance(order, (int, float)) and 0 < order < math.inf):
        raise ValueError(f"order={order!r}: a positive number or 'observed' is needed. Write order=1.0.")
    data = {"source": problem.source, "initial": getattr(problem, "initial", None)}
    for name, value in data.items():
        if value is not None and not callable(value) and np.ndim(value) > 0:
            raise ValueError(
                f"estimate_error with an array as {name}: every grid samples the data anew. Write {name}=a function of "
                "the coordinates."
            )

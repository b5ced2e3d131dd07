"""Advection on grids, by rates to the neighbours: (A v)_i = sum_j W_ij (v_j - v_i) - kappa_i v_i.

Symbols: b velocity, h spacing. Upwind: W = |b| / h to the neighbour from which b comes. Central: W = -+ b / (2 h) to
the neighbours at x +- h.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from pide.continuum.advection import Advection
from pide.continuum.exterior import Exterior, Value, Zero
from pide.operators.base import Operator
from pide.operators.fourier import FourierMultiplier, wavenumbers
from pide.operators.pairs import PairOperator
from pide.spaces.grid import Grid

__all__ = ["SCHEMES", "advection_operator"]

SCHEMES = ("upwind", "central", "fourier")

_Neighbour = tuple[int, int, NDArray[np.float64]]
"""(axis, +-1, rate to that neighbour as a field)."""


def advection_operator(A: Advection, grid: Grid, exterior: Exterior, scheme: str) -> Operator:
    """-b . grad on a grid.

    Notes
    -----
    Where the neighbour is outside the domain: with `Zero` and `Value` its value is 0 or g at that lattice node, so a
    rate to it kills; with `Reflecting` the rate is left out, that is v is continued by its own value. Upwind rates at
    an outflow boundary reach inwards only, so no value is imposed there.

    Raises
    ------
    ValueError
        A velocity of another dimension or not finite at a node, "fourier" with a variable velocity, `Value` data that
        are not finite.
    """
    A.check_dimension(grid.dimension)
    if scheme == "fourier":
        return _fourier(A, grid)
    neighbours = _rates(A, grid, scheme)
    rates, killing, load = _assembled(neighbours, grid, exterior)
    claims = _claims(A, grid, exterior, scheme, bool(killing.any()))
    order = {"upwind": "first order, monotone", "central": "second order"}[scheme]
    return PairOperator(
        grid, rates, killing, claims, load, (f"scheme: {scheme} differences, {order}", "engine: sparse")
    )


def _fourier(A: Advection, grid: Grid) -> Operator:
    if not A.is_constant:
        raise ValueError("scheme='fourier' needs a constant velocity. Write scheme='central' or 'upwind'.")
    k = wavenumbers(grid)
    along = sum(b * np.where(_is_nyquist(c, h), 0.0, c) for b, c, h in zip(A.b, k, grid.spacing, strict=True))
    claims = {"linear", "adjoint", "translation_invariant", "kills_constants", "conserves_mass"}
    note = "scheme: fourier, -i b . k, 0 at Nyquist wavenumbers"
    return FourierMultiplier(grid, -1j * np.asarray(along), frozenset(claims), (note, "engine: fft"))


def _is_nyquist(k: NDArray[np.float64], h: float) -> NDArray[np.bool_]:
    return np.abs(np.abs(k) * h - np.pi) < 1e-9


def _rates(A: Advection, grid: Grid, scheme: str) -> list[_Neighbour]:
    neighbours: list[_Neighbour] = []
    for axis, (component, h) in enumerate(zip(A.b, grid.spacing, strict=True)):
        b = _velocity(component, grid)
        if scheme == "upwind":
            neighbours += [(axis, -1, np.maximum(b, 0.0) / h), (axis, +1, np.maximum(-b, 0.0) / h)]
        else:
            neighbours += [(axis, -1, b / (2 * h)), (axis, +1, -b / (2 * h))]
    return neighbours


def _velocity(component: Any, grid: Grid) -> NDArray[np.float64]:
    values = np.asarray(component(*grid.coordinates) if callable(component) else component, dtype=np.float64)
    field = np.broadcast_to(values, grid.shape)
    bad = int(np.count_nonzero(~np.isfinite(field) & grid.inside))
    if bad:
        raise ValueError(f"Advection: b is NaN or infinite at {bad} nodes. Define b on the whole domain.")
    return np.where(grid.inside, field, 0.0)


def _assembled(
    neighbours: list[_Neighbour], grid: Grid, exterior: Exterior
) -> tuple[Any, NDArray[np.float64], NDArray[np.float64] | None]:
    """(rates between inside nodes as CSR, killing at inside nodes, load field or None)."""
    position = np.full(grid.shape, -1, dtype=np.int64)
    position[grid.inside] = np.arange(grid.count)
    data = _exterior_data(exterior, grid)
    killing, load = np.zeros(grid.shape), np.zeros(grid.shape)
    rows, columns, values = [], [], []
    for axis, step, rate in neighbours:
        target = np.roll(position, -step, axis=axis)
        if not grid.periodic:
            target[_edge(grid, axis, step)] = -1
        inner = grid.inside & (rate != 0) & (target >= 0)
        outer = grid.inside & (rate != 0) & (target < 0)
        rows.append(position[inner])
        columns.append(target[inner])
        values.append(rate[inner])
        if isinstance(exterior, (Zero, Value)):
            killing[outer] += rate[outer]
        if data is not None:
            load[outer] += (rate * data[_window(grid, axis, step)])[outer]
    index = (np.concatenate(rows), np.concatenate(columns))
    rates = scipy.sparse.csr_matrix((np.concatenate(values), index), shape=(grid.count, grid.count))
    rates.setdiag(0.0)
    rates.eliminate_zeros()
    return rates, killing[grid.inside], None if data is None else load


def _edge(grid: Grid, axis: int, step: int) -> tuple[Any, ...]:
    """The layer of nodes whose neighbour in this direction is beyond the lattice."""
    return (slice(None),) * axis + (-1 if step > 0 else 0,)


def _window(grid: Grid, axis: int, step: int) -> tuple[slice, ...]:
    """The lattice moved by one step, as a window of the lattice enlarged by one node."""
    moves = (step if a == axis else 0 for a in range(grid.dimension))
    return tuple(slice(1 + move, 1 + move + nodes) for move, nodes in zip(moves, grid.shape, strict=True))


def _exterior_data(exterior: Exterior, grid: Grid) -> NDArray[np.float64] | None:
    """g on the lattice enlarged by one node; None without `Value`."""
    if not isinstance(exterior, Value):
        return None
    x = grid.extended((1,) * grid.dimension)
    g = np.broadcast_to(np.asarray(exterior.g(*x), dtype=np.float64), x[0].shape)
    outside = ~np.pad(grid.inside, 1)
    if not np.isfinite(g[outside]).all():
        raise ValueError("Value(g): g is NaN or infinite at exterior nodes. Define g on the whole collar.")
    return np.where(outside, g, 0.0)


def _claims(A: Advection, grid: Grid, exterior: Exterior, scheme: str, killed: bool) -> frozenset[str]:
    claims = {"linear", "adjoint"}
    if not (killed or isinstance(exterior, (Zero, Value))):
        claims.add("kills_constants")
    if grid.periodic and A.is_constant:
        claims |= {"translation_invariant", "conserves_mass"}
    if scheme == "upwind":
        claims |= {"nonnegative_rates", "maximum_principle", "sub_markov"}
        if "kills_constants" in claims:
            claims.add("markov")
    return frozenset(claims)

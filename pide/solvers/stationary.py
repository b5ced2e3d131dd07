"""A u = f on a grid: one pair of transforms where these diagonalise A, preconditioned conjugate gradients elsewhere.

Symbols: A operator, b = f - load right-hand side, M the member of {A, -A} that is >= 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import array_api_compat
import numpy as np
from numpy.typing import NDArray

from pide.arrays import Array, is_numpy, like, namespace, to_host
from pide.continuum.stationary import Stationary
from pide.operators.algebra import scale
from pide.operators.base import Operator
from pide.operators.diagonalisation import Diagonalisation
from pide.solvers.factored import factored_inverse
from pide.solvers.linear import conjugate_gradients
from pide.solvers.rows import as_rows, detached, norms
from pide.solvers.steady_inverse import steady_inverse
from pide.spaces.grid import Grid

__all__ = ["SteadySolution", "solve_stationary", "solve_system"]

_FLOOR = 20.0
"""Residuals below this many units of roundoff are not asked for."""

_ZERO = 1e-13
"""Eigenvalues below this fraction of the largest are zeros of the symbol."""


@dataclass(frozen=True, eq=False)
class SteadySolution:
    """u with A u close to f, the choices made, and the history of relative residuals (iterations + 1, B)."""

    u: Array
    history: NDArray[np.float64]
    choices: dict[str, str]


def solve_stationary(problem: Stationary, A: Operator, tol: float, max_iterations: int = 500) -> SteadySolution:
    """Solve A u + load = f for the discrete operator A of a problem.

    Parameters
    ----------
    problem : Stationary
    A : Operator
        Its discretisation; `A.load` holds inhomogeneous exterior data.
    tol : float
        Bound of |f - load - A u| / |f - load| in the norm of the space, for every right-hand side.

    Notes
    -----
    The solution belongs to the library, dtype and device of the source; functions and numbers give NumPy float64. On
    torch, gradients with respect to the source and to tensors inside the operator come from one adjoint solve.

    Raises
    ------
    ValueError
        For an operator that no fast transform diagonalises and that is not self-adjoint and semidefinite; for one
        that vanishes at a wavenumber other than 0; for one that kills constants, with data of nonzero mean.
    NotConverged
        After `max_iterations`, with the last residual.
    """
    f = _right_hand_side(problem.source, A.space)
    if A.load is not None:
        f = f - (like(A.load, f) if is_numpy(A.load) else namespace(f, A.load).astype(A.load, f.dtype))
    known = A.diagonalisation()
    if known is None:
        _check_definite(A)
    if "kills_constants" in A.claims or (known is not None and _zeros(known.eigenvalues).flat[0]):
        _check_mean(A.space, detached(f))
    if not array_api_compat.is_torch_array(f):
        return solve_system(A, f, tol, max_iterations)
    if not (f.requires_grad or A.apply(namespace(f).zeros_like(detached(f))).requires_grad):
        return solve_system(A, f, tol, max_iterations)
    from pide.torch_bridge import implicit_solution

    found: list[SteadySolution] = []

    def solve(g: Array) -> Array:
        found.append(solve_system(A, g, tol, max_iterations))
        return found[-1].u

    def transposed(g: Array) -> Array:
        """A^-T g = M A^-1 M^-1 g."""
        space = A.space
        scaled = space.rescaled(space.rescaled(g, inverse=True), inverse=True)
        return space.rescaled(space.rescaled(solve_system(A, scaled, tol, max_iterations).u))

    u = implicit_solution(A.apply, f, solve, transposed)
    return SteadySolution(u, found[0].history, found[0].choices | {"gradients": "implicit, by one adjoint solve"})


def solve_system(A: Operator, b: Array, tol: float, max_iterations: int = 500) -> SteadySolution:
    """A u = b for a self-adjoint, semidefinite A, without gradients.

    Where A kills constants this is the pseudo-inverse: the mean of b is dropped, and u has mean zero.
    """
    b = A.space.restricted(b)
    known = A.diagonalisation()
    if known is not None:
        return _divided(A, known, b)
    choices = {}
    singular = "kills_constants" in A.claims
    if singular:
        b = _centred(A.space, b)
        choices["mean"] = "A kills constants: the data have mean zero, and u is the solution of mean zero"
    M = scale(A, float(A.definiteness))
    inverse, name = (factored_inverse(M) if is_numpy(b) else None) or steady_inverse(M)
    floor = _FLOOR * float(namespace(b).finfo(b.dtype).eps)
    if tol < floor:
        choices["tolerance"] = f"{floor:.1e}, what {b.dtype} can reach, instead of {tol:.1e}"
    if singular and inverse is not None:
        inverse = _on_mean_zero(inverse, A.space)
    solution = conjugate_gradients(
        _symmetrised(M.apply, A.space),
        A.space.rescaled(b * A.definiteness),
        dimension=A.space.ndim,
        precondition=None if inverse is None else _symmetrised(inverse, A.space),
        tol=max(tol, floor),
        max_iterations=max_iterations,
        advice="Take a larger tol, float64 data, or a coarser grid.",
    )
    choices["preconditioner"] = name
    choices["solver"] = f"conjugate gradients on {'A' if A.definiteness > 0 else '-A'}"
    u = A.space.rescaled(solution.x, inverse=True)
    u = _centred(A.space, u) if singular else u
    return SteadySolution(u, solution.history, choices)


def _right_hand_side(source: Any, grid: Grid) -> Array:
    if array_api_compat.is_array_api_obj(source) and source.ndim > 0:
        grid.check_field(source, "source")
        return source
    return grid.sample(source)


def _check_definite(A: Operator) -> None:
    if A.definiteness == 0 or "self_adjoint" not in A.claims:
        raise ValueError(
            "Stationary: conjugate gradients need a self-adjoint operator with A >= 0 or -A >= 0, and this one claims "
            f"{'no sign' if A.definiteness == 0 else 'no symmetry'}. Write scipy.sparse.linalg.gmres(A.on(grid, "
            "exterior).to_scipy(), grid.compress(f)), or add a multiple of a definite operator."
        )


def _divided(A: Operator, known: Diagonalisation, b: Array) -> SteadySolution:
    """Division by the eigenvalues; constants, where they are in the kernel, are left out."""
    zero = _zeros(known.eigenvalues)
    choices = {"solver": "division by the eigenvalues, one pair of transforms"}
    if np.count_nonzero(zero) > int(zero.flat[0]):
        raise ValueError(
            "Stationary: A vanishes at a wavenumber other than 0, so that A u = f has no unique solution. "
            "Add a positive multiple of another operator."
        )
    if zero.flat[0]:
        b = _centred(A.space, b)
        choices["mean"] = "A kills constants: the data have mean zero, and u is the solution of mean zero"
    u = known.apply(lambda t: np.where(zero, 0.0, 1.0 / np.where(zero, 1.0, t)), b)
    residual = norms(as_rows(b - A.apply(u), A.space.ndim)) / _sizes(b, A.space)
    return SteadySolution(u, np.stack([np.ones_like(residual), residual]), choices)


def _zeros(symbol: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.asarray(np.abs(symbol) <= _ZERO * float(np.abs(symbol).max()))


def _sizes(b: Array, grid: Grid) -> NDArray[np.float64]:
    return np.maximum(norms(as_rows(b, grid.ndim)), np.finfo(np.float64).tiny)


def _check_mean(grid: Grid, b: Array) -> None:
    """Raise unless the mean of b is rounding.

    Raises
    ------
    ValueError
        With the size of the mean.
    """
    means = np.abs(np.atleast_1d(to_host(grid.mean(b)))).ravel()
    sizes = _sizes(b, grid) / np.sqrt(grid.count)
    if np.any(means > 1e3 * float(namespace(b).finfo(b.dtype).eps) * sizes):
        raise ValueError(
            "Stationary: A kills constants (no exterior takes mass away), so that A u = f has a solution only for f of "
            f"mean zero; here |mean f| is {float(np.max(means / sizes)):.1e} of the root mean square of f. "
            "Write f = grid.sample(f) and source=grid.restricted(f - grid.mean(f)), or use exterior=Zero()."
        )


def _centred(grid: Grid, u: Array) -> Array:
    xp = namespace(u)
    mean = xp.reshape(grid.mean(u), (*u.shape[: u.ndim - grid.ndim], *(1,) * grid.ndim))
    return grid.restricted(u - mean)


def _symmetrised(f: Callable[[Array], Array], space: Grid) -> Callable[[Array], Array]:
    """M^(1/2) f M^(-1/2), M the masses; f itself where they are equal."""
    if space.root_masses is None:
        return f
    return lambda r: space.rescaled(f(space.rescaled(r, inverse=True)))


def _on_mean_zero(inverse: Callable[[Array], Array], grid: Grid) -> Callable[[Array], Array]:
    return lambda r: _centred(grid, inverse(r))

"""Lowest eigenpairs by the block Davidson method: Rayleigh-Ritz on a space grown by preconditioned residuals.

Symbols: M the member of {A, -A} that is >= 0; rows are m^(1/2) u, m the masses; V orthonormal rows; theta Ritz values;
r = M x - theta x.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from pide.continuum.stationary import Eigen
from pide.errors import NotConverged
from pide.operators.algebra import scale
from pide.operators.base import Operator
from pide.solvers.factored import factored_inverse
from pide.solvers.steady_inverse import steady_inverse

__all__ = ["EigenSolution", "solve_eigen"]

Rows = NDArray[np.float64]

_DENSE = 400
"""Up to this many unknowns the whole matrix is diagonalised."""

_FLOOR = 10.0
"""Residuals below this many units of roundoff of the largest eigenvalue are not asked for."""


@dataclass(frozen=True, eq=False)
class EigenSolution:
    """Eigenvalues of A by distance from 0, modes of norm 1, their residuals |A phi - lambda phi|, and the cost."""

    values: NDArray[np.float64]
    modes: NDArray[np.float64]
    residuals: NDArray[np.float64]
    applies: int
    steps: int
    choices: dict[str, str]


def solve_eigen(problem: Eigen, A: Operator, tol: float, seed: int = 0, max_steps: int = 200) -> EigenSolution:
    """The `problem.count` eigenpairs of the discrete operator A nearest to 0.

    Parameters
    ----------
    problem : Eigen
    A : Operator
        Its discretisation.
    tol : float
        Bound of |A phi - lambda phi| for |phi| = 1, relative to the largest wanted |lambda|.
    seed : int
        Of the random start.

    Notes
    -----
    For self-adjoint A some eigenvalue of A lies within |A phi - lambda phi| of lambda; the distance to the continuum's
    eigenvalue is another matter, see `docs/explanation/steady`. In theory an eigenvalue can be skipped; a space grown
    from a random block makes that unlikely, not impossible. Modes have |phi| = 1 in the inner product of the space and
    are positive at the first node where |phi| exceeds half its maximum. Modes of a multiple eigenvalue are one
    orthonormal basis of many. Memory: twice 5 count + 20 fields. Runs on NumPy, in float64.

    Raises
    ------
    ValueError
        For an operator that is not self-adjoint and semidefinite, or more eigenpairs than unknowns.
    NotConverged
        After `max_steps`.

    References
    ----------
    Morgan, Scott 1986; Knyazev 2001.
    """
    space, count = A.space, problem.count
    _check(A, count)
    M = scale(A, float(A.definiteness))
    constant = _constant(space) if "kills_constants" in A.claims else None
    if space.count <= max(_DENSE, 8 * count):
        choices = {"solver": "the whole matrix was diagonalised"}
        dense = M.symmetrised() @ np.eye(space.count)
        theta, x = scipy.linalg.eigh(0.5 * (dense + dense.T), subset_by_index=[0, count - 1])
        X, applies, steps = x.T, space.count, 1
    else:
        X, applies, steps, name = _davidson(M, count, tol, constant, np.random.default_rng(seed), max_steps)
        choices = {"solver": "block Davidson", "preconditioner": name}
    MX = _applied(M, X)
    theta = np.einsum("ij,ij->i", X, MX)
    order = np.argsort(theta, kind="stable")
    theta, X, MX = theta[order], X[order], MX[order]
    residuals = np.linalg.norm(MX - theta[:, None] * X, axis=1)
    choices["bound"] = (
        "an eigenvalue of the discrete operator lies within record.residuals of each value, "
        f"at most {residuals.max():.1e}"
    )
    modes = np.asarray(space.rescaled(space.expand(_signed(X)), inverse=True))
    modes = modes / np.asarray(space.norm(modes)).reshape(-1, *(1,) * space.ndim)
    return EigenSolution(A.definiteness * theta, modes, residuals, applies + count, steps, choices)


def _davidson(
    M: Operator, count: int, tol: float, constant: Rows | None, rng: np.random.Generator, max_steps: int
) -> tuple[Rows, int, int, str]:
    inverse, name = _inverse(M)
    wanted = count - (0 if constant is None else 1)
    if wanted == 0 and constant is not None:
        return constant, 0, 0, name

    def preconditioned(r: Rows) -> Rows:
        space = M.space
        moved = inverse(np.asarray(space.rescaled(space.expand(r), inverse=True)))
        return np.asarray(space.compress(space.rescaled(moved)))

    start = preconditioned(rng.standard_normal((wanted + 2, M.space.count)))
    V = _orthonormal(start, constant)
    MV = _applied(M, V)
    applies, largest, history = len(V), 5 * wanted + 20, []
    rounding = _FLOOR * float(np.finfo(np.float64).eps) * M.spectral_bound()
    for step in range(1, max_steps + 1):
        theta, Y = np.linalg.eigh(0.5 * ((H := V @ MV.T) + H.T))
        if len(V) > largest:
            keep = Y[:, : 2 * wanted + 4].T
            V, MV = keep @ V, keep @ MV
            theta, Y = theta[: len(keep)], np.eye(len(keep))
        X = Y[:, :wanted].T @ V
        R = Y[:, :wanted].T @ MV - theta[:wanted, None] * X
        relative = np.linalg.norm(R, axis=1) / theta[wanted - 1]
        history.append(float(relative.max()))
        open_pairs = relative > max(tol, rounding / theta[wanted - 1])
        if not open_pairs.any():
            return X if constant is None else np.concatenate([constant, X]), applies, step, name
        W = _orthonormal(preconditioned(R[open_pairs]), V if constant is None else np.concatenate([constant, V]))
        MW = _applied(M, W)
        applies += len(W)
        V, MV = np.concatenate([V, W]), np.concatenate([MV, MW])
    raise NotConverged(
        f"Eigen: relative residual {history[-1]:.1e} of the worst of {wanted} pairs after {max_steps} steps, wanted "
        f"{tol:.1e}. Take a larger tol, or a count that does not cut a group of close eigenvalues."
    )


def _inverse(M: Operator) -> tuple[Callable[[Rows], Rows], str]:
    """Approximate inverse of M; exact where a transform diagonalises it; the identity when none is known."""
    known = M.diagonalisation()
    if known is not None:
        shift = float(np.sort(np.unique(known.eigenvalues))[:2].mean())
        return lambda r: known.apply(lambda t: 1.0 / (t + shift), r), f"shifted eigenvalues in the {known.basis} basis"
    factored = factored_inverse(M, incomplete=True)
    if factored is not None:
        return factored
    inverse, name = steady_inverse(M)
    return (lambda r: r) if inverse is None else inverse, name


def _applied(M: Operator, X: Rows) -> Rows:
    """Rows m^(1/2) M u of the rows m^(1/2) u."""
    space = M.space
    return np.asarray(space.compress(space.rescaled(M.apply(space.rescaled(space.expand(X), inverse=True)))))


def _constant(space: Any) -> Rows:
    """The row m^(1/2), of norm 1."""
    row = space.compress(np.asarray(space.rescaled(1.0 * space.inside)))[None]
    return np.asarray(row / np.linalg.norm(row))


def _orthonormal(W: Rows, against: Rows | None) -> Rows:
    """Orthonormal rows of the span of W orthogonal to the given orthonormal rows; dependent ones are dropped."""
    W = W / np.linalg.norm(W, axis=1, keepdims=True)
    for _ in range(2):
        if against is not None:
            W = W - (W @ against.T) @ against
        sizes, Q = np.linalg.eigh(W @ W.T)
        kept = sizes > 1e-14 * sizes.max()
        W = (Q[:, kept] / np.sqrt(sizes[kept])).T @ W
    return W


def _signed(X: Rows) -> Rows:
    """Rows with the sign that makes the first entry above half the largest modulus positive."""
    first = np.argmax(np.abs(X) > 0.5 * np.abs(X).max(axis=1, keepdims=True), axis=1)
    return np.asarray(X * np.sign(X[np.arange(len(X)), first])[:, None])


def _check(A: Operator, count: int) -> None:
    if A.definiteness == 0 or "self_adjoint" not in A.claims:
        raise ValueError(
            "Eigen: a self-adjoint operator with A >= 0 or -A >= 0 is needed. For others write "
            "scipy.sparse.linalg.eigs(A.on(grid, exterior).to_scipy(), k=6)."
        )
    if count > A.space.count:
        raise ValueError(
            f"Eigen(count={count}): the grid has {A.space.count} unknowns. Write a smaller count, or take a finer grid."
        )

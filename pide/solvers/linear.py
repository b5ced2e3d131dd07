"""Preconditioned conjugate gradients: M x = b for M symmetric and positive definite, in any namespace, batched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pide.arrays import Array, namespace
from pide.errors import NotConverged
from pide.solvers.rows import as_rows, axpy, dots, norms

__all__ = ["LinearSolution", "conjugate_gradients"]


@dataclass(frozen=True, eq=False)
class LinearSolution:
    """x with M x close to b, and how it was reached.

    Attributes
    ----------
    x, residual : arrays of the shape of b
        Solution and b - M x, as the recurrence carries it.
    history : array, shape (iterations + 1, B)
        Euclidean norm of the residual of every batch member, relative to its goal's scale.
    """

    x: Array
    residual: Array
    history: NDArray[np.float64]

    @property
    def iterations(self) -> int:
        """Applications of M, not counting the one that a nonzero start costs."""
        return len(self.history) - 1


def conjugate_gradients(
    apply: Callable[[Array], Array],
    b: Array,
    *,
    dimension: int,
    precondition: Callable[[Array], Array] | None = None,
    tol: float = 1e-8,
    scale: NDArray[np.float64] | None = None,
    start: Array | None = None,
    max_iterations: int = 500,
    advice: str = "Take a larger tol, float64 data, or a shorter time step.",
) -> LinearSolution:
    """Solve M x = b until |b - M x| <= tol scale for every batch member.

    Parameters
    ----------
    apply : callable
        M, symmetric and positive definite in the Euclidean inner product of the last axes.
    b : array, shape (..., *shape)
        Each leading index is a system of its own; all run together, each with its own step lengths.
    dimension : int
        Number of trailing axes that make one vector.
    precondition : callable or None
        Symmetric, positive definite, close to M^{-1}.
    tol : float
    scale : array, shape (B,), or None
        What the residual is compared with; |b| when None.
    start : array or None
        First guess; costs one application. Zero when None.
    max_iterations : int
    advice : str
        Last sentence of the message when it does not converge.

    Returns
    -------
    LinearSolution

    Notes
    -----
    Error in the M-norm after k steps at most 2 ((sqrt(c) - 1)/(sqrt(c) + 1))^k, c the condition number of the
    preconditioned matrix (Hestenes and Stiefel 1952). Cost per step: one apply, one preconditioner, two inner products.
    Gradients do not pass.

    Raises
    ------
    NotConverged
        When the residual is still larger after `max_iterations`, or M turns out not to be positive.
    """
    xp = namespace(b)
    rows = as_rows(b, dimension)

    def act(f: Callable[[Array], Array], v: Array) -> Array:
        return as_rows(f(xp.reshape(v, b.shape)), dimension)

    scale = np.maximum(norms(rows) if scale is None else scale, np.finfo(np.float64).tiny)
    x = xp.zeros_like(rows) if start is None else as_rows(start, dimension)
    r = rows if start is None else rows - act(apply, x)
    history = [norms(r) / scale]
    p, rz = None, np.zeros(len(scale))
    while np.any(history[-1] > tol):
        if len(history) > max_iterations:
            raise NotConverged(_failure(history, tol, advice))
        z = r if precondition is None else act(precondition, r)
        previous, rz = rz, dots(r, z)
        p = z if p is None else axpy(_ratio(rz, previous), p, z)
        q = act(apply, p)
        curvature = dots(p, q)
        if np.any((curvature <= 0) & (history[-1] > tol)):
            raise NotConverged(
                "conjugate gradients met a direction with <p, M p> <= 0: the matrix is not positive definite, though "
                "its operator claims a sign. Measure its claims: pide.verification.check(operator)."
            )
        alpha = _ratio(rz, curvature)
        x, r = axpy(alpha, p, x), axpy(-alpha, q, r)
        history.append(norms(r) / scale)
    return LinearSolution(xp.reshape(x, b.shape), xp.reshape(r, b.shape), np.stack(history))


def _ratio(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """a / b, and 0 where b is 0: members that have converged exactly stay where they are."""
    return np.divide(a, b, out=np.zeros_like(a), where=b != 0)


def _failure(history: list[NDArray[np.float64]], tol: float, advice: str) -> str:
    return (
        f"conjugate gradients: relative residual {float(history[-1].max()):.1e} after {len(history) - 1} iterations, "
        f"wanted {tol:.1e}. {advice}"
    )

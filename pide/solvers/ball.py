"""`scheme="zernike"`: a steady fractional problem in a ball, solved in the continuum and sampled on a grid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pide.continuum.domains import Ball, Interval
from pide.continuum.exact import torsion_function
from pide.continuum.exterior import Zero
from pide.continuum.operators import ContinuumOperator, FractionalLaplacian, ScaledOperator
from pide.continuum.stationary import Eigen, Stationary
from pide.solvers.zernike import ZernikeSolution, zernike_solve
from pide.spaces.grid import Grid

__all__ = ["SampledSolution", "solve_in_ball"]


@dataclass(frozen=True, eq=False)
class SampledSolution:
    """Values of an expansion at the nodes of a grid, what was chosen, and an estimate of the relative l2 error."""

    u: NDArray[np.float64]
    expansion: ZernikeSolution
    choices: dict[str, str]
    error: float


def solve_in_ball(problem: Stationary | Eigen, on: Grid, tol: float) -> SampledSolution:
    """Solve a (-Delta)^s u = f, u = 0 outside, by `zernike_solve`, at the nodes of a grid.

    Parameters
    ----------
    problem : Stationary
        Operator `FractionalLaplacian` or a multiple of it, domain `Ball` or `Interval`, exterior `Zero()`, and the
        source a function or a number.
    on : Grid
    tol : float
        Relative residual in the continuum.

    Raises
    ------
    ValueError, TypeError
        For other operators, domains, exterior conditions, and sources given as arrays.
    NotConverged
        When the source is not smooth up to the boundary.
    """
    if not isinstance(problem, Stationary):
        raise TypeError(
            f"scheme='zernike' for {type(problem).__name__}: the basis inverts A u = f, its multipliers are not "
            "eigenvalues of A. Write scheme='auto'."
        )
    factor, s = _multiple_of_power(problem.operator)
    if not isinstance(problem.domain, (Ball, Interval)) or not isinstance(problem.exterior, Zero):
        raise ValueError(
            f"scheme='zernike' on {type(problem.domain).__name__} with exterior={type(problem.exterior).__name__}: "
            "needed is a Ball or an Interval with exterior=Zero(). Write scheme='auto'."
        )
    if not callable(problem.source) and np.ndim(problem.source):
        raise TypeError(
            "scheme='zernike' with an array as source: it samples the source at its own points. "
            "Write source=lambda *x: ..., or scheme='auto'."
        )
    expansion = zernike_solve(problem.source, s, problem.domain, tol=tol)
    u = on.restricted(expansion(*on.coordinates)) / factor
    bound = expansion.residual * expansion.largest * torsion_function(problem.domain, expansion.s)(*on.coordinates)
    size = float(on.norm(u))
    choices = {
        "discretisation": "none, the expansion is sampled at the nodes",
        "solver": f"expansion in the Jacobi-Zernike basis of the ball, degree {expansion.degree}",
        "expansion": f"residual {expansion.residual:.1e} of max |f|, tail {expansion.tail:.1e}",
    }
    estimate = float(on.norm(on.restricted(bound))) / abs(factor) / size if size else 0.0
    return SampledSolution(u, expansion, choices, estimate)


def _multiple_of_power(A: ContinuumOperator) -> tuple[float, Any]:
    """(a, s) of the operator a (-Delta)^s."""
    factor, operator = (A.factor, A.operator) if isinstance(A, ScaledOperator) else (1.0, A)
    if not isinstance(operator, FractionalLaplacian) or factor == 0.0:
        raise TypeError(
            f"scheme='zernike' with {type(operator).__name__}: the basis diagonalises FractionalLaplacian(s) and its "
            "multiples only. Write scheme='auto'."
        )
    return factor, operator.s

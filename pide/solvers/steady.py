"""The steady half of `solve`: problems without time, on a grid, with the record of the run."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import numpy as np

from pide.arrays import namespace
from pide.continuum.stationary import Eigen, Stationary
from pide.discretise import discretise
from pide.operators.base import Operator
from pide.result import Result
from pide.solvers.ball import solve_in_ball
from pide.solvers.eigen import solve_eigen
from pide.solvers.record import Record, machine, versions
from pide.solvers.stationary import solve_stationary
from pide.spaces.grid import Grid
from pide.spaces.space import Space

__all__ = ["solve_steady"]

_SEED = 0


def solve_steady(problem: Stationary | Eigen, on: Space, scheme: str, tol: float) -> Result:
    """Solution of a steady problem on a grid, cloud or graph; `pide.solve` documents the arguments."""
    began, started = time.process_time(), datetime.now(UTC).isoformat(timespec="seconds")
    settings: dict[str, str | float | int] = {"tol": tol, "scheme": scheme}
    if scheme == "zernike" and isinstance(on, Grid):
        sampled = solve_in_ball(problem, on, tol)
        A = problem.operator.on(on, exterior=problem.exterior)
        record = _record(A, sampled.choices, 0, sampled.expansion.degree, sampled.u, settings, began, started)
        return Result(problem, A, np.zeros(1), sampled.u[None], Record(**record | {"error_estimate": sampled.error}))
    A = discretise(problem.operator, on, exterior=problem.exterior, scheme=scheme)
    if isinstance(problem, Eigen):
        pairs = solve_eigen(problem, A, tol, _SEED)
        record = _record(A, pairs.choices, pairs.applies, pairs.steps, np.ones(1), settings, began, started)
        record = record | {"seed": _SEED, "residuals": tuple(map(float, pairs.residuals))}
        numbers = np.arange(1.0, problem.count + 1)
        return Result(problem, A, numbers, pairs.modes, Record(**record), values=pairs.values)
    solution = solve_stationary(problem, A, tol)
    iterations = len(solution.history) - 1
    record = _record(A, solution.choices, iterations, iterations, solution.u, settings, began, started)
    record |= {"history": tuple(float(row.max()) for row in solution.history)}
    return Result(problem, A, np.zeros(1), solution.u[None, ...], Record(**record))


def _record(
    A: Operator, choices: dict[str, str], applies: int, steps: int, like: Any, settings: Any, began: float, started: str
) -> dict[str, Any]:
    discretisation = {"discretisation": "; ".join(A.notes)}
    return {
        "stepper": choices["solver"],
        "applies": applies,
        "steps": steps,
        "choices": discretisation | choices,
        "error_estimate": None,
        "versions": versions(namespace(like).__name__),
        "machine": machine(),
        "started": started,
        "cpu_seconds": time.process_time() - began,
        "settings": settings,
    }

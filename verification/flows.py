"""Flows, waves and solvers as subjects: what a stepper or a solve makes of a discrete operator.

Symbols: A operator, L = +-A its member <= 0, E(t) = exp(t L), tau step, lambda = |L|.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from pide.arrays import Array
from pide.continuum.problems import Evolution, Heat, Problem
from pide.continuum.stationary import Stationary
from pide.continuum.wave import Wave
from pide.discretise import discretise
from pide.operators.algebra import scale
from pide.operators.base import Operator
from pide.solvers.solve import solve
from pide.solvers.stepper import Flow, Stepper
from pide.spaces.cloud import PointCloud
from pide.spaces.grid import Grid
from pide.verification.adapters import as_subject
from pide.verification.subject import Subject, call

__all__ = ["FlowMap", "SolverMap", "WaveMap", "flow_of", "heat_flow", "solver_of", "wave_of"]

Field = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class FlowMap:
    """v -> E(t) v, approximately.

    Parameters
    ----------
    name : str
    operator : Subject
        Its L is the generator; its claims and rates say what the flow must do.
    advance : callable (v, t) -> v
    until : float, unit time
        A time at which the flow is checked.
    tolerance : float
        Stated relative error of `advance` in the norm of the space; the order of a one-step method is checked instead.
    order : int, optional
        Of a one-step method.
    refined : callable k -> FlowMap, optional
        The same method with its step divided by k.
    """

    kind: ClassVar[str] = "flow"

    name: str
    operator: Subject
    advance: Callable[[Array, float], Array]
    until: float
    tolerance: float
    order: int | None = None
    refined: Callable[[int], FlowMap] | None = None

    @property
    def claims(self) -> frozenset[str]:
        """Those of the operator."""
        return self.operator.claims

    @property
    def description(self) -> str:
        """Generator and time."""
        return f"t = {self.until:g}, generator {self.operator.name}: {self.operator.description}"

    def __call__(self, v: Field, dtype: str, t: float | None = None) -> Field:
        """E(t) v in `dtype`, as float64; t = until by default."""
        at = self.until if t is None else t
        return self.operator.evaluate(v, dtype, lambda x: self.advance(x, at))


@dataclass(frozen=True, eq=False)
class WaveMap:
    """(u, v) -> (u(t), u_t(t)) of u_tt = L u, with the stated relative drift of the energy."""

    kind: ClassVar[str] = "wave"

    name: str
    operator: Subject
    advance: Callable[[Array, Array, float], tuple[Array, Array]]
    until: float
    drift: float
    tolerance: float

    @property
    def claims(self) -> frozenset[str]:
        """Those of the operator."""
        return self.operator.claims

    @property
    def description(self) -> str:
        """Generator and time."""
        return f"t = {self.until:g}, generator {self.operator.name}: {self.operator.description}"


@dataclass(frozen=True, eq=False)
class SolverMap:
    """f -> u with A u = f, to a stated relative residual."""

    kind: ClassVar[str] = "solver"

    name: str
    operator: Subject
    solve: Callable[[Array], Array]
    tolerance: float

    @property
    def claims(self) -> frozenset[str]:
        """Those of the operator."""
        return self.operator.claims

    @property
    def description(self) -> str:
        """The operator."""
        return f"{self.operator.name}: {self.operator.description}"

    def __call__(self, f: Field) -> Field:
        """u as float64."""
        return np.asarray(call(self.solve, f), dtype=np.float64)


def flow_of(
    generator: Operator, stepper: Stepper, until: float, tolerance: float = 1e-9, order: int | None = None,
    refined: Callable[[int], Stepper] | None = None,
) -> FlowMap:
    """The flow of a discrete generator L <= 0 under a stepper.

    Parameters
    ----------
    generator : Operator
    stepper : Stepper
    until : float, unit time
    tolerance : float
        Passed to the stepper; of a one-step method, the error that it is known to make at `until`.
    order : int, optional
        Of a one-step method.
    refined : callable k -> Stepper, optional
        The method with its step divided by k; needed for its order.
    """  # fmt: skip

    def advance(v: Array, t: float) -> Array:
        return stepper.integrate(Flow(generator, v), [t], tolerance, lambda fraction: None).states[-1]

    finer = None
    if refined is not None:
        method = refined

        def finer(k: int) -> FlowMap:
            return flow_of(generator, method(k), until, tolerance, order)

    return FlowMap(f"{stepper}", as_subject(generator), advance, until, tolerance, order, finer)


def heat_flow(
    problem: Heat | Evolution, on: Grid | PointCloud, until: float, stepper: Any = "auto", tol: float = 1e-9
) -> FlowMap:
    """The flow of a linear problem, by the public `solve`; its data are replaced by the fields that are drawn."""

    def advance(v: Array, t: float) -> Array:
        return solve(_with_initial(problem, v), on=on, times=[t], stepper=stepper, tol=tol).final

    generator = scale(discretise(problem.operator, on, exterior=problem.exterior, evolution=True), float(problem.sign))
    return FlowMap(f"{type(problem).__name__} by {stepper}", as_subject(generator), advance, until, tol)


def wave_of(
    problem: Wave, on: Grid | PointCloud, until: float, stepper: Any = "auto", tol: float = 1e-9, drift: float = 1e-7
) -> WaveMap:
    """A wave by the public `solve`; `drift` is the relative error of the energy that is allowed."""

    def advance(u: Array, v: Array, t: float) -> tuple[Array, Array]:
        result = solve(_with_initial(problem, u, velocity=v), on=on, times=[t], stepper=stepper, tol=tol)
        velocities = result.velocities
        assert velocities is not None
        return result.final, velocities[-1]

    generator = scale(discretise(problem.operator, on, exterior=problem.exterior, evolution=True), float(problem.sign))
    return WaveMap(f"Wave by {stepper}", as_subject(generator), advance, until, drift, tol)


def solver_of(problem: Stationary, on: Grid | PointCloud, tol: float = 1e-10, scheme: str = "auto") -> SolverMap:
    """A steady problem by the public `solve`; its source is replaced by the fields that are drawn."""

    def inverse(f: Array) -> Array:
        again = Stationary(problem.operator, problem.domain, source=f, exterior=problem.exterior)
        return solve(again, on=on, tol=tol, scheme=scheme).final

    operator = discretise(problem.operator, on, exterior=problem.exterior, scheme=scheme)
    return SolverMap("Stationary", as_subject(operator), inverse, tol)


def _with_initial(problem: Problem, initial: Array, **changes: Any) -> Any:
    """The problem with other data."""
    return type(problem)(
        problem.operator, problem.domain, initial=initial, exterior=problem.exterior, **changes
    )

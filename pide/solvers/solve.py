"""`solve`: a problem in the continuum, on a grid, over time."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import array_api_compat
import numpy as np
from numpy.typing import NDArray

from pide.arrays import Array, is_numpy, like, namespace
from pide.continuum.ingredients import given_space
from pide.continuum.markov import MarkovJump
from pide.continuum.problems import PointwiseTerm, Problem
from pide.continuum.stationary import Eigen, Stationary
from pide.continuum.wave import Wave
from pide.discretise import discretise
from pide.operators.algebra import scale
from pide.operators.base import Operator
from pide.result import Result
from pide.solvers.choose import choose
from pide.solvers.jumps import master_equation
from pide.solvers.posedness import check_backward, check_forward, rounding_note
from pide.solvers.progress import progress_bar
from pide.solvers.record import Record, machine, versions
from pide.solvers.steady import solve_steady
from pide.solvers.stepper import Flow, OneStep, Stepper, Trajectory
from pide.solvers.steppers import ETD, Exact, check_wave_stepper, checked_stepper, wave_stepper
from pide.solvers.uniformisation import density_stepper
from pide.spaces.cloud import PointCloud
from pide.spaces.grid import Grid
from pide.spaces.space import Space

__all__ = ["solve"]

_FRAMES = 11


def solve(
    problem: Problem | Stationary | Eigen,
    *,
    on: Space | None = None,
    until: float | None = None,
    times: Sequence[float] | NDArray[np.float64] | None = None,
    stepper: Stepper | str = "auto",
    tol: float = 1e-6,
    progress: bool | None = None,
    scheme: str = "auto",
) -> Result:
    """Follow u_t = L u + b + q + f (u_tt for waves) on the nodes of a grid, or solve A u = f, or A phi = lambda phi.

    Parameters
    ----------
    problem : Heat, Evolution, Wave, MarkovJump, Stationary or Eigen
    on : Grid, PointCloud or None
        A grid or a cloud of the problem's domain. None for a problem with a discrete operator: the operator's space.
    until : float, unit of time
        Last time. Negative only for waves, and for bounded generators without reaction and time-dependent source.
    times : sequence of float, unit of time
        Output times, sorted away from 0. Without it, 0 and `until`, for steppers without a step of their own eleven
        equidistant times, which cost them no applies.
    stepper : Stepper or str
        "auto" or a stepper, such as ``Lanczos()`` or ``RungeKutta4(dt=0.001)``. What "auto" chose, and why, is in
        ``result.record.choices``.
    tol : float
        Relative l2 error at the output times, for the methods that control it; otherwise the accuracy of inner solves.
        Steady problems: relative residual.
    progress : bool or None
        Show a progress bar; None: when standard error is a terminal.
    scheme : str
        Discretisation, see `pide.discretise.discretise`. "zernike", for `Stationary` in balls: no discretisation, the
        expansion of `pide.solvers.zernike.zernike_solve` sampled at the nodes.

    Returns
    -------
    Result
        States in the library, dtype and device of the initial data, which is NumPy float64 for functions and numbers.

    Notes
    -----
    Nothing but inner products (a few numbers per Krylov vector and batch member) leaves the device of the initial data.

    Raises
    ------
    ValueError, TypeError
        A grid of another domain, times that are not sorted, an unknown stepper, data that do not fit the grid.
    StepTooLarge
        A step above the certified bound.
    IllPosedError
        Backward or anti-diffusive flow by an operator that is not bounded, or amplification beyond tol.
    NotConverged
        An iteration that did not reach its tolerance.

    Examples
    --------
    >>> import pide
    >>> line = pide.Interval(-1, 1)
    >>> heat = pide.Heat(pide.FractionalLaplacian(s=0.5), line, initial=1.0, exterior=pide.Zero())
    >>> pide.solve(heat, on=line.grid(64), until=0.1).record.choices["stepper"].split("(")[0]
    'Lanczos'
    """
    began, started = time.process_time(), datetime.now(UTC).isoformat(timespec="seconds")
    if not isinstance(problem, (Problem, Stationary, Eigen)):
        raise TypeError(f"solve({type(problem).__name__}): a problem is needed. Write Heat(A, domain, initial=...).")
    on = _checked_space(problem, on)
    if not isinstance(problem, Problem):
        _check_steady(problem, until, times, stepper, tol)
        return solve_steady(problem, on, scheme, tol)
    method = checked_stepper(stepper)
    if not 0.0 < tol < 1.0:
        raise ValueError(f"solve(tol={tol}): a relative error between 0 and 1 is needed. Write tol=1e-6.")
    outputs, how = _output_times(until, times, method)
    discrete = discretise(problem.operator, on, exterior=problem.exterior, scheme=scheme, evolution=True)
    generator = scale(discrete, problem.sign)
    flow = _flow(problem, generator, on)
    if isinstance(problem, MarkovJump):
        flow = master_equation(flow)
    choices = {"times": how} if how else {}
    span = float(outputs[-1])
    if not isinstance(problem, Wave):
        choices |= check_backward(flow, span, tol) if span < 0 else check_forward(flow)
    if method is None:
        method, reason = _chosen(problem, flow, outputs, tol)
        choices["stepper"] = f"{method}: {reason}"
    elif isinstance(problem, Wave):
        check_wave_stepper(method)
    with progress_bar(type(method).__name__, progress) as report:
        run = method.integrate(flow, [float(t) for t in outputs], tol, report)
    if not isinstance(method, Exact):
        choices |= rounding_note(flow, span, tol)
    settings: dict[str, str | float | int] = {"tol": tol, "stepper": str(stepper), "until": span, "scheme": scheme}
    record = _record(flow, method, run, choices, began, started, settings)
    stack = namespace(flow.initial).stack
    velocities = None if run.velocities is None else stack(list(run.velocities))
    return Result(problem, flow.generator, outputs, stack(list(run.states)), record, velocities=velocities)


def _chosen(problem: Problem, flow: Flow, times: NDArray[np.float64], tol: float) -> tuple[Stepper, str]:
    """Stepper and reason."""
    if isinstance(problem, Wave):
        return wave_stepper(flow)
    special = density_stepper(flow, float(times[-1])) if isinstance(problem, MarkovJump) else None
    return special or choose(flow, times.tolist(), tol)


def _check_steady(problem: Stationary | Eigen, until: Any, times: Any, stepper: Any, tol: float) -> None:
    if until is not None or times is not None or stepper != "auto":
        raise ValueError(
            f"solve({type(problem).__name__}) with until=, times= or stepper=: a steady problem has no time. "
            "Leave them out."
        )
    if not 0.0 < tol < 1.0:
        raise ValueError(f"solve(tol={tol}): a relative residual between 0 and 1 is needed. Write tol=1e-8.")


def _checked_space(problem: Problem | Stationary | Eigen, on: Any) -> Space:
    """The space to solve on: that of a discrete operator, otherwise a grid or a cloud of the problem's domain."""
    own: Space | None = given_space(problem.operator)
    if own is not None:
        return own if on is None else on
    if not isinstance(on, (Grid, PointCloud)):
        raise TypeError(f"solve(on={type(on).__name__}): a grid or a point cloud is needed. Write on=domain.grid(64).")
    if on.domain is not problem.domain and on.domain != problem.domain:
        raise ValueError(
            f"solve: the grid belongs to {on.domain!r}, the problem to {problem.domain!r}. "
            "Write on=problem.domain.grid(...)."
        )
    return on


def _output_times(until: Any, times: Any, method: Stepper | None) -> tuple[NDArray[np.float64], str]:
    """Checked output times, and in words how they were chosen when the caller did not."""
    if times is None:
        if until is None:
            raise ValueError("solve: no time is given. Write until=1.0, or times=[0, 0.5, 1.0].")
        if isinstance(until, bool) or not isinstance(until, (int, float, np.number)) or not math.isfinite(until):
            raise ValueError(f"solve(until={until!r}): a finite number is needed. Write until=1.0.")
        stepping = isinstance(method, OneStep) or (isinstance(method, ETD) and method.dt is not None)
        count = 2 if stepping else _FRAMES
        return np.linspace(0.0, float(until), count), f"{count} equidistant times, because only `until` was given"
    if until is not None:
        raise ValueError("solve(until=..., times=...): one of the two. Write times=numpy.linspace(0, until, 50).")
    outputs = np.asarray(times, dtype=np.float64)
    if outputs.ndim != 1 or outputs.size == 0 or not np.isfinite(outputs).all():
        raise ValueError("solve(times=...): a nonempty list of finite numbers is needed. Write times=[0, 0.5, 1.0].")
    forward, backward = outputs, -outputs
    if not any(bool(np.all(t >= 0) and np.all(np.diff(t) > 0)) for t in (forward, backward)):
        raise ValueError(
            "solve(times=...): times start at 0 or later and increase, or start at 0 or earlier and decrease. "
            "Write times=sorted(set(times))."
        )
    return outputs + 0.0, ""


def _flow(problem: Problem, generator: Operator, on: Space) -> Flow:
    """The flow of the problem on the grid, all data in the library of the initial data."""
    u = _field(problem.initial, "initial", on)
    load = generator.load
    if load is not None:
        load = like(load, u) if is_numpy(load) else namespace(load, u).astype(load, u.dtype)
    source, term = None, problem.source_term
    if term is not None and term.uses_time:
        source = _bound(term, u, on)
    elif problem.source is not None:
        q = like(on.sample(problem.source), u)
        load = q if load is None else load + q
    reaction = None if problem.reaction_term is None else _bound(problem.reaction_term, u, on)
    return Flow(generator, u, load, source, reaction, _velocity(problem, u, on))


def _field(data: Any, name: str, on: Space) -> Array:
    """Initial data as a field, in their own array library when they have one."""
    if not array_api_compat.is_array_api_obj(data) or data.ndim == 0:
        return on.sample(data)
    on.check_field(data, name)
    return data


def _velocity(problem: Problem, u: Array, on: Space) -> Array | None:
    """u_t at t = 0 of a wave, in the library and with the batch of u."""
    if not isinstance(problem, Wave):
        return None
    v = _field(problem.velocity, "velocity", on)
    return namespace(u).zeros_like(u) + (like(v, u) if is_numpy(v) else v)


def _bound(term: PointwiseTerm, u: Array, on: Space) -> Callable[..., Array]:
    """The term as a field of (u, t), or of t, zero outside the domain, with coordinates like u."""
    x = tuple(like(np.ascontiguousarray(c), u) for c in on.coordinates) if term.uses_coordinates else ()
    zero = namespace(u).zeros_like(u)

    def with_state(v: Array, t: float) -> Array:
        return on.restricted(zero + term(v, x, t))

    def without_state(t: float) -> Array:
        return on.restricted(zero + term(None, x, t))

    return with_state if term.with_state else without_state


def _record(
    flow: Flow,
    method: Stepper,
    run: Trajectory,
    choices: dict[str, str],
    began: float,
    started: str,
    settings: dict[str, str | float | int],
) -> Record:
    counts = {name: str(count) for name, count in flow.tally.items() if name != "applies"}
    return Record(
        stepper=str(method),
        applies=flow.tally["applies"],
        steps=run.steps,
        choices=choices | run.notes | counts,
        error_estimate=run.error_estimate,
        versions=versions(namespace(flow.initial).__name__),
        machine=machine(),
        started=started,
        cpu_seconds=time.process_time() - began,
        settings=settings,
    )

"""`relax`: follow a flow until it rests, by segments of doubling length."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from pide.arrays import Array, namespace
from pide.continuum.problems import Evolution, Heat
from pide.errors import NotConverged
from pide.result import Result
from pide.solvers.rows import as_rows, detached, norms
from pide.solvers.solve import solve
from pide.solvers.stepper import Stepper
from pide.spaces.grid import Grid

__all__ = ["relax"]

_SEGMENTS = 10


def relax(
    problem: Heat | Evolution,
    *,
    on: Grid,
    rate: float,
    latest: float,
    stepper: Stepper | str = "auto",
    tol: float = 1e-6,
    progress: bool | None = None,
    scheme: str = "auto",
) -> Result:
    """Follow u_t = L u + b + f(u) until |u(t_k) - u(t_{k-1})| <= rate (t_k - t_{k-1}) |u(t_k)|.

    Parameters
    ----------
    problem : Heat or Evolution
        Without explicit dependence on time.
    on : Grid
    rate : float, unit 1/time
        Relative speed below which the flow counts as at rest, for every batch member.
    latest : float, unit of time
        Time at which to give up; the segments end at latest / 2^10, latest / 2^9, ..., latest.
    stepper, tol, progress, scheme
        As for `pide.solve`, for each segment.

    Returns
    -------
    Result
        States at 0 and at the end of every segment; the record adds up the segments.

    Notes
    -----
    The speed is the mean over the last segment, so a slow start does not count as rest unless it lasts for
    latest / 2^10. Linear problems have a direct way: `Stationary`.

    Raises
    ------
    ValueError
        For sources and reactions with a parameter t, and when `rate` or `latest` is not positive.
    NotConverged
        When the flow still moves at `latest`; the message holds its speed.

    Examples
    --------
    >>> import pide
    >>> from pide.solvers.relax import relax
    >>> ring = pide.Torus((1.0,))
    >>> fisher = pide.Evolution(pide.Laplacian(), ring, initial=0.1, reaction=lambda u: u * (1 - u))
    >>> float(relax(fisher, on=ring.grid(4), rate=1e-6, latest=100.0).final[0].round(5))
    1.0
    """
    _check(problem, rate, latest)
    results: list[Result] = []
    times = [0.0]
    for k in range(_SEGMENTS + 1):
        end = latest / 2 ** (_SEGMENTS - k)
        start = problem if not results else replace(problem, initial=results[-1].final)
        segment = [0.0, end] if not results else [end - times[-1]]
        results.append(solve(start, on=on, times=segment, stepper=stepper, tol=tol, progress=progress, scheme=scheme))
        before = results[0].states[0] if len(results) == 1 else results[-2].final
        speed = _speed(before, results[-1].final, end - times[-1], on)
        times.append(end)
        if speed <= rate:
            return _joined(problem, results, times, f"at t = {end:g}, relative speed {speed:.1e} <= {rate:g}")
    raise NotConverged(
        f"relax: relative speed {speed:.1e} at t={latest:g}, wanted {rate:.1e}. Take a larger latest or rate; "
        "a solution that decays to 0 or oscillates never rests in relative terms."
    )


def _check(problem: Heat | Evolution, rate: float, latest: float) -> None:
    timed = [t for t in (problem.source_term, problem.reaction_term) if t is not None and t.uses_time]
    if timed:
        raise ValueError("relax: a source or reaction that depends on t never rests. Write solve(problem, until=...).")
    for name, value in (("rate", rate), ("latest", latest)):
        if not (math.isfinite(value) and value > 0):
            raise ValueError(f"relax({name}={value:g}): a positive number is needed. Write {name}=1.0.")


def _speed(before: Array, after: Array, tau: float, on: Grid) -> float:
    """Largest |after - before| / (tau |after|) of the batch."""
    moved, size = (norms(as_rows(on.rescaled(detached(v)), on.ndim)) for v in (after - before, after))
    return float(np.max(np.divide(moved, size, out=np.where(moved > 0, np.inf, 0.0), where=size > 0))) / tau


def _joined(problem: Heat | Evolution, results: list[Result], times: list[float], rest: str) -> Result:
    """One result with the states of all segments and the sum of their costs."""
    records = [result.record for result in results]
    record = replace(
        records[-1],
        applies=sum(record.applies for record in records),
        steps=sum(record.steps for record in records),
        cpu_seconds=sum(record.cpu_seconds for record in records),
        started=records[0].started,
        choices=records[-1].choices | {"rest": rest},
    )
    states = namespace(results[0].final).concat([result.states for result in results], axis=0)
    return replace(results[-1], problem=problem, times=np.array(times), states=states, record=record)

"""Long runs: every state is appended to a zarr store as it is reached, and an interrupted run goes on exactly.

The run advances from one stored state to the next, so a run that was killed and started again holds the same
bits as one that was not.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pide.arrays import is_numpy, to_host
from pide.continuum.problems import Problem
from pide.continuum.wave import Wave
from pide.files import AXES, atomic
from pide.solvers.solve import solve
from pide.solvers.stepper import Stepper

__all__ = ["solve_to_store"]


def solve_to_store(
    problem: Problem,
    *,
    on: Any,
    times: Sequence[float],
    path: str | Path,
    stepper: str | Stepper = "auto",
    tol: float = 1e-6,
    progress: bool | None = None,
    scheme: str = "auto",
) -> Path:
    """Solve from each time to the next and append every state to a zarr store; called again, go on where it stopped.

    Parameters
    ----------
    problem : Problem
        Without a source or reaction that depends on time; its initial data a NumPy array or a function.
    on : Grid
    times : sequence of float, unit of time
        Increasing from 0; the state at each of them is stored.
    path : str or Path
        Folder of the store, created by the first call. `xarray.open_zarr(path)` reads it at any moment; states that
        have not been reached are NaN.
    stepper, tol, progress, scheme
        As in `pide.solve`; `tol` holds for each interval between times.

    Returns
    -------
    Path

    Notes
    -----
    A state counts as reached when the file PATH.progress.json beside the store says so; it is replaced whole, after the
    state has been written. A process that is killed at any instant therefore loses at most the interval it was at.
    Functions of the problem are told apart by their byte code and by what they close over, so that a store begun under
    another version of Python may be refused.

    Raises
    ------
    TypeError
        For waves.
    ValueError
        If the store belongs to another problem, grid, stepper or list of times; if the problem depends on time.
    ImportError
        Without zarr.
    """
    zarr = _zarr()
    _check(problem, times)
    path = Path(path)
    initial = on.sample(problem.initial)
    identity = _identity(problem, on, times, initial, {"stepper": str(stepper), "tol": repr(tol), "scheme": scheme})
    done = _resumed(path, identity)
    if done == 0:
        _create(zarr, path, on, times, initial)
        _advance(path, identity, 1)
    states = zarr.open_group(str(path), mode="r+")["u"]
    for k in range(max(done, 1), len(times)):
        segment = replace(problem, initial=np.asarray(states[k - 1]))
        span = times[k] - times[k - 1]
        result = solve(segment, on=on, until=span, stepper=stepper, tol=tol, progress=progress, scheme=scheme)
        states[k] = result.final
        _advance(path, identity, k + 1)
    return path


def _zarr() -> Any:
    try:
        import zarr
    except ImportError:
        raise ImportError("long runs are stored by zarr. Install pide-operators[files].") from None
    return zarr


def _check(problem: Problem, times: Sequence[float]) -> None:
    if isinstance(problem, Wave):
        raise TypeError(
            "solve_to_store(Wave): a store holds one field per time, and a wave needs its velocity to go on. "
            "Write pide.solve(problem, times=...) and result.save(path)."
        )
    terms = (problem.source_term, problem.reaction_term)
    if any(term is not None and term.uses_time for term in terms):
        raise ValueError(
            "solve_to_store: the source or reaction depends on time, and each interval starts a new clock. "
            "Write pide.solve(problem, times=...)."
        )
    if len(times) < 2 or times[0] != 0 or np.any(np.diff(times) <= 0):
        raise ValueError(
            f"solve_to_store(times of {len(times)} entries): needs times that increase from 0. "
            "Write numpy.linspace(0, until, 11)."
        )
    if hasattr(problem.initial, "shape") and not is_numpy(problem.initial):
        raise ValueError("solve_to_store: states are stored from NumPy. Write initial=pide.arrays.to_host(u).")


def _identity(
    problem: Problem, grid: Any, times: Sequence[float], initial: NDArray[Any], choices: dict[str, str]
) -> dict[str, str]:
    """What must agree between the calls that share a store."""
    return {
        "problem": _plain(f"{type(problem).__name__}({problem.operator!r}, {problem.domain!r}, {problem.exterior!r})"),
        "source": _content(problem.source),
        "reaction": _content(getattr(problem, "reaction", None)),
        "grid": f"shape {grid.shape}, spacing {grid.spacing}, lower {grid.lower}",
        "times": _digest(np.asarray(times, dtype=np.float64)),
        "initial": _digest(initial),
    } | choices


def _content(value: Any) -> str:
    """What a function computes, by its code and what it closes over, or the digest of an array, or a number."""
    code = getattr(value, "__code__", None)
    if code is None:
        return _digest(value) if hasattr(value, "shape") else _plain(repr(value))
    closed = [_content(cell.cell_contents) for cell in value.__closure__ or ()]
    parts = code.co_code, _plain(repr(code.co_consts)), code.co_names, value.__defaults__, closed
    return f"{code.co_name} {hashlib.sha256(_plain(repr(parts)).encode()).hexdigest()}"


def _plain(text: str) -> str:
    """A text without the addresses of objects, which differ between processes."""
    return re.sub(r" at 0x[0-9a-f]+|, file \"[^\"]*\", line \d+", "", text)


def _digest(array: Any) -> str:
    return hashlib.sha256(np.ascontiguousarray(to_host(array)).tobytes()).hexdigest()


def _create(zarr: Any, path: Path, grid: Any, times: Sequence[float], initial: NDArray[Any]) -> None:
    """Empty store with the initial state in place."""
    axes = AXES[: grid.dimension]
    batch = [f"batch_{i}" for i in range(initial.ndim - grid.dimension)]
    group = zarr.open_group(str(path), mode="a")
    states = group.create_array(
        "u",
        shape=(len(times), *initial.shape),
        chunks=(1, *initial.shape),
        dtype=initial.dtype,
        fill_value=np.nan,
        dimension_names=["time", *batch, *axes],
        overwrite=True,
    )
    group.create_array("time", data=np.asarray(times, dtype=np.float64), dimension_names=["time"], overwrite=True)
    for name, axis in zip(axes, grid.axes, strict=True):
        group.create_array(name, data=np.asarray(axis), dimension_names=[name], overwrite=True)
    states[0] = initial


def _progress_file(path: Path) -> Path:
    return path.with_name(f"{path.name}.progress.json")


def _advance(path: Path, identity: dict[str, str], done: int) -> None:
    with atomic(_progress_file(path)) as draft:
        draft.write_text(json.dumps({"states": done, "identity": identity}, indent=2), encoding="utf-8")


def _resumed(path: Path, identity: dict[str, str]) -> int:
    """Number of states that the store holds; 0 for a new one, whose progress file claims the folder first."""
    if not _progress_file(path).exists():
        if path.exists():
            raise ValueError(f"{path}: exists and is no store of a long run. Give a new folder for the store.")
        _advance(path, identity, 0)
    progress = json.loads(_progress_file(path).read_text(encoding="utf-8"))
    different = [name for name, value in identity.items() if progress["identity"].get(name) != value]
    if different:
        raise ValueError(f"{path}: holds a run with another {', '.join(different)}. Give a new folder for this run.")
    return int(progress["states"])

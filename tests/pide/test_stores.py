"""Long runs: killed at any instant, they go on to the same bits."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import pide
from pide import kernels
from pide.stores import solve_to_store

pytest.importorskip("zarr")

TIMES = np.linspace(0, 0.02, 101)
PROGRAM = """
import runpy, sys
names = runpy.run_path(sys.argv[1])
problem, grid = names["problem_and_grid"]()
names["solve_to_store"](problem, on=grid, times=names["TIMES"], path=sys.argv[2])
"""


def problem_and_grid() -> tuple[pide.Heat, pide.Grid]:
    box = pide.Box(((0, 1), (0, 1)))
    operator = pide.NonlocalDiffusion(kernels.Constant(horizon=0.1))
    heat = pide.Heat(operator, box, initial=lambda x, y: 1.0 * (x > y), exterior=pide.Reflecting())
    return heat, box.grid(64)


def stored(path: Path) -> np.ndarray:
    import zarr

    return np.asarray(zarr.open_group(str(path), mode="r")["u"][...])


def reached(path: Path) -> int:
    progress = path.with_name(f"{path.name}.progress.json")
    return json.loads(progress.read_text())["states"] if progress.exists() else 0


def test_a_killed_run_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    store = tmp_path / "killed"
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, __file__, str(store)])
    deadline = time.monotonic() + 60
    while reached(store) < 4 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    done = reached(store)
    assert 4 <= done < len(TIMES)

    problem, grid = problem_and_grid()
    solve_to_store(problem, on=grid, times=TIMES, path=store)
    solve_to_store(problem, on=grid, times=TIMES, path=tmp_path / "whole")
    assert reached(store) == len(TIMES)
    np.testing.assert_array_equal(stored(store), stored(tmp_path / "whole"))


def test_the_stored_states_solve_the_problem(tmp_path: Path) -> None:
    problem, grid = problem_and_grid()
    solve_to_store(problem, on=grid, times=TIMES[:5], path=tmp_path / "run", tol=1e-10)
    direct = pide.solve(problem, on=grid, until=TIMES[4], tol=1e-10).final
    assert grid.norm(stored(tmp_path / "run")[-1] - direct) <= 1e-8 * grid.norm(direct)


def test_xarray_reads_a_store_with_its_coordinates(tmp_path: Path) -> None:
    import xarray as xr

    problem, grid = problem_and_grid()
    solve_to_store(problem, on=grid, times=TIMES[:3], path=tmp_path / "run")
    data = xr.open_zarr(tmp_path / "run", consolidated=False)
    assert data["u"].dims == ("time", "x", "y")
    np.testing.assert_array_equal(data["y"].values, grid.axes[1])
    np.testing.assert_array_equal(data["time"].values, TIMES[:3])


def test_a_store_refuses_another_run(tmp_path: Path) -> None:
    problem, grid = problem_and_grid()
    solve_to_store(problem, on=grid, times=TIMES[:3], path=tmp_path / "run")
    other = dataclasses.replace(problem, initial=lambda x, y: x * y)
    with pytest.raises(ValueError, match="holds a run with another initial"):
        solve_to_store(other, on=grid, times=TIMES[:3], path=tmp_path / "run")
    with pytest.raises(ValueError, match="another times, tol"):
        solve_to_store(problem, on=grid, times=TIMES[:4], path=tmp_path / "run", tol=1e-3)


def test_refusals_say_what_to_write(tmp_path: Path) -> None:
    problem, grid = problem_and_grid()
    with pytest.raises(ValueError, match=r"times that increase from 0. Write numpy.linspace"):
        solve_to_store(problem, on=grid, times=[0.1, 0.2], path=tmp_path / "run")
    with pytest.raises(ValueError, match=r"depends on time.*Write pide.solve"):
        solve_to_store(
            dataclasses.replace(problem, source=lambda x, y, t: t * x), on=grid, times=TIMES, path=tmp_path / "run"
        )
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "notes.txt").write_text("mine")
    with pytest.raises(ValueError, match="exists and is no store"):
        solve_to_store(problem, on=grid, times=TIMES, path=tmp_path / "taken")


def test_waves_are_refused_because_a_store_holds_no_velocity(tmp_path: Path) -> None:
    line = pide.Interval(0, 1)
    wave = pide.Wave(pide.Laplacian(), line, initial=1.0, exterior=pide.Zero())
    with pytest.raises(TypeError, match="needs its velocity"):
        solve_to_store(wave, on=line.grid(8), times=[0.0, 0.1], path=tmp_path / "wave")


def test_another_scheme_is_another_run(tmp_path: Path) -> None:
    line = pide.Interval(-1, 1)
    heat = pide.Heat(pide.FractionalLaplacian(0.5), line, initial=lambda x: 1 - x**2, exterior=pide.Zero())
    options = {"on": line.grid(16), "times": [0.0, 0.1], "path": tmp_path / "heat"}
    solve_to_store(heat, **options, scheme="lattice")
    plain = pide.solve(heat, on=options["on"], until=0.1, scheme="lattice").final
    assert np.array_equal(stored(options["path"])[-1], plain)
    with pytest.raises(ValueError, match="scheme"):
        solve_to_store(heat, **options)


def growth(rate: float) -> pide.Evolution:
    line = pide.Interval(0, 1)
    reaction = lambda u: rate * u * (1 - u)  # noqa: E731
    return pide.Evolution(pide.Laplacian(), line, initial=0.5, exterior=pide.Reflecting(), reaction=reaction)


def test_another_reaction_is_another_run(tmp_path: Path) -> None:
    grid = growth(1.0).domain.grid(8)
    options = {"on": grid, "path": tmp_path / "growth"}
    solve_to_store(growth(1.0), times=[0.0, 0.1, 0.2], **options)
    solve_to_store(growth(1.0), times=[0.0, 0.1, 0.2], **options)
    with pytest.raises(ValueError, match="reaction"):
        solve_to_store(growth(2.0), times=[0.0, 0.1, 0.2], **options)


def test_kernels_of_functions_go_on_in_another_process(tmp_path: Path) -> None:
    program = (
        "import pide, sys\n"
        "ring = pide.Torus((1.0,))\n"
        "A = pide.NonlocalDiffusion(pide.kernels.Radial(lambda r: 1 - r / 0.3, horizon=0.3))\n"
        "heat = pide.Heat(A, ring, initial=lambda x: x, source=lambda x: 0 * x)\n"
        "pide.solve_to_store(heat, on=ring.grid(16), times=[0.0, 0.1], path=sys.argv[1])\n"
    )
    for _ in range(2):
        subprocess.run([sys.executable, "-c", program, str(tmp_path / "ring")], check=True)

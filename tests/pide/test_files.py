"""Labelled files: round trip, labels, and writing whole or not at all."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pide.files import atomic, load, writable
from pide.labels import Labels
from pide.result import Result


def test_round_trip_keeps_states_coordinates_units_and_record(
    tmp_path: Path, small_result: Callable[..., Result]
) -> None:
    result = small_result(2, labels=Labels("elevation", "m", "km", "yr"))
    assert result.save(tmp_path / "run.nc") == tmp_path / "run.nc"
    data = load(tmp_path / "run.nc")
    np.testing.assert_array_equal(data["elevation"].values, result.states)
    np.testing.assert_array_equal(data["inside"].values, result.operator.space.inside)
    np.testing.assert_array_equal(data["time"].values, result.times)
    for name, axis in zip("xy", result.operator.space.axes, strict=True):
        np.testing.assert_array_equal(data[name].values, axis)
    assert data["elevation"].dims == ("time", "x", "y")
    assert [data[name].attrs["units"] for name in ("elevation", "x", "time")] == ["m", "km", "yr"]
    np.testing.assert_array_equal(data["variance"].values, result.variance)
    record = json.loads(data.attrs["record"])
    assert record["stepper"] == result.record.stepper
    assert record["operator"] == repr(result.problem.operator)
    assert set(record["claims"]) == set(result.operator.claims)


def test_batches_become_dimensions(small_result: Callable[..., Result]) -> None:
    result = small_result(1)
    pair = dataclasses.replace(result, states=np.stack([result.states, 2 * result.states], axis=1))
    data = pair.to_xarray()
    assert data["u"].dims == ("time", "batch_0", "x")
    assert data["mass"].dims == ("time", "batch_0")
    assert data["u"].attrs["units"] == "1"


def test_float32_states_stay_float32(tmp_path: Path, small_result: Callable[..., Result]) -> None:
    result = small_result(1)
    single = dataclasses.replace(result, states=result.states.astype(np.float32))
    single.save(tmp_path / "single.nc")
    assert load(tmp_path / "single.nc")["u"].dtype == np.float32


def test_a_failed_write_leaves_the_old_file_and_no_draft(tmp_path: Path) -> None:
    path = tmp_path / "data.txt"
    path.write_text("old")

    def write() -> None:
        with atomic(path) as draft:
            draft.write_text("half")
            raise RuntimeError("interrupted")

    with pytest.raises(RuntimeError, match="interrupted"):
        write()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["data.txt"]


def test_a_finished_write_replaces_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "data.txt"
    path.write_text("old")
    with atomic(path) as draft:
        draft.write_text("new")
    assert path.read_text() == "new"
    assert os.listdir(tmp_path) == ["data.txt"]


def test_unwritable_places_are_refused_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"the folder .*missing does not exist.*mkdir -p"):
        writable(tmp_path / "missing" / "a.nc")
    with pytest.raises(IsADirectoryError, match="Give the name of a file in it"):
        writable(tmp_path)


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a folder that refuses files from every user")
def test_a_folder_that_refuses_files_is_named() -> None:
    with pytest.raises(PermissionError, match=r"no file can be created in /proc.*Choose another folder"):
        writable("/proc/a.nc")


@pytest.mark.parametrize(
    ("dimension", "cell", "size"), [(1, "line", 0.05), (2, "quad", 0.01), (3, "hexahedron", 1 / 512)]
)
def test_vtk_holds_the_states_at_the_nodes_and_positive_cells(
    tmp_path: Path, small_result: Callable[..., Result], dimension: int, cell: str, size: float
) -> None:
    meshio = pytest.importorskip("meshio")
    result = small_result(dimension)
    result.save(tmp_path / "run.vtu")
    mesh = meshio.read(tmp_path / "run.vtu")
    grid = result.operator.space
    for axis, coordinate in enumerate(grid.coordinates):
        np.testing.assert_array_equal(mesh.points[:, axis], coordinate[grid.inside])
    np.testing.assert_array_equal(mesh.point_data[f"u, t={result.times[-1]:.9g}"], result.final[grid.inside])
    corners = mesh.points[mesh.cells_dict[cell]]
    edges = [corners[:, j] - corners[:, 0] for j in ((1,), (1, 3), (1, 3, 4))[dimension - 1]]
    edges += [np.eye(3)[axis] + 0 * edges[0] for axis in range(dimension, 3)]
    volumes = np.linalg.det(np.stack(edges, axis=1))  # positive: VTK's orientation
    np.testing.assert_allclose(volumes, size, rtol=1e-12)


def test_wrong_names_and_missing_files(tmp_path: Path, small_result: Callable[..., Result]) -> None:
    with pytest.raises(ValueError, match=r"results are .nc or .vtu files. Write 'a.nc'"):
        small_result(1).save(tmp_path / "a.h5")
    with pytest.raises(FileNotFoundError, match="no such file"):
        load(tmp_path / "none.nc")

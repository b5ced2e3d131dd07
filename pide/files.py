"""Labelled files: results as xarray datasets and netCDF, written whole or not at all.

A file is written beside its destination, flushed to the disk and renamed over it, so that a
reader sees the old file or the new one and never a part. An existing file is replaced.
"""

from __future__ import annotations

import dataclasses
import json
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from pide.arrays import to_host
from pide.spaces.graph import Graph
from pide.spaces.grid import Grid

if TYPE_CHECKING:
    import xarray as xr

    from pide.result import Result

__all__ = ["AXES", "atomic", "load", "record_json", "save", "to_xarray", "writable"]

AXES = ("x", "y", "z")


def writable(path: str | Path) -> Path:
    """`path`, once it is certain that a file can be created there; called before the work, not after it.

    Raises
    ------
    FileNotFoundError, PermissionError, IsADirectoryError
        If the folder is missing or refuses new files, or `path` is itself a folder.
    """
    path = Path(path)
    folder = path.parent
    if not folder.is_dir():
        raise FileNotFoundError(f"{path}: the folder {folder} does not exist. Create it first: mkdir -p {folder}.")
    if path.is_dir():
        raise IsADirectoryError(f"{path}: this is a folder. Give the name of a file in it.")
    try:
        with tempfile.TemporaryFile(dir=folder):
            return path
    except OSError as error:
        raise PermissionError(
            f"{path}: no file can be created in {folder} ({error.strerror}). "
            "Choose another folder, or make this one writable."
        ) from None


@contextmanager
def atomic(path: str | Path) -> Iterator[Path]:
    """Temporary path in the folder of `path`, renamed to `path` when the block ends without an exception."""
    path = writable(path)
    draft = path.with_name(f".{path.stem}-{secrets.token_hex(4)}{path.suffix}")
    try:
        yield draft
        _flush(draft)
        os.replace(draft, path)
        _flush(path.parent)
    finally:
        draft.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    """Have the system write the file, or the folder's list of names, to the disk."""
    if path.is_dir() and os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def record_json(result: Result) -> str:
    """The run record, with the problem and the claims and notes of its discrete operator, as JSON text."""
    problem = result.problem
    entries = dataclasses.asdict(result.record) | {
        "problem": type(problem).__name__,
        "operator": repr(problem.operator),
        "domain": repr(problem.domain),
        "exterior": repr(problem.exterior),
        "claims": sorted(result.operator.claims),
        "notes": list(result.operator.notes),
    }
    return json.dumps(entries, indent=2, default=str)


def to_xarray(result: Result) -> xr.Dataset:
    """The states with named coordinates, units, the curves over time, and the run record as attributes.

    Dimensions are (time, batch_0, ..., x, y, z), on clouds and graphs (time, batch_0, ..., point), for eigenmodes
    `mode` with its `eigenvalue` in place of time; `inside` marks the nodes of the domain.
    """
    import xarray as xr

    grid, labels = result.operator.space, result.labels
    states = to_host(result.states)
    on_points = not isinstance(grid, Grid)
    axes = ("point",) if on_points else AXES[: grid.dimension]
    batch = tuple(f"batch_{i}" for i in range(states.ndim - 1 - grid.ndim))
    length = {"units": labels.length_unit or "1"}
    first = "time" if result.values is None else "mode"
    units = {"units": labels.time_unit or "1"} if result.values is None else {}
    coordinates: dict[str, Any] = {first: (first, result.times, units)}
    if result.values is not None:
        coordinates["eigenvalue"] = (first, result.values, {"long_name": "eigenvalue of the operator"})
    along = grid.coordinates if on_points else grid.axes
    coordinates |= {
        name: ("point" if on_points else name, np.asarray(axis), length)
        for name, axis in zip(_coordinate_names(grid), along, strict=True)
    }
    curves = {
        "mass": "m-weighted sum of the field, <1, u>",
        "energy": "squared norm of the field, |u|_m^2",
        "variance": "m-weighted variance over the nodes of the domain",
        "dirichlet_energy": "-<L u, u>/2 of the generator L",
    }
    variables: dict[str, Any] = {
        labels.quantity: ((first, *batch, *axes), states, {"units": labels.unit or "1"}),
        "inside": (axes, np.asarray(grid.inside), {"long_name": "whether the node lies in the domain"}),
    }
    if on_points:
        variables["weights"] = (axes, grid.masses, {"long_name": "masses of the points"})
    if result.velocities is not None:
        variables["velocity"] = ((first, *batch, *axes), to_host(result.velocities), {"long_name": "u_t"})
        curves["total_energy"] = "|u_t|_m^2/2 - <L u, u>/2 of a wave"
    for name, text in curves.items():
        variables[name] = ((first, *batch), getattr(result, name), {"long_name": text})
    attributes = {"record": record_json(result), "source": f"pide {result.record.versions.get('pide', '')}".strip()}
    return xr.Dataset(variables, coords=coordinates, attrs=attributes)


def _coordinate_names(space: Any) -> tuple[str, ...]:
    if isinstance(space, Graph) and space.positions is None:
        return ("vertex",)
    if space.dimension <= len(AXES):
        return AXES[: space.dimension]
    return tuple(f"x{axis}" for axis in range(1, space.dimension + 1))


def save(result: Result, path: str | Path) -> Path:
    """Write the result as netCDF (.nc), or as VTK (.vtu, by meshio, of the extra `files`) for ParaView.

    The file is written whole or not at all; an existing one is replaced. Only netCDF holds the run record, and is what
    `load` reads.
    """
    path = Path(path)
    if path.suffix not in (".nc", ".vtu"):
        raise ValueError(f"save({str(path)!r}): results are .nc or .vtu files. Write {path.with_suffix('.nc').name!r}.")
    with atomic(path) as draft:
        if path.suffix == ".nc":
            to_xarray(result).to_netcdf(draft, engine="netcdf4")
        else:
            _write_vtu(result, draft)
    return path


def _write_vtu(result: Result, path: Path) -> None:
    """Nodes of the domain as points, one point field per time; cells are lattice cells with all corners inside, edges
    of graphs, and single points of clouds."""
    try:
        import meshio
    except ImportError:
        raise ImportError("VTK files need meshio. Install pide-operators[files], or write netCDF, '.nc'.") from None
    grid = result.operator.space
    if grid.dimension > len(AXES) or (isinstance(grid, Graph) and grid.positions is None):
        raise ValueError(
            f"{grid!r} has no place in space, which VTK needs. Write netCDF, '.nc', or Graph(adjacency, positions=...)."
        )
    inside = np.asarray(grid.inside)
    number = np.where(inside, np.cumsum(inside).reshape(inside.shape) - 1, -1)
    points = np.zeros((int(inside.sum()), 3))
    for axis, coordinate in enumerate(grid.coordinates):
        points[:, axis] = coordinate[inside]
    states = to_host(result.states)
    if states.ndim != 1 + grid.ndim:
        raise ValueError(
            "a batch has no VTK form. Write dataclasses.replace(result, states=result.states[:, 0]).save()."
        )
    fields = {f"{result.labels.quantity}, t={t:.9g}": u[inside] for t, u in zip(result.times, states, strict=True)}
    if isinstance(grid, Graph):
        edges = np.stack(scipy.sparse.triu(grid.adjacency[grid.inside][:, grid.inside]).nonzero(), axis=1)
        cells = ("line", edges)
    elif not isinstance(grid, Grid):
        cells = ("vertex", number[:, None])
    else:
        cells = (("line", "quad", "hexahedron")[grid.dimension - 1], _cell_corners(number))
    meshio.Mesh(points, [cells], point_data=fields).write(path)


def _cell_corners(number: NDArray[np.intp]) -> NDArray[np.intp]:
    """Point numbers of the corners of each lattice cell, in VTK's order; cells with a corner outside are left out."""
    order = {1: ((0,), (1,)), 2: ((0, 0), (1, 0), (1, 1), (0, 1))}
    order[3] = (*((*corner, 0) for corner in order[2]), *((*corner, 1) for corner in order[2]))
    corners = [
        number[tuple(slice(bit, count - 1 + bit) for bit, count in zip(corner, number.shape, strict=True))].ravel()
        for corner in order[number.ndim]
    ]
    cells = np.stack(corners, axis=-1)
    return np.asarray(cells[(cells >= 0).all(axis=-1)])


def load(path: str | Path) -> xr.Dataset:
    """Dataset that `Result.save` wrote; `json.loads(dataset.attrs["record"])` is the run record."""
    import xarray as xr

    if not Path(path).is_file():
        raise FileNotFoundError(f"{path}: no such file. Give the path that Result.save was given.")
    dataset: xr.Dataset = xr.load_dataset(path, engine="netcdf4")
    return dataset

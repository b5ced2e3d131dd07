"""A study: a case solved with its operator and with those it is compared with, summarised and written to a folder."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pide.arrays import to_host
from pide.cases import Affinity, Case, DataBox, OperatorTable
from pide.comparison import compare
from pide.continuum import kernels
from pide.continuum.domains import Box, Domain, Torus
from pide.continuum.exterior import Reflecting
from pide.continuum.operators import ContinuumOperator, FractionalLaplacian, Laplacian, NonlocalDiffusion
from pide.continuum.problems import Heat
from pide.continuum.spectral import SpectralFractionalLaplacian
from pide.discretise import discretise
from pide.errors import CaseError
from pide.files import atomic, record_json
from pide.inputs import read_array
from pide.labels import Labels
from pide.operators.base import Operator
from pide.operators.guided import guided_diffusion
from pide.plotting import write_figure
from pide.result import Result
from pide.solvers.solve import solve
from pide.spaces.grid import Grid

__all__ = ["Study", "case_operator", "output_files", "run_study", "summary", "write_study"]


@dataclass(frozen=True, eq=False)
class Study:
    """Results by name, the case's own operator first, and the clean field when noise was added."""

    case: Case
    results: dict[str, Result]
    clean: NDArray[np.float64] | None

    @property
    def main(self) -> Result:
        """Result of the case's own operator."""
        return next(iter(self.results.values()))


def run_study(case: Case, folder: str | Path = ".", progress: bool | None = None) -> Study:
    """Solve the case with every operator it names.

    Parameters
    ----------
    case : Case
    folder : str or Path
        Where the paths of input files start: the folder of the case file.
    progress : bool, optional
        Show a progress bar; by default when the output is a terminal.

    Raises
    ------
    CaseError
        If the data do not fit the grid, with the table of the case file to change.
    """
    labels = Labels(case.initial.name, case.initial.unit, case.grid.unit, case.time.unit)
    grid, clean, initial = _fields(case, Path(folder))
    table = case.time
    times = np.asarray(table.times) if table.times else np.linspace(0, table.until or 0, table.count + 1)
    results = {}
    for name, terms in ({case.operator.name: case.operator} | case.compare).items():
        heat = _heat(terms, case, grid, initial)
        result = solve(
            heat, on=grid, times=times, stepper=case.solver.stepper or "auto", tol=case.solver.tol, progress=progress
        )
        results[name] = replace(result, labels=labels)
    return Study(case, results, clean if case.initial.noise else None)


def case_operator(case: Case, folder: str | Path = ".") -> Operator:
    """Discrete operator that `run_study` integrates, without solving; to be verified or inspected.

    Raises
    ------
    CaseError
        As for `run_study`.
    """
    grid, _, initial = _fields(case, Path(folder))
    heat = _heat(case.operator, case, grid, initial)
    return discretise(heat.operator, grid, exterior=heat.exterior, evolution=True)


def _fields(case: Case, folder: Path) -> tuple[Grid, NDArray[np.float64], NDArray[np.float64]]:
    """(grid, the field of [initial], the same with its noise)."""
    data = _read(case, folder)
    grid = _grid(case, data)
    clean = grid.sample(case.initial.field if data is None else _fitting(data, grid))
    return grid, clean, clean + _noise(case, grid)


def _read(case: Case, folder: Path) -> NDArray[np.float64] | None:
    """Array of [initial], cut to its window."""
    table = case.initial
    if table.file is None:
        return None
    try:
        data = read_array(
            table.file, key=table.key, convert=table.convert, layout=table.layout, fill=table.fill, folder=folder
        )
    except (ValueError, FileNotFoundError) as error:
        raise CaseError(f"initial.file: {error}") from None
    if not table.window:
        return data
    ranges = [f"[{first}, {last}]" for first, last in table.window if not 0 <= first < last]
    if len(table.window) != data.ndim or ranges:
        raise CaseError(
            f"initial.window: needs {data.ndim} ranges [first, last] with 0 <= first < last, one per "
            f"axis of an array of shape {data.shape}."
        )
    return np.ascontiguousarray(data[tuple(slice(*pair) for pair in table.window)])


def _grid(case: Case, data: NDArray[np.float64] | None) -> Any:
    table, domain = case.grid, case.domain
    if isinstance(domain, DataBox):
        if data is None:
            raise CaseError("domain: type 'data' needs initial.file.")
        return _data_domain(domain, data.shape, table.spacing).grid(*data.shape)
    spacing = table.spacing if len(table.spacing) > 1 else (table.spacing[0] if table.spacing else None)
    return domain.grid(*table.counts, spacing=spacing, nodes=table.nodes)


def _data_domain(box: DataBox, shape: tuple[int, ...], spacing: tuple[float, ...]) -> Domain:
    """Box whose cells are the entries of an array."""
    if len(spacing) == 1:
        spacing = spacing * len(shape)
    origin = box.origin or (0.0,) * len(shape)
    if len(spacing) != len(shape) or len(origin) != len(shape):
        raise CaseError(f"grid.spacing and domain.origin: an array of shape {shape} needs {len(shape)} numbers each.")
    lengths = tuple(count * h for count, h in zip(shape, spacing, strict=True))
    if box.periodic:
        return Torus(lengths, lower=origin)
    return Box(tuple((low, low + length) for low, length in zip(origin, lengths, strict=True)))


def _fitting(data: NDArray[np.float64], grid: Any) -> NDArray[np.float64]:
    if data.shape != grid.shape:
        raise CaseError(
            f"initial.file: an array of shape {data.shape} on a grid of shape {grid.shape}. Change grid, "
            'cut the array with initial.window, or take the size from the array: domain = { type = "data" }.'
        )
    return data


def _noise(case: Case, grid: Any) -> NDArray[np.float64] | float:
    table = case.initial.noise
    if table is None:
        return 0.0
    noise = np.random.default_rng(table.seed).normal(0.0, table.deviation, grid.shape)
    return np.where(np.asarray(grid.inside), noise, 0.0)


def _heat(table: OperatorTable, case: Case, grid: Any, initial: NDArray[np.float64]) -> Heat:
    if isinstance(table.kernel, Affinity):
        if not (grid.periodic or isinstance(case.exterior, Reflecting)):
            raise CaseError(
                "exterior: affinities follow data, and there are none outside the domain. "
                'Write exterior = { type = "reflecting" }.'
            )
        return Heat(table.diffusivity * guided_diffusion(initial, grid, **asdict(table.kernel)), initial=initial)
    return Heat(_operator(table), grid.domain, initial=initial, exterior=case.exterior)


def _operator(table: OperatorTable) -> ContinuumOperator:
    operator: ContinuumOperator
    if isinstance(table.kernel, kernels.Kernel):
        operator = NonlocalDiffusion(table.kernel, images=table.images)
    elif table.type == "spectral_fractional_laplacian":
        operator = SpectralFractionalLaplacian(table.s)
    else:
        operator = Laplacian() if table.s is None else FractionalLaplacian(table.s)
    return operator if table.diffusivity == 1 else table.diffusivity * operator


def summary(study: Study) -> str:
    """The study in lines of text: grid, operators, what the solver did, curves, drift of mass, noise removed."""
    grid, labels = study.main.operator.space, study.main.labels
    spacing = " x ".join(f"{h:.6g}" for h in grid.spacing)
    lines = [study.case.title] if study.case.title else []
    lines.append(f"grid: {' x '.join(map(str, grid.shape))} nodes, spacing {spacing} {labels.length_unit}".rstrip())
    for name, result in study.results.items():
        lines += ["", f"{name}: {_description(study.case, name)}", *_run_lines(result), *_table(result)]
        if "conserves_mass" in result.operator.claims:
            drift, bound = _mass_drift(result)
            lines.append(f"  mass: largest relative drift {drift:.1e}, rounding bound {bound:.1e}")
    if study.clean is not None:
        lines += ["", *_noise_lines(study, study.clean)]
    return "\n".join(lines)


def _description(case: Case, name: str) -> str:
    """The operator as the case file states it."""
    table = case.compare.get(name, case.operator)
    parts = {
        "nonlocal_diffusion": f"NonlocalDiffusion({table.kernel})",
        "laplacian": "Laplacian()",
        "fractional_laplacian": f"FractionalLaplacian(s={table.s})",
        "spectral_fractional_laplacian": f"SpectralFractionalLaplacian(s={table.s})",
    }
    return ("" if table.diffusivity == 1 else f"{table.diffusivity:g} ") + parts[table.type]


def _run_lines(result: Result) -> Iterator[str]:
    record = result.record
    error = "" if record.error_estimate is None else f", estimated relative error {record.error_estimate:.1e}"
    yield f"  {record.stepper}: {record.applies} applies{error}"
    for text in (*(f"{key}: {value}" for key, value in record.choices.items()), *result.operator.notes):
        yield f"  {text}"


def _table(result: Result) -> Iterator[str]:
    """Curves at up to five times."""
    time = result.labels.of("t")
    yield f"  {time:>12} {'energy':>14} {'variance':>14} {'mass':>20}"
    curves = (result.energy, result.variance, result.mass)
    for index in np.unique(np.linspace(0, len(result.times) - 1, 5).round().astype(int)):
        energy, variance, mass = (curve[index] for curve in curves)
        yield f"  {result.times[index]:12.6g} {energy:14.7g} {variance:14.7g} {mass:20.15g}"


def _mass_drift(result: Result) -> tuple[float, float]:
    """Largest |mass(t) - mass(0)| / <1, |u_0|>, and the rounding that allows it.

    Each of the applies, and the sum, may round at the level of u log2(N): (applies + 1) u log2(N).
    """
    grid = result.operator.space
    size = float(grid.cell_volume * np.abs(to_host(result.states[0])).sum())
    drift = float(np.abs(result.mass - result.mass[0]).max()) / (size or 1.0)
    unit = float(np.finfo(to_host(result.states[0]).dtype).eps) / 2
    return drift, (result.record.applies + 1) * unit * max(1.0, math.log2(grid.size))


def _noise_lines(study: Study, clean: NDArray[np.float64]) -> Iterator[str]:
    """Peak signal-to-noise ratio, 10 log10(peak^2 / mean squared error)."""
    inside = np.asarray(study.main.operator.space.inside)
    peak = 1.0 if study.case.initial.convert in ("unit", "gray") else float(np.ptp(clean[inside]))

    def ratio(state: Any) -> float:
        return float(10 * np.log10(peak**2 / np.mean((to_host(state) - clean)[inside] ** 2)))

    yield f"PSNR (peak {peak:g}): noisy {ratio(study.main.states[0]):.2f} dB"
    for name, result in study.results.items():
        yield f"  {name}: {ratio(result.final):.2f} dB at {result.labels.of('t')} = {result.times[-1]:g}"


def output_files(case: Case) -> list[str]:
    """Names of the files that `write_study` writes."""
    names = ["case.toml", "record.json", "summary.txt"]
    if case.output.file:
        names += ["result.nc", *(f"result-{name}.nc" for name in case.compare)]
    return names + ["picture.png"] * case.output.picture + ["movie.gif"] * case.output.movie


def write_study(study: Study, out: Path, case_text: str, summary_text: str) -> None:
    """Write the case, the record, the summary, and the results, picture and movie that [output] asks for."""
    output = study.case.output
    texts = {"case.toml": case_text, "record.json": record_json(study.main), "summary.txt": summary_text + "\n"}
    for name, text in texts.items():
        with atomic(out / name) as draft:
            draft.write_text(text, encoding="utf-8")
    if output.file:
        study.main.save(out / "result.nc")
        for name in study.case.compare:
            study.results[name].save(out / f"result-{name}.nc")
    if output.picture:
        figure = compare(
            study.results, style=output.style, profile=output.profile, span=output.span, title=study.case.title
        )
        write_figure(figure, out / "picture.png")
    if output.movie:
        study.main.movie(out / "movie.gif", fps=output.fps, style=output.style)

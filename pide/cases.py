"""Cases: a solve written down as TOML, read into frozen dataclasses.

    [domain] [grid] [operator] [exterior] [initial] [time] [solver] [compare.NAME] [output] [verify]

Keys that do not exist, values of a wrong type and parameters that an object refuses are reported together,
each with its path in the file and what to write instead.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pide import fields as initial_fields
from pide import solvers
from pide.continuum import domains, domains_ellipsoid, domains_polygon, exterior, kernels
from pide.errors import CaseError
from pide.tables import structure, table_text

__all__ = [
    "Affinity",
    "Case",
    "DataBox",
    "GridTable",
    "InitialTable",
    "NoiseTable",
    "OperatorTable",
    "OutputTable",
    "SolverTable",
    "TimeTable",
    "VerifyTable",
    "parse_case",
    "read_case",
]


@dataclass(frozen=True)
class DataBox:
    """The box (or torus) that the array of [initial] fills with the spacing of [grid]."""

    origin: tuple[float, ...] = ()
    periodic: bool = False


@dataclass(frozen=True)
class Affinity:
    """Affinities of the initial field; see `pide.operators.guided.guided_diffusion`."""

    horizon: float
    contrast: float
    smoothing: float = 0.0


@dataclass(frozen=True)
class GridTable:
    """[grid]: nodes per axis or spacing per axis (one number stands for all axes), and the unit of length."""

    counts: tuple[int, ...] = ()
    spacing: tuple[float, ...] = ()
    nodes: Literal["cell", "interior"] = "cell"
    unit: str = ""


@dataclass(frozen=True)
class NoiseTable:
    """[initial.noise]: Gaussian noise of the given standard deviation and seed; the clean field is the reference."""

    deviation: float
    seed: int


@dataclass(frozen=True)
class InitialTable:
    """[initial]: a file (see `pide.inputs.read_array`) or a named field, with its name and unit.

    `window` cuts [[first, last], ...] index ranges per axis out of the array, after `layout`.
    """

    file: str | None = None
    key: str | None = None
    convert: Literal["float", "unit", "gray"] | None = None
    layout: Literal["grid", "image"] = "grid"
    fill: float | None = None
    window: tuple[tuple[int, ...], ...] = ()
    field: Callable[..., Any] | None = None
    noise: NoiseTable | None = None
    name: str = "u"
    unit: str = ""


@dataclass(frozen=True)
class OperatorTable:
    """[operator] and [compare.NAME]: which operator, and the diffusivity that multiplies it."""

    type: Literal["nonlocal_diffusion", "fractional_laplacian", "spectral_fractional_laplacian", "laplacian"]
    kernel: kernels.Kernel | Affinity | None = None
    s: float | None = None
    images: bool = False
    diffusivity: float = 1.0

    @property
    def name(self) -> str:
        """What the result of [operator] is called: "nonlocal", "fractional", "spectral" or "local"."""
        return {
            "nonlocal_diffusion": "nonlocal",
            "fractional_laplacian": "fractional",
            "spectral_fractional_laplacian": "spectral",
            "laplacian": "local",
        }[self.type]


@dataclass(frozen=True)
class TimeTable:
    """[time]: `until` with `count` equal intervals, or the list `times`."""

    until: float | None = None
    count: int = 1
    times: tuple[float, ...] = ()
    unit: str = ""


@dataclass(frozen=True)
class SolverTable:
    """[solver]: "auto" or a stepper with its parameters, and the relative tolerance."""

    stepper: solvers.Stepper | None = None
    tol: float = 1e-6


@dataclass(frozen=True)
class OutputTable:
    """[output]: which files to write, frames per second, and how to draw.

    `relief` shades the field as a landscape; `profile` is the y at which the section is taken and `span` its x range.
    """

    picture: bool = True
    movie: bool = True
    file: bool = True
    fps: int = 10
    style: Literal["plain", "relief", "gray"] = "plain"
    profile: float | None = None
    span: tuple[float, ...] = ()


@dataclass(frozen=True)
class VerifyTable:
    """[verify]: the claims to check on the discrete operator; none listed means all that it makes."""

    claims: tuple[str, ...] = ()
    samples: int = 20
    seed: int = 0


@dataclass(frozen=True)
class Case:
    """A whole case file."""

    domain: domains.Domain | DataBox
    operator: OperatorTable
    initial: InitialTable
    time: TimeTable
    grid: GridTable
    title: str = ""
    exterior: exterior.Exterior | None = None
    solver: SolverTable = SolverTable()
    compare: dict[str, OperatorTable] = field(default_factory=dict)
    output: OutputTable = OutputTable()
    verify: VerifyTable | None = None


def _named(module: Any, *names: str) -> dict[str, Callable[..., Any]]:
    """Classes by the snake-case form of their names."""
    return {re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower(): getattr(module, name) for name in names}


_REGISTRIES: dict[Any, dict[str, Callable[..., Any]]] = {
    domains.Domain | DataBox: {"data": DataBox}
    | _named(domains, "Interval", "Box", "Torus", "Ball")
    | _named(domains_ellipsoid, "Ellipsoid")
    | _named(domains_polygon, "Polygon"),
    exterior.Exterior: _named(exterior, "Zero", "Reflecting", "Periodic"),
    kernels.Kernel | Affinity: {"affinity": Affinity}
    | _named(
        kernels,
        "Constant",
        "Linear",
        "Gaussian",
        "Exponential",
        "PowerLaw",
        "Fractional",
        "Tempered",
        "TruncatedFractional",
    ),
    solvers.Stepper: {"auto": lambda: None}
    | _named(
        solvers,
        "Exact",
        "Lanczos",
        "ShiftInvertLanczos",
        "Chebyshev",
        "ForwardEuler",
        "RungeKutta4",
        "CrankNicolson",
        "BackwardEuler",
        "ETD",
        "IMEX",
        "Arnoldi",
    ),
    Callable[..., Any]: _named(initial_fields, "Uniform", "Bump", "Ball", "Mode"),
}


def read_case(path: str | Path) -> Case:
    """Case of a TOML file.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    CaseError
        With one line per problem: path in the file, what is wrong, what to write.
    """
    return parse_case(table_text(path, "case"), Path(path).name)


def parse_case(text: str, name: str = "case") -> Case:
    """Case of a TOML text; `name` begins every line of an error."""
    case = structure(text, Case, _REGISTRIES, name)
    problems = [f"{name}: {line}" for line in _inconsistencies(case)]
    if problems:
        raise CaseError("\n".join(problems))
    return case


def _inconsistencies(case: Case) -> Iterator[str]:
    """Keys that are right one by one and wrong together."""
    initial = case.initial
    if (initial.file is None) == (initial.field is None):
        yield 'initial: needs either file or field. Write file = "data.npy" or field = { type = "uniform" }.'
    if bool(case.grid.counts) == bool(case.grid.spacing):
        yield "grid: needs either counts or spacing. Write spacing = [0.1, 0.1] or counts = [64, 64]."
    if isinstance(case.domain, DataBox) and (initial.file is None or not case.grid.spacing):
        yield 'domain: type = "data" takes its size from the array: it needs initial.file and grid.spacing.'
    if (case.time.until is None) == (not case.time.times):
        yield "time: needs either until or times. Write until = 1.0."
    if case.time.count < 1:
        yield f"time.count: {case.time.count} intervals. Write count = 1 or more."
    for name in case.compare:
        if name == case.operator.name or not re.fullmatch(r"[\w-]+", name):
            taken = case.operator.name
            yield f"compare.{name}: not a name for a result. Use letters, digits, _ and -; {taken!r} is taken."
    compared = {f"compare.{name}": table for name, table in case.compare.items()}
    for name, table in ({"operator": case.operator} | compared).items():
        yield from _operator_problems(name, table)


_NEEDED = {"nonlocal_diffusion": "kernel", "fractional_laplacian": "s", "spectral_fractional_laplacian": "s"}


def _operator_problems(name: str, table: OperatorTable) -> Iterator[str]:
    needed = _NEEDED.get(table.type)
    for key in ("kernel", "s"):
        if (getattr(table, key) is not None) != (key == needed):
            yield f"{name}.{key}: {'missing; ' if key == needed else 'not used; '}type {table.type!r} " + (
                f"needs {needed}." if needed else "takes neither kernel nor s."
            )
    if not table.diffusivity > 0:
        yield f"{name}.diffusivity: {table.diffusivity}: heat flows downhill only for diffusivity > 0."

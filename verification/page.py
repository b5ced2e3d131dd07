"""The page of measured numbers, operator by operator: `python -m pide.verification.page --out docs/verification.md`."""

from __future__ import annotations

import argparse
import platform
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import scipy

import pide
from pide.continuum import kernels
from pide.continuum.advection import Advection
from pide.continuum.domains import Ball, Box, Interval, Torus
from pide.continuum.exterior import Reflecting, Zero
from pide.continuum.operators import FractionalLaplacian, Laplacian, NonlocalDiffusion
from pide.continuum.potentials import LogPotential, RieszPotential
from pide.verification.checking import check
from pide.verification.claim import CHECKS, ORIGINS
from pide.verification.covering import FACTORS, build, product
from pide.verification.honest import HONEST
from pide.verification.mutants import MUTANTS, kill_matrix
from pide.verification.report import HOLDS, Report, Row

__all__ = ["page"]

COLUMNS = {
    "linear": "linear",
    "self_adjoint": "self-adjoint",
    "kills_constants": "A1 = 0",
    "conserves_mass": "mass",
    "energy_decay": "energy",
    "variance_decay": "variance",
    "maximum_principle": "max. principle",
    "markov": "Markov",
    "sub_markov": "sub-Markov",
    "eigenvalues_of_one_sign": "eigenvalues",
    "green_identity": "Green",
    "fast_equals_dense": "fast = dense",
}
SAMPLES = 6


def page() -> str:
    """The whole page as Markdown; about a minute of CPU time."""
    diffusion = [(_words(row), check(build(row), samples=SAMPLES)) for row in _rows()]
    others = [(name, check(make(), samples=SAMPLES)) for name, make in OTHERS.items()]
    dense = "dense two components", "dense nystroem"
    rest = {name: check(make()) for name, make in HONEST.items() if name not in dense}
    exact = {name: report for name, report in rest.items() if _kind(name) in ("operator", "family")}
    moving = {name: report for name, report in rest.items() if _kind(name) in ("flow", "wave", "solver")}
    learned = {name: report for name, report in rest.items() if _kind(name) in ("affinity", "block", "layer")}
    parts = [
        _introduction([report for _, report in (*diffusion, *others)] + list(rest.values())),
        "## Nonlocal diffusion on grids\n\n" + _table(diffusion),
        "## Other operators\n\n" + _table(others),
        "## Closed forms and limits\n\n" + _rows_table(exact, _is_exact),
        "## Flows, waves and steady problems\n\n" + _rows_table(moving, lambda row: True),
        "## Affinities, blocks of stages and layers\n\n" + _rows_table(learned, lambda row: True),
        "## Wrong operators\n\n" + _kills(),
    ]
    return "\n\n".join(parts) + "\n"


def _rows() -> list[dict[str, Any]]:
    """Kernel x exterior x dimension with the default engine and a constant coefficient."""
    fixed = {"dtype": ("float64",), "engine": ("auto",), "coefficient": ("none",)}
    return product({**FACTORS, **fixed})


def _words(row: dict[str, Any]) -> str:
    return f"{row['kernel']}, {row['exterior']}, {row['dimension']}-D"


def _diffusivity(*x: Any) -> Any:
    return 1.0 + 0.6 * np.sin(2.0 * sum(x))


LINE, TORUS, DISC = Interval(-1, 1).grid(40), Torus((1.0, 1.0)).grid(12), Ball(radius=1.0, dimension=2).grid(30)
OTHERS: dict[str, Callable[[], Any]] = {
    "(-Delta)^0.25, zero, interval, lattice": lambda: FractionalLaplacian(0.25).on(LINE, Zero(), scheme="lattice"),
    "(-Delta)^0.75, zero, interval, corrected": lambda: FractionalLaplacian(0.75).on(LINE, Zero()),
    "(-Delta)^0.5, zero, disc, corrected": lambda: FractionalLaplacian(0.5).on(DISC, Zero()),
    "(-Delta)^0.5, regional, interval": lambda: FractionalLaplacian(0.5).on(LINE, Reflecting()),
    "(-Delta)^0.5, torus, lattice": lambda: FractionalLaplacian(0.5).on(TORUS),
    "(-Delta)^0.5, torus, fourier": lambda: FractionalLaplacian(0.5).on(TORUS, scheme="fourier"),
    "Laplacian, zero, interval": lambda: Laplacian().on(LINE, Zero()),
    "Laplacian, reflecting, square": lambda: Laplacian().on(Box(((0.0, 1.0), (0.0, 1.0))).grid(10), Reflecting()),
    "variable diffusivity, geometric, disc": lambda: NonlocalDiffusion(
        kernels.Linear(horizon=0.3), coefficient=_diffusivity
    ).on(DISC, Zero()),
    "variable diffusivity, arithmetic, disc": lambda: NonlocalDiffusion(
        kernels.Linear(horizon=0.3), coefficient=_diffusivity, mean="arithmetic"
    ).on(DISC, Zero()),
    "sum: Gaussian + Laplacian, interval": lambda: (
        0.5 * NonlocalDiffusion(kernels.Gaussian(width=0.3)) + Laplacian()
    ).on(LINE, Zero()),
    "Riesz s = 0.3, interval": lambda: RieszPotential(s=0.3).on(LINE),
    "Riesz s = 0.5, disc": lambda: RieszPotential(s=0.5).on(DISC),
    "logarithm, projected, interval": lambda: LogPotential(project=True).on(LINE),
    "advection, upwind, torus": lambda: Advection((1.0, 0.5)).on(TORUS, scheme="upwind"),
    "advection, central, torus": lambda: Advection((1.0, 0.5)).on(TORUS, scheme="central"),
}


def _kind(name: str) -> str:
    kind: str = HONEST[name]().kind
    return kind


def _introduction(reports: list[Report]) -> str:
    judged = [row for report in reports for row in report.rows if row.ran]
    failed = sum(row.verdict != HOLDS for row in judged)
    trials = sum(row.trials for row in judged)
    classes = "; ".join(f"{letter} {words}" for letter, words in ORIGINS.items())
    return (
        "# Verification, in numbers\n\n"
        f"{len(reports)} operators, families, flows and solvers; {len(judged)} rows judged, {failed} failed,\n"
        f"{trials} trials; {len(CHECKS)} checks; seed 0. Made by `python -m pide.verification.page --out "
        f"docs/verification.md` on {datetime.now(UTC):%Y-%m-%d} with pide {pide.__version__}, Python "
        f"{platform.python_version()}, NumPy {np.__version__}, SciPy {scipy.__version__}.\n\n"
        "Each number is the worst violation that was measured, relative to the size of the operator, in float64; an "
        "empty cell is a claim that the operator does not make or a property that it does not expose, and **bold**\n"
        "would be a failure. [How claims are checked](explanation/checks.md) derives the bounds.\n"
        f"Classes of bounds: {classes}."
    )


def _table(reports: Iterable[tuple[str, Report]]) -> str:
    """An operator a row, a property a column; the last line has the largest measured / bound of each column."""
    lines = ["| operator | " + " | ".join(COLUMNS.values()) + " |", "|---" * (len(COLUMNS) + 1) + "|"]
    largest = dict.fromkeys(COLUMNS, 0.0)
    for name, report in reports:
        cells = []
        rows = {row.claim: row for row in report.rows}
        for claim in COLUMNS:
            row = rows.get(claim)
            cells.append(_number(row) if row is not None and row.ran else "")
            if row is not None and row.ran and row.measured is not None and row.bound:
                largest[claim] = max(largest[claim], row.measured / row.bound)
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    parts = " | ".join(f"*{value:.2g}*" for value in largest.values())
    lines.append(f"| *largest part of its bound* | {parts} |")
    return "\n".join(lines)


def _number(row: Row) -> str:
    text = "0" if not row.measured else f"{row.measured:.1e}"
    return text if row.verdict == HOLDS else f"**{text}**"


def _is_exact(row: Row) -> bool:
    """Rows whose right-hand side is a formula or a limit."""
    module = CHECKS[row.claim].measure.__module__
    return module.endswith((".exact", ".limit"))


def _rows_table(reports: dict[str, Report], wanted: Callable[[Row], bool]) -> str:
    lines = ["| subject | statement | measured | bound | class | worst sample |", "|---|---|---|---|---|---|"]
    for name, report in reports.items():
        for row in report.rows:
            if row.ran and wanted(row):
                statement = CHECKS[row.claim].statement.replace("|", "\\|")
                sample = row.sample.replace("|", "\\|")
                bound = f"{row.bound:.1e}" if row.bound else "0"
                lines.append(f"| {name} | `{statement}` | {_number(row)} | {bound} | {row.origin[:1]} | {sample} |")
    return "\n".join(lines)


def _kills() -> str:
    matrix = kill_matrix()
    dead = sum(bool(killers) for killers in matrix.values())
    counts = Counter(claim for killers in matrix.values() for claim in killers)
    lines = [
        f"{dead} of {len(matrix)} wrong operators die, each to the checks it names (`pide verify --mutants`). "
        "Wrong operators that each check kills:\n",
        "| check | class | kills | one of them | hypotheses | reference |",
        "|---|---|---|---|---|---|",
    ]
    for claim, known in CHECKS.items():
        names = [name for name, killers in matrix.items() if claim in killers]
        named = next((name for name in names if claim in MUTANTS[name].killed_by), names[0] if names else "")
        source = f"{known.hypotheses} | {known.reference}"
        lines.append(f"| `{claim}` | {known.origin} | {counts[claim]} | {named} | {source} |")
    return "\n".join(lines)


def main() -> None:
    """Print the page, or write it."""
    options = argparse.ArgumentParser(description="The page of measured numbers of pide's own operators.")
    options.add_argument("--out", type=Path, metavar="FILE", help="write the page there instead of printing it")
    chosen = options.parse_args()
    if chosen.out is None:
        print(page())
    else:
        chosen.out.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()

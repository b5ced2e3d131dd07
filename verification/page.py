"""The page of measured numbers, operator by operator: `python -m pide.verification.page --out docs/verification.md`."""

from __future__ import annotations

import argparse
import platform
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import scipy

import pide
from pide.verification.checking import check
from pide.verification.claim import CHECKS, ORIGINS
from pide.verification.covering import FACTORS, build, product
from pide.verification.estimate import ROUNDOFF
from pide.verification.honest import HONEST
from pide.verification.mutants import CLOUD_BASES, MUTANTS, cloud_kills, kill_matrix
from pide.verification.page_subjects import ENGINES, OTHERS, SCATTERED
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
_UNLISTED = ("dense two components", "dense nystroem")
"""Bases of wrong operators that no table needs."""


def page() -> str:
    """The whole page as Markdown; some minutes of CPU time."""
    diffusion = {_words(row): partial(build, row) for row in _rows()}
    tables: dict[str, Mapping[str, Callable[[], Any]]] = {
        "Nonlocal diffusion on grids": diffusion,
        "Other operators on grids": OTHERS,
        "Engines of grids": ENGINES,
        "Point clouds, graphs and affinities": SCATTERED,
    }
    measured = {title: _both_precisions(subjects) for title, subjects in tables.items()}
    rest = {name: check(make()) for name, make in HONEST.items() if name not in _UNLISTED}
    exact = {name: report for name, report in rest.items() if _kind(name) in ("operator", "family")}
    moving = {name: report for name, report in rest.items() if _kind(name) in ("flow", "wave", "solver")}
    learned = {name: report for name, report in rest.items() if _kind(name) in ("affinity", "block", "layer")}
    pairs = [report for both in measured.values() for reports in both.values() for report in reports.values()]
    sections = [
        f"## {title}, {dtype}\n\n{_table(reports.items())}"
        for title, both in measured.items()
        for dtype, reports in both.items()
    ]
    parts = [
        _introduction([*pairs, *rest.values()]),
        *sections,
        "## Closed forms and limits\n\n" + _rows_table(exact, _is_exact),
        "## Flows, waves and steady problems\n\n" + _rows_table(moving, lambda row: True),
        "## Affinities, blocks of stages and layers\n\n" + _rows_table(learned, lambda row: True),
        "## Wrong operators\n\n" + _kills(),
        "## Wrong operators on point clouds\n\n" + _cloud_kills(),
    ]
    return "\n\n".join(parts) + "\n"


def _both_precisions(subjects: Mapping[str, Callable[[], Any]]) -> dict[str, dict[str, Report]]:
    """Reports by dtype and name."""
    reports: dict[str, dict[str, Report]] = {dtype: {} for dtype in ROUNDOFF}
    for name, make in subjects.items():
        subject = make()
        for dtype, row in reports.items():
            row[name] = check(subject, samples=SAMPLES, dtype=dtype)
    return reports


def _rows() -> list[dict[str, Any]]:
    """Kernel x exterior x dimension with the default engine and a constant coefficient."""
    fixed = {"dtype": ("float64",), "engine": ("auto",), "coefficient": ("none",)}
    return product({**FACTORS, **fixed})


def _words(row: dict[str, Any]) -> str:
    return f"{row['kernel']}, {row['exterior']}, {row['dimension']}-D"


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
        f"{len(reports)} reports of operators, families, flows, solvers and layers; {len(judged)} rows judged, "
        f"{failed} failed,\n"
        f"{trials} trials; {len(CHECKS)} checks; seed 0. Made by `python -m pide.verification.page --out "
        f"docs/verification.md` on {datetime.now(UTC):%Y-%m-%d} with pide {pide.__version__}, Python "
        f"{platform.python_version()}, NumPy {np.__version__}, SciPy {scipy.__version__}, on "
        f"{platform.system()} {platform.machine()}.\n\n"
        "Each number is the worst violation that was measured, relative to the size of the operator; an "
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


def _cloud_kills() -> str:
    matrix = cloud_kills()
    dead = sum(set(MUTANTS[name].killed_by) <= killers for name, killers in matrix.items())
    lines = [
        f"{dead} of {len(matrix)} wrong operators that a point cloud can have die there to the checks they name; the "
        "others are defects of lattices, closed forms and layers.\n",
        "| wrong operator | on | checks that fail |",
        "|---|---|---|",
    ]
    for name, killers in matrix.items():
        lines.append(f"| {name} | {CLOUD_BASES[MUTANTS[name].base]} | {', '.join(sorted(killers))} |")
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

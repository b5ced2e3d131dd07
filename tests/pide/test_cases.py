"""Case files: what they become, and what each mistake is answered with."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from pide.cases import (
    Affinity,
    Case,
    DataBox,
    GridTable,
    InitialTable,
    NoiseTable,
    OperatorTable,
    OutputTable,
    SolverTable,
    TimeTable,
    VerifyTable,
    parse_case,
    read_case,
)
from pide.continuum.domains import Ball, Box
from pide.continuum.exterior import Reflecting, Zero
from pide.continuum.kernels import Gaussian
from pide.errors import CaseError
from pide.fields import Bump
from pide.solvers import CrankNicolson

FOLDER = Path(__file__).resolve().parents[2] / "examples"
EXAMPLES = [path for path in sorted(FOLDER.glob("*.toml")) if "[operator]" in path.read_text()]
GOOD = """
title = "test"
domain = { type = "ball", radius = 1.0, dimension = 2 }
exterior = "zero"
[grid]
spacing = 0.1
[operator]
type = "nonlocal_diffusion"
kernel = { type = "gaussian", width = 0.2 }
[initial]
field = { type = "bump", centre = [0.1, 0.0], width = 0.5 }
[time]
until = 0.1
[solver]
stepper = { type = "crank_nicolson", dt = 0.01 }
"""


def test_a_case_holds_the_objects_of_the_library() -> None:
    case = parse_case(GOOD)
    assert isinstance(case.domain, Ball)
    assert case.exterior == Zero()
    assert case.operator.kernel == Gaussian(width=0.2)
    assert case.initial.field == Bump((0.1, 0.0), 0.5)
    assert case.solver.stepper == CrankNicolson(dt=0.01)
    assert case.verify is None


def test_auto_leaves_the_stepper_to_the_solver() -> None:
    assert parse_case(GOOD.replace('{ type = "crank_nicolson", dt = 0.01 }', '"auto"')).solver.stepper is None


def test_nested_lists_become_tuples_of_the_constructor() -> None:
    box = '{ type = "box", bounds = [[0, 1], [0, 2]] }'
    case = parse_case(GOOD.replace('{ type = "ball", radius = 1.0, dimension = 2 }', box))
    assert case.domain == Box(((0, 1), (0, 2)))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_examples_are_cases(path: Path) -> None:
    case = read_case(path)
    assert case.title
    assert case.exterior == Reflecting()
    assert case.domain == DataBox()
    assert case.verify is not None
    assert isinstance(case.operator.kernel, Affinity) == (path.stem == "denoise")


@pytest.mark.parametrize(
    ("good", "bad", "line"),
    [
        ("width = 0.2", "widht = 0.2", "operator.kernel.widht: unknown key for gaussian. Did you mean 'width'?"),
        ('"gaussian"', '"gausian"', "operator.kernel.type: 'gausian' is not known. Did you mean 'gaussian'?"),
        ("width = 0.2", "width = -0.2", "operator.kernel: Gaussian(width=-0.2"),
        ('"zero"', '"zeros"', "exterior.type: 'zeros' is not known. Did you mean 'zero'?"),
        ("[time]\n", "[time]\nuntl = 2\n", "time.untl: unknown key. Did you mean 'until'?"),
        ("until = 0.1", "", "time: needs either until or times."),
        ("until = 0.1", "until = 0.1\ncount = 0", "time.count: 0 intervals. Write count = 1 or more."),
        ("until = 0.1", 'until = "1"', "time.until: needs a number, not '1'."),
        ("spacing = 0.1", "", "grid: needs either counts or spacing."),
        ("spacing = 0.1", "spacing = 0.1\ncounts = [8]", "grid: needs either counts or spacing."),
        ("field =", 'file = "a.npy"\nfield =', "initial: needs either file or field."),
        ("radius = 1.0, dimension = 2", "radius = 1.0, dimension = 5", "domain: "),
        ('type = "ball", radius = 1.0, dimension = 2', 'type = "data"', 'domain: type = "data" takes its size'),
        ('kernel = { type = "gaussian", width = 0.2 }', "s = 0.5", "operator.kernel: missing; type"),
        ('"nonlocal_diffusion"', '"laplacian"', "operator.kernel: not used; type 'laplacian' takes neither"),
        ('"nonlocal_diffusion"', '"nonlocal-diffusion"', "Did you mean 'nonlocal_diffusion'?"),
        ("[time]", '[compare.nonlocal]\ntype = "laplacian"\n[time]', "compare.nonlocal: not a name for a result."),
        ("[time]", '[compare."a/b"]\ntype = "laplacian"\n[time]', "compare.a/b: not a name for a result."),
        ("[operator]\n", "[operator]\ndiffusivity = -1\n", "operator.diffusivity: -1.0: heat flows downhill"),
        ('"crank_nicolson", dt = 0.01', '"crank_nicolson"', "solver.stepper.dt: missing; crank_nicolson needs it."),
        ("[grid]\nspacing = 0.1\n", "", "grid: missing. Every case needs it; see examples/hillslope.toml."),
    ],
)
def test_mistakes_are_named_with_their_path(good: str, bad: str, line: str) -> None:
    assert good in GOOD
    with pytest.raises(CaseError) as caught:
        parse_case(GOOD.replace(good, bad, 1), "my.toml")
    assert f"my.toml: {line}" in str(caught.value) or line in str(caught.value)


def test_files_that_are_no_cases(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no such case file"):
        read_case(tmp_path / "none.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CaseError, match="not a text file in UTF-8"):
        read_case(tmp_path / "binary.toml")
    (tmp_path / "words.toml").write_text("ok = 1\nplain words\n")
    with pytest.raises(CaseError, match=r"words.toml: not TOML: .*line 2"):
        read_case(tmp_path / "words.toml")


def test_the_case_of_the_documentation_is_one() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "how_to" / "case_files.md").read_text()
    blocks = re.findall(r"```toml\n(.*?)```", page, flags=re.DOTALL)
    assert [parse_case(block).title for block in blocks] == ["Heat that jumps, in a disc"]


def test_the_documentation_names_every_table_and_key() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "how_to" / "case_files.md").read_text()
    tables = (Affinity, DataBox, Case, GridTable, InitialTable, NoiseTable, OperatorTable, OutputTable, SolverTable)
    for table in (*tables, TimeTable, VerifyTable):
        for entry in fields(table):
            assert re.search(rf"\b{entry.name}\b", page), f"{table.__name__}.{entry.name}"


def test_a_spectral_power_is_run_exactly() -> None:
    from pide.study import run_study, summary

    text = GOOD.replace('type = "ball", radius = 1.0, dimension = 2', 'type = "box", bounds = [[0, 1], [0, 1]]')
    text = text.replace(
        '"nonlocal_diffusion"\nkernel = { type = "gaussian", width = 0.2 }', '"spectral_fractional_laplacian"\ns = 0.5'
    )
    text = text.replace('stepper = { type = "crank_nicolson", dt = 0.01 }', "")
    study = run_study(parse_case(text), FOLDER)
    assert "spectral: SpectralFractionalLaplacian(s=0.5)" in summary(study)
    assert study.main.record.stepper == "Exact()"
    with pytest.raises(CaseError, match="spectral_fractional_laplacian' needs s"):
        parse_case(text.replace("s = 0.5", ""))

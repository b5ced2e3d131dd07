"""The generated pages: made of the current checks and mutants, numbers in every row; other libraries' operators."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path

import numpy as np
import pytest

import pide
from pide.verification import CHECKS, CLOUD_BASES, MUTANTS, check
from pide.verification import page as pages
from pide.verification.page_subjects import ENGINES, OTHERS, SCATTERED

ROOT = Path(__file__).resolve().parents[2]
REMEDY = "run python -m pide.verification.page --out docs/verification.md"


@pytest.fixture(scope="module")
def others():
    """The benchmark as a module."""
    path = ROOT / "benchmarks" / "other_operators.py"
    spec = importlib.util.spec_from_file_location("other_operators", path)
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "other_operators", module)  # dataclasses look their module up
        spec.loader.exec_module(module)
        yield module


def test_the_page_in_the_documentation_is_of_the_current_checks_and_mutants():
    pytest.importorskip("numba")  # without it there is no tree, and there are fewer wrong operators
    text = (ROOT / "docs" / "verification.md").read_text()
    table = text[text.index("## Wrong operators") :]
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == set(CHECKS), REMEDY
    assert f"{len(MUTANTS)} of {len(MUTANTS)} wrong operators die" in table, REMEDY
    count = sum(wrong.base in CLOUD_BASES for wrong in MUTANTS.values())
    assert f"{count} of {count} wrong operators that a point cloud can have die there" in table, REMEDY
    for subjects in (OTHERS, ENGINES, SCATTERED):
        assert all(text.count(f"| {name} |") >= 2 for name in subjects), REMEDY  # in float64 and in float32
    assert ", 0 failed," in text


def test_a_table_has_a_number_for_what_holds_bold_for_what_fails_and_nothing_for_what_is_not_claimed():
    grid = pide.Torus((1.0,)).grid(12)
    operator = pide.Laplacian().on(grid)
    honest = check(operator, samples=2)
    wrong = check(pide.as_operator(lambda u: operator.apply(u) + 1.0, on=grid, claims={"linear"}), samples=2)
    _, _, first, second, last = pages._table([("honest", honest), ("wrong", wrong)]).splitlines()
    assert "**" not in first
    assert re.match(r"\| wrong \| \*\*\d\.\de[+-]\d+\*\* \|  \|  \|", second)
    assert last.startswith("| *largest part of its bound* | *")


@pytest.mark.slow
def test_the_page_is_rebuilt_without_a_failure():
    assert ", 0 failed," in pages.page()


def test_graph_laplacians_of_scipy(others):
    reports = {result.name: result.report for result in others.scipy_operators()}
    symmetric = reports["scipy csgraph.laplacian(W)"]
    claims = {"linear", "self_adjoint", "kills_constants", "conserves_mass", "positive_semidefinite"}
    assert claims <= symmetric.satisfied
    directed = reports["scipy csgraph.laplacian(directed 5-NN)"]
    assert directed["self_adjoint"].verdict == directed["kills_constants"].verdict == "FAILS"
    assert directed["conserves_mass"].verdict == "holds"


def test_what_is_not_installed_is_skipped_with_the_reason(others, monkeypatch):
    monkeypatch.setattr(others, "LIBRARIES", {"nothing": ("no_such_library", None)})
    results, lines = others.measured()
    assert results == []
    assert lines == ["nothing: skipped, No module named 'no_such_library'"]


def test_spectral_embedding_of_scikit_learn(others):
    pytest.importorskip("sklearn")
    x = np.random.default_rng(0).random((64, 2))
    cases = others.embeddings(x)
    for name in ("arpack", "lobpcg"):
        report = check(cases[f"spectral_embedding, projection, {name}"], claims="all", samples=4)
        claims = {"self_adjoint", "adjoint", "positive_semidefinite", "kills_constants", "conserves_mass"}
        assert claims <= report.satisfied
    plain = check(cases["spectral_embedding, its matrix, norm_laplacian=False"], claims="all", samples=4)
    assert {"self_adjoint", "kills_constants", "conserves_mass", "positive_semidefinite"} <= plain.satisfied
    normed = check(cases["spectral_embedding, its matrix"], claims="all", samples=4)
    assert normed["kills_constants"].verdict == "FAILS"  # its kernel is the square root of the degrees


def test_convolutions_of_torch(others):
    pytest.importorskip("torch")
    reports = {result.name: result.report for result in others.torch_operators()}
    linear = [name for name in reports if "Conv2d" in name and "bias" not in name]
    assert all(reports[name]["adjoint"].verdict == "holds" for name in linear)
    assert reports["torch Conv2d(3, circular, even)"]["self_adjoint"].verdict == "holds"
    assert reports["torch ReLU"]["linear"].verdict == "FAILS"


def test_operators_of_pylops(others):
    pylops = pytest.importorskip("pylops")

    def build(dtype):
        return pylops.Laplacian((16, 16), dtype=dtype)

    assert others.our_dottests(build) == "fails 0 / 0 of 300"
    assert re.match(r"fails 0 / [1-9]\d* of 300", others.dottests(build))


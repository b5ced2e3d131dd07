"""The benchmarks run, and what they compare agrees."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import pytest

from pide.verification import observed_order

FOLDER = Path(__file__).resolve().parent.parent / "benchmarks"
sys.path.insert(0, str(FOLDER))

import peers  # noqa: E402
import peers_measured  # noqa: E402
from families_of_operators import compatible, lattice, other, potentials  # noqa: E402
from families_of_solves import boundary, clouds, steppers  # noqa: E402


def rows_of(*command: str) -> list[list[str]]:
    """The words of the table that a benchmark prints, without its head."""
    return [line.split() for line in output(*command).splitlines()[1:]]


def cells_of(text: str) -> list[list[str]]:
    """The cells of all Markdown tables in a text."""
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("| ")]


def output(path: str, *arguments: str) -> str:
    """What a benchmark prints."""
    command = [sys.executable, str(FOLDER / path), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_ways_to_apply_compute_the_same_sums():
    rows = rows_of("apply.py", "--quick", "--repeats", "1")
    assert len(rows) == 3
    assert all(float(row[-1]) < 1e-14 for row in rows)


def test_the_steppers_reach_their_tolerance():
    rows = rows_of("heat.py", "--quick")
    assert len(rows) == 6
    assert all(float(row[-1]) < 1e-6 for row in rows)


def test_the_boundary_correction_divides_the_error_of_the_disc_by_ten():
    rows = [row for row in rows_of("fractional_poisson.py", "--quick") if row[0] == "pide,"]
    errors = {(row[1], row[3]): float(row[4]) for row in rows}
    assert len(errors) == 6
    for s in ("0.25", "0.5", "0.75"):
        assert errors["corrected", s] < 0.1 * errors["plain", s]


@pytest.mark.slow
def test_the_boundary_correction_improves_every_row():
    torsion = [row for row in cells_of(output("boundary.py", "--quick")) if len(row) == 7 and row[2].isdigit()]
    assert len(torsion) == 16
    assert all(float(row[4]) < 0.1 * float(row[3]) for row in torsion)


@pytest.mark.slow
def test_reversible_blocks_keep_less_and_give_the_same_gradients():
    stored, reversible = rows_of("reversible.py", "--quick")
    assert float(reversible[2]) < 0.5 * float(stored[2])
    assert float(reversible[-1]) < 1e-14


def test_layers_are_measured_with_every_engine():
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in output("layers.py", "--quick").splitlines()]
    steps = [row for row in rows if len(row) == 4 and row[1] in ("contiguous", "channels_last")]
    engines = [tuple(row[:3]) for row in rows if len(row) == 8 and row[3] == "256"]
    assert len(steps) == 6
    assert len(engines) == len(set(engines)) == 12
    assert all(float(row[2]) > 0 for row in steps)


def test_the_pair_correction_of_clouds_improves_on_the_plain_quadrature():
    rows = [row for row in cells_of(output("cloud_quadrature.py", "--quick")) if len(row) == 8 and row[2].isdigit()]
    solved = {tuple(row[:4]): float(row[5]) for row in rows}
    pairs = [key[:3] for key in solved if key[3] == "pairs"]
    assert len(pairs) == 3
    for key in pairs:
        assert solved[*key, "pairs"] < 0.1 * solved[*key, "plain"], key


@pytest.mark.parametrize("part", [compatible, lattice, boundary, potentials, steppers, other])
def test_stated_orders_are_observed_on_coarse_grids(part):
    wrong = {}
    for family in part():
        if family.order is None:
            continue
        spacings = family.spacings[:3]
        errors = [family.error(h) for h in spacings]
        if family.order == math.inf:
            agrees = errors[-1] < 1e-12
        elif "at best" in family.words:
            agrees = observed_order(errors, spacings).order < family.order + 0.1
        else:
            agrees = abs(observed_order(errors, spacings).order - family.order) < 0.25
        if not agrees:
            wrong[family.name] = (family.order, errors)
    assert not wrong


@pytest.mark.parametrize("part", [compatible, lattice, boundary, potentials, steppers, other, clouds])
def test_orders_are_stated_where_the_families_say(part):
    def words(text: str) -> str:
        return " ".join(text.split())

    texts = {family.source: words((FOLDER.parent / family.source).read_text(encoding="utf-8")) for family in part()}
    missing = [family.name for family in part() if words(family.words) not in texts[family.source]]
    assert not missing


def test_the_page_of_orders_agrees_with_what_is_stated():
    text = (FOLDER.parent / "docs" / "benchmarks" / "convergence.md").read_text(encoding="utf-8")
    rows = [row for row in cells_of(text) if len(row) == 5]
    stated = [(row[0], float(row[2]), float(row[3].split("±")[0])) for row in rows if row[2].replace(".", "").isdigit()]
    assert len(stated) > 35
    assert not [row for row in stated if abs(row[1] - row[2]) > 0.25]


SOLVERS = {problem.name: [s for s in problem.solvers if not peers.absent(s)] for problem in peers.PROBLEMS}


@pytest.mark.parametrize("solver", SOLVERS["apply"])
def test_the_ways_to_apply_a_finite_horizon_agree(solver):
    assert peers_measured.apply(solver, 32).error < 1e-13


@pytest.mark.parametrize("solver", SOLVERS["jumps"])
def test_the_ways_to_follow_jumps_reach_their_tolerance(solver):
    assert peers_measured.jumps(solver, 4).error < 1e-3


def test_the_ways_to_solve_the_disc_solve_the_same_equations():
    errors = {
        solver: peers_measured.poisson(solver, 31).error for solver in SOLVERS["poisson"] if solver != "PyNucleus"
    }
    assert errors["pide, corrected"] < 0.1 * errors["pide, plain"]
    for solver in ("scipy cg, fftconvolve", "numpy.linalg.solve, matrix"):
        assert errors[solver] == pytest.approx(errors["pide, plain"], rel=1e-5)


@pytest.mark.parametrize("solver", SOLVERS["layer"])
def test_the_blocks_have_the_same_gradients(solver):
    cost = peers_measured.layer(solver, 64)
    assert cost.error < 1e-12
    assert cost.memory is not None


@pytest.mark.slow
@pytest.mark.parametrize("solver", SOLVERS["heat"])
def test_the_ways_to_follow_heat_reach_their_tolerance(solver):
    assert peers_measured.heat(solver, 3).error < 1e-2


@pytest.mark.slow
@pytest.mark.parametrize("solver", SOLVERS["denoise"])
def test_the_ways_to_denoise_gain_eight_decibels(solver):
    assert -peers_measured.denoise(solver, 1).error > 28.0


def test_a_peer_that_is_not_installed_gets_a_row_that_says_so(monkeypatch):
    monkeypatch.setattr(peers, "MODULES", {"scikit-image": "no_such_module", "PyNucleus": "no_such_module"})
    monkeypatch.setattr(peers, "measured", lambda problem, solver, size, repeats: {"solver": solver})
    by_name = {problem.name: problem for problem in peers.PROBLEMS}
    denoising = list(peers.rows(by_name["denoise"], quick=True))
    assert [row.get("missing") for row in denoising] == [None, None, *2 * ["not installed: `pip install scikit-image`"]]
    quoted = [row for row in peers.rows(by_name["poisson"], quick=True) if "quoted" in row["solver"]]
    assert len(quoted) == 3
    assert "quoted | 721 | 4.7e-03 | 2.6 |" in peers.cells(by_name["poisson"], quoted[0])
    assert "Denoising" in peers.page({"denoise": [row for row in denoising if "missing" in row]}, pictured=False)

"""Subjects that misbehave or are slow give rows that say so; a float32 operator that is correct passes every seed."""

from __future__ import annotations

import time
from contextlib import suppress

import numpy as np
import pytest

from pide.verification import HONEST, MUTANTS, Subject, check
from pide.verification.flows import FlowMap, SolverMap, WaveMap

LINE = np.ones(12)


def subject(apply, *claims):
    return Subject("misbehaving", apply, LINE, frozenset({"linear", *claims}), adjoint=apply)


def spin(v):
    """An endless loop, unless it is interrupted."""
    while True:
        v = v + 0.0


def test_an_endless_apply_is_over_budget_and_never_a_pass():
    start = time.process_time()
    report = check(subject(spin), claims=["linear", "keeps_input"], budget=0.05)
    assert [row.verdict for row in report.rows] == ["over budget"] * 2
    assert "needs more than 0.05 s of CPU time" in report["linear"].words
    assert not report.passed
    assert time.process_time() - start < 2.0


def test_a_slow_row_leaves_the_others():
    calls = []

    def slow_for_batches(v):
        calls.append(v.shape)
        return spin(v) if v.ndim > 1 else -v

    report = check(subject(slow_for_batches), claims=["linear", "batch_invariant"], budget=1.0)
    assert report["linear"].verdict == "holds"
    assert report["batch_invariant"].verdict == "over budget"
    assert "over budget" in str(report)


def test_a_subject_that_catches_everything_is_interrupted_too():
    def stubborn(v):
        while True:
            with suppress(Exception):
                spin(v)

    assert check(subject(stubborn), claims="linear", budget=0.05)["linear"].verdict == "over budget"


def test_a_budget_that_suffices_changes_nothing():
    honest = HONEST["dense killed"]()
    assert check(honest, budget=30.0).rows == check(honest).rows


def test_budgets_are_positive():
    with pytest.raises(ValueError, match="Write budget=10"):
        check(np.eye(2), budget=0.0)


@pytest.mark.parametrize(
    ("name", "row", "words"),
    [
        ("returns NaN", "linear", "NaN or infinite"),
        ("returns another shape", "linear", "returned shape"),
        ("raises", "linear", "out of memory"),
        ("overwrites its input", "keeps_input", ""),
        ("not deterministic", "deterministic", ""),
        ("always float64", "preserves_dtype", ""),
    ],
)
def test_each_misbehaviour_has_its_row(name, row, words):
    report = check(MUTANTS[name].subject())
    assert report[row].verdict == "FAILS"
    assert words in report[row].words


def broken(*arguments):
    raise RuntimeError("solver gave up")


def test_flows_waves_and_solvers_that_raise_give_rows():
    flow, wave, solver = (HONEST[name]() for name in ("reflecting flow", "wave", "stationary"))
    for target, row in (
        (FlowMap("f", flow.operator, broken, 0.1, 1e-9), "flow_energy"),
        (WaveMap("w", wave.operator, broken, 0.1, 1e-7, 1e-9), "wave_energy"),
        (SolverMap("s", solver.operator, broken, 1e-9), "residual"),
    ):
        report = check(target)
        assert "solver gave up" in report[row].words
        assert not report.passed


def test_solvers_that_return_nan_give_rows():
    solver = HONEST["stationary"]()
    row = check(SolverMap("s", solver.operator, lambda f: f * np.nan, 1e-9))["residual"]
    assert row.verdict == "FAILS"
    assert "NaN" in row.words


SEEDS = ["dense equal masses", "interval zero", "torus linear"]


@pytest.mark.parametrize("name", SEEDS)
def test_a_correct_float32_operator_passes_a_hundred_seeds(name):
    failed = [seed for seed in range(100) if not check(HONEST[name](), seed=seed, samples=2, dtype="float32").passed]
    assert failed == []


@pytest.mark.slow
@pytest.mark.parametrize("name", SEEDS)
def test_a_correct_float32_operator_passes_ten_thousand_of_ten_thousand_seeds(name):
    failed = [seed for seed in range(10_000) if not check(HONEST[name](), seed=seed, samples=3, dtype="float32").passed]
    assert failed == []


@pytest.mark.parametrize("name", ["dense equal masses", "interval zero", "torus linear", "torus lattice power"])
def test_a_perturbation_of_1e_7_in_the_frobenius_norm_is_caught_for_every_seed(name):
    honest = HONEST[name]()
    impulses = np.zeros((honest.size, *honest.masses.shape))
    impulses[(np.arange(honest.size), *np.nonzero(honest.inside))] = 1.0
    scale = np.linalg.norm(honest.evaluate(impulses, "float64"))
    for seed in range(40):
        noise = np.random.default_rng(seed).standard_normal((honest.size, honest.size))
        noise *= 1e-7 * scale / np.linalg.norm(noise)

        def wrong(v, noise=noise):
            image = honest.apply(v)
            image[..., honest.inside] += v[..., honest.inside] @ noise.T
            return image

        target = Subject("perturbed", wrong, honest.masses, honest.claims, honest.sign, honest.model)
        assert not check(target, claims=["self_adjoint"], seed=seed, samples=4).passed, seed

"""check: verdicts, discovery, expected failures, black boxes, and subjects that misbehave."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

import pide
from pide.claims import CLAIMS
from pide.verification import (
    CHECKS,
    HONEST,
    ClaimsFailedError,
    Row,
    Subject,
    as_subject,
    check,
    dense_diffusion,
    matrix_subject,
    parametrize,
)
from pide.verification.report import Report

HONEST_OPERATORS = {name: build() for name, build in HONEST.items()}
GRID = pide.Interval(0, 1).grid(60)


def laplacian(size=60):
    """Second difference with zero exterior: symmetric, negative definite, kappa at both ends."""
    return np.diag(np.full(size, -2.0)) + np.diag(np.ones(size - 1), 1) + np.diag(np.ones(size - 1), -1)


@pytest.mark.parametrize("name", HONEST_OPERATORS)
def test_honest_operators_pass(name, dtype):
    report = check(HONEST_OPERATORS[name], dtype=dtype, samples=10)
    report.raise_if_failed()
    assert report.counts["holds"] >= 1


@pytest.mark.parametrize("name", ["dense equal masses", "interval zero", "torus fractional"])
def test_correct_float32_operators_pass_for_every_seed(name):
    for seed in range(40):
        check(HONEST_OPERATORS[name], seed=seed, samples=3, dtype="float32").raise_if_failed()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["dense equal masses", "interval zero"])
def test_correct_float32_operators_pass_for_a_thousand_seeds(name):
    for seed in range(1000):
        check(HONEST_OPERATORS[name], seed=seed, samples=3, dtype="float32").raise_if_failed()


def test_a_perturbation_of_1e_7_fails_every_time():
    rng = np.random.default_rng(0)
    exact = laplacian()
    for seed in range(20):
        noise = rng.standard_normal(exact.shape)
        wrong = exact + 1e-7 * np.linalg.norm(exact) * noise / np.linalg.norm(noise)
        assert not check(wrong, claims="self_adjoint", seed=seed).passed
        assert check(exact, claims="self_adjoint", seed=seed).passed


@pytest.mark.parametrize("name", ["dense equal masses", "interval zero", "torus linear", "disc corrected"])
def test_structural_checks_see_a_perturbation_of_1e_7_every_time(name):
    honest = HONEST_OPERATORS[name]
    rng = np.random.default_rng(1)
    scale = np.linalg.norm(honest.rates(np.arange(honest.size)))
    for seed in range(10):
        noise = rng.standard_normal((honest.size, honest.size))
        noise *= 1e-7 * scale / np.linalg.norm(noise)

        def wrong(v, noise=noise):
            image = honest.apply(v)
            image[..., honest.inside] += v[..., honest.inside] @ noise.T
            return image

        claims = ("self_adjoint", "fast_equals_dense", "degree_matches_killing", "green_identity")
        report = check(replace(honest, apply=wrong), claims, seed=seed, samples=5)
        for claim in claims:
            assert report[claim].verdict == "FAILS", claim


def test_discovery_names_what_an_unlabelled_operator_satisfies():
    operator = pide.as_operator(laplacian(), on=GRID)
    report = check(operator, claims="all")
    assert report.passed
    assert {"linear", "self_adjoint", "adjoint", "negative_semidefinite"} <= report.satisfied
    assert report["kills_constants"].verdict == "FAILS"
    assert report["conserves_mass"].verdict == "FAILS"
    assert report["nonnegative_rates"].verdict == "not checkable"


def test_a_claim_that_is_not_made_is_not_claimed_and_a_requested_one_is_judged():
    operator = pide.as_operator(laplacian(), on=GRID, claims={"linear"})
    assert check(operator)["kills_constants"].verdict == "not claimed"
    assert check(operator).passed
    assert not check(operator, claims=["kills_constants"]).passed


def test_zero_checks_run_is_a_failure():
    report = check(matrix_subject(laplacian()), claims=["translation_invariant"])
    assert report["translation_invariant"].verdict == "skipped"
    with pytest.raises(ClaimsFailedError, match="zero checks were run"):
        report.raise_if_failed()


def test_a_missing_mass_shows_as_a_constant_factor():
    masses = np.full(24, 0.25)
    honest = dense_diffusion(np.ones((24, 24)) - np.eye(24), masses)
    wrong = as_subject(honest)
    scaled = Subject("scaled", wrong.apply, masses, frozenset({"adjoint"}), adjoint=lambda v: 0.25 * wrong.apply(v))
    row = check(scaled, claims="adjoint")["adjoint"]
    assert row.verdict == "FAILS"
    assert "<u, A* v> / <A u, v> = 0.25, should be 1; a constant factor" in row.words


def test_an_asymmetric_operator_has_no_constant_factor():
    row = check(np.triu(np.ones((30, 30))), claims="self_adjoint")["self_adjoint"]
    assert row.verdict == "FAILS"
    assert "no constant factor" in row.words


def test_large_float32_sums_are_undecided_never_holds():
    model_size = 4_000_000
    subject = Subject("huge sum", lambda v: 0 * v, np.full(10, 1.0), frozenset({"linear"}), model=_model(model_size))
    row = check(subject, claims="linear", dtype="float32")["linear"]
    assert row.verdict == "UNDECIDED"
    assert not check(subject, claims="linear", dtype="float32").passed
    assert check(subject, claims="linear", dtype="float64").passed


def _model(terms):
    from pide.verification.estimate import ROUNDOFF, ErrorModel, gamma

    return lambda dtype: ErrorModel(gamma(terms, ROUNDOFF[dtype]), 1.0, False, ROUNDOFF[dtype], "direct sum")


@pytest.mark.parametrize(
    ("apply", "words"),
    [
        (lambda v: v[..., 1:], "returned shape"),
        (lambda v: v * np.nan, "NaN or infinite"),
        (lambda v: v * 1j, "needed a real one"),
        (lambda v: v.missing, "raised AttributeError"),
        (lambda v: 1 // 0, "raised ZeroDivisionError"),
    ],
)
def test_misbehaving_subjects_give_rows_never_crashes(apply, words):
    subject = Subject("misbehaving", apply, np.ones(12), frozenset(CLAIMS), adjoint=apply)
    report = check(subject, claims="all")
    assert words in report["linear"].words
    assert report["linear"].verdict == "FAILS"
    assert not report.passed


def test_bounds_models_and_rates_that_raise_give_rows_too():
    def broken(*arguments):
        raise RuntimeError("no memory")

    subject = Subject(
        "broken", lambda v: -v, np.ones(5), frozenset({"energy_decay", "markov", "linear"}),
        spectral_bound=broken, rate_bound=broken, rates=broken, degree=np.ones(5),
    )  # fmt: skip
    report = check(subject)
    for name in ("energy_decay", "markov", "degree_sums_rates"):
        assert "raised RuntimeError: no memory" in report[name].words
    assert report["linear"].verdict == "holds"


def test_wrong_bounds_of_the_subject_are_its_failure():
    subject = Subject("bad bound", lambda v: -v, np.ones(5), frozenset({"energy_decay"}), spectral_bound=lambda: -1.0)
    assert "has spectral bound -1.0" in check(subject)["energy_decay"].words


def test_expected_failures():
    operator = pide.as_operator(laplacian(), on=GRID, claims={"linear", "kills_constants"})
    report = check(operator, expected_failures={"kills_constants": "zero exterior"})
    assert report.passed
    assert report["kills_constants"].verdict == "expected failure"
    assert "zero exterior" in report["kills_constants"].words
    surprised = check(operator, expected_failures={"linear": "none", "kills_constants": "zero exterior"})
    assert surprised["linear"].verdict == "FAILS"
    assert "a failure was expected" in surprised["linear"].words


def test_the_same_seed_gives_the_same_report_and_another_seed_other_samples():
    subject = HONEST_OPERATORS["interval zero"]
    assert check(subject, seed=3).rows == check(subject, seed=3).rows
    assert check(subject, seed=3)["linear"].measured != check(subject, seed=4)["linear"].measured


def test_one_claim_measures_the_same_alone_and_among_others():
    subject = HONEST_OPERATORS["torus linear"]
    assert check(subject, claims=["self_adjoint"])["self_adjoint"] == check(subject)["self_adjoint"]


@pytest.mark.parametrize(
    ("arguments", "remedy"),
    [
        ({"claims": ["energy decay"]}, "write claims='all'"),
        ({"dtype": "float16"}, "Write dtype='float64'"),
        ({"samples": 0}, "Write samples=20"),
        ({"expected_failures": {"nothing": ""}}, "Choose from linear"),
    ],
)
def test_bad_arguments(arguments, remedy):
    with pytest.raises(ValueError, match=remedy):
        check(laplacian(), **arguments)


def test_bad_subjects():
    with pytest.raises(TypeError, match=r"Write pide.as_operator\(f, on=grid"):
        check(lambda v: v)
    with pytest.raises(ValueError, match="a square one is needed"):
        check(np.ones((3, 4)))
    with pytest.raises(ValueError, match="no positive mass"):
        Subject("empty", abs, np.zeros(4))
    with pytest.raises(ValueError, match="unknown names"):
        Subject("typo", abs, np.ones(4), frozenset({"linaer"}))


def test_linear_operators_are_subjects():
    operator = pide.Laplacian().on(GRID, exterior=pide.Zero()).to_scipy()
    report = check(operator, claims=["linear", "adjoint", "self_adjoint", "negative_semidefinite"])
    assert report.satisfied == {"linear", "adjoint", "self_adjoint", "negative_semidefinite"}


def test_sparse_matrices_and_pairs_are_subjects():
    scipy_sparse = pytest.importorskip("scipy.sparse")
    assert check(scipy_sparse.csr_array(laplacian()), claims=["linear", "self_adjoint"]).passed
    kernel = pide.kernels.TwoPoint(lambda x, y: np.exp(-((x[0] - y[0]) ** 2)), horizon=0.3)
    operator = pide.NonlocalDiffusion(kernel).on(GRID, exterior=pide.Reflecting())
    report = check(operator)
    report.raise_if_failed()
    assert report["green_identity"].verdict == "holds"


UNLABELLED = pide.as_operator(laplacian(), on=GRID)


@parametrize([HONEST_OPERATORS["dense killed"], HONEST_OPERATORS["gaussian family"], UNLABELLED])
def test_parametrize_gives_one_case_per_claim(subject, claim):
    check(subject, claims=[claim], samples=5).raise_if_failed()


def test_parametrize_ids():
    @parametrize([HONEST_OPERATORS["dense killed"]])
    def cases(subject, claim):
        raise NotImplementedError

    ids = [parameter.id for parameter in cases.pytestmark[0].args[1]]
    assert "dense diffusion0-self_adjoint" in ids
    assert "dense diffusion0-variance_decay" not in ids


def test_every_claim_of_the_vocabulary_has_a_check():
    assert set(CLAIMS) <= set(CHECKS)


def test_report_as_text_json_and_html():
    report = check(HONEST_OPERATORS["ball reflecting"], seed=5)
    text = str(report)
    assert "NonlocalOperator: float64, seed 5" in text
    assert "class T: theorem" in text
    assert report.summary in text
    content = json.loads(report.to_json())
    assert content["passed"] is True
    assert len(content["rows"]) == len(report.rows)
    assert content["rows"][0]["bound"] == report.rows[0].bound
    page = report.to_html()
    assert page.count("<tr>") == len(report.rows) + 1
    assert "E(au+bv)" in page


def test_json_has_no_infinities_and_html_escapes():
    rows = (Row("linear", "FAILS", float("inf"), 0.0, "E: 0", "<spike>", words="a < b"),)
    report = Report("A & B", rows, 0, "float64")
    assert json.loads(report.to_json())["rows"][0]["measured"] == "inf"
    assert "&lt;spike&gt;" in report.to_html()
    assert "A &amp; B" in report.to_html()
    with pytest.raises(KeyError, match="not in this report"):
        report["markov"]

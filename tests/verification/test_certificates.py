"""Certificates of matrices: verdicts, witnesses that stand by hand, wrong operators, recheck and JSON."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import scipy.sparse

import pide
from pide.verification import dense_diffusion
from pide.verification.certificate import CertificateError, Certificates
from pide.verification.certifying import certify, certify_states, model_of
from pide.verification.cli import load, verify
from pide.verification.proofs import STATEMENTS, DiffusionMatrix
from pide.verification.proofs.rowsums import degrees
from pide.verification.proofs.structural import components
from pide.verification.proofs.witnesses import witness_stands


def gaussian(size, width=0.3, seed=0):
    points = np.random.default_rng(seed).random((size, 2))
    squares = ((points[:, None] - points[None]) ** 2).sum(-1)
    return np.exp(-squares / width**2)


@pytest.fixture
def weights():
    return gaussian(40)


@pytest.fixture
def masses():
    return np.random.default_rng(1).uniform(0.5, 2.0, 40) / 40


SIGNS = (
    "self_adjoint",
    "nonnegative_rates",
    "negative_semidefinite",
    "energy_decay",
    "maximum_principle",
    "sub_markov",
)


def test_every_default_certificate_of_an_honest_diffusion_is_proved(weights, masses):
    found = certify(DiffusionMatrix(weights, masses))
    found.raise_if_failed()
    assert {*SIGNS, "markov", "variance_decay", "conserves_mass", "kernel_dimension"} <= set(found.claims("PROVED"))
    assert found["kernel_dimension"].bound == 1


def test_killing_removes_the_claims_of_conservation(weights, masses):
    killing = np.zeros(40)
    killing[3] = 1e-300
    found = certify(DiffusionMatrix(weights, masses, killing))
    assert found.passed
    assert "markov" not in found.claims("PROVED")
    assert found["kernel_dimension"].bound == 0
    lost = certify(DiffusionMatrix(weights, masses, killing), ["kills_constants", "markov", "conserves_mass"])
    assert lost.claims("REFUTED") == ("kills_constants", "markov")
    assert lost["kills_constants"].witness["index"] == [3]


def test_one_ulp_of_asymmetry_is_refuted_with_both_values(weights):
    weights[5, 17] = np.nextafter(weights[5, 17], 2.0)
    found = certify(DiffusionMatrix(weights), ["self_adjoint", "negative_semidefinite", "nonnegative_rates"])
    witness = found["self_adjoint"].witness
    assert (witness["i"], witness["j"]) == (5, 17)
    assert float.fromhex(witness["w_ij"]) - float.fromhex(witness["w_ji"]) == np.spacing(weights[17, 5])
    assert found["negative_semidefinite"].verdict == "UNDECIDED"
    assert found["nonnegative_rates"].proved


def test_one_negative_weight_is_refuted(weights):
    weights[2, 9] = weights[9, 2] = -1e-320
    found = certify(DiffusionMatrix(weights), ["nonnegative_rates", "maximum_principle", "markov", "kernel_dimension"])
    assert len(found.claims("REFUTED")) == 3
    assert float.fromhex(found["markov"].witness["w_ij"]) == -1e-320
    assert found["kernel_dimension"].verdict == "UNDECIDED"


def test_a_slightly_signed_operator_is_proved_by_its_gap(weights):
    weights[2, 9] = weights[9, 2] = -1e-6
    found = certify(DiffusionMatrix(weights), ["energy_decay", "variance_decay", "negative_semidefinite"])
    assert found.passed
    assert "Cholesky" in found["energy_decay"].method


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_nothing_is_proved_of_weights_that_are_not_finite(weights, bad):
    weights[1, 2] = weights[2, 1] = bad
    found = certify(DiffusionMatrix(weights))
    for claim in ("self_adjoint", "negative_semidefinite", "energy_decay", "rate_bound", "spectral_bound", "row_sums"):
        assert not found[claim].proved


def test_anti_diffusion_is_refuted_by_integers_with_an_exact_negative_form(weights, masses):
    model = DiffusionMatrix(weights - 0.6, masses)
    found = certify(model, ["negative_semidefinite"])["negative_semidefinite"]
    assert found.verdict == "REFUTED"
    v = [int(x) for x in found.witness["v"]]
    W, m = (weights - 0.6), [Fraction(float(x)) for x in masses]
    form = sum(
        (m[i] * Fraction(float(W[i, j])) * m[j] * v[i] * (v[i] - v[j]) for i in range(40) for j in range(40) if i != j),
        Fraction(0),
    )
    assert form == Fraction(found.witness["value"]) < 0


def test_bounds_from_below_are_refuted(weights, masses):
    """A power iteration approaches lambda_max from below, and max d without kappa is too small a rate."""
    K = weights * masses
    np.fill_diagonal(K, 0.0)
    L = K - np.diag(K.sum(axis=1))
    v = np.random.default_rng(2).standard_normal(40)
    for _ in range(30):
        v = -(L @ v)
        v /= np.sqrt(masses @ v**2)
    too_small = float(-(masses * v) @ (L @ v))
    killing = np.linspace(0.0, 1.0, 40)
    model = DiffusionMatrix(weights, masses, killing, spectral_bound=too_small, rate_bound=float(K.sum(axis=1).max()))
    found = certify(model, ["spectral_bound", "rate_bound"])
    assert found.claims("REFUTED") == ("spectral_bound", "rate_bound")
    for certificate in found:
        assert witness_stands(model, certificate)
    assert Fraction(found["rate_bound"].witness["d_i + kappa_i"]) > Fraction(found["rate_bound"].bound)


def test_stated_bounds_are_proved_by_the_cheapest_method(weights):
    top = float(np.linalg.eigvalsh(np.diag(weights.sum(1)) - weights)[-1])
    loose = certify(DiffusionMatrix(weights, spectral_bound=3 * top), ["spectral_bound"])["spectral_bound"]
    tight = certify(DiffusionMatrix(weights, spectral_bound=top * (1 + 1e-10)), ["spectral_bound"])["spectral_bound"]
    assert loose.method.startswith("C3a")
    assert tight.method.startswith("C4c")
    assert loose.proved
    assert tight.proved
    kernel = certify(DiffusionMatrix(weights, kernel_at_zero=1.0), ["spectral_bound"])["spectral_bound"]
    assert kernel.level == "model"
    assert top <= kernel.bound < 1.05 * top
    assert [h.status for h in kernel.hypotheses] == ["assumed"]


def test_row_sums_enclose_the_exact_ones():
    rng = np.random.default_rng(4)
    W = rng.standard_normal((30, 30)) * 10.0 ** rng.integers(-8, 8, (30, 30))
    model = DiffusionMatrix(W, rng.random(30) + 0.1)
    low, high = degrees(model)
    for i in range(30):
        assert Fraction(float(low[i])) <= model.degree(i) <= Fraction(float(high[i]))
    sparse = DiffusionMatrix(scipy.sparse.csr_matrix(W), model.masses)
    assert sparse.degree(7) == model.degree(7)


def test_components_are_counted_and_killed_ones_leave_the_kernel():
    W = np.zeros((12, 12))
    W[:5, :5], W[5:9, 5:9] = 1.0, 1.0
    labels, count = components(DiffusionMatrix(W))
    assert count == 5
    assert len(set(labels[:5])) == len(set(labels[5:9])) == 1
    killing = np.zeros(12)
    killing[[6, 11]] = 1.0
    for matrix in (W, scipy.sparse.csr_matrix(W)):
        found = certify(DiffusionMatrix(matrix, None, killing), ["kernel_dimension"])["kernel_dimension"]
        L = DiffusionMatrix(W).weights - np.diag(DiffusionMatrix(W).weights.sum(1) + killing)
        assert found.bound == 12 - np.linalg.matrix_rank(L) == 3


def test_sparse_and_dense_weights_get_the_same_verdicts(weights):
    weights[weights < 0.5] = 0.0
    dense, sparse = certify(DiffusionMatrix(weights)), certify(DiffusionMatrix(scipy.sparse.csr_matrix(weights)))
    assert [c.verdict for c in dense] == [c.verdict for c in sparse]
    weights[3, 4] += 1.0
    broken = certify(DiffusionMatrix(scipy.sparse.csr_matrix(weights)), ["self_adjoint"])
    assert broken["self_adjoint"].verdict == "REFUTED"


def test_hilbert_schmidt_norm_is_enclosed(weights, masses):
    found = certify(DiffusionMatrix(weights, masses), ["hilbert_schmidt_norm"])["hilbert_schmidt_norm"]
    W = DiffusionMatrix(weights).weights
    m = [Fraction(float(x)) for x in masses]
    square = sum(m[i] * m[j] * Fraction(float(W[i, j])) ** 2 for i in range(40) for j in range(40))
    assert Fraction(found.bound - found.slack) ** 2 <= square <= Fraction(found.bound) ** 2
    assert found.slack < 1e-13


def test_json_round_trip_and_recheck(weights, masses):
    weights[2, 9] = -1.0
    model = DiffusionMatrix(weights, masses)
    found = certify(model, [*SIGNS, "rate_bound", "spectral_gap"])
    read = Certificates.from_json(found.to_json())
    assert read == found
    again = read.recheck(DiffusionMatrix(weights.copy(), masses))
    assert [c.verdict for c in again] == [c.verdict for c in found]
    with pytest.raises(ValueError, match=r"Write certificates.recheck\(subject\)"):
        read.recheck()
    weights[0, 1] += 1e-16
    with pytest.raises(CertificateError, match="other numbers"):
        read.recheck(DiffusionMatrix(weights, masses))
    with pytest.raises(ValueError, match="Certify again"):
        Certificates.from_json('{"format": 0}')


def test_a_forged_witness_or_verdict_does_not_survive_recheck(weights):
    weights[2, 9] = weights[9, 2] = -1.0
    found = certify(DiffusionMatrix(weights), ["nonnegative_rates"])
    certificate = found.certificates[0]
    for forged in (
        replace(certificate, verdict="PROVED", witness=None),
        replace(certificate, witness={**certificate.witness, "j": 8}),
    ):
        with pytest.raises(CertificateError):
            replace(found, certificates=(forged,)).recheck()


def test_undecided_and_empty_never_pass(weights):
    signed = weights - 0.5 * np.eye(40) - 1e-3
    undecided = certify(signed, ["markov"])
    assert undecided["markov"].verdict == "UNDECIDED"
    assert not undecided.passed
    with pytest.raises(CertificateError, match="0 PROVED"):
        undecided.raise_if_failed()
    assert not Certificates("nothing", ()).passed
    with pytest.raises(CertificateError, match="no certificate was issued"):
        Certificates("nothing", ()).raise_if_failed()


def test_a_matrix_is_taken_as_it_is():
    A = np.array([[2.0, -1.0, 0.0], [-1.0, 2.0, -1.0], [0.0, -1.0, 1.0]])
    found = certify(A, ["self_adjoint", "positive_semidefinite", "spectral_bound"])
    assert found.passed
    assert certify(-A, ["negative_semidefinite"]).passed
    rows = certify(A, ["kills_constants"])["kills_constants"]
    assert rows.witness == {"kind": "row", "i": 0, "sum": "1"}
    assert certify(-A, ["nonnegative_rates"]).passed
    assert certify(A, ["nonnegative_rates"])["nonnegative_rates"].witness["kind"] == "entry"
    skew = np.array([[1.0, 5.0], [-5.0, 1.0]])
    assert certify(skew, ["positive_semidefinite"]).passed
    assert certify(skew, ["self_adjoint"])["self_adjoint"].verdict == "REFUTED"


def test_singular_matrices_are_decided_exactly_when_small():
    ones = np.ones((5, 5))
    found = certify(ones, ["positive_semidefinite"])["positive_semidefinite"]
    assert found.proved
    assert found.method.startswith("C7")
    ones[4, 4] = np.nextafter(1.0, 0.0)
    lost = certify(ones, ["positive_semidefinite"])
    assert lost["positive_semidefinite"].verdict == "REFUTED"
    assert Fraction(lost["positive_semidefinite"].witness["value"]) < 0
    lost.recheck()


def test_a_zero_self_cell_makes_the_riesz_matrix_indefinite():
    """h / |x_i - x_j|^(1/2) with the singular cell left at 0 instead of its mean; M39 of the catalogue."""
    h = 1 / 60
    x = (np.arange(60) + 0.5) * h
    r = np.abs(x[:, None] - x[None, :])
    honest = h / np.sqrt(np.where(r > 0, r, 1.0))
    np.fill_diagonal(honest, 4 * np.sqrt(h / 2))
    wrong = honest - np.diag(np.diag(honest))
    assert certify(honest, ["positive_semidefinite"]).passed
    lost = certify(wrong, ["positive_semidefinite"])["positive_semidefinite"]
    assert lost.verdict == "REFUTED"
    v = np.array([int(x) for x in lost.witness["v"]], dtype=object)
    exact = sum(v[i] * Fraction(float(wrong[i, j])) * v[j] for i in range(60) for j in range(60))
    assert exact == Fraction(lost.witness["value"]) < 0


def test_subjects_that_expose_rates():
    weights = gaussian(20)
    np.fill_diagonal(weights, 0.0)
    equal = dense_diffusion(weights, np.full(20, 0.5))
    assert certify(equal, [*SIGNS, "markov", "kernel_dimension"]).passed
    with pytest.raises(ValueError, match=r"Write DiffusionMatrix\(weights, masses, killing\)"):
        certify(dense_diffusion(weights, np.linspace(1, 2, 20)))
    with pytest.raises(ValueError, match="Name what to prove"):
        certify(weights)
    with pytest.raises(ValueError, match="Choose from"):
        certify(weights, ["definite"])
    with pytest.raises(TypeError, match="Write DiffusionMatrix"):
        certify("operator")
    with pytest.raises(ValueError, match="Leave out nodes of no mass"):
        DiffusionMatrix(weights, np.zeros(20))
    with pytest.raises(ValueError, match="square matrix"):
        DiffusionMatrix(weights[:3])


def test_an_apply_that_contradicts_its_rates_never_passes():
    weights = gaussian(20)
    np.fill_diagonal(weights, 0.0)
    honest = dense_diffusion(weights, np.ones(20))
    assert "apply" not in [c.claim for c in certify(honest, SIGNS)]
    for wrong in (lambda v: -honest.apply(v), lambda v: honest.apply(v.astype("float32")).astype("float64")):
        found = certify(replace(honest, apply=wrong), SIGNS)
        assert found.claims("REFUTED") == ("apply",)
        found.recheck()
    broken = certify(replace(honest, apply=lambda v: v[:3]), SIGNS)
    assert broken.claims("UNDECIDED") == ("apply",)


def test_every_statement_has_a_proof_somewhere():
    grid = pide.Interval(0, 1).grid(12)
    lattice = pide.FractionalLaplacian(0.4).on(grid, exterior=pide.Zero())
    kernel = pide.kernels.TwoPoint(lambda x, y: np.exp(-((x[0] - y[0]) ** 2)))
    pairs = pide.NonlocalDiffusion(kernel).on(grid, exterior=pide.Reflecting())
    torus = pide.FractionalLaplacian(0.4).on(pide.Torus((1.0,)).grid(12), scheme="fourier")
    proved: set[str] = set()
    for operator in (lattice, pairs, torus):
        proved |= set(certify(operator, STATEMENTS).claims("PROVED"))
    assert proved == set(STATEMENTS) - {"apply"}


def test_trajectories_see_changes_below_roundoff():
    """sum v^2 grows by 2^-60 relative: floating-point sums are equal, the exact sign is not."""
    v = np.full(1000, 1.0)
    w = v.copy()
    w[0], w[1] = 1.0 + 2.0**-30, 1.0 - 2.0**-30
    assert float(v @ v) == float(w @ w)
    found = certify_states(np.stack([v, w]))["energy_decay"]
    assert found.verdict == "REFUTED"
    assert Fraction(found.witness["change"]) == Fraction(2, 2**60)
    falling = certify_states(np.stack([w, v]), claims=["energy_decay", "variance_decay"])
    assert falling.passed
    assert falling["variance_decay"].bound == -(2.0**-59)
    assert [c.verdict for c in falling.recheck()] == ["PROVED", "PROVED"]


def test_trajectories_of_a_solution():
    grid = pide.Interval(0, 1).grid(32)
    operator = pide.NonlocalDiffusion(pide.kernels.Constant(horizon=0.2)).on(grid, exterior=pide.Reflecting())
    u = grid.sample(lambda x: np.cos(np.pi * x))
    states = [u]
    for _ in range(5):
        states.append(states[-1] + operator(states[-1]) / operator.rate_bound())
    assert certify_states(np.stack(states), claims=["energy_decay", "variance_decay"]).passed
    with pytest.raises(ValueError, match="T >= 2"):
        certify_states(u[None])
    with pytest.raises(ValueError, match="energy_decay"):
        certify_states(np.stack(states), claims=["markov"])


def test_infinite_products_prove_nothing():
    """m_i w_ij m_j overflows although w and m are finite: a factorisation that runs through NaN is no proof."""
    model = DiffusionMatrix(np.full((4, 4), 1e308), np.full(4, 1e200))
    assert not any(certificate.proved for certificate in certify(model, ["spectral_gap", "smallest_eigenvalue"]))


def test_digests_follow_every_number(weights):
    base = model_of(DiffusionMatrix(weights)).digest
    assert base == DiffusionMatrix(weights.copy()).digest
    assert base != DiffusionMatrix(weights, None, np.full(40, 1e-300)).digest
    assert base != DiffusionMatrix(weights, np.full(40, 2.0)).digest


def test_certificates_from_the_shell(tmp_path, capsys):
    path = tmp_path / "certificates.json"
    target = "pide.verification.honest:interval_zero"
    assert verify([target, "--samples", "2", "--certify", "--certificates", str(path)]) == 0
    assert "0 REFUTED, 0 UNDECIDED" in capsys.readouterr().out
    Certificates.from_json(path.read_text()).recheck(load(target))

"""Exact arithmetic against fractions; a hunt for false proofs of the Cholesky certificate by exact elimination."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg.lapack import dpotrf

from pide.verification.proofs.cholesky import (
    factorises,
    largest_eigenvalue,
    semidefinite,
    smallest_eigenvalue,
    spectral_gap,
)
from pide.verification.proofs.exact import (
    definiteness,
    exact_dot,
    exact_form,
    exact_sum,
    integers,
    negative_vector,
)
from pide.verification.proofs.models import DiffusionMatrix
from pide.verification.proofs.rounding import down, gamma, lower, up, upper

WIDE = st.floats(allow_nan=False, allow_infinity=False)


def fractions(x):
    return [Fraction(float(value)) for value in np.ravel(x)]


@given(st.lists(WIDE, max_size=40))
def test_sums_of_any_doubles_are_exact(values):
    assert exact_sum(np.array(values)) == sum(fractions(values), Fraction(0))


@given(st.lists(st.tuples(WIDE, WIDE, WIDE), min_size=1, max_size=20))
def test_products_of_any_doubles_are_exact(values):
    x, y, z = np.array(values).T
    expected = sum((a * b * c for a, b, c in zip(*map(fractions, (x, y, z)), strict=True)), Fraction(0))
    assert exact_dot(x, y, z) == expected


def test_long_sums_across_chunks_are_exact(monkeypatch):
    monkeypatch.setattr("pide.verification.proofs.exact._CHUNK", 100)
    x = np.random.default_rng(1).standard_normal(1017) * 10.0 ** np.arange(1017)[::-1].clip(0, 30)
    assert exact_sum(x) == sum(fractions(x))


@given(st.fractions(min_value=-10, max_value=10))
def test_directed_conversion_brackets_the_fraction(x):
    assert Fraction(lower(x)) <= x <= Fraction(upper(x))


@pytest.mark.parametrize("k", [1, 7, 1000, 10**7])
def test_gamma_is_not_below_its_definition(k):
    u = Fraction(1, 2**53)
    exact = k * u / (1 - k * u)
    assert exact <= Fraction(gamma(k)) <= exact * (1 + Fraction(1, 10**14))


def symmetric(rng, size, gap):
    """A symmetric matrix whose smallest eigenvalue is close to gap u |A|, entries of mixed magnitude."""
    B = rng.standard_normal((size, size))
    A = B @ np.diag(rng.random(size)) @ B.T
    A = (A + A.T) / 2
    A -= np.eye(size) * (np.linalg.eigvalsh(A)[0] - gap * 2.0**-53 * np.abs(A).max())
    scales = 2.0 ** rng.integers(-2, 3, size)
    return A * scales[:, None] * scales[None, :]


def hunt(count, seed, prover=factorises):
    """(proofs, false proofs, undecided although positive) over matrices at the edge of singularity."""
    rng = np.random.default_rng(seed)
    proofs = false = undecided = 0
    for _ in range(count):
        A = symmetric(rng, int(rng.integers(2, 13)), float(rng.choice([-30, -5, -1, 0, 1, 10, 100, 1000, 10000])))
        positive, rank = definiteness(A)
        truth = positive and rank == A.shape[0]
        proved = prover(A.copy())
        proofs += proved
        false += proved and not truth
        undecided += truth and not proved
    return proofs, false, undecided


def test_no_false_proof_near_singularity():
    proofs, false, undecided = hunt(400, seed=0)
    assert false == 0
    # the hunt is at the edge only if it meets proofs and refusals
    assert proofs > 40
    assert undecided > 20


@pytest.mark.slow
def test_no_false_proof_in_a_long_hunt():
    proofs, false, _ = hunt(6000, seed=1)
    assert false == 0
    assert proofs > 1000


def test_the_hunt_finds_the_false_proofs_of_plain_cholesky():
    def completes(A):
        return dpotrf(A, lower=1)[1] == 0

    assert hunt(400, seed=0, prover=completes)[1] > 0


def test_definiteness_of_known_matrices():
    assert definiteness(np.array([[2.0, -1.0], [-1.0, 2.0]])) == (True, 2)
    assert definiteness(np.array([[1.0, -1.0], [-1.0, 1.0]])) == (True, 1)
    assert definiteness(np.array([[0.0, 1.0], [1.0, 0.0]]))[0] is False
    assert definiteness(np.array([[1.0, 1.0], [1.0, 1.0 - 2.0**-53]]))[0] is False
    assert definiteness(np.zeros((3, 3))) == (True, 0)


@given(st.integers(0, 10_000), st.integers(2, 7))
def test_elimination_agrees_with_its_witness(seed, size):
    rng = np.random.default_rng(seed)
    A = np.asarray(rng.integers(-3, 4, (size, size)), dtype=float)
    A = A @ A.T * 0.25 - np.eye(size) * rng.integers(0, 3)
    vector = negative_vector(A)
    assert (vector is None) == definiteness(A)[0]
    if vector is not None:
        form = sum(a * Fraction(float(A[i, j])) * b for i, a in enumerate(vector) for j, b in enumerate(vector))
        assert form < 0


def test_quadratic_form_and_integers():
    A = np.array([[0.5, 2.0**-60], [3.0, -1.0]])
    v = np.array([3.0, -7.0])
    assert exact_form(A, v) == Fraction(9, 2) - 49 - 21 * 3 - 21 * Fraction(1, 2**60)
    assert integers(A) == [[2**59, 1], [3 * 2**60, -(2**60)]]


def dyadic(rng, size, bits=8):
    """Symmetric dyadic weights of few bits and masses: row sums are doubles and the stiffness matrix is exact."""
    W = rng.integers(-2, 2**bits, (size, size)).astype(float) / 2**bits
    W = np.triu(W, 1)
    return W + W.T, rng.integers(1, 5, size).astype(float)


def pencil(W, m, kappa):
    S = -(m[:, None] * W * m[None, :])
    np.fill_diagonal(S, m * ((W * m).sum(axis=1) + kappa))
    return S


@pytest.mark.parametrize("seed", range(12))
def test_eigenvalue_bounds_hold_exactly(seed):
    """Exact elimination of the pencils S - bound M, with the bounds rounded outwards to few bits."""
    rng = np.random.default_rng(seed)
    W, m = dyadic(rng, int(rng.integers(3, 12)))
    kappa = rng.integers(0, 3, m.size).astype(float)
    model, S = DiffusionMatrix(W, m, kappa), pencil(W, m, kappa)
    low, gap, high = smallest_eigenvalue(model), spectral_gap(model), largest_eigenvalue(model)
    assert low.proved
    assert gap.proved
    assert high.proved
    # few bits keep the shifted pencil exactly representable
    step = 2.0**-12
    floor = np.floor(low.bound / step) * step
    assert definiteness(S - floor * np.diag(m))[0]
    assert definiteness(np.ceil(high.bound / step) * step * np.diag(m) - S)[0]
    floor = np.floor(gap.bound / step) * step
    assert definiteness(S - floor * np.diag(m) + 64.0 * np.outer(m, m))[0]
    assert gap.bound > low.bound - 1e-9
    truth = np.linalg.eigvals(S / m[:, None]).real
    assert high.bound == pytest.approx(truth.max(), rel=1e-4)
    assert low.bound == pytest.approx(truth.min(), abs=1e-4 * truth.max())


def test_bounds_beyond_the_truth_are_not_proved():
    W, m = dyadic(np.random.default_rng(3), 9)
    model = DiffusionMatrix(W, m)
    S = pencil(W, m, 0.0)
    values = np.sort(np.linalg.eigvals(S / m[:, None]).real)
    assert not smallest_eigenvalue(model, claimed=float(values[0] + 1e-9)).proved
    assert not spectral_gap(model, claimed=float(max(values[1], values[0]) + 1e-9)).proved
    lost = largest_eigenvalue(model, claimed=float(values[-1] * (1 - 1e-9)))
    assert lost.verdict == "REFUTED"
    assert down(1.0) < 1.0 < up(1.0)


def signed_hunt(count, seed):
    """Verdicts of energy decay for signed rates near the edge of -L >= 0, each with the truth by elimination."""
    rng = np.random.default_rng(seed)
    verdicts = []
    for _ in range(count):
        size = int(rng.integers(3, 8))
        W = np.triu(rng.integers(0, 64, (size, size)).astype(float), 1)
        W[0, 1] = 0.0
        W = W + W.T
        # the effective conductance between nodes 0 and 1: -w_01 may equal it and no more
        S = pencil(W, np.ones(size), 0.0)
        schur = S[:2, :2] - S[:2, 2:] @ np.linalg.lstsq(S[2:, 2:], S[2:, :2], rcond=None)[0]
        W[0, 1] = W[1, 0] = schur[0, 1] + rng.choice([-1.0, 0.0, 1.0]) * 2.0 ** -int(rng.integers(20, 50))
        W = np.round(W * 2.0**40) / 2.0**40
        S = pencil(W, np.ones(size), 0.0)
        verdicts.append((semidefinite(DiffusionMatrix(W), "energy_decay").verdict, definiteness(S)[0]))
    return verdicts


def test_no_false_verdict_on_signed_rates():
    verdicts = signed_hunt(250, seed=0)
    assert ("PROVED", False) not in verdicts
    assert ("REFUTED", True) not in verdicts
    assert {("PROVED", True), ("REFUTED", False)} <= set(verdicts)

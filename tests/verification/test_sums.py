"""Trees, anchors, blocks of rows and diffusion maps as subjects: their entries by the formulas, multiples, seeds."""

from __future__ import annotations

import numpy as np
import pytest

from pide.operators.affinity import GaussianAffinity
from pide.operators.affinity_pairs import affinity_operator
from pide.operators.algebra import scale
from pide.spaces.samples import Samples
from pide.verification import HONEST, MUTANTS, as_subject, check

RNG = np.random.default_rng(3)
X, MASSES = RNG.standard_normal((15, 2)), RNG.uniform(0.5, 1.5, 15)
OMEGA = np.exp(-((X[:, None] - X[None]) ** 2).sum(-1) / 1.5**2)
ROWS = np.array([4, 0, 9])


def expected(name):
    mu = MASSES / MASSES.mean()
    if name == "blocks":
        return OMEGA * mu / (OMEGA @ mu)[:, None]
    Z = X[[2, 7, 11]]
    C = np.exp(-((X[:, None] - Z[None]) ** 2).sum(-1) / 1.5**2)
    C = C / C.sum(1, keepdims=True)
    return np.einsum("ia,ja,a->ij", C, C, 1 / (C.T @ mu)) * mu


def built(name):
    options = {"block": 4} if name == "blocks" else {"anchors": X[[2, 7, 11]]}
    return affinity_operator(GaussianAffinity(width=1.5), X, Samples(X, MASSES), "rows", **options)


@pytest.mark.parametrize(("name", "factor"), [("blocks", 1.0), ("blocks", 2.5), ("anchors", 1.0), ("anchors", -2.5)])
def test_entries_of_affinities_that_are_not_stored(name, factor):
    subject = as_subject(scale(built(name), factor))
    truth = abs(factor) * expected(name)
    np.fill_diagonal(truth, 0.0)
    np.testing.assert_allclose(subject.rates(ROWS), truth[ROWS], rtol=1e-12, atol=1e-15)
    check(subject, samples=3).raise_if_failed()


@pytest.mark.parametrize("options", [{}, {"block": 4}], ids=["stored", "blocks"])
def test_a_negative_multiple_of_a_generator_without_a_sign_has_no_rates(options):
    rows = affinity_operator(GaussianAffinity(width=1.5), X, Samples(X, MASSES), "rows", **options)
    subject = as_subject(scale(rows, -2.5))
    assert subject.rates is None
    check(subject, samples=3).raise_if_failed()


@pytest.mark.parametrize("name", ["anchors", "blocked affinity", "diffusion map"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_honest_sums_pass_whatever_the_seed(name, dtype):
    for seed in range(10):
        check(HONEST[name](), seed=seed, samples=3, dtype=dtype).raise_if_failed()


def test_the_tree_has_far_boxes_and_is_not_the_stored_matrix():
    pytest.importorskip("numba")
    subject = HONEST["tree cloud"]()
    k, stored = (x.need("rates")(np.arange(x.size)) for x in (subject, subject.facts.partner))
    error = np.linalg.norm(k - stored) / np.linalg.norm(stored)
    assert 1e-12 < error < 2e-6  # far boxes interpolate; without them both sums were direct
    assert {name for name, wrong in MUTANTS.items() if wrong.base == "tree cloud"} >= {"far boxes of the tree lost"}
    for dtype in ("float64", "float32"):
        check(subject, samples=3, dtype=dtype).raise_if_failed()

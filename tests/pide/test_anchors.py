"""Anchors and blocks: affinities of all pairs without their matrix, against the matrix written out."""

import array_api_strict
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import pide
from pide.operators.affinity import DotProductAffinity, EmbeddedAffinity, GaussianAffinity, LogAffinity, PowerAffinity
from pide.operators.affinity_pairs import affinity_operator
from pide.operators.anchors import anchor_points
from pide.spaces.samples import Samples

RNG = np.random.default_rng(0)
X = RNG.standard_normal((150, 5))
SPACE = Samples(X)
WEIGHTED = Samples(X, RNG.uniform(0.5, 2.0, 150))
GAUSSIAN = GaussianAffinity(width=2.0)
EPS = np.finfo(np.float64).eps


def written_out(anchors, masses, kept=None):
    """W_ij = sum_a C_ia C_ja m_j / (sum_k m_k C_ka) by loops over the anchors."""
    C = np.array([[np.exp(-np.sum((x - z) ** 2) / 4.0) for z in anchors] for x in X])
    if kept is not None:
        smallest = np.sort(C, axis=1)[:, -kept, None]
        C = np.where(smallest <= C, C, 0.0)
    C /= C.sum(axis=1, keepdims=True)
    return sum(np.outer(c, c * masses) / (c @ masses) for c in C.T)


@pytest.mark.parametrize("space", [SPACE, WEIGHTED], ids=["equal", "weighted"])
@pytest.mark.parametrize("kept", [None, 4])
def test_the_matrix_is_that_of_the_formula(space, kept):
    Z = anchor_points(X, 20)
    A = affinity_operator(GAUSSIAN, X, space, anchors=Z, neighbours=kept)
    W = written_out(Z, space.masses, kept)
    assert np.allclose(A.to_dense(), W - np.eye(150), atol=1e-14)
    assert np.allclose(A.diagonal(), np.diag(W) - 1, atol=1e-14)
    assert "20 anchors" in A.notes[1]


@pytest.mark.parametrize("space", [SPACE, WEIGHTED], ids=["equal", "weighted"])
@pytest.mark.parametrize("kept", [None, 4])
def test_what_holds_whatever_the_anchors(space, kept):
    """Rows sum to 1, entries are >= 0, m W is symmetric and positive semidefinite, and so say the checks."""
    A = affinity_operator(GAUSSIAN, X, space, anchors=30, neighbours=kept)
    W = A.averaging.to_dense()
    assert np.abs(W.sum(axis=1) - 1).max() <= 1e-12
    assert W.min() >= 0
    flux = space.masses[:, None] * W
    assert np.abs(flux - flux.T).max() <= 1e-15
    assert np.linalg.eigvalsh((flux + flux.T) / 2).min() >= -1e-14
    assert np.abs(A(np.full(150, 0.7))).max() <= 8 * EPS
    pide.verification.check(A, samples=5).raise_if_failed()
    pide.verification.check(A.averaging, samples=5).raise_if_failed()
    assert {"markov", "self_adjoint", "conserves_mass", "variance_decay"} <= A.claims
    spectrum = np.linalg.eigvalsh(A.symmetrised() @ np.eye(150))
    assert spectrum.min() >= -A.spectral_bound()
    assert spectrum.max() <= 1e-14


@given(seed=st.integers(0, 10**6), count=st.integers(1, 12), width=st.floats(0.01, 100.0), kept=st.booleans())
def test_rows_sum_to_one_for_all_widths(seed, count, width, kept):
    """Also where every affinity underflows: rows are a softmax of the logarithm."""
    rng = np.random.default_rng(seed)
    points = rng.standard_normal((20, 3)) * rng.choice([1e-3, 1.0, 1e3])
    A = affinity_operator(
        GaussianAffinity(width=width), points, Samples(points), anchors=count, neighbours=1 if kept else None
    )
    W = A.averaging.to_dense()
    assert np.abs(W.sum(axis=1) - 1).max() <= 1e-12
    assert W.min() >= 0


def test_heat_through_anchors_and_other_libraries():
    A = affinity_operator(GAUSSIAN, X, WEIGHTED, anchors=25, neighbours=5)
    u = RNG.standard_normal((2, 150))
    result = pide.solve(pide.Heat(A, initial=u), until=3.0, tol=1e-9)
    values, vectors = np.linalg.eigh(A.symmetrised() @ np.eye(150))
    root = np.sqrt(WEIGHTED.masses)
    exact = ((u * root) @ vectors * np.exp(3.0 * values)) @ vectors.T / root
    assert np.allclose(result.final, exact, atol=1e-8)
    for xp in (torch, array_api_strict):
        for dtype, tolerance in ((xp.float64, 1e-14), (xp.float32, 1e-5)):
            there = A(xp.asarray(u, dtype=dtype))
            assert there.dtype == dtype
            assert np.allclose(np.asarray(there), A(u), atol=tolerance)
    assert A(u.astype(np.float32)).dtype == np.float32


def test_anchors_of_a_large_set_store_no_matrix():
    """N = 50 000 points: the factors have N * 8 entries."""
    points = RNG.standard_normal((50_000, 2))
    A = affinity_operator(GaussianAffinity(width=0.3), points, Samples(points), anchors=60, neighbours=8)
    assert A.assignment.nnz == 400_000
    assert np.abs(A(np.ones(50_000))).max() <= 1e-14
    u = points[:, 0].copy()
    assert A.space.variance(u + A(u)) < A.space.variance(u)


def test_farthest_points_cover_and_means_follow_the_density():
    line = np.concatenate([np.linspace(0, 1, 50), [10.0]])[:, None]
    farthest = anchor_points(line, 3)[:, 0]
    assert 10.0 in farthest
    assert np.isin(farthest, line).all()
    assert np.abs(line - farthest[None]).min(axis=1).max() <= 0.5
    dense = np.concatenate([np.linspace(0, 1, 200), np.linspace(5, 6, 10)])[:, None]
    means = anchor_points(dense, 8, "kmeans", seed=1)
    assert np.array_equal(means, anchor_points(dense, 8, "kmeans", seed=1))
    assert np.sum(means < 2) > np.sum(means > 2) >= 1


@pytest.mark.parametrize("normaliser", ["rows", "count", None, "sinkhorn"])
@pytest.mark.parametrize("space", [SPACE, WEIGHTED], ids=["equal", "weighted"])
def test_blocks_are_the_stored_matrix(normaliser, space):
    stored = affinity_operator(GAUSSIAN, X, space, normaliser)
    blocked = affinity_operator(GAUSSIAN, X, space, normaliser, block=37)
    u = RNG.standard_normal((3, 150))
    assert np.allclose(blocked(u), stored(u), rtol=0, atol=1e-12 * np.abs(stored(u)).max())
    assert np.all(blocked(np.ones(150)) == 0)
    assert np.allclose(blocked.diagonal(), stored.diagonal(), rtol=1e-12)
    assert blocked.claims == stored.claims
    assert blocked.rate_bound() >= float(stored.degree.max())
    pide.verification.check(blocked, samples=3).raise_if_failed()


@pytest.mark.parametrize(
    "affinity",
    [LogAffinity(), DotProductAffinity(), EmbeddedAffinity(*(0.3 * RNG.random((2, 2, 5)))), PowerAffinity(exponent=2)],
    ids=["log", "dot", "embedded", "power"],
)
def test_blocks_of_signed_and_asymmetric_affinities(affinity):
    stored, blocked = (affinity_operator(affinity, X, WEIGHTED, "count", block=b) for b in (None, 64))
    u = RNG.standard_normal(150)
    scale = np.abs(stored(u)).max()
    assert np.allclose(blocked(u), stored(u), rtol=0, atol=1e-12 * scale)
    assert np.allclose(blocked.adjoint(u), stored.adjoint(u), rtol=0, atol=1e-12 * scale)
    assert blocked.claims <= stored.claims
    assert blocked.rate_bound() >= float(np.abs(stored.rates).sum(axis=1).max())
    pide.verification.check(blocked, samples=3).raise_if_failed()


@pytest.mark.parametrize("xp", [torch, array_api_strict], ids=["torch", "strict"])
def test_blocks_in_other_libraries(xp):
    affinity = GaussianAffinity(RNG.random((2, 5)), width=2.0)
    A = affinity_operator(affinity, X, WEIGHTED, "sinkhorn", block=50)
    u = RNG.standard_normal(150)
    for dtype, tolerance in ((xp.float64, 1e-13), (xp.float32, 1e-5)):
        there = A(xp.asarray(u, dtype=dtype))
        assert there.dtype == dtype
        assert np.allclose(np.asarray(there), A(u), atol=tolerance)


def test_coincident_points():
    """Twins exchange like one point of twice the mass, and the power affinity between them is 0, not infinite."""
    twice = np.concatenate([X[:40], X[:40]])
    for options in ({"anchors": 12}, {"anchors": 12, "neighbours": 3}, {"block": 16}):
        A = affinity_operator(GAUSSIAN, twice, Samples(twice), **options)
        u = np.tile(RNG.standard_normal(40), 2)
        assert np.allclose(A(u)[:40], A(u)[40:], atol=1e-14)
    power = affinity_operator(PowerAffinity(exponent=3.0), twice, Samples(twice), "count", block=16)
    assert np.isfinite(power(RNG.standard_normal(80))).all()


BAD = np.where(np.arange(150)[:, None] == 7, np.nan, X)


@pytest.mark.parametrize(
    ("call", "remedy"),
    [
        (lambda: affinity_operator(LogAffinity(), X, SPACE, anchors=4), "Write a Gaussian"),
        (lambda: affinity_operator(GAUSSIAN, X, SPACE, anchors=X[:4, :2]), "anchor_points"),
        (lambda: affinity_operator(GAUSSIAN, X, SPACE, anchors=4, neighbours=5), "neighbours=5"),
        (lambda: affinity_operator(GAUSSIAN, X, SPACE, "count", anchors=4), "Write normaliser='rows'"),
        (lambda: affinity_operator(GAUSSIAN, X, SPACE, anchors=4, block=5), "Leave one out"),
        (lambda: affinity_operator(GAUSSIAN, X, SPACE, block=0), "block=1024"),
        (lambda: affinity_operator(GAUSSIAN, BAD, SPACE, anchors=4), "NaN or infinity"),
        (lambda: affinity_operator(PowerAffinity(exponent=2.0), X, SPACE, anchors=X[:1]), "wider affinity"),
        (lambda: anchor_points(np.zeros((5, 2)), 2), "Write count=1"),
        (lambda: anchor_points(X, 151), "smaller count"),
        (lambda: anchor_points(X, 3, "grid"), "Write one of them"),
        (lambda: anchor_points(X, 3, "kmeans"), "Write seed=0"),
        (lambda: anchor_points(BAD, 3), "finite features"),
        (lambda: Samples(X[0]), r"points\[:, None\]"),
        (lambda: Samples(BAD), "point 7"),
        (lambda: Samples(X, 0.0), "Remove points without weight"),
        (
            lambda: affinity_operator(GAUSSIAN, np.zeros((12_000, 1)), Samples(np.zeros((12_000, 1)))),
            "block=1024 for no matrix",
        ),
    ],
)
def test_messages(call, remedy):
    with pytest.raises(ValueError, match=remedy):
        call()

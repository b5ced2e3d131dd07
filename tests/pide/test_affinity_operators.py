"""Affinities of features against sums written out: values, normalisers, gradients, claims."""

import math

import array_api_strict
import numpy as np
import pytest
import torch

import pide
from pide.operators.affinity import (
    DotProductAffinity,
    EmbeddedAffinity,
    GaussianAffinity,
    LogAffinity,
    PowerAffinity,
    affinity_diffusion,
    normalised,
    squared_distances,
)
from pide.operators.affinity_pairs import affinity_operator
from pide.operators.patches import PatchAffinity, patches
from pide.spaces.cloud import PointCloud

RNG = np.random.default_rng(0)
X = RNG.standard_normal((2, 12, 3))
THETA, PHI = RNG.standard_normal((2, 3)), RNG.standard_normal((2, 3))

CASES = {
    "gaussian": (GaussianAffinity(width=1.5), lambda a, b: math.exp(-(math.dist(a, b) ** 2) / 2.25)),
    "dot": (DotProductAffinity(), lambda a, b: float(np.dot(a, b))),
    "embedded": (EmbeddedAffinity(THETA, PHI), lambda a, b: math.exp(np.dot(THETA @ a, PHI @ b))),
    "power": (
        PowerAffinity(THETA, exponent=3.5),
        lambda a, b: 0.0 if np.array_equal(a, b) else math.dist(THETA @ a, THETA @ b) ** -3.5,
    ),
    "inverse power": (
        PowerAffinity(THETA, PHI, exponent=0.5),
        lambda a, b: math.dist(THETA @ a, PHI @ b) ** -0.5,
    ),
    "log": (LogAffinity(), lambda a, b: 0.0 if np.array_equal(a, b) else -math.log(math.dist(a, b))),
}


def written_out(omega, x, z, normaliser):
    """sum_j omega_ij (z_j - z_i) / C_i by loops."""
    K = np.array([[omega(a, b) for b in x] for a in x])
    C = {"rows": K.sum(1), "count": np.full(len(x), len(x)), None: np.ones(len(x))}[normaliser]
    return np.array([math.fsum(K[i] * (z - z[i])) / C[i] for i in range(len(x))])


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("normaliser", ["rows", "count", None])
@pytest.mark.parametrize("block", [None, 5])
def test_diffusion_equals_the_sum_written_out(name, normaliser, block):
    affinity, omega = CASES[name]
    z = RNG.standard_normal((2, 12, 2))
    L = affinity_diffusion(affinity, X, z, normaliser=normaliser, block=block)
    for b in range(2):
        for k in range(2):
            assert np.allclose(L[b, :, k], written_out(omega, X[b], z[b, :, k], normaliser), rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("xp", [torch, array_api_strict], ids=["torch", "strict"])
@pytest.mark.parametrize("name", ["gaussian", "log", "dot"])
def test_other_namespaces(xp, name):
    affinity, z = CASES[name][0], RNG.standard_normal((2, 12, 1))
    there = affinity_diffusion(affinity, xp.asarray(X), xp.asarray(z), normaliser="count")
    assert np.allclose(np.asarray(there), affinity_diffusion(affinity, X, z, normaliser="count"), rtol=1e-12)


def test_sinkhorn_rows_sum_to_one_and_the_matrix_is_symmetric():
    W = normalised(GaussianAffinity(width=1.0)(X), "sinkhorn")
    assert np.abs(W.sum(-1) - 1).max() <= 1e-11
    assert np.abs(W - np.swapaxes(W, -1, -2)).max() <= 1e-15
    assert W.min() >= 0


def test_softmax_rows_do_not_overflow():
    z = RNG.standard_normal((2, 12, 1))
    large = affinity_diffusion(EmbeddedAffinity(), 40 * X, z)
    assert np.isfinite(large).all()
    with np.errstate(over="ignore"):
        assert not np.isfinite(EmbeddedAffinity()(40 * X)).all()


@pytest.mark.parametrize(
    "make",
    [
        lambda t: GaussianAffinity(t, width=1.0),
        lambda t: PowerAffinity(t, exponent=2.5),
        lambda t: LogAffinity(t),
        lambda t: EmbeddedAffinity(t),
    ],
    ids=["gaussian", "power", "log", "embedded"],
)
def test_gradients_are_right_and_finite_at_coincident_points(make):
    x = 0.5 * torch.asarray(X[0])
    x[3] = x[7]
    x.requires_grad_(True)
    theta = torch.asarray(THETA).clone().requires_grad_(True)
    z = torch.asarray(RNG.standard_normal((12, 2)), requires_grad=True)

    def energy(x, theta, z):
        return (z * affinity_diffusion(make(theta), x, z, normaliser="count")).sum()

    energy(x, theta, z).backward()
    for parameter in (x, theta, z):
        assert bool(torch.isfinite(parameter.grad).all())
    step = 1e-6 * torch.asarray(RNG.standard_normal(THETA.shape))
    with torch.no_grad():
        slope = float(energy(x, theta + step, z) - energy(x, theta - step, z)) / 2
    assert slope == pytest.approx(float((theta.grad * step).sum()), rel=1e-6)


def test_squared_distances_of_near_points_keep_their_digits():
    x = np.array([[1.0, 2.0], [1.0 + 1e-9, 2.0]])
    assert squared_distances(x, x)[0, 1] == pytest.approx((x[1, 0] - 1.0) ** 2, rel=1e-15)


def test_patches_are_mirrored_neighbourhoods():
    image = RNG.random((5, 4))
    padded = np.pad(image, 1, mode="reflect")
    features = patches(image, 1)
    for row in range(5):
        for column in range(4):
            window = padded[row : row + 3, column : column + 3].ravel() / 3
            assert np.allclose(features[4 * row + column], window, rtol=1e-15, atol=0)
    assert patches(np.stack([image, image]), 1).shape == (2, 20, 9)


GRID = pide.Box(((0, 1), (0, 1))).grid(9)
FEATURES = np.stack([c.ravel() for c in GRID.coordinates], axis=1)
FEATURES = np.concatenate([FEATURES, np.sin(9 * FEATURES[:, :1])], axis=1)


@pytest.mark.parametrize("how", [{"anchors": 7}, {"anchors": 7, "neighbours": 3}, {"block": 5}], ids=str)
def test_the_method_passes_what_the_function_takes(how):
    affinity, u = GaussianAffinity(width=0.4), np.random.default_rng(0).standard_normal(GRID.shape)
    method = affinity.on(GRID, FEATURES, "rows", **how)
    function = affinity_operator(affinity, FEATURES, GRID, "rows", **how)
    assert type(method) is type(function)
    assert np.array_equal(method(u), function(u))


@pytest.mark.parametrize("normaliser", ["rows", "count", None, "sinkhorn"])
@pytest.mark.parametrize("how", [{}, {"neighbours": 12}, {"window": 0.4}], ids=["all", "nearest", "window"])
def test_operators_pass_their_checks(normaliser, how):
    A = GaussianAffinity(width=0.4).on(GRID, FEATURES, normaliser, **how)
    pide.verification.check(A, samples=4).raise_if_failed()
    assert {"markov", "maximum_principle", "kills_constants"} <= A.claims
    assert ("self_adjoint" in A.claims) == (normaliser != "rows")
    if normaliser == "sinkhorn":
        own = 1 - A.degree.ravel()
        assert own.min() > 0
        assert own.max() < 1


def test_operators_on_clouds_are_self_adjoint_in_their_masses():
    points = RNG.random((60, 2))
    cloud = PointCloud(points, domain=pide.Box(((0, 1), (0, 1))))
    for normaliser in ("count", "sinkhorn"):
        A = GaussianAffinity(width=0.5).on(cloud, points, normaliser)
        pide.verification.check(A, samples=4).raise_if_failed()
        assert "self_adjoint" in A.claims


@pytest.mark.parametrize("affinity", [LogAffinity(), DotProductAffinity(), EmbeddedAffinity(*RNG.random((2, 2, 3)))])
def test_signed_and_asymmetric_affinities_claim_less(affinity):
    A = affinity.on(GRID, 3 * FEATURES, "count")
    assert not A.claims & {"energy_decay", "variance_decay", "negative_semidefinite"}
    assert ("maximum_principle" in A.claims) == affinity.nonnegative
    assert ("self_adjoint" in A.claims) == affinity.symmetric
    pide.verification.check(A, samples=4).raise_if_failed()


def test_nearest_neighbours_are_the_nearest_and_the_kept_part_is_reported():
    K = GaussianAffinity(width=0.4)(FEATURES)
    np.fill_diagonal(K, 0.0)
    A = GaussianAffinity(width=0.4).on(GRID, FEATURES, None, neighbours=12)
    kept = np.zeros_like(K, dtype=bool)
    for i, row in enumerate(K):
        kept[i, row >= np.sort(row)[-12]] = True
    kept |= kept.T
    stored = A.rates.toarray()
    assert np.all(stored[stored > 0] == pytest.approx(K[stored > 0], rel=1e-14))
    assert np.all((stored > 0) <= kept)
    part = float(A.notes[-1].split(", ")[1].split(" %")[0])
    assert part == pytest.approx(100 * stored.sum() / K.sum(), rel=1e-3)


def test_heat_flow_of_an_affinity_operator_by_steppers():
    A = GaussianAffinity(width=0.4).on(GRID, FEATURES, "sinkhorn", neighbours=12)
    u = RNG.standard_normal(GRID.shape)
    energy = float(GRID.norm(u))
    for _ in range(5):
        u = u + A(u) / A.rate_bound()
        assert float(GRID.norm(u)) < energy
        energy = float(GRID.norm(u))


@pytest.mark.parametrize(
    ("call", "remedy"),
    [
        (lambda: GaussianAffinity(width=0.0), "width=1.0"),
        (lambda: normalised(X, "softmax"), "'rows'.*Write one of them"),
        (lambda: affinity_diffusion(LogAffinity(), X, X[:, :5]), r"\(..., M, K\)"),
        (lambda: affinity_diffusion(GaussianAffinity(width=1.0), X, X, normaliser="sinkhorn", block=4), "Leave block"),
        (lambda: normalised(-np.ones((3, 3)), "sinkhorn"), "Write a Gaussian"),
        (lambda: patches(np.ones((3, 3)), 3), "smaller radius"),
        (lambda: patches(np.ones((3, 3)), 1, 0.0), "Write width=1.5"),
        (lambda: PatchAffinity(width=0.0), "Write width=noise"),
        (lambda: PatchAffinity(width=1.0, noise=-1.0), "noise >= 0"),
        (lambda: LogAffinity().on(GRID, FEATURES[:5]), r"space.compress\(field\)"),
        (lambda: LogAffinity().on(GRID, FEATURES, neighbours=4, window=0.2), "Leave one out"),
        (lambda: LogAffinity().on(GRID, FEATURES, "sinkhorn"), "normaliser='rows'"),
        (lambda: GaussianAffinity(width=1.0).on(GRID, FEATURES, neighbours=81), "Write 16"),
    ],
)
def test_messages(call, remedy):
    with pytest.raises(ValueError, match=remedy):
        call()


@pytest.mark.parametrize(
    "space",
    [
        pide.Torus((1.0, 2.0)).grid(8, 12),
        pide.Ball(radius=1.0, dimension=2).grid(13),
        pide.Box(((0, 1), (0, 3))).grid(5, 9),
        PointCloud(RNG.random((50, 2)), domain=pide.Torus((1.0, 1.0)), weights=1.0),
        pide.Interval(0, 1).grid(30),
    ],
    ids=["torus", "ball", "box", "cloud", "interval"],
)
def test_windows_are_the_near_pairs(space):
    """Against all distances, modulo the periods on a torus."""
    points = np.stack([c[space.inside] for c in space.coordinates], axis=1)
    differences = points[:, None] - points[None]
    if space.periodic:
        periods = np.array([b - a for a, b in space.domain.bounds])
        differences -= periods * np.round(differences / periods)
    near = (np.linalg.norm(differences, axis=-1) < 0.37) & ~np.eye(space.count, dtype=bool)
    for affinity in (GaussianAffinity(width=1.0), EmbeddedAffinity(*RNG.random((2, 1, points.shape[1])))):
        A = affinity.on(space, points, None, window=0.37)
        assert np.array_equal(A.rates.toarray() > 0, near)
        exact = np.where(near, affinity(points), 0.0)
        assert np.allclose(A.rates.toarray(), exact, rtol=1e-12)


def test_windows_beyond_half_a_period_are_refused():
    grid = pide.Torus((1.0,)).grid(8)
    with pytest.raises(ValueError, match="Take a smaller one"):
        GaussianAffinity(width=1.0).on(grid, np.zeros((8, 1)), window=0.6)


def test_vertices_outside_have_no_affinities():
    graph = pide.Graph(np.ones((8, 8)) - np.eye(8), measure="degree", inside=np.arange(8) > 2)
    X = RNG.random((5, 2))
    A = GaussianAffinity(width=0.5).on(graph, X, "sinkhorn", neighbours=2)
    pide.verification.check(A, samples=3).raise_if_failed()
    assert A.rates.shape == (5, 5)

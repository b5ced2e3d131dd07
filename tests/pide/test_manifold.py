"""Diffusion maps against eigenvalues of circle and sphere, discrete and continuous, and a matrix written out."""

import json
from pathlib import Path

import numpy as np
import pytest
import scipy.linalg
from scipy.optimize import brentq

import pide
from pide.operators.manifold import DiffusionMap
from pide.spaces.samples import Samples

ENTRIES = {
    entry["id"]: np.array(entry["values"], dtype=np.float64)
    for entry in json.loads((Path(__file__).parent.parent / "reference" / "manifold.json").read_text())["entries"]
}
RNG = np.random.default_rng(0)


def circle(angles):
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def uniform(count):
    return 2 * np.pi * np.arange(count) / count


def quantiles(count, amplitude=0.8):
    """Angles of density (1 + amplitude cos) / (2 pi), one in the middle of each of `count` equal parts."""

    def distance(angle, part):
        return (angle + amplitude * np.sin(angle)) / (2 * np.pi) - part

    return np.array([brentq(distance, 0, 2 * np.pi, args=((k + 0.5) / count,), xtol=1e-14) for k in range(count)])


def sphere(count):
    """A spiral of equal areas."""
    k = np.arange(count) + 0.5
    z, angle = 1 - 2 * k / count, np.pi * (1 + 5**0.5) * k
    radius = np.sqrt(1 - z**2)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle), z], axis=1)


@pytest.mark.parametrize("width", [0.1, 0.5, 1])
def test_sixteen_points_of_the_circle(width):
    """mu_k of the circulant matrix; each but the first is double."""
    found = DiffusionMap(circle(uniform(16)), epsilon=width / 4)
    mu = np.exp(-found.epsilon * found.eigenvalues(9))
    exact = ENTRIES[f"dm.circle.N16.eps{width}"]
    assert np.allclose(mu[[0, 1, 3, 5, 7]], exact, atol=1e-13)
    assert np.allclose(mu[[2, 4, 6, 8]], exact[1:], atol=1e-13)


def test_the_limit_of_many_points():
    """I_k(2 / eps) / I_0(2 / eps) on the circle, to rounding because the trapezoidal rule converges geometrically."""
    found = DiffusionMap(circle(uniform(200)), epsilon=0.025)
    mu = np.exp(-found.epsilon * found.eigenvalues(11))
    assert np.allclose(mu[[0, 1, 3, 5, 7, 9]], ENTRIES["dm.circle.eps0.1"], atol=1e-12)
    found = DiffusionMap(sphere(600), epsilon=0.025)
    mu = np.exp(-found.epsilon * found.eigenvalues(16))
    assert np.allclose(mu[[0, 2, 6, 12]], ENTRIES["dm.sphere.eps0.1"][:4], atol=1e-3)


def test_alpha_one_removes_the_density():
    """Circle, density 1 + 0.8 cos: eigenvalues 1, 1, 4, 4, 9, 9 within 1.2 % for alpha = 1, off by half for 0."""
    points = circle(quantiles(500))
    exact = ENTRIES["lb.circle"][[0, 1, 1, 2, 2, 3, 3]]
    error = {
        alpha: np.abs(DiffusionMap(points, 0.0025, alpha).eigenvalues(7) - exact)[1:] / exact[1:] for alpha in (0, 1)
    }
    assert error[1].max() <= 0.012
    assert error[0].max() > 0.5


def test_eigenvalues_of_the_sphere():
    exact = np.repeat(ENTRIES["lb.sphere"][:4], [1, 3, 5, 7])
    values = DiffusionMap(sphere(1000), epsilon=0.02).eigenvalues(16)
    assert np.abs(values - exact)[1:].max() / 12 <= 0.03
    assert (np.abs(values - exact)[1:] / exact[1:]).max() <= 0.03


def test_the_logarithm_halves_the_bias_for_large_eigenvalues():
    exact = np.repeat(ENTRIES["lb.circle"], [1, 2, 2, 2, 2])
    found = DiffusionMap(circle(uniform(400)), epsilon=0.005)
    logarithm = np.abs(found.eigenvalues(9) - exact)[-1]
    linear = np.abs(-np.expm1(-found.epsilon * found.eigenvalues(9)) / found.epsilon - exact)[-1]
    assert logarithm < linear / 2


def test_bias_is_of_first_order_in_epsilon():
    errors = [abs(DiffusionMap(circle(uniform(300)), eps).eigenvalues(4)[3] - 4) for eps in (0.02, 0.01, 0.005)]
    assert np.log2(errors[0] / errors[1]) == pytest.approx(1.0, abs=0.15)
    assert np.log2(errors[1] / errors[2]) == pytest.approx(1.0, abs=0.15)


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("epsilon", [0.3, 0.0002], ids=["dense", "sparse"])
def test_matrices_written_out(alpha, epsilon):
    points = RNG.random((60, 3)) if epsilon > 0.1 else RNG.random((400, 2))
    k = np.exp(-((points[:, None] - points[None]) ** 2).sum(-1) / (4 * epsilon))
    q = k.sum(1)
    a = k / np.outer(q, q) ** alpha
    P = a / a.sum(1, keepdims=True)
    found = DiffusionMap(points, epsilon, alpha)
    assert ("sparse" in found.operator.notes[1]) == (epsilon < 0.1)
    L = (P - np.eye(len(P))) / epsilon
    assert np.allclose(found.operator.to_dense(), L, atol=1e-10 / epsilon)
    assert np.allclose(found.space.masses, a.sum(1) / a.sum(1).mean())


@pytest.mark.parametrize("epsilon", [0.3, 0.0002], ids=["dense", "sparse"])
def test_the_operator_is_a_diffusion(epsilon):
    operator = DiffusionMap(RNG.random((300, 2)), epsilon).operator
    pide.verification.check(operator, samples=4).raise_if_failed()
    assert {"self_adjoint", "markov", "conserves_mass", "variance_decay", "kills_constants"} <= operator.claims


def test_masses_are_volumes():
    """alpha = 1: sum f(x_i) m_i is the integral over the manifold, whatever the density."""
    angles = quantiles(800)
    volumes = DiffusionMap(circle(angles), 0.002).volumes(1)
    assert volumes.sum() == pytest.approx(2 * np.pi, rel=0.01)
    assert volumes @ np.cos(angles) ** 2 == pytest.approx(np.pi, rel=0.01)
    assert DiffusionMap(sphere(1000), 0.02).volumes(2).sum() == pytest.approx(4 * np.pi, rel=0.01)


def test_heat_on_the_circle():
    """cos decays like e^{-t}, on points that are four times as dense on the right as on the left at most."""
    angles = quantiles(500)
    L = DiffusionMap(circle(angles), 0.0025).operator
    result = pide.solve(pide.Heat(L, initial=lambda x, y: x), until=1.0, tol=1e-8)
    assert np.allclose(result.final, np.exp(-1.0) * np.cos(angles), atol=0.01)
    assert np.allclose(result.mass, result.mass[0], atol=1e-11)


def test_eigen_agrees_with_the_spectrum_of_the_map():
    found = DiffusionMap(sphere(420), 0.03)
    result = pide.solve(pide.Eigen(found.operator, count=9), tol=1e-10)
    assert np.allclose(result.values, np.expm1(-0.03 * found.eigenvalues(9)) / 0.03, atol=1e-8)


def test_large_sparse_spectra_by_lanczos():
    """A circle of 3000 points by eigsh against the exact circulant eigenvalues."""
    angles = uniform(3000)
    found = DiffusionMap(circle(angles), 1e-4)
    assert "sparse" in found.operator.notes[1]
    row = np.exp(-(2 - 2 * np.cos(angles)) / 4e-4)
    mu = np.fft.rfft(row).real / row.sum()
    exact = -np.log(mu[[0, 1, 1, 2, 2, 3, 3]]) / 1e-4
    assert np.allclose(found.eigenvalues(7), exact, atol=1e-6)


def test_isometries_and_embeddings_change_nothing():
    """In R^10 after a rotation; a line in R^1 has the Neumann eigenvalues (pi k)^2 up to the boundary's bias."""
    points = circle(quantiles(200))
    rotation = scipy.linalg.qr(RNG.standard_normal((10, 10)))[0]
    wide = np.concatenate([points, np.zeros((200, 8))], axis=1) @ rotation
    assert np.allclose(DiffusionMap(wide, 0.01).eigenvalues(6), DiffusionMap(points, 0.01).eigenvalues(6), atol=1e-9)
    line = ((np.arange(300) + 0.5) / 300)[:, None]
    values = DiffusionMap(line, 5e-5).eigenvalues(4)
    assert np.allclose(values[1:], (np.pi * np.arange(1, 4)) ** 2, rtol=0.03)


def test_diffusion_distances():
    """Euclidean distance of all coordinates at time t = sum_j (P^t_ij - P^t_kj)^2 / m_j, t in steps of epsilon."""
    found = DiffusionMap(RNG.random((40, 2)), 0.05)
    count = 12
    Y = found.coordinates(count, time=6 * 0.05)
    P = np.eye(40) + 0.05 * found.operator.to_dense()
    m = found.space.masses / found.space.masses.sum()
    Pt = np.linalg.matrix_power(P, 6)
    exact = ((Pt[3] - Pt[9]) ** 2 / m).sum()
    assert ((Y[3] - Y[9]) ** 2).sum() == pytest.approx(exact, rel=1e-3)
    assert Y.shape == (40, count)
    modes = found.modes(5)
    gram = (modes * m) @ modes.T
    assert np.allclose(gram, np.eye(5), atol=1e-10)


def test_coincident_points_and_clouds():
    points = circle(quantiles(100))
    twice = DiffusionMap(np.concatenate([points, points]), 0.02)
    assert np.allclose(twice.eigenvalues(5), DiffusionMap(points, 0.02).eigenvalues(5), atol=1e-9)
    cloud = pide.PointCloud(points, weights=1.0)
    assert np.allclose(DiffusionMap(cloud, 0.02).eigenvalues(3), DiffusionMap(points, 0.02).eigenvalues(3))
    single = DiffusionMap(points.astype(np.float32), 0.02)
    assert np.allclose(single.eigenvalues(5), DiffusionMap(points, 0.02).eigenvalues(5), atol=1e-3)


@pytest.mark.parametrize(
    ("call", "remedy"),
    [
        (lambda: DiffusionMap(np.zeros(5), 0.1), r"points\[:, None\]"),
        (lambda: DiffusionMap(np.full((5, 2), np.nan), 0.1), "Remove such points"),
        (lambda: DiffusionMap(np.zeros((5, 2)), 0.0), "squared spacings"),
        (lambda: DiffusionMap(np.zeros((5, 2)), 0.1, alpha=2.0), "alpha=1.0"),
        (lambda: DiffusionMap(np.zeros((5, 2)), 0.1, tail=0.0), "tail=1e-14"),
        (lambda: DiffusionMap(np.zeros((5, 2)), 0.1).eigenvalues(6), "Write count=6"),
        (lambda: DiffusionMap(np.zeros((5, 2)), 0.1).eigenvalues(2), "smaller count"),
        (lambda: DiffusionMap(RNG.random((5, 2)), 0.1, alpha=0.0).volumes(2), "alpha=1.0"),
        (lambda: DiffusionMap(Samples(np.zeros((20_000, 1))), 0.1).kernel, "smaller epsilon"),
    ],
)
def test_messages(call, remedy):
    with pytest.raises(ValueError, match=remedy):
        call()

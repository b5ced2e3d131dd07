"""Corrections of pair weights on point clouds: moments, symmetry, signs, caps, and the boundary profile."""

import itertools
import math

import numpy as np
import pytest
import scipy.integrate
from scipy.spatial.distance import cdist

import pide
from pide import kernels
from pide.quadrature.boundary_profile import profile_correction, spacing
from pide.quadrature.cloud_correction import cloud_correction
from pide.quadrature.inside_moments import inside_moments
from pide.quadrature.pair_correction import near_pairs, pair_correction, pair_moments, summed_moments
from pide.quadrature.rays import exterior_rate
from pide.quadrature.second_moment import ball_second_moment
from pide.spaces.cloud import PointCloud

EPS = float(np.finfo(np.float64).eps)
DISC = pide.Ball(radius=1.0, dimension=2)
BOX = pide.Box(((0, 1), (0, 1)))


def sunflower(count, seed=0):
    """Jittered points of nearly equal cells in the unit disc."""
    rng, k = np.random.default_rng(seed), np.arange(count) + 0.5
    radius, angle = np.sqrt(k / count), math.pi * (1 + math.sqrt(5)) * k
    points = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    points += rng.uniform(-0.2, 0.2, points.shape) * math.sqrt(math.pi / count)
    return PointCloud(points[(points**2).sum(1) < 0.999], domain=DISC)


def scattered(domain, count, seed=0):
    lower, upper = np.array(domain.bounds).T
    points = np.random.default_rng(seed).uniform(lower, upper, (count, domain.dimension))
    return PointCloud(points[domain.contains(*points.T)], domain=domain)


def dense_weights(cloud, kernel):
    r = cdist(cloud.points, cloud.points)
    np.fill_diagonal(r, 1.0)
    w = np.asarray(kernel(r, cloud.dimension))
    np.fill_diagonal(w, 0.0)
    return w


def difference(w, m):
    return lambda v: w @ (m * v) - (w @ m) * v


def naive_moments(w, cloud):
    """sum_j w_ij m_j (x_a, x_a x_b), a loop over points and monomials."""
    z = cloud.points[None] - cloud.points[:, None]
    n = cloud.dimension
    first = [(w * z[..., a]) @ cloud.masses for a in range(n)]
    pairs = itertools.combinations_with_replacement(range(n), 2)
    return np.stack(first + [(w * z[..., a] * z[..., b]) @ cloud.masses for a, b in pairs], axis=1)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_moments_of_pairs_and_of_sums_are_the_naive_ones(n):
    box = pide.Box(((0, 1),) * n) if n > 1 else pide.Interval(0, 1)
    cloud = scattered(box, 60, seed=n)
    kernel = kernels.TruncatedFractional(s=0.6, horizon=0.4)
    w = dense_weights(cloud, kernel)
    exact = naive_moments(w, cloud)
    near = near_pairs(cloud, 0.4)
    by_pairs = pair_moments(near, np.asarray(kernel(near.distances, n)), cloud.masses)
    rate = float((w @ cloud.masses).max())
    assert np.abs(by_pairs - exact).max() <= 60 * EPS * rate
    assert np.abs(summed_moments(difference(w, cloud.masses), cloud.points) - exact).max() <= 600 * EPS * rate


@pytest.mark.parametrize("s", [0.25, 0.5, 0.75])
def test_moments_over_an_interval_are_their_integrals(s):
    kernel = kernels.Fractional(s=s)
    x = np.array([-0.9, -0.2, 0.6])
    got = inside_moments(x[:, None], pide.Interval(-1, 1), kernel)
    c = float(kernel(np.ones(1), 1)[0])
    for value, (left, right) in zip(got, np.stack([1 + x, 1 - x], axis=1), strict=True):
        first = c * (math.log(right / left) if s == 0.5 else (right ** (1 - 2 * s) - left ** (1 - 2 * s)) / (1 - 2 * s))
        second = c * (left ** (2 - 2 * s) + right ** (2 - 2 * s)) / (2 - 2 * s)
        assert value == pytest.approx([first, second], rel=1e-8)


def test_moments_over_a_box_and_a_reentrant_domain():
    kernel = kernels.Gaussian(width=0.5, normalise=None)
    p = (0.3, 0.8)
    got = inside_moments(np.array([p]), BOX, kernel)[0]

    def integral(f):
        density = lambda y, x: f(x - p[0], y - p[1]) * math.exp(-((x - p[0]) ** 2 + (y - p[1]) ** 2) / 0.25)  # noqa: E731
        return scipy.integrate.dblquad(density, 0, 1, 0, 1)[0]

    monomials = [lambda a, b: a, lambda a, b: b, lambda a, b: a * a, lambda a, b: a * b, lambda a, b: b * b]
    exact = np.array([integral(f) for f in monomials])
    assert np.abs(got - exact).max() <= 2e-3 * np.abs(exact).max()
    two = pide.SignedDistance(lambda x: np.minimum(abs(x) - 1, abs(x - 3) - 0.5), ((-1, 3.5),))
    pieces = ((-1, 1), (2.5, 3.5))
    for order, value in enumerate(inside_moments(np.array([[0.2]]), two, kernel)[0], start=1):
        f = lambda y, q=order: (y - 0.2) ** q * math.exp(-((y - 0.2) ** 2) / 0.25)  # noqa: E731
        assert value == pytest.approx(sum(scipy.integrate.quad(f, a, b)[0] for a, b in pieces), rel=1e-7)


def test_moments_within_the_horizon_of_inner_points_are_isotropic():
    kernel = kernels.TruncatedFractional(s=0.7, horizon=0.2)
    got = inside_moments(np.array([[0.5, 0.5]]), BOX, kernel)[0]
    whole = ball_second_moment(kernel, 0.2, 2)
    assert got == pytest.approx([0, 0, whole / 2, 0, whole / 2], abs=1e-12 * whole)


def test_corrected_pairs_have_the_wanted_moments_where_they_can():
    cloud = sunflower(400)
    near = near_pairs(cloud, 0.3)
    w = near.distances**-3.0
    corrected = DISC.signed_distance(*cloud.points.T) < -0.3
    present = pair_moments(near, w, cloud.masses)
    goal = float(present[:, 2].max()) * np.array([0, 0, 1, 0, 1])
    defects = goal - present
    found = pair_correction(near, w, cloud.masses, defects, corrected, 0.3)
    after = goal - pair_moments(near, w * (1 + found.changes), cloud.masses)
    scale = np.array([0.3, 0.3, 0.09, 0.09, 0.09])
    before, left = (np.abs(d[corrected] / scale).max() for d in (defects, after))
    assert left < 0.05 * before
    assert found.changes.min() >= -0.95


def test_the_correction_is_the_least_one():
    """Against the normal equations with the same regularisation, solved directly, where few points are corrected."""
    cloud = sunflower(60)
    near = near_pairs(cloud, 0.5)
    w, m, corrected = near.distances**-2.5, cloud.masses, DISC.signed_distance(*cloud.points.T) < -0.75
    defects = 0.05 * np.random.default_rng(0).standard_normal((cloud.count, 5)) * [0.5, 0.5, 0.25, 0.25, 0.25]
    found = pair_correction(near, w, m, defects, corrected, 0.5)
    rows, wanted = [], []
    for i in np.flatnonzero(corrected):
        total = 0.0
        block = np.zeros((5, len(w)))
        for e, (a, b) in enumerate(zip(near.first, near.second, strict=True)):
            if i in (a, b):
                other = b if i == a else a
                z = (cloud.points[other] - cloud.points[i]) / 0.5
                flux = w[e] * m[other]
                total += flux * float(z @ z)
                block[:, e] = flux * np.array([z[0], z[1], z[0] ** 2, z[0] * z[1], z[1] ** 2])
        rows.append(block / total)
        wanted.append(defects[i] / [0.5, 0.5, 0.25, 0.25, 0.25] / total)
    C = np.concatenate(rows)
    ridge = np.repeat([1e-3 * np.trace(block @ block.T) / 5 for block in rows], 5)
    least = C.T @ np.linalg.solve(C @ C.T + np.diag(ridge), np.concatenate(wanted))
    assert least.min() > -0.95
    assert np.abs(found.changes - least).max() <= 1e-6 * np.abs(least).max()


@pytest.mark.parametrize("make", [lambda: sunflower(500), lambda: scattered(DISC, 600)], ids=["jittered", "random"])
@pytest.mark.parametrize("s", [0.25, 0.75])
def test_corrected_weights_are_symmetric_and_keep_their_signs(make, s):
    cloud, kernel = make(), kernels.Fractional(s=s)
    w, m = dense_weights(cloud, kernel), cloud.masses
    kappa = exterior_rate(cloud.points, DISC, kernel)
    found = cloud_correction(kernel, cloud, difference(w, m), kappa)
    C = found.matrix().toarray()
    assert np.array_equal(C, C.T)
    assert np.all(np.diag(C) == 0)
    assert found.weights.min() >= 0
    assert np.all(kappa + found.killing >= 0)
    plain = w[found.near.first, found.near.second]
    assert np.allclose(found.weights, plain + found.changes, rtol=0, atol=4 * EPS * plain.max())


def test_corrected_sums_are_exact_on_quadratics_inside_the_domain():
    """L p for p of degree 2 is its moments, at every point deeper than two spacings, to a few per cent."""
    cloud, kernel = sunflower(800), kernels.Fractional(s=0.75)
    w, m = dense_weights(cloud, kernel), cloud.masses
    found = cloud_correction(kernel, cloud, difference(w, m))
    x, y = cloud.points.T
    f = x**2 - x * y + y
    first_x, first_y, second_xx, second_xy, _ = inside_moments(cloud.points, DISC, kernel).T
    exact = (2 * x - y) * first_x + (1 - x) * first_y + second_xx - second_xy
    inner = np.hypot(x, y) < 0.6
    errors = []
    for weights in (w, w + found.matrix().toarray()):
        Lf = difference(weights, m)(f)
        errors.append(float(np.sqrt(np.mean((Lf - exact)[inner] ** 2) / np.mean(exact[inner] ** 2))))
    assert errors[0] > 0.15
    assert errors[1] < 0.01


@pytest.mark.parametrize("engine", ["dense", "nufft"])
@pytest.mark.parametrize("mean", ["arithmetic", "geometric"])
def test_a_coefficient_multiplies_corrected_weights(mean, engine):
    """With a, or b = a^{1/2}, and v of degree 1 both forms are sums of moments up to the second, which are exact."""
    if engine == "nufft":
        pytest.importorskip("finufft")
        pytest.importorskip("numba")
    cloud, kernel = sunflower(800), kernels.Fractional(s=0.75)
    x, y = cloud.points.T
    linear = 2 + 0.5 * x - 0.3 * y  # a, or b

    def coefficient(x, y):
        value = 2 + 0.5 * x - 0.3 * y
        return value if mean == "arithmetic" else value**2

    A = pide.NonlocalDiffusion(kernel, coefficient=coefficient, mean=mean)
    first_x, first_y, xx, xy, yy = inside_moments(cloud.points, DISC, kernel).T
    slope, second = 0.7 * first_x + first_y, 0.35 * xx + (0.5 - 0.21) * xy - 0.3 * yy  # v = 0.7 x + y
    exact = linear * slope + second / 2 if mean == "arithmetic" else linear * (linear * slope + second)
    inner, errors = np.hypot(x, y) < 0.6, {}
    for quadrature in ("plain", "auto"):
        L = A.on(cloud, exterior=pide.Reflecting(), quadrature=quadrature, engine=engine, tol=1e-8)
        Lv = L(0.7 * x + y)
        errors[quadrature] = float(np.sqrt(np.mean((Lv - exact)[inner] ** 2) / np.mean(exact[inner] ** 2)))
        m = cloud.masses
        assert abs(m @ Lv) <= 1e-13 * (m @ np.abs(Lv))
        assert "nonnegative_rates" in L.claims
    assert any("quadrature: moments 0, 1, 2" in note for note in L.notes)
    assert errors["plain"] > 10 * errors["auto"]
    plain, v = pide.NonlocalDiffusion(kernel).on(cloud, exterior=pide.Reflecting()), 0.7 * x + y
    parts = linear * plain(v), plain(linear * v), v * plain(linear)
    composed = (parts[0] + parts[1] - parts[2]) / 2 if mean == "arithmetic" else linear * (parts[1] - parts[2])
    assert np.linalg.norm(Lv - composed) <= 1e-7 * np.linalg.norm(np.abs(np.stack(parts)).sum(axis=0))


def test_points_without_near_pairs_stay_as_they_are():
    x = np.concatenate([np.linspace(-0.95, -0.2, 60), [0.3], np.linspace(0.6, 0.95, 40)])
    cloud, kernel = PointCloud(x[:, None], domain=pide.Interval(-1, 1)), kernels.Fractional(s=0.75)
    found = cloud_correction(kernel, cloud, difference(dense_weights(cloud, kernel), cloud.masses))
    assert np.all(np.isfinite(found.weights))
    assert not np.any((found.near.first == 60) | (found.near.second == 60))


def test_close_pairs_are_capped():
    points = np.concatenate([sunflower(300).points, [[0.2, 0.2], [0.2, 0.2 + 1e-5]]])
    cloud, kernel = PointCloud(points, domain=DISC), kernels.Fractional(s=0.75)
    w, m = dense_weights(cloud, kernel), cloud.masses
    found = cloud_correction(kernel, cloud, difference(w, m))
    here = (found.near.first == len(points) - 2) & (found.near.second == len(points) - 1)
    cap = float(kernel(np.array(0.5 * spacing(cloud)), 2))
    assert found.weights[here][0] <= 30 * cap < 1e-6 * w[-1, -2]
    assert any("capped" in note for note in found.notes)


@pytest.mark.parametrize("s", [0.3, 0.7])
def test_the_boundary_correction_is_exact_on_the_profile(s):
    """A + D maps d^s near the boundary to a continuation of what A makes of it inside."""
    cloud, kernel = sunflower(800), kernels.Fractional(s=s)
    w, m = dense_weights(cloud, kernel), cloud.masses
    kappa = exterior_rate(cloud.points, DISC, kernel)
    depth = 1 - np.linalg.norm(cloud.points, axis=1)
    D, note = profile_correction(lambda v: kappa * v - difference(w, m)(v), cloud, kappa, s)
    assert "exact on d^" in note
    assert np.all(D[depth >= 2 * spacing(cloud)] == 0)
    phi = depth**s
    image = kappa * phi - difference(w, m)(phi)
    band, window = depth < 2 * spacing(cloud), (depth > 2 * spacing(cloud)) & (depth < 0.4)
    assert np.ptp(image[band]) > 3 * np.ptp(image[window])
    assert np.ptp((image + D * phi)[band]) < 2 * np.ptp(image[window])


def test_corners_and_inexact_distances_keep_the_plain_boundary():
    cloud, kernel = scattered(BOX, 900), kernels.Fractional(s=0.75)
    w, m = dense_weights(cloud, kernel), cloud.masses
    kappa = exterior_rate(cloud.points, BOX, kernel)
    found = cloud_correction(kernel, cloud, difference(w, m), kappa)
    assert any("near corners left plain" in note for note in found.notes)
    corner = np.abs(cloud.points - 0.5).min(axis=1) > 0.47
    assert corner.any()
    assert np.all(found.killing[corner] == 0)
    oval = pide.SignedDistance(lambda x, y: 0.5 * (x**2 + 4 * y**2 - 1), ((-1, 1), (-0.5, 0.5)))
    cloud = scattered(oval, 200)
    w, kappa = dense_weights(cloud, kernel), exterior_rate(cloud.points, oval, kernel)
    found = cloud_correction(kernel, cloud, difference(w, cloud.masses), kappa)
    assert any("no exact distance" in note for note in found.notes)
    assert np.all(found.killing == 0)


def test_rays_of_an_ellipse_leave_it_where_sampled_ones_do():
    ellipse, kernel = pide.Ellipsoid((1.0, 0.5)), kernels.Fractional(s=0.5)
    sampled = pide.SignedDistance(lambda x, y: x**2 + 4 * y**2 - 1, ((-1, 1), (-0.5, 0.5)))
    points = np.array([[0.0, 0.0], [0.7, 0.2], [-0.9, 0.05]])
    assert np.allclose(exterior_rate(points, ellipse, kernel), exterior_rate(points, sampled, kernel), rtol=1e-8)


def test_messages_of_the_correction():
    cloud = PointCloud(np.random.default_rng(0).random((20, 2)), 0.05)
    with pytest.raises(ValueError, match="quadrature='plain'"):
        cloud_correction(kernels.Fractional(s=0.5), cloud, lambda v: v)

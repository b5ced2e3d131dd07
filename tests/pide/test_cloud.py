"""Point clouds: masses, fields, and nonlocal operators on them against dense sums and closed forms."""

import dataclasses
import math
from pathlib import Path

import array_api_strict
import numpy as np
import pytest
import scipy.integrate
import scipy.linalg
import scipy.sparse
import torch

import pide
from pide import kernels
from pide.quadrature.rays import exterior_rate
from pide.spaces.cloud import PointCloud

EPS = float(np.finfo(np.float64).eps)
BOX = pide.Box(((0, 1), (0, 1)))


def cloud_in(domain, count, seed=0):
    lower, upper = np.array(domain.bounds).T
    points = np.random.default_rng(seed).uniform(lower, upper, (count, domain.dimension))
    return PointCloud(points[domain.contains(*points.T)], domain=domain)


@pytest.mark.parametrize(
    "domain",
    [pide.Interval(-1, 2), pide.Box(((0, 1), (0, 2))), pide.Box(((0, 1),) * 3), pide.Torus((1.0,)), pide.Torus((1, 2))],
    ids=repr,
)
def test_voronoi_masses_fill_boxes_and_tori(domain):
    masses = cloud_in(domain, 80).masses
    assert masses.min() > 0
    assert masses.sum() == pytest.approx(domain.volume, rel=1e-12)


def test_voronoi_masses_of_a_lattice_are_its_cells():
    grid = pide.Box(((0, 1), (0, 2))).grid(8, 10)
    points = np.stack([c.ravel() for c in grid.coordinates], axis=1)
    assert np.allclose(PointCloud(points, domain=grid.domain).masses, grid.cell_volume, rtol=1e-10)


def test_voronoi_masses_fill_a_disc_to_second_order():
    disc = pide.Ball(radius=1.0, dimension=2)
    errors = [abs(cloud_in(disc, count).masses.sum() - math.pi) for count in (200, 3200)]
    assert errors[0] < 0.1
    assert errors[1] < errors[0] / 8


def test_the_space_interface():
    cloud = cloud_in(BOX, 50)
    rng = np.random.default_rng(1)
    u, v = rng.standard_normal((3, 50)), rng.standard_normal(50)
    assert np.allclose(cloud.inner(u, v), [math.fsum(cloud.masses * row * v) for row in u], rtol=1e-12)
    assert cloud.mean(np.ones(50)) == pytest.approx(1.0, rel=4 * EPS)
    mean = (cloud.masses * u[0]).sum() / cloud.masses.sum()
    assert cloud.variance(u)[0] == pytest.approx((cloud.masses * (u[0] - mean) ** 2).sum() / cloud.masses.sum())
    assert np.array_equal(cloud.expand(cloud.compress(u)), u)
    assert np.array_equal(cloud.sample(lambda x, y: x - y), cloud.points[:, 0] - cloud.points[:, 1])
    assert (cloud.shape, cloud.count, cloud.dimension, cloud.ndim) == ((50,), 50, 2, 1)


@pytest.mark.parametrize("xp", [torch, array_api_strict], ids=["torch", "strict"])
def test_other_namespaces(xp):
    cloud = cloud_in(BOX, 60)
    A = pide.NonlocalDiffusion(kernels.Linear(horizon=0.3)).on(cloud, exterior=pide.Zero())
    u = np.random.default_rng(2).standard_normal((2, 60))
    there = xp.asarray(u)
    assert np.allclose(np.asarray(A(there)), A(u), atol=1e-12 * A.rate_bound())
    assert np.allclose(np.asarray(cloud.norm(there)), cloud.norm(u), rtol=1e-13)


def test_duplicates_are_refused_with_their_indices():
    points = np.random.default_rng(0).random((20, 2))
    points[7] = points[3] + 1e-12
    with pytest.raises(ValueError, match=r"\(3, 7\) coincide.*Keep one point of each pair"):
        PointCloud(points, domain=BOX)


@pytest.mark.parametrize(
    ("arguments", "remedy"),
    [
        ({"points": np.zeros(5)}, r"points\[:, None\]"),
        ({"points": [[0.1, 0.1], [2.0, 0.5]], "domain": BOX}, r"point 1 is not inside.*points\[domain.contains"),
        ({"points": [[0.1, 0.1], [0.2, np.nan]], "domain": BOX}, "NaN or infinity at point 1. Remove"),
        ({"points": [[0.1, 0.1], [0.2, 0.5]]}, "weights=1.0 for equal ones"),
        ({"points": [[0.1, 0.1], [0.2, 0.5]], "weights": [1.0, -1.0]}, "weights at point 1 are not positive.*Remove"),
        ({"points": [[0.1, 0.1], [0.2, 0.5]], "weights": [1.0]}, "one number for equal masses"),
        ({"points": [[0.1], [0.2]], "domain": BOX}, "domain of the dimension of the points"),
    ],
)
def test_messages_of_clouds(arguments, remedy):
    with pytest.raises(ValueError, match=remedy):
        PointCloud(**arguments)


def test_fields_are_checked_with_the_names_of_clouds():
    cloud = cloud_in(BOX, 10)
    with pytest.raises(ValueError, match=r"Use cloud.expand"):
        cloud.check_field(np.zeros(9))


def direct(cloud, w, u, kappa):
    """sum_j w_ij m_j (u_j - u_i) - kappa_i u_i, each row by fsum."""
    m = cloud.masses
    return np.array([math.fsum(w[i] * m * (u - u[i])) - kappa[i] * u[i] for i in range(cloud.count)])


@pytest.mark.parametrize("exterior", [pide.Reflecting(), pide.Zero()], ids=["reflecting", "zero"])
@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("engine", ["sparse", "dense"])
def test_apply_equals_the_direct_sum(n, exterior, engine):
    box = pide.Box(((0, 1),) * n) if n > 1 else pide.Interval(0, 1)
    cloud = cloud_in(box, 90, seed=n)
    kernel = kernels.TruncatedFractional(s=0.75, horizon=0.4)
    A = pide.NonlocalDiffusion(kernel).on(cloud, exterior=exterior, engine=engine, quadrature="plain")
    r = np.linalg.norm(cloud.points[:, None] - cloud.points[None], axis=2)
    np.fill_diagonal(r, 1.0)
    w = np.asarray(kernel(r, n))
    u = np.random.default_rng(4).standard_normal(cloud.count)
    kappa = exterior_rate(cloud.points, box, kernel) if isinstance(exterior, pide.Zero) else np.zeros(cloud.count)
    assert np.abs(A(u) - direct(cloud, w, u, kappa)).max() <= 100 * EPS * A.spectral_bound() * np.abs(u).max()


def test_structure_with_a_strong_singularity_on_a_line():
    line = pide.Interval(0, 1)
    cloud = cloud_in(line, 400, seed=5)
    A = pide.NonlocalDiffusion(kernels.PowerLaw(exponent=2.5, horizon=0.2)).on(cloud, exterior=pide.Reflecting())
    u, v = np.random.default_rng(6).standard_normal((2, 400))
    Lu = A(u)
    assert abs(cloud.inner(np.ones(400), Lu)) <= 1e-13 * float(cloud.masses @ np.abs(Lu))
    assert np.all(A(np.full(400, 0.3)) == 0.0)
    scale = float(cloud.masses @ np.abs(A(u) * v))
    assert abs(cloud.inner(A(u), v) - cloud.inner(u, A(v))) <= 1e-13 * scale
    S = A.symmetrised() @ np.eye(400)
    assert np.abs(S - S.T).max() <= 1e-14 * np.abs(S).max()
    T = A.to_scipy()
    assert np.allclose(T.rmatvec(u), A.to_dense().T @ u, atol=1e-13 * A.spectral_bound() * np.abs(u).max())


@pytest.mark.parametrize("kernel", [kernels.Constant(horizon=0.3), kernels.TruncatedFractional(s=0.6, horizon=0.3)])
@pytest.mark.parametrize(
    ("domain", "exterior"),
    [(BOX, pide.Reflecting()), (pide.Ball(radius=1.0, dimension=2), pide.Zero()), (pide.Torus((1.0, 1.0)), None)],
)
def test_all_claims_are_verified(kernel, domain, exterior):
    A = pide.NonlocalDiffusion(kernel).on(cloud_in(domain, 120), exterior=exterior)
    pide.verification.check(A, samples=6).raise_if_failed()
    assert {"self_adjoint", "energy_decay", "maximum_principle"} <= A.claims


def one_rate_off(A):
    rates = A.rates.copy()
    rates.data[1000] *= 1.01
    return {"rates": rates}


def one_rate_negative(A):
    rates = A.rates.copy()
    rates.data[77] *= -1
    return {"rates": rates}


def masses_left_out(A):
    return {"rates": (A.rates @ scipy.sparse.diags(1 / A.space.masses)).tocsr()}


def killing_that_feeds(A):
    return {"killing": -A.killing}


@pytest.mark.parametrize("mutate", [one_rate_off, one_rate_negative, masses_left_out, killing_that_feeds])
def test_wrong_operators_fail_their_checks(mutate):
    kernel = kernels.TruncatedFractional(s=0.6, horizon=0.3)
    A = pide.NonlocalDiffusion(kernel).on(cloud_in(BOX, 120), exterior=pide.Zero())
    wrong = dataclasses.replace(A, **mutate(A))
    assert not pide.verification.check(wrong, samples=6).passed


def test_asymmetric_two_point_kernels_have_their_adjoint_and_no_more_claims():
    kernel = kernels.TwoPoint(lambda x, y: 1.0 + x[0], horizon=0.4, symmetric=False)
    A = pide.NonlocalDiffusion(kernel).on(cloud_in(BOX, 80), exterior=pide.Reflecting())
    assert not A.claims & {"self_adjoint", "energy_decay", "conserves_mass"}
    pide.verification.check(A, samples=6).raise_if_failed()
    u, v = np.random.default_rng(7).standard_normal((2, 80))
    assert A.space.inner(A(u), v) == pytest.approx(A.space.inner(u, A.adjoint(v)), rel=1e-11)


def test_killing_on_an_interval_and_a_box():
    kernel = kernels.Gaussian(width=0.5, normalise=None)
    x = np.array([[0.1], [0.45]])
    density = lambda y, centre: math.exp(-((y - centre) ** 2) / 0.25)  # noqa: E731
    exact = [
        scipy.integrate.quad(density, -9, 0, (c,))[0] + scipy.integrate.quad(density, 1, 9, (c,))[0] for c in x[:, 0]
    ]
    assert np.allclose(exterior_rate(x, pide.Interval(0, 1), kernel), exact, rtol=1e-10)
    points = np.array([[0.5, 0.5], [0.1, 0.7], [0.02, 0.03]])
    inside = [np.prod([scipy.integrate.quad(density, 0, 1, (c,))[0] for c in p]) for p in points]
    assert np.allclose(exterior_rate(points, BOX, kernel), math.pi * 0.25 - np.array(inside), rtol=2e-3)


def test_killing_by_sampled_rays_agrees_with_exact_ones_and_sees_reentrant_domains():
    kernel = kernels.Fractional(s=0.5)
    disc = pide.Ball(radius=1.0, dimension=2)
    sampled = pide.SignedDistance(lambda x, y: np.hypot(x, y) - 1, ((-1, 1), (-1, 1)))
    points = np.array([[0.0, 0.0], [0.5, 0.3], [0.9, 0.0]])
    assert np.allclose(exterior_rate(points, sampled, kernel), exterior_rate(points, disc, kernel), rtol=1e-8)
    two = pide.SignedDistance(lambda x: np.minimum(abs(x) - 1, abs(x - 3) - 0.5), ((-1, 3.5),))
    constant = kernels.Gaussian(width=2.0, normalise=None)
    density = lambda y: math.exp(-(y**2) / 4)  # noqa: E731
    exact = sum(scipy.integrate.quad(density, a, b)[0] for a, b in ((-30, -1), (1, 2.5), (3.5, 30)))
    assert exterior_rate(np.array([[0.0]]), two, constant)[0] == pytest.approx(exact, rel=1e-8)


@pytest.mark.parametrize("stepper", ["auto", pide.ShiftInvertLanczos(), pide.Chebyshev()], ids=str)
@pytest.mark.parametrize("exterior", [pide.Reflecting(), pide.Zero()], ids=["reflecting", "zero"])
def test_heat_on_a_cloud_equals_the_matrix_exponential(stepper, exterior):
    cloud = cloud_in(BOX, 120)
    A = pide.NonlocalDiffusion(kernels.Constant(horizon=0.3))
    u = np.random.default_rng(8).standard_normal((2, 120))
    result = pide.solve(
        pide.Heat(A, BOX, initial=u, exterior=exterior), on=cloud, until=0.05, stepper=stepper, tol=1e-9
    )
    exact = u @ scipy.linalg.expm(0.05 * A.on(cloud, exterior=exterior).to_dense()).T
    assert float(np.max(cloud.norm(result.final - exact) / cloud.norm(exact))) <= 2e-9
    assert np.all(np.diff(result.energy, axis=0) < 0)
    if isinstance(exterior, pide.Reflecting):
        assert np.abs(result.mass - result.mass[0]).max() <= 1e-13


def test_steady_problems_on_a_cloud_with_their_gradients():
    cloud = cloud_in(BOX, 100)
    A = pide.NonlocalDiffusion(kernels.Constant(horizon=0.3))
    f = np.random.default_rng(9).standard_normal(100)
    dense = A.on(cloud, exterior=pide.Zero()).to_dense()
    g = torch.asarray(f).clone().requires_grad_(True)
    u = pide.solve(pide.Stationary(A, BOX, source=g, exterior=pide.Zero()), on=cloud, tol=1e-12).final
    assert np.allclose(u.detach(), np.linalg.solve(dense, f), rtol=1e-9, atol=1e-11)
    u[17].backward()
    assert np.allclose(g.grad, np.linalg.inv(dense)[17], rtol=1e-8, atol=1e-11)
    balanced = f - float(cloud.mean(f))
    problem = pide.Stationary(A, BOX, source=balanced, exterior=pide.Reflecting())
    v = pide.solve(problem, on=cloud, tol=1e-12).final
    assert abs(float(cloud.mean(v))) <= 1e-13
    assert np.allclose(A.on(cloud, exterior=pide.Reflecting())(v), balanced, atol=1e-8)


def test_reactions_on_a_cloud():
    cloud = cloud_in(BOX, 100)
    A = pide.NonlocalDiffusion(kernels.Constant(horizon=0.3))
    problem = pide.Evolution(A, BOX, initial=0.5, exterior=pide.Reflecting(), reaction=lambda u: u * (1 - u))
    final = pide.solve(problem, on=cloud, until=1.0, tol=1e-8).final
    assert np.allclose(final, 1 / (1 + math.exp(-1.0)), atol=1e-7)


@pytest.fixture(scope="module")
def disc_cloud():
    """A jittered sunflower in the unit disc."""
    count, rng = 1000, np.random.default_rng(0)
    k = np.arange(count) + 0.5
    radius, angle = np.sqrt(k / count), math.pi * (1 + math.sqrt(5)) * k
    points = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    points += rng.uniform(-0.2, 0.2, points.shape) * math.sqrt(math.pi / count)
    return PointCloud(points[(points**2).sum(1) < 0.999], domain=pide.Ball(radius=1.0, dimension=2))


def test_second_moments_halve_the_error_of_a_fractional_solve(disc_cloud):
    s, exact = 0.75, np.maximum(1 - (disc_cloud.points**2).sum(1), 0) ** 0.75
    load = np.full(disc_cloud.count, 4**s * math.gamma(1 + s) ** 2)
    errors = {}
    for quadrature in ("plain", "moment"):
        A = pide.FractionalLaplacian(s).on(disc_cloud, exterior=pide.Zero(), quadrature=quadrature)
        u = np.linalg.solve(A.to_dense(), load)
        errors[quadrature] = float(disc_cloud.norm(u - exact) / disc_cloud.norm(exact))
        assert A.definiteness == 1
    assert errors["moment"] < 0.13
    assert errors["moment"] < 0.6 * errors["plain"]


@pytest.mark.parametrize(
    ("make", "error", "remedy"),
    [
        (lambda A, c: A.on(c), ValueError, r"exterior=Reflecting\(\)"),
        (lambda A, c: A.on(c, exterior=pide.Value(lambda x, y: x)), ValueError, r"Write Zero\(\)"),
        (lambda A, c: A.on(c, exterior=pide.Reflecting(), engine="fft"), ValueError, "'sparse'"),
        (lambda A, c: A.on(c, exterior=pide.Reflecting(), scheme="lattice"), ValueError, "Leave scheme out"),
        (lambda A, c: pide.Laplacian().on(c, exterior=pide.Zero()), TypeError, r"domain.grid\(64\)"),
        (
            lambda A, c: pide.NonlocalDiffusion(kernels.Gaussian(width=0.1)).on(
                c, exterior=pide.Zero(), engine="sparse"
            ),
            ValueError,
            "engine='dense'",
        ),
        (lambda A, c: A.on(PointCloud(c.points, 1.0), exterior=pide.Zero()), ValueError, "domain=..."),
    ],
)
def test_messages_of_operators_on_clouds(make, error, remedy):
    A = pide.NonlocalDiffusion(kernels.Constant(horizon=0.3))
    with pytest.raises(error, match=remedy):
        make(A, cloud_in(BOX, 40))


def test_results_on_clouds_plot_and_save(tmp_path: Path):
    cloud = cloud_in(BOX, 40)
    A = pide.NonlocalDiffusion(kernels.Constant(horizon=0.4))
    result = pide.solve(pide.Heat(A, BOX, initial=lambda x, y: x, exterior=pide.Reflecting()), on=cloud, until=0.1)
    assert "40" in repr(result)
    assert result.plot(tmp_path / "cloud.png") is not None
    assert (tmp_path / "cloud.png").stat().st_size > 1000
    stored = pide.load(result.save(tmp_path / "cloud.nc"))
    assert stored.sizes["point"] == 40
    assert np.array_equal(stored["weights"], cloud.masses)
    assert np.array_equal(stored["y"], cloud.points[:, 1])

"""Problems solved on point clouds against closed forms: torsion, eigenvalues, decay of heat, and what solving costs."""

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest

import pide
from pide import kernels
from pide.continuum.exact import torsion_function
from pide.solvers.factored import factored_inverse
from pide.solvers.near_field import near_field_inverse
from pide.spaces.cloud import PointCloud

DISC = pide.Ball(radius=1.0, dimension=2)
LINE = pide.Interval(-1, 1)
REFERENCE = {
    entry["id"]: [float(value) for value in entry["values"]]
    for entry in json.loads((Path(__file__).parent.parent / "reference" / "eigenvalues.json").read_text())["entries"]
}


def sunflower(count, seed=0):
    """Points of nearly equal cells in the unit disc, moved by a fifth of a spacing."""
    rng, k = np.random.default_rng(seed), np.arange(count) + 0.5
    radius, angle = np.sqrt(k / count), math.pi * (1 + math.sqrt(5)) * k
    points = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    points += rng.uniform(-0.2, 0.2, points.shape) * math.sqrt(math.pi / count)
    return PointCloud(points[(points**2).sum(1) < 0.999], domain=DISC)


def jittered_line(count, seed=1):
    moved = np.arange(count) + 0.5 + np.random.default_rng(seed).uniform(-0.25, 0.25, count)
    return PointCloud((-1 + 2 * moved / count)[:, None], domain=LINE)


def random_disc(count, seed=0):
    points = np.random.default_rng(seed).uniform(-1, 1, (2 * count, 2))
    return PointCloud(points[(points**2).sum(1) < 1][:count], domain=DISC)


def torsion_error(cloud, s):
    problem = pide.Stationary(pide.FractionalLaplacian(s), cloud.domain, source=1.0, exterior=pide.Zero())
    u = pide.solve(problem, on=cloud, tol=1e-8).final
    exact = cloud.sample(torsion_function(cloud.domain, s))
    return float(cloud.norm(u - exact) / cloud.norm(exact))


def test_the_fractional_laplacian_is_accurate_at_points_inside():
    s, cloud = 0.75, sunflower(2000)
    A = pide.FractionalLaplacian(s).on(cloud, exterior=pide.Zero(), quadrature="pairs")
    error = A(cloud.sample(torsion_function(DISC, s))) - 1.0
    inside = np.linalg.norm(cloud.points, axis=1) < 0.6
    m = cloud.masses[inside]
    assert math.sqrt(float(m @ error[inside] ** 2) / m.sum()) <= 1.5e-2


@pytest.mark.parametrize("s", [0.25, 0.5, 0.75])
def test_torsion_on_a_disc_converges_faster_than_h_to_the_0_8(s):
    coarse, fine = torsion_error(sunflower(500), s), torsion_error(sunflower(2000), s)
    assert fine <= 0.01
    assert fine <= coarse / 2**0.8


@pytest.mark.slow
@pytest.mark.parametrize("s", [0.25, 0.5, 0.75])
def test_the_rate_lasts_to_8000_points(s):
    assert torsion_error(sunflower(8000), s) <= torsion_error(sunflower(500), s) / 4**0.8


@pytest.mark.parametrize(
    "cloud",
    [
        lambda: jittered_line(300),
        lambda: random_disc(1500),
        lambda: PointCloud(sunflower(1500).points * [1.0, 0.5], domain=pide.Ellipsoid((1.0, 0.5))),
    ],
    ids=["interval", "random", "ellipse"],
)
@pytest.mark.parametrize("s", [0.25, 0.75])
def test_torsion_elsewhere(cloud, s):
    assert torsion_error(cloud(), s) <= 0.02


@pytest.mark.parametrize("s", [0.25, 0.5])
def test_eigenvalues_of_the_interval(s):
    """To h/5: eigenfunctions have a next boundary term d^{3s}, which the profile d^s does not hold."""
    exact, count = np.array(REFERENCE[f"eig.interval.s{s}"]), 200
    problem = pide.Eigen(pide.FractionalLaplacian(s), LINE, exterior=pide.Zero(), count=5)
    values = pide.solve(problem, on=jittered_line(count)).values
    assert np.abs(values / exact - 1).max() <= 0.2 * 2 / count


def test_eigenvalues_and_modes_of_the_disc():
    cloud = sunflower(1000)
    problem = pide.Eigen(pide.FractionalLaplacian(0.5), DISC, exterior=pide.Zero(), count=6)
    result = pide.solve(problem, on=cloud, tol=1e-8)
    assert result.record.choices["preconditioner"].startswith("factors of the near field")
    radial = np.array(REFERENCE["eig.disc.radial.s0.5"])[:2]
    assert np.abs(result.values[[0, 5]] / radial - 1).max() <= 0.01
    assert np.allclose(result.values[[1, 3]], result.values[[2, 4]], rtol=2e-3)
    gram = cloud.inner(result.states[:, None], result.states[None])
    assert np.abs(gram - np.eye(6)).max() <= 1e-9
    assert max(result.record.residuals) <= 1e-7 * result.values[-1]


def test_heat_decays_at_the_lowest_eigenvalue():
    cloud = sunflower(600)
    problem = pide.Heat(pide.FractionalLaplacian(0.5), DISC, initial=1.0, exterior=pide.Zero())
    late = pide.solve(problem, on=cloud, times=[0.0, 2.0, 3.0], tol=1e-8)
    rate = math.log(float(cloud.norm(late.states[1]) / cloud.norm(late.states[2])))
    assert rate == pytest.approx(REFERENCE["eig.disc.radial.s0.5"][0], rel=0.01)


@pytest.mark.parametrize("make", [sunflower, random_disc])
@pytest.mark.parametrize("exterior", [pide.Zero(), pide.Reflecting()], ids=["zero", "reflecting"])
def test_all_claims_survive_the_corrections(make, exterior):
    A = pide.FractionalLaplacian(0.75).on(make(250), exterior=exterior, quadrature="pairs")
    assert {"self_adjoint", "maximum_principle", "positive_semidefinite", "sub_markov"} <= A.claims
    pide.verification.check(A, samples=6).raise_if_failed()


def one_sided(A):
    rates = A.rates.copy()
    rates[3, 5] *= 1.001
    return {"rates": rates}


def feeding(A):
    return {"killing": A.killing - 1.1 * A.killing.min()}


@pytest.mark.parametrize("mutate", [one_sided, feeding])
def test_wrong_corrections_fail_their_checks(mutate):
    L = pide.NonlocalDiffusion(kernels.Fractional(s=0.75)).on(sunflower(150), exterior=pide.Zero(), quadrature="pairs")
    pide.verification.check(L, samples=6).raise_if_failed()
    wrong = dataclasses.replace(L, **mutate(L))
    assert not pide.verification.check(wrong, samples=6).passed


def test_the_near_field_preconditions_singular_kernels():
    cloud = sunflower(1000)
    A = pide.FractionalLaplacian(0.75)
    problem = pide.Stationary(A, DISC, source=1.0, exterior=pide.Zero())
    record = pide.solve(problem, on=cloud, tol=1e-8).record
    assert record.choices["preconditioner"] == "factors of the near field, 3 spacings"
    assert record.applies <= 15
    inverse, _ = factored_inverse(A.on(cloud, exterior=pide.Zero()))
    u, v = np.random.default_rng(0).standard_normal((2, cloud.count))
    assert float(cloud.inner(inverse(u), v)) == pytest.approx(float(cloud.inner(u, inverse(v))), rel=1e-9)
    assert float(cloud.inner(inverse(u), u)) > 0


@pytest.mark.parametrize("n", [1, 2, 3])
def test_results_on_clouds_as_vtk_vertices_and_pictures(tmp_path, n):
    meshio = pytest.importorskip("meshio")
    box = pide.Box(((0, 1),) * n) if n > 1 else pide.Interval(0, 1)
    cloud = PointCloud(np.random.default_rng(n).random((30, n)), domain=box)
    A = pide.NonlocalDiffusion(kernels.Constant(horizon=0.5))
    problem = pide.Heat(A, box, initial=lambda *x: x[0], exterior=pide.Reflecting())
    result = pide.solve(problem, on=cloud, until=0.1)
    result.save(tmp_path / "cloud.vtu")
    mesh = meshio.read(tmp_path / "cloud.vtu")
    assert np.array_equal(mesh.points[:, :n], cloud.points)
    assert np.array_equal(mesh.cells_dict["vertex"][:, 0], np.arange(30))
    assert np.array_equal(mesh.point_data[f"u, t={result.times[-1]:.9g}"], result.final)
    result.plot(tmp_path / "cloud.png")
    assert (tmp_path / "cloud.png").stat().st_size > 1000


@pytest.mark.parametrize("engine", ["dense", "nufft"])
def test_the_inverse_of_the_near_field_is_self_adjoint_and_near(engine):
    if engine == "nufft":
        pytest.importorskip("finufft")
        pytest.importorskip("numba")
    cloud = sunflower(600)
    A = pide.FractionalLaplacian(0.75).on(cloud, exterior=pide.Zero(), engine=engine)
    found = near_field_inverse(A)
    assert found is not None
    u, v = np.random.default_rng(0).standard_normal((2, cloud.count))
    Nu, Nv = found[0](u), found[0](v)
    assert abs(cloud.inner(v, Nu) - cloud.inner(u, Nv)) <= 1e-12 * cloud.norm(v) * cloud.norm(Nu)
    values = np.linalg.eigvals(found[0](A.to_dense().T).T).real
    assert values.min() > 0
    assert values.max() / values.min() <= 12

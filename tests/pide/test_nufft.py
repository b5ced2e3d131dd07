"""Fast summation on clouds: against direct sums, symmetric and conservative to rounding at every accuracy."""

import math
from dataclasses import replace

import numpy as np
import pytest
import scipy.spatial
import scipy.spatial.distance
import torch

import pide
from pide import kernels
from pide.operators import nufft
from pide.operators.dense_sum import DenseSum
from pide.operators.near_field import cell_order, near_field
from pide.operators.nufft import NonequispacedSum, nonequispaced_sum
from pide.operators.pair_sum import CorrectedPairSum, with_coefficient
from pide.quadrature.kernel_split import RadialForm, radial_form, split

pytest.importorskip("finufft")
pytest.importorskip("numba")

EPS = float(np.finfo(np.float64).eps)


def points_and_masses(n, count, seed=0):
    rng = np.random.default_rng(seed + n)
    return rng.random((count, n)), rng.uniform(0.5, 1.5, count) / count


def form_of(name, n):
    if name == "log":
        return RadialForm("logarithm", 1.0)
    return RadialForm("power", 1.0, exponent={"riesz": n - 0.5, "half": n + 0.5, "steep": n + 1.5}[name])


def direct(points, masses, form, v, targets, difference):
    """sum_j k_ij m_j (v_j - v_i), or without v_i, at some targets."""
    total = []
    for i in targets:
        square = ((points - points[i]) ** 2).sum(axis=1)
        square[i] = 1.0
        k = form(square)
        k[i] = 0.0
        total.append(math.fsum(k * masses * (v - v[i] if difference else v)))
    return np.array(total)


def relative(x, y):
    return np.linalg.norm(x - y) / np.linalg.norm(y)


def check_accuracy(n, name, tol, count, seed=0):
    X, m = points_and_masses(n, count, seed)
    form = form_of(name, n)
    difference = name in ("half", "steep")
    S = nonequispaced_sum(X, m, form, tol, purpose="rates" if difference else "potential")
    act = S.difference if difference else S.product
    targets = np.random.default_rng(1).choice(count, 100, replace=False)
    for v in (np.random.default_rng(2).standard_normal(count), np.cos(3 * X[:, 0])):
        assert relative(act(v)[targets], direct(X, m, form, v, targets, difference)) <= S.error == 2 * tol


@pytest.mark.parametrize("tol", [1e-3, 1e-6, 1e-9])
@pytest.mark.parametrize("name", ["riesz", "log", "half", "steep"])
@pytest.mark.parametrize("n", [1, 2])
def test_error_is_twice_the_tolerance(n, name, tol):
    check_accuracy(n, name, tol, 1500)


@pytest.mark.parametrize(("name", "tol"), [("riesz", 1e-3), ("log", 1e-6), ("half", 1e-6), ("steep", 1e-3)])
def test_error_is_twice_the_tolerance_in_space(name, tol):
    check_accuracy(3, name, tol, 1500)


@pytest.mark.slow
@pytest.mark.parametrize("tol", [1e-3, 1e-6, 1e-9])
@pytest.mark.parametrize("name", ["riesz", "log", "half", "steep"])
@pytest.mark.parametrize("n", [1, 2, 3])
def test_error_on_twenty_thousand_points(n, name, tol):
    check_accuracy(n, name, tol, 20000, seed=5)


@pytest.mark.parametrize("tol", [1e-3, 1e-6])
@pytest.mark.parametrize("name", ["riesz", "half", "steep"])
@pytest.mark.parametrize("width", [0.03, 0.005])
def test_error_on_clusters(width, name, tol):
    rng = np.random.default_rng(0)
    cluster = rng.integers(0, 20, 3000)
    X, m = rng.random((20, 2))[cluster] + width * rng.standard_normal((3000, 2)), np.full(3000, 1 / 3000)
    form, targets = form_of(name, 2), np.arange(0, 3000, 30)
    S = nonequispaced_sum(X, m, form, tol)
    for v in (rng.standard_normal(3000), rng.standard_normal(20)[cluster], (X[:, 0] - 0.5) ** 2):
        assert relative(S.difference(v)[targets], direct(X, m, form, v, targets, True)) <= S.error


@pytest.mark.parametrize(
    "form",
    [
        RadialForm("gaussian", 2.0, width=0.3),
        RadialForm("power", 2.0, exponent=0.0, rate=4.0),
        RadialForm("power", 2.0, exponent=3.2, rate=3.0),
    ],
    ids=["gaussian", "exponential", "tempered"],
)
@pytest.mark.parametrize("tol", [1e-3, 1e-6, 1e-9])
def test_kernels_that_decay(form, tol):
    X, m = points_and_masses(2, 1500)
    S = nonequispaced_sum(X, m, form, tol)
    v = np.cos(3 * X[:, 0])
    targets = np.arange(0, 1500, 15)
    assert relative(S.difference(v)[targets], direct(X, m, form, v, targets, True)) <= 2 * tol


@pytest.mark.parametrize("tol", [1e-3, 1e-10])
@pytest.mark.parametrize(("n", "count"), [(1, 300), (2, 300), (3, 16)])
def test_structure_is_exact_at_every_accuracy(n, count, tol):
    X, m = points_and_masses(n, count)
    rng = np.random.default_rng(3)
    for exponent in (n - 0.5, n + 1.5):
        S = nonequispaced_sum(X, m, RadialForm("power", 1.0, exponent=exponent), tol, neighbours=10.0)
        k = S.rows(np.arange(count))
        assert np.abs(k - k.T).max() <= 1e-14 * np.abs(k).max()
        assert k.min() >= 0
        assert np.all(S.difference(np.full(count, 0.7)) == 0)
        batch = S.difference(np.stack([np.ones(count), rng.standard_normal(count)]))
        assert np.abs(batch[0]).max() <= 1e-13 * S.degree.max()
        assert batch.shape == (2, count)


@pytest.mark.parametrize(("n", "exponent"), [(1, 2.5), (2, 3.5), (3, 4.5)])
@pytest.mark.parametrize("tol", [1e-3, 1e-8])
def test_mass_is_kept(n, exponent, tol):
    X, m = points_and_masses(n, 1000, seed=7)
    S = nonequispaced_sum(X, m, RadialForm("power", 1.0, exponent=exponent), tol)
    for v in (np.random.default_rng(4).standard_normal(1000), np.sin(5 * X[:, 0])):
        change = S.difference(v)
        assert abs(math.fsum(m * change)) <= 1e-13 * float(m @ np.abs(change))


def test_far_weights_stay_positive_where_the_tolerance_alone_would_not():
    X, m = points_and_masses(2, 3000)
    form = RadialForm("power", 1.0, exponent=3.5)
    targets = np.random.default_rng(0).choice(3000, 20, replace=False)
    plain = nonequispaced_sum(X, m, form, 1e-2, purpose="potential").rows(targets)
    refined = nonequispaced_sum(X, m, form, 1e-2)
    assert plain.min() < 0
    assert refined.rows(targets).min() >= 0
    assert "to keep weights positive" in refined.notes[0]


@pytest.mark.parametrize("form", [RadialForm("power", 1.5, exponent=2.5), RadialForm("logarithm", 1.0, constant=0.3),
                                  RadialForm("power", 1.0, exponent=0.0, rate=2.0),
                                  RadialForm("power", 1.0, exponent=3.0, rate=2.0)])  # fmt: skip
def test_a_split_kernel_is_smooth_and_exact_beyond_its_radius(form):
    kernel = split(form, 0.2, 1e-9)
    beyond = np.linspace(0.2, 1.0, 50) ** 2
    assert np.allclose(kernel.far(beyond), form(beyond), rtol=1e-12)
    inside = kernel.far(np.linspace(0, 0.04, 2000))
    assert np.abs(inside[-1] / form(np.array([0.04]))[0] - 1) <= 1e-8
    near = form(np.linspace(1e-6, 0.04, 2000)) - kernel.far(np.linspace(1e-6, 0.04, 2000))
    assert near.min() >= -1e-8 * np.abs(inside).max()


@pytest.mark.parametrize(("n", "radius"), [(1, 0.02), (2, 0.13), (3, 0.3), (3, 5.0)])
def test_near_pairs_are_those_of_a_tree_each_once(n, radius):
    X, m = points_and_masses(n, 400)
    order, starts, counts = cell_order(X, radius)
    near = near_field(X[order], m[order], (starts, counts), radius, np.sqrt)
    rows = np.repeat(np.arange(400), np.diff(near.starts))
    found = {tuple(sorted(pair)) for pair in order[np.stack([rows, near.columns], axis=1)].tolist()}
    assert len(found) == len(near.columns) == near.neighbours * 200
    assert found == scipy.spatial.cKDTree(X).query_pairs(radius)
    assert np.allclose(near.weights, np.linalg.norm(X[order[rows]] - X[order[near.columns]], axis=1), rtol=1e-14)


def test_a_first_guess_leaves_little_to_refine(monkeypatch):
    X, m = points_and_masses(2, 30000)
    form, trials, original = RadialForm("power", 1.0, exponent=3.5), [], nufft.far_field
    monkeypatch.setattr(nufft, "far_field", lambda *a: trials.append(a[2]) or original(*a))
    S = nonequispaced_sum(X, m, form, 1e-3)
    assert trials[-1] <= 1e-4
    assert len(trials) <= 3
    assert S.rows(np.arange(5)).min() >= 0


def test_the_same_call_gives_the_same_bits():
    X, m = points_and_masses(2, 2000)
    v = np.random.default_rng(1).standard_normal(2000)
    one, two = (nonequispaced_sum(X, m, RadialForm("power", 1.0, exponent=2.5), 1e-6) for _ in range(2))
    assert np.array_equal(one.difference(v), two.difference(v))


def test_ducc_agrees_with_finufft():
    pytest.importorskip("ducc0", reason="ducc0 is GPL and optional")
    X, m = points_and_masses(2, 2000)
    v = np.random.default_rng(1).standard_normal(2000)
    form = RadialForm("power", 1.0, exponent=2.5)
    one, two = (nonequispaced_sum(X, m, form, 1e-9, backend=b).difference(v) for b in ("finufft", "ducc0"))
    assert relative(one, two) <= 4e-9


@pytest.mark.parametrize("mean", ["geometric", "arithmetic"])
def test_coefficients_of_a_sum(mean):
    X, m = points_and_masses(2, 200)
    form = RadialForm("power", 1.0, exponent=2.5)
    a = 1 + X[:, 0] ** 2
    S = with_coefficient(DenseSum(X, m, form), a, mean)
    k = DenseSum(X, m, form).rows(np.arange(200))
    w = k * (np.sqrt(np.outer(a, a)) if mean == "geometric" else (a[:, None] + a[None]) / 2)
    v = np.random.default_rng(0).standard_normal(200)
    exact = np.array([math.fsum(w[i] * m * (v - v[i])) for i in range(200)])
    assert relative(S.difference(v), exact) <= 1e-11
    assert np.all(S.difference(np.ones(200)) == 0)
    assert relative(S.product(v), w @ (m * v)) <= 1e-11


def test_corrections_are_added_to_any_sum():
    X, m = points_and_masses(2, 300)
    form = RadialForm("power", 1.0, exponent=2.5)
    r = scipy.spatial.distance.squareform(scipy.spatial.distance.pdist(X))
    C = scipy.sparse.csr_matrix(np.where((r > 0) & (r < 0.1), -0.3 * np.where(r > 0, r, 1.0) ** -2.5, 0.0))
    fast = nonequispaced_sum(X, m, form, 1e-10)
    merged, added = fast.corrected(C), DenseSum(X, m, form).corrected(C)
    assert isinstance(merged, NonequispacedSum)
    assert isinstance(added, CorrectedPairSum)
    v = np.random.default_rng(0).standard_normal(300)
    assert relative(merged.difference(v), added.difference(v)) <= 1e-9
    assert relative(merged.product(v), added.product(v)) <= 1e-9
    k = merged.rows(np.arange(300))
    assert np.abs(k - k.T).max() <= 1e-14 * np.abs(k).max()


def square_cloud(count, seed=0):
    box = pide.Box(((0, 1), (0, 1)))
    return pide.PointCloud(np.random.default_rng(seed).random((count, 2)), domain=box)


@pytest.mark.parametrize(
    "A",
    [
        pide.NonlocalDiffusion(kernels.Gaussian(width=0.3)),
        pide.NonlocalDiffusion(kernels.Tempered(s=0.6, rate=3.0)),
        pide.NonlocalDiffusion(kernels.PowerLaw(exponent=2.7), coefficient=lambda x, y: 1 + x * y),
        pide.FractionalLaplacian(s=0.75),
    ],
    ids=["gaussian", "tempered", "coefficient", "fractional"],
)
@pytest.mark.parametrize("quadrature", ["plain", "auto"])
def test_operators_agree_with_dense_ones(A, quadrature):
    cloud = square_cloud(400)
    fast, dense = (
        A.on(cloud, exterior=pide.Reflecting(), engine=e, quadrature=quadrature, tol=1e-8) for e in ("nufft", "dense")
    )
    u = np.random.default_rng(1).standard_normal((3, 400))
    assert relative(fast(u), dense(u)) <= 2e-8
    assert fast.claims == dense.claims
    assert fast.spectral_bound() == pytest.approx(dense.spectral_bound(), rel=1e-6)
    assert np.allclose(fast.diagonal(), dense.diagonal(), rtol=1e-6)
    assert fast(u.astype(np.float32)).dtype == np.float32


def test_killing_and_both_quadratures_reach_the_fast_operator():
    cloud = square_cloud(600)
    A = pide.FractionalLaplacian(s=0.5)
    for quadrature in ("plain", "moment", "pairs"):
        fast, dense = (
            A.on(cloud, exterior=pide.Zero(), engine=e, quadrature=quadrature, tol=1e-9) for e in ("nufft", "dense")
        )
        u = np.random.default_rng(1).standard_normal(600)
        assert relative(fast(u), dense(u)) <= 1e-7
        assert any("killing" in note for note in fast.notes)


@pytest.mark.parametrize(
    "A",
    [pide.FractionalLaplacian(s=0.5), pide.NonlocalDiffusion(kernels.Gaussian(width=0.2)), pide.RieszPotential(s=0.5),
     pide.LogPotential(project=True)],
    ids=["fractional", "gaussian", "riesz", "log"],
)  # fmt: skip
def test_all_claims_are_verified(A):
    cloud = square_cloud(250)
    exterior = {} if "Potential" in type(A).__name__ else {"exterior": pide.Zero()}
    operator = A.on(cloud, engine="nufft", tol=1e-4, **exterior)
    report = pide.verification.check(operator, samples=3)
    assert report.passed, str(report)


class Skewed:
    """A far field whose rows differ by 1e-8: not the adjoint of itself."""

    def __init__(self, far):
        self.far, self.own = far, far.own

    def __call__(self, strengths):
        return self.far(strengths) * (1 + 1e-8 * np.linspace(0, 1, strengths.shape[-1]))


def test_checks_see_a_far_field_that_is_not_symmetric():
    operator = pide.NonlocalDiffusion(kernels.Gaussian(width=0.2)).on(
        square_cloud(250), exterior=pide.Reflecting(), engine="nufft", tol=1e-4
    )
    wrong = replace(operator, sums=replace(operator.sums, far=Skewed(operator.sums.far)))
    claims = ["self_adjoint", "conserves_mass"]
    assert pide.verification.check(operator, samples=3, claims=claims).passed
    report = pide.verification.check(wrong, samples=3, claims=claims)
    assert {row.claim for row in report.rows if row.verdict == "FAILS"} == set(claims)


def test_auto_says_what_it_chose():
    A = pide.FractionalLaplacian(s=0.5)
    small, large = square_cloud(300), pide.PointCloud(np.random.default_rng(0).random((4500, 2)), weights=1e-3)
    assert "engine: dense" in " ".join(A.on(small, exterior=pide.Reflecting()).notes)
    assert "engine: nufft (finufft), tol 0.001" in " ".join(A.on(large, exterior=pide.Reflecting(), tol=1e-3).notes)


def clustered(count):
    rng = np.random.default_rng(0)
    centres = rng.random((5, 2))
    return centres[rng.integers(0, 5, count)] + 1e-4 * rng.standard_normal((count, 2))


def test_clustered_clouds_are_refused_with_their_neighbours():
    cloud = pide.PointCloud(clustered(8000), weights=1e-4)
    with pytest.raises(ValueError, match=r"clustered.* neighbours per point.*engine='tree'"):
        pide.FractionalLaplacian(s=0.5).on(cloud, exterior=pide.Reflecting(), engine="nufft")


def test_auto_takes_the_tree_for_clustered_clouds():
    cloud = pide.PointCloud(clustered(4500), weights=1e-4)
    A = pide.FractionalLaplacian(s=0.5).on(cloud, exterior=pide.Reflecting())
    assert "engine: tree" in " ".join(A.notes)
    v = np.cos(3 * cloud.points[:, 0])
    targets = np.arange(0, 4500, 90)
    form = radial_form(kernels.Fractional(s=0.5), 2)
    assert relative(-A(v)[targets], direct(cloud.points, cloud.masses, form, v, targets, True)) <= 1e-5


@pytest.mark.parametrize(
    ("A", "choices", "remedy"),
    [
        (pide.NonlocalDiffusion(kernels.Constant(horizon=0.2)), {"engine": "nufft"}, "engine='dense'"),
        (pide.NonlocalDiffusion(kernels.TwoPoint(lambda x, y: 1.0 + 0 * x[0] * y[0])), {"engine": "tree"}, "dense"),
        (pide.FractionalLaplacian(s=0.5), {"engine": "nuft"}, "Did you mean 'nufft'"),
        (pide.FractionalLaplacian(s=0.5), {"tol": 1e-20}, "Write tol=1e-6"),
        (pide.NonlocalDiffusion(kernels.Gaussian(width=1e-5)), {"engine": "nufft"}, "engine='tree', or 'dense'"),
        (pide.FractionalLaplacian(s=0.5), {"quadrature": "moments"}, "Did you mean 'moment'"),
    ],
)
def test_messages(A, choices, remedy):
    with pytest.raises(ValueError, match=remedy):
        A.on(square_cloud(50), exterior=pide.Reflecting(), **choices)


def test_messages_of_potentials():
    A = pide.RieszPotential(s=0.5)
    with pytest.raises(ValueError, match="Leave exterior out"):
        A.on(square_cloud(50), exterior=pide.Reflecting())
    torus = pide.PointCloud(np.random.default_rng(0).random((50, 2)), domain=pide.Torus((1.0, 1.0)))
    with pytest.raises(ValueError, match="Use a grid"):
        A.on(torus)


def test_other_namespaces_are_refused_with_the_remedy():
    operator = pide.FractionalLaplacian(s=0.5).on(square_cloud(50), exterior=pide.Reflecting(), engine="nufft")
    with pytest.raises(TypeError, match=r"Write numpy.asarray\(u\)"):
        operator(torch.zeros(50, dtype=torch.float64))


def test_kernels_with_a_horizon_have_no_form():
    assert radial_form(kernels.Constant(horizon=0.2), 2) is None
    assert radial_form(kernels.Fractional(s=0.5), 2).exponent == 3.0


@pytest.mark.slow
def test_heat_on_twenty_thousand_points():
    cloud = square_cloud(20000)
    A = pide.NonlocalDiffusion(kernels.Exponential(length=0.2))
    heat = pide.Heat(A, cloud.domain, initial=lambda x, y: x * y, exterior=pide.Reflecting())
    result = pide.solve(heat, on=cloud, until=0.01, stepper=pide.Lanczos())
    assert "nufft" in " ".join(result.operator.notes)
    assert cloud.mean(result.final) == pytest.approx(cloud.mean(cloud.sample(lambda x, y: x * y)), rel=1e-12)
    assert cloud.variance(result.final) < cloud.variance(cloud.sample(lambda x, y: x * y))


def test_heat_by_lanczos_and_its_file(tmp_path):
    cloud = pide.PointCloud(np.random.default_rng(0).random((2000, 2)), weights=1 / 2000)
    A = pide.NonlocalDiffusion(kernels.Exponential(length=0.2))
    u0 = cloud.sample(lambda x, y: np.exp(-20 * ((x - 0.3) ** 2 + (y - 0.6) ** 2)))
    fast = A.on(cloud, exterior=pide.Reflecting(), engine="nufft", tol=1e-9)
    result = pide.solve(pide.Heat(fast, initial=u0), until=0.01, stepper=pide.Lanczos())
    dense = A.on(cloud, exterior=pide.Reflecting(), engine="dense")
    exact = pide.solve(pide.Heat(dense, initial=u0), until=0.01, stepper=pide.Lanczos())
    assert relative(result.final, exact.final) <= 2e-6
    assert cloud.inner(np.ones(2000), result.final) == pytest.approx(cloud.inner(np.ones(2000), u0), rel=1e-12)
    assert result.save(tmp_path / "cloud.nc").stat().st_size > 2000 * 8

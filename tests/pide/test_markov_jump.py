"""Jump processes: densities and matrices against exponentials of the generator, paths against the density."""

import numpy as np
import pytest
import scipy.linalg
import scipy.stats

import pide
from pide import kernels, verification
from pide.continuum.advection import Advection
from pide.continuum.markov import MarkovJump
from pide.solvers import jumps
from pide.solvers.paths import sample_paths
from pide.solvers.uniformisation import Uniformisation
from pide.spaces.cloud import PointCloud

LINE = pide.Interval(0, 2)


def uphill(x, y):
    """More jumps towards larger x: not symmetric."""
    return 3 * np.exp(-((x[0] - y[0]) ** 2) + y[0] - 0.3 * x[0])


DIRECTED = pide.NonlocalDiffusion(kernels.TwoPoint(uphill, horizon=0.8, symmetric=False))
CASES = {
    "directed": (DIRECTED, LINE, None),
    "killed": (DIRECTED, LINE, pide.Zero()),
    "fractional": (pide.FractionalLaplacian(s=0.4), LINE, None),
    "drift": (pide.NonlocalDiffusion(kernels.Constant(horizon=0.5)) + Advection(1.0), LINE, None),
    "disc": (pide.NonlocalDiffusion(kernels.Exponential(0.2)) + 0.1 * pide.Laplacian(),
             pide.Ball(radius=1.0, dimension=2), pide.Zero()),
    "torus": (Advection(-2.0) - pide.FractionalLaplacian(s=0.7), pide.Torus((2.0,)), None),
}  # fmt: skip


def start(*x):
    return 0.2 + (x[0] < 0.7) * (1 + x[0])


def case(name, count=None):
    A, domain, exterior = CASES[name]
    grid = domain.grid(count or (11 if domain.dimension == 2 else 24))
    problem = MarkovJump(A, domain, initial=start, exterior=exterior)
    return problem, grid, jumps.jump_generator(problem, on=grid)


@pytest.mark.parametrize("name", CASES)
def test_rates_and_transition_matrices(name):
    Q = case(name)[2]
    dense = Q.to_dense()
    rates, killing = jumps.jump_rates(Q)
    rebuilt = rates.toarray() - np.diag(np.asarray(rates.sum(axis=1)).ravel() + killing)
    np.testing.assert_allclose(rebuilt, dense, rtol=0, atol=1e-11 * np.abs(dense).max())
    assert (killing > 0).any() == (name in ("killed", "disc"))
    for t in (0.0, 0.01, 1.7):
        P = jumps.transition_matrix(Q, t)
        np.testing.assert_allclose(P, scipy.linalg.expm(t * dense), atol=1e-12)
        assert P.min() >= 0
        expected = 1.0 if not killing.any() else scipy.linalg.expm(t * dense).sum(axis=1)
        np.testing.assert_allclose(P.sum(axis=1), expected, atol=1e-12)
    half, whole = jumps.transition_matrix(Q, 0.35), jumps.transition_matrix(Q, 0.7)
    np.testing.assert_allclose(half @ half, whole, atol=1e-13)


@pytest.mark.parametrize("name", CASES)
def test_solve_moves_the_density_by_the_adjoint(name):
    problem, grid, Q = case(name)
    result = pide.solve(problem, on=grid, times=[0.0, 0.4, 1.1], tol=1e-9)
    p0 = grid.compress(grid.sample(start))
    for t, state in zip(result.times, result.states, strict=True):
        np.testing.assert_allclose(grid.compress(state), scipy.linalg.expm(t * Q.to_dense()).T @ p0, atol=3e-8)
    conserved = name not in ("killed", "disc")
    assert (np.abs(np.diff(result.mass)).max() < 1e-8) == conserved
    if not conserved:
        assert np.all(np.diff(result.mass) < 0)


def test_uniformisation_keeps_densities_nonnegative_and_mass_to_rounding():
    problem, grid, _ = case("directed", 40)
    result = pide.solve(problem, on=grid, times=np.linspace(0, 2, 9), tol=1e-3)
    assert result.record.stepper == "Uniformisation()"
    assert "not symmetric" in result.record.choices["stepper"]
    assert result.states.min() >= 0
    np.testing.assert_allclose(result.mass, result.mass[0], rtol=1e-13)
    arnoldi = pide.solve(problem, on=grid, until=2.0, stepper="Arnoldi", tol=1e-10).final
    exactly = pide.solve(problem, on=grid, until=2.0, stepper=Uniformisation(), tol=1e-10).final
    np.testing.assert_allclose(exactly, arnoldi, atol=1e-8)
    # A function of the process keeps its extremes: u_t = Q u with the same stepper.
    backward = pide.Evolution(problem.operator, LINE, initial=lambda x: np.sign(x - 1), exterior=pide.Reflecting())
    u = pide.solve(backward, on=grid, until=0.5, stepper=Uniformisation()).final
    assert np.abs(u).max() <= 1 + 1e-14


@pytest.mark.parametrize("method", ["gillespie", "uniformised"])
@pytest.mark.parametrize("name", ["directed", "killed", "drift", "disc", "torus"])
def test_paths_have_the_density_of_the_master_equation(name, method):
    """DKW bound with failure probability 1e-6, and chi square on cells of expected count >= 10 at 1e-6."""
    problem, grid, _ = case(name)
    count, t = 4000, 0.6
    paths = sample_paths(problem, on=grid, until=t, count=count, seed=5, method=method)
    result = pide.solve(problem, on=grid, until=t, tol=1e-8)
    density = result.final / result.mass[0]
    measured, bound = paths.deviation(t, density)
    assert measured <= bound == pytest.approx(0.0426, rel=1e-2)
    wrong = result.states[3] / result.mass[0]
    if name in ("directed", "drift"):
        assert paths.deviation(t, wrong)[0] > bound
    expected = np.append(grid.compress(density) * grid.cell_volume * count, 0.0)
    expected[-1] = count - expected.sum()
    nodes = paths.at(t)
    observed = np.bincount(np.where(nodes < 0, grid.count, nodes), minlength=grid.count + 1)
    full = expected >= 10
    statistic = ((observed - expected)[full] ** 2 / expected[full]).sum()
    assert statistic < scipy.stats.chi2.isf(1e-6, full.sum())
    np.testing.assert_allclose(grid.inner(np.ones(grid.shape), paths.density(t)), (nodes >= 0).mean())


@pytest.mark.parametrize("name", ["directed", "disc", "drift"])
def test_densities_stay_on_their_device(name):
    xp = pytest.importorskip("array_api_strict")
    A, domain, exterior = CASES[name]
    grid = domain.grid(9)
    p0, device = grid.sample(start), xp.Device("device1")
    host, remote = (
        pide.solve(MarkovJump(A, domain, initial=p, exterior=exterior), on=grid, until=0.3)
        for p in (p0, xp.asarray(p0, device=device))
    )
    assert remote.states.device == device
    np.testing.assert_allclose(remote.mass, host.mass, rtol=1e-12)


def test_waiting_times_are_exponential_and_numbers_of_jumps_have_the_right_mean():
    """Constant rates on a torus: jumps are Poisson with mean q t; the first one is exponential (Kolmogorov-Smirnov)."""
    torus = pide.Torus((1.0,))
    problem = MarkovJump(pide.NonlocalDiffusion(kernels.Constant(0.3, normalise="mass")), torus, initial=1.0)
    grid = torus.grid(20)
    rate = float(jumps.jump_generator(problem, on=grid).degree[0])
    for method in ("gillespie", "uniformised"):
        paths = sample_paths(problem, on=grid, until=30.0, count=2000, seed=1, method=method)
        mean = rate * 30.0
        assert abs(paths.jumps.mean() - mean) < 5 * np.sqrt(mean / 2000)
        assert abs(paths.jumps.var() - mean) < 5 * mean * np.sqrt(2 / 2000)
        assert paths.jumps.min() >= 1
        first = paths.times[paths.start[:-1] + 1]
        assert scipy.stats.kstest(first, "expon", args=(0, 1 / rate)).pvalue > 1e-6
        gaps = np.diff(paths.nodes[paths.start[7] : paths.start[8]]) % 20
        assert set(gaps) <= set(range(1, 8)) | set(range(13, 20))


def test_paths_are_reproducible_and_can_be_read():
    problem, grid, _ = case("killed")
    one, two, other = (sample_paths(problem, on=grid, until=3.0, count=50, seed=s) for s in (4, 4, 5))
    np.testing.assert_array_equal(one.times, two.times)
    np.testing.assert_array_equal(one.nodes, two.nodes)
    assert not np.array_equal(one.nodes[:50], other.nodes[:50])
    ended = int(np.flatnonzero(one.at(3.0) < 0)[0])
    times, x = one.positions(ended)
    assert times[0] == 0
    assert np.all(np.diff(times) > 0)
    assert np.isnan(x[-1, 0])
    assert np.all((x[:-1, 0] > 0) & (x[:-1, 0] < 2))
    with pytest.raises(ValueError, match=r"sampled on \[0, 3\]. Sample with a later until"):
        one.at(3.5)


def test_stationary_density_of_a_birth_and_death_process():
    """Rates a to the right, b to the left: pi_i proportional to (a / b)^i, over 60 orders of magnitude to rounding."""
    grid = pide.Interval(0, 1).grid(31)
    h = grid.spacing[0]
    Q = Advection(100 * h).on(grid, exterior=pide.Reflecting()) + Advection(-1 * h).on(grid, exterior=pide.Reflecting())
    pi = jumps.stationary_density(Q)
    expected = 100.0 ** -np.arange(31)
    np.testing.assert_allclose(pi, expected / expected.sum() / h, rtol=1e-13)
    assert jumps.detailed_balance(Q, pi) < 1e-15
    np.testing.assert_allclose(jumps.time_reversal(Q, pi).to_dense(), Q.to_dense(), rtol=1e-12)


def test_stationary_density_by_factorisation():
    """Diffusion against a wind on 700 nodes, rates 1/h^2 to the right and 1/h^2 + b/h to the left."""
    grid = LINE.grid(700)
    h = grid.spacing[0]
    Q = (pide.Laplacian() + Advection(3.0)).on(grid, exterior=pide.Reflecting())
    expected = (1 + 3 * h) ** -np.arange(700.0)
    np.testing.assert_allclose(jumps.stationary_density(Q), expected / expected.sum() / h, rtol=1e-9)


def test_stationary_density_is_where_densities_go():
    _, grid, Q = case("directed", 60)
    pi = jumps.stationary_density(Q)
    assert pi.min() > 0
    assert grid.inner(np.ones(60), pi) == pytest.approx(1, rel=1e-12)
    assert np.abs(Q.adjoint(pi)).max() < 1e-12 * Q.rate_bound() * pi.max()
    late = pide.solve(MarkovJump(DIRECTED, LINE, initial=0.5), on=grid, until=40.0, tol=1e-9).final
    np.testing.assert_allclose(late, pi, rtol=1e-6)


def test_time_reversal_and_detailed_balance():
    """A biased walk on a circle is stationary in the uniform density, not reversible, and runs the other way back."""
    torus = pide.Torus((1.0,))
    grid = torus.grid(12)
    Q = Advection(1.0).on(grid)
    uniform = np.ones(12)
    np.testing.assert_allclose(jumps.stationary_density(Q), uniform, rtol=1e-13)
    assert jumps.detailed_balance(Q, uniform) == pytest.approx(1.0)
    np.testing.assert_allclose(
        jumps.time_reversal(Q, uniform).to_dense(), Advection(-1.0).on(grid).to_dense(), atol=1e-12
    )
    _, grid, Q = case("directed")
    pi = jumps.stationary_density(Q)
    reverse = jumps.time_reversal(Q, pi)
    verification.check(reverse, samples=4).raise_if_failed()
    np.testing.assert_allclose(reverse.adjoint(pi), 0, atol=1e-12 * Q.rate_bound() * pi.max())
    there, back = jumps.transition_matrix(Q, 0.3), jumps.transition_matrix(reverse, 0.3)
    weights = grid.compress(pi)
    np.testing.assert_allclose(weights[:, None] * there, (weights[:, None] * back).T, atol=1e-12)
    symmetric = pide.NonlocalDiffusion(kernels.Gaussian(0.3)).on(grid, exterior=pide.Reflecting())
    assert jumps.detailed_balance(symmetric, jumps.stationary_density(symmetric)) < 1e-12


def test_on_a_point_cloud_masses_weigh_densities():
    """Rates S(x, y) e^{y_1} m_j with S symmetric: reversible in pi proportional to e^{x_1}, whatever the masses."""
    disc = pide.Ball(radius=1.0, dimension=2)
    points = np.random.default_rng(0).uniform(-0.65, 0.65, (90, 2))
    cloud = PointCloud(points, domain=disc)
    assert np.ptp(cloud.masses) > 0.5 * cloud.masses.mean()
    towards = kernels.TwoPoint(
        lambda x, y: 5 * np.exp(-4 * ((x[0] - y[0]) ** 2 + (x[1] - y[1]) ** 2) + y[0]), symmetric=False
    )
    problem = MarkovJump(pide.NonlocalDiffusion(towards), disc, initial=lambda x, y: 1.0 * (x < 0))
    Q = jumps.jump_generator(problem, on=cloud)
    m, dense = cloud.masses, Q.to_dense()
    p0 = 1.0 * (points[:, 0] < 0)
    result = pide.solve(problem, on=cloud, times=[0.0, 0.5], tol=1e-9)
    np.testing.assert_allclose(result.final, scipy.linalg.expm(0.5 * dense).T @ (m * p0) / m, atol=1e-8)
    assert result.mass[1] == pytest.approx(result.mass[0], rel=1e-12)
    paths = sample_paths(problem, on=cloud, until=0.5, count=3000, seed=1)
    measured, bound = paths.deviation(0.5, result.final / result.mass[0])
    assert measured < bound
    pi = jumps.stationary_density(Q)
    np.testing.assert_allclose(pi, np.exp(points[:, 0]) / (m @ np.exp(points[:, 0])), rtol=1e-11)
    assert jumps.detailed_balance(Q, pi) < 1e-12
    np.testing.assert_allclose(jumps.time_reversal(Q, pi).to_dense(), dense, atol=1e-11 * np.abs(dense).max())


def islands():
    apart = kernels.TwoPoint(lambda x, y: 1.0 * ((x[0] < 1) == (y[0] < 1)))
    problem = MarkovJump(pide.NonlocalDiffusion(apart), LINE, initial=1.0)
    return jumps.jump_generator(problem, on=LINE.grid(8))


MESSAGES = [
    (lambda: MarkovJump(DIRECTED, LINE, initial=1.0, exterior=pide.Value(np.sin)), r"Write Reflecting\(\)"),
    (lambda: MarkovJump(DIRECTED, LINE, initial=1.0, source=1.0), "a master equation has no source"),
    (lambda: pide.solve(MarkovJump(DIRECTED, LINE, initial=-1.0), on=LINE.grid(8), until=1), "negative at 8 nodes"),
    (
        lambda: pide.solve(MarkovJump(Advection(1.0, "central"), LINE, initial=1.0), on=LINE.grid(8), until=1),
        "does not claim nonnegative_rates. Use monotone schemes",
    ),
    (lambda: jumps.jump_generator(
        MarkovJump(-1.0 * pide.Laplacian() + Advection(1.0), LINE, initial=1.0), on=LINE.grid(8)), "no jump generator"),
    (lambda: jumps.transition_matrix(DIRECTED.on(LINE.grid(4), pide.Reflecting()), -1.0), "a time >= 0 is needed"),
    (lambda: jumps.stationary_density(case("killed")[2]), r"Write exterior=Reflecting\(\)"),
    (lambda: jumps.stationary_density(islands()), "2 closed classes"),
    (lambda: jumps.time_reversal(case("directed")[2], np.zeros(24)), "not positive at 24 nodes"),
    (lambda: sample_paths(case("directed")[0], on=LINE.grid(8), until=1e9, count=9, seed=0), "Take fewer paths"),
    (lambda: sample_paths(case("directed")[0], on=LINE.grid(8), until=1, count=9, seed=0, method="x"), "'gillespie'"),
    (lambda: pide.solve(pide.Heat(pide.Laplacian(), LINE, initial=1.0, exterior=pide.Value(np.sin, extent=1.0)),
                        on=LINE.grid(8), until=1.0, stepper=Uniformisation()), "without exterior data or source"),
]  # fmt: skip


@pytest.mark.parametrize(("build", "message"), MESSAGES)
def test_messages(build, message):
    with pytest.raises(ValueError, match=message):
        build()

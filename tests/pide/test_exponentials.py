"""Exponential steppers against dense matrix exponentials and closed forms, and their estimates against the errors."""

import math

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import pide
from pide.continuum.kernels import Gaussian, TwoPoint
from pide.discretise import discretise
from pide.errors import NotConverged
from pide.solvers import Arnoldi
from pide.solvers.phi import phi, phi_first_column
from pide.solvers.stepper import Flow

LINE = pide.Interval(-1, 1)
SQUARE = pide.Box(((-1, 1), (-1, 1)))
DISC = pide.Ball(radius=1.0, dimension=2)
GAUSS = pide.NonlocalDiffusion(Gaussian(width=0.4))


def silent(fraction):
    """Progress is not looked at."""


def fractional(grid, s=0.75, exterior=None):
    return -1.0 * pide.FractionalLaplacian(s=s).on(grid, exterior=exterior or pide.Zero(), scheme="lattice")


def random_field(grid, seed=0, batch=()):
    return grid.expand(np.random.default_rng(seed).standard_normal((*batch, grid.count)))


def dense_flow(L, u, t):
    """e^{t L} u + t phi_1(t L) b by scipy.linalg.expm of [[L, b], [0, 0]]."""
    grid, n = L.space, L.space.count
    b = np.zeros(n) if L.load is None else grid.compress(L.load)
    matrix = np.zeros((n + 1, n + 1))
    matrix[:n, :n], matrix[:n, n] = L.to_dense(), b
    exponential = scipy.linalg.expm(t * matrix)
    return grid.expand(grid.compress(u) @ exponential[:n, :n].T + exponential[:n, n])


def relative(u, v, grid):
    return float(np.max(grid.norm(u - v) / grid.norm(v)))


def run(stepper, L, u, times, tol=1e-6, **data):
    load = L.load if "load" not in data else data.pop("load")
    flow = Flow(L, u, load=load, **data)
    return stepper.integrate(flow, list(times), tol, silent), flow


GENERATORS = {
    "disc, corrected": -1.0
    * discretise(
        pide.FractionalLaplacian(s=0.75), DISC.grid(14), exterior=pide.Zero(), scheme="corrected", evolution=True
    ),
    "square, zero": fractional(SQUARE.grid(10, 9)),
    "disc, zero": fractional(DISC.grid(12), s=0.5),
    "square, reflecting": fractional(SQUARE.grid(9, 8), s=0.6, exterior=pide.Reflecting()),
    "disc, reflecting": fractional(DISC.grid(11), exterior=pide.Reflecting()),
    "cube, zero": fractional(pide.Box(((0, 1),) * 3).grid(5, 6, 4), s=0.8),
    "cube, reflecting": fractional(pide.Box(((0, 1),) * 3).grid(4, 5, 6), s=0.8, exterior=pide.Reflecting()),
    "line, data": GAUSS.on(LINE.grid(40), exterior=pide.Value(lambda x: x**2, extent=1.0)),
    "line, singular data": fractional(LINE.grid(50), exterior=pide.Value(lambda x: 1.0 + x, extent=2.0)),
    "square, sum": (pide.Laplacian() + 3.0 * GAUSS).on(SQUARE.grid(8, 8), exterior=pide.Zero()),
    "torus, coefficient": pide.NonlocalDiffusion(Gaussian(width=0.05), coefficient=lambda x: 1 + x**2, images=True).on(
        pide.Torus((1.0,)).grid(32)
    ),
}
EXPONENTIALS = [pide.Lanczos(), pide.ShiftInvertLanczos(), pide.Chebyshev()]


class TestPhi:
    @given(st.floats(-60, 5), st.integers(0, 4))
    def test_equals_the_augmented_exponential(self, z, k):
        assert_allclose(phi(k, np.array([z])), phi_first_column(k, 1.0, np.array([[z]])), rtol=1e-12)

    def test_limits_at_zero(self):
        assert [float(phi(k, np.zeros(1))[0]) for k in range(4)] == pytest.approx([1, 1, 1 / 2, 1 / 6], abs=1e-16)

    def test_recurrence_across_the_switch_of_formula(self):
        z = -np.linspace(0.9, 1.1, 41)
        for k in range(4):
            assert_allclose(z * phi(k + 1, z) + 1 / math.factorial(k), phi(k, z), rtol=1e-14)


class TestExponentials:
    @pytest.mark.parametrize("stepper", EXPONENTIALS, ids=str)
    @pytest.mark.parametrize("name", sorted(GENERATORS))
    def test_matches_the_dense_exponential_at_every_time(self, stepper, name):
        L, times = GENERATORS[name], (0.0, 0.02, 0.1, 0.3)
        u = random_field(L.space)
        trajectory, _ = run(stepper, L, u, times, 1e-7)
        for t, state in zip(times, trajectory.states, strict=True):
            assert relative(state, dense_flow(L, u, t), L.space) <= 2e-7

    @given(
        st.floats(0.1, 0.95),
        st.floats(1e-3, 3.0),
        st.sampled_from([1e-3, 1e-6, 1e-9]),
        st.integers(0, 99),
        st.sampled_from([pide.Zero(), pide.Reflecting()]),
    )
    def test_lanczos_estimate_bounds_the_error(self, s, t, tol, seed, exterior):
        L = fractional(LINE.grid(48), s, exterior)
        u = random_field(L.space, seed)
        trajectory, _ = run(pide.Lanczos(), L, u, [t], tol)
        error = relative(trajectory.states[-1], dense_flow(L, u, t), L.space)
        assert error <= trajectory.error_estimate + 1e-12
        assert trajectory.error_estimate <= tol

    @given(st.floats(0.1, 0.95), st.floats(1e-2, 3.0), st.sampled_from([1e-3, 1e-6, 1e-9]), st.integers(0, 99))
    def test_shift_invert_estimate_is_met(self, s, t, tol, seed):
        L = fractional(LINE.grid(48), s)
        u = random_field(L.space, seed)
        trajectory, _ = run(pide.ShiftInvertLanczos(), L, u, [t], tol)
        assert relative(trajectory.states[-1], dense_flow(L, u, t), L.space) <= 2 * tol

    @pytest.mark.parametrize("t", [0.01, 0.3, 3.0])
    def test_shift_invert_finds_what_survives_of_noise(self, t):
        L = fractional(LINE.grid(400), 0.9)
        u = random_field(L.space, 7)
        trajectory, _ = run(pide.ShiftInvertLanczos(), L, u, [t])
        assert relative(trajectory.states[-1], dense_flow(L, u, t), L.space) <= 2e-6

    def test_chebyshev_estimate_bounds_the_error(self):
        L = GENERATORS["square, zero"]
        u = random_field(L.space, 3)
        for tol in (1e-3, 1e-6, 1e-10):
            trajectory, _ = run(pide.Chebyshev(), L, u, [0.5], tol)
            error = relative(trajectory.states[-1], dense_flow(L, u, 0.5), L.space)
            assert error <= trajectory.error_estimate + 1e-13 <= tol + 1e-13

    def test_small_spaces_restart_and_stay_accurate(self):
        L = fractional(LINE.grid(96), 0.9)
        u = random_field(L.space)
        trajectory, flow = run(pide.Lanczos(max_vectors=15), L, u, [0.05, 0.1])
        assert "restarts" in trajectory.notes
        assert trajectory.steps > 15
        for t, state in zip((0.05, 0.1), trajectory.states, strict=True):
            assert relative(state, dense_flow(L, u, t), L.space) <= 1e-6
        assert flow.tally["applies"] == trajectory.steps

    def test_too_small_spaces_say_what_to_do(self):
        L = fractional(LINE.grid(96), 0.9)
        with pytest.raises(NotConverged, match="Increase max_vectors, or write stepper=ShiftInvertLanczos"):
            run(pide.Lanczos(max_vectors=1), L, random_field(L.space), [1.0], 1e-12)
        with pytest.raises(NotConverged, match="Increase max_vectors, ask for output times within a factor"):
            run(pide.ShiftInvertLanczos(max_vectors=2), L, random_field(L.space), [1.0], 1e-12)

    @pytest.mark.parametrize("stepper", EXPONENTIALS, ids=str)
    def test_members_of_a_batch_are_accurate_each(self, stepper):
        L = GENERATORS["square, zero"]
        u = random_field(L.space, 4, (2, 2))
        u[1, 0] = 0.0
        u[0, 1] *= 1e-9
        state = run(stepper, L, u, [0.2])[0].states[-1]
        assert not state[1, 0].any()
        for index in ((0, 0), (0, 1), (1, 1)):
            assert relative(state[index], dense_flow(L, u[index], 0.2), L.space) <= 1e-6

    @pytest.mark.parametrize("stepper", EXPONENTIALS, ids=str)
    def test_eigenvectors_and_zero_are_no_trouble(self, stepper):
        L = GENERATORS["square, zero"]
        w, Q = np.linalg.eigh(L.to_dense())
        u = L.space.expand(Q[:, -1].copy())
        assert_allclose(run(stepper, L, u, [0.4])[0].states[-1], math.exp(0.4 * w[-1]) * u, atol=1e-7)
        assert not run(stepper, L, 0 * u, [0.4])[0].states[-1].any()

    def test_applies_of_shift_invert_hardly_depend_on_the_grid(self):
        counts = []
        for nodes in (64, 256, 1024):
            L = fractional(LINE.grid(nodes), 0.9)
            counts.append(run(pide.ShiftInvertLanczos(), L, L.space.sample(1.0), [1.0])[1].tally["applies"])
        assert max(counts) <= 1.3 * min(counts)

    def test_arnoldi_follows_a_generator_that_is_not_symmetric(self):
        grid = LINE.grid(30)
        drift = TwoPoint(lambda x, y: np.exp(x[0] - y[0]) * (abs(x[0] - y[0]) < 0.4), horizon=0.4, symmetric=False)
        L = pide.NonlocalDiffusion(drift).on(grid, exterior=pide.Reflecting())
        u = random_field(grid)
        for max_vectors in (80, 6):
            state = run(Arnoldi(max_vectors), L, u, [2.0])[0].states[-1]
            assert relative(state, dense_flow(L, u, 2.0), grid) <= 1e-6
        with pytest.raises(ValueError, match=r"not claimed self-adjoint\. Write stepper=Arnoldi\(\)"):
            run(pide.Lanczos(), L, u, [2.0])
        with pytest.raises(ValueError, match=r"not claimed self-adjoint\. Write stepper=Arnoldi\(\)"):
            run(pide.Chebyshev(), L, u, [2.0])

    def test_reactions_are_refused_with_the_remedy(self):
        L = GENERATORS["square, zero"]
        for stepper in (*EXPONENTIALS, pide.Exact()):
            with pytest.raises(ValueError, match=r"Write stepper=ETD\(\)"):
                run(stepper, L, L.space.sample(1.0), [0.1], reaction=lambda u, t: u)


class TestExact:
    @pytest.mark.parametrize("k", [(1, 0), (2, 3)])
    def test_modes_decay_at_their_rate(self, k):
        grid = pide.Torus((1.0, 2.0)).grid(16, 12)
        L = -1.0 * pide.FractionalLaplacian(s=0.4).on(grid, scheme="fourier")
        wave = (2 * math.pi * k[0], math.pi * k[1])
        u = grid.sample(lambda x, y: np.cos(wave[0] * x + wave[1] * y))
        rate = (wave[0] ** 2 + wave[1] ** 2) ** 0.4
        trajectory, flow = run(pide.Exact(), L, u, [0.1, 0.7])
        for t, state in zip((0.1, 0.7), trajectory.states, strict=True):
            assert_allclose(state, math.exp(-rate * t) * u, atol=1e-14)
        assert flow.tally["applies"] == 0

    def test_constant_source_has_the_closed_form(self):
        grid = pide.Torus((1.0,)).grid(16)
        L = pide.Laplacian().on(grid, scheme="fourier")
        b = grid.sample(lambda x: 1 + np.cos(2 * math.pi * x))
        state = run(pide.Exact(), L, 0 * b, [0.05], load=b)[0].states[-1]
        rate = 4 * math.pi**2
        expected = 0.05 + (1 - math.exp(-rate * 0.05)) / rate * np.cos(2 * math.pi * grid.coordinates[0])
        assert_allclose(state, expected, atol=1e-15)

    def test_needs_a_torus(self):
        L = GENERATORS["square, zero"]
        with pytest.raises(ValueError, match="Write stepper='auto'"):
            run(pide.Exact(), L, L.space.sample(1.0), [0.1])


def test_the_remainder_that_rounding_leaves_is_no_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of equal steps end next to the target; a step of what is left would fail at the level of rounding."""
    from pide.solvers import etd

    lengths: list[float] = []

    def step(flow: object, actions: object, u: float, t: float, h: float) -> float:
        lengths.append(h)
        return u

    def difference(flow: object, coarse: float, fine: float) -> float:
        return 15 * max(0.5 * tol * lengths[-3], 1e-17)

    tol, h = 1e-6, 1.0 / 6000
    monkeypatch.setattr(etd, "_step", step)
    monkeypatch.setattr(etd, "_difference", difference)
    _, last, steps, _ = etd.ETD()._chosen(None, None, 0.0, 0.0, 1.0, h, tol)
    assert steps == 2 * 6000
    assert last == h

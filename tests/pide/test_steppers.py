"""Steppers against dense matrix exponentials, closed forms, conservation laws and observed orders."""

import math

import numpy as np
import pytest
import scipy.linalg
from numpy.testing import assert_allclose

import pide
from pide.errors import NotConverged, StepTooLarge
from pide.solvers import IMEX
from pide.solvers.explicit import REAL_AXIS_LIMIT
from pide.solvers.stepper import Flow

LINE = pide.Interval(-1, 1)
SQUARE = pide.Box(((-1, 1), (-1, 1)))
DISC = pide.Ball(radius=1.0, dimension=2)


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
    "square, zero": fractional(SQUARE.grid(10, 9)),
    "square, reflecting": fractional(SQUARE.grid(9, 8), s=0.6, exterior=pide.Reflecting()),
    "disc, reflecting": fractional(DISC.grid(11), exterior=pide.Reflecting()),
}


def order(stepper_of, L, u, exact, t, steps, **data):
    """Observed orders between successive numbers of steps."""
    errors = [
        float(L.space.norm(run(stepper_of(t / n), L, u, [t], 1e-12, **data)[0].states[-1] - exact)) for n in steps
    ]
    return np.log2(np.array(errors[:-1]) / np.array(errors[1:]))


class TestOrders:
    @pytest.mark.parametrize(
        ("method", "steps", "expected"),
        [
            (pide.ForwardEuler, (64, 128, 256), 1),
            (pide.BackwardEuler, (64, 128, 256), 1),
            (pide.CrankNicolson, (16, 32, 64), 2),
            (IMEX, (16, 32, 64), 2),
            (pide.RungeKutta4, (16, 32, 64), 4),
        ],
    )
    def test_linear_flow(self, method, steps, expected):
        L = fractional(LINE.grid(16), 0.5)
        u = L.space.sample(lambda x: np.cos(0.5 * math.pi * x))
        observed = order(lambda dt: method(dt=dt), L, u, dense_flow(L, u, 1.0), 1.0, steps)
        assert_allclose(observed, expected, atol=0.2)

    @pytest.mark.parametrize(
        ("method", "steps", "expected"),
        [
            (pide.ForwardEuler, (64, 128, 256), 1),
            (pide.BackwardEuler, (64, 128, 256), 1),
            (pide.CrankNicolson, (16, 32, 64), 2),
            (IMEX, (16, 32, 64), 2),
            (pide.RungeKutta4, (16, 32, 64), 4),
            (pide.ETD, (4, 8, 16), 4),
        ],
    )
    def test_source_in_time(self, method, steps, expected):
        L = fractional(LINE.grid(16), 0.5)
        shape = L.space.sample(lambda x: np.cos(0.5 * math.pi * x))
        drive = L.apply(shape)

        def source(t):
            return 2 * math.cos(2 * t) * shape - math.sin(2 * t) * drive

        observed = order(lambda dt: method(dt=dt), L, 0 * shape, math.sin(2.0) * shape, 1.0, steps, source=source)
        assert_allclose(observed, expected, atol=0.3)

    @pytest.mark.parametrize("where", ["torus", "line"])
    @pytest.mark.parametrize(("method", "steps", "expected"), [(pide.ETD, (4, 8, 16), 4), (IMEX, (16, 32, 64), 2)])
    def test_logistic_reaction(self, where, method, steps, expected):
        if where == "torus":
            L = pide.Laplacian().on(pide.Torus((2 * math.pi,)).grid(16))
        else:
            L = fractional(LINE.grid(12), 0.3)
        u = 0.2 + 0.1 * L.space.sample(lambda x: np.cos(x))
        reference = run(pide.RungeKutta4(dt=0.002), L, u, [1.0], reaction=lambda v, t: v * (1 - v))[0].states[-1]
        observed = order(lambda dt: method(dt=dt), L, u, reference, 1.0, steps, reaction=lambda v, t: v * (1 - v))
        assert_allclose(observed, expected, atol=0.3)


class TestStepBounds:
    @pytest.mark.parametrize(("method", "limit"), [(pide.ForwardEuler, 2.0), (pide.RungeKutta4, REAL_AXIS_LIMIT)])
    def test_the_bound_is_allowed_and_more_is_refused(self, method, limit):
        L = fractional(LINE.grid(40), 0.75)
        largest = limit / L.spectral_bound()
        worst = L.space.expand(np.linalg.eigh(L.to_dense())[1][:, 0].copy())
        state = run(method(dt=largest), L, worst, [largest])[0].states[-1]
        assert float(L.space.norm(state)) <= float(L.space.norm(worst)) * (1 + 1e-14)
        with pytest.raises(StepTooLarge, match=r"lambda_max.*energy.*Write \w+\(dt=.*or smaller") as refused:
            run(method(dt=1.01 * largest), L, worst, [1.0])
        assert refused.value.largest == largest
        suggested = float(str(refused.value).split("(dt=")[2].split(")")[0])
        run(method(dt=suggested), L, worst, [suggested])

    def test_the_energy_bound_is_not_far_from_sharp(self):
        L = fractional(LINE.grid(40), 0.75)
        assert -np.linalg.eigvalsh(L.to_dense())[0] >= 0.9 * L.spectral_bound()

    def test_real_axis_limit_is_the_root_of_the_stability_polynomial(self):
        x = REAL_AXIS_LIMIT
        assert abs(1 - x + x**2 / 2 - x**3 / 6 + x**4 / 24) == pytest.approx(1.0, abs=1e-14)

    def test_maximum_principle(self):
        L = fractional(LINE.grid(40), 0.75)
        u = (L.space.coordinates[0] > 0) * 1.0
        largest = 1.0 / L.rate_bound()
        stepper = pide.ForwardEuler(dt=largest, guarantee="maximum_principle")
        state = run(stepper, L, u, [50 * largest])[0].states[-1]
        assert state.min() >= 0.0
        assert state.max() <= 1.0
        with pytest.raises(StepTooLarge, match=r"1 / max\(d \+ kappa\) \(maximum principle\)"):
            run(pide.ForwardEuler(dt=1.01 * largest, guarantee="maximum_principle"), L, u, [1.0])

    def test_guarantees_that_do_not_exist_are_refused(self):
        grid = pide.Torus((1.0,)).grid(16)
        spectral = -1.0 * pide.FractionalLaplacian(s=0.5).on(grid, scheme="fourier")
        with pytest.raises(ValueError, match=r"does not claim maximum_principle\. Write guarantee='energy'"):
            run(pide.ForwardEuler(dt=1e-3, guarantee="maximum_principle"), spectral, grid.sample(1.0), [0.1])
        with pytest.raises(ValueError, match="guarantee is 'energy' or 'maximum_principle'"):
            run(pide.ForwardEuler(dt=1e-3, guarantee="best"), spectral, grid.sample(1.0), [0.1])
        with pytest.raises(ValueError, match="needs a self-adjoint generator <= 0"):
            run(pide.RungeKutta4(dt=1e-3), -1.0 * spectral, grid.sample(1.0), [0.1])

    @pytest.mark.parametrize("dt", [0.0, -1.0, math.inf, math.nan])
    def test_dt_must_be_positive(self, dt):
        L = GENERATORS["square, zero"]
        for method in (pide.BackwardEuler, pide.ETD):
            with pytest.raises(ValueError, match=r"dt must be a positive number\. Write \w+\(dt=0\.01\)"):
                run(method(dt=dt), L, L.space.sample(1.0), [0.1])

    def test_implicit_methods_decay_at_any_step(self):
        L = fractional(LINE.grid(40), 0.9)
        u = random_field(L.space)
        for method in (pide.BackwardEuler, pide.CrankNicolson, IMEX):
            state = run(method(dt=10.0), L, u, [10.0], 1e-10)[0].states[-1]
            assert float(L.space.norm(state)) <= float(L.space.norm(u))

    def test_implicit_methods_refuse_reactions(self):
        L = GENERATORS["square, zero"]
        with pytest.raises(ValueError, match=r"does not take reactions\. Write stepper=IMEX"):
            run(pide.CrankNicolson(dt=0.1), L, L.space.sample(1.0), [0.1], reaction=lambda u, t: u)

    def test_steps_meet_every_output_time(self):
        L = GENERATORS["square, zero"]
        trajectory, _ = run(pide.BackwardEuler(dt=0.03), L, L.space.sample(1.0), [0.0, 0.05, 0.1])
        assert trajectory.steps == 4
        assert len(trajectory.states) == 3


ALL = [
    pide.Lanczos(),
    pide.ShiftInvertLanczos(),
    pide.Chebyshev(),
    pide.ETD(),
    pide.ETD(dt=0.02),
    IMEX(dt=0.02),
    pide.ForwardEuler(dt=1e-3),
    pide.RungeKutta4(dt=1e-3),
    pide.BackwardEuler(dt=0.02),
    pide.CrankNicolson(dt=0.02),
]


@pytest.mark.parametrize("stepper", ALL, ids=str)
@pytest.mark.parametrize("name", ["square, reflecting", "disc, reflecting"])
def test_reflecting_flow_conserves_mass_to_rounding(stepper, name):
    L = GENERATORS[name]
    u = random_field(L.space) + L.space.sample(0.3)
    state = run(stepper, L, u, [0.1], 1e-3)[0].states[-1]
    scale = float(L.space.cell_volume * np.abs(u).sum())
    assert abs(float(L.space.inner(L.space.sample(1.0), state - u))) <= 1e-14 * scale


class TestETD:
    def test_logistic_growth_without_diffusion_in_space(self):
        grid = pide.Torus((1.0,)).grid(8)
        u = grid.sample(0.1)
        trajectory, _ = run(
            pide.ETD(), pide.Laplacian().on(grid), u, [1.0, 4.0], 1e-8, reaction=lambda v, t: v * (1 - v)
        )
        for t, state in zip((1.0, 4.0), trajectory.states, strict=True):
            assert_allclose(state, 1 / (1 + 9 * math.exp(-t)), rtol=1e-8)
        assert trajectory.error_estimate <= 1e-8

    def test_linear_reaction_shifts_the_spectrum(self):
        L = fractional(LINE.grid(40), 0.75)
        u = random_field(L.space)
        state = run(pide.ETD(), L, u, [0.3], 1e-5, reaction=lambda v, t: -2.0 * v)[0].states[-1]
        assert relative(state, math.exp(-0.6) * dense_flow(L, u, 0.3), L.space) <= 1e-5

    def test_blow_up_is_reported_with_its_time(self):
        grid = pide.Torus((1.0,)).grid(4)
        with (
            pytest.raises(
                NotConverged, match=r"at t=(0\.99|1\.00)\d* no step .* The solution may blow up: stop earlier"
            ),
            np.errstate(all="ignore"),
        ):
            run(pide.ETD(), pide.Laplacian().on(grid), grid.sample(1.0), [2.0], 1e-3, reaction=lambda v, t: v * v)

    def test_runs_forward_only(self):
        L = GENERATORS["square, zero"]
        with pytest.raises(ValueError, match="runs forward in time only"):
            run(pide.ETD(), L, L.space.sample(1.0), [-0.1])


@pytest.mark.parametrize("stepper", [*ALL, pide.Exact()], ids=str)
def test_every_namespace_and_dtype(namespace, dtype, stepper):
    if isinstance(stepper, pide.Exact):
        L = pide.Laplacian().on(pide.Torus((1.0,)).grid(12))
    else:
        L = fractional(LINE.grid(20), 0.5)
    u = random_field(L.space, 5, (2,))
    tol = 1e-4
    state = run(stepper, L, namespace.asarray(u, dtype), [0.02], tol)[0].states[-1]
    assert str(state.dtype).endswith(dtype)
    assert type(state) is type(namespace.asarray(u, dtype))
    exact = u @ scipy.linalg.expm(0.02 * L.to_dense()).T
    errors = {"BackwardEuler": 0.05, "ForwardEuler": 5e-3, "CrankNicolson": 5e-3, "IMEX": 2e-3}
    assert relative(namespace.host(state), exact, L.space) <= errors.get(type(stepper).__name__, tol)


class TestGradients:
    @pytest.mark.parametrize(
        "stepper", [pide.Chebyshev(), pide.ForwardEuler(dt=0.01), pide.RungeKutta4(dt=0.01), pide.Exact()], ids=str
    )
    def test_gradient_with_respect_to_initial_data_is_the_adjoint_flow(self, stepper):
        torch = pytest.importorskip("torch")
        L = pide.Laplacian().on(pide.Torus((4.0,)).grid(12))
        u = torch.tensor(random_field(L.space), requires_grad=True)
        g = random_field(L.space, 1)
        (run(stepper, L, u, [0.1], 1e-10)[0].states[-1] * torch.tensor(g)).sum().backward()
        forward = run(stepper, L, g, [0.1], 1e-10)[0].states[-1]
        assert_allclose(u.grad.numpy(), forward, atol=1e-12)

    @pytest.mark.parametrize("stepper", [pide.Chebyshev(), pide.RungeKutta4(dt=0.01)], ids=str)
    def test_gradient_with_respect_to_the_order(self, stepper):
        torch = pytest.importorskip("torch")
        grid = LINE.grid(16)
        u = torch.tensor(grid.sample(lambda x: np.cos(x)))

        def energy(s):
            L = fractional(grid, s)
            return (run(stepper, L, u, [0.1], 1e-12)[0].states[-1] ** 2).sum()

        s = torch.tensor(0.6, dtype=torch.float64, requires_grad=True)
        energy(s).backward()
        above, below = (energy(torch.tensor(0.6 + e, dtype=torch.float64)) for e in (1e-5, -1e-5))
        difference = (above - below) / 2e-5
        assert float(s.grad) == pytest.approx(float(difference), rel=1e-6)

    def test_projection_methods_refuse_gradients(self):
        torch = pytest.importorskip("torch")
        L = fractional(LINE.grid(16), 0.5)
        u = torch.ones(16, dtype=torch.float64, requires_grad=True)
        for stepper in (pide.Lanczos(), pide.ShiftInvertLanczos(), pide.BackwardEuler(dt=0.1)):
            with pytest.raises(ValueError, match=r"Write stepper=Chebyshev\(\)"):
                run(stepper, L, u, [0.1])

    def test_exact_refuses_to_lose_parameter_gradients(self):
        torch = pytest.importorskip("torch")
        s = torch.tensor(0.6, dtype=torch.float64, requires_grad=True)
        L = -1.0 * pide.FractionalLaplacian(s=s).on(pide.Torus((1.0,)).grid(16))
        with pytest.raises(ValueError, match=r"Write stepper=Chebyshev\(\)"):
            run(pide.Exact(), L, torch.ones(16, dtype=torch.float64), [0.1])

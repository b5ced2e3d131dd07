"""`solve` from problem to result: choices, data, times, records, backward flow, and refused input."""

import math
import sys

import numpy as np
import pytest
import scipy.linalg
from numpy.testing import assert_allclose

import pide
from pide.continuum.kernels import Gaussian
from pide.solvers.choose import choose
from pide.solvers.stepper import Flow

LINE = pide.Interval(-1, 1)
SQUARE = pide.Box(((-1, 1), (-1, 1)))
TORUS = pide.Torus((1.0,))
A = pide.FractionalLaplacian(s=0.75)
GAUSS = pide.NonlocalDiffusion(Gaussian(width=0.4))


def heat(**changes):
    data = {"initial": lambda x: np.cos(0.5 * math.pi * x), "exterior": pide.Zero()} | changes
    return pide.Heat(A, LINE, **data)


def rate(k, s=0.75):
    """Symbol of the lattice Laplacian's power at the wavenumber 2 pi k on 16 nodes of the unit torus."""
    return (4 * math.sin(math.pi * k / 16) ** 2 * 256) ** s


class TestFlow:
    def test_result_holds_the_generator_and_the_states(self):
        grid = LINE.grid(32)
        problem = heat()
        result = pide.solve(problem, on=grid, times=[0.0, 0.1, 0.2])
        assert result.problem is problem
        assert result.operator.definiteness == -1
        assert result.states.shape == (3, 32)
        u = grid.sample(problem.initial)
        assert_allclose(result.states[0], u)
        for t, state in zip(result.times, result.states, strict=True):
            assert_allclose(state, scipy.linalg.expm(t * result.operator.to_dense()) @ u, atol=2e-6)
        assert np.all(np.diff(result.energy) < 0)

    def test_both_signs_of_the_operator_give_the_same_flow(self):
        grid = LINE.grid(24)
        down = pide.solve(heat(), on=grid, until=0.1).final
        flipped = pide.Heat(-1.0 * A, LINE, initial=heat().initial, exterior=pide.Zero())
        literal = pide.Evolution(-1.0 * A, LINE, initial=heat().initial, exterior=pide.Zero())
        assert_allclose(pide.solve(flipped, on=grid, until=0.1).final, down, atol=1e-12)
        assert_allclose(pide.solve(literal, on=grid, until=0.1).final, down, atol=1e-12)

    def test_modes_on_the_torus_decay_exactly(self):
        problem = pide.Heat(A, TORUS, initial=lambda x: 1 + np.cos(4 * math.pi * x))
        result = pide.solve(problem, on=TORUS.grid(16), until=0.02)
        expected = 1 + math.exp(-0.02 * rate(2)) * np.cos(4 * math.pi * TORUS.grid(16).coordinates[0])
        assert_allclose(result.final, expected, atol=1e-14)

    def test_exterior_data_lead_to_the_steady_state(self):
        grid = LINE.grid(64)
        problem = pide.Heat(GAUSS, LINE, initial=0.0, exterior=pide.Value(lambda x: 2.0 + x, extent=1.5))
        result = pide.solve(problem, on=grid, until=40.0)
        assert_allclose(result.final, 2.0 + grid.coordinates[0], atol=1e-5)

    def test_constant_source_balances(self):
        grid = LINE.grid(40)
        result = pide.solve(heat(source=1.0), on=grid, until=20.0)
        steady = np.linalg.solve(-result.operator.to_dense(), np.ones(40))
        assert_allclose(result.final, steady, rtol=1e-5)

    @pytest.mark.parametrize("domain", [LINE, TORUS])
    def test_source_in_time_against_a_manufactured_solution(self, domain):
        grid = domain.grid(16)
        exterior = None if domain is TORUS else pide.Zero()
        shape = grid.sample(lambda x: 2 + np.cos(2 * math.pi * x))
        drive = A.on(grid, exterior=exterior).apply(shape)

        def source(x, t):
            return math.cos(t) * shape + math.sin(t) * drive

        problem = pide.Heat(A, domain, initial=0.0, exterior=exterior, source=source)
        result = pide.solve(problem, on=grid, times=[0.5, 1.0], tol=1e-5)
        assert "ETD" in result.record.stepper
        for t, state in zip(result.times, result.states, strict=True):
            assert_allclose(state, math.sin(t) * shape, rtol=1e-5)

    def test_reaction_sees_coordinates_and_time_and_stays_inside(self):
        disc = pide.Ball(radius=1.0, dimension=2)
        grid = disc.grid(10)
        problem = pide.Evolution(
            0.0 * A, disc, initial=1.0, exterior=pide.Zero(), reaction=lambda u, x, y, t: x + 2 * t + 0 * u
        )
        result = pide.solve(problem, on=grid, until=1.0, stepper=pide.ETD(dt=0.25))
        assert_allclose(result.final, np.where(grid.inside, 2.0 + grid.coordinates[0], 0.0), atol=1e-12)

    def test_reflecting_flow_tends_to_the_mean(self):
        grid = SQUARE.grid(12, 12)
        problem = pide.Heat(A, SQUARE, initial=lambda x, y: (x > 0) * 1.0, exterior=pide.Reflecting())
        result = pide.solve(problem, on=grid, until=30.0)
        assert_allclose(result.final, 0.5, atol=1e-6)
        assert np.abs(result.mass - result.mass[0]).max() <= 1e-14 * result.mass[0]

    def test_arrays_keep_library_and_dtype(self, namespace, dtype):
        grid = LINE.grid(16)
        u = grid.sample(lambda x: np.cos(x))
        initial = namespace.asarray(np.stack([u, 2 * u]), dtype)
        result = pide.solve(heat(initial=initial, source=0.5), on=grid, times=[0.0, 0.1], tol=1e-4)
        assert type(result.states) is type(initial)
        assert str(result.states.dtype).endswith(dtype)
        assert tuple(result.states.shape) == (2, 2, 16)
        expected = pide.solve(heat(initial=u, source=0.5), on=grid, times=[0.1]).final
        assert_allclose(namespace.host(result.final)[0], expected, atol=3e-4)

    def test_gradients_reach_the_initial_data(self):
        torch = pytest.importorskip("torch")
        u = torch.ones(16, dtype=torch.float64, requires_grad=True)
        result = pide.solve(heat(initial=u), on=LINE.grid(16), times=[0.1])
        assert "gradients" in result.record.choices["stepper"]
        result.final.sum().backward()
        assert_allclose(u.grad.numpy(), result.final.detach().numpy(), atol=1e-5)


class TestChoices:
    def chosen(self, problem, grid, **kwargs):
        record = pide.solve(problem, on=grid, **({"until": 0.1} | kwargs)).record
        return record.choices["stepper"]

    def test_torus_is_exact(self):
        assert self.chosen(pide.Heat(A, TORUS, initial=1.0), TORUS.grid(8)).startswith("Exact(): Fourier modes")

    def test_mild_flow_takes_lanczos_and_stiff_flow_shift_invert(self):
        assert self.chosen(heat(), LINE.grid(32)).startswith("Lanczos(max_vectors=300): rho |t| = ")
        assert self.chosen(heat(), LINE.grid(512)).startswith(
            "ShiftInvertLanczos(pole=0.1, max_vectors=80): rho |t| = "
        )

    def test_reaction_takes_etd(self):
        problem = pide.Evolution(-1.0 * A, LINE, initial=1.0, exterior=pide.Zero(), reaction=lambda u: -u)
        assert self.chosen(problem, LINE.grid(16), tol=1e-3).startswith("ETD(dt=None): reaction")

    def test_complex_symbols_take_arnoldi(self):
        problem = pide.Evolution(pide.Multiplier(lambda k: -1j * k), TORUS, initial=lambda x: np.cos(2 * math.pi * x))
        result = pide.solve(problem, on=TORUS.grid(16), until=0.25)
        assert result.record.choices["stepper"].startswith("Arnoldi")
        assert_allclose(result.final, np.cos(2 * math.pi * (TORUS.grid(16).coordinates[0] - 0.25)), atol=1e-6)

    def test_large_fields_take_chebyshev(self):
        grid = pide.Box(((0, 1),) * 3).grid(8, 8, 8)
        L = GAUSS.on(grid, exterior=pide.Zero())
        members = np.broadcast_to(np.zeros(1), (1 << 15, 8, 8, 8))
        stepper, reason = choose(Flow(L, members), [1.0], 1e-6)
        assert isinstance(stepper, pide.Chebyshev)
        assert "would exceed 2 GiB" in reason

    @pytest.mark.parametrize(("s", "most"), [(0.5, 80), (0.75, 70)])
    def test_applies_on_the_box(self, s, most):
        grid = SQUARE.grid(128, 128, nodes="interior")
        problem = pide.Heat(pide.FractionalLaplacian(s=s), SQUARE, initial=1.0, exterior=pide.Zero())
        result = pide.solve(problem, on=grid, times=[1.0])
        reference = pide.solve(problem, on=grid, times=[1.0], stepper=pide.Chebyshev(), tol=1e-10).final
        assert result.record.applies <= most
        assert float(grid.norm(result.final - reference) / grid.norm(reference)) <= 1e-6

    @pytest.mark.slow
    @pytest.mark.parametrize(("s", "most"), [(0.5, 80), (0.75, 70)])
    def test_applies_on_the_large_box(self, s, most):
        grid = SQUARE.grid(512, 512, nodes="interior")
        problem = pide.Heat(pide.FractionalLaplacian(s=s), SQUARE, initial=1.0, exterior=pide.Zero())
        result = pide.solve(problem, on=grid, times=[1.0])
        reference = pide.solve(problem, on=grid, times=[1.0], stepper=pide.Chebyshev(), tol=1e-10).final
        assert result.record.applies <= most
        assert float(grid.norm(result.final - reference) / grid.norm(reference)) <= 1e-6

    def test_record_says_what_ran(self):
        record = pide.solve(heat(), on=LINE.grid(16), until=0.1, tol=1e-5).record
        assert record.stepper == "Lanczos(max_vectors=300)"
        assert record.applies == record.steps > 0
        assert record.error_estimate <= 1e-5
        assert {"python", "pide", "numpy", "scipy"} <= record.versions.keys()
        assert record.versions["numpy"] == np.__version__
        assert {"tol": 1e-5, "stepper": "auto", "until": 0.1}.items() <= record.settings.items()
        assert record.cpu_seconds >= 0.0
        assert record.started.endswith("+00:00")

    def test_record_warns_of_rounding(self):
        grid = LINE.grid(512)
        single = grid.sample(heat().initial, dtype=np.float32)
        assert "rounding" not in pide.solve(heat(), on=grid, times=[1.0]).record.choices
        note = pide.solve(heat(initial=single), on=grid, times=[1.0], tol=1e-5).record.choices["rounding"]
        assert note.startswith("may reach u rho |t| = ")

    @pytest.mark.parametrize("name", ["Lanczos", "Chebyshev", "ShiftInvertLanczos", "ETD"])
    def test_steppers_by_name(self, name):
        by_name = pide.solve(heat(), on=LINE.grid(16), times=[0.05], stepper=name, tol=1e-4)
        assert by_name.record.stepper.startswith(name)
        assert_allclose(by_name.final, pide.solve(heat(), on=LINE.grid(16), times=[0.05]).final, atol=1e-4)


class TestTimes:
    def test_until_alone_gives_eleven_free_times(self):
        result = pide.solve(heat(), on=LINE.grid(16), until=0.5)
        assert_allclose(result.times, np.linspace(0, 0.5, 11))
        assert "only `until` was given" in result.record.choices["times"]

    def test_until_alone_with_a_step_gives_both_ends(self):
        result = pide.solve(heat(), on=LINE.grid(16), until=0.5, stepper=pide.BackwardEuler(dt=0.25))
        assert_allclose(result.times, [0.0, 0.5])
        assert result.record.steps == 2

    def test_time_zero_alone_returns_the_data(self):
        for stepper in ("auto", "ShiftInvertLanczos", "Chebyshev", "ETD", pide.BackwardEuler(dt=0.1)):
            result = pide.solve(heat(), on=LINE.grid(16), times=[0.0], stepper=stepper)
            assert_allclose(result.final, LINE.grid(16).sample(heat().initial))

    @pytest.mark.parametrize(
        ("given", "remedy"),
        [
            ({}, r"Write until=1\.0, or times="),
            ({"until": 1.0, "times": [1.0]}, "one of the two"),
            ({"until": math.inf}, r"a finite number is needed\. Write until=1\.0"),
            ({"until": "1"}, r"a finite number is needed\. Write until=1\.0"),
            ({"times": []}, "a nonempty list of finite numbers"),
            ({"times": [0.0, math.nan]}, "a nonempty list of finite numbers"),
            ({"times": [0.2, 0.1]}, r"Write times=sorted\(set\(times\)\)"),
            ({"times": [0.1, 0.1]}, r"Write times=sorted\(set\(times\)\)"),
            ({"times": [-0.1, 0.1]}, r"Write times=sorted\(set\(times\)\)"),
        ],
    )
    def test_bad_times(self, given, remedy):
        with pytest.raises(ValueError, match=remedy):
            pide.solve(heat(), on=LINE.grid(16), **given)


class TestRefusals:
    def test_grid_of_another_domain(self):
        with pytest.raises(ValueError, match=r"the grid belongs to .*Write on=problem\.domain\.grid"):
            pide.solve(heat(), on=pide.Interval(0, 1).grid(16), until=0.1)
        with pytest.raises(TypeError, match=r"a grid or a point cloud is needed\. Write on=domain\.grid\(64\)"):
            pide.solve(heat(), on=LINE, until=0.1)

    def test_an_equal_domain_will_do(self):
        pide.solve(heat(), on=pide.Interval(-1, 1).grid(16), until=0.1)

    def test_not_a_problem(self):
        with pytest.raises(TypeError, match=r"a problem is needed\. Write Heat\(A, domain, initial="):
            pide.solve(A, on=LINE.grid(16), until=0.1)

    @pytest.mark.parametrize("tol", [0.0, -1.0, 1.0, math.nan])
    def test_tolerance(self, tol):
        with pytest.raises(ValueError, match=r"between 0 and 1 is needed\. Write tol=1e-6"):
            pide.solve(heat(), on=LINE.grid(16), until=0.1, tol=tol)

    @pytest.mark.parametrize(
        ("stepper", "error", "remedy"),
        [
            ("lanczos", ValueError, "Did you mean 'Lanczos'"),
            ("chebychev", ValueError, "Did you mean 'Chebyshev'"),
            ("shift_invert", ValueError, "Did you mean 'ShiftInvertLanczos'"),
            ("xyz", ValueError, "Choose from auto, Exact, Lanczos"),
            ("RungeKutta4", ValueError, r"needs a time step\. Write stepper=RungeKutta4\(dt=0\.01\)"),
            (pide.Lanczos, TypeError, r"is the class\. Write stepper=Lanczos\(\)"),
            (pide.BackwardEuler, TypeError, r"is the class\. Write stepper=BackwardEuler\(dt=0\.01\)"),
            (3, TypeError, r"write stepper='auto', Lanczos\(\)"),
        ],
    )
    def test_unknown_steppers(self, stepper, error, remedy):
        with pytest.raises(error, match=remedy):
            pide.solve(heat(), on=LINE.grid(16), until=0.1, stepper=stepper)

    @pytest.mark.parametrize(
        ("initial", "error", "remedy"),
        [
            (np.ones(7), ValueError, "grid.shape is"),
            (np.ones(16, dtype=int), TypeError, r"initial has dtype int64.*astype"),
            (np.full(16, np.nan), ValueError, "initial has 16 NaN or infinite values"),
            (np.ones(16, dtype=complex), TypeError, "fields are real"),
        ],
    )
    def test_bad_initial_data(self, initial, error, remedy):
        with pytest.raises(error, match=remedy):
            pide.solve(heat(initial=initial), on=LINE.grid(16), until=0.1)

    def test_data_outside_the_domain(self):
        disc = pide.Ball(radius=1.0, dimension=2)
        problem = pide.Heat(A, disc, initial=np.ones((8, 8)), exterior=pide.Zero())
        with pytest.raises(ValueError, match=r"initial is non-zero at .* nodes outside the domain"):
            pide.solve(problem, on=disc.grid(8), until=0.1)


class TestProgress:
    def test_silent_unless_asked_or_on_a_terminal(self, capsys):
        pide.solve(heat(), on=LINE.grid(16), until=0.1)
        pide.solve(heat(), on=LINE.grid(16), until=0.1, progress=False)
        assert capsys.readouterr().err == ""

    @pytest.mark.parametrize("stepper", ["Lanczos", "ShiftInvertLanczos", "Chebyshev", pide.BackwardEuler(dt=0.05)])
    def test_bar_reaches_the_end(self, capsys, stepper):
        pide.solve(heat(), on=LINE.grid(16), until=0.1, progress=True, stepper=stepper)
        shown = capsys.readouterr().err
        assert str(stepper).split("(")[0] in shown
        assert "100%" in shown

    def test_terminal_shows_the_bar(self, capsys, monkeypatch):
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
        pide.solve(heat(), on=LINE.grid(16), until=0.1)
        assert "100%" in capsys.readouterr().err

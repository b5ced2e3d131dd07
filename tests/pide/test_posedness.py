"""Backward and growing flows: solved for bounded generators, refused with the reason otherwise."""

import math

import numpy as np
import pytest
import scipy.linalg
from numpy.testing import assert_allclose

import pide
from pide.continuum.kernels import Gaussian
from pide.errors import IllPosedError

LINE = pide.Interval(-1, 1)
TORUS = pide.Torus((1.0,))
A = pide.FractionalLaplacian(s=0.75)
GAUSS = pide.NonlocalDiffusion(Gaussian(width=0.4))
BOUNDED = pide.NonlocalDiffusion(Gaussian(width=0.1), images=True)


def heat(**changes):
    data = {"initial": lambda x: np.cos(0.5 * math.pi * x), "exterior": pide.Zero()} | changes
    return pide.Heat(A, LINE, **data)


def rate(k, s=0.75):
    """Symbol of the lattice Laplacian's power at the wavenumber 2 pi k on 16 nodes of the unit torus."""
    return (4 * math.sin(math.pi * k / 16) ** 2 * 256) ** s


class TestBackward:
    @pytest.mark.parametrize("domain", [TORUS, LINE])
    def test_bounded_generators_run_back(self, domain):
        grid = domain.grid(32)
        exterior = None if domain is TORUS else pide.Zero()
        operator = BOUNDED if domain is TORUS else GAUSS
        u = grid.sample(lambda x: np.exp(np.sin(2 * math.pi * x)))
        t = 0.01 if domain is TORUS else 0.1
        forward = pide.solve(pide.Heat(operator, domain, initial=u, exterior=exterior), on=grid, times=[t], tol=1e-10)
        problem = pide.Heat(operator, domain, initial=forward.final, exterior=exterior)
        for stepper in ("auto", "Chebyshev"):
            back = pide.solve(problem, on=grid, until=-t, tol=1e-9, stepper=stepper)
            assert_allclose(back.final, u, atol=1e-8)
            assert_allclose(back.times, np.linspace(0, -t, 11))
            assert back.record.choices["amplification"].startswith("e^(|t| lambda_max) = ")

    def test_load_runs_back_too(self):
        grid = LINE.grid(32)
        exterior = pide.Value(lambda x: 1 + x**2, extent=1.0)
        u = grid.sample(lambda x: np.cos(x))
        forward = pide.solve(pide.Heat(GAUSS, LINE, initial=u, exterior=exterior), on=grid, times=[0.1], tol=1e-11)
        for stepper in ("auto", "Chebyshev"):
            problem = pide.Heat(GAUSS, LINE, initial=forward.final, exterior=exterior)
            back = pide.solve(problem, on=grid, times=[-0.05, -0.1], tol=1e-9, stepper=stepper)
            assert_allclose(back.final, u, atol=1e-8)

    def test_singular_generators_are_refused_with_the_reason(self):
        with pytest.raises(IllPosedError, match=r"infinite in the continuum.*kernel is singular.*give until > 0"):
            pide.solve(heat(), on=LINE.grid(16), until=-0.1)

    def test_amplification_beyond_tol_names_the_largest_time(self):
        problem = pide.Heat(GAUSS, LINE, initial=1.0, exterior=pide.Zero())
        with pytest.raises(IllPosedError, match=r"The largest \|t\| is \d") as refused:
            pide.solve(problem, on=LINE.grid(64), until=-100.0)
        largest = float(str(refused.value).split("largest |t| is ")[1].split(";")[0])
        pide.solve(problem, on=LINE.grid(64), until=-0.99 * largest)
        with pytest.raises(IllPosedError):
            pide.solve(problem, on=LINE.grid(64), until=-1.01 * largest)

    def test_reactions_cannot_be_reversed(self):
        problem = pide.Evolution(GAUSS, LINE, initial=1.0, exterior=pide.Zero(), reaction=lambda u: u)
        with pytest.raises(ValueError, match=r"only u_t = L u \+ b can be reversed"):
            pide.solve(problem, on=LINE.grid(16), until=-0.1)

    def test_steppers_with_a_step_run_forward_only(self):
        problem = pide.Heat(GAUSS, LINE, initial=1.0, exterior=pide.Zero())
        with pytest.raises(ValueError, match="runs forward in time only"):
            pide.solve(problem, on=LINE.grid(16), until=-0.1, stepper=pide.BackwardEuler(dt=0.1))


class TestGrowth:
    @pytest.mark.parametrize("domain", [TORUS, LINE])
    def test_singular_growth_is_refused(self, domain):
        exterior = None if domain is TORUS else pide.Zero()
        for operator in (A, A + 5.0 * GAUSS if domain is LINE else A + BOUNDED):
            with pytest.raises(IllPosedError, match=r"grows at the highest frequencies.*use Heat\(A"):
                pide.solve(
                    pide.Evolution(operator, domain, initial=1.0, exterior=exterior), on=domain.grid(16), until=0.1
                )

    def test_bounded_growth_is_solved(self):
        grid = LINE.grid(24)
        problem = pide.Evolution(-1.0 * GAUSS, LINE, initial=lambda x: np.cos(x), exterior=pide.Zero())
        result = pide.solve(problem, on=grid, until=0.1)
        u = grid.sample(lambda x: np.cos(x))
        assert_allclose(result.final, scipy.linalg.expm(0.1 * result.operator.to_dense()) @ u, rtol=1e-6)

    @pytest.mark.parametrize("stepper", ["auto", "Chebyshev"])
    def test_bounded_growth_beside_stiff_decay_is_solved(self, stepper):
        grid = LINE.grid(64)
        rhs = pide.Laplacian() - 0.5 * GAUSS
        problem = pide.Evolution(rhs, LINE, initial=lambda x: np.cos(x), exterior=pide.Zero())
        result = pide.solve(problem, on=grid, until=0.5, stepper=stepper)
        assert result.operator.definiteness == 0
        u = grid.sample(lambda x: np.cos(x))
        assert_allclose(result.final, scipy.linalg.expm(0.5 * result.operator.to_dense()) @ u, rtol=1e-5)

    def test_growth_below_a_dominant_decay_is_solved(self):
        grid = TORUS.grid(16)
        problem = pide.Evolution(
            pide.Laplacian() + 3.0 * pide.FractionalLaplacian(s=0.5), TORUS, initial=lambda x: np.cos(2 * math.pi * x)
        )
        result = pide.solve(problem, on=grid, until=0.1)
        growth = -rate(1, 1.0) + 3.0 * rate(1, 0.5)
        assert_allclose(result.final, math.exp(0.1 * growth) * grid.sample(problem.initial), atol=1e-13)

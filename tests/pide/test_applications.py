"""Applications: fronts, phases, option prices, an inverse problem, each against what is known of it."""

import math
import runpy
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import norm

import pide
from pide import kernels
from pide.continuum.advection import Advection
from pide.solvers import IMEX

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def positions(s, half, count, times):
    """Largest x with u = 1/2 in u_t = -(-Delta)^s u + u (1 - u) from a bump, at each time."""
    line = pide.Torus((2 * half,), lower=(-half,))
    diffusion = pide.Laplacian() if s == 1 else -1.0 * pide.FractionalLaplacian(s=s)
    problem = pide.Evolution(diffusion, line, initial=lambda x: np.exp(-(x**2) / 4), reaction=lambda u: u * (1 - u))
    grid = line.grid(count)
    found = []
    for u in pide.solve(problem, on=grid, times=times, tol=1e-4).states:
        k = np.flatnonzero(u >= 0.5)[-1]
        found.append(grid.axes[0][k] + (u[k] - 0.5) / (u[k] - u[k + 1]) * grid.spacing[0])
    return np.asarray(found)


@pytest.mark.parametrize(("s", "half", "count"), [(0.5, 2000.0, 2**12), (0.75, 300.0, 2**10)])
def test_fractional_fronts_accelerate_exponentially(s, half, count):
    """log x grows by 1 / (1 + 2 s) per unit of time (Cabre and Roquejoffre 2013)."""
    times = np.asarray([8.0, 9.5, 11.0])
    x = positions(s, half, count, times)
    growth = np.diff(np.log(x)) / np.diff(times)
    np.testing.assert_allclose(growth, 1 / (1 + 2 * s), rtol=0.05)
    assert np.all(np.diff(x, 2) > 0)


def test_local_fronts_move_at_the_speed_of_bramson():
    """x = 2 t - (3/2) log t + const: the speed over [t1, t2] is 2 - 1.5 log(t2 / t1) / (t2 - t1), far from e^{t/3}."""
    x = positions(1.0, 60.0, 512, [8.0, 16.0, 24.0])
    speeds = np.diff(x) / 8
    expected = [2 - 1.5 * math.log(2) / 8, 2 - 1.5 * math.log(1.5) / 8]
    np.testing.assert_allclose(speeds, expected, atol=0.04)


def test_fractional_allen_cahn_loses_free_energy_and_keeps_its_bounds():
    torus = pide.Torus((1.0, 1.0))
    grid = torus.grid(32, 32)
    start = 0.9 * np.random.default_rng(1).uniform(-1, 1, grid.shape)
    problem = pide.Evolution(-0.05 * pide.FractionalLaplacian(s=0.6), torus, initial=start, reaction=lambda u: u - u**3)
    result = pide.solve(problem, on=grid, times=np.linspace(0, 8, 17), tol=1e-5)
    wells = np.asarray([grid.inner(np.ones(grid.shape), (1 - u**2) ** 2) / 4 for u in result.states])
    free = result.dirichlet_energy + wells
    assert np.all(np.diff(free) < 0)
    assert np.abs(result.states).max() <= 1.0
    # dF/dt = -|u_t|^2, by the trapezoidal rule on a short stretch
    short = pide.solve(problem, on=grid, times=np.linspace(2.0, 2.1, 11), tol=1e-7)
    rates = np.asarray([short.operator(u) + u - u**3 for u in short.states])
    power = np.asarray([grid.inner(v, v) for v in rates])
    wells = np.asarray([grid.inner(np.ones(grid.shape), (1 - u**2) ** 2) / 4 for u in short.states])
    spent = (short.dirichlet_energy + wells)[0] - (short.dirichlet_energy + wells)[-1]
    assert spent == pytest.approx(0.01 * (power.sum() - 0.5 * (power[0] + power[-1])), rel=1e-3)


def test_local_and_nonlocal_diffusion_add():
    """On the torus e^{-(a k^2 + b |k|^{2s}) t}; on the line the tail t b c_{1,s} |x|^{-1-2s} of the jumps."""
    torus = pide.Torus((2 * np.pi,))
    model = 0.3 * pide.Laplacian() - 0.7 * pide.FractionalLaplacian(s=0.4)
    heat = pide.Heat(model, torus, initial=lambda x: np.cos(3 * x))
    result = pide.solve(heat, on=torus.grid(16), times=[0.5], scheme="fourier")
    expected = np.exp(-0.5 * (0.3 * 9 + 0.7 * 3**0.8)) * np.cos(3 * torus.grid(16).axes[0])
    np.testing.assert_allclose(result.final, expected, atol=1e-14)
    line = pide.Interval(-40, 40)
    grid = line.grid(800)
    x = grid.axes[0]
    heat = pide.Heat(
        pide.Laplacian() - 0.05 * pide.FractionalLaplacian(s=0.5), line,
        initial=lambda x: np.exp(-(x**2)) / np.sqrt(np.pi), exterior=pide.Zero(),
    )  # fmt: skip
    u = pide.solve(heat, on=grid, times=[1.0], tol=1e-9).final
    far = (x > 12) & (x < 25)
    np.testing.assert_allclose(u[far], 0.05 / (np.pi * x[far] ** 2), rtol=0.08)


SIGMA, RATE, STRIKE, MATURITY = 0.2, 0.05, 100.0, 0.5
INTENSITY, MEAN, DEVIATION = 1.0, -0.1, 0.15
GROWTH = math.exp(MEAN + DEVIATION**2 / 2) - 1
LINE = pide.Interval(-2.0, 2.0)


def poisson_series(spot):
    """Merton's formula for a put."""
    total, m = 0.0, INTENSITY * (1 + GROWTH) * MATURITY
    for k in range(40):
        r = RATE - INTENSITY * GROWTH + k * math.log(1 + GROWTH) / MATURITY
        v = math.sqrt(SIGMA**2 * MATURITY + k * DEVIATION**2)
        d = (np.log(spot / STRIKE) + r * MATURITY) / v + v / 2
        put = STRIKE * math.exp(-r * MATURITY) * norm.cdf(v - d) - spot * norm.cdf(-d)
        total = total + math.exp(-m) * m**k / math.factorial(k) * put
    return total


def payoff(x):
    return np.maximum(1 - np.exp(x), 0.0)


def merton(n, scheme="central", steps=None, initial=payoff):
    """(spot, price) of a European put by the PIDE in the log-forward price."""
    grid, outside = LINE.grid(n), pide.Value(payoff)
    rates = kernels.TwoPoint(
        lambda x, y: INTENSITY * norm.pdf(y[0] - x[0], MEAN, DEVIATION), horizon=1.15, symmetric=False
    )
    diffusion = SIGMA**2 / 2 * pide.Laplacian()
    transport = Advection(SIGMA**2 / 2 + INTENSITY * GROWTH, scheme) + pide.NonlocalDiffusion(rates)
    if steps is None:
        problem, stepper = pide.Evolution(diffusion + transport, LINE, initial=initial, exterior=outside), "auto"
    else:
        B = transport.on(grid, exterior=outside)
        problem = pide.Evolution(
            diffusion, LINE, initial=initial, exterior=outside, reaction=lambda w: B.apply(w) + B.load
        )
        stepper = IMEX(dt=MATURITY / steps)
    w = pide.solve(problem, on=grid, times=[MATURITY], stepper=stepper, tol=1e-9).final
    spot = STRIKE * np.exp(grid.axes[0] - RATE * MATURITY)
    shown = (spot > 60) & (spot < 160)
    return spot[shown], STRIKE * math.exp(-RATE * MATURITY) * w[shown]


def price_error(*args, **options):
    spot, price = merton(*args, **options)
    return np.abs(price - poisson_series(spot)).max()


def test_the_poisson_series_satisfies_put_call_parity_and_simulation():
    """The reference itself: exact terminal values, 4e5 draws, five standard errors."""
    generator = np.random.default_rng(0)
    k = generator.poisson(INTENSITY * MATURITY, 400_000)
    drift = (RATE - SIGMA**2 / 2 - INTENSITY * GROWTH) * MATURITY + MEAN * k
    end = 90 * np.exp(drift + np.sqrt(SIGMA**2 * MATURITY + DEVIATION**2 * k) * generator.standard_normal(k.size))
    values = math.exp(-RATE * MATURITY) * np.maximum(STRIKE - end, 0)
    assert abs(values.mean() - poisson_series(90.0)) < 5 * values.std() / math.sqrt(k.size)
    assert math.exp(-RATE * MATURITY) * end.mean() == pytest.approx(90, abs=5 * end.std() / math.sqrt(k.size))


def test_merton_price_converges_with_order_two_in_space():
    """The error at h = 1/128 is below 3e-3 of a price near 10, and extrapolation gains another digit."""
    errors = np.asarray([price_error(n) for n in (128, 256, 512)])
    order = np.log2(errors[:-1] / errors[1:])
    np.testing.assert_allclose(order, 2.0, atol=0.06)
    assert errors[-1] < 8e-4
    assert errors[-1] < 1.1 * errors[0] / 16


def test_merton_price_converges_with_order_two_in_time():
    """Against exact time integration on the same grid, for a payoff with its kink rounded off."""
    rounded = lambda x: 0.5 * (np.sqrt((1 - np.exp(x)) ** 2 + 0.02 * np.exp(-8 * x**2)) + 1 - np.exp(x))  # noqa: E731
    exact = merton(64, initial=rounded)[1]
    errors = [np.abs(merton(64, steps=m, initial=rounded)[1] - exact).max() for m in (4, 8, 16)]
    np.testing.assert_allclose(np.log2(np.divide(errors[:-1], errors[1:])), 2.0, atol=0.25)


def test_monotone_scheme_keeps_prices_within_their_bounds_at_order_one():
    """Upwind drift makes a generator of a jump process: 0 <= w <= 1, and the error falls like h."""
    errors = []
    for n in (128, 256):
        spot, price = merton(n, scheme="upwind")
        assert price.min() >= 0
        assert price.max() <= STRIKE
        assert np.all(np.diff(price) < 0)
        errors.append(np.abs(price - poisson_series(spot)).max())
    assert math.log2(errors[0] / errors[1]) == pytest.approx(1.0, abs=0.15)


def test_kou_price_delta_and_gamma_converge_with_order_two(tmp_path, monkeypatch):
    """The example against the Fourier integral of the characteristic function, which satisfies put-call parity."""
    monkeypatch.chdir(tmp_path)
    example = runpy.run_path(str(EXAMPLES / "plot_greeks.py"))
    errors = np.asarray(example["errors"])
    np.testing.assert_allclose(np.log2(errors[-2] / errors[-1]), 2.0, atol=0.05)
    assert np.all(errors[-1] < [2e-3, 4e-4, 4e-5])
    price, delta, gamma = example["fourier"](np.asarray([99.99, 100.0, 100.01]))
    assert (price[2] - price[0]) / 0.02 == pytest.approx(delta[1], rel=1e-6)
    assert (delta[2] - delta[0]) / 0.02 == pytest.approx(gamma[1], rel=1e-6)
    deep = example["fourier"](np.asarray([1.0]))
    assert deep[0] == pytest.approx(100 * math.exp(-0.025) - 1, rel=1e-6)


def test_order_and_width_are_recovered_from_data():
    """u_t = 0.3 L_w u - 0.2 (-Delta)^s u observed twice; exact data give the parameters, noise a misfit of its size."""
    torch = pytest.importorskip("torch")
    grid = pide.Interval(-1, 1).grid(16)
    x = grid.axes[0]
    start = torch.tensor(np.stack([1.0 * (abs(x) < 0.3), np.exp(-30 * (x - 0.4) ** 2)]))

    def observed(s, width):
        A = 0.3 * pide.NonlocalDiffusion(kernels.Gaussian(width=width)) - 0.2 * pide.FractionalLaplacian(s=s)
        heat = pide.Heat(A, grid.domain, initial=start, exterior=pide.Zero())
        return pide.solve(heat, on=grid, times=[0.05, 0.2], stepper=pide.Chebyshev(), tol=1e-9, scheme="lattice").states

    def misfit(theta, data):
        """Mean square over noise^2, with its gradient, at the logit of s and the logarithm of the width."""
        theta = torch.tensor(theta, requires_grad=True)
        loss = ((observed(torch.sigmoid(theta[0]), torch.exp(theta[1])) - data) ** 2).mean() * 1e6
        loss.backward()
        return loss.item(), theta.grad.numpy()

    def recovered(data, guess, iterations):
        found = minimize(misfit, guess, (data,), jac=True, method="BFGS", options={"maxiter": iterations})
        return 1 / (1 + math.exp(-found.x[0])), math.exp(found.x[1]), found.fun

    clean = observed(torch.tensor(0.62, dtype=torch.float64), torch.tensor(0.25, dtype=torch.float64))
    s, width, _ = recovered(clean, [0.0, math.log(0.2)], 12)
    assert (s, width) == (pytest.approx(0.62, abs=1e-4), pytest.approx(0.25, abs=1e-4))
    noise = 1e-3 * torch.randn(clean.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    s, width, loss = recovered(clean + noise, [0.4, math.log(0.24)], 4)
    assert (s, width) == (pytest.approx(0.62, abs=0.02), pytest.approx(0.25, abs=0.02))
    assert 0.7 < loss < 1.3

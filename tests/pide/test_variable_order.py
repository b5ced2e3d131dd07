"""The fractional Laplacian of variable order against one order, quadrature, and its own symmetry."""

import itertools
import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import gamma

import pide
from pide import verification
from pide.continuum.variable_order import VariableOrderLaplacian

LINE = pide.Interval(-1, 1)
EXTERIORS = [pide.Zero(), pide.Reflecting()]


def order(*x):
    return 0.45 + 0.3 * np.tanh(2 * x[0])


def by_quadrature(u, x, reflecting):
    """int c_{1,r} (u(x) - u(y)) / |x - y|^{1 + 2 r} dy in the logarithm of the distance, from 1e-7 on; s(x) <= 1/2."""

    def kernel(r, t):
        return 4**r * gamma(0.5 + r) / (math.sqrt(math.pi) * abs(gamma(-r))) * t ** (-1 - 2 * r)

    def one_side(y, t):
        if abs(y) < 1:
            return kernel((order(x) + order(y)) / 2, t) * (u(x) - u(y))
        return 0.0 if reflecting else kernel(order(x), t) * u(x)

    def integrand(logarithm):
        t = math.exp(logarithm)
        return (one_side(x + t, t) + one_side(x - t, t)) * t

    cuts = [1e-7, *sorted((1 - x, 1 + x)), *([] if reflecting else [1e40])]
    logs = np.log(cuts)
    return sum(quad(integrand, a, b - 1e-14, limit=400)[0] for a, b in itertools.pairwise(logs))


@pytest.mark.parametrize("exterior", EXTERIORS, ids=["zero", "reflecting"])
@pytest.mark.parametrize("domain", [LINE, pide.Ball(radius=1.0, dimension=2)], ids=["interval", "disc"])
def test_one_order_is_the_fractional_laplacian(domain, exterior):
    grid = domain.grid(12)
    A = VariableOrderLaplacian(lambda *x: 0.4 + 0 * x[0]).on(grid, exterior)
    B = pide.FractionalLaplacian(s=0.4).on(grid, exterior, scheme="compatible")
    np.testing.assert_allclose(A.to_dense(), B.to_dense(), rtol=0, atol=1e-13 * B.spectral_bound())


@pytest.mark.parametrize("exterior", EXTERIORS, ids=["zero", "reflecting"])
def test_convergence_to_the_integral(exterior):
    reflecting = isinstance(exterior, pide.Reflecting)
    u = (lambda x: np.sin(2 * x) + x**2) if reflecting else (lambda x: (1 - x**2) ** 4 * (2 + x))
    points = LINE.grid(9).axes[0][[1, 3, 4]]
    exact = [by_quadrature(u, float(x), reflecting) for x in points]
    errors = []
    for k in (9, 27, 81):
        grid = LINE.grid(9 * k)
        v = VariableOrderLaplacian(order).on(grid, exterior)(grid.sample(u))
        errors.append(np.abs(v[[k * i + k // 2 for i in (1, 3, 4)]] - exact).max())
    assert math.log(errors[-2] / errors[-1]) / math.log(3) > 1.9
    assert errors[-1] < 1e-4 * np.abs(exact).max()


@pytest.mark.parametrize("exterior", EXTERIORS, ids=["zero", "reflecting"])
def test_rates_are_symmetric_positive_and_claims_hold(exterior):
    grid = pide.Box(((0, 1), (0, 1))).grid(8)
    A = VariableOrderLaplacian(lambda x, y: 0.1 + 0.8 * x * y).on(grid, exterior)
    assert A.definiteness == 1
    verification.check(A, samples=3).raise_if_failed()
    dense = A.to_dense()
    np.testing.assert_array_equal(dense, dense.T)
    assert ("kills_constants" in A.claims) == isinstance(exterior, pide.Reflecting)
    error = float(next(note for note in A.notes if "relative error" in note).split()[-1])
    assert error < 1e-8


def test_tails_of_heat_are_heavier_for_smaller_orders():
    """A spike spreads with a tail c_{1,s} t / |x|^{1+2s}: heavier for the smaller order."""
    grid = pide.Interval(-8, 8).grid(321)
    tails = []
    for s in (lambda x: 0.3 + 0 * x, order, lambda x: 0.75 + 0 * x):
        heat = pide.Heat(
            VariableOrderLaplacian(s), grid.domain, initial=lambda x: 1.0 * (abs(x) < 0.1), exterior=pide.Reflecting()
        )
        result = pide.solve(heat, on=grid, times=[0.2], tol=1e-8)
        assert result.mass[0] == pytest.approx(5 * grid.cell_volume, rel=1e-9)
        tails.append(result.final[-20])
    assert tails[0] > tails[1] > tails[2] > 0


def on_line(s, exterior, count=8):
    return VariableOrderLaplacian(s).on(LINE.grid(count), exterior)


MESSAGES = [
    (lambda: VariableOrderLaplacian(0.5), TypeError, r"For one order write FractionalLaplacian\(s=0.5\)"),
    (lambda: on_line(lambda x: 1 + x, pide.Zero()), ValueError, r"at 4 nodes.*pass half of it"),
    (lambda: on_line(order, pide.Value(np.sin)), ValueError, r"Zero\(\) and Reflecting"),
    (lambda: on_line(order, pide.Zero(), 30_000), ValueError, "Take a coarser grid"),
    (
        lambda: VariableOrderLaplacian(order).on(pide.Torus((1.0,)).grid(8)),
        ValueError,
        r"on a domain other than a torus",
    ),
]


@pytest.mark.parametrize(("build", "error", "message"), MESSAGES)
def test_messages(build, error, message):
    with pytest.raises(error, match=message):
        build()

"""The solver on balls against torsion, Jacobi and Dyda functions, their derivatives, and its own residual."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.integrate import quad
from scipy.special import gamma, hyp2f1, i0

from pide.continuum.constants import sphere_area
from pide.continuum.domains import Ball, Box, Interval
from pide.continuum.exact import (
    ball_power_image,
    jacobi_multiplier,
    jacobi_radial,
    torsion_function,
    torsion_integral,
)
from pide.errors import NotConverged
from pide.solvers.zernike import zernike_solve

ENTRIES = json.loads((Path(__file__).parents[1] / "reference" / "ball.json").read_text())["entries"]
ORDERS = (0.05, 0.25, 0.5, 0.75, 0.95)


def entries(prefix):
    return [pytest.param(e, id=e["id"]) for e in ENTRIES if e["id"].startswith(prefix)]


def points(n, count=60, radius=1.0):
    rng = np.random.default_rng(n)
    x = rng.normal(size=(n, count))
    return x / np.linalg.norm(x, axis=0) * radius * rng.uniform(0, 1, count) ** (1 / n)


def unit_ball(n):
    return Ball(radius=1.0, dimension=n)


def radius_squared(x):
    return sum(c * c for c in x)


@pytest.mark.parametrize("entry", entries("ball.torsion.n"))
def test_torsion(entry):
    n, s = entry["dimension"], float(entry["parameters"]["s"])
    u = zernike_solve(1.0, s, unit_ball(n))
    along = [np.array([float(r) for r in entry["points"]]), *(np.zeros(len(entry["points"])),) * (n - 1)]
    assert_allclose(u(*along), [float(v) for v in entry["values"]], rtol=2e-14)
    assert u.residual < 1e-13


@pytest.mark.parametrize("entry", entries("ball.torsion.mean_exit"))
def test_integral_and_energy(entry):
    u = zernike_solve(lambda *x: 1.0, float(entry["parameters"]["s"]), unit_ball(entry["dimension"]))
    integral = float(entry["values"][1])
    assert_allclose([u.integral, u.energy], [integral, integral], rtol=1e-14)


@pytest.mark.parametrize("s", ORDERS)
@pytest.mark.parametrize("n", [1, 2, 3])
def test_manufactured_polynomial(n, s):
    """u = (1 - r^2)^{1+s}."""
    constant = 4**s * gamma(s + 2) * gamma(s + n / 2) / gamma(n / 2)
    u = zernike_solve(lambda *x: constant * (1 - (1 + 2 * s / n) * radius_squared(x)), s, unit_ball(n))
    x = points(n)
    assert_allclose(u(*x), (1 - radius_squared(x)) ** (1 + s), rtol=0, atol=1e-14)


@pytest.mark.parametrize("s", ORDERS)
@pytest.mark.parametrize("n", [1, 2, 3])
def test_derivatives_of_powers_have_derivatives_of_images(n, s):
    """d_1 and d_1 d_n of (1 - r^2)^{s+3}: harmonics of degree one and two, shown without the multipliers mu_{k,l}.

    The image of (1 - r^2)^{s+3} is a polynomial g(r^2) of degree three, found by interpolation.
    """
    square = np.array([0.0, 0.2, 0.5, 0.8])
    g = np.polynomial.Polynomial.fit(square, ball_power_image(np.sqrt(square), s + 3, s, n), 3).convert()
    x, p, ball = points(n), s + 3, unit_ball(n)
    rest = 1 - radius_squared(x)

    first = zernike_solve(lambda *x: 2 * x[0] * g.deriv()(radius_squared(x)), s, ball)
    assert_allclose(first(*x), -2 * p * x[0] * rest ** (p - 1), rtol=0, atol=2e-13)

    def second(*x):
        r2 = radius_squared(x)
        return 4 * x[0] * x[-1] * g.deriv(2)(r2) + (2 * g.deriv()(r2) if n == 1 else 0)

    expected = 4 * p * (p - 1) * x[0] * x[-1] * rest ** (p - 2) - (2 * p * rest ** (p - 1) if n == 1 else 0)
    assert_allclose(zernike_solve(second, s, ball)(*x), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("entry", entries("ball.jacobi"))
def test_jacobi_functions(entry):
    """f = V_l P_k gives u = (1 - r^2)^s V_l P_k / mu, mu from the reference, V_l in a tilted direction."""
    n, s = entry["dimension"], float(entry["parameters"]["s"])
    k, degree = entry["parameters"]["k"], entry["parameters"]["l"]
    mu = float(entry["values"][0])

    def solid(*x):
        if degree == 0:
            return 1.0
        if degree == 1:
            return x[0] + (2 * x[1] if n > 1 else 0)
        return x[0] * x[1] if n == 2 else x[0] * x[1] - x[2] * x[0] + x[2] ** 2 - x[1] ** 2

    def f(*x):
        return solid(*x) * jacobi_radial(np.sqrt(radius_squared(x)), k, degree, s, n)

    u, x = zernike_solve(f, s, unit_ball(n)), points(n)
    rest = (1 - radius_squared(x)) ** s
    assert_allclose(u(*x), rest * f(*x) / mu, rtol=0, atol=1e-13 * np.max(np.abs(f(*x))) / mu)
    nonzero = [(i, j) for i, c in enumerate(u.coefficients) for j in range(len(c)) if np.any(np.abs(c[j]) > 1e-12)]
    assert nonzero == [(degree, k)]


@pytest.mark.parametrize("s", [0.2, 0.45, 0.8])
@pytest.mark.parametrize("n", [1, 2, 3])
def test_value_at_the_centre_by_the_green_function(n, s):
    """u(0) = int G(0, y) e^{y_1} dy, G(0, y) = K r^{2s-n} int_0^{1/r^2 - 1} t^{s-1} (1+t)^{-n/2} dt.

    K = Gamma(n/2) / (4^s pi^{n/2} Gamma(s)^2) [Blumenthal, Getoor, Ray 1961]; the mean of e^{y_1} over spheres is
    cosh r, I_0(r), sinh(r)/r.
    """
    constant = gamma(n / 2) / (4**s * math.pi ** (n / 2) * gamma(s) ** 2) * sphere_area(n)
    mean = {1: np.cosh, 2: i0, 3: lambda r: np.sinh(r) / r}[n]

    def integrand(r):
        """r^{1-2s} times the integrand; the inner integral is T^s/s 2F1(n/2, s; s+1; -T) with T = 1/r^2 - 1."""
        T = (1 - r * r) / (r * r)
        return T**s / s * hyp2f1(n / 2, s, s + 1, -T) * mean(r)

    # r = q^{1/(2s)}: r^{2s-1} dr = dq / (2s)
    value = quad(lambda q: integrand(q ** (0.5 / s)), 0, 1, epsabs=0, epsrel=1e-11, limit=200)[0] * constant / (2 * s)
    u = zernike_solve(lambda *x: np.exp(x[0]), s, unit_ball(n))
    assert u(*(0.0,) * n) == pytest.approx(value, rel=1e-8)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_smooth_data_at_twice_the_degree(n):
    """Errors <= 1e-11 for entire f: the solution at twice the degree is the same."""
    def f(*x):
        return np.exp(sum((0.5 + i) * c for i, c in enumerate(x))) * np.cos(5 * x[0])

    x = points(n)
    for s in (0.05, 0.5, 0.95):
        u = zernike_solve(f, s, unit_ball(n))
        again = zernike_solve(f, s, unit_ball(n), degree=2 * u.degree)
        size = np.max(np.abs(again(*x)))
        assert_allclose(u(*x), again(*x), rtol=0, atol=1e-12 * size)
        assert u.error_estimate <= 1e-11 * size
        assert_allclose(u.image(*x), f(*x), rtol=0, atol=1e-12 * u.largest)


def test_high_degree():
    """Oscillating f: the degree follows the wave number, and nothing overflows."""
    u = zernike_solve(lambda x, y: np.cos(60 * x + 25 * y), 0.3, unit_ball(2))
    assert u.degree == 128
    assert u.residual < 1e-12
    again = zernike_solve(lambda x, y: np.cos(60 * x + 25 * y), 0.3, unit_ball(2), degree=300)
    x = points(2)
    assert_allclose(u(*x), again(*x), rtol=0, atol=1e-12 * np.max(np.abs(u(*x))))


@pytest.mark.parametrize("n", [1, 2, 3])
def test_rotations_translations_and_scaling(n):
    """u on c + R B of f((x - c)/R) is R^{2s} u((x - c)/R); rotated data rotate the solution."""
    s, radius = 0.6, 2.5
    centre = np.array([0.7, -1.3, 2.0])[:n]
    shifted = Ball(radius=radius, dimension=n, centre=tuple(centre))

    def f(*y):
        return np.exp(y[0]) * (1 + y[-1] ** 2)

    unit = zernike_solve(f, s, unit_ball(n))
    moved = zernike_solve(lambda *x: f(*((c - c0) / radius for c, c0 in zip(x, centre, strict=True))), s, shifted)
    y = points(n)
    assert_allclose(moved(*(radius * y + centre[:, None])), radius ** (2 * s) * unit(*y), rtol=0, atol=1e-12)
    assert_allclose(moved.energy, radius ** (2 * s + n) * unit.energy, rtol=1e-13)
    assert_allclose(moved.integral, radius ** (2 * s + n) * unit.integral, rtol=1e-13)
    Q = np.linalg.qr(np.random.default_rng(n).normal(size=(n, n)))[0]
    turned = zernike_solve(lambda *x: f(*np.einsum("ij,j...->i...", Q, np.stack(x))), s, unit_ball(n))
    assert_allclose(turned(*y), unit(*(Q @ y)), rtol=0, atol=1e-12)


def test_integral_and_energy_by_symmetry():
    """int u = int f times torsion and <u, f> for f = 1 + x: cross terms vanish."""
    s, disc = 0.4, unit_ball(2)
    u, one = zernike_solve(lambda x, y: 1 + x, s, disc), zernike_solve(1.0, s, disc)
    linear = zernike_solve(lambda x, y: x, s, disc)
    assert_allclose(u.integral, torsion_integral(disc, s), rtol=1e-14)
    assert linear.integral == 0.0
    assert_allclose(u.energy, one.energy + linear.energy, rtol=1e-13)


def test_interval_is_a_ball():
    u = zernike_solve(lambda x: np.exp(x), 0.3, Interval(1.0, 3.0))
    v = zernike_solve(lambda x: np.exp(x + 2), 0.3, unit_ball(1))
    x = np.linspace(-1.5, 1.5, 31)
    assert_allclose(u(x + 2), v(x), rtol=0, atol=1e-13)
    assert np.all(v(x[np.abs(x) > 1]) == 0)
    assert u(2.0).shape == ()
    assert u(np.ones((2, 3))).shape == (2, 3)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_comparison_bounds_the_error(n):
    """|u - u_L| <= torsion * max |f - f_L|: the estimate covers the error of a truncated expansion."""
    def f(*x):
        return 1 / (1.2 + x[0])

    s, x = 0.5, points(n, 400)
    truth = zernike_solve(f, s, unit_ball(n), tol=1e-10)
    for degree in (6, 12):
        u = zernike_solve(f, s, unit_ball(n), degree=degree)
        error = np.abs(u(*x) - truth(*x)) / torsion_function(unit_ball(n), s)(*x)
        assert np.max(error) <= 2 * u.residual * u.largest
        assert 1e-3 * u.error_estimate <= np.max(np.abs(u(*x) - truth(*x))) <= u.error_estimate


def test_the_tail_follows_geometric_decay():
    """f = 1/(3/2 - x) continues to the ellipse rho = 3/2 + (5/4)^{1/2}: coefficients fall by rho per degree."""
    rho = 1.5 + math.sqrt(1.25)
    tails = [zernike_solve(lambda x: 1 / (1.5 - x), 0.5, unit_ball(1), degree=d).tail for d in (8, 15, 23)]
    rates = np.diff(np.log(tails)) / np.array([7, 8])
    assert_allclose(rates, -math.log(rho), rtol=0.1)


def test_multipliers_grow_like_the_symbol():
    """mu_{k,l} ~ (2k + l)^{2s}: the symbol at the wave number of the polynomial."""
    k = np.array([200, 400])
    assert_allclose(np.diff(np.log(jacobi_multiplier(k, 3, 0.7, 2))) / math.log(2), 1.4, rtol=1e-2)


@pytest.mark.parametrize(
    ("call", "error", "remedy"),
    [
        (lambda: zernike_solve(1.0, 0.5, Box(((-1, 1), (-1, 1)))), TypeError, "solve on a grid"),
        (lambda: zernike_solve(1.0, 1.5, unit_ball(2)), ValueError, "pass s=alpha/2"),
        (lambda: zernike_solve(1.0, np.array(0.5), unit_ball(2)), TypeError, r"Pass s=float\(s\)"),
        (lambda: zernike_solve(lambda x: 1j * x, 0.5, unit_ball(1)), TypeError, "real function"),
        (lambda: zernike_solve(np.ones((4, 4)), 0.5, unit_ball(2)), ValueError, "write a function, not an array"),
        (lambda: zernike_solve(lambda x: np.nan * x, 0.5, unit_ball(1)), ValueError, "NaN or infinite"),
        (lambda: zernike_solve(1.0, 0.5, unit_ball(1), degree=2.5), ValueError, "Write degree=32"),
        (lambda: zernike_solve(lambda x: np.abs(x), 0.5, unit_ball(1)), NotConverged, "Give a larger tol, or degree="),
        (lambda: zernike_solve(1.0, 0.5, unit_ball(2))(0.5), TypeError, r"solution\(\*grid.coordinates\)"),
    ],
)
def test_refusals_name_the_remedy(call, error, remedy):
    with pytest.raises(error, match=remedy):
        call()


def test_zero_and_nan_outside():
    u = zernike_solve(0.0, 0.5, unit_ball(2))
    assert u(0.1, 0.2) == 0.0
    assert (u.integral, u.energy, u.residual, u.tail) == (0.0, 0.0, 0.0, 0.0)
    assert np.isnan(u.image(2.0, 0.0))
    assert zernike_solve(1.0, 0.5, unit_ball(2)).image(0.6, 0.8) == pytest.approx(1.0)

"""Closed forms against ball-arithmetic values, and against integrals and limits that do not use them."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.integrate import dblquad, quad

from pide.continuum.constants import fractional_constant
from pide.continuum.domains import Ball, Box, Interval
from pide.continuum.domains_ellipsoid import Ellipsoid
from pide.continuum.exact import (
    algebraic_image,
    ball_power_image,
    gaussian_image,
    heat_kernel,
    jacobi_multiplier,
    jacobi_radial,
    torsion_function,
    torsion_integral,
    torsion_maximum,
)

REFERENCE = Path(__file__).parents[1] / "reference"


def entries(topic, prefix):
    every = json.loads((REFERENCE / f"{topic}.json").read_text())["entries"]
    return [pytest.param(e, id=e["id"]) for e in every if e["id"].startswith(prefix)]


def parameters(entry):
    return {name: float(Fraction(value)) for name, value in entry["parameters"].items()}


def floats(strings):
    return np.array([float(text) for text in strings])


def relative_to_largest(values, entry, tolerance):
    expected = floats(entry["values"])
    assert_allclose(values, expected, rtol=0, atol=tolerance * np.max(np.abs(expected)))


@pytest.mark.parametrize("entry", entries("ball", "ball.torsion.n"))
def test_torsion_of_balls(entry):
    n = entry["dimension"]
    u = torsion_function(Ball(radius=1.0, dimension=n), parameters(entry)["s"])
    along = (floats(entry["points"]), *(np.zeros(len(entry["points"])) for _ in range(n - 1)))
    relative_to_largest(u(*along), entry, 2e-15)


@pytest.mark.parametrize("entry", entries("ball", "ball.torsion.mean_exit"))
def test_torsion_functionals(entry):
    ball, s = Ball(radius=1.0, dimension=entry["dimension"]), parameters(entry)["s"]
    maximum, integral = floats(entry["values"])[:2]
    assert_allclose([torsion_maximum(ball, s), torsion_integral(ball, s)], [maximum, integral], rtol=4e-15)


@pytest.mark.parametrize("entry", entries("ball", "ball.dyda"))
def test_powers_of_the_ball(entry):
    p = parameters(entry)
    values = ball_power_image(floats(entry["points"]), p["p"], p["s"], entry["dimension"])
    relative_to_largest(values, entry, 4e-15)


@pytest.mark.parametrize("entry", entries("ball", "ball.jacobi"))
def test_jacobi_relations(entry):
    p, n = parameters(entry), entry["dimension"]
    k, degree = int(p["k"]), int(p["l"])
    mu, *polynomial = floats(entry["values"])
    assert_allclose(jacobi_multiplier(k, degree, p["s"], n), mu, rtol=4e-15)
    radii = floats(entry["points"][1:])
    assert_allclose(jacobi_radial(radii, k, degree, p["s"], n), polynomial, rtol=0, atol=2e-15 * (k + 1) ** 3)


@pytest.mark.parametrize("entry", entries("whole_space", "rn.gauss"))
def test_gaussians(entry):
    s = parameters(entry)["s"]
    relative_to_largest(gaussian_image(floats(entry["points"]), s, entry["dimension"]), entry, 4e-15)


@pytest.mark.parametrize("entry", entries("whole_space", "rn.alg"))
def test_algebraic_decay(entry):
    p = parameters(entry)
    relative_to_largest(algebraic_image(floats(entry["points"]), p["a"], p["s"], entry["dimension"]), entry, 4e-15)


@pytest.mark.parametrize("entry", [*entries("heat", "heat.poisson"), *entries("heat", "heat.stable")])
def test_heat_kernels(entry):
    p = parameters(entry)
    values = heat_kernel(floats(entry["points"]), p["t"], p["s"], entry["dimension"])
    assert_allclose(values, floats(entry["values"]), rtol=1e-12)


@pytest.mark.parametrize("s", [0.3, 0.7])
@pytest.mark.parametrize("domain", [Ellipsoid((3.0, 1.0)), Ellipsoid((0.4, 2.0)), Ellipsoid((1.0, 2.0, 0.5))], ids=repr)
def test_torsion_of_ellipsoids_by_the_integral_at_the_centre(domain, s):
    """(-Delta)^s u(0) = c int_S int_0^inf (u(0) - u(rho theta)) rho^{-1-2s} drho dtheta, integrated directly."""
    u, peak = torsion_function(domain, s), torsion_maximum(domain, s)

    def scaled_power(v):
        """(u(0) - u(x)) / v on the first axis, at x_1 = a_1 v^{1/2}; the ray to any boundary point looks the same."""
        first = (domain.semiaxes[0] * math.sqrt(v), *(0.0,) * (domain.dimension - 1))
        return (peak - float(u(*first))) / v if v > 1e-12 else s * peak

    # rho = reach v^{1/2}: reach^{-2s} (int_0^1 (u(0) - u) v^{-1-s} dv / 2 + u(0) / (2s))
    ray = quad(scaled_power, 0, 1, weight="alg", wvar=(-s, 0), epsabs=1e-11)[0] / 2 + peak / (2 * s)

    def reach_power(*theta):
        return sum((c / a) ** 2 for c, a in zip(theta, domain.semiaxes, strict=True)) ** s

    if domain.dimension == 2:
        rays = quad(lambda p: reach_power(math.cos(p), math.sin(p)), 0, 2 * math.pi, epsabs=1e-11, limit=200)[0]
    else:
        rays = dblquad(
            lambda z, p: reach_power(math.sqrt(1 - z * z) * math.cos(p), math.sqrt(1 - z * z) * math.sin(p), z),
            0, 2 * math.pi, -1, 1, epsabs=1e-9,
        )[0]  # fmt: skip
    assert fractional_constant(domain.dimension, s) * ray * rays == pytest.approx(1.0, rel=1e-7)


def test_torsion_scales_and_shifts():
    u, v = torsion_function(Interval(1.0, 5.0), 0.4), torsion_function(Ball(radius=1.0, dimension=1), 0.4)
    x = np.linspace(-1.2, 1.2, 20)
    assert_allclose(u(3 + 2 * x), 4**0.4 * v(x), rtol=1e-14)
    ball, ellipsoid = Ball(radius=2.0, dimension=3), Ellipsoid((2.0, 2.0, 2.0 * (1 + 1e-9)))
    assert torsion_integral(ellipsoid, 0.6) == pytest.approx(torsion_integral(ball, 0.6), rel=1e-8)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_powers_above_the_torsion_have_polynomial_images(n):
    """p = 1 + s: 4^s Gamma(s+2) Gamma(s+n/2) / Gamma(n/2) (1 - (1 + 2 s/n) r^2)."""
    s, r = 0.35, np.linspace(0, 1, 11)
    constant = 4**s * math.gamma(s + 2) * math.gamma(s + n / 2) / math.gamma(n / 2)
    assert_allclose(ball_power_image(r, 1 + s, s, n), constant * (1 - (1 + 2 * s / n) * r**2), rtol=0, atol=1e-13)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_exterior_image_is_a_plain_integral(n):
    """Outside, (-Delta)^s u = -c int u(y) |x - y|^{-n-2s} dy has no singularity; far away it is a point mass."""
    s, p, far = 0.6, 2.0, 1e4
    mass = math.pi ** (n / 2) * math.gamma(p + 1) / math.gamma(p + 1 + n / 2)
    point_mass = -fractional_constant(n, s) * mass * far ** (-n - 2 * s)
    assert_allclose(ball_power_image(far, p, s, n), point_mass, rtol=1e-6)
    if n == 1:
        value = quad(lambda y: (1 - y * y) ** p * abs(1.5 - y) ** (-1 - 2 * s), -1, 1)[0]
        assert_allclose(ball_power_image(1.5, p, s, 1), -fractional_constant(1, s) * value, rtol=1e-10)


def test_gaussian_images_scale_and_reach_the_laplacian():
    r = np.linspace(0, 3, 7)
    assert_allclose(gaussian_image(r, 0.4, 2, width=2.0), 4**-0.4 * gaussian_image(r / 2, 0.4, 2), rtol=1e-14)
    assert_allclose(gaussian_image(r, 1.0, 3), (6 - 4 * r**2) * np.exp(-(r**2)), rtol=0, atol=1e-13)
    assert_allclose(gaussian_image(r, 0.0, 3), np.exp(-(r**2)), rtol=1e-13)


@pytest.mark.parametrize(("s", "r"), [(0.2, 1.0), (0.45, 2.0), (0.75, 1.5), (1.0, 0.7)])
def test_heat_kernels_by_the_fourier_integral(s, r):
    """n = 1: (1/pi) int_0^inf cos(k r) e^{-t k^{2s}} dk."""
    t = 0.8
    integral = quad(lambda k: math.exp(-t * k ** (2 * s)), 0, np.inf, weight="cos", wvar=r, limlst=400, limit=400)[0]
    assert heat_kernel(r, t, s, 1) == pytest.approx(integral / math.pi, rel=1e-6)


def test_heat_kernels_have_unit_mass_at_all_times():
    for t in (0.3, 2.0):
        mass = quad(lambda r, t=t: 4 * math.pi * r**2 * heat_kernel(r, t, 0.5, 3), 0, np.inf)[0]
        assert mass == pytest.approx(1.0, rel=1e-7)


@pytest.mark.parametrize("s", [0.3, 0.4, 0.8])
def test_heat_kernels_at_the_origin(s):
    """n = 2: (1/2 pi) int_0^inf k e^{-t k^{2s}} dk."""
    t = 1.7
    integral = quad(lambda k: k * math.exp(-t * k ** (2 * s)), 0, np.inf, limit=400)[0] / (2 * math.pi)
    assert heat_kernel(0.0, t, s, 2) == pytest.approx(integral, rel=1e-7)


@pytest.mark.parametrize(
    ("call", "remedy"),
    [
        (lambda: torsion_function(Box(((-1, 1), (-1, 1))), 0.5), "solve Stationary"),
        (lambda: torsion_maximum(Interval(-1, 1), 1.5), "pass s=alpha/2"),
        (lambda: ball_power_image(0.5, -1.5, 0.5, 1), "p > -1"),
        (lambda: gaussian_image(0.5, -0.5, 1), "needs s > -n/2"),
        (lambda: heat_kernel(0.5, 1.0, 1.2, 1), "0 < s <= 1"),
        (lambda: heat_kernel(30.0, 1.0, 0.75, 1), "take smaller r"),
        (lambda: heat_kernel([1.0, 0.01], 1.0, 0.4, 1), "at 1 of 2 points"),
    ],
)
def test_refusals_name_the_remedy(call, remedy):
    with pytest.raises((ValueError, TypeError), match=remedy):
        call()

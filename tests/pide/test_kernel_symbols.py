"""Symbols of kernels: reference values, independent quadrature, closed forms, limits and scaling."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import hyp2f1, j0

from pide import kernels
from pide.continuum.constants import fractional_constant, sphere_area
from pide.continuum.kernels.spherical import deficit, power_deficit, power_integral, power_rule

ENTRIES = json.loads((Path(__file__).parents[1] / "reference" / "kernels.json").read_text())["entries"]
SYMBOLS = [e for e in ENTRIES if e["id"].startswith("nl.symbol")]
DIMENSIONS = (1, 2, 3)
COSINE_MEAN = {1: np.cos, 2: j0, 3: lambda t: np.sinc(t / np.pi)}
ORDERS = (0.01, 0.25, 0.45, 0.5, 0.5 + 1e-9, 0.62, 0.75, 0.99)


def reference_kernel(entry):
    delta, kind = float(entry["parameters"]["delta"]), entry["parameters"]["kernel"]
    if kind == "truncated fractional":
        return kernels.TruncatedFractional(float(entry["parameters"]["s"]), delta, normalise="laplacian")
    return {"constant": kernels.Constant, "linear": kernels.Linear, "gaussian": kernels.Gaussian}[kind](delta)


@pytest.mark.parametrize("entry", SYMBOLS, ids=lambda e: e["id"])
def test_reference_symbols(entry):
    k = np.asarray([float(v) for v in entry["points"]])
    symbol = reference_kernel(entry).symbol(k, entry["dimension"])
    np.testing.assert_allclose(-symbol, [float(v) for v in entry["values"]], rtol=2e-14)


def composite(f, lower, upper, panels):
    """Gauss-Legendre with 20 nodes on equal panels."""
    x, w = np.polynomial.legendre.leggauss(20)
    edges = np.linspace(lower, upper, panels + 1)
    half = np.diff(edges)[:, None] / 2
    return float(np.sum(half * w * f(edges[:-1, None] + half * (1 + x))))


def direct_symbol(profile, k, n, end, singularity=0.0):
    """int gamma (cos k.z - 1) dz by r = end t^q with q so large that the integrand is C^3 at 0."""
    q = math.ceil(4 / (n + 2 - singularity))

    def integrand(t):
        r = end * t**q
        x = k * r
        taylor = x**2 / (2 * n) * (1 - x**2 / (4 * (n + 2)) * (1 - x**2 / (6 * (n + 4)) * (1 - x**2 / (8 * (n + 6)))))
        one_minus = np.where(x < 0.03, taylor, 1 - COSINE_MEAN[n](x))
        return r ** (n - 1) * profile(r) * one_minus * end * q * t ** (q - 1)

    return -sphere_area(n) * composite(integrand, 0.0, 1.0, 400)


@pytest.mark.parametrize("n", DIMENSIONS)
@pytest.mark.parametrize("k", [0.7, 6.0, 31.0, 33.0, 200.0])
def test_symbols_against_direct_quadrature(k, n):
    """k delta on both sides of every switch of formula (1.5 and 10), to the accuracy of the direct rule."""
    delta = 0.31
    checked = [
        (kernels.Constant(delta, None), lambda r: np.ones_like(r), 0.0),
        (kernels.Linear(delta, None), lambda r: 1 - r / delta, 0.0),
        (kernels.PowerLaw(n - 0.3, delta), lambda r: r ** -(n - 0.3), n - 0.3),
        (kernels.PowerLaw(float(n), delta), lambda r: r ** -float(n), float(n)),
        (kernels.PowerLaw(n + 1.4, delta), lambda r: r ** -(n + 1.4), n + 1.4),
    ]
    for kernel, profile, a in checked:
        expected = direct_symbol(profile, k, n, delta, a)
        assert kernel.symbol(k, n) == pytest.approx(expected, rel=1e-10), repr(kernel)


@pytest.mark.parametrize("n", DIMENSIONS)
@pytest.mark.parametrize("k", [0.7, 6.0, 40.0])
def test_symbols_of_decaying_kernels_against_direct_quadrature(k, n):
    checked = [
        (kernels.Gaussian(0.3, None), lambda r: np.exp(-((r / 0.3) ** 2)), 2.0),
        (kernels.Exponential(0.1, None), lambda r: np.exp(-r / 0.1), 4.0),
    ]
    for kernel, profile, end in checked:
        assert kernel.symbol(k, n) == pytest.approx(direct_symbol(profile, k, n, end), rel=1e-11), repr(kernel)


def test_linear_kernel_closed_form():
    x = np.asarray([0.4, 3.0, 25.0])
    kernel = kernels.Linear(0.2, normalise="mass")
    np.testing.assert_allclose(kernel.symbol(x / 0.2, 1), 2 * (1 - np.cos(x)) / x**2 - 1, rtol=1e-13)


def test_fractional_symbol_is_minus_the_power():
    k = np.asarray([0.0, 0.5, 3.0])
    for n in DIMENSIONS:
        np.testing.assert_allclose(kernels.Fractional(0.3).symbol(k, n), -(k**0.6), rtol=1e-14)
        same = kernels.PowerLaw(n + 0.6).symbol(k, n) * fractional_constant(n, 0.3)
        np.testing.assert_allclose(same, -(k**0.6), rtol=1e-13)


@pytest.mark.parametrize("s", ORDERS)
@pytest.mark.parametrize("n", DIMENSIONS)
def test_long_horizons_give_the_fractional_laplacian(n, s):
    """symbol = -k^{2s} + tail mass beyond delta - an oscillation, which (kd)^{-(n+1)/2} bounds from kd on."""
    delta, k = 1.0, 5e3
    kernel = kernels.TruncatedFractional(s, delta)
    tail = float(kernels.Fractional(s).tail_mass(delta, n))
    remainder = float(kernel.symbol(k, n)) + k ** (2 * s) - tail
    assert abs(remainder) <= 2 * s * tail * k ** (-(n + 1) / 2) + 4e-14 * k ** (2 * s)


@pytest.mark.parametrize("s", ORDERS)
def test_tempered_symbol_closed_forms(s):
    """n = 1, 2, 3: Gamma(-a) (Re z^a - 1), 2F1 and Gamma(-a) (Im z^{1+a} / ((1+a) q) - 1), away from 2s = 1."""
    q = np.asarray([0.8, 1.2, 9.0, 4e3])
    rate, a = 3.0, 2 * s
    means = {
        1: ((1 + 1j * q) ** a).real - 1,
        2: hyp2f1(-a / 2, (1 - a) / 2, 1, -(q**2)) - 1,
        3: ((1 + 1j * q) ** (1 + a)).imag / ((1 + a) * q) - 1,
    }
    if abs(a - 1) < 1e-3:
        means = {1: (q * np.arctan(q) - np.log1p(q**2) / 2)}
        factor = {1: -2 / math.pi * rate}
        tolerance = 1e-7
    else:
        factor = {n: fractional_constant(n, s) * sphere_area(n) * math.gamma(-a) * rate**a for n in DIMENSIONS}
        tolerance = 1e-12 / min(1, abs(a - 1), a)
    for n, mean in means.items():
        expected = factor[n] * mean
        np.testing.assert_allclose(kernels.Tempered(s, rate).symbol(rate * q, n), expected, rtol=tolerance)


@pytest.mark.parametrize("n", DIMENSIONS)
@pytest.mark.parametrize("s", [0.2, 0.5, 0.8])
def test_tempered_symbol_against_direct_quadrature(s, n):
    kernel = kernels.Tempered(s, 3.0)

    def profile(r):
        return fractional_constant(n, s) * np.exp(-3 * r) * r ** (-n - 2 * s)

    for k in (0.7, 5.0, 40.0):
        expected = direct_symbol(profile, k, n, 12.0, n + 2 * s)
        assert kernel.symbol(k, n) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("s", [0.2, 0.5, 0.8])
@pytest.mark.parametrize("n", DIMENSIONS)
def test_weak_tempering_gives_the_fractional_laplacian(n, s):
    k = 2.0
    gaps = np.asarray([float(kernels.Tempered(s, k * q).symbol(k, n)) / k ** (2 * s) + 1 for q in (1e-6, 1e-8)])
    assert np.all(gaps > 0)
    assert gaps[0] < 1e-4 ** min(1, 2 * s)
    assert gaps[1] < gaps[0] / 30 ** min(1, 2 * s)


NORMALISED = {
    "Constant": lambda d: kernels.Constant(d),
    "Linear": lambda d: kernels.Linear(d),
    "Gaussian": lambda d: kernels.Gaussian(d),
    "Exponential": lambda d: kernels.Exponential(d),
    "PowerLaw": lambda d: kernels.PowerLaw(1.7, d, normalise="laplacian"),
    "TruncatedFractional": lambda d: kernels.TruncatedFractional(0.7, d, normalise="laplacian"),
    "Tempered": lambda d: kernels.Tempered(0.7, 1 / d, normalise="laplacian"),
    "Radial": lambda d: kernels.Radial(lambda r: np.exp(-r / d), d, normalise="laplacian"),
}
by_name = st.sampled_from(sorted(NORMALISED))


@given(by_name, st.sampled_from(DIMENSIONS), st.floats(1e-9, 1e-4), st.floats(0.1, 50.0))
def test_short_kernels_give_the_laplacian(name, n, x, k):
    """symbol -> -k^2 as k delta -> 0; the relative gap is O(x^2), so only rounding is left where x^2 < 1e-16."""
    symbol = float(NORMALISED[name](x / k).symbol(k, n))
    assert symbol == pytest.approx(-(k**2), rel=30 * x**2 + 4e-14)


@given(by_name, st.sampled_from(DIMENSIONS), st.floats(0.01, 60.0), st.floats(0.05, 5.0))
def test_scaling_and_bounds(name, n, x, delta):
    """gamma_delta(r) = delta^{-n-2} gamma_1(r / delta), so symbol_delta(x / delta) = symbol_1(x) / delta^2;
    -min(2 mass, k^2 second moment / 2) <= symbol < 0."""
    kernel = NORMALISED[name](delta)
    symbol, unit = (float(NORMALISED[name](d).symbol(x / d, n)) for d in (delta, 1.0))
    assert symbol * delta**2 == pytest.approx(unit, rel=1e-12)
    k = x / delta
    bound = min(2 * float(kernel.mass(n)), k**2 * float(kernel.second_moment(n)) / 2)
    assert -bound * (1 + 1e-13) <= symbol < 0


def test_symbol_of_any_shape_and_of_zero():
    for build in NORMALISED.values():
        k = np.asarray([[0.0, 3.0], [3.0, 0.5]])
        symbol = build(0.3).symbol(k, 2)
        assert symbol.shape == (2, 2)
        assert symbol[0, 0] == 0
        assert symbol[0, 1] == symbol[1, 0] == build(0.3).symbol(3.0, 2)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
def test_deficit_is_continuous_and_exact_at_zero(n):
    assert deficit(np.asarray(0.0), n) == pytest.approx(1 / (2 * n), rel=1e-15)
    low, high = deficit(np.asarray([1.5 * (1 - 1e-15), 1.5]), n)
    assert low == pytest.approx(high, rel=4e-15)


@given(st.floats(0, 2), st.sampled_from(DIMENSIONS), st.sampled_from([1.5, 10.0]))
def test_power_deficit_is_continuous_across_its_formulas(order, n, switch):
    values = power_deficit(switch * np.asarray([1 - 1e-14, 1 + 1e-14]), n + order * 0.99, n)
    assert values[0] == pytest.approx(values[1], rel=1e-13)


def test_power_rules():
    """int_0^1 r^p r^q dr = 1/(p+q+1) and the logarithm at p = -1."""
    for p in (-0.99, -0.5, 0.0, 1.7):
        r, w = power_rule(16, p)
        np.testing.assert_allclose([w @ r**q for q in range(16)], [1 / (p + q + 1) for q in range(16)], rtol=1e-12)
    lower, upper = np.asarray(0.25), np.asarray(2.0)
    assert power_integral(-1.0, lower, upper) == pytest.approx(math.log(8), rel=1e-15)
    assert power_integral(2.0, lower, upper) == pytest.approx((8 - 1 / 64) / 3, rel=1e-15)

"""Kernels: values, moments, normalisation, comparison and refused input."""

import copy
import json
import math
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import quad

from pide import kernels
from pide.continuum.constants import fractional_constant, sphere_area

ENTRIES = json.loads((Path(__file__).parents[1] / "reference" / "kernels.json").read_text())["entries"]
POLYNOMIALS = [e for e in ENTRIES if e["id"].startswith("nl.poly")]

BOUNDED = [
    kernels.Constant(horizon=0.3),
    kernels.Linear(horizon=0.3),
    kernels.Gaussian(width=0.2),
    kernels.Exponential(length=0.1),
    kernels.PowerLaw(exponent=0.5, horizon=0.3),
    kernels.Radial(lambda r: 1 + np.cos(7 * r), horizon=0.4),
]
SINGULAR = [
    kernels.TruncatedFractional(s=0.3, horizon=0.4),
    kernels.TruncatedFractional(s=0.8, horizon=0.4, normalise="laplacian"),
    kernels.Tempered(s=0.4, rate=3.0),
    kernels.PowerLaw(exponent=2.5, horizon=0.3),
]
FRACTIONAL = [kernels.Fractional(s=0.25), kernels.Fractional(s=0.75), kernels.PowerLaw(exponent=2.5)]
DIMENSIONS = (1, 2, 3)


def named(kernel):
    return f"{type(kernel).__name__}-{kernel.normalise}"


def cases(selection):
    """(kernel, n) for which the kernel defines an operator; r^-2.5 without horizon does so for n = 1, 2."""
    pairs = [(k, n) for k in selection for n in DIMENSIONS if not (k == FRACTIONAL[-1] and n == 3)]
    return pytest.mark.parametrize(("kernel", "n"), pairs, ids=lambda v: v if isinstance(v, int) else named(v))


def radial_integral(kernel, n, power, lower, upper):
    """|S^{n-1}| int r^{n-1+power} gamma(r) dr by adaptive quadrature in log r, with the library's values only."""
    upper = min(upper, kernel.horizon, 60.0)

    def density(v):
        return math.exp((n + power) * v) * float(kernel(math.exp(v) * (1 - 1e-15), n))

    return sphere_area(n) * quad(density, math.log(lower), math.log(upper), epsabs=0, epsrel=1e-11, limit=400)[0]


@cases(BOUNDED)
def test_mass_against_quadrature(kernel, n):
    assert kernel.mass(n) == pytest.approx(radial_integral(kernel, n, 0, 1e-30, math.inf), rel=1e-9)
    assert kernel.integrable(n)


@cases(SINGULAR)
def test_second_moment_against_quadrature(kernel, n):
    expected = radial_integral(kernel, n, 2, 1e-40, math.inf) / n
    assert kernel.second_moment(n) == pytest.approx(expected, rel=1e-9)


@cases(BOUNDED)
def test_second_moment_of_bounded_kernels(kernel, n):
    expected = radial_integral(kernel, n, 2, 1e-14, math.inf) / n
    assert kernel.second_moment(n) == pytest.approx(expected, rel=1e-9)


@cases(BOUNDED + SINGULAR)
def test_tails_against_quadrature(kernel, n):
    radii = np.asarray([[0.02, 0.1], [0.25, 0.29]])
    expected = [[radial_integral(kernel, n, 0, r, math.inf) for r in row] for row in radii]
    np.testing.assert_allclose(kernel.tail_mass(radii, n), expected, rtol=1e-9)


@cases(FRACTIONAL)
def test_power_tails(kernel, n):
    """int over the shell R < |z| < 3 R is the difference of two tails."""
    shell = radial_integral(kernel, n, 0, 0.2, 0.6)
    assert kernel.tail_mass(0.2, n) - kernel.tail_mass(0.6, n) == pytest.approx(shell, rel=1e-9)
    assert kernel.tail_mass(1e6, n) < 1e-2 * kernel.tail_mass(0.2, n)


@cases(BOUNDED + SINGULAR + FRACTIONAL)
def test_tail_at_radius_zero_is_the_mass(kernel, n):
    assert kernel.tail_mass(0.0, n) == pytest.approx(kernel.mass(n), rel=1e-13)
    assert kernel.integrable(n) == math.isfinite(kernel.mass(n))
    if math.isfinite(kernel.horizon):
        assert kernel.tail_mass(np.asarray([kernel.horizon, 2.0]), n) == pytest.approx([0, 0], abs=1e-14)


@pytest.mark.parametrize("entry", POLYNOMIALS, ids=lambda e: e["id"])
def test_reference_moments(entry):
    """int gamma |z|^2 = 2n and int gamma |z|^4 = M4 of the reference, for the default normalisation."""
    delta, n = float(entry["parameters"]["delta"]), entry["dimension"]
    kernel = {
        "constant": kernels.Constant(delta),
        "linear": kernels.Linear(delta),
        "gaussian": kernels.Gaussian(delta),
    }[entry["parameters"]["kernel"]]
    assert kernel.second_moment(n) == pytest.approx(2, rel=1e-14)
    assert radial_integral(kernel, n, 2, 1e-14, math.inf) == pytest.approx(2 * n, rel=1e-9)
    assert radial_integral(kernel, n, 4, 1e-14, math.inf) == pytest.approx(float(entry["values"][0]), rel=1e-9)
    x = 1e-2 / delta
    fourth = float(entry["values"][0]) * 3 / (n * (n + 2)) / 24
    assert -float(kernel.symbol(x, n)) / x**2 - 1 == pytest.approx(-fourth * x**2, rel=1e-4)


@pytest.mark.parametrize("n", DIMENSIONS)
def test_laplacian_normalisation_is_the_default_of_bounded_kernels(n):
    for kernel in BOUNDED[:4]:
        assert kernel.normalise == "laplacian"
        assert "normalise='laplacian'" in repr(kernel)
        assert kernel.second_moment(n) == pytest.approx(2, rel=1e-14)
    for kernel in BOUNDED[4:] + FRACTIONAL:
        assert kernel.normalise is None
        assert "normalise=None" in repr(kernel)


@pytest.mark.parametrize("n", DIMENSIONS)
@pytest.mark.parametrize(
    "build",
    [
        lambda m: kernels.Constant(0.2, normalise=m),
        lambda m: kernels.Linear(0.2, normalise=m),
        lambda m: kernels.Gaussian(0.2, normalise=m),
        lambda m: kernels.Exponential(0.2, normalise=m),
        lambda m: kernels.PowerLaw(0.5, 0.2, normalise=m),
        lambda m: kernels.Radial(lambda r: np.exp(-r), 0.2, normalise=m),
    ],
)
def test_mass_normalisation_and_scale(build, n):
    kernel, plain = build("mass"), build(None)
    assert kernel.mass(n) == pytest.approx(1, rel=1e-14)
    r = np.asarray([0.03, 0.19])
    np.testing.assert_allclose(kernel(r, n), plain(r, n) / plain.mass(n), rtol=1e-13)
    assert kernel.symbol(1e3, n) == pytest.approx(-1, abs=0.1)


@pytest.mark.parametrize("n", DIMENSIONS)
def test_profiles_as_written(n):
    r = np.asarray([0.05, 0.17])
    written = [
        (kernels.Constant(0.2, normalise=None), np.ones(2)),
        (kernels.Linear(0.2, normalise=None), 1 - r / 0.2),
        (kernels.Gaussian(0.2, normalise=None), np.exp(-((r / 0.2) ** 2))),
        (kernels.Exponential(0.2, normalise=None), np.exp(-r / 0.2)),
        (kernels.PowerLaw(1.5, 0.2), r**-1.5),
        (kernels.Fractional(0.3), fractional_constant(n, 0.3) * r ** (-n - 0.6)),
        (kernels.TruncatedFractional(0.3, 0.2), fractional_constant(n, 0.3) * r ** (-n - 0.6)),
        (kernels.Tempered(0.3, 2.0), fractional_constant(n, 0.3) * np.exp(-2 * r) * r ** (-n - 0.6)),
        (kernels.Radial(np.cos, 0.2), np.cos(r)),
    ]
    for kernel, expected in written:
        np.testing.assert_allclose(kernel(r, n), expected, rtol=1e-14, err_msg=repr(kernel))
        np.testing.assert_allclose(kernel.profile(r, n), expected, rtol=1e-14, err_msg=repr(kernel))


@cases(BOUNDED + SINGULAR + FRACTIONAL)
def test_cutoff_singularity_and_regular_part(kernel, n):
    a = kernel.singularity(n)
    r = np.asarray([1e-3, 0.05, 0.2])
    np.testing.assert_allclose(kernel.regular_part(r, n) * r**-a, kernel.profile(r, n), rtol=1e-13)
    at_zero = kernel.regular_part(np.asarray([0.0, 1e-9]), n)
    assert at_zero[0] == pytest.approx(at_zero[1], rel=1e-7)
    assert np.isinf(kernel(0.0, n)) == (a > 0)
    if math.isfinite(kernel.horizon):
        np.testing.assert_array_equal(kernel(np.asarray([kernel.horizon, 3.0]), n), 0)
    assert kernel.length(n) > 0


@cases(BOUNDED + SINGULAR + FRACTIONAL)
def test_namespaces_and_dtypes(kernel, n, namespace, dtype):
    r = [0.05, 0.1, 0.25]
    if isinstance(kernel, kernels.Radial):
        kernel = kernels.Radial(lambda r: 1 / (1 + r), 0.4)
    for method in ("__call__", "profile", "regular_part", "tail_mass", "symbol"):
        expected = getattr(kernel, method)(np.asarray(r), n)
        values = getattr(kernel, method)(namespace.asarray(r, dtype), n)
        assert str(values.dtype).endswith(dtype)
        np.testing.assert_allclose(namespace.host(values), expected, rtol=2e3 * np.finfo(dtype).eps)


def test_equality_and_hash_are_by_value():
    for kernel in BOUNDED + SINGULAR + FRACTIONAL:
        twin = copy.copy(kernel)
        assert twin is not kernel
        assert twin == kernel
        assert hash(twin) == hash(kernel)
    distinct = [kernels.Constant(0.2), kernels.Constant(0.3), kernels.Constant(0.2, None), kernels.Linear(0.2)]
    assert len(set(distinct)) == 4
    assert kernels.Gaussian(1) == kernels.Gaussian(1.0)
    assert kernels.Gaussian(1) != "Gaussian"


def test_sign_of_radial_kernels_is_sampled():
    assert kernels.Radial(lambda r: r, 0.5).nonnegative
    assert not kernels.Radial(lambda r: np.cos(9 * r), 0.5).nonnegative
    assert kernels.Gaussian(0.1).nonnegative


REFUSED = [
    (lambda: kernels.Fractional(1.5), r"Fractional\(s=1.5\): .* needs 0 < s < 1. .* pass s=alpha/2"),
    (lambda: kernels.Tempered(0.0, 1.0), r"Tempered\(s=0\): .* needs 0 < s < 1"),
    (lambda: kernels.TruncatedFractional(1.0, 0.1), r"TruncatedFractional\(s=1\): .* needs 0 < s < 1"),
    (lambda: kernels.Constant(0.0), r"horizon > 0"),
    (lambda: kernels.Linear(-1.0), r"horizon > 0"),
    (lambda: kernels.Constant(math.inf), r"finite horizon. Write Constant\(..., horizon=0.1\)"),
    (lambda: kernels.Gaussian(0.0), r"Gaussian\(width=0\): needs width > 0, finite. Write Gaussian\(width=0.1\)"),
    (lambda: kernels.Exponential(-2.0), r"needs length > 0, finite"),
    (lambda: kernels.Tempered(0.5, math.nan), r"needs rate > 0, finite"),
    (lambda: kernels.Gaussian(0.1, normalise="max"), r"unknown. Choose None .* 'laplacian' .* or 'mass'"),
    (lambda: kernels.Fractional(0.5, "laplacian"), r"second moment is infinite.* finite horizon, or normalise=None"),
    (lambda: kernels.PowerLaw(1.5, normalise="laplacian"), r"second moment is infinite.* finite horizon, or norm"),
    (lambda: kernels.Fractional(0.5, normalise="mass"), r"not integrable.* Write normalise=None\."),
    (lambda: kernels.Tempered(0.5, 1.0, normalise="mass"), r"not integrable.* normalise=None or 'laplacian'"),
    (lambda: kernels.TruncatedFractional(0.5, 1.0, "mass"), r"not integrable.* normalise=None or 'laplacian'"),
    (lambda: kernels.PowerLaw(1.5, 0.2, "mass").mass(1), r"not integrable in dimension 1.* normalise=None or 'lap"),
    (lambda: kernels.PowerLaw(3.0, 0.2).mass(1), r"exponent < n \+ 2 = 3 in dimension 1.* smaller exponent"),
    (lambda: kernels.PowerLaw(1.0).symbol(1.0, 1), r"exponent > n = 1 in dimension 1.* Give a horizon"),
    (lambda: kernels.PowerLaw(-1.0, 0.2), r"needs a >= 0"),
    (lambda: kernels.Gaussian(0.1).mass(4), r"dimension=4. Kernels are defined in dimensions 1, 2 and 3"),
]


@pytest.mark.parametrize(("build", "message"), REFUSED)
def test_refused_input_says_what_to_write(build, message):
    with pytest.raises(ValueError, match=message):
        build()

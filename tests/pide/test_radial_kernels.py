"""Radial kernels of a given function against the kernels whose moments are known in closed form."""

import math

import numpy as np
import pytest

from pide import kernels
from pide.continuum.constants import fractional_constant
from pide.continuum.kernels.panels import adaptive_panels, panel_rule, refine_panels, tail_integrals

DIMENSIONS = (1, 2, 3)


def twins(n):
    """(given by a function, known in closed form)."""
    c = fractional_constant(n, 0.75)
    return [
        (kernels.Radial(lambda r: np.exp(-((r / 0.1) ** 2)), math.inf), kernels.Gaussian(0.1, None)),
        (kernels.Radial(lambda r: np.exp(-r / 0.1), math.inf), kernels.Exponential(0.1, None)),
        (kernels.Radial(lambda r: 1 - r / 0.3, 0.3, normalise="laplacian"), kernels.Linear(0.3)),
        (kernels.Radial(lambda r: np.maximum(0, 1 - r / 0.3), 0.5, normalise="mass"), kernels.Linear(0.3, "mass")),
        (kernels.Radial(lambda r: 1.0 * (r < 0.3), 1.0, normalise="laplacian"), kernels.Constant(0.3)),
        (kernels.Radial(lambda r: r**-0.5, 0.3, 0.5), kernels.PowerLaw(0.5, 0.3)),
        (kernels.Radial(lambda r: c * r ** (-n - 1.5), 0.3, n + 1.5), kernels.TruncatedFractional(0.75, 0.3)),
        (
            kernels.Radial(lambda r: np.exp(-3 * r) * r ** (-n - 0.5), math.inf, n + 0.5, normalise="laplacian"),
            kernels.Tempered(0.25, 3.0, normalise="laplacian"),
        ),
    ]


@pytest.mark.parametrize("n", DIMENSIONS)
@pytest.mark.parametrize("index", range(8))
def test_moments_tails_and_symbols(index, n):
    kernel, known = twins(n)[index]
    k = np.asarray([0.0, 1e-4, 0.1, 1, 7, 40, 300.0])
    radii = np.asarray([1e-5, 0.01, 0.1, 0.29])
    np.testing.assert_allclose(kernel.symbol(k, n), known.symbol(k, n), rtol=1e-12)
    np.testing.assert_allclose(kernel.tail_mass(radii, n), known.tail_mass(radii, n), rtol=1e-12)
    assert kernel.second_moment(n) == pytest.approx(known.second_moment(n), rel=1e-12)
    assert kernel.integrable(n) == known.integrable(n)
    if known.integrable(n):
        assert kernel.mass(n) == pytest.approx(known.mass(n), rel=1e-12)
    else:
        assert math.isinf(kernel.mass(n))


@pytest.mark.parametrize("n", DIMENSIONS)
def test_length_follows_the_function(n):
    smooth = kernels.Radial(lambda r: np.exp(-r), 1.0)
    narrow = kernels.Radial(lambda r: np.exp(-((r - 0.5) ** 2) / 1e-3) + 0.1, 1.0)
    assert smooth.length(n) >= 0.25
    assert narrow.length(n) <= 0.04


def test_value_at_zero_is_the_limit():
    kernel = kernels.Radial(lambda r: np.cos(r) / r**1.5, 0.5, singularity=1.5)
    assert kernel.regular_part(np.asarray(0.0), 1) == pytest.approx(1, rel=1e-11)


def test_refined_panels_integrate_oscillations():
    edges = adaptive_panels(lambda r: np.exp(-r), (0.5,), 2.0)
    r, w = panel_rule(refine_panels(edges, 200.0), 0.5)
    fine = np.linspace(0, math.sqrt(2.0), 2_000_001)
    reference = np.trapezoid(2 * fine**2 * np.exp(-(fine**2)) * np.cos(200 * fine**2), fine)
    assert w @ (np.exp(-r) * np.cos(200 * r)) == pytest.approx(reference, abs=1e-9)


def test_tail_integrals_of_a_pole():
    edges = np.asarray([0.0, 0.5, 1.0])
    radii = np.asarray([1e-12, 1e-3, 0.5, 0.7, 1.0])
    expected = [1e12 - 1, 999.0, 1.0, 1 / 0.7 - 1, 0.0]
    np.testing.assert_allclose(tail_integrals(lambda r: r**-2.0, edges, radii), expected, rtol=1e-13, atol=1e-15)


def test_a_vanishing_moment_does_not_refine_without_end():
    """int_0^1/2 r^3 (1 - 2.5 r) dr = 0: the tolerance of the panels is relative to the integral of |f|."""
    kernel = kernels.Radial(lambda r: 1 - 2.5000000000000004 * r, horizon=0.5)
    assert kernel.mass(2) == pytest.approx(2 * math.pi / 48, rel=1e-13)
    assert abs(kernel.second_moment(2)) < 1e-16
    # int r (cos-average - 1) over the plane is a function of k with leading term k^4: J_0(x) - 1 = -x^2/4 + x^4/64 ...
    fourth = 2 * math.pi / 64 * (1 / 6 * 0.5**6 - 2.5 / 7 * 0.5**7)
    assert kernel.symbol(np.asarray([0.1]), 2)[0] == pytest.approx(fourth * 1e-4, rel=1e-4)


def test_noise_is_refused_before_memory_runs_out():
    kernel = kernels.Radial(lambda r: 2 + np.sin(1e13 * r), horizon=0.5)
    with pytest.raises(ValueError, match=r"more than 16384 panels.* Give a piecewise smooth f"):
        kernel.mass(1)


REFUSED = [
    (lambda: kernels.Radial(lambda r: 1.0, 0.5), r"f returned shape \(\) for radii of shape \(400,\)"),
    (lambda: kernels.Radial(lambda r: np.where(r > 0.4, np.nan, r), 0.5), r"not finite at r = 0.40?\d*.*singularity=a"),
    (lambda: kernels.Radial(lambda r: 1 / r, 0.5), r"more singular than stated. Write singularity=1\."),
    (lambda: kernels.Radial(lambda r: r**-3.5, 0.5, singularity=3.0), r"r\^-0.5 as r -> 0.*Write singularity=3.5\."),
    (
        lambda: kernels.Radial(lambda r: r**-3.5, 0.5, singularity=3.5).mass(1),
        r"singularity < n \+ 2 = 3 in dimension 1",
    ),
    (lambda: kernels.Radial(np.cos, 0.5, singularity=-1.0), r"needs a >= 0"),
    (lambda: kernels.Radial(np.cos, 0.0), r"horizon > 0"),
    (lambda: kernels.Radial(lambda r: (1 + r) ** -1.5, math.inf).mass(1), r"does not decay .* Give a finite horizon"),
    (lambda: kernels.Radial(lambda r: r**-1.0, 0.5, 1.0, "mass").mass(1), r"not integrable.* or 'laplacian'"),
    (lambda: kernels.Radial(lambda r: -np.cos(r), 0.5, 0.0, "mass").mass(1), r"is -0.9588.* Write normalise=None"),
    (lambda: kernels.Radial(np.cos, 0.5).symbol(1e9, 1), r"limit is 100000.*kernel with a closed form"),
]


@pytest.mark.parametrize(("build", "message"), REFUSED)
def test_refused_input_says_what_to_write(build, message):
    with pytest.raises(ValueError, match=message):
        build()


def test_a_number_is_not_a_function():
    with pytest.raises(TypeError, match=r"needs a function of the distance. Write lambda r"):
        kernels.Radial(1.0, 0.5)

"""Lattice powers: against the Fourier integral, finite grids, marginals, and the continuum tail."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.integrate import quad
from scipy.special import ive

from pide.continuum.constants import fractional_constant
from pide.quadrature.lattice import _uniform_bessel, lattice_weights

ORDERS = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
CELLS = [(1.0, 1.0), (0.7, 0.4), (1.0, 1.0, 1.0), (0.5, 0.9, 0.6)]


def symbol(s, spacing, frequencies):
    """(sum_a 4 sin^2(xi_a / 2) / h_a^2)^s on the product of the frequencies."""
    parts = np.meshgrid(
        *[4 * np.sin(xi / 2) ** 2 / h**2 for xi, h in zip(frequencies, spacing, strict=True)], indexing="ij"
    )
    return sum(parts) ** s


def periodic_weights(s, spacing, points):
    """-(inverse FFT of the symbol): weights summed over all images of period `points`."""
    frequencies = [2 * np.pi * np.fft.fftfreq(points)] * len(spacing)
    return -np.fft.ifftn(symbol(s, spacing, frequencies)).real


@pytest.mark.parametrize("s", ORDERS)
def test_one_dimension_against_the_fourier_integral(s):
    weights = lattice_weights(s, (1.0,), (9,))
    for k in (1, 2, 9):
        integral = quad(lambda xi: (2 * math.sin(xi / 2)) ** (2 * s), 0, math.pi, weight="cos", wvar=k, epsabs=1e-14)
        assert_allclose(weights.octant[k], -integral[0] / math.pi, rtol=1e-9, atol=1e-13)
    mean = quad(lambda xi: (2 * math.sin(xi / 2)) ** (2 * s), 0, math.pi, epsabs=1e-14)[0] / math.pi
    assert_allclose(weights.rate, mean, rtol=1e-10)


@pytest.mark.parametrize("s", ORDERS)
def test_one_dimension_far_out(s):
    """Beyond the recurrence: beta_k = c_{1,s} k^{-1-2s} (1 + O(k^-2)), and no jump where the formula changes."""
    octant = lattice_weights(s, (1.0,), (1_000_000,)).octant
    k = np.array([10_000, 1_000_000])
    assert_allclose(octant[k] * k ** (1 + 2 * s), fractional_constant(1, s), rtol=2e-8)
    k = np.arange(100, 160)
    assert_allclose(octant[k + 1] / octant[k], (k - s) / (k + 1 + s), rtol=5e-14)


@pytest.mark.parametrize("spacing", CELLS)
@pytest.mark.parametrize("s", [0.05, 0.5, 0.95])
def test_against_two_finite_grids(s, spacing):
    """A grid of N points sums all images; their sum falls as N^(-n-2s), so two grids remove its leading term."""
    n = len(spacing)
    N = 512 if n == 2 else 64
    few, many = periodic_weights(s, spacing, N), periodic_weights(s, spacing, 2 * N)
    inner = (slice(6),) * n
    limit = many[inner] + (many[inner] - few[inner]) / (2 ** (n + 2 * s) - 1)
    weights = lattice_weights(s, spacing, (8,) * n)
    listed = weights.octant[inner].copy()
    listed[(0,) * n] = -weights.rate
    assert_allclose(listed, limit, rtol=0, atol=(3e-11 if n == 2 else 1e-6) * weights.rate)


@pytest.mark.parametrize("s", ORDERS)
def test_rate_is_the_sum_of_all_weights(s):
    """Beyond offset R the weights are those of c_{n,s} r^{-n-2s}, whose sum is the integral outside the box."""
    R = 300
    weights = lattice_weights(s, (1.0, 1.0), (R, R))
    multiplicity = np.multiply.outer(*[np.where(np.arange(R + 1) > 0, 2.0, 1.0)] * 2)
    angular = quad(lambda phi: math.cos(phi) ** (2 * s), 0, math.pi / 4, epsabs=1e-14)[0]
    beyond = 8 * angular * fractional_constant(2, s) * (R + 0.5) ** (-2 * s) / (2 * s)
    assert_allclose(np.sum(multiplicity * weights.octant) + beyond, weights.rate, rtol=2e-7)


@pytest.mark.parametrize("s", [0.25, 0.75])
def test_sum_over_an_axis_is_the_lattice_of_one_dimension_less(s):
    """At xi_2 = 0 the symbol in two dimensions is the symbol in one."""
    R = 2000
    octant = lattice_weights(s, (1.0, 1.0), (4, R)).octant
    beyond = 2 * fractional_constant(2, s) * (R + 0.5) ** (-1 - 2 * s) / (1 + 2 * s)
    marginal = octant[:, 0] + 2 * np.sum(octant[:, 1:], axis=1) + beyond
    assert_allclose(marginal[1:], lattice_weights(s, (1.0,), (4,)).octant[1:], rtol=1e-8)


def test_bessel_expansion_meets_scipy():
    x = np.geomspace(3e6, 9e7, 5)[:, None]
    k = np.array([0.0, 3.0, 100.0, 2000.0])
    assert_allclose(_uniform_bessel(k, x), ive(k, x), rtol=2e-13)


@pytest.mark.parametrize("s", ORDERS)
def test_positive_and_symmetric_bit_for_bit(s):
    plane = lattice_weights(s, (0.3, 0.3), (30, 20)).octant
    space = lattice_weights(s, (0.3, 0.2, 0.3), (9, 5, 9)).octant
    cube = lattice_weights(s, (0.3,) * 3, (7,) * 3).octant
    for octant in (plane, space, cube):
        assert octant.flat[0] == 0
        assert np.all(octant.ravel()[1:] > 0)
    assert np.array_equal(plane[:21, :21], plane[:21, :21].T)
    assert np.array_equal(space, space.transpose(2, 1, 0))
    assert np.array_equal(cube, cube.transpose(1, 2, 0))
    assert np.array_equal(cube, cube.transpose(1, 0, 2))


@pytest.mark.parametrize("spacing", [(0.5,), (0.5, 0.25), (0.5, 0.25, 0.3)])
def test_scaling_and_limit_of_order_one(spacing):
    """beta(h) h^{2s} does not depend on h; near s = 1 the weights are those of the local Laplacian."""
    reach = (4,) * len(spacing)
    for s in (0.3, 0.99):
        fine = lattice_weights(s, tuple(h / 8 for h in spacing), reach).octant
        assert_allclose(fine, 8 ** (2 * s) * lattice_weights(s, spacing, reach).octant, rtol=1e-12)
    local = lattice_weights(1 - 1e-9, spacing, reach)
    assert_allclose(local.rate, 2 * sum(h**-2 for h in spacing), rtol=1e-7)
    assert_allclose(local.octant[(1,) + (0,) * (len(spacing) - 1)], spacing[0] ** -2, rtol=1e-7)


@pytest.mark.parametrize("spacing", [(0.5,), (0.5, 0.25), (0.5, 0.25, 0.3)])
def test_gradient_in_the_order(spacing):
    torch = pytest.importorskip("torch")
    reach = (200,) if len(spacing) == 1 else (4,) * len(spacing)

    def total(s):
        weights = lattice_weights(s, spacing, reach)
        return (weights.octant * weights.octant).sum() + weights.rate

    s = torch.tensor(0.4, dtype=torch.float64, requires_grad=True)
    total(s).backward()
    assert_allclose(s.detach().numpy(), 0.4)
    d = 1e-3
    difference = (8 * (total(0.4 + d) - total(0.4 - d)) - total(0.4 + 2 * d) + total(0.4 - 2 * d)) / (12 * d)
    assert_allclose(s.grad.item(), difference, rtol=1e-9)
    octant = lattice_weights(s, spacing, reach).octant.detach().numpy()
    assert_allclose(octant, lattice_weights(0.4, spacing, reach).octant, rtol=1e-13)


@pytest.mark.parametrize(
    ("arguments", "remedy"),
    [
        ((1.5, (0.1,), (4,)), r"pass s=alpha/2"),
        ((0.5, (0.1, 0.1), (4,)), "one reach per axis"),
        ((0.5, (0.1, -0.1), (4, 4)), "positive finite spacings"),
        ((0.5, (0.1,), (0,)), r"Write reach=\(1, ...\)"),
    ],
)
def test_refused(arguments, remedy):
    with pytest.raises(ValueError, match=remedy):
        lattice_weights(*arguments)

"""The fractional Laplacian on grids against closed forms of it: observed orders over families of grids.

Errors are node-wise, root mean square, relative to the exact image; lattices are shifted off every symmetry. A family
of three grids gives two orders, and their distance bounds what the finest one may miss of the limit.
"""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

import pide
from pide.continuum.exact import algebraic_image, ball_power_image, gaussian_image

COUNTS = {1: (40, 80, 160), 2: (24, 48, 96), 3: (12, 24, 48)}
"""Nodes per diameter of the ball."""

SHIFT = (0.3, 0.17, 0.41)


def shifted_grid(ball, h):
    return ball.grid(spacing=h, origin=tuple(c * h for c in SHIFT[: ball.dimension]))


def radius(grid):
    return np.sqrt(sum(c * c for c in grid.coordinates))


def relative_error(grid, image, exact):
    difference, exact = (image - exact)[grid.inside], exact[grid.inside]
    return float(np.linalg.norm(difference) / np.linalg.norm(exact))


def observed_orders(errors):
    return np.log2(np.array(errors[:-1]) / np.array(errors[1:]))


def assert_order(errors, order, slack=0.02):
    """The last order is `order`, up to its distance from the one before and what further terms of the error add."""
    orders = observed_orders(errors)
    assert abs(orders[-1] - order) <= 1.5 * abs(orders[-1] - orders[-2]) + slack, f"errors {errors}, orders {orders}"
    assert abs(orders[-1] - order) < 0.15, f"errors {errors}, orders {orders}"


def error_of(scheme, s, domain, h, profile, image, exterior=None):
    grid = shifted_grid(domain, h)
    r = radius(grid)
    A = pide.FractionalLaplacian(s).on(grid, exterior=exterior or pide.Zero(), scheme=scheme)
    computed = A(grid.sample(profile(r)))
    return relative_error(grid, computed if A.load is None else computed + A.load, image(r))


@pytest.mark.parametrize("s", [0.05, 0.5, 0.75, 0.95])
@pytest.mark.parametrize(("n", "scheme"), [(1, "lattice"), (1, "compatible"), (2, "lattice"), (2, "compatible"),
                                           (3, "lattice")])  # fmt: skip
def test_powers_of_the_ball(n, scheme, s):
    """(1 - r^2)^6_+ has five continuous derivatives across the boundary; nothing is truncated. Order 2.

    The errors of the lattice power expand in h^2, those of the compatible weights in h^2 and h^{4-2s}.
    """
    ball = pide.Ball(radius=1.0, dimension=n)
    errors = [
        error_of(scheme, s, ball, 2 / count, lambda r: np.maximum(1 - r**2, 0) ** 6,
                 lambda r: ball_power_image(r, 6, s, n))
        for count in COUNTS[n]
    ]  # fmt: skip
    assert_order(errors, 2.0, slack=0.02 if scheme == "lattice" else 0.1)


@pytest.mark.parametrize("s", [0.25, 0.75])
@pytest.mark.parametrize("n", [1, 2, 3])
def test_gaussians_that_vanish_at_the_boundary(n, s):
    """e^{-r^2} in the ball of radius 5, zero outside: the truncation is e^{-25} = 1.4e-11 of the maximum. Order 2."""
    ball = pide.Ball(radius=5.0, dimension=n)
    errors = [
        error_of("lattice", s, ball, 8 / count, lambda r: np.exp(-(r**2)), lambda r: gaussian_image(r, s, n))
        for count in COUNTS[n]
    ]
    assert_order(errors, 2.0)


@pytest.mark.parametrize("s", [0.25, 0.75])
@pytest.mark.parametrize("n", [1, 2])
def test_gaussians_as_exterior_data(n, s):
    """e^{-r^2} in the unit ball with Value(e^{-r^2}) outside, cut at distance 5 where it is below 1e-15. Order 2."""
    ball = pide.Ball(radius=1.0, dimension=n)
    data = pide.Value(lambda *x: np.exp(-sum(c * c for c in x)), extent=5.0)
    errors = [
        error_of("lattice", s, ball, 2 / count, lambda r: np.exp(-(r**2)), lambda r: gaussian_image(r, s, n), data)
        for count in (20, 40, 80)
    ]
    assert_order(errors, 2.0)


def test_algebraic_tails_leave_their_truncation():
    """(1 + r^2)^{-1}, n = 1, s = 1/2, data cut at distance R: what is missing at 0 is -c int_{|y|>R} y^{-4} dy.

    c = 1/pi, so 2/(3 pi R^3) to leading order; it halves three times per doubling of R, once h no longer matters.
    """
    interval, s = pide.Interval(-1, 1), 0.5
    missing = []
    for extent in (4.0, 8.0):
        data = pide.Value(lambda x: 1 / (1 + x**2), extent=extent)
        grid = interval.grid(4001)
        A = pide.FractionalLaplacian(s).on(grid, exterior=data, scheme="lattice")
        x = grid.axes[0]
        middle = grid.size // 2
        u = grid.sample(1 / (1 + x**2))
        missing.append((A(u) + A.load)[middle] - algebraic_image(x[middle], 1.0, s, 1))
    R = np.array([5.0, 9.0])
    leading = 2 / (3 * np.pi * R**3)
    assert_allclose(missing, leading - 2 / (5 * np.pi * R**5), rtol=2e-2)


@pytest.mark.parametrize("s", [0.05, 0.4, 0.95])
def test_leading_error_of_the_lattice(s):
    """n = 1: (2 sin(k h/2) / h)^{2s} = |k|^{2s} (1 - s (k h)^2 / 12 + ...): the error is -s h^2/12 (-Delta)^{s+1} u."""
    ball = pide.Ball(radius=6.0, dimension=1)
    ratios = []
    for h in (0.1, 0.05):
        grid = shifted_grid(ball, h)
        r = radius(grid)
        A = pide.FractionalLaplacian(s).on(grid, exterior=pide.Zero(), scheme="lattice")
        error = A(grid.sample(np.exp(-(r**2)))) - gaussian_image(r, s, 1)
        leading = -s * h**2 / 12 * gaussian_image(r, s + 1, 1)
        ratios.append(np.linalg.norm((error - leading)[grid.inside]) / np.linalg.norm(leading[grid.inside]))
    assert ratios[0] < 0.02
    assert ratios[1] < 0.3 * ratios[0]


@pytest.mark.parametrize("n", [1, 2, 3])
def test_smoothness_limits_the_order(n):
    """(1 - r^2)^s_+ is not smooth at the boundary: the plain scheme has an error that does not fall there."""
    ball, s = pide.Ball(radius=1.0, dimension=n), 0.5
    worst = []
    for count in COUNTS[n][:2]:
        grid = shifted_grid(ball, 2 / count)
        A = pide.FractionalLaplacian(s).on(grid, exterior=pide.Zero(), scheme="lattice")
        image = A(grid.sample(np.maximum(1 - radius(grid) ** 2, 0) ** s))
        exact = ball_power_image(0.0, s, s, n)
        worst.append(np.max(np.abs(image - exact)[grid.inside]) / exact)
    assert min(worst) > 0.1

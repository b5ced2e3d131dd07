"""Steady fractional problems on grids against solutions that no grid has made: observed orders over families of grids.

In balls the truth is the expansion in the Jacobi-Zernike basis, for sources that are not constant; in ellipsoids it is
the torsion function; with exterior data, a Gaussian. Errors are relative in the l2 norm of the grid; lattices are
shifted off every symmetry.
"""

from __future__ import annotations

import numpy as np
import pytest

import pide
from pide.continuum.exact import gaussian_image, torsion_function
from pide.solvers.zernike import zernike_solve

SHIFT = (0.3, 0.17, 0.41)

COUNTS = {1: (128, 256, 512), 2: (32, 64, 128, 256), 3: (12, 24, 36)}
"""Nodes per diameter."""

REACHED = {
    1: {0.25: 1.1e-4, 0.5: 1.5e-5, 0.75: 5.3e-6, 0.9: 4.6e-6},
    2: {0.25: 5.6e-5, 0.5: 3.3e-5, 0.75: 2.2e-5, 0.9: 1.8e-5},
    3: {0.25: 7.7e-4, 0.5: 8.6e-4, 0.75: 8.7e-4, 0.9: 8.9e-4},
}
"""Errors measured on the finest grid, n -> s -> error; a test allows a third more."""


def unit_ball(n):
    return pide.Ball(radius=1.0, dimension=n)


def source(*x):
    """Without symmetry, and of either sign."""
    return np.exp(x[0]) * np.cos(2 * x[-1] + 0.3)


def error_of(domain, s, f, exact, h, scheme="auto", exterior=None):
    grid = domain.grid(spacing=h, origin=tuple(c * h for c in SHIFT[: domain.dimension]))
    problem = pide.Stationary(pide.FractionalLaplacian(s), domain, source=f, exterior=exterior)
    u, truth = pide.solve(problem, on=grid, scheme=scheme, tol=1e-9).final, grid.sample(exact)
    return float(grid.norm(u - truth) / grid.norm(truth))


def mean_order(counts, errors):
    """Slope of log error against log h by least squares."""
    return -np.polyfit(np.log(counts), np.log(errors), 1)[0]


@pytest.mark.parametrize("s", [0.25, 0.5, 0.75, 0.9])
@pytest.mark.parametrize("n", [1, 2, 3])
def test_sources_that_vary_in_balls(n, s):
    """Boundary correction, u ~ d^s at the boundary: order at least 1 + s/2."""
    ball, counts = unit_ball(n), COUNTS[n]
    truth = zernike_solve(source, s, ball)
    errors = [error_of(ball, s, source, truth, 2 / count) for count in counts]
    assert mean_order(counts, errors) >= 1 + s / 2, f"errors {errors}"
    assert errors[-1] <= 4 / 3 * REACHED[n][s]


@pytest.mark.parametrize("s", [0.25, 0.5, 0.75, 0.9])
def test_one_dimension_has_order_one_plus_s(s):
    """Measured 1.25, 1.55, 1.92, 1.97, steady over the family: 1 + s, and 2 where that is nearer."""
    ball, counts = unit_ball(1), (128, 256, 512, 1024)
    truth = zernike_solve(source, s, ball)
    errors = [error_of(ball, s, source, truth, 2 / count) for count in counts]
    orders = np.log2(np.array(errors[:-1]) / np.array(errors[1:]))
    assert np.max(orders) - np.min(orders) < 0.1
    assert 1 + s - 0.02 <= orders[-1] <= 2.05


@pytest.mark.parametrize(("n", "s"), [(1, 0.25), (1, 0.75), (2, 0.25), (2, 0.75), (3, 0.5)])
def test_plain_restriction_has_order_one_at_best(n, s):
    """Without the correction the staircase decides: at least eight times the error on the finest grid."""
    ball, counts = unit_ball(n), COUNTS[n]
    truth = zernike_solve(source, s, ball)
    errors = [error_of(ball, s, source, truth, 2 / count, scheme="lattice") for count in counts]
    assert 0.5 < mean_order(counts, errors) < 1.3, f"errors {errors}"
    assert errors[-1] > 8 * REACHED[n][s]


@pytest.mark.parametrize("s", [0.25, 0.5, 0.75])
@pytest.mark.parametrize(
    ("semiaxes", "counts", "largest"),
    [((1.0, 1 / 3), (64, 128, 256), 8e-4), ((1.0, 0.5, 0.5), (24, 48), 3e-3)],
    ids=["ellipse", "ellipsoid"],
)
def test_torsion_of_ellipsoids(semiaxes, counts, largest, s):
    """Axes 3 : 1 and 2 : 1 : 1; the radius of curvature at the tip is 1/9 and 1/4."""
    domain = pide.Ellipsoid(semiaxes)
    exact = torsion_function(domain, s)
    errors = [error_of(domain, s, 1.0, exact, 2 / count) for count in counts]
    assert mean_order(counts, errors) > 1 + s / 2, f"errors {errors}"
    assert errors[-1] < largest
    assert error_of(domain, s, 1.0, exact, 2 / counts[-1], scheme="lattice") > 10 * errors[-1]


@pytest.mark.parametrize("s", [0.25, 0.5, 0.75])
@pytest.mark.parametrize(("n", "counts"), [(1, (20, 40, 80)), (2, (20, 40, 80)), (3, (10, 20))])
def test_exterior_data_that_continue_the_solution(n, counts, s):
    """u = e^{-r^2} is smooth across the boundary: order 2 without any correction. Data cut where below 2e-11."""
    data = pide.Value(lambda *x: np.exp(-sum(c * c for c in x)), extent=4.0)
    errors = [
        error_of(unit_ball(n), s, lambda *x: gaussian_image(np.sqrt(sum(c * c for c in x)), s, n), data.g, 2 / count,
                 exterior=data)
        for count in counts
    ]  # fmt: skip
    assert mean_order(counts, errors) == pytest.approx(2.0, abs=0.06)

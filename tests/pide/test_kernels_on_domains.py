"""Tempered, truncated and variable-coefficient kernels on domains against quadrature of the integral written out."""

import itertools
import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import gamma, roots_jacobi

import pide
from pide import kernels


def constant(n, s):
    return 4**s * gamma(n / 2 + s) / (math.pi ** (n / 2) * abs(gamma(-s)))


def tempered(n, s, rate):
    return lambda r: constant(n, s) * np.exp(-rate * r) * r ** (-n - 2 * s)


def truncated(n, s, horizon):
    return lambda r: constant(n, s) * r ** (-n - 2 * s) * (r <= horizon)


def a(*x):
    return 1.5 + np.sin(2 * x[0]) + 0.3 * x[-1]


MEANS = {
    None: lambda p, q: 1.0,
    "geometric": lambda p, q: np.sqrt(p * q),
    "arithmetic": lambda p, q: (p + q) / 2,
}
ONE = {
    "tempered 0.3": (kernels.Tempered(s=0.3, rate=2.0), tempered(1, 0.3, 2.0), math.inf),
    "tempered 0.75": (kernels.Tempered(s=0.75, rate=2.0), tempered(1, 0.75, 2.0), math.inf),
    "truncated 0.3": (kernels.TruncatedFractional(s=0.3, horizon=0.7), truncated(1, 0.3, 0.7), 0.7),
    "truncated 0.75": (kernels.TruncatedFractional(s=0.75, horizon=0.7), truncated(1, 0.75, 0.7), 0.7),
}


def by_quadrature(s, rate, horizon, mean, exterior, u, x):
    """int w(x, y) (u(y) - u(x)) dy over the line, where u = 0 outside (-1, 1), or over (-1, 1) only."""
    reflecting = isinstance(exterior, pide.Reflecting)

    def side(y):
        inside = abs(y) < 1
        if reflecting and not inside:
            return 0.0
        return MEANS[mean](a(x), a(y)) * ((u(y) if inside else 0.0) - u(x))

    def both(r):
        return rate(r) * (side(x + r) + side(x - r))

    end = min(horizon, 2.0 if reflecting else 20.0)
    cuts = sorted({r for r in (1 - x, 1 + x, end) if r <= end})
    # Next to 0 both sides together are r^{1 - 2s} times a smooth function: Gauss-Jacobi, product integration.
    nodes, weights = roots_jacobi(24, 0.0, 1 - 2 * s)
    r = cuts[0] * (nodes + 1) / 2
    total = sum(w * both(q) * (q * 2 / cuts[0]) ** (2 * s - 1) for w, q in zip(weights, r, strict=True)) * cuts[0] / 2
    pairs = itertools.pairwise(cuts)
    return total + sum(quad(both, low, high - 1e-15, limit=200, epsabs=1e-11)[0] for low, high in pairs)


@pytest.mark.parametrize("mean", MEANS)
@pytest.mark.parametrize("exterior", [pide.Zero(), pide.Reflecting()], ids=["zero", "reflecting"])
@pytest.mark.parametrize("name", ONE)
def test_on_an_interval(name, exterior, mean):
    """At three nodes that are common to grids of 9, 27, ... cells, one of them next to the boundary; order 2."""
    kernel, rate, horizon = ONE[name]
    u = (lambda y: (1 - y * y) ** 4 * (2 + y)) if isinstance(exterior, pide.Zero) else (lambda y: np.sin(2 * y) + y * y)
    options = {"coefficient": a, "mean": mean} if mean else {}
    errors = []
    line = pide.Interval(-1, 1)
    if mean and isinstance(exterior, pide.Zero) and math.isinf(horizon):
        with pytest.raises(ValueError, match=r"give the kernel a horizon, or write exterior=Reflecting\(\)"):
            pide.NonlocalDiffusion(kernel, **options).on(line.grid(9), exterior=exterior)
        return
    points = line.grid(9).axes[0][[1, 4, 6]]
    exact = [by_quadrature(kernel.s, rate, horizon, mean, exterior, u, x) for x in points]
    for n in (81, 243, 729):
        grid = line.grid(n)
        L = pide.NonlocalDiffusion(kernel, **options).on(grid, exterior=exterior)
        nodes = [int(np.argmin(abs(grid.axes[0] - x))) for x in points]
        np.testing.assert_allclose(grid.axes[0][nodes], points, atol=1e-12)
        errors.append(np.abs(L(grid.sample(u))[nodes] - exact).max())
    order = np.log(errors[-2] / errors[-1]) / np.log(3)
    assert order > 1.75
    assert errors[-1] < 1e-3 * np.abs(exact).max()


def ray_to_box(x, y, angle):
    """Distance from (x, y) to the boundary of (-1, 1)^2."""
    c, s = np.cos(angle), np.sin(angle)
    with np.errstate(divide="ignore"):
        return np.minimum((np.sign(c) - x) / c, (np.sign(s) - y) / s)


def ray_to_circle(x, y, angle):
    along = x * np.cos(angle) + y * np.sin(angle)
    return np.sqrt(along**2 + 1 - x * x - y * y) - along


def in_the_plane(order, rate, reach, mean, u, x, y):
    """int w (u(x + r theta) - u(x)) r dr dtheta to r = reach(theta), s < 1/2: trapezoidal rule and Gauss-Jacobi."""
    angle = 2 * math.pi * (np.arange(6000) + 0.5) / 6000
    nodes, weights = roots_jacobi(24, 0.0, -2 * order)
    ends = reach(angle)[:, None]
    r = ends * (nodes + 1) / 2
    p, q = x + r * np.cos(angle)[:, None], y + r * np.sin(angle)[:, None]
    jump = MEANS[mean](a(x, y), a(p, q)) * (u(p, q) - u(x, y)) * rate(r) * r
    return float(((jump * (nodes + 1) ** (2 * order)) @ weights * ends[:, 0] / 2).sum() * 2 * math.pi / 6000)


PLANE = {
    "tempered": (kernels.Tempered(s=0.3, rate=2.0), tempered(2, 0.3, 2.0), math.inf),
    "truncated": (kernels.TruncatedFractional(s=0.4, horizon=0.6), truncated(2, 0.4, 0.6), 0.6),
}


@pytest.mark.parametrize("mean", MEANS)
@pytest.mark.parametrize("name", PLANE)
def test_reflecting_in_a_square(name, mean):
    kernel, rate, horizon = PLANE[name]
    u = lambda x, y: np.sin(2 * x) * (1 + y) + y * y  # noqa: E731
    square = pide.Box(((-1, 1), (-1, 1)))
    options = {"coefficient": a, "mean": mean} if mean else {}
    points = [(i, j) for i in (1, 4) for j in (4, 7)]
    axis = square.grid(9).axes[0]
    exact = [
        in_the_plane(kernel.s, rate, lambda t, x=x, y=y: np.minimum(ray_to_box(x, y, t), horizon), mean, u, x, y)
        for x, y in ((axis[i], axis[j]) for i, j in points)
    ]
    errors = []
    for k in (3, 9):
        grid = square.grid(9 * k)
        L = pide.NonlocalDiffusion(kernel, **options).on(grid, exterior=pide.Reflecting())
        v = L(grid.sample(u))
        nodes = [(k * i + k // 2, k * j + k // 2) for i, j in points]
        errors.append(max(abs(v[node] - value) for node, value in zip(nodes, exact, strict=True)))
    assert math.log(errors[0] / errors[1]) / math.log(3) > 1.7
    assert errors[1] < 5e-3 * np.abs(exact).max()


@pytest.mark.parametrize("name", PLANE)
def test_zero_outside_a_disc(name):
    """u = (1 - r^2)^4 is smooth across the circle, so that no staircase is seen; the rest kills u(x)."""
    kernel, rate, horizon = PLANE[name]
    u = lambda x, y: np.maximum(1 - x * x - y * y, 0) ** 4 * (1 + x)  # noqa: E731
    disc = pide.Ball(radius=1.0, dimension=2)
    coarse = disc.grid(9)
    points = [(4, 4), (2, 5), (6, 3)]
    exact = []
    for point in points:
        x, y = (float(c[point]) for c in coarse.coordinates)
        reach = lambda t, x=x, y=y: np.minimum(ray_to_circle(x, y, t), horizon)  # noqa: E731
        angle = 2 * math.pi * (np.arange(400) + 0.5) / 400
        beyond = [quad(lambda r: rate(r) * r, e, min(horizon, 25.0), epsabs=1e-11)[0] for e in reach(angle)]
        exact.append(in_the_plane(kernel.s, rate, reach, None, u, x, y) - u(x, y) * np.mean(beyond) * 2 * math.pi)
    errors = []
    for k in (3, 9):
        grid = disc.grid(9 * k)
        v = pide.NonlocalDiffusion(kernel).on(grid, exterior=pide.Zero())(grid.sample(u))
        nodes = [(k * i + k // 2, k * j + k // 2) for i, j in points]
        errors.append(max(abs(v[node] - value) for node, value in zip(nodes, exact, strict=True)))
    assert math.log(errors[0] / errors[1]) / math.log(3) > 1.7
    assert errors[1] < 5e-3 * np.abs(exact).max()

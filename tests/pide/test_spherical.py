"""Jacobi rules and spherical harmonics: orthonormality, exactness, and scipy's values."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import beta, eval_jacobi, lpmv

from pide.quadrature.harmonics import spherical_coefficients, spherical_harmonics, spherical_rule
from pide.quadrature.jacobi import gauss_jacobi, orthonormal_jacobi

EXPONENTS = [(0.05, -0.5), (0.95, 0.5), (0.5, 0.0), (0.0, 0.0), (-0.5, -0.5), (0.5, -0.5), (0.3, 40.0)]


@pytest.mark.parametrize(("a", "b"), EXPONENTS)
@pytest.mark.parametrize("count", [1, 2, 30, 200])
def test_discrete_orthonormality(a, b, count):
    t, weights = gauss_jacobi(count, a, b)
    rows = orthonormal_jacobi(count, a, b, t)
    assert_allclose((rows * weights) @ rows.T, np.eye(count), rtol=0, atol=2e-16 * (10 + count))
    assert np.all(weights > 0)


@pytest.mark.parametrize(("a", "b"), EXPONENTS)
def test_moments(a, b):
    """int ((1+t)/2)^m (1-t)^a (1+t)^b dt / M = B(a+1, b+1+m) / B(a+1, b+1), m <= 2 count - 1, and not beyond."""
    t, weights = gauss_jacobi(6, a, b)
    for m in range(14):
        exact = beta(a + 1, b + 1 + m) / beta(a + 1, b + 1)
        error = abs(np.sum(weights * ((1 + t) / 2) ** m) - exact)
        assert error <= 4e-15 if m < 12 else error > 1e-12 or b > 10


@pytest.mark.parametrize(("a", "b"), EXPONENTS)
def test_polynomials_are_those_of_scipy(a, b):
    t = np.linspace(-1, 1, 9)
    rows = orthonormal_jacobi(7, a, b, t)
    for k, row in enumerate(rows):
        values = eval_jacobi(k, a, b, t)
        scale = row[-1] / values[-1]
        assert scale > 0
        assert_allclose(row, scale * values, rtol=0, atol=1e-13 * np.max(np.abs(row)))


def test_the_factor_keeps_high_degrees_in_range():
    """r^l p_k stays finite where p_k alone overflows: the functions are orthonormal, hence moderate."""
    r = np.array([0.0, 1e-3, 0.5, 0.999, 1.0])
    rows = orthonormal_jacobi(60, 0.5, 400.0, 2 * r**2 - 1, r**400)
    assert np.all(np.isfinite(rows))
    assert np.max(np.abs(rows[:, 2])) < 1.0
    rows = orthonormal_jacobi(3, 0.5, 400.0, np.array([0.9]), 3.0)
    assert_allclose(rows, 3 * orthonormal_jacobi(3, 0.5, 400.0, np.array([0.9])), rtol=1e-15)


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("degree", [0, 1, 2, 9, 30])
def test_harmonics_are_orthonormal_under_the_rule(n, degree):
    directions, weights = spherical_rule(n, degree)
    every = np.concatenate(list(spherical_harmonics(directions, degree)), axis=1)
    dimension = {1: min(degree, 1) + 1, 2: 2 * degree + 1, 3: (degree + 1) ** 2}[n]
    assert every.shape[1] == dimension
    assert_allclose(every.T * weights @ every, np.eye(dimension), rtol=0, atol=2e-15 * (degree + 1))
    assert_allclose(sum(c**2 for c in directions), 1.0, rtol=1e-15)


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("degree", [0, 1, 6])
def test_coefficients_are_the_inner_products_with_harmonics(n, degree):
    directions, weights = spherical_rule(n, degree)
    values = np.random.default_rng(degree).normal(size=(4, weights.size))
    pairs = zip(spherical_coefficients(values, n, degree), spherical_harmonics(directions, degree), strict=True)
    for found, Y in pairs:
        assert_allclose(found, (values * weights) @ Y, rtol=0, atol=1e-14)


@pytest.mark.parametrize("n", [2, 3])
def test_harmonics_are_harmonic(n):
    """Delta (r^l Y_l) = 0, by differences that are exact on polynomials of degree five."""
    rng = np.random.default_rng(5)
    x, h = rng.normal(size=(n, 4)), 1e-2

    def solid(points, degree):
        r = np.sqrt(np.sum(points**2, axis=0))
        return list(spherical_harmonics(tuple(points / r), degree))[degree] * r[:, None] ** degree

    for degree in (2, 3, 5):
        laplacian, size = 0.0, 0.0
        for axis in np.eye(n)[:, :, None]:
            values = [solid(x + j * h * axis, degree) for j in (-2, -1, 0, 1, 2)]
            weights = (-1 / 12, 4 / 3, -5 / 2, 4 / 3, -1 / 12)
            second = sum(w * v for w, v in zip(weights, values, strict=True)) / h**2
            laplacian, size = laplacian + second, size + np.max(np.abs(second))
        assert np.max(np.abs(laplacian)) <= 1e-5 * size


def test_legendre_functions_are_those_of_scipy():
    z, phi = np.linspace(-0.95, 0.95, 7), np.linspace(0.1, 6.0, 7)
    sine = np.sqrt(1 - z**2)
    rows = list(spherical_harmonics((sine * np.cos(phi), sine * np.sin(phi), z), 8))[8]
    for m in range(9):
        norm = math.sqrt(17 / 2 * math.factorial(8 - m) / math.factorial(8 + m))
        legendre = norm * (-1) ** m * lpmv(m, 8, z)
        if m == 0:
            assert_allclose(rows[:, 0], legendre / math.sqrt(2 * math.pi), rtol=0, atol=1e-13)
        else:
            assert_allclose(rows[:, m], legendre * np.cos(m * phi) / math.sqrt(math.pi), rtol=0, atol=1e-13)
            assert_allclose(rows[:, 8 + m], legendre * np.sin(m * phi) / math.sqrt(math.pi), rtol=0, atol=1e-13)


def test_poles_and_high_degrees_are_finite():
    directions = tuple(np.array(c) for c in ([0.0, 0.0, 1e-170, 1.0], [0.0, 0.0, 0.0, 0.0], [1.0, -1.0, 1.0, 0.0]))
    last = list(spherical_harmonics(directions, 120))[120]
    assert np.all(np.isfinite(last))
    assert_allclose(np.sum(last**2, axis=1), 241 / (4 * math.pi), rtol=1e-11)  # the addition theorem

"""`scheme="zernike"`: steady problems in balls through `solve`, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

import pide
from pide.continuum.exact import torsion_function
from pide.solvers.zernike import zernike_solve


def stationary(operator=None, domain=None, **arguments):
    domain = domain or pide.Ball(radius=1.0, dimension=2)
    return pide.Stationary(operator or pide.FractionalLaplacian(s=0.5), domain, **{"source": 1.0} | arguments)


def solved(problem, count=24, **arguments):
    return pide.solve(problem, on=problem.domain.grid(count), scheme="zernike", **arguments)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_values_at_the_nodes(n):
    def f(*x):
        return np.exp(x[0] - x[-1] ** 2)

    ball = pide.Ball(radius=1.5, dimension=n, centre=(0.2,) * n)
    result = solved(stationary(pide.FractionalLaplacian(s=0.3), ball, source=f), tol=1e-12)
    grid = result.operator.space
    expected = np.where(grid.inside, zernike_solve(f, 0.3, ball)(*grid.coordinates), 0.0)
    assert_allclose(result.final, expected, rtol=0, atol=1e-13)
    assert 0 < result.record.error_estimate < 1e-11
    assert result.record.applies == 0
    assert "Jacobi-Zernike basis" in result.record.stepper
    assert result.record.choices["discretisation"].startswith("none")


@pytest.mark.parametrize("factor", [3.0, -0.5])
def test_multiples_of_the_operator(factor):
    interval = pide.Interval(1.0, 2.0)
    result = solved(stationary(factor * pide.FractionalLaplacian(s=0.7), interval))
    x = result.operator.space.axes[0]
    assert_allclose(factor * result.final, torsion_function(interval, 0.7)(x), rtol=1e-13)


def test_the_estimate_covers_the_error():
    def f(x, y):
        return 1 / (1.3 + x)

    truth = solved(stationary(source=f), tol=1e-12).final
    for tol in (1e-2, 1e-5):
        result = solved(stationary(source=f), tol=tol)
        grid = result.operator.space
        error = float(grid.norm(result.final - truth) / grid.norm(truth))
        assert 1e-3 * result.record.error_estimate < error <= result.record.error_estimate


def test_zero_source():
    result = solved(stationary(source=0.0))
    assert not result.final.any()
    assert result.record.error_estimate == 0.0


@pytest.mark.parametrize(
    ("problem", "error", "remedy"),
    [
        (lambda: stationary(domain=pide.Box(((-1, 1), (-1, 1)))), ValueError, "Ball or an Interval with exterior=Zero"),
        (lambda: stationary(exterior=pide.Value(lambda x, y: x, extent=1.0)), ValueError, "Write scheme='auto'"),
        (lambda: stationary(-pide.Laplacian()), TypeError, "diagonalises FractionalLaplacian"),
        (lambda: stationary(source=np.zeros((24, 24))), TypeError, "Write source=lambda"),
        (lambda: stationary(source=lambda x, y: np.abs(x)), pide.errors.NotConverged, "solve on a grid"),
        (lambda: pide.Eigen(pide.FractionalLaplacian(s=0.5), pide.Ball(radius=1.0, dimension=2), count=1), TypeError,
         "not eigenvalues"),
    ],
)  # fmt: skip
def test_refusals_name_the_remedy(problem, error, remedy):
    with pytest.raises(error, match=remedy):
        solved(problem())

"""Multiples, sums, compositions and the claims they keep, against dense matrices."""

import numpy as np
import pytest
import scipy.fft

import pide


@pytest.fixture
def grid():
    return pide.Ball(radius=1.0, dimension=2).grid(9)


@pytest.fixture
def pair(grid):
    A = pide.FractionalLaplacian(0.4).on(grid, exterior=pide.Reflecting())
    return A, pide.Laplacian().on(grid, exterior=pide.Reflecting())


def test_combinations_are_those_of_the_matrices(pair):
    A, B = pair
    a, b = A.to_dense(), B.to_dense()
    scale = 64 * np.finfo(float).eps * (np.abs(a).max() + np.abs(b).max()) * len(a)
    for operator, matrix in ((2.0 * A - B, 2 * a - b), (-A, -a), (A @ B, a @ b), (A * 3 + B * 0.5, 3 * a + 0.5 * b)):
        atol = scale * (np.abs(a).max() if operator.claims.isdisjoint({"self_adjoint"}) else 1)
        np.testing.assert_allclose(operator.to_dense(), matrix, rtol=0, atol=atol)
        np.testing.assert_allclose(operator.adjoint.to_dense(), matrix.T, rtol=0, atol=atol)
        np.testing.assert_allclose(operator.space.compress(operator.diagonal()), np.diag(matrix), rtol=0, atol=atol)


def test_spectral_and_rate_bounds_hold_for_combinations(pair):
    A, B = pair
    for operator in (2.0 * A - B, -0.5 * A, A @ B):
        largest = np.abs(np.linalg.eigvals(operator.to_dense())).max()
        assert largest <= operator.spectral_bound() * (1 + 1e-12)
    both = 2.0 * A - B
    np.testing.assert_array_equal(both.degree, 2 * A.degree + B.degree)
    assert both.rate_bound() >= both.degree.max()


def test_claims_survive_only_where_they_follow(pair):
    A, B = pair
    assert "positive_semidefinite" in A.claims
    assert "negative_semidefinite" in (-A).claims
    downhill = B - A
    assert downhill.definiteness == -1
    assert {"energy_decay", "markov", "kills_constants"} <= downhill.claims
    mixed = A + B
    assert mixed.definiteness == 0
    assert "energy_decay" not in mixed.claims
    assert {"self_adjoint", "kills_constants", "conserves_mass", "linear"} <= mixed.claims
    assert (A @ B).claims <= {"linear", "kills_constants", "translation_invariant"}
    assert (0.0 * A).definiteness == 0


def test_symbols_add_on_the_torus():
    grid = pide.Torus((1.0, 2.0)).grid(8, 12)
    A, B = pide.FractionalLaplacian(0.3).on(grid), pide.Laplacian().on(grid)
    both = B - 2 * A
    u = np.random.default_rng(0).standard_normal(grid.shape)
    expected = scipy.fft.irfftn(both.symbol() * scipy.fft.rfftn(u), s=grid.shape)
    np.testing.assert_allclose(both(u), expected, atol=1e-12 * both.spectral_bound())
    np.testing.assert_allclose((A @ B).symbol(), A.symbol() * B.symbol(), rtol=1e-15)


def test_loads_add_with_their_factors():
    grid = pide.Interval(0, 1).grid(9, nodes="interior")
    L = pide.Laplacian().on(grid, exterior=pide.Value(lambda x: x**2))
    np.testing.assert_allclose((2 * L + L).load, 3 * L.load)
    np.testing.assert_allclose(L(grid.sample(lambda x: x**2)) + L.load, 2.0, rtol=1e-11)


def test_operators_on_different_grids_do_not_mix():
    A, B = (pide.Laplacian().on(pide.Torus((1.0,)).grid(8)) for _ in range(2))
    with pytest.raises(ValueError, match="make one grid and discretise every term on it"):
        A + B


def test_continuum_algebra_discretises_term_by_term():
    grid = pide.Torus((1.0,)).grid(16)
    u = grid.sample(lambda x: np.sin(2 * np.pi * x))
    A = pide.Laplacian() - 0.5 * pide.FractionalLaplacian(0.5)
    assert A.definiteness == -1
    separate = pide.Laplacian().on(grid)(u) - 0.5 * pide.FractionalLaplacian(0.5).on(grid)(u)
    np.testing.assert_allclose(A.on(grid)(u), separate, rtol=1e-14, atol=1e-12)
    assert (pide.Laplacian() + pide.FractionalLaplacian(0.5)).definiteness == 0

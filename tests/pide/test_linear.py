"""Conjugate gradients, transforms and preconditioners against dense algebra and SciPy's transforms."""

import numpy as np
import pytest
import scipy.fft
from numpy.testing import assert_allclose

import pide
from pide.errors import NotConverged
from pide.operators.transforms import cosine_transform, inverse_cosine_transform, sine_transform
from pide.solvers import conjugate_gradients
from pide.solvers.preconditioners import TransformInverse, preconditioner


def shifted(generator, tau):
    """u -> (I - tau L) u."""
    return lambda u: u - tau * generator.apply(u)


def fractional(domain, exterior, s, *counts):
    grid = domain.grid(*counts)
    return -1.0 * pide.FractionalLaplacian(s=s).on(grid, exterior=exterior, scheme="lattice")


SQUARE = pide.Box(((-1, 1), (-1, 1)))


@pytest.mark.parametrize("exterior", [pide.Zero(), pide.Reflecting()])
def test_solution_matches_dense_solve(exterior):
    L = fractional(SQUARE, exterior, 0.75, 12, 9)
    b = np.random.default_rng(0).standard_normal((3, *L.space.shape))
    solution = conjugate_gradients(shifted(L, 0.2), b, dimension=2, precondition=preconditioner(L, 0.2), tol=1e-12)
    dense = np.linalg.solve(np.eye(108) - 0.2 * L.to_dense(), b.reshape(3, -1).T).T.reshape(b.shape)
    assert_allclose(solution.x, dense, atol=1e-11)


def test_residual_is_returned_with_its_history():
    L = fractional(SQUARE, pide.Zero(), 0.5, 16, 16)
    b = np.random.default_rng(1).standard_normal((2, *L.space.shape))
    solution = conjugate_gradients(shifted(L, 1.0), b, dimension=2, precondition=preconditioner(L, 1.0), tol=1e-6)
    residual = b - shifted(L, 1.0)(solution.x)
    assert_allclose(solution.residual, residual, atol=1e-13)
    sizes = np.linalg.norm(residual.reshape(2, -1), axis=1) / np.linalg.norm(b.reshape(2, -1), axis=1)
    assert solution.history.shape == (solution.iterations + 1, 2)
    assert_allclose(solution.history[-1], sizes, rtol=1e-6)
    assert sizes.max() <= 1e-6


def test_members_of_a_batch_do_not_influence_each_other():
    L = fractional(SQUARE, pide.Zero(), 0.5, 16, 16)
    b = np.random.default_rng(2).standard_normal((2, *L.space.shape))
    b[1] *= 1e-8
    both = conjugate_gradients(shifted(L, 1.0), b, dimension=2, tol=1e-10).x
    for one, member in zip(b, both, strict=True):
        alone = conjugate_gradients(shifted(L, 1.0), one, dimension=2, tol=1e-10).x
        assert_allclose(member, alone, atol=1e-9 * np.abs(one).max())


def test_zero_right_hand_side_takes_no_step():
    L = fractional(SQUARE, pide.Zero(), 0.5, 8, 8)
    solution = conjugate_gradients(shifted(L, 1.0), np.zeros(L.space.shape), dimension=2)
    assert solution.iterations == 0
    assert not solution.x.any()


def test_good_start_costs_one_apply():
    L = fractional(SQUARE, pide.Zero(), 0.5, 8, 8)
    b = np.random.default_rng(3).standard_normal(L.space.shape)
    x = conjugate_gradients(shifted(L, 1.0), b, dimension=2, tol=1e-12).x
    assert conjugate_gradients(shifted(L, 1.0), b, dimension=2, tol=1e-8, start=x).iterations == 0


@pytest.mark.parametrize(("exterior", "most"), [(pide.Zero(), 10), (pide.Reflecting(), 10)])
@pytest.mark.parametrize("s", [0.25, 0.5, 0.75, 0.9])
def test_preconditioned_steps_do_not_grow_with_the_grid(exterior, most, s):
    for count in (32, 96):
        L = fractional(SQUARE, exterior, s, count, count)
        b = np.random.default_rng(4).standard_normal(L.space.shape)
        solution = conjugate_gradients(shifted(L, 0.1), b, dimension=2, precondition=preconditioner(L, 0.1), tol=1e-8)
        assert solution.iterations <= most


def test_preconditioner_helps_on_a_disc_and_stays_inside():
    grid = pide.Ball(radius=1.0, dimension=2).grid(spacing=1 / 32)
    L = -1.0 * pide.FractionalLaplacian(s=0.75).on(grid, exterior=pide.Zero(), scheme="lattice")
    b = grid.sample(1.0)
    P = preconditioner(L, 0.1)
    assert not P(b)[~grid.inside].any()
    plain = conjugate_gradients(shifted(L, 0.1), b, dimension=2, tol=1e-8).iterations
    assert conjugate_gradients(shifted(L, 0.1), b, dimension=2, precondition=P, tol=1e-8).iterations < 0.5 * plain


def test_preconditioner_is_symmetric_and_positive():
    grid = pide.Ball(radius=1.0, dimension=2).grid(spacing=1 / 8)
    L = -1.0 * pide.FractionalLaplacian(s=0.5).on(grid, exterior=pide.Zero(), scheme="lattice")
    P = preconditioner(L, 0.3)
    columns = grid.compress(P(grid.expand(np.eye(grid.count))))
    assert_allclose(columns, columns.T, atol=1e-14)
    assert np.linalg.eigvalsh(columns).min() > 0


def test_torus_has_no_preconditioner():
    grid = pide.Torus((1.0,)).grid(16)
    assert preconditioner(pide.Laplacian().on(grid), 1.0) is None


def test_iteration_limit_says_what_to_do():
    L = fractional(SQUARE, pide.Zero(), 0.75, 32, 32)
    with pytest.raises(NotConverged, match=r"after 3 iterations, wanted 1\.0e-12\. Take a larger tol"):
        conjugate_gradients(shifted(L, 1.0), L.space.sample(1.0), dimension=2, tol=1e-12, max_iterations=3)


def test_indefinite_matrix_is_reported():
    L = fractional(SQUARE, pide.Zero(), 0.75, 8, 8)
    with pytest.raises(NotConverged, match="not positive definite"):
        conjugate_gradients(shifted(L, -1.0), L.space.sample(1.0), dimension=2)


def test_preconditioner_refuses_a_positive_symbol():
    grid = pide.Interval(0, 1).grid(8)
    with pytest.raises(ValueError, match="Give the symbol of a generator <= 0"):
        TransformInverse(grid, np.full(8, 2.0), 1.0)


@pytest.mark.parametrize("shape", [(7,), (6, 5), (3, 4, 5)])
def test_transforms_are_those_of_scipy(namespace, dtype, shape):
    u = np.random.default_rng(5).standard_normal((2, *shape)).astype(dtype)
    n, axes = len(shape), tuple(range(1, len(shape) + 1))
    v = namespace.asarray(u, dtype)
    size = 1e-6 if dtype == "float32" else 1e-14
    for ours, theirs in (
        (sine_transform, scipy.fft.dstn(u, type=1, axes=axes)),
        (cosine_transform, scipy.fft.dctn(u, type=2, axes=axes)),
        (inverse_cosine_transform, scipy.fft.idctn(u, type=2, axes=axes)),
    ):
        w = ours(v, n)
        assert w.dtype == v.dtype
        assert_allclose(namespace.host(w), theirs, atol=20 * size * np.abs(theirs).max())


def test_solve_in_every_namespace(namespace, dtype):
    L = fractional(pide.Interval(-1, 1), pide.Zero(), 0.75, 32)
    b = np.linspace(-1, 1, 32)
    tol = 1e-4 if dtype == "float32" else 1e-10
    x = conjugate_gradients(
        shifted(L, 0.5), namespace.asarray(b, dtype), dimension=1, precondition=preconditioner(L, 0.5), tol=tol
    ).x
    assert str(x.dtype).endswith(dtype)
    assert_allclose(namespace.host(x), np.linalg.solve(np.eye(32) - 0.5 * L.to_dense(), b), atol=2 * tol)

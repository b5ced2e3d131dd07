"""Operators of other libraries: functions, matrices, LinearOperators, torch modules; and ours as theirs."""

import numpy as np
import pytest
import scipy.sparse
from scipy.sparse.linalg import aslinearoperator, cg, eigsh

import pide


@pytest.fixture
def grid():
    return pide.Ball(radius=1.0, dimension=2).grid(8)


def test_matrices_sparse_matrices_and_linear_operators_act_on_inside_nodes(grid):
    rng = np.random.default_rng(0)
    M = rng.standard_normal((grid.count, grid.count))
    u = grid.expand(rng.standard_normal((3, grid.count)))
    for given in (M, scipy.sparse.csr_matrix(M), aslinearoperator(M)):
        A = pide.as_operator(given, on=grid, claims={"linear", "adjoint"})
        np.testing.assert_allclose(grid.compress(A(u)), grid.compress(u) @ M.T, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(A.adjoint.to_dense(), M.T, rtol=1e-12, atol=1e-12)


def test_to_scipy_is_the_dense_matrix_and_rmatvec_its_transpose(grid):
    A = pide.FractionalLaplacian(0.5).on(grid, exterior=pide.Zero())
    dense, linear = A.to_dense(), A.to_scipy()
    X = np.random.default_rng(1).standard_normal((grid.count, 2))
    np.testing.assert_allclose(linear @ X, dense @ X, rtol=0, atol=1e-12 * np.abs(dense).sum())
    np.testing.assert_allclose(linear.rmatvec(X[:, 0]), dense.T @ X[:, 0], rtol=0, atol=1e-12 * np.abs(dense).sum())


def test_scipy_solvers_run_on_our_operators(grid):
    A = pide.FractionalLaplacian(0.5).on(grid, exterior=pide.Zero())
    x, info = cg(A.to_scipy(), np.ones(grid.count), rtol=1e-10)
    assert info == 0
    np.testing.assert_allclose(x, np.linalg.solve(A.to_dense(), np.ones(grid.count)), rtol=1e-7)
    largest = eigsh(A.symmetrised(), k=1, return_eigenvectors=False)[0]
    assert largest <= A.spectral_bound()


def test_functions_and_their_adjoints(grid):
    A = pide.as_operator(lambda u: 2 * u, on=grid, adjoint=lambda u: 2 * u, claims={"linear", "adjoint"})
    u = grid.sample(1.0)
    np.testing.assert_array_equal(A(u), 2 * u)
    np.testing.assert_array_equal(A.adjoint(u), 2 * u)
    with pytest.raises(NotImplementedError, match=r"as_operator\(f, on=grid, adjoint=g\)"):
        _ = pide.as_operator(lambda u: u, on=grid).adjoint


def test_a_torch_module_acts_on_numpy_and_on_torch():
    torch = pytest.importorskip("torch")
    grid = pide.Torus((1.0,)).grid(6)
    module = torch.nn.Linear(6, 6, bias=False, dtype=torch.float64)
    A = pide.as_operator(module, on=grid, claims={"linear"})
    np.testing.assert_allclose(A.to_dense(), module.weight.detach().numpy(), rtol=1e-13, atol=1e-15)
    u = torch.ones(6, dtype=torch.float64, requires_grad=True)
    assert A(u).requires_grad


@pytest.mark.parametrize(
    ("arguments", "error", "remedy"),
    [
        ({"A": np.eye(3)}, ValueError, r"in the order of grid\.compress\(u\)"),
        ({"A": 3.0}, TypeError, r"Write as_operator\(lambda u"),
        ({"A": lambda u: u, "claims": {"linaer"}}, ValueError, "Choose from"),
        ({"A": lambda u: u, "on": 3}, TypeError, r"Write on=domain\.grid\(64\)"),
    ],
)
def test_errors_say_what_to_write(grid, arguments, error, remedy):
    with pytest.raises(error, match=remedy):
        pide.as_operator(**{"on": grid, **arguments})


def test_a_matrix_refuses_fields_on_other_devices(grid):
    xp = pytest.importorskip("array_api_strict")
    A = pide.as_operator(np.eye(grid.count), on=grid)
    u = xp.asarray(grid.sample(1.0), device=xp.Device("device1"))
    with pytest.raises(TypeError, match="leave the device"):
        A(u)


def test_to_dense_refuses_what_does_not_fit():
    A = pide.Laplacian().on(pide.Torus((1.0, 1.0)).grid(512))
    with pytest.raises(ValueError, match=r"Use to_scipy\(\)"):
        A.to_dense()

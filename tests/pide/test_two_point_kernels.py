"""TwoPoint kernels: values for all pairs, the horizon, and refused functions."""

import numpy as np
import pytest

from pide import kernels

rng = np.random.default_rng(5)
X = rng.uniform(-1, 1, (2, 7))
Y = rng.uniform(-1, 1, (2, 5))


def bump(x, y):
    return (2 + x[0] * y[0]) / (1 + (x[0] - y[0]) ** 2 + (x[1] - y[1]) ** 2)


def points(namespace, P, dtype="float64"):
    return tuple(namespace.asarray(c, dtype) for c in P)


def test_matrix_is_f_at_every_pair(namespace, dtype):
    W = kernels.TwoPoint(bump).matrix(points(namespace, X, dtype), points(namespace, Y, dtype))
    assert str(W.dtype).endswith(dtype)
    expected = [[bump(x, y) for y in Y.T] for x in X.T]
    np.testing.assert_allclose(namespace.host(W), expected, rtol=10 * np.finfo(dtype).eps)


def test_horizon_and_coincident_points():
    W = kernels.TwoPoint(bump, horizon=0.8).matrix(tuple(X), tuple(X))
    distance = np.linalg.norm(X[:, :, None] - X[:, None, :], axis=0)
    np.testing.assert_array_equal(W != 0, (distance > 0) & (distance < 0.8))
    np.testing.assert_array_equal(W, W.T)


def test_singular_on_the_diagonal():
    def pole(x, y):
        with np.errstate(divide="ignore"):
            return 1 / abs(x[0] - y[0])

    x = (np.asarray([0.0, 0.5, 1.0]),)
    W = kernels.TwoPoint(pole).matrix(x, x)
    np.testing.assert_array_equal(W, [[0, 2, 1], [2, 0, 2], [1, 2, 0]])


def test_results_may_broadcast():
    W = kernels.TwoPoint(lambda x, y: 3.0).matrix(tuple(X), tuple(Y))
    np.testing.assert_array_equal(W, np.full((7, 5), 3.0))
    W = kernels.TwoPoint(lambda x, y: x[0] ** 2, symmetric=False).matrix(tuple(X), tuple(Y))
    np.testing.assert_array_equal(W, np.repeat(X[0][:, None] ** 2, 5, axis=1))


def test_asymmetry_shows_the_two_values():
    skew = kernels.TwoPoint(lambda x, y: 1 + x[0] + 0 * y[0])
    x = (np.asarray([0.25]),), (np.asarray([0.75]),)
    with pytest.raises(ValueError, match=r"omega\(x, y\) = 1.25 but omega\(y, x\) = 1.75 .* Write symmetric=False"):
        skew.matrix(*x)
    W = kernels.TwoPoint(skew.f, symmetric=False).matrix(*x)
    assert W.tolist() == [[1.25]]


def test_a_lone_asymmetric_pair_among_many_is_found():
    def f(x, y):
        return 1.0 + (x[0] > 0.9) * (y[0] < 0.1)

    x = (np.linspace(0, 1, 500),)
    with pytest.raises(ValueError, match="Write symmetric=False"):
        kernels.TwoPoint(f).matrix(x, x)


def test_wrong_shapes_and_values_are_refused():
    with pytest.raises(ValueError, match=r"returned shape \(5, 7\) .* must broadcast to \(7, 5\)"):
        kernels.TwoPoint(lambda x, y: np.ones((5, 7))).matrix(tuple(X), tuple(Y))
    with pytest.raises(ValueError, match=r"returned shape \(2, 7, 5\)"):
        kernels.TwoPoint(lambda x, y: np.ones((2, 7, 5))).matrix(tuple(X), tuple(Y))
    with pytest.raises(ValueError, match=r"not finite at some x != y.*Radial\(f, singularity=a\)"):
        kernels.TwoPoint(lambda x, y: np.where(x[0] > y[0], np.nan, 1.0)).matrix(tuple(X), tuple(Y))
    with pytest.raises(TypeError, match=r"needs a function f\(x, y\)"):
        kernels.TwoPoint(3.0)
    with pytest.raises(ValueError, match="horizon > 0"):
        kernels.TwoPoint(bump, horizon=0.0)


def test_gradients_pass_through():
    torch = pytest.importorskip("torch")
    width = torch.tensor(0.4, dtype=torch.float64, requires_grad=True)
    x, y = (tuple(torch.from_numpy(c.copy()) for c in P) for P in (X, Y))

    def matrix(w):
        kernel = kernels.TwoPoint(lambda a, b: torch.exp(-((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2) / w**2))
        return kernel.matrix(x, y)

    assert torch.autograd.gradcheck(matrix, width)

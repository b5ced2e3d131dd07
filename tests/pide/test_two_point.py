"""General kernels omega(x, y): dense and sparse pair rates against the sum written out."""

import numpy as np
import pytest

import pide
from pide import kernels


def gaussian(x, y):
    return np.exp(-sum((a - b) ** 2 for a, b in zip(x, y, strict=True)))


def matrix_by_definition(f, grid, horizon=np.inf):
    x = np.stack([c[grid.inside] for c in grid.coordinates])
    W = np.zeros((grid.count, grid.count))
    for i in range(grid.count):
        for j in range(grid.count):
            distance = np.linalg.norm(x[:, i] - x[:, j])
            if 0 < distance < horizon:
                W[i, j] = grid.cell_volume * f(x[:, i], x[:, j])
    return W - np.diag(W.sum(axis=1))


@pytest.mark.parametrize("engine", ["dense", "sparse"])
@pytest.mark.parametrize("symmetric", [True, False])
def test_rates_are_the_midpoint_rule(engine, symmetric):
    grid = pide.Ball(radius=1.0, dimension=2).grid(9)
    f = gaussian if symmetric else lambda x, y: gaussian(x, y) * (2 + x[0] + 0 * y[0])
    kernel = kernels.TwoPoint(f, horizon=0.7, symmetric=symmetric)
    L = pide.NonlocalDiffusion(kernel).on(grid, exterior=pide.Reflecting(), engine=engine)
    expected = matrix_by_definition(f, grid, 0.7)
    np.testing.assert_allclose(L.to_dense(), expected, rtol=0, atol=1e-13 * np.abs(expected).max())
    np.testing.assert_allclose(L.adjoint.to_dense(), expected.T, rtol=0, atol=1e-13 * np.abs(expected).max())
    np.testing.assert_allclose(grid.compress(L.diagonal()), np.diag(expected), rtol=1e-13)
    assert np.abs(np.linalg.eigvals(expected)).max() <= L.spectral_bound()
    assert any(engine in note for note in L.notes)


def test_claims_are_withheld_without_symmetry_and_without_sign():
    grid = pide.Interval(0, 1).grid(12)
    symmetric = pide.NonlocalDiffusion(kernels.TwoPoint(gaussian)).on(grid, exterior=pide.Reflecting())
    assert {"self_adjoint", "conserves_mass", "energy_decay", "markov", "variance_decay"} <= symmetric.claims
    directed = kernels.TwoPoint(lambda x, y: 1 + x[0] + 0 * y[0], symmetric=False)
    L = pide.NonlocalDiffusion(directed).on(grid, exterior=pide.Reflecting())
    assert {"markov", "maximum_principle", "kills_constants"} <= L.claims
    assert L.claims.isdisjoint({"self_adjoint", "conserves_mass", "energy_decay", "variance_decay"})
    signed = kernels.TwoPoint(lambda x, y: np.cos(9 * (x[0] - y[0])))
    L = pide.NonlocalDiffusion(signed).on(grid, exterior=pide.Reflecting())
    assert {"self_adjoint", "conserves_mass", "kills_constants"} <= L.claims
    assert L.claims.isdisjoint({"energy_decay", "markov", "nonnegative_rates", "negative_semidefinite"})


def test_symmetric_rates_are_symmetric_to_the_bit():
    grid = pide.Interval(0, 1).grid(20)
    kernel = kernels.TwoPoint(lambda x, y: np.exp(-abs(x[0] - y[0])) * (0.1 + x[0]) * (0.1 + y[0]))
    rates = pide.NonlocalDiffusion(kernel).on(grid, exterior=pide.Reflecting()).rates
    np.testing.assert_array_equal(rates, rates.T)


def test_zero_exterior_kills_at_the_rate_to_the_collar():
    grid = pide.Interval(0, 1).grid(10)
    L = pide.NonlocalDiffusion(kernels.TwoPoint(gaussian, horizon=0.25)).on(grid, exterior=pide.Zero())
    extended = pide.Interval(-0.5, 1.5).grid(20)
    whole = matrix_by_definition(gaussian, extended, 0.25)[5:15, 5:15]
    np.testing.assert_allclose(L.to_dense(), whole, rtol=0, atol=1e-14)
    assert "kills_constants" not in L.claims


def test_value_data_act_like_the_extended_operator():
    grid = pide.Interval(0, 1).grid(10)
    L = pide.NonlocalDiffusion(kernels.TwoPoint(gaussian, horizon=0.25)).on(grid, exterior=pide.Value(lambda x: 1 + x))
    extended = pide.Interval(-0.5, 1.5).grid(20)
    whole = matrix_by_definition(gaussian, extended, 0.25) @ (1 + extended.axes[0])
    np.testing.assert_allclose(L(grid.sample(lambda x: 1 + x)) + L.load, whole[5:15], rtol=0, atol=1e-13)


@pytest.mark.parametrize("engine", ["dense", "sparse"])
def test_torus_uses_the_nearest_image(engine):
    grid = pide.Torus((1.0, 1.0)).grid(8, 8)
    L = pide.NonlocalDiffusion(kernels.TwoPoint(gaussian, horizon=0.4)).on(grid, engine=engine)
    u = np.random.default_rng(0).standard_normal(grid.shape)
    np.testing.assert_allclose(np.roll(L(u), (3, 2), (0, 1)), L(np.roll(u, (3, 2), (0, 1))), rtol=0, atol=1e-13)


@pytest.mark.parametrize("engine", ["dense", "sparse"])
def test_namespaces(engine, namespace, dtype):
    grid = pide.Interval(0, 1).grid(12)
    kernel = kernels.TwoPoint(gaussian, horizon=0.3)
    L = pide.NonlocalDiffusion(kernel).on(grid, exterior=pide.Reflecting(), engine=engine)
    v = np.random.default_rng(1).standard_normal((2, 12))
    result = L(namespace.asarray(v, dtype=dtype))
    tolerance = 64 * np.finfo(dtype).eps * L.spectral_bound() * np.abs(v).max()
    np.testing.assert_allclose(namespace.host(result), L(v), rtol=0, atol=tolerance)


@pytest.mark.parametrize(
    ("kernel", "options", "remedy"),
    [
        (kernels.TwoPoint(gaussian), {"exterior": pide.Zero()}, r"f, horizon=delta\), or exterior=Reflecting"),
        (kernels.TwoPoint(gaussian), {"engine": "sparse"}, r"Write TwoPoint\(f, horizon=delta\)"),
        (kernels.TwoPoint(gaussian), {"engine": "fft"}, "'auto', 'dense' and 'sparse'"),
        (kernels.TwoPoint(gaussian), {"scheme": "lattice"}, "Leave scheme out"),
        (kernels.TwoPoint(lambda x, y: x[0] + 2 * y[0]), {}, "symmetric=False"),
        (kernels.TwoPoint(gaussian, horizon=0.2), {"exterior": pide.Value(lambda x: np.log(x))}, "on the whole collar"),
    ],
)
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_errors_say_what_to_write(kernel, options, remedy):
    grid = pide.Interval(0, 1).grid(12)
    with pytest.raises(ValueError, match=remedy):
        pide.NonlocalDiffusion(kernel).on(grid, **{"exterior": pide.Reflecting(), **options})


def test_horizon_beyond_half_a_period_is_refused():
    grid = pide.Torus((1.0,)).grid(12)
    with pytest.raises(ValueError, match="Take a smaller horizon"):
        pide.NonlocalDiffusion(kernels.TwoPoint(gaussian, horizon=0.6)).on(grid)

"""Advection: schemes against derivatives, matrices and characteristics; signs of rates; its place in sums."""

import numpy as np
import pytest

import pide
from pide import kernels, verification
from pide.continuum.advection import Advection

EXTERIORS = [pide.Zero(), pide.Value(lambda *x: np.cos(x[0])), pide.Reflecting()]


def observed_order(errors):
    return np.log2(np.asarray(errors[:-1]) / np.asarray(errors[1:]))


@pytest.mark.parametrize(("scheme", "order"), [("upwind", 1), ("central", 2)])
def test_order_on_a_torus(scheme, order):
    errors = []
    for n in (32, 64, 128):
        grid = pide.Torus((2.0, 1.0)).grid(n, n)
        x, y = grid.coordinates
        A = Advection((lambda x, y: 2 + np.sin(np.pi * x), -0.5)).on(grid, scheme=scheme)
        u = np.sin(np.pi * x) * np.cos(2 * np.pi * y)
        exact = -(2 + np.sin(np.pi * x)) * np.pi * np.cos(np.pi * x) * np.cos(2 * np.pi * y)
        exact -= 0.5 * 2 * np.pi * np.sin(np.pi * x) * np.sin(2 * np.pi * y)
        errors.append(np.abs(A(u) - exact).max())
    assert np.all(observed_order(errors) > order - 0.1)


def test_fourier_transports_exactly_and_nyquist_does_not_move():
    grid = pide.Torus((2 * np.pi, 2 * np.pi)).grid(16, 16)
    start = lambda x, y: np.exp(np.sin(x) + np.cos(y))  # noqa: E731
    A = Advection((1.0, -2.0))
    assert "self_adjoint" not in A.on(grid, scheme="fourier").claims
    problem = pide.Evolution(pide.Multiplier(lambda p, q: -1j * p + 2j * q), grid.domain, initial=start)
    by_multiplier = pide.solve(problem, on=grid, until=0.3, tol=1e-9).final
    x, y = grid.coordinates
    np.testing.assert_allclose(by_multiplier, start(x - 0.3, y + 0.6), atol=1e-4)
    np.testing.assert_allclose(A.on(grid, scheme="fourier")(np.cos(8 * x)), 0, atol=1e-12)
    u, v = np.random.default_rng(0).standard_normal((2, *grid.shape))
    D = A.on(grid, scheme="fourier")
    assert grid.inner(D(u), v) == pytest.approx(-grid.inner(u, D(v)), abs=1e-12)
    assert grid.inner(D.adjoint(u), v) == pytest.approx(grid.inner(u, D(v)), abs=1e-12)


def test_upwind_by_hand():
    """b = 3 at spacing 1/4: rate 12 to the left neighbour; the first node looks outside."""
    grid = pide.Interval(0, 1).grid(4)
    left = 12.0 * (np.eye(4, k=-1) - np.eye(4))
    zero = Advection(3.0).on(grid, exterior=pide.Zero())
    np.testing.assert_array_equal(zero.to_dense(), left)
    value = Advection(3.0).on(grid, exterior=pide.Value(lambda x: 5 + x))
    np.testing.assert_allclose(value.load, [12 * (5 - 0.125), 0, 0, 0])
    reflecting = Advection(3.0).on(grid, exterior=pide.Reflecting())
    np.testing.assert_array_equal(reflecting.to_dense(), left + np.diag([12.0, 0, 0, 0]))
    against = Advection(-3.0).on(grid, exterior=pide.Zero())
    np.testing.assert_array_equal(against.to_dense(), left[::-1, ::-1])


@pytest.mark.parametrize("scheme", ["upwind", "central"])
def test_value_data_make_linear_functions_exact(scheme):
    """u = x - 2 y on a disc, with its own values outside: -b . grad u = 2 * 2 - 1 exactly."""
    grid = pide.Ball(radius=1.0, dimension=2).grid(11)
    line = lambda x, y: x - 2 * y  # noqa: E731
    A = Advection((1.0, 2.0)).on(grid, exterior=pide.Value(line), scheme=scheme)
    np.testing.assert_allclose(grid.compress(A(grid.sample(line)) + A.load), 3.0, rtol=1e-12)


@pytest.mark.parametrize("exterior", EXTERIORS, ids=["zero", "value", "reflecting"])
@pytest.mark.parametrize("scheme", ["upwind", "central"])
def test_claims_hold_as_measured_off_the_torus(scheme, exterior):
    grid = pide.Ball(radius=1.0, dimension=2).grid(9)
    A = Advection((lambda x, y: y + 0.1, 0.7)).on(grid, exterior=exterior, scheme=scheme)
    assert ("nonnegative_rates" in A.claims) == (scheme == "upwind")
    assert ("kills_constants" in A.claims) == isinstance(exterior, pide.Reflecting)
    assert A.claims.isdisjoint({"self_adjoint", "energy_decay", "conserves_mass", "negative_semidefinite"})
    verification.check(A, samples=5).raise_if_failed()
    np.testing.assert_allclose(A.adjoint.to_dense(), A.to_dense().T, atol=1e-12)
    assert np.abs(np.linalg.eigvals(A.to_dense())).max() <= A.spectral_bound()


@pytest.mark.parametrize("scheme", ["upwind", "central", "fourier"])
def test_claims_hold_as_measured_on_the_torus(scheme):
    grid = pide.Torus((1.0, 2.0)).grid(8, 9)
    A = Advection((1.0, -0.3)).on(grid, scheme=scheme)
    assert {"conserves_mass", "kills_constants", "translation_invariant"} <= A.claims
    verification.check(A, samples=5).raise_if_failed()


def test_a_variable_velocity_does_not_conserve_mass():
    grid = pide.Torus((1.0,)).grid(16)
    A = Advection((lambda x: np.sin(2 * np.pi * x),)).on(grid)
    assert "conserves_mass" not in A.claims
    assert "conserves_mass" in A.adjoint.claims
    u = np.random.default_rng(1).standard_normal(16)
    assert grid.inner(np.ones(16), A.adjoint(u)) == pytest.approx(0, abs=1e-12)


def test_upwind_with_diffusion_stays_monotone_and_a_negative_factor_turns_the_wind():
    grid = pide.Interval(-1, 1).grid(20)
    L = pide.Laplacian() - pide.FractionalLaplacian(0.4) + Advection(-3.0)
    drift = L.on(grid, exterior=pide.Reflecting())
    assert {"markov", "maximum_principle", "nonnegative_rates"} <= drift.claims
    assert "self_adjoint" not in drift.claims
    dense = drift.to_dense()
    assert (dense - np.diag(np.diag(dense))).min() >= 0
    back = (-1.0 * (-2.0 * (Advection(1.0) + pide.Laplacian()))).on(grid, exterior=pide.Reflecting()).to_dense()
    assert (back - np.diag(np.diag(back))).min() >= 0
    reversed_sign = -1.0 * Advection(1.0).on(grid, exterior=pide.Zero())
    assert "nonnegative_rates" not in reversed_sign.claims


@pytest.mark.parametrize(("scheme", "order"), [("upwind", 1), ("central", 2), ("fourier", 2)])
def test_drift_and_jumps_follow_the_characteristics(scheme, order):
    """u_t = -b u_x + J u with unit-mass Gaussian jumps: modes decay like e^{t (exp(-(w k)^2/4) - 1)} and move with b.

    With "fourier" only the O(h^2) of the jumps is left.
    """
    torus = pide.Torus((2 * np.pi,))
    jumps = pide.NonlocalDiffusion(kernels.Gaussian(width=0.4, normalise="mass"), images=True)
    problem = pide.Evolution(jumps + Advection(1.5, scheme=scheme), torus, initial=lambda x: np.cos(x) + np.sin(3 * x))
    errors = []
    for n in (64, 128):
        grid = torus.grid(n)
        x = grid.axes[0] - 0.75
        decay = {k: np.exp(-0.5 * (1 - np.exp(-((0.4 * k) ** 2) / 4))) for k in (1, 3)}
        result = pide.solve(problem, on=grid, until=0.5, tol=1e-8)
        assert np.ptp(result.mass) < 1e-12
        errors.append(np.abs(result.final - decay[1] * np.cos(x) - decay[3] * np.sin(3 * x)).max())
    assert observed_order(errors)[0] > order - 0.15
    assert errors[-1] < {"upwind": 0.2, "central": 1e-2, "fourier": 2e-4}[scheme]


MESSAGES = [
    (lambda: Advection(()), ValueError, "one component per axis"),
    (lambda: Advection(("x",)), TypeError, "a number or a function of the coordinates"),
    (lambda: Advection((np.inf,)), ValueError, "a velocity is finite"),
    (lambda: Advection((1.0,)).on(pide.Torus((1.0, 1.0)).grid(4)), ValueError, r"Write Advection\(\(1.0, 1.0\)\)"),
    (
        lambda: Advection((np.sin,)).on(pide.Torus((1.0,)).grid(4), scheme="fourier"),
        ValueError,
        "Write scheme='central' or 'upwind'",
    ),
    (
        lambda: Advection((1.0,)).on(pide.Interval(0, 1).grid(4), exterior=pide.Zero(), scheme="fourier"),
        ValueError,
        "Write scheme='upwind'",
    ),
    (
        lambda: Advection((lambda x: np.where(x > 0.5, np.nan, x),)).on(pide.Torus((1.0,)).grid(4)),
        ValueError,
        "NaN or infinite at 1 nodes",
    ),
    (
        lambda: Advection(1.0).on(pide.Interval(0, 1).grid(4), exterior=pide.Value(lambda x: x * np.nan)),
        ValueError,
        "Define g on the whole collar",
    ),
]


@pytest.mark.parametrize(("build", "error", "message"), MESSAGES)
def test_messages(build, error, message):
    with pytest.raises(error, match=message):
        build()

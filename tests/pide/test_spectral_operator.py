"""Spectral fractional Laplacians on boxes against matrix powers, eigenfunctions and series."""

from __future__ import annotations

import math

import array_api_strict
import numpy as np
import pytest
import scipy.fft
import torch
from hypothesis import given
from hypothesis import strategies as st

import pide
from pide.operators.transforms import half_sine_transform, inverse_half_sine_transform
from pide.verification import certify, check

LAYOUTS = [(pide.Zero(), "cell", 3.0), (pide.Zero(), "interior", 2.0), (pide.Reflecting(), "cell", 1.0)]
EPS = np.finfo(np.float64).eps


def difference_matrix(count: int, h: float, edge: float) -> np.ndarray:
    """-D_h with `edge` in the corners: 3 for u = 0 half a cell outside, 2 for u = 0 at the next node, 1 for u' = 0."""
    T = 2.0 * np.eye(count) - np.eye(count, k=1) - np.eye(count, k=-1)
    T[0, 0] = T[-1, -1] = edge
    return T / h**2


def matrix_power(T: np.ndarray, s: float) -> np.ndarray:
    values, vectors = np.linalg.eigh(T)
    return (vectors * np.clip(values, 0.0, None) ** s) @ vectors.T


@pytest.mark.parametrize(("exterior", "nodes", "edge"), LAYOUTS)
@given(s=st.floats(0.05, 0.95), count=st.integers(2, 24))
def test_power_of_the_difference_matrix(exterior, nodes, edge, s, count):
    grid = pide.Interval(-0.5, 1.5).grid(count, nodes=nodes)
    A = pide.SpectralFractionalLaplacian(s).on(grid, exterior)
    T = difference_matrix(count, grid.spacing[0], edge)
    scale = np.abs(T).sum(axis=1).max() ** s
    # eigh leaves eigenvalues off by N eps |T|; a power s < 1 makes sqrt-like errors of the one at 0
    error = (count * EPS) ** min(s, 1.0) * scale
    assert np.abs(A.to_dense() - matrix_power(T, s)).max() <= 10 * error


@pytest.mark.parametrize("nodes", ["cell", "interior"])
def test_boxes_sum_the_axes(nodes):
    grid = pide.Box(((0.0, 1.0), (0.0, 2.0))).grid(5, 7, nodes=nodes)
    A = pide.SpectralFractionalLaplacian(0.6).on(grid, pide.Zero())
    edge = 3.0 if nodes == "cell" else 2.0
    S, T = (difference_matrix(n, h, edge) for n, h in zip(grid.shape, grid.spacing, strict=True))
    exact = matrix_power(np.kron(S, np.eye(7)) + np.kron(np.eye(5), T), 0.6)
    assert np.abs(A.to_dense() - exact).max() <= 100 * EPS * np.abs(exact).max()
    assert np.abs(A.diagonal().ravel() - np.diag(exact)).max() <= 100 * EPS * np.abs(exact).max()
    assert A.spectral_bound() >= np.linalg.eigvalsh(exact)[-1] * (1 - 100 * EPS)


@pytest.mark.parametrize(("exterior", "nodes"), [(e, n) for e, n, _ in LAYOUTS])
def test_fourier_scheme_is_exact_on_eigenfunctions(exterior, nodes):
    grid = pide.Box(((0.0, 2.0), (0.0, 1.0))).grid(12, 10, nodes=nodes)
    x, y = grid.coordinates
    wave = np.sin if isinstance(exterior, pide.Zero) else np.cos
    v = wave(3 * math.pi * x / 2) * wave(2 * math.pi * y)
    mu = (3 * math.pi / 2) ** 2 + (2 * math.pi) ** 2
    A = pide.SpectralFractionalLaplacian(0.3).on(grid, exterior, scheme="fourier")
    assert np.abs(A(v) - mu**0.3 * v).max() <= 100 * EPS * A.spectral_bound()


def test_order_two_on_eigenfunctions():
    errors = []
    for count in (32, 64, 128):
        grid = pide.Interval(0, 1).grid(count)
        v = np.sin(2 * math.pi * grid.coordinates[0])
        A = pide.SpectralFractionalLaplacian(0.4).on(grid, pide.Zero())
        errors.append(np.abs(A(v) - (2 * math.pi) ** 0.8 * v).max())
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert np.all(np.abs(orders - 2) < 0.05)


def test_stationary_solution_is_the_series():
    """(-Delta)^s u = 1 on (0, pi), u = 0 at the ends: u = sum over odd k of 4 / (pi k^(1+2s)) sin k x."""
    s, grid = 0.75, pide.Interval(0, math.pi).grid(400)
    problem = pide.Stationary(pide.SpectralFractionalLaplacian(s), grid.domain, source=1.0, exterior=pide.Zero())
    u = pide.solve(problem, on=grid)
    assert "division by the eigenvalues" in u.record.choices["solver"]
    x = grid.coordinates[0]
    k = np.arange(1, 200_001, 2)
    exact = (4 / (math.pi * k ** (1 + 2 * s))) @ np.sin(np.outer(k, x[150:250:25]))
    assert np.abs(u.final[150:250:25] - exact).max() < 4 * grid.spacing[0] ** 2 + 2e-9


def test_heat_flow_is_exact():
    grid = pide.Interval(0, 1).grid(63, nodes="interior")
    v = np.sin(math.pi * grid.coordinates[0])
    heat = pide.Heat(
        pide.SpectralFractionalLaplacian(0.5), grid.domain, initial=lambda x: np.sin(math.pi * x), exterior=pide.Zero()
    )
    result = pide.solve(heat, on=grid, until=0.7)
    h = grid.spacing[0]
    rate = (2 * math.sin(math.pi * h / 2) / h) ** 1.0
    assert result.record.stepper.startswith("Exact")
    assert np.abs(result.final - math.exp(-0.7 * rate) * v).max() <= 100 * EPS


def test_eigenvalues_are_powers():
    grid = pide.Box(((0.0, math.pi), (0.0, math.pi))).grid(24, 24)
    A = pide.SpectralFractionalLaplacian(0.5)
    found = pide.solve(
        pide.Eigen(A, grid.domain, count=4, exterior=pide.Reflecting()), on=grid, scheme="fourier"
    ).values
    assert np.abs(np.sort(found) - np.array([0.0, 1.0, 1.0, math.sqrt(2.0)])).max() < 1e-9


def test_sums_and_multiples_stay_diagonal():
    grid = pide.Interval(0, 1).grid(16)
    A = pide.SpectralFractionalLaplacian(0.5) + 2.0 * pide.SpectralFractionalLaplacian(0.25)
    known = A.on(grid, pide.Zero()).diagonalisation()
    mu = (2 * np.sin(math.pi * np.arange(1, 17) / 32) * 16) ** 2
    assert known is not None
    assert np.allclose(known.eigenvalues, mu**0.5 + 2 * mu**0.25, rtol=1e-14, atol=0.0)
    mixed = pide.SpectralFractionalLaplacian(0.5) + pide.FractionalLaplacian(0.5)
    assert mixed.on(grid, pide.Zero()).diagonalisation() is None


def test_on_a_torus_it_is_the_fractional_laplacian():
    grid = pide.Torus((1.0, 2.0)).grid(8, 10)
    v = np.random.default_rng(0).standard_normal(grid.shape)
    for scheme in ("lattice", "fourier"):
        spectral = pide.SpectralFractionalLaplacian(0.4).on(grid, scheme=scheme)
        assert np.array_equal(spectral(v), pide.FractionalLaplacian(0.4).on(grid, scheme=scheme)(v))


@pytest.mark.parametrize("scheme", ["lattice", "fourier"])
@pytest.mark.parametrize(("exterior", "nodes"), [(e, n) for e, n, _ in LAYOUTS])
def test_claims_hold_and_are_certified(exterior, nodes, scheme):
    A = pide.SpectralFractionalLaplacian(0.3).on(pide.Interval(0, 2).grid(17, nodes=nodes), exterior, scheme=scheme)
    assert ("nonnegative_rates" in A.claims) == (scheme == "lattice")
    check(A).raise_if_failed()
    verdicts = {c.claim: c.verdict for c in certify(A).certificates}
    assert "REFUTED" not in verdicts.values()
    assert verdicts["self_adjoint"] == verdicts["positive_semidefinite"] == verdicts["energy_decay"] == "PROVED"
    check(-0.5 * A).raise_if_failed()


def test_a_sampled_positive_operator_is_not_refuted_for_its_sign():
    grid = pide.Interval(0, 1).grid(8)
    exact = pide.SpectralFractionalLaplacian(0.5).on(grid, pide.Zero()).to_dense()
    mine = pide.as_operator(
        lambda u: u @ exact, on=grid, claims={"linear", "positive_semidefinite", "nonnegative_rates"}
    )
    (rates,) = certify(mine, ["nonnegative_rates"]).certificates
    assert rates.verdict == "PROVED"
    worse = exact.copy()
    worse[0, 1] = worse[1, 0] = 0.1
    mine = pide.as_operator(lambda u: u @ worse, on=grid, claims={"positive_semidefinite", "nonnegative_rates"})
    (rates,) = certify(mine, ["nonnegative_rates"]).certificates
    assert rates.verdict == "REFUTED"


@pytest.mark.parametrize(("exterior", "nodes"), [(e, n) for e, n, _ in LAYOUTS])
def test_namespaces_agree(exterior, nodes):
    grid = pide.Box(((0.0, 1.0), (0.0, 1.0))).grid(6, 5, nodes=nodes)
    A = pide.SpectralFractionalLaplacian(0.7).on(grid, exterior)
    v = np.random.default_rng(1).standard_normal((3, *grid.shape))
    tolerance = 100 * EPS * A.spectral_bound() * np.abs(v).max()
    device = array_api_strict.Device("device1")
    strict = A(array_api_strict.asarray(v, device=device))
    assert strict.device == device
    back = np.asarray(array_api_strict.asarray(strict, device=array_api_strict.Device("CPU_DEVICE")))
    assert np.abs(back - A(v)).max() <= tolerance
    assert np.abs(A(torch.from_numpy(v)).numpy() - A(v)).max() <= tolerance
    single = A(torch.from_numpy(v).float())
    assert single.dtype == torch.float32


def test_gradient_in_s():
    grid = pide.Interval(0, 1).grid(7)
    v = torch.from_numpy(np.random.default_rng(2).standard_normal(grid.shape))

    def apply(s: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
        return pide.SpectralFractionalLaplacian(s).on(grid, pide.Zero())(u)

    s = torch.tensor(0.4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(apply, (s, v.requires_grad_()))


@given(count=st.integers(1, 20))
def test_half_sines_off_numpy(count):
    u = np.random.default_rng(count).standard_normal((2, count, count + 1))
    mine = half_sine_transform(torch.from_numpy(u), 2)
    assert np.allclose(mine.numpy(), scipy.fft.dstn(u, type=2, axes=(1, 2)), rtol=0, atol=100 * EPS * u.size)
    assert np.allclose(inverse_half_sine_transform(mine, 2).numpy(), u, rtol=0, atol=100 * EPS * u.size)


@pytest.mark.parametrize(
    ("grid", "exterior", "remedy"),
    [
        (pide.Ball(radius=1.0, dimension=2).grid(spacing=0.2), pide.Zero(), "Write FractionalLaplacian"),
        (pide.Interval(0, 1).grid(16), pide.Value(lambda x: x), r"Write Zero\(\)"),
        (pide.Interval(0, 1).grid(16, nodes="interior"), pide.Reflecting(), r"or exterior=Zero\(\)"),
        (pide.Grid(pide.Interval(0, 1), (10,), (0.1,), (0.02,)), pide.Zero(), "cell centres"),
    ],
)
def test_errors_say_what_to_write(grid, exterior, remedy):
    with pytest.raises(ValueError, match=remedy):
        pide.SpectralFractionalLaplacian(0.5).on(grid, exterior)


def test_order_and_engine_are_checked():
    with pytest.raises(ValueError, match="0 < s < 1"):
        pide.SpectralFractionalLaplacian(1.0)
    with pytest.raises(ValueError, match="fast transforms only"):
        pide.SpectralFractionalLaplacian(0.5).on(pide.Interval(0, 1).grid(8), pide.Zero(), engine="stencil")

"""The dispatch table: schemes, exteriors, coefficients, images, and what is refused."""

import numpy as np
import pytest
import scipy.fft
from scipy.special import zeta

import pide
from pide import kernels


def dense_rates(octant, scale=1.0):
    """Full matrix of beta_|i-j| on a 1-D lattice of len(octant) nodes."""
    i = np.arange(octant.size)
    return scale * octant[np.abs(i[:, None] - i[None, :])]


def test_every_scheme_says_itself_in_the_notes():
    grid = pide.Torus((1.0,)).grid(32)
    for scheme in ("lattice", "fourier", "compatible"):
        A = pide.FractionalLaplacian(0.5).on(grid, scheme=scheme)
        assert any(f"scheme: {scheme}" in note for note in A.notes)
        assert any("engine: fft" in note for note in A.notes)
    assert any("lattice" in note for note in pide.FractionalLaplacian(0.5).on(grid).notes)
    L = pide.NonlocalDiffusion(kernels.Constant(horizon=0.1)).on(grid)
    assert any("scheme: compatible" in note for note in L.notes)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_fourier_schemes_are_exact_on_modes(n):
    grid = pide.Torus((1.0, 2.0, 1.5)[:n]).grid(*(8, 10, 6)[:n])
    k = [2 * np.pi / L * j for L, j in zip((1.0, 2.0, 1.5), (1, 2, 1), strict=True)][:n]
    u = grid.sample(lambda *x: np.cos(sum(a * b for a, b in zip(k, x, strict=True))))
    modulus = np.sqrt(sum(a**2 for a in k))
    kernel = kernels.Gaussian(width=0.2)
    for A, value in (
        (pide.FractionalLaplacian(0.3).on(grid, scheme="fourier"), modulus**0.6),
        (pide.Laplacian().on(grid, scheme="fourier"), -(modulus**2)),
        (pide.NonlocalDiffusion(kernel).on(grid, scheme="fourier"), float(kernel.symbol(np.array(modulus), n))),
        (pide.Multiplier(lambda *q: np.exp(-sum(c**2 for c in q) / 100)).on(grid), np.exp(-(modulus**2) / 100)),
    ):
        np.testing.assert_allclose(A(u), value * u, rtol=0, atol=64 * np.finfo(float).eps * A.spectral_bound())


def test_a_complex_multiplier_differentiates_and_has_the_transposed_adjoint():
    grid = pide.Torus((2 * np.pi,)).grid(16)
    D = pide.Multiplier(lambda k: 1j * k).on(grid)
    np.testing.assert_allclose(D(grid.sample(np.sin)), np.cos(grid.axes[0]), atol=1e-13)
    np.testing.assert_allclose(D.adjoint.to_dense(), D.to_dense().T, atol=1e-13)
    assert "self_adjoint" not in D.claims
    with pytest.raises(ValueError, match="Symmetrise m"):
        pide.Multiplier(lambda k: 1j * k**2).on(grid)
    with pytest.raises(ValueError, match="Define it at k = 0 too"):
        pide.Multiplier(lambda k: np.where(k == 0, np.inf, 1.0)).on(grid)


def test_periodic_lattice_power_is_the_image_sum_of_the_lattice_weights():
    """Circulant of the torus = sum over images of the weights on Z: beta_{j + mN} summed, tail by Hurwitz zeta."""
    s, N = 0.7, 8
    A = pide.FractionalLaplacian(s).on(pide.Torus((float(N),)).grid(N))
    column = A.to_dense()[:, 0]
    from pide.quadrature.lattice import lattice_weights

    reach = 4000
    octant = lattice_weights(s, (1.0,), (reach,)).octant
    images = reach // N - 1
    for j in range(1, N):
        offsets = np.abs(j + N * np.arange(-images, images))
        tail_constant = octant[reach] * reach ** (1 + 2 * s)
        both_sides = zeta(1 + 2 * s, images + j / N) + zeta(1 + 2 * s, images + 1 - j / N)
        tail = tail_constant * N ** (-1 - 2 * s) * both_sides
        assert -column[j] == pytest.approx(octant[offsets].sum() + tail, rel=1e-7)


def test_images_of_a_gaussian_match_its_symbol():
    """Poisson summation: the image sum has the continuum symbol at the wavenumbers of the torus, up to O(h^2)."""
    kernel = kernels.Gaussian(width=0.4)
    errors = []
    for N in (16, 32, 64):
        L = pide.NonlocalDiffusion(kernel, images=True).on(pide.Torus((1.0,)).grid(N))
        exact = kernel.symbol(2 * np.pi * np.arange(1, 4), 1)
        errors.append(np.abs(L.symbol()[1:4] - exact).max())
        np.testing.assert_allclose(L(np.ones(N)), 0.0, atol=0)
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert orders.min() > 1.8


def test_images_of_a_power_law_state_their_tail():
    A = pide.FractionalLaplacian(0.5).on(pide.Torus((1.0, 1.0)).grid(16), scheme="compatible")
    assert any("spread over the period" in note for note in A.notes)
    exact = 2 * np.pi
    assert A.symbol()[1, 0] == pytest.approx(exact, rel=0.02)


@pytest.mark.parametrize("mean", ["geometric", "arithmetic"])
@pytest.mark.parametrize("exterior", [pide.Zero(), pide.Reflecting()])
def test_variable_coefficients_enter_the_rates(mean, exterior):
    def a(x):
        return 1 + x**2

    grid = pide.Interval(0, 1).grid(20)
    kernel = kernels.Linear(horizon=0.21)
    L = pide.NonlocalDiffusion(kernel, coefficient=a, mean=mean).on(grid, exterior=exterior)
    octant = pide.NonlocalDiffusion(kernel).on(pide.Interval(-2, 3).grid(100), exterior=exterior).weights.octant
    big = np.zeros(100)
    big[: octant.size] = octant[:100]
    x = pide.Interval(-2, 3).grid(100).axes[0]
    factor = np.sqrt(np.outer(a(x), a(x))) if mean == "geometric" else (a(x)[:, None] + a(x)[None, :]) / 2
    W = dense_rates(big) * factor
    inner = slice(40, 60)
    rates = W[inner].sum(axis=1) if isinstance(exterior, pide.Zero) else W[inner, inner].sum(axis=1)
    expected = W[inner, inner] - np.diag(rates)
    np.testing.assert_allclose(L.to_dense(), expected, rtol=0, atol=1e-11 * rates.max())
    assert np.abs(np.linalg.eigvalsh(expected)).max() <= L.spectral_bound()
    assert rates.max() <= L.rate_bound()


def test_value_data_equal_the_extended_operator():
    """L u + load on Omega is L of the extended function: exact for the same weights."""
    grid = pide.Ball(radius=0.5, dimension=2).grid(spacing=0.1)
    kernel = kernels.Constant(horizon=0.25)

    def g(x, y):
        return 1 + x + x * y

    L = pide.NonlocalDiffusion(kernel).on(grid, exterior=pide.Value(g))
    large = pide.Torus((2.0, 2.0), lower=(-0.95, -0.95)).grid(20)
    whole = pide.NonlocalDiffusion(kernel).on(large)(large.sample(g))
    restricted = whole[5:15, 5:15]
    np.testing.assert_allclose(
        (L(grid.sample(g)) + L.load)[grid.inside], restricted[grid.inside], rtol=0, atol=1e-11 * L.spectral_bound()
    )


def test_infinite_horizon_data_need_an_extent():
    grid = pide.Interval(-1, 1).grid(40)
    with pytest.raises(ValueError, match=r"Write Value\(g, extent=R\)"):
        pide.FractionalLaplacian(0.5).on(grid, exterior=pide.Value(lambda x: 0 * x))
    bump = pide.Value(lambda x: np.exp(-(x**2)), extent=5.0)
    near, far = (
        pide.FractionalLaplacian(0.5).on(grid, exterior=e) for e in (bump, pide.Value(bump.g, extent=7.0))
    )
    np.testing.assert_allclose(near.load, far.load, atol=1e-9)


def test_killing_vanishes_where_the_horizon_cannot_reach_out():
    grid = pide.Box(((-1, 1), (-1, 1))).grid(40)
    L = pide.NonlocalDiffusion(kernels.Constant(horizon=0.2)).on(grid, exterior=pide.Zero())
    depth = -grid.domain.signed_distance(*grid.coordinates)
    assert (L.killing[depth > 0.2 + 0.05 * np.sqrt(2)] == 0).all()
    assert (L.killing[depth < 0.1] > 0).all()
    u = grid.sample(1.0)
    np.testing.assert_array_equal(L(u), -L.killing)


def test_the_fourier_preconditioner_symbol_is_the_cosine_sum():
    grid = pide.Interval(-1, 1).grid(7, nodes="interior")
    A = pide.FractionalLaplacian(0.4).on(grid, exterior=pide.Zero())
    theta = np.pi * np.arange(1, 8) / 8
    j = np.arange(1, 7)
    expected = A.weights.rate - 2 * np.cos(np.outer(theta, j)) @ A.weights.octant[1:7]
    np.testing.assert_allclose(A.dirichlet_symbol(), expected, rtol=1e-12)


def test_gradients_reach_the_order_s():
    torch = pytest.importorskip("torch")
    s = torch.tensor(0.6, dtype=torch.float64, requires_grad=True)
    u = torch.rand(10, dtype=torch.float64, requires_grad=True)
    interval, torus = pide.Interval(-1, 1).grid(10), pide.Torus((2.0,)).grid(10)
    for grid, exterior, scheme in (
        (interval, pide.Zero(), "lattice"),
        (interval, pide.Reflecting(), "lattice"),
        (torus, None, "lattice"),
        (torus, None, "fourier"),
    ):

        def apply(s, u, grid=grid, exterior=exterior, scheme=scheme):
            return pide.FractionalLaplacian(s).on(grid, exterior=exterior, scheme=scheme).apply(u)

        assert torch.autograd.gradcheck(apply, (s, u))


def test_gradients_reach_the_kernel_width():
    torch = pytest.importorskip("torch")
    width = torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
    u = torch.rand(10, dtype=torch.float64, requires_grad=True)
    grid = pide.Interval(-1, 1).grid(10)

    def apply(width, u):
        return pide.NonlocalDiffusion(kernels.Gaussian(width=width)).on(grid, exterior=pide.Reflecting()).apply(u)

    assert torch.autograd.gradcheck(apply, (width, u))


TORUS, BOX = pide.Torus((1.0,)), pide.Interval(0, 1)


@pytest.mark.parametrize(
    ("A", "domain", "options", "remedy"),
    [
        (pide.NonlocalDiffusion(kernels.Constant(horizon=0.6)), TORUS, {}, r"images=True\) to sum them"),
        (pide.NonlocalDiffusion(kernels.Gaussian(width=0.1)), TORUS, {}, "images=True"),
        (pide.Laplacian(), BOX, {}, r"Write exterior=Zero\(\), Value\(g\) or Reflecting\(\)"),
        (pide.Laplacian(), TORUS, {"exterior": pide.Zero()}, "Leave exterior out"),
        (pide.Laplacian(), TORUS, {"scheme": "latice"}, "Did you mean 'lattice'"),
        (pide.Laplacian(), BOX, {"scheme": "fourier", "exterior": pide.Zero()}, "needs a torus, not Interval"),
        (pide.Laplacian(), TORUS, {"engine": "numba"}, "'auto', 'fft', 'stencil'"),
        (pide.Laplacian(), TORUS, {"tol": 1e-3}, "belong to point clouds"),
        (
            pide.NonlocalDiffusion(kernels.Constant(horizon=0.1), coefficient=lambda x: x - 0.5),
            BOX,
            {"exterior": pide.Reflecting()},
            "Add a positive floor",
        ),
        (
            pide.NonlocalDiffusion(kernels.Gaussian(width=0.1), coefficient=lambda x: 1 + x**2),
            BOX,
            {"exterior": pide.Zero()},
            r"exterior=Reflecting\(\)",
        ),
        (
            pide.NonlocalDiffusion(kernels.Constant(horizon=0.7), images=True),
            TORUS,
            {"engine": "stencil"},
            "Write engine='fft'",
        ),
    ],
)
def test_errors_say_what_to_write(A, domain, options, remedy):
    with pytest.raises(ValueError, match=remedy):
        A.on(domain.grid(20), **options)


@pytest.mark.parametrize(
    ("make", "remedy"),
    [
        (lambda: pide.Laplacian().on(BOX), r"Write A\.on\(domain\.grid\(64\)\)"),
        (lambda: pide.NonlocalDiffusion(lambda r: r), r"kernels\.Radial\(f, horizon=\.\.\.\)"),
        (lambda: pide.Laplacian().on(BOX.grid(4), exterior="zero"), r"write Zero\(\), Value\(g\)"),
    ],
)
def test_wrong_types_are_named(make, remedy):
    with pytest.raises(TypeError, match=remedy):
        make()


def test_an_order_outside_the_unit_interval_is_refused():
    with pytest.raises(ValueError, match=r"0 < s < 1\. If you meant the order alpha = 2 s, pass s=alpha/2\."):
        pide.FractionalLaplacian(s=1.5)


def test_sobolev_norms_satisfy_the_fractional_identity():
    """(c_{n,s}/2) |v|^2 = <(-Delta)^s v, v> and, on the torus, sum |k|^{2s} |v_k|^2."""
    from pide.continuum.constants import fractional_constant

    s, errors = 0.4, []
    for N in (32, 64, 128):
        grid = pide.Torus((2 * np.pi,)).grid(N)
        v = grid.sample(lambda x: np.exp(np.cos(x)))
        half = 0.5 * fractional_constant(1, s) * pide.gagliardo_seminorm(v, s, grid) ** 2
        modes = np.abs(scipy.fft.fft(v, norm="forward")) ** 2
        exact = 2 * np.pi * np.sum(np.abs(scipy.fft.fftfreq(N, 1 / N)) ** (2 * s) * modes)
        errors.append(abs(half / exact - 1))
        norm = pide.sobolev_norm(v, s, grid)
        assert norm**2 == pytest.approx(grid.inner(v, v) + pide.gagliardo_seminorm(v, s, grid) ** 2, rel=1e-13)
    assert np.log2(errors[0] / errors[1]) > 1.5
    assert errors[-1] < 1e-3

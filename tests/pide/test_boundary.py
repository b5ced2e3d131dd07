"""Boundary correction against closed-form torsion functions, eigenvalues, and its own structure."""

import numpy as np
import pytest
from scipy.fft import dstn
from scipy.sparse.linalg import LinearOperator, cg
from scipy.special import gamma

import pide
from pide.operators.boundary import EVOLUTION_CAP
from pide.operators.halfline import halfline_defect


def torsion_image(semiaxes, s):
    """(-Delta)^s of (1 - sum x_i^2 / a_i^2)^s_+, a constant (Dyda, Kuznetsov and Kwasnicki 2017; linear maps)."""
    n = len(semiaxes)
    if n == 1:
        mean = semiaxes[0] ** (-2 * s)
    elif n == 2:
        angle = 2 * np.pi * np.arange(4000) / 4000
        mean = np.mean((np.cos(angle) ** 2 / semiaxes[0] ** 2 + np.sin(angle) ** 2 / semiaxes[1] ** 2) ** s)
    else:
        assert semiaxes == (1.0, 1.0, 1.0)
        mean = 1.0
    return 4**s * gamma(1 + s) * gamma(n / 2 + s) / gamma(n / 2) * mean


def solve_torsion(A, semiaxes, s, tol=1e-9):
    """(relative l2 error at the nodes, CG iterations) of A u = const."""
    grid = A.space
    exact = np.maximum(1 - sum((x / a) ** 2 for x, a in zip(grid.coordinates, semiaxes, strict=True)), 0.0) ** s
    exact = grid.compress(exact * grid.inside)
    rate, tau, iterations = A.weights.rate, A.dirichlet_symbol(), []
    scale = np.sqrt(rate / np.maximum(grid.compress(A.diagonal()), rate))
    norm = np.prod([2 * (n + 1) for n in grid.shape])

    def apply(v):
        return scale * grid.compress(A.apply(grid.expand(scale * v.ravel())))

    def precondition(v):
        return grid.compress(dstn(dstn(grid.expand(v.ravel()), 1) / tau, 1)) / norm

    shape = (grid.count, grid.count)
    y, info = cg(
        LinearOperator(shape, apply), scale * torsion_image(semiaxes, s), rtol=tol, maxiter=200,
        M=LinearOperator(shape, precondition), callback=lambda _: iterations.append(1),
    )  # fmt: skip
    assert info == 0
    return float(np.linalg.norm(scale * y - exact) / np.linalg.norm(exact)), len(iterations)


def discretised(domain, s, h, shift, scheme="auto"):
    grid = domain.grid(spacing=h, origin=tuple(h * c for c in shift))
    return pide.FractionalLaplacian(s).on(grid, exterior=pide.Zero(), scheme=scheme)


def test_the_half_line_defect_is_the_defining_sum():
    """Against the sum continued to 4e6 terms with the integral of the tail, at three offsets."""
    from pide.quadrature.lattice import lattice_weights

    s, depth, M = 0.3, 5, 400_000
    weights = lattice_weights(s, (1.0,), (M + depth,))
    K = -np.array(weights.octant)
    K[0] = weights.rate
    for offset in (0.2, 0.5, 1.0):
        g = halfline_defect(s, offset, depth)
        k = np.arange(M)
        for j in range(depth):
            near = K[np.abs(k - j)] @ (k + offset) ** s
            c = -K[M] * M ** (1 + 2 * s)
            y = np.geomspace(M - 0.5, 1e30, 400_001)
            f = c * (y - j) ** (-1 - 2 * s) * (y + offset) ** s * y
            tail = np.trapezoid(f, np.log(y))
            assert g[j] == pytest.approx(near - tail, abs=2e-9)


@pytest.mark.parametrize("s", [0.25, 0.4, 0.5, 0.6, 0.75, 0.9])
def test_order_on_the_interval(s):
    """Observed order at least 1 + s/2 over N = 128, 512, 2048 on a lattice shifted off symmetry."""
    errors = []
    for N in (128, 512, 2048):
        A = discretised(pide.Ball(radius=1.0, dimension=1), s, 2 / N, (0.3,))
        errors.append(solve_torsion(A, (1.0,), s, tol=1e-11)[0])
    orders = np.log(np.array(errors[:-1]) / errors[1:]) / np.log(4)
    assert orders.min() >= 1 + s / 2
    if s == 0.25:
        assert (np.array(errors) <= [1.5e-4, 2.5e-5, 5e-6]).all()


@pytest.mark.parametrize(("s", "bound"), [(0.25, 3e-4), (0.5, 2e-4), (0.75, 1.2e-4)])
def test_disc_of_twelve_thousand_unknowns(s, bound):
    disc = pide.Ball(radius=1.0, dimension=2)
    plain, _ = solve_torsion(discretised(disc, s, 2.2 / 128, (0.3, 0.17), "lattice"), (1.0, 1.0), s)
    error, iterations = solve_torsion(discretised(disc, s, 2.2 / 128, (0.3, 0.17)), (1.0, 1.0), s)
    assert error <= bound
    assert error < plain / 20
    assert iterations <= 35


@pytest.mark.slow
@pytest.mark.parametrize(("s", "bound"), [(0.25, 5e-5), (0.5, 2e-5), (0.75, 6e-6)])
def test_disc_of_many_unknowns(s, bound):
    A = discretised(pide.Ball(radius=1.0, dimension=2), s, 2.2 / 512, (0.3, 0.17))
    assert solve_torsion(A, (1.0, 1.0), s)[0] <= bound


@pytest.mark.parametrize("s", [0.25, 0.5, 0.75])
def test_order_on_an_ellipse(s):
    """Ratio 3:1, least radius of curvature 1/9: order above 1 from h = 1/58 to 1/116, far below the plain error."""
    ellipse, semiaxes = pide.Ellipsoid((1.0, 1 / 3)), (1.0, 1 / 3)
    coarse, fine = (
        solve_torsion(discretised(ellipse, s, 2.2 / (N + 1), (0.3, 0.17)), semiaxes, s)[0] for N in (127, 255)
    )
    plain = solve_torsion(discretised(ellipse, s, 2.2 / 256, (0.3, 0.17), "lattice"), semiaxes, s)[0]
    assert np.log2(coarse / fine) > 1.0
    assert fine < plain / 10


@pytest.mark.parametrize(("s", "bound"), [(0.25, 5e-4), (0.5, 7e-4), (0.75, 9e-4)])
def test_ball_in_three_dimensions(s, bound):
    A = discretised(pide.Ball(radius=1.0, dimension=3), s, 2.2 / 49, (0.3, 0.17, 0.41))
    assert solve_torsion(A, (1.0, 1.0, 1.0), s)[0] <= bound


def test_the_matrix_stays_symmetric_and_positive():
    A = discretised(pide.Ellipsoid((1.0, 0.6)), 0.5, 0.08, (0.3, 0.17))
    dense = A.to_dense()
    np.testing.assert_allclose(dense, dense.T, rtol=0, atol=1e-12 * np.abs(dense).max())
    eigenvalues = np.linalg.eigvalsh(dense)
    assert eigenvalues[0] > 0
    assert eigenvalues[-1] <= A.spectral_bound()


def test_the_first_eigenvalue_of_the_disc():
    """2.006119032938897 for s = 1/2 (Dyda, Kuznetsov and Kwasnicki 2017), far better than the plain restriction."""
    from scipy.linalg import eigh

    errors = {}
    for scheme in ("lattice", "corrected"):
        A = discretised(pide.Ball(radius=1.0, dimension=2), 0.5, 2.2 / 50, (0.3, 0.17), scheme)
        first = eigh(A.to_dense(), eigvals_only=True, subset_by_index=(0, 0))[0]
        errors[scheme] = abs(first - 2.006119032938897)
    assert errors["corrected"] < errors["lattice"] / 20


def test_evolutions_cap_the_correction():
    from pide.discretise import discretise

    grid = pide.Ball(radius=1.0, dimension=2).grid(spacing=0.05, origin=(0.015, 0.0085))
    plain, steady = (
        pide.FractionalLaplacian(0.75).on(grid, exterior=pide.Zero(), scheme=scheme) for scheme in ("lattice", "auto")
    )
    evolving = discretise(pide.FractionalLaplacian(0.75), grid, exterior=pide.Zero(), evolution=True)
    D = evolving.killing - plain.killing
    assert D.max() == pytest.approx(EVOLUTION_CAP * plain.weights.rate, rel=1e-12)
    largest = [np.linalg.eigvalsh(A.to_dense())[-1] for A in (plain, evolving, steady)]
    assert largest[1] < 2.5 * largest[0]
    assert largest[2] > 5 * largest[0]


def test_claims_follow_the_sign_of_kappa_plus_d():
    A = discretised(pide.Ball(radius=1.0, dimension=2), 0.5, 2.2 / 64, (0.3, 0.17))
    monotone = {"nonnegative_rates", "maximum_principle", "sub_markov"}
    if A.killing.min() < 0:
        assert A.claims.isdisjoint(monotone)
        assert any("no maximum principle is claimed" in note for note in A.notes)
    else:
        assert monotone <= A.claims
    assert {"self_adjoint", "positive_semidefinite"} <= A.claims


def test_corners_keep_the_plain_restriction_and_say_so():
    square = pide.Box(((-1, 1), (-1, 1))).grid(64)
    A = pide.FractionalLaplacian(0.5).on(square, exterior=pide.Zero())
    plain = pide.FractionalLaplacian(0.5).on(square, exterior=pide.Zero(), scheme="lattice")
    assert any("near corners" in note for note in A.notes)
    assert A.killing[0, 0] == plain.killing[0, 0]
    assert A.killing[0, 32] != plain.killing[0, 32]


def test_gradient_of_the_correction_in_s():
    torch = pytest.importorskip("torch")
    s = torch.tensor(0.6, dtype=torch.float64, requires_grad=True)
    for domain, counts, dimension in ((pide.Interval(-1, 1), (12,), 1), (pide.Ball(radius=1.0, dimension=2), (12,), 2)):
        grid = domain.grid(*counts)
        u = torch.asarray(grid.sample(lambda *x: 1 + x[0]))
        exterior = pide.Zero()

        def apply(s, grid=grid, u=u, exterior=exterior):
            return pide.FractionalLaplacian(s).on(grid, exterior=exterior).apply(u)

        assert any("corrected" in note for note in pide.FractionalLaplacian(s).on(grid, exterior=exterior).notes)
        assert torch.autograd.gradcheck(apply, (s,))
        same = pide.FractionalLaplacian(0.6).on(grid, exterior=exterior).apply(u.numpy())
        np.testing.assert_allclose(apply(s).detach().numpy(), same, rtol=0, atol=1e-11 * np.abs(same).max())
        assert grid.dimension == dimension


DISC = pide.Ball(radius=1.0, dimension=2)


@pytest.mark.parametrize(
    ("grid", "remedy"),
    [
        (pide.Ball(radius=1.0, dimension=2).grid(3), "thinner than 4 h .*Take a smaller spacing"),
        (pide.Mask(np.ones((8, 8), dtype=bool), spacing=0.1).grid(), "Describe the domain by a SignedDistance"),
        (
            pide.SignedDistance(lambda x, y: 3 * (x**2 + y**2 - 1), ((-1.1, 1.1), (-1.1, 1.1))).grid(spacing=0.1),
            r"Give a true distance, for example f / \|grad f\|",
        ),
        (pide.Ellipsoid((1.0, 0.5)).grid(16, 16), r"Write grid\(spacing=h\) with one number"),
    ],
)
def test_where_no_correction_applies(grid, remedy):
    A = pide.FractionalLaplacian(0.5)
    with pytest.raises(ValueError, match=remedy):
        A.on(grid, exterior=pide.Zero(), scheme="corrected")
    fallback = A.on(grid, exterior=pide.Zero())
    assert any("plain restriction, first order at best" in note for note in fallback.notes)
    with pytest.raises(ValueError, match=r"correction is for exterior=Zero\(\)"):
        A.on(grid, exterior=pide.Reflecting(), scheme="corrected")

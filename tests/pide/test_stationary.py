"""Steady solves: closed-form torsion functions, manufactured data, dense solves, iteration counts, refusals."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.special import gamma

import pide
from pide.continuum.stationary import Stationary
from pide.errors import NotConverged
from pide.solvers.linear import conjugate_gradients
from pide.solvers.stationary import solve_stationary, solve_system
from pide.solvers.steady_inverse import steady_inverse

REFERENCE = {
    entry["id"]: entry
    for entry in json.loads((Path(__file__).parent.parent / "reference" / "manufactured.json").read_text())["entries"]
}
SQUARE = pide.Box(((-1, 1), (-1, 1)))
LINE = pide.Interval(-1, 1)


def mean_power(semiaxes: tuple[float, ...], s: float) -> float:
    """Mean of (sum_i theta_i^2 / a_i^2)^s over unit vectors, by product quadrature."""
    if len(semiaxes) == 1:
        return semiaxes[0] ** (-2 * s)
    phi = 2 * np.pi * np.arange(2000) / 2000
    if len(semiaxes) == 2:
        return float(np.mean(((np.cos(phi) / semiaxes[0]) ** 2 + (np.sin(phi) / semiaxes[1]) ** 2) ** s))
    z, w = np.polynomial.legendre.leggauss(100)
    rho = np.sqrt(1 - z**2)[:, None]
    square = (rho * np.cos(phi) / semiaxes[0]) ** 2 + (rho * np.sin(phi) / semiaxes[1]) ** 2
    return float((w[:, None] * (square + (z[:, None] / semiaxes[2]) ** 2) ** s).sum() / (2 * phi.size))


def torsion_error(domain, semiaxes, s, spacing, scheme):
    """Relative l2 error of the torsion function of an ellipsoid on a lattice shifted off symmetry (Getoor 1961)."""
    n = len(semiaxes)
    grid = domain.grid(spacing=spacing, origin=tuple(spacing * shift for shift in (0.3, 0.17, 0.41)[:n]))
    f = 4**s * gamma(1 + s) * gamma(n / 2 + s) / gamma(n / 2) * mean_power(semiaxes, s)
    result = pide.solve(Stationary(pide.FractionalLaplacian(s), domain, source=f), on=grid, tol=1e-9, scheme=scheme)
    square = sum((x / a) ** 2 for x, a in zip(grid.coordinates, semiaxes, strict=True))
    exact = np.where(grid.inside, np.maximum(1 - square, 0.0), 0.0) ** s
    return float(grid.norm(result.final - exact) / grid.norm(exact))


@pytest.mark.parametrize("s", [0.25, 0.5, 0.75])
def test_torsion_on_the_interval_converges_plain_and_corrected(s):
    domain = pide.Ball(radius=1.0, dimension=1)
    for scheme, order in (("lattice", min(0.5 + s, 1.0) - 0.15), ("corrected", 1.0)):
        errors = [torsion_error(domain, (1.0,), s, 2 / n, scheme) for n in (64, 256, 1024)]
        observed = np.log(errors[0] / errors[-1]) / np.log(16)
        assert observed >= order, (scheme, errors)


@pytest.mark.parametrize(
    ("domain", "semiaxes", "spacing"),
    [
        (pide.Ball(radius=1.0, dimension=2), (1.0, 1.0), 1 / 24),
        (pide.Ellipsoid((1.0, 0.5)), (1.0, 0.5), 1 / 32),
        (pide.Ball(radius=1.0, dimension=3), (1.0, 1.0, 1.0), 1 / 10),
    ],
    ids=["disc", "ellipse", "ball"],
)
def test_torsion_in_the_plane_and_in_space(domain, semiaxes, spacing):
    errors = [torsion_error(domain, semiaxes, 0.5, h, "lattice") for h in (spacing, spacing / 2)]
    assert 1.5 < errors[0] / errors[1] < 3.0
    assert errors[1] < 0.5 * spacing / min(semiaxes)


@pytest.mark.parametrize("name", ["constant", "linear"])
@pytest.mark.parametrize("horizon", ["0.1", "0.2"])
def test_exterior_values(name, horizon):
    """u = x^2 (1 - x^2) everywhere (Du, Gunzburger, Lehoucq and Zhou 2012), -L u = f, order two."""
    entry = REFERENCE[f"nl.mms.{name}.d{horizon}"]
    kernel = {"constant": pide.kernels.Constant, "linear": pide.kernels.Linear}[name](horizon=float(horizon))
    points, values = (np.array(entry[key], dtype=float) for key in ("points", "values"))
    fourth_moment = float(np.mean(values - 12 * points**2 + 2))
    np.testing.assert_allclose(values, 12 * points**2 - 2 + fourth_moment, rtol=1e-12)
    domain = pide.Interval(0, 1)
    problem = Stationary(
        pide.NonlocalDiffusion(kernel),
        domain,
        source=lambda x: -(12 * x**2 - 2 + fourth_moment),
        exterior=pide.Value(lambda x: x**2 * (1 - x**2)),
    )
    errors = []
    for count in (40, 80, 160):
        grid = domain.grid(count)
        x = grid.coordinates[0]
        u = pide.solve(problem, on=grid, tol=1e-11).final
        errors.append(float(np.abs(u - x**2 * (1 - x**2)).max()))
    assert errors[-1] < 2e-4
    assert min(np.log2(np.array(errors[:-1]) / errors[1:])) > 1.8, errors


@pytest.mark.parametrize(
    ("operator", "domain", "exterior"),
    [
        (pide.FractionalLaplacian(0.6), pide.Ball(radius=1.0, dimension=2), pide.Zero()),
        (-1.0 * pide.FractionalLaplacian(0.6), pide.Box(((-1, 1), (-1, 2))), pide.Zero()),
        (pide.NonlocalDiffusion(pide.kernels.Gaussian(width=0.4)), pide.Ball(radius=1.0, dimension=2), pide.Zero()),
        (pide.FractionalLaplacian(0.8) - pide.Laplacian(), pide.Ellipsoid((1.0, 0.6)), pide.Zero()),
        (
            pide.NonlocalDiffusion(pide.kernels.Constant(horizon=0.4), coefficient=lambda x, y: 2 + x),
            pide.Ball(radius=1.0, dimension=2),
            pide.Zero(),
        ),
        (
            pide.NonlocalDiffusion(pide.kernels.TwoPoint(lambda x, y: 1.0 + (x[0] - y[0]) ** 2, horizon=0.5)),
            SQUARE,
            pide.Zero(),
        ),
    ],
    ids=["fractional", "minus", "integrable", "sum", "coefficient", "two-point"],
)
def test_solution_against_a_dense_solve(operator, domain, exterior):
    grid = domain.grid(14)
    rng = np.random.default_rng(1)
    f = grid.sample(lambda *x: np.cos(x[0]) + 0.1 * rng.standard_normal(grid.shape))
    result = pide.solve(Stationary(operator, domain, source=f, exterior=exterior), on=grid, tol=1e-12)
    dense = np.linalg.solve(result.operator.to_dense(), grid.compress(f))
    np.testing.assert_allclose(grid.compress(result.final), dense, rtol=0, atol=1e-9 * np.abs(dense).max())
    assert result.record.history[-1] <= 1e-12 < result.record.history[-2]


def test_right_hand_sides_are_solved_together_as_alone():
    grid = SQUARE.grid(24)
    f = np.random.default_rng(2).standard_normal((2, 3, *grid.shape))
    together = pide.solve(Stationary(pide.FractionalLaplacian(0.7), SQUARE, source=f), on=grid, tol=1e-12)
    assert together.final.shape == f.shape
    alone = pide.solve(Stationary(pide.FractionalLaplacian(0.7), SQUARE, source=f[1, 2]), on=grid, tol=1e-12)
    np.testing.assert_allclose(together.final[1, 2], alone.final, rtol=0, atol=1e-10 * np.abs(alone.final).max())


@pytest.mark.parametrize("s", [0.1, 0.5, 0.75, 0.95])
def test_iterations_on_boxes_do_not_grow(s):
    counts = []
    for nodes in (64, 150, 512):
        A = pide.FractionalLaplacian(s).on(SQUARE.grid(nodes), exterior=pide.Zero(), scheme="lattice")
        f = A.space.sample(lambda x, y: 1.0 + x * (y > 0))
        counts.append(conjugate_gradients(A.apply, f, dimension=2, precondition=steady_inverse(A)[0]).iterations)
    assert max(counts) <= 10, counts


@pytest.mark.parametrize("scheme", ["lattice", "corrected"])
@pytest.mark.parametrize("s", [0.25, 0.5, 0.75, 0.9])
def test_iterations_on_the_disc_hardly_grow(s, scheme):
    counts, disc = [], pide.Ball(radius=1.0, dimension=2)
    for nodes in (64, 200):
        grid = disc.grid(spacing=2.2 / nodes, origin=(0.3 / nodes, 0.17 / nodes))
        A = pide.FractionalLaplacian(s).on(grid, exterior=pide.Zero(), scheme=scheme)
        f = grid.sample(1.0)
        counts.append(conjugate_gradients(A.apply, f, dimension=2, precondition=steady_inverse(A)[0]).iterations)
    assert max(counts) <= 25, counts


@pytest.mark.parametrize(
    ("operator", "domain", "exterior"),
    [
        (pide.FractionalLaplacian(0.7), pide.Ellipsoid((1.0, 0.6)), pide.Zero()),
        (pide.FractionalLaplacian(0.7), pide.Ellipsoid((1.0, 0.6)), pide.Reflecting()),
        (
            pide.NonlocalDiffusion(pide.kernels.Constant(horizon=0.3), coefficient=lambda x, y: 2 + np.cos(x)),
            pide.Torus((1.0, 1.0)),
            None,
        ),
    ],
    ids=["zero", "reflecting", "torus"],
)
def test_preconditioner_is_symmetric_and_positive(operator, domain, exterior):
    grid = domain.grid(80, 60)
    A = operator.on(grid, exterior=exterior, scheme="lattice" if exterior is not None else "auto")
    inverse, name = steady_inverse(A if A.definiteness > 0 else -A)
    assert name != "none"
    u, v = (grid.restricted(np.random.default_rng(seed).standard_normal(grid.shape)) for seed in (3, 4))
    left, right, own = grid.inner(inverse(u), v), grid.inner(u, inverse(v)), grid.inner(u, inverse(u))
    assert own > 0
    assert abs(left - right) <= 1e-12 * abs(own)


@pytest.mark.parametrize(
    ("domain", "exterior"),
    [(pide.Ellipsoid((1.0, 0.7)), pide.Zero()), (SQUARE, pide.Reflecting()), (pide.Torus((1.0, 1.0)), None)],
    ids=["levels", "reflecting", "torus"],
)
def test_every_library_gives_the_same_solution(namespace, dtype, domain, exterior):
    grid = domain.grid(70)
    f = grid.sample(lambda x, y: np.sin(2 * np.pi * x) + 0.5 * y * (exterior == pide.Zero()))
    f = f if exterior == pide.Zero() else grid.restricted(f - grid.mean(f))
    operator = pide.FractionalLaplacian(0.75)
    scheme = "auto" if domain.periodic else "lattice"

    def solved(source, tol):
        return pide.solve(
            Stationary(operator, domain, source=source, exterior=exterior), on=grid, tol=tol, scheme=scheme
        )

    expected = solved(f, 1e-12).final
    source = namespace.asarray(f, dtype=dtype)
    result = solved(source, 1e-10)
    assert type(result.final) is type(source)
    assert result.final.dtype == source.dtype
    tolerance = 1e-8 if dtype == "float64" else 2e-3
    np.testing.assert_allclose(namespace.host(result.final), expected, rtol=0, atol=tolerance * np.abs(expected).max())
    assert ("tolerance" in result.record.choices) == (dtype == "float32" and not domain.periodic)


@pytest.mark.parametrize("exterior", [pide.Reflecting(), None], ids=["reflecting", "torus"])
def test_singular_problems_have_the_solution_of_mean_zero(exterior):
    domain = pide.Torus((2.0, 2.0)) if exterior is None else SQUARE
    grid = domain.grid(16)
    f = grid.sample(lambda x, y: np.cos(np.pi * x) + np.sin(2 * np.pi * x) * np.cos(np.pi * y))
    f -= grid.mean(f)
    result = pide.solve(
        Stationary(pide.FractionalLaplacian(0.5), domain, source=f, exterior=exterior), on=grid, tol=1e-12
    )
    dense = np.linalg.lstsq(result.operator.to_dense(), grid.compress(f), rcond=1e-12)[0]
    np.testing.assert_allclose(grid.compress(result.final), dense, rtol=0, atol=1e-9)
    assert abs(float(grid.mean(result.final))) < 1e-14
    assert "mean zero" in result.record.choices["mean"]


def test_division_on_the_torus_is_exact_on_a_mode():
    domain = pide.Torus((2 * np.pi, 2 * np.pi))
    problem = Stationary(pide.FractionalLaplacian(0.3), domain, source=lambda x, y: np.cos(3 * x) * np.sin(4 * y))
    grid = domain.grid(24)
    result = pide.solve(problem, on=grid, scheme="fourier")
    np.testing.assert_allclose(result.final, grid.sample(problem.source) / 25**0.3, atol=1e-15)
    assert result.record.steps == 1


def test_result_has_the_interface_of_time_dependent_ones(tmp_path):
    result = pide.solve(Stationary(pide.FractionalLaplacian(0.5), SQUARE, source=1.0), on=SQUARE.grid(24))
    assert result.states.shape == (1, 24, 24)
    # At the solution of A u = f, <A u, u>/2 = <f, u>/2.
    np.testing.assert_allclose(result.dirichlet_energy, 0.5 * result.mass, rtol=1e-6)
    result.plot(tmp_path / "u.png")
    result.save(tmp_path / "u.nc")
    assert (tmp_path / "u.png").stat().st_size > 5000
    assert "conjugate gradients" in repr(result)


def test_non_convergence_says_what_to_change():
    problem = Stationary(pide.FractionalLaplacian(0.9), SQUARE, source=1.0)
    A = problem.operator.on(SQUARE.grid(32), exterior=problem.exterior)
    with pytest.raises(NotConverged, match=r"residual .* after 2 iterations, wanted 1.0e-12\. Take a larger tol"):
        solve_stationary(problem, A, 1e-12, max_iterations=2)


def test_a_false_claim_of_a_sign_is_noticed():
    grid = LINE.grid(16)
    claims = {"linear", "self_adjoint", "positive_semidefinite"}
    A = pide.as_operator(lambda u: u * grid.coordinates[0], on=grid, claims=claims)
    with pytest.raises(NotConverged, match=r"not positive definite.*pide\.verification\.check"):
        solve_system(A, grid.sample(1.0), 1e-8)


def test_data_of_nonzero_mean_are_refused_with_the_remedy():
    problem = Stationary(pide.FractionalLaplacian(0.5), SQUARE, source=lambda x, y: 1 + x, exterior=pide.Reflecting())
    with pytest.raises(ValueError, match=r"mean zero.*Write f = grid.sample"):
        pide.solve(problem, on=SQUARE.grid(16))
    torus = pide.Torus((1.0,))
    with pytest.raises(ValueError, match="mean zero"):
        pide.solve(Stationary(pide.Laplacian(), torus, source=1.0), on=torus.grid(16))


def test_indefinite_operators_are_refused_with_the_remedy():
    operator = pide.FractionalLaplacian(0.5) + 3.0 * pide.Laplacian()
    with pytest.raises(ValueError, match=r"claims no sign.*gmres"):
        pide.solve(Stationary(operator, SQUARE, source=1.0), on=SQUARE.grid(16))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (np.zeros((3, 5)), r"shape \(3, 5\).*grid.shape is \(16, 16\)"),
        (lambda x: x, "source with 1 arguments"),
        (lambda x, y, t: x * t, "a steady problem has no time"),
        (np.full((16, 16), np.nan), "NaN"),
    ],
    ids=["shape", "arguments", "time", "nan"],
)
def test_wrong_sources_are_refused(source, message):
    with pytest.raises((ValueError, TypeError), match=message):
        pide.solve(Stationary(pide.FractionalLaplacian(0.5), SQUARE, source=source), on=SQUARE.grid(16))


def test_steady_problems_have_no_time():
    problem = Stationary(pide.FractionalLaplacian(0.5), LINE, source=1.0)
    with pytest.raises(ValueError, match=r"has no time\. Leave them out"):
        pide.solve(problem, on=LINE.grid(16), until=1.0)
    with pytest.raises(ValueError, match="relative residual between 0 and 1"):
        pide.solve(problem, on=LINE.grid(16), tol=0.0)
    with pytest.raises(ValueError, match=r"problem\.domain\.grid"):
        pide.solve(problem, on=SQUARE.grid(16))

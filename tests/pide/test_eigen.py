"""Eigenpairs against reference values on the interval and the disc, dense matrices, Fourier modes; observed orders."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import scipy.linalg

import pide
from pide.continuum.stationary import Eigen
from pide.errors import NotConverged
from pide.solvers.eigen import solve_eigen

REFERENCE = {
    entry["id"]: np.array(entry["values"], dtype=float)
    for entry in json.loads((Path(__file__).parent.parent / "reference" / "eigenvalues.json").read_text())["entries"]
}
LINE = pide.Interval(-1, 1)
DISC = pide.Ball(radius=1.0, dimension=2)
SQUARE = pide.Box(((-1, 1), (-1, 1)))


def interval_errors(s: float, scheme: str, counts: tuple[int, ...]) -> np.ndarray:
    """Relative errors (grids, 5)."""
    exact = REFERENCE[f"eig.interval.s{s:g}"]
    problem = Eigen(pide.FractionalLaplacian(s), LINE, count=5)
    return np.array(
        [np.abs(pide.solve(problem, on=LINE.grid(n), tol=1e-8, scheme=scheme).values / exact - 1) for n in counts]
    )


@pytest.mark.parametrize("s", [0.05, 0.25, 0.5, 0.95])
def test_interval_against_reference_values(s):
    counts = (128, 512)
    plain, corrected = (interval_errors(s, scheme, counts) for scheme in ("lattice", "corrected"))
    # Plain restriction: first order. Corrected: at least first order, with a constant 15 times smaller and more.
    assert np.all(np.log(plain[0] / plain[1]) / np.log(4) > 0.85)
    assert np.log(corrected[0].max() / corrected[1].max()) / np.log(4) > 0.7
    assert corrected[1].max() < plain[1].max() / (3 if s == 0.05 else 8)
    assert corrected[1].max() < 1e-3


def test_disc_against_reference_values():
    """Radial modes are the eigenvalues 1, 6, 15 of the disc; the first two are looked at."""
    exact = REFERENCE["eig.disc.radial.s0.5"]
    problem = Eigen(pide.FractionalLaplacian(0.5), DISC, count=6)
    errors = {}
    for scheme in ("lattice", "corrected"):
        errors[scheme] = []
        for nodes in (48, 96):
            h = 2.2 / nodes
            result = pide.solve(problem, on=DISC.grid(spacing=h, origin=(0.3 * h, 0.17 * h)), tol=1e-7, scheme=scheme)
            np.testing.assert_allclose(result.values[1], result.values[2], rtol=5e-3)
            errors[scheme].append(np.abs(result.values[[0, 5]] / exact[:2] - 1))
    assert np.all(np.array(errors["lattice"][0]) / errors["lattice"][1] > 1.7)
    assert np.all(errors["lattice"][1] < 2e-2)
    assert np.all(errors["corrected"][1] < np.array([3e-4, 3e-3]))


@pytest.mark.parametrize(
    ("operator", "domain", "exterior"),
    [
        (pide.FractionalLaplacian(0.8), pide.Ellipsoid((1.0, 0.5)), pide.Zero()),
        (pide.NonlocalDiffusion(pide.kernels.Gaussian(width=0.3)), SQUARE, pide.Zero()),
        (pide.FractionalLaplacian(0.4), SQUARE, pide.Reflecting()),
        (
            pide.NonlocalDiffusion(pide.kernels.Constant(horizon=0.3), coefficient=lambda x, y: 2 + x),
            SQUARE,
            pide.Zero(),
        ),
        (pide.Laplacian(), pide.Torus((1.0, 1.3)), None),
    ],
    ids=["ellipse", "negative", "reflecting", "coefficient", "torus"],
)
def test_values_residuals_and_modes_against_the_dense_matrix(operator, domain, exterior):
    grid = domain.grid(26) if domain.periodic or exterior != pide.Zero() else domain.grid(spacing=1 / 12)
    problem = Eigen(operator, domain, count=5, exterior=exterior)
    result = pide.solve(problem, on=grid, tol=1e-9)
    assert result.record.stepper == ("block Davidson" if grid.count > 400 else "the whole matrix was diagonalised")
    dense = result.operator.to_dense()
    exact = scipy.linalg.eigvalsh(0.5 * (dense + dense.T))
    exact = exact[np.argsort(np.abs(exact))][:5]
    size = np.abs(exact).max()
    np.testing.assert_allclose(np.abs(result.values), np.abs(exact), rtol=0, atol=1e-9 * size)
    assert np.all(np.sign(result.values[1:]) == result.operator.definiteness)
    gram = np.array([[float(grid.inner(u, v)) for v in result.states] for u in result.states])
    np.testing.assert_allclose(gram, np.eye(5), atol=1e-10)
    residuals = [
        float(grid.norm(result.operator(u) - value * u)) for u, value in zip(result.states, result.values, strict=True)
    ]
    np.testing.assert_allclose(residuals, result.record.residuals, atol=1e-9 * size)
    # Every reported value has an eigenvalue of the matrix within its residual, up to the rounding of both.
    spectrum = scipy.linalg.eigvalsh(0.5 * (dense + dense.T))
    distance = np.abs(result.values[:, None] - spectrum).min(axis=1)
    assert np.all(distance <= np.array(residuals) + 1e-11 * np.abs(spectrum).max())


def test_signs_and_seed_are_fixed():
    problem = Eigen(pide.FractionalLaplacian(0.5), LINE, count=4)
    first, again = (pide.solve(problem, on=LINE.grid(500), tol=1e-9) for _ in range(2))
    np.testing.assert_array_equal(first.states, again.states)
    assert first.record.seed == 0
    for mode in first.states:
        assert mode[np.argmax(np.abs(mode) > 0.5 * np.abs(mode).max())] > 0
    assert np.all(first.states[0] > 0)


def test_modes_are_plotted_and_saved(tmp_path):
    result = pide.solve(Eigen(pide.FractionalLaplacian(0.5), DISC, count=3), on=DISC.grid(16))
    figure = result.plot(tmp_path / "modes.png")
    titles = [axes.get_title() for axes in figure.axes]
    assert titles[0] == f"eigenvalue 1: {result.values[0]:.6g}"
    dataset = result.to_xarray()
    assert dataset["u"].dims == ("mode", "x", "y")
    np.testing.assert_array_equal(dataset["eigenvalue"], result.values)


def test_refusals():
    with pytest.raises(ValueError, match=r"count=0.*Write count=6"):
        Eigen(pide.FractionalLaplacian(0.5), LINE, count=0)
    with pytest.raises(ValueError, match=r"Value\(g\).*Write exterior=Zero\(\)"):
        Eigen(pide.FractionalLaplacian(0.5), LINE, count=2, exterior=pide.Value(lambda x: x, extent=1.0))
    with pytest.raises(ValueError, match=r"count=20.*16 unknowns"):
        pide.solve(Eigen(pide.FractionalLaplacian(0.5), LINE, count=20), on=LINE.grid(16))
    with pytest.raises(ValueError, match="eigs"):
        pide.solve(Eigen(pide.FractionalLaplacian(0.5) + pide.Laplacian(), LINE, count=2), on=LINE.grid(16))
    problem = Eigen(pide.FractionalLaplacian(0.5), LINE, count=4)
    A = problem.operator.on(LINE.grid(500), exterior=problem.exterior)
    with pytest.raises(NotConverged, match=r"after 2 steps.*Take a larger tol"):
        solve_eigen(problem, A, 1e-10, max_steps=2)

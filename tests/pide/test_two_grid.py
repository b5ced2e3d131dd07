"""Two-grid error estimates against known errors; refusals."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import gamma

import pide
from pide.continuum.stationary import Eigen, Stationary
from pide.solvers.two_grid import estimate_error

LINE = pide.Interval(-1, 1)


def true_error(result: pide.Result, s: float) -> float:
    """Relative l2 error of the torsion function of the unit ball (Getoor 1961)."""
    grid, n = result.operator.space, result.operator.space.dimension
    inside = np.where(grid.inside, np.maximum(1 - sum(x**2 for x in grid.coordinates), 0), 0)
    exact = inside**s * gamma(n / 2) / (4**s * gamma(1 + s) * gamma(n / 2 + s))
    return float(grid.norm(result.final - exact) / grid.norm(exact))


@pytest.mark.parametrize("s", [0.3, 0.5, 0.75])
@pytest.mark.parametrize("scheme", ["lattice", "corrected"])
@pytest.mark.parametrize(
    ("grid", "low", "high"),
    [
        (LINE.grid(243), 0.4, 2.0),
        (LINE.grid(255, nodes="interior"), 0.5, 2.0),
        (pide.Ball(radius=1.0, dimension=2).grid(spacing=1 / 48), 0.8, 12.0),
    ],
    ids=["cells", "interior", "disc"],
)
def test_estimates_follow_the_error_of_the_torsion_function(s, scheme, grid, low, high):
    problem = Stationary(pide.FractionalLaplacian(s), grid.domain, source=1.0)
    result = pide.solve(problem, on=grid, tol=1e-9, scheme=scheme)
    estimate = result.error_estimate()
    assert low < estimate.relative / true_error(result, s) < high
    assert estimate.spacings[1] == pytest.approx(grid.spacing[0] * (3 if grid.shape == (243,) else 2))


def test_refining_and_coarsening_agree_on_the_interval():
    problem = Stationary(pide.FractionalLaplacian(0.5), LINE, source=1.0)
    grid = LINE.grid(81)
    coarsened, refined = (estimate_error(problem, on=grid, direction=d, tol=1e-10) for d in ("coarsen", "refine"))
    assert coarsened.relative == pytest.approx(refined.relative, rel=0.5)
    assert coarsened.order == coarsened.observed
    stated = estimate_error(problem, on=LINE.grid(80), direction="refine", order=1.0)
    assert stated.observed is None
    assert stated.relative == pytest.approx(1.5 * stated.differences[0])


def test_heat_on_the_torus_against_the_exact_decay():
    """cos x decays like e^{-t} in the continuum, by the lattice's eigenvalue on the grid."""
    torus = pide.Torus((2 * np.pi,))
    heat = pide.Heat(pide.FractionalLaplacian(0.5), torus, initial=lambda x: np.cos(x))
    result = pide.solve(heat, on=torus.grid(32), until=1.0, tol=1e-10)
    exact = np.exp(-1.0) * np.cos(result.operator.space.coordinates[0])
    error = float(np.linalg.norm(result.final - exact) / np.linalg.norm(exact))
    estimate = result.error_estimate()
    assert estimate.relative == pytest.approx(error, rel=0.05)
    assert estimate.order == pytest.approx(2.0, abs=0.05)


def test_refusals():
    problem = Stationary(pide.FractionalLaplacian(0.5), LINE, source=1.0)
    with pytest.raises(ValueError, match=r"multiples of 3.*direction='refine'"):
        estimate_error(problem, on=LINE.grid(64))
    with pytest.raises(ValueError, match="array as source"):
        estimate_error(Stationary(problem.operator, LINE, source=np.ones(27)), on=LINE.grid(27))
    with pytest.raises(ValueError, match=r"Write order=1\.0"):
        estimate_error(problem, on=LINE.grid(27), order=-1.0)
    with pytest.raises(ValueError, match="choose 'coarsen' or 'refine'"):
        estimate_error(problem, on=LINE.grid(27), direction="finer")
    with pytest.raises(TypeError, match="Stationary or Heat"):
        estimate_error(Eigen(problem.operator, LINE, count=2), on=LINE.grid(27))
    heat = pide.Heat(problem.operator, LINE, initial=1.0, exterior=pide.Zero())
    result = pide.solve(heat, on=LINE.grid(27), until=0.1, stepper=pide.CrankNicolson(dt=0.01))
    with pytest.raises(ValueError, match="stepper='auto'"):
        result.error_estimate()

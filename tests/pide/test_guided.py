"""Diffusion guided by a field, against sums written out."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pide.cases import parse_case
from pide.continuum.domains import Ball, Box, Torus
from pide.errors import CaseError
from pide.operators.guided import guided_diffusion
from pide.study import run_study

EPS = np.finfo(np.float64).eps


def test_rates_are_those_of_the_formula() -> None:
    grid = Box(((0, 3), (0, 2))).grid(6, 5)
    field = np.random.default_rng(1).random(grid.shape)
    matrix = guided_diffusion(field, grid, horizon=0.9, contrast=0.4).to_dense()
    points = np.stack([c.ravel() for c in grid.coordinates], axis=-1)
    for i in range(grid.size):
        for j in range(grid.size):
            distance = math.dist(points[i], points[j])
            near = 0 < distance < 0.9
            affinity = math.exp(-(((field.flat[i] - field.flat[j]) / 0.4) ** 2)) / (math.pi * 0.9**2)
            if i != j:
                assert matrix[i, j] == pytest.approx(near * affinity * grid.cell_volume, rel=10 * EPS)


def test_a_jump_larger_than_the_contrast_stays() -> None:
    grid = Box(((0, 1), (0, 1))).grid(16)
    step = grid.sample(lambda x, y: 1.0 * (x > 0.5))
    noisy = step + np.random.default_rng(2).normal(0, 0.01, grid.shape)
    operator = guided_diffusion(noisy, grid, horizon=0.2, contrast=0.1)
    assert operator.claims >= {"self_adjoint", "conserves_mass", "negative_semidefinite"}
    u = noisy
    for _ in range(30):
        u = u + operator(u)
    left, right = grid.coordinates[0] < 0.5, grid.coordinates[0] > 0.5
    assert u[left].std() < 0.3 * noisy[left].std()
    assert u[right].mean() - u[left].mean() == pytest.approx(noisy[right].mean() - noisy[left].mean(), rel=1e-12)


def test_smoothing_keeps_constants_up_to_the_boundary() -> None:
    """Uniform data must give the rates of no data at all, also at the rim of a disc."""
    grid = Ball(radius=1.0, dimension=2).grid(21)
    field = grid.sample(3.0)
    smoothed, plain = (guided_diffusion(field, grid, horizon=0.3, contrast=0.1, smoothing=w) for w in (0.2, 0.0))
    np.testing.assert_allclose(smoothed.to_dense(), plain.to_dense(), rtol=1e3 * EPS, atol=1e3 * EPS)


def test_periodic_neighbours_cross_the_seam() -> None:
    grid = Torus((1.0,)).grid(8)
    matrix = guided_diffusion(np.arange(8.0), grid, horizon=0.3, contrast=2.0).to_dense()
    assert matrix[0, 7] == matrix[7, 0] == pytest.approx(math.exp(-((7 / 2) ** 2)) / 0.6 / 8, rel=1e-14)
    assert matrix[0, 4] == 0


@pytest.mark.parametrize("name", ["horizon", "contrast", "smoothing"])
def test_wrong_parameters_are_named(name: str) -> None:
    grid = Torus((1.0,)).grid(8)
    with pytest.raises(ValueError, match=rf"guided_diffusion\({name}=-1.0\).*Write {name}=1.0"):
        guided_diffusion(np.zeros(8), grid, **({"horizon": 0.3, "contrast": 1.0} | {name: -1.0}))


def test_cases_need_a_reflecting_exterior() -> None:
    text = """
domain = { type = "box", bounds = [[0, 1], [0, 1]] }
grid = { counts = [8] }
operator = { type = "nonlocal_diffusion", kernel = { type = "affinity", horizon = 0.3, contrast = 1.0 } }
exterior = { type = "zero" }
initial = { field = { type = "uniform" } }
time = { until = 1.0 }
"""
    with pytest.raises(CaseError, match=r'Write exterior = . type = "reflecting"'):
        run_study(parse_case(text))
    study = run_study(parse_case(text.replace("zero", "reflecting")), progress=False)
    assert "GaussianAffinity" in study.main.operator.notes[1]

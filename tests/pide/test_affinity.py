"""Kernels that follow data, against sums written out."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pide.affinity import affinity_kernel
from pide.continuum.domains import Ball, Box, Torus
from pide.continuum.exterior import Reflecting
from pide.continuum.operators import NonlocalDiffusion

EPS = np.finfo(np.float64).eps


def test_rates_are_those_of_the_formula() -> None:
    grid = Box(((0, 3), (0, 2))).grid(6, 5)
    field = np.random.default_rng(1).random(grid.shape)
    kernel = affinity_kernel(field, grid, horizon=0.9, contrast=0.4)
    matrix = NonlocalDiffusion(kernel).on(grid, exterior=Reflecting()).to_dense()
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
    kernel = affinity_kernel(noisy, grid, horizon=0.2, contrast=0.1)
    operator = NonlocalDiffusion(kernel).on(grid, exterior=Reflecting())
    assert operator.claims >= {"self_adjoint", "conserves_mass", "negative_semidefinite"}
    u = noisy
    for _ in range(30):
        u = u + operator(u)
    left, right = grid.coordinates[0] < 0.5, grid.coordinates[0] > 0.5
    assert u[left].std() < 0.3 * noisy[left].std()
    assert u[right].mean() - u[left].mean() == pytest.approx(noisy[right].mean() - noisy[left].mean(), rel=1e-12)


def test_smoothing_keeps_constants_up_to_the_boundary() -> None:
    """Uniform data must give the kernel of no data at all, also at the rim of a disc."""
    grid = Ball(radius=1.0, dimension=2).grid(21)
    field = grid.sample(3.0)
    smoothed, plain = (affinity_kernel(field, grid, horizon=0.3, contrast=0.1, smoothing=w) for w in (0.2, 0.0))
    x = tuple(c[grid.inside] for c in grid.coordinates)
    y = tuple(c[grid.inside][::-1] for c in grid.coordinates)
    np.testing.assert_allclose(smoothed.f(x, y), plain.f(x, y), rtol=1e3 * EPS)


def test_periodic_images_find_their_node() -> None:
    grid = Torus((1.0,)).grid(8)
    kernel = affinity_kernel(np.arange(8.0), grid, horizon=0.3, contrast=2.0)
    inside, image = (
        kernel.f((np.array([0.0]),), (np.array([0.875]),)),
        kernel.f((np.array([0.0]),), (np.array([-0.125]),)),
    )
    assert inside == image == pytest.approx(math.exp(-((7 / 2) ** 2)) / 0.6, rel=1e-15)


@pytest.mark.parametrize("name", ["horizon", "contrast", "smoothing"])
def test_wrong_parameters_are_named(name: str) -> None:
    grid = Torus((1.0,)).grid(8)
    with pytest.raises(ValueError, match=rf"affinity_kernel\({name}=-1.0\): needs a positive number"):
        affinity_kernel(np.zeros(8), grid, **({"horizon": 0.3, "contrast": 1.0} | {name: -1.0}))

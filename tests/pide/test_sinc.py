"""Sinc weights against mpmath, and fractional Laplacians of Gaussians against 1F1."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
import torch
from scipy.special import gamma, hyp1f1

import pide
from pide.quadrature.sinc import sinc_weights
from pide.verification import check


@pytest.mark.parametrize("s", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("j", [0, 1, 7, 200])
def test_weights_are_fourier_coefficients(s, j):
    weights = sinc_weights(s, (0.5,), (200,))
    breaks = mpmath.linspace(0, mpmath.pi, max(2, j + 1))
    exact = mpmath.quad(lambda x: x ** (2 * s) * mpmath.cos(j * x), breaks) / mpmath.pi * 4**s
    found = weights.rate if j == 0 else -weights.octant[j]
    # rounding of the phases j xi is j u, of the sum over a few hundred nodes 1e2 u
    assert abs(float(found - exact)) <= (100 + j) * np.finfo(float).eps * float(weights.rate)


@pytest.mark.parametrize("spacing", [(1.0, 1.0), (0.5, 1.25)])
def test_planar_weights_square_to_the_laplacian(spacing):
    """Parseval: sum_j K_j^2 of s = 1/2 is the mean of |xi|^2 over the cube, pi^2/3 sum_a h_a^-2."""
    reach = (200, 200)
    octant, rate = (lambda w: (-np.asarray(w.octant), float(w.rate)))(sinc_weights(0.5, spacing, reach))
    octant[0, 0] = rate
    full = np.concatenate([octant[:0:-1], octant])
    full = np.concatenate([full[:, :0:-1], full], axis=1)
    h, k = spacing
    exact_origin = (math.pi**2 / 3) * (h**-2 + k**-2)
    # sum_j K_j^2 is the coefficient at 0 of the square; K_j decays like |j|^-3, so the cut sum lacks O(reach^-4)
    assert abs(float((full**2).sum()) - exact_origin) < 1e-5 * exact_origin


@pytest.mark.parametrize(("n", "count", "s"), [(1, 64, 0.3), (1, 64, 0.8), (2, 48, 0.5), (3, 48, 0.7)])
def test_a_gaussian_to_rounding(n, count, s):
    half = 8.0 if n == 1 else 6.4
    box = pide.Interval(-half, half) if n == 1 else pide.Box(((-half, half),) * n)
    grid = box.grid(*(count,) * n)
    r2 = sum(x**2 for x in grid.coordinates)
    A = pide.FractionalLaplacian(s).on(grid, pide.Zero(), scheme="sinc")
    exact = 4**s * gamma(n / 2 + s) / gamma(n / 2) * hyp1f1(n / 2 + s, n / 2, -r2)
    h = grid.spacing[0]
    aliasing = math.exp(-((math.pi / h) ** 2) / 4) * (math.pi / h) ** (2 * s)
    edge = math.exp(-(half**2)) * (math.pi / h) ** (2 * s)
    bound = 10 * (aliasing + edge) + 1e-13 * A.spectral_bound()
    assert np.abs(A(np.exp(-r2)) - exact).max() <= bound < 1e-8


def test_claims():
    grid = pide.Box(((-1, 1), (-1, 1))).grid(12, 12)
    A = pide.FractionalLaplacian(0.4).on(grid, pide.Zero(), scheme="sinc")
    assert "nonnegative_rates" not in A.claims
    check(A).raise_if_failed()
    assert np.linalg.eigvalsh(A.to_dense())[0] > 0


def test_gradient_in_s():
    s = torch.tensor(0.4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda t: sinc_weights(t, (1.0, 0.5), (3, 2)).octant, (s,))


def test_errors():
    with pytest.raises(ValueError, match="scheme='fourier'"):
        pide.FractionalLaplacian(0.5).on(pide.Torus((1.0,)).grid(8), scheme="sinc")
    with pytest.raises(ValueError, match="scheme='lattice'"):
        pide.FractionalLaplacian(0.5).on(pide.Interval(0, 1).grid(8), pide.Reflecting(), scheme="sinc")

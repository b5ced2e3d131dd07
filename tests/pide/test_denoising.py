"""Nonlocal means as a diffusion: against the filter written out, and against scikit-image on a photograph."""

import math

import numpy as np
import pytest

import pide
from pide.operators.affinity import GaussianAffinity, patches

RNG = np.random.default_rng(0)


def generator(noisy, width, normaliser):
    """L of 5 x 5 patches within 5.5 pixels."""
    height, length = noisy.shape
    grid = pide.Box(((0, height), (0, length))).grid(height, length)
    return GaussianAffinity(width=width).on(grid, patches(noisy, 2), normaliser, window=5.5)


def test_one_step_is_the_filter_of_buades():
    """u_i = sum_j exp(-|P_i - P_j|^2 / h^2) v_j / C_i over the window, by loops over pixels."""
    noisy = RNG.random((9, 7))
    padded = np.pad(noisy, 1, mode="reflect")
    grid = pide.Box(((0, 9), (0, 7))).grid(9, 7)
    L = GaussianAffinity(width=0.4).on(grid, patches(noisy, 1), "rows", window=2.3)
    step = noisy + L(noisy)
    for i in range(9):
        for j in range(7):
            weights, values = [], []
            for k in range(9):
                for m in range(7):
                    if math.hypot(i - k, j - m) < 2.3:
                        difference = padded[i : i + 3, j : j + 3] - padded[k : k + 3, m : m + 3]
                        weights.append(math.exp(-np.mean(difference**2) / 0.16))
                        values.append(noisy[k, m])
            assert step[i, j] == pytest.approx(np.average(values, weights=weights), rel=1e-12)


def test_heat_keeps_edges_the_mean_and_the_range():
    clean = np.where(np.arange(40)[:, None] + 0 * np.arange(30) < 20, 0.2, 0.8)
    noisy = clean + RNG.normal(0.0, 0.05, clean.shape)
    problem = pide.Heat(generator(noisy, 0.08, "sinkhorn"), initial=noisy)
    result = pide.solve(problem, times=[0.0, 1.0, 3.0], tol=1e-6)
    assert np.allclose(result.mass, result.mass[0], rtol=1e-13)
    assert np.all(np.diff(result.variance) < 0)
    assert result.final.min() >= noisy.min()
    assert result.final.max() <= noisy.max()
    assert np.sqrt(np.mean((result.final - clean) ** 2)) < 0.25 * 0.05
    assert result.final[20:].mean() - result.final[:20].mean() == pytest.approx(0.6, abs=0.01)


def test_as_good_as_scikit_image_on_a_photograph():
    """Both at the best of four widths, the flow at the best of four times: within 0.7 dB, and 5 dB above the noise."""
    skimage = pytest.importorskip("skimage", reason="scikit-image has the photograph and the filter to compare with")
    from skimage.restoration import denoise_nl_means

    clean = skimage.data.camera()[130:194, 200:264] / 255.0
    noisy = clean + np.random.default_rng(1).normal(0.0, 0.1, clean.shape)

    def ratio(u):
        return -10 * np.log10(np.mean((u - clean) ** 2))

    widths = [0.06, 0.08, 0.1, 0.13]
    ours, theirs = [], []
    for width in widths:
        heat = pide.Heat(generator(noisy, width, "sinkhorn"), initial=noisy)
        ours += [ratio(u) for u in pide.solve(heat, times=[1.0, 2.0, 3.0, 4.0], tol=1e-3).states]
        options = {"patch_size": 5, "patch_distance": 5, "h": width, "fast_mode": False}
        theirs += [ratio(denoise_nl_means(noisy, sigma=sigma, **options)) for sigma in (0.0, 0.1)]
    assert max(ours) >= max(theirs) - 0.7
    assert max(ours) >= ratio(noisy) + 5.0

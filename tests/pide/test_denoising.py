"""Nonlocal means as a diffusion: against the filter written out, and against scikit-image on a photograph."""

import math

import numpy as np
import pytest

import pide
from pide.operators.affinity import GaussianAffinity
from pide.operators.patches import PatchAffinity, patches

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


def test_patches_of_gaussian_weights_and_their_affinity(namespace):
    """exp(-max(r^2 - 2 sigma^2, 0) / h^2), r^2 a mean of squares weighted by exp(-|d|^2 / (2 a^2)), by loops."""
    image, sigma, h, a = RNG.random((6, 5)), 0.2, 0.3, 1.3
    features = patches(namespace.asarray(image), 2, a)
    omega = namespace.host(PatchAffinity(width=h, noise=sigma)(features))
    padded = np.pad(image, 2, mode="reflect")
    shifts = [(k, m, math.exp(-(k * k + m * m) / (2 * a * a))) for k in range(-2, 3) for m in range(-2, 3)]
    total = sum(w for _, _, w in shifts)
    for i in range(30):
        for j in range(30):
            x, y = divmod(i, 5), divmod(j, 5)
            gaps = [w * (padded[x[0] + k + 2, x[1] + m + 2] - padded[y[0] + k + 2, y[1] + m + 2]) ** 2
                    for k, m, w in shifts]  # fmt: skip
            exact = math.exp(-max(sum(gaps) / total - 2 * sigma**2, 0.0) / h**2)
            assert omega[i, j] == pytest.approx(exact, rel=1e-12)


def test_noise_of_equal_patches_is_subtracted():
    """Two noisy copies of one picture: distances of corresponding patches have mean 2 sigma^2 / (their weights)."""
    sigma = 0.1
    one, two = (patches(0.5 + RNG.normal(0.0, sigma, (60, 60)), 2, 1.5) for _ in range(2))
    assert np.mean(np.sum((one - two) ** 2, axis=1)) == pytest.approx(2 * sigma**2, rel=0.05)


def test_better_than_scikit_image_on_a_photograph():
    """Two steps by rule beside the filter at the best of four widths; the mean and the range are kept."""
    skimage = pytest.importorskip("skimage", reason="scikit-image has the photograph and the filter to compare with")
    from skimage.restoration import denoise_nl_means

    sigma = 0.1
    clean = skimage.data.camera()[130:194, 200:264] / 255.0
    noisy = clean + np.random.default_rng(1).normal(0.0, sigma, clean.shape)
    grid = pide.Box(((0, 64), (0, 64))).grid(64)

    def ratio(u):
        return -10 * np.log10(np.mean((u - clean) ** 2))

    def step(u, width, noise):
        L = PatchAffinity(width=width, noise=noise).on(grid, patches(u, 2, 1.5), "sinkhorn", window=5.5)
        return pide.solve(pide.Heat(L, initial=u), until=1.0, stepper=pide.ForwardEuler(1.0)).final

    once = step(noisy, sigma, sigma)
    twice = step(once, sigma / 3, 0.0)
    theirs = [
        ratio(denoise_nl_means(noisy, patch_size=size, patch_distance=5, h=h, fast_mode=fast, sigma=sigma))
        for size, fast in ((5, False), (5, True), (7, False))
        for h in (0.06, 0.08, 0.1, 0.13)
    ]
    assert ratio(twice) > ratio(once) > ratio(noisy) + 5
    assert ratio(twice) > max(theirs)
    assert np.mean(twice) == pytest.approx(np.mean(noisy), rel=1e-12)
    assert noisy.min() <= twice.min() <= twice.max() <= noisy.max()

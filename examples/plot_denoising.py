"""
Denoising by nonlocal means as a heat equation
==============================================

A photograph (a camera operator, CC0, shipped with scikit-image) with noise of standard deviation sigma = 0.1. The heat
equation u_t = L u with the affinities of 5 x 5 patches within 5.5 pixels, scaled so that they are symmetric and their
rows sum to 1, in explicit Euler steps of length 1, the largest that the maximum principle allows: the first with the
affinities of the noisy picture, of width sigma, the noise subtracted from the distances of patches; the second with
those of its result, of width sigma / 3. Beside it scikit-image's nonlocal means, told sigma, and total variation, each
at the best of a few widths, which are chosen by the clean picture; the flow's are not. Prints the table of the
documentation and writes denoising.png.

Needs scikit-image: pip install scikit-image
"""

import time

import numpy as np

import pide
from pide.operators.patches import PatchAffinity, patches
from pide.plotting import new_figure, write_figure

try:
    from skimage import data
    from skimage.restoration import denoise_nl_means, denoise_tv_chambolle
except ImportError:
    raise SystemExit("plot_denoising needs scikit-image. Write: pip install scikit-image") from None

NOISE = 0.1
clean = np.ascontiguousarray(data.camera()[60:220, 140:300] / 255.0)
noisy = clean + np.random.default_rng(0).normal(0.0, NOISE, clean.shape)


def ratio(u):
    """Peak signal-to-noise ratio in dB."""
    return -10 * np.log10(np.mean((u - clean) ** 2))


def step(u, width, noise):
    """One step of the flow by the affinities of u; it keeps the mean and the range."""
    grid = pide.Box(((0, u.shape[0]), (0, u.shape[1]))).grid(*u.shape)
    L = PatchAffinity(width=width, noise=noise).on(grid, patches(u, 2, 1.5), "sinkhorn", window=5.5)
    result = pide.solve(pide.Heat(L, initial=u), until=1.0, stepper=pide.ForwardEuler(1.0))
    assert abs(result.mass[-1] - result.mass[0]) <= 1e-10 * result.mass[0]
    return result.final


def by_means(width, size, fast):
    """Nonlocal means with square patches and a square window."""
    options = {"patch_size": size, "patch_distance": 5, "h": width, "fast_mode": fast, "sigma": NOISE}
    return denoise_nl_means(noisy, **options)


def best(filter_of, widths):
    """The best picture of a few widths, what it is called, and the CPU seconds of one of them."""
    began = time.process_time()
    found = {width: filter_of(width) for width in NOISE * np.array(widths)}
    width = max(found, key=lambda w: ratio(found[w]))
    return found[width], f"the best width, {width:.3g}", (time.process_time() - began) / len(found)


step(noisy[:16, :16], NOISE, NOISE)  # what is imported at the first call is no part of the time
began = time.process_time()
once = step(noisy, NOISE, NOISE)
middle = time.process_time()
twice = step(once, NOISE / 3, 0.0)
results = {
    "heat, one step (pide)": (once, "width sigma", middle - began),
    "heat, two steps (pide)": (twice, "width sigma, sigma / 3", time.process_time() - began),
    "nonlocal means, 7 x 7 Gaussian patches (scikit-image)": best(lambda h: by_means(h, 7, False), (0.8, 1.0, 1.3)),
    "nonlocal means, 5 x 5 patches, fast (scikit-image)": best(lambda h: by_means(h, 5, True), (0.6, 0.8, 1.0)),
    "total variation (scikit-image)": best(lambda h: denoise_tv_chambolle(noisy, weight=h), (0.6, 0.8, 1.0)),
}
print(f"| method | PSNR (dB) | at | CPU seconds |\n|---|---|---|---|\n| none | {ratio(noisy):.2f} | | |")
for name, (u, where, seconds) in results.items():
    print(f"| {name} | {ratio(u):.2f} | {where} | {seconds:.2g} |")

figure = new_figure(10, 5.2)
panels = figure.subplots(2, 4)
means = "nonlocal means, 7 x 7 Gaussian patches (scikit-image)"
shown = {
    "clean": clean,
    f"noisy, {ratio(noisy):.2f} dB": noisy,
    f"two steps of heat, {ratio(twice):.2f} dB": twice,
    f"nonlocal means, {ratio(results[means][0]):.2f} dB": results[means][0],
}
for column, (title, u) in enumerate(shown.items()):
    for row, part in enumerate((slice(None), slice(65, 135))):
        panels[row, column].imshow(u[part, part], cmap="gray", vmin=0, vmax=1)
        panels[row, column].set(xticks=[], yticks=[], title=title if row == 0 else "")
write_figure(figure, "denoising.png")

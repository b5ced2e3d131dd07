"""
Denoising by nonlocal means as a heat equation
==============================================

A photograph (a camera operator, CC0, shipped with scikit-image) with noise of standard deviation 0.1. The heat equation
u_t = L u with the affinities of the 5 x 5 patches of the noisy picture, within 5.5 pixels, scaled so that they are
symmetric and their rows sum to 1, beside scikit-image's nonlocal means with the same patches and window. Both are tuned
on this picture, over six widths; the flow over its time as well, nonlocal means over being told the noise or not. So
each is shown at its best, and what is compared is the methods, not the rules that choose parameters without the clean
picture. Prints the table of the documentation and writes denoising.png.

Needs scikit-image: pip install scikit-image
"""

import time

import numpy as np

import pide
from pide.operators.affinity import GaussianAffinity, patches
from pide.plotting import new_figure, write_figure

try:
    from skimage import data
    from skimage.restoration import denoise_nl_means, denoise_tv_chambolle
except ImportError:
    raise SystemExit("plot_denoising needs scikit-image. Write: pip install scikit-image") from None

NOISE = 0.1
clean = np.ascontiguousarray(data.camera()[60:220, 140:300] / 255.0)
noisy = clean + np.random.default_rng(0).normal(0.0, NOISE, clean.shape)
widths = NOISE * np.array([0.5, 0.6, 0.8, 1.0, 1.3, 1.7])


def ratio(u):
    """Peak signal-to-noise ratio in dB."""
    return -10 * np.log10(np.mean((u - clean) ** 2))


def by_heat(width):
    """States of the flow at the times of the search."""
    grid = pide.Box(((0, 160), (0, 160))).grid(160)
    L = GaussianAffinity(width=width).on(grid, patches(noisy, 2), "sinkhorn", window=5.5)
    result = pide.solve(pide.Heat(L, initial=noisy), times=[0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0], tol=1e-3)
    assert abs(result.mass[-1] - result.mass[0]) <= 1e-10 * result.mass[0]
    return dict(zip((f"t = {t:g}" for t in result.times), result.states, strict=True))


def by_means(width, fast):
    """Nonlocal means, told the standard deviation of the noise or not."""
    options = {"patch_size": 5, "patch_distance": 5, "h": width, "fast_mode": fast}
    return {f"sigma = {sigma:g}": denoise_nl_means(noisy, sigma=sigma, **options) for sigma in (0.0, NOISE)}


def by_variation(weight):
    """Total variation, for scale."""
    return {"": denoise_tv_chambolle(noisy, weight=weight)}


methods = {
    "heat with patch affinities (pide)": by_heat,
    "nonlocal means (scikit-image, Gaussian patches)": lambda width: by_means(width, False),
    "nonlocal means (scikit-image, fast)": lambda width: by_means(width, True),
    "total variation (scikit-image)": by_variation,
}
best = {f"noisy, {ratio(noisy):.2f} dB": noisy}
print(f"| method | PSNR (dB) | at | CPU seconds of one width |\n|---|---|---|---|\n| none | {ratio(noisy):.2f} | | |")
for name, method in methods.items():
    began, found = time.process_time(), {}
    for width in widths:
        found |= {(width, setting): u for setting, u in method(width).items()}
    seconds = (time.process_time() - began) / len(widths)
    (width, setting), u = max(found.items(), key=lambda item: ratio(item[1]))
    where = f"width {width:.3g}" + (f", {setting}" if setting else "")
    print(f"| {name} | {ratio(u):.2f} | {where} | {seconds:.2f} |")
    best[f"{name.split(' (')[0]}, {ratio(u):.2f} dB"] = u

figure = new_figure(12.5, 6.4)
panels = figure.subplots(2, 4)
shown = {"clean": clean} | {title: u for title, u in best.items() if not title.startswith("total variation")}
del shown[min(title for title in shown if title.startswith("nonlocal means"))]
for column, (title, u) in enumerate(shown.items()):
    for row, part in enumerate((slice(None), slice(65, 135))):
        panels[row, column].imshow(u[part, part], cmap="gray", vmin=0, vmax=1)
        panels[row, column].set(xticks=[], yticks=[], title=title if row == 0 else "")
write_figure(figure, "denoising.png")

"""
Nonlocal means as a diffusion
=============================

A photograph (Grace Hopper, US Navy, public domain, shipped with matplotlib) with noise of standard deviation 0.1. Two
flows u_t = L u of it on a window of 5 pixels, with affinities of the noisy picture: of the 5 x 5 patches around the
pixels, as in nonlocal means, and by distance alone. The affinities are scaled so that they are symmetric and their rows
sum to 1: both flows keep the mean and lower the variance. Each is shown at its best time on this picture, so that
operators are compared and not stopping rules. Writes affinity.png.
"""

import matplotlib.cbook
import matplotlib.image
import numpy as np

import pide
from pide.operators.affinity import GaussianAffinity, patches
from pide.plotting import new_figure, write_figure

with matplotlib.cbook.get_sample_data("grace_hopper.jpg") as file:
    photograph = matplotlib.image.imread(file, format="jpg") / 255.0
clean = np.ascontiguousarray(photograph[150:278, 210:338] @ [0.299, 0.587, 0.114])
noisy = clean + np.random.default_rng(0).normal(0.0, 0.1, clean.shape)

grid = pide.Box(((0, 128), (0, 128))).grid(128)
features = patches(noisy, 2)
# The mean square difference of two patches of the same content is 2 * 0.1^2, of noise alone.
affinities = {"patches": GaussianAffinity(width=0.1), "distance alone": GaussianAffinity(width=1e6)}


def ratio(u):
    """Peak signal-to-noise ratio in dB."""
    return -10 * np.log10(np.mean((u - clean) ** 2))


panels = {f"noisy, {ratio(noisy):.1f} dB": noisy}
curves = {}
for name, affinity in affinities.items():
    L = affinity.on(grid, features, "sinkhorn", window=5.5)
    u, ratios, best = noisy, [ratio(noisy)], noisy
    step = 0.25 / L.rate_bound()
    for _ in range(24):
        u = u + step * L(u)
        ratios.append(ratio(u))
        best = u if ratios[-1] >= max(ratios) else best
    panels[f"{name}, {max(ratios):.1f} dB"] = best
    curves[name] = ratios
    drift = float(grid.mean(u) - grid.mean(noisy))
    print(f"{name}: best {max(ratios):.2f} dB at step {int(np.argmax(ratios))}; the mean moved by {drift:.1e}")

figure = new_figure(13.0, 3.6)
axes = figure.subplots(1, 5)
for ax, (title, picture) in zip(axes, {"clean": clean, **panels}.items(), strict=False):
    ax.imshow(picture, cmap="gray", vmin=0, vmax=1)
    ax.set(title=title, xticks=[], yticks=[])
for name, ratios in curves.items():
    axes[4].plot(0.25 * np.arange(len(ratios)), ratios, label=name)
axes[4].set(xlabel="t max(d)", ylabel="PSNR (dB)", box_aspect=1)
axes[4].legend(frameon=False, fontsize="small")
write_figure(figure, "affinity.png")

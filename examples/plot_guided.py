"""
Diffusion guided by a field
===========================

(L v)(x) = int omega(x, y) (v(y) - v(x)) dy over ``|x - y| < horizon``, ``omega = exp(-(g(x) - g(y))^2 / contrast^2) /
|B|``: noise is averaged where the guide g agrees, and hardly across its edges. L is linear, symmetric, and keeps the
mean. The guide is the noisy picture itself, smoothed over a pixel. Local diffusion, at its own best time, blurs the
edges. Writes guided.png.
"""

import numpy as np

import pide
from pide import verification
from pide.plotting import new_figure, write_figure

box = pide.Box(((0, 64), (0, 64)))
grid = box.grid(64)
x, y = grid.coordinates
clean = 0.2 + 0.6 * (np.hypot(x - 24, y - 36) < 15) + 0.3 * (np.abs(x - y) < 6) * (x > 34)
noisy = clean + 0.1 * np.random.default_rng(0).standard_normal(clean.shape)

guided = pide.guided_diffusion(noisy, grid, horizon=3.5, contrast=0.15, smoothing=1.0)
report = verification.check(guided, samples=4)
print(report.summary)
report.raise_if_failed()
flows = {"guided": (pide.Heat(guided, initial=noisy), 8.0)}
flows["local"] = (pide.Heat(pide.Laplacian(), box, initial=noisy, exterior=pide.Reflecting()), 1.0)


def quality(u):
    """Peak signal-to-noise ratio in dB, for grey values between 0 and 1.1."""
    return 10 * np.log10(1.1**2 / np.mean((u - clean) ** 2))


figure = new_figure(13.0, 3.4)
panels = figure.subplots(1, 5, width_ratios=[1, 1, 1, 1, 1.3])
pictures = {f"noisy, {quality(noisy):.1f} dB": noisy}
for (name, (problem, until)), mark in zip(flows.items(), ("o-", "s--"), strict=True):
    times = np.linspace(0, until, 17)
    states = pide.solve(problem, on=grid, times=times, tol=1e-5).states
    ratios = [quality(u) for u in states]
    best = int(np.argmax(ratios))
    pictures[f"{name}, {ratios[best]:.1f} dB"] = states[best]
    panels[4].plot(times / times[best], ratios, mark, ms=4, label=f"{name}, best at t = {times[best]:g}")
    print(f"{name}: {ratios[0]:.2f} dB -> {ratios[best]:.2f} dB at t = {times[best]:g}, "
          f"mean {noisy.mean():.6f} -> {states[-1].mean():.6f}")  # fmt: skip
for axes, (title, u) in zip(panels, {"clean": clean, **pictures}.items(), strict=False):
    image = axes.imshow(u.T, origin="lower", cmap="gray", vmin=0, vmax=1.1, extent=(0, 64, 0, 64))
    axes.set(title=title, xlabel="x [px]", xticks=[0, 32, 64], yticks=[0, 32, 64])
figure.colorbar(image, ax=panels[3], label="grey value", shrink=0.8)
panels[4].set(xlabel="t / best t", ylabel="signal to noise [dB]")
panels[4].legend(frameon=False, fontsize="small")
write_figure(figure, "guided.png")

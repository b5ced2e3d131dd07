"""
Learning the order of a diffusion
=================================

X + h L_theta X with one learnable parameter, theta = lower + (upper - lower) sigmoid(raw): `LearnableDiffusionStep`
discretises the operator anew in every forward pass and differentiates through its weights. From 30 pairs of noisy
fields before and after one step of the fractional heat equation, s = 0.63, the order is found; likewise the width of a
Gaussian kernel. Every step on the way is certified. Left: loss against theta. Middle: the way. Right: error against
noise. Writes learnable_order.png.
"""

import numpy as np
import torch

import pide
from pide.nets.layers import LearnableDiffusionStep, NonlocalDiffusionStep
from pide.plotting import new_figure, write_figure

torch.set_num_threads(1)
ring = pide.Torus((1.0,))
grid = ring.grid(48)
families = {
    "order s": (lambda s: pide.FractionalLaplacian(s=s), 0.63, 0.3, 0.05, 0.95),
    "width w": (lambda w: pide.NonlocalDiffusion(pide.kernels.Gaussian(width=w), images=True), 0.09, 0.15, 0.05, 0.2),
}
generator = torch.Generator().manual_seed(0)
before = torch.randn(30, 1, 48, generator=generator, dtype=torch.float64)
figure = new_figure(13.0, 3.6)
left, middle, right = figure.subplots(1, 3)
for (name, (family, truth, first, lower, upper)), style in zip(families.items(), ("-", "--"), strict=True):
    h = 1.0 / max(family(end).on(grid).spectral_bound() for end in (lower, upper))
    exact = NonlocalDiffusionStep(family(truth).on(grid), h)(before)
    errors, levels = [], [1e-1, 1e-2, 1e-3, 0.0]
    for noise in levels:
        after = exact + noise * torch.randn(exact.shape, generator=generator, dtype=torch.float64)
        layer = LearnableDiffusionStep(family, grid, initial=first, lower=lower, upper=upper, step=h)
        optimiser = torch.optim.LBFGS(layer.parameters(), max_iter=20, line_search_fn="strong_wolfe")
        way = []

        def loss(layer=layer, after=after, optimiser=optimiser, way=way):
            optimiser.zero_grad()
            value = torch.mean((layer(before) - after) ** 2)
            value.backward()
            way.append(float(layer.parameter.detach()))
            return value

        optimiser.step(loss)
        found = float(layer.parameter.detach())
        errors.append(abs(found / truth - 1))
        print(f"{name}, noise {noise:g}: {first} -> {found:.6f}, true {truth}, {len(way)} evaluations")
        if noise == 1e-3:
            middle.plot(np.array(way) / truth, style, marker="o", ms=4, label=f"{name}, true {truth}")
    thetas = np.linspace(lower, upper, 21)
    losses = [
        float(torch.mean((NonlocalDiffusionStep(family(float(t)).on(grid), h)(before) - exact) ** 2)) for t in thetas
    ]
    left.semilogy(thetas / truth, np.maximum(losses, 1e-12), style, label=name)
    right.loglog(levels[:-1], errors[:-1], style, marker="s", label=name)
left.set(xlabel="$\\theta$ / true $\\theta$", ylabel="mean squared misfit, no noise")
middle.set(xlabel="evaluation", ylabel="$\\theta$ / true $\\theta$")
right.set(xlabel="standard deviation of the noise", ylabel="relative error of $\\theta$")
for axes in (left, middle, right):
    axes.legend(frameon=False, fontsize="small")
write_figure(figure, "learnable_order.png")

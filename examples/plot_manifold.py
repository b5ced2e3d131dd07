"""
Laplacians of manifolds from points
===================================

Diffusion maps recover the Laplace-Beltrami operator of a manifold from points on it. Top: a circle sampled nine times
as densely on the right as on the left. With alpha = 1 the density drops out and the eigenvalues are 0, 1, 1, 4, 4, 9,
9; with alpha = 0 it stays in. On the right the error against epsilon, by -log(mu) / epsilon and by (1 - mu) / epsilon.
Bottom: random points of a knot in R^3, whose intrinsic geometry is a circle. The first two diffusion coordinates untie
it, and heat that starts at one point runs along the knot and not across to the strands it passes. Writes manifold.png.
"""

import numpy as np
from scipy.optimize import brentq

import pide
from pide.operators.manifold import DiffusionMap
from pide.plotting import new_figure, write_figure

count = 500
angles = np.array(
    [brentq(lambda a, k=k: (a + 0.8 * np.sin(a)) / (2 * np.pi) - (k + 0.5) / count, 0, 2 * np.pi) for k in range(count)]
)
circle = np.stack([np.cos(angles), np.sin(angles)], axis=1)
exact = np.array([0, 1, 1, 4, 4, 9, 9, 16, 16.0])

figure = new_figure(12.0, 7.2)
rows = figure.subfigures(2, 1)
top = rows[0].subplots(1, 3)
top[0].plot(*circle.T, ".", markersize=3)
top[0].set(aspect="equal", title="density 1 + 0.8 cos")
for alpha, marker in ((1.0, "o"), (0.5, "^"), (0.0, "s")):
    values = DiffusionMap(circle, 0.0025, alpha).eigenvalues(9)
    print(f"alpha = {alpha:g}: largest relative error {np.max(np.abs(values - exact)[1:7] / exact[1:7]):.4f}")
    top[1].plot(values, marker, markersize=5, fillstyle="none", label=f"alpha = {alpha:g}")
for seed in range(3):
    rng = np.random.default_rng(seed)
    random = rng.uniform(0, 2 * np.pi, 40 * count)
    random = random[1.8 * rng.random(len(random)) < 1 + 0.8 * np.cos(random)][:count]
    values = DiffusionMap(np.stack([np.cos(random), np.sin(random)], axis=1), 0.0025).eigenvalues(7)
    print(f"random points of that density, seed {seed}: {np.max(np.abs(values - exact[:7])[1:] / exact[1:7]):.2f}")
top[1].plot(exact, "k_", markersize=14, label="circle")
top[1].set(xlabel="number", ylabel="eigenvalue", title="epsilon = 0.0025")
top[1].legend(frameon=False)
widths = np.geomspace(2e-4, 0.04, 8)
errors = {"-log(mu) / epsilon": [], "(1 - mu) / epsilon": []}
for epsilon in widths:
    values = DiffusionMap(circle, epsilon).eigenvalues(7)
    errors["-log(mu) / epsilon"].append(np.max(np.abs(values - exact[:7])[1:] / exact[1:7]))
    linear = -np.expm1(-epsilon * values) / epsilon
    errors["(1 - mu) / epsilon"].append(np.max(np.abs(linear - exact[:7])[1:] / exact[1:7]))
for name, error in errors.items():
    top[2].loglog(widths, error, "o-", markersize=4, label=name)
top[2].set(xlabel="epsilon", ylabel="largest relative error, six eigenvalues", title="alpha = 1")
top[2].legend(frameon=False)


def trefoil(t):
    """Points of a knot, shape (3, N)."""
    radius = 2 + np.cos(3 * t)
    return np.stack([radius * np.cos(2 * t), radius * np.sin(2 * t), np.sin(3 * t)])


t = np.sort(np.random.default_rng(0).random(1000)) * 2 * np.pi
knot = trefoil(t).T
found = DiffusionMap(knot, 0.01)
heat = pide.solve(pide.Heat(found.operator, initial=1.0 * (np.arange(1000) == 200)), times=[0.05, 2.0], tol=1e-8)
length = np.linalg.norm(np.diff(trefoil(np.linspace(0, 2 * np.pi, 4001))), axis=0).sum()
print(f"length of the knot {length:.3f}, from volumes of the points {found.volumes(1).sum():.3f}")
print(
    f"first eigenvalues {found.eigenvalues(3)[1:].round(4)}, of a circle of that length {(2 * np.pi / length) ** 2:.4f}"
)
bottom = rows[1].subplots(1, 4, subplot_kw={"projection": "3d"})
bottom[0].scatter(*knot.T, c=t, s=3, cmap="twilight")
bottom[0].set_title("knot, colour along it")
for axes, time, u in zip(bottom[1:3], heat.times, heat.states, strict=True):
    axes.scatter(*knot.T, c=u, s=3, cmap="viridis")
    axes.set_title(f"heat at t = {time:g}")
for axes in bottom[:3]:
    axes.set_axis_off()
    axes.view_init(60, -60)
    axes.set_box_aspect((1, 1, 0.5), zoom=1.4)
bottom[3].remove()
flat = rows[1].add_subplot(1, 4, 4)
flat.scatter(*found.coordinates(2).T, c=t, s=3, cmap="twilight")
flat.set(aspect="equal", title="two diffusion coordinates")
write_figure(figure, "manifold.png")

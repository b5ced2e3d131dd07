"""
Nonlocal diffusion on scattered points
======================================

1200 points in a flower-shaped dish, twice as many per area on the left as on the right. The masses of the points are
their Voronoi cells, so that the uneven sampling does not show in the flow: two hot petals cool by jumps shorter than
0.25, with a reflecting rim (no heat is lost) and with an absorbing one. Writes cloud.png.
"""

import numpy as np

import pide
from pide.plotting import new_figure, write_figure
from pide.spaces.cloud import PointCloud

flower = pide.SignedDistance(
    lambda x, y: (np.hypot(x, y) - 0.75 - 0.2 * np.cos(5 * np.arctan2(y, x))) * 0.7, ((-1, 1), (-1, 1))
)
rng = np.random.default_rng(0)
points = rng.uniform(-1, 1, (3600, 2))
points = points[flower.contains(*points.T) & (rng.random(len(points)) < 2 / 3 - points[:, 0] / 3)][:1200]
cloud = PointCloud(points, domain=flower)

A = pide.NonlocalDiffusion(pide.kernels.Constant(horizon=0.25))
rims = {"reflecting rim": pide.Reflecting(), "absorbing rim": pide.Zero()}


def hot_petals(x, y):
    return (np.hypot(x - 0.6, y) < 0.25) + (np.hypot(x + 0.5, y + 0.35) < 0.25)


figure = new_figure(11.0, 6.4)
panels = figure.subplots(2, 4, width_ratios=[1, 1, 1, 1.1])
times = [0.0, 0.02, 0.2, 1.0]
for row, (name, exterior) in zip(panels, rims.items(), strict=True):
    problem = pide.Heat(A, flower, initial=hot_petals, exterior=exterior)
    result = pide.solve(problem, on=cloud, times=times, tol=1e-8)
    print(f"{name}: mass {', '.join(f'{m:.4f}' for m in result.mass)}, {result.record.choices['stepper']}")
    for axes, time, u in zip(row, times[:3], result.states, strict=False):
        image = axes.scatter(*cloud.coordinates, c=u, s=8, cmap="viridis", vmin=0, vmax=1)
        axes.set(aspect="equal", title=f"{name}, t = {time}", xlabel="x", ylabel="y")
    figure.colorbar(image, ax=row[2], shrink=0.8)
    row[3].plot(result.times, result.mass / result.mass[0], "o-", label="mass")
    row[3].plot(result.times, result.energy / result.energy[0], "s--", label="energy")
    row[3].set(xlabel="t", ylabel="relative to t = 0", ylim=(0, 1.05))
    row[3].legend(frameon=False, fontsize="small")

print(f"sum of the masses {cloud.masses.sum():.4f}, area of the flower {np.pi * (0.75**2 + 0.2**2 / 2):.4f}")
write_figure(figure, "cloud.png")

"""
Sums over a point cloud: four engines
=====================================

The fractional Laplacian on 500 scattered points, half of them in a cluster, needs for every point a sum over all
others. "dense" computes it, "nufft" splits the kernel and takes a nonequispaced FFT, "tree" splits the points into
boxes; for a kernel with a horizon, "sparse" stores the near pairs. Left: the error against the dense sum follows the
tolerance that was asked for. Middle: what the claims rest on does not: constants are mapped to 0 and the operator is
symmetric to rounding at every tolerance. Right: the points. Writes engines.png.

Needs finufft and numba: pip install "pide-operators[cloud]"
"""

import importlib.util

import numpy as np

import pide
from pide.plotting import new_figure, write_figure

if not all(importlib.util.find_spec(name) for name in ("finufft", "numba")):
    raise SystemExit('plot_engines needs finufft and numba. Write: pip install "pide-operators[cloud]"')

rng = np.random.default_rng(0)
disc = pide.Ball(radius=1.0, dimension=2)
spread = rng.uniform(-1, 1, (500, 2))
cluster = (0.3, 0.2) + 0.05 * rng.standard_normal((250, 2))
points = np.concatenate([spread[disc.contains(*spread.T)][:250], cluster])
cloud = pide.PointCloud(points, domain=disc)
A = pide.FractionalLaplacian(s=0.4)
dense = A.on(cloud, exterior=pide.Reflecting(), engine="dense")
v, u = np.cos(3 * (points[:, 0] + points[:, 1])), points[:, 0] ** 2
truth = dense(v)

figure = new_figure(12.0, 3.7)
left, middle, right = figure.subplots(1, 3, width_ratios=[1, 1, 0.95])
tolerances = np.array([1e-3, 1e-6, 1e-9])
for engine, mark in (("nufft", "o-"), ("tree", "s--")):
    errors, constants, symmetry = [], [], []
    for tol in tolerances:
        fast = A.on(cloud, exterior=pide.Reflecting(), engine=engine, tol=tol)
        y = fast(v)
        errors.append(cloud.norm(y - truth) / cloud.norm(truth))
        constants.append(np.abs(fast(np.ones(cloud.count))).max() / np.abs(truth).max())
        defect = abs(cloud.inner(u, y) - cloud.inner(fast(u), v))
        symmetry.append(defect / (cloud.norm(u) * cloud.norm(y)))
    left.loglog(tolerances, errors, mark, label=engine)
    middle.loglog(tolerances, np.maximum(constants, 1e-17), mark, color="C2", label=f"constants, {engine}")
    middle.loglog(tolerances, np.maximum(symmetry, 1e-17), mark, color="C4", label=f"symmetry, {engine}")
    print(f"{engine}: errors {', '.join(f'{e:.1e}' for e in errors)}; symmetric to {max(symmetry):.1e}")
    print(f"  {fast.notes[1]}")
left.loglog(tolerances, tolerances, ":", color="0.5", label="tol")
left.set(xlabel="tol", ylabel="relative error of A v")
middle.set(xlabel="tol", ylabel="defect", ylim=(3e-18, 1e-9))
for axes in (left, middle):
    axes.legend(frameon=False, fontsize="small")
right.scatter(*points.T, s=2, color="0.2")
right.set(xlabel="x", ylabel="y", aspect="equal", title=f"{cloud.count} points")

near = pide.NonlocalDiffusion(pide.kernels.Constant(horizon=0.1)).on(cloud, exterior=pide.Reflecting())
print(f"a horizon of 0.1: {near.notes[0]}")
write_figure(figure, "engines.png")

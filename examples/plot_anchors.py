"""
All pairs through a few anchors
===============================

W_ij = sum_a C_ia C_ja m_j / lambda_a, C_ia the affinity of point i to anchor a, rows of sum 1: every point exchanges
with every other, through K anchors, at a cost of 4 N K instead of 2 N^2. W is symmetric, >= 0, its rows sum to 1,
whatever the anchors. Left: 1500 samples with few in one part; anchors that are far apart cover it, means of clusters
follow the density. Middle: heat from one sample. Right: distance to the flow by all pairs against the number of
anchors: it stays at a per cent, as W through anchors is another affinity. Writes anchors.png.
"""

import time

import numpy as np

import pide
from pide import verification
from pide.plotting import new_figure, write_figure

rng = np.random.default_rng(0)
angle = np.pi * rng.beta(1.0, 3.0, 1500)
points = np.stack([np.cos(angle), np.sin(angle)], axis=1) + 0.05 * rng.standard_normal((1500, 2))
samples = pide.Samples(points)
omega = pide.GaussianAffinity(width=0.15)

chosen = {
    "farthest": pide.anchor_points(points, 25),
    "kmeans": pide.anchor_points(points, 25, method="kmeans", seed=0),
}
start = np.exp(-((points - [1.0, 0.0]) ** 2).sum(axis=1) / 0.01)
figure = new_figure(13.0, 3.6)
left, middle, right = figure.subplots(1, 3)
left.scatter(*points.T, s=1, color="0.75")
for (name, anchors), mark in zip(chosen.items(), ("o", "^"), strict=True):
    left.plot(*anchors.T, mark, mfc="none", label=f"{name}, 25 anchors")
left.set(xlabel="x", ylabel="y", aspect="equal", ylim=(-0.25, 1.6))
left.legend(frameon=False, fontsize="small", loc="upper right")


def flow(L, t=20.0):
    """u_t = L u from the samples near (1, 0), and its CPU time."""
    began = time.process_time()
    u = pide.solve(pide.Heat(L, initial=start), until=t, tol=1e-6).final
    return u, time.process_time() - began


dense = omega.on(samples, points, "sinkhorn")
exact, spent = flow(dense)
counts = [25, 50, 100, 200]
for method, mark in (("farthest", "o-"), ("kmeans", "s--")):
    gaps = []
    for count in counts:
        anchors = pide.anchor_points(points, count, method=method, seed=0 if method == "kmeans" else None)
        L = pide.GaussianAffinity(width=0.15 / 2**0.5).on(samples, points, anchors=anchors)
        u, quick = flow(L)
        gaps.append(float(samples.norm(u - exact) / samples.norm(exact)))
    print(f"{method}: distance to all pairs {', '.join(f'{g:.2f}' for g in gaps)} by {counts} anchors; "
          f"{quick:.2f} CPU s by {counts[-1]} anchors, {spent:.2f} by all pairs")  # fmt: skip
    right.loglog(counts, gaps, mark, label=method)
report = verification.check(L, samples=3, claims=["self_adjoint", "conserves_mass", "kills_constants", "energy_decay"])
print(report.summary)
report.raise_if_failed()

dots = middle.scatter(*points.T, c=u, s=3, cmap="viridis")
figure.colorbar(dots, ax=middle, label=f"u at t = 20, {counts[-1]} anchors")
middle.set(xlabel="x", ylabel="y", aspect="equal")
right.set(xlabel="anchors", ylabel="distance to all pairs, relative")
right.set_xticks(counts, [str(count) for count in counts])
right.set_yticks([0.005, 0.01, 0.02, 0.05], ["0.005", "0.01", "0.02", "0.05"])
right.minorticks_off()
right.legend(frameon=False, fontsize="small")
write_figure(figure, "anchors.png")

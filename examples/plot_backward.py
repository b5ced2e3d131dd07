"""
Backward in time
================

A diffusion with bounded rates can be run backward: its amplification is at most exp(t lambda_max), which is printed,
and refused when it would destroy the accuracy that was asked for. The fractional Laplacian has unbounded rates, and
its flow cannot be reversed at any resolution: pide says so instead of returning noise. Writes backward.png.
"""

import numpy as np

import pide
from pide.plotting import new_figure, write_figure

ring = pide.Torus((1.0,))
grid = ring.grid(200)
x = grid.axes[0]
L = pide.NonlocalDiffusion(pide.kernels.Gaussian(width=0.1, normalise="mass"), images=True)
start = grid.sample(lambda x: np.abs(x - 0.5) < 0.15, dtype=np.float64)
figure = new_figure(10.0, 3.8)
left, right = figure.subplots(1, 2)

forward = pide.solve(pide.Heat(L, ring, initial=start), on=grid, until=4.0)
back = pide.solve(pide.Heat(L, ring, initial=forward.final), on=grid, until=-4.0)
left.plot(x, start, color="0.6", label="start")
left.plot(x, forward.final, label="after t = 4")
left.plot(x, back.final, "--", label="and back")
left.set(xlabel="x", ylabel="u")
left.legend(frameon=False, fontsize="small")
print(f"error after 4 forward and 4 backward: {np.abs(back.final - start).max():.1e}; {back.record.choices}")

rng = np.random.default_rng(0)
times = np.linspace(0.5, 8.0, 16)
for noise in (1e-8, 1e-5):
    errors = []
    for t in times:
        seen = pide.solve(pide.Heat(L, ring, initial=start), on=grid, until=t).final
        seen = seen + noise * rng.standard_normal(seen.shape)
        found = pide.solve(pide.Heat(L, ring, initial=seen), on=grid, until=-t, tol=0.1).final
        errors.append(float(grid.norm(found - start) / grid.norm(start)))
    right.semilogy(times, errors, marker=".", label=f"noise {noise:g}")
right.semilogy(times, 1e-5 * np.exp(times), color="0.6", linestyle=":", label="1e-5 $e^t$")
right.set(xlabel="t, forward and back", ylabel="relative error")
right.legend(frameon=False, fontsize="small")

try:
    pide.solve(pide.Heat(pide.FractionalLaplacian(s=0.5), ring, initial=start), on=grid, until=-0.01)
except pide.errors.IllPosedError as error:
    print(error)
write_figure(figure, "backward.png")

"""
Paths of a jump process and their density
=========================================

A particle on an interval jumps to nearby places, and more often towards larger x: rates w(x, y) that are not symmetric.
Its density obeys the master equation p_t = Q* p. Sampled paths agree with it within the Dvoretzky-Kiefer-Wolfowitz
bound; both tend to the stationary density, which is not reversible. Writes jump_process.png.
"""

import numpy as np

import pide
from pide import kernels
from pide.continuum.markov import MarkovJump
from pide.plotting import new_figure, write_figure
from pide.solvers import jumps
from pide.solvers.paths import sample_paths


def rates(x, y):
    drift = 1 + np.tanh(3 * (y[0] - x[0])) * np.cos(np.pi * x[0])
    return 30 * np.exp(-(((x[0] - y[0]) / 0.15) ** 2)) * drift


line = pide.Interval(0, 1)
grid = line.grid(100)
x = grid.axes[0]
problem = MarkovJump(
    pide.NonlocalDiffusion(kernels.TwoPoint(rates, horizon=0.5, symmetric=False)), line,
    initial=lambda x: 1.0 * (abs(x - 0.1) < 0.05),
)  # fmt: skip

times = [0.0, 0.3, 1.0, 3.0]
result = pide.solve(problem, on=grid, times=times)
print(result.record.choices["stepper"])
paths = sample_paths(problem, on=grid, until=3.0, count=20_000, seed=2026)
density = result.states / result.mass[:, None]
for t, p in zip(times, density, strict=True):
    measured, bound = paths.deviation(t, p)
    print(f"t = {t:3g}: empirical against solved distribution {measured:.4f} <= {bound:.4f}, except once in 1e6 runs")

Q = jumps.jump_generator(problem, on=grid)
stationary = jumps.stationary_density(Q)
print(f"detailed balance is violated by {jumps.detailed_balance(Q, stationary):.2f} of the largest flow")

figure = new_figure(9.0, 3.6)
left, right = figure.subplots(1, 2)
for path in range(4):
    t, position = paths.positions(path)
    left.step(np.append(t, 3.0), np.append(position[:, 0], position[-1, 0]), where="post", lw=1)
left.set(xlabel="time", ylabel="x", title="four paths")
for k, (t, p) in enumerate(zip(times[1:], density[1:], strict=True)):
    right.plot(x, p, color=f"C{k}", label=f"t = {t:g}")
    right.plot(x, paths.density(t), ".", ms=3, color=f"C{k}")
right.plot(x, stationary, "k:", label="stationary")
right.set(xlabel="x", ylabel="density", title="20 000 paths (dots) and master equation")
right.legend(frameon=False, fontsize="small")
write_figure(figure, "jump_process.png")

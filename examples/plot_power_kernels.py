"""
Power-law kernels: exponent and horizon
=======================================

gamma = C r^(-a) for r < delta. a < 1: bounded operators in one dimension; 1 < a < 3: singular ones, of order a - 1,
among them -(-Delta)^s with a = 1 + 2s and no horizon. The truncated fractional kernel tends to the fractional one as
delta grows, with error ~ delta^(-2s), and, normalised, to the Laplacian as delta shrinks. Left: symbols. Middle and
right: the two limits. Writes power_kernels.png.
"""

import numpy as np

import pide
from pide import kernels
from pide.plotting import new_figure, write_figure

k = np.geomspace(0.3, 1000, 200)
figure = new_figure(13.0, 3.8)
left, middle, right = figure.subplots(1, 3)
for a, style in ((0.0, "-"), (0.5, "--"), (1.5, "-."), (2.0, ":"), (2.5, (0, (5, 1)))):
    gamma = kernels.PowerLaw(exponent=a, horizon=0.5, normalise="laplacian")
    symbol = -gamma.symbol(k, 1)
    slope = np.polyfit(np.log(k[-60:]), np.log(symbol[-60:]), 1)[0]
    left.loglog(k, symbol, linestyle=style, label=f"a = {a:g}: grows like k$^{{{slope:.2f}}}$")
    print(f"a = {a:g}: symbol grows like k^{slope:.3f}, expected {max(a - 1, 0):g}")
left.loglog(k, k**2, color="0.7", lw=1, label="k$^2$")
left.set(xlabel="k", ylabel="-symbol, horizon 0.5", ylim=(0.05, 1e6))

# delta -> infinity: steady states on (-1, 1). For delta >= 2 only the rate of leaving differs.
line = pide.Interval(-1, 1)
grid = line.grid(200)
horizons = np.array([0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0])
for s, mark in ((0.25, "o"), (0.5, "s"), (0.75, "^")):
    def solved(gamma):
        problem = pide.Stationary(-1.0 * pide.NonlocalDiffusion(gamma), line, source=1.0, exterior=pide.Zero())
        return pide.solve(problem, on=grid, tol=1e-10).final

    limit = solved(kernels.Fractional(s=s))
    found = [solved(kernels.TruncatedFractional(s=s, horizon=delta)) for delta in horizons]
    gaps = [float(grid.norm(u - limit) / grid.norm(limit)) for u in found]
    slope = np.polyfit(np.log(horizons[-3:]), np.log(gaps[-3:]), 1)[0]
    print(f"s = {s}: {gaps[-1]:.1e} from the fractional kernel at delta = 16, slope {slope:.3f}, expected {-2 * s:g}")
    middle.loglog(horizons, gaps, mark + "-", label=f"s = {s}: slope {slope:.2f}")
middle.set(xlabel="horizon $\\delta$", ylabel="distance to the solution with $\\delta = \\infty$")

# delta -> 0: the local solution (1 - x^2) / 2; the collar of width delta around the interval is all that differs.
for s, mark in ((0.25, "o"), (0.75, "^")):
    gaps, small = [], [0.4, 0.2, 0.1, 0.05]
    for delta in small:
        fine = line.grid(round(16 / delta))
        gamma = kernels.TruncatedFractional(s=s, horizon=delta, normalise="laplacian")
        problem = pide.Stationary(-1.0 * pide.NonlocalDiffusion(gamma), line, source=1.0, exterior=pide.Zero())
        u = pide.solve(problem, on=fine, tol=1e-10).final
        local = (1 - fine.axes[0] ** 2) / 2
        gaps.append(float(fine.norm(u - local) / fine.norm(local)))
    slope = np.polyfit(np.log(small), np.log(gaps), 1)[0]
    print(f"s = {s}, normalised: {gaps[-1]:.1e} from the local solution at delta = 0.05, slope {slope:.2f}")
    right.loglog(small, gaps, mark + "-", label=f"s = {s}: slope {slope:.2f}")
right.set(xlabel="horizon $\\delta$", ylabel="distance to the local solution")
right.set_xticks(small, [str(delta) for delta in small])
right.set_yticks([0.02, 0.05, 0.1, 0.2], ["0.02", "0.05", "0.1", "0.2"])
for axes in (left, middle, right):
    axes.legend(frameon=False, fontsize="small")
    axes.minorticks_off()
write_figure(figure, "power_kernels.png")

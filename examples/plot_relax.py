"""
Following a flow until it rests
===============================

`relax` follows u_t = L u + f(u) in segments of doubling length and stops when ``|u(t_k) - u(t_(k-1))|`` is at most
rate times the length of the segment, relative to ``|u|``. Here f(u) = u - u^3 and nonlocal diffusion with horizon
delta: from the same data, weak diffusion rests on plateaus, stronger diffusion on one step. For linear problems the
rest is the solution of a steady problem, found at once. Writes relax.png.
"""

import numpy as np

import pide
from pide.plotting import new_figure, write_figure

line = pide.Interval(-1, 1)
grid = line.grid(48)
(x,) = grid.coordinates


def bumps(x):
    return 0.5 * np.cos(3 * np.pi * x) + 0.2 * x


figure = new_figure(13.0, 3.6)
states, speeds, linear = figure.subplots(1, 3)
states.plot(x, bumps(x), ":", color="0.5", label="t = 0")
for strength, style in ((0.002, "-"), (0.03, "--")):
    L = strength * pide.NonlocalDiffusion(pide.kernels.Constant(horizon=0.2))
    problem = pide.Evolution(L, line, initial=bumps, exterior=pide.Reflecting(), reaction=lambda u: u - u**3)
    result = pide.relax(problem, on=grid, rate=1e-4, latest=200.0, tol=1e-4)
    u = result.final
    balance = float(grid.norm(L.on(grid, pide.Reflecting())(u) + u - u**3))
    print(f"strength {strength}: {result.record.choices['rest']}; |L u + f(u)| = {balance:.1e}")
    states.plot(x, u, style, label=f"{strength} L, at rest at t = {result.times[-1]:g}")
    moved = [float(grid.norm(b - a) / grid.norm(b)) for a, b in zip(result.states, result.states[1:], strict=False)]
    speeds.loglog(result.times[1:], moved / np.diff(result.times), style, marker="o", ms=3, label=f"{strength} L")
states.set(xlabel="x", ylabel="u", ylim=(-1.5, 2.1))
speeds.axhline(1e-4, color="0.5", lw=1)
speeds.set(xlabel="t, end of the segment", ylabel="mean relative speed")
for axes in (states, speeds):
    axes.legend(frameon=False, fontsize="small")

# A linear problem: the rest of u_t = -(-Delta)^s u + 1 is the steady solution.
A = pide.FractionalLaplacian(s=0.5)
steady = pide.solve(pide.Stationary(A, line, source=1.0), on=grid, tol=1e-10).final
heat = pide.Heat(A, line, initial=0.0, exterior=pide.Zero(), source=1.0)
for rate, style in ((1e-1, "--"), (1e-3, "-."), (1e-5, ":")):
    result = pide.relax(heat, on=grid, rate=rate, latest=50.0, tol=1e-8)
    gap = float(grid.norm(result.final - steady) / grid.norm(steady))
    linear.plot(x, result.final, style, label=f"rate {rate:g}: t = {result.times[-1]:.2f}, off by {gap:.0e}")
    print(f"linear, rate {rate:g}: t = {result.times[-1]:g}, {gap:.1e} from the steady solution")
linear.plot(x, steady, "k-", lw=0.8, label="steady")
linear.set(xlabel="x", ylabel="u", ylim=(0, 1.6))
linear.legend(frameon=False, fontsize="small")
write_figure(figure, "relax.png")

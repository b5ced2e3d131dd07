"""
Tempered jumps: superdiffusion that ends
========================================

gamma = c_(n,s) exp(-rate r) r^(-n-2s): jumps like those of a stable process up to the length 1 / rate, and hardly
longer ones. Mass spreads like t^(1/2s) for short times, like t^(1/2) once the variance, which is finite, counts: Var =
t times the second moment. Left: kernels. Middle: half widths and standard deviations in time. Right: densities, with
tails cut off by the rate. Writes tempered.png.
"""

import numpy as np

import pide
from pide import kernels
from pide.plotting import new_figure, write_figure

s, ring = 0.6, pide.Torus((80.0,))
grid = ring.grid(16000)
x = grid.axes[0] - 40.0
start = np.exp(-0.5 * (x / 0.01) ** 2)
start /= grid.inner(start, np.ones_like(x))
times = np.concatenate([[0.0], np.geomspace(0.01, 8.0, 14)])

figure = new_figure(13.0, 3.8)
left, middle, right = figure.subplots(1, 3)
r = np.geomspace(0.01, 30, 200)
for rate, style, mark in ((0.3, "-", "o"), (1.0, "--", "s"), (3.0, "-.", "^")):
    gamma = kernels.Tempered(s=s, rate=rate)
    left.loglog(r, gamma(r, 1), style, label=f"rate {rate:g}")
    A = pide.Multiplier(lambda k, gamma=gamma: gamma.symbol(np.abs(k), 1))
    states = pide.solve(pide.Evolution(A, ring, initial=start), on=grid, times=times, stepper=pide.Exact()).states
    spread = np.array([grid.inner(u, x**2) for u in states]).ravel()
    moment = gamma.second_moment(1)
    measured = (spread[1:] - spread[0]) / times[1:]
    print(f"rate {rate:g}: (Var(t) - Var(0)) / t = {measured[0]:.6f} .. {measured[-1]:.6f}, second moment {moment:.6f}")
    widths = [2 * np.interp(0.5, 1 - u[8000:] / u.max(), x[8000:]) for u in states[1:]]
    middle.loglog(times[1:], np.sqrt(spread[1:]), mark + style, ms=4, label=f"rate {rate:g}: deviation")
    colour = middle.lines[-1].get_color()
    middle.loglog(times[1:], widths, mark, mfc="none", ms=4, color=colour, label="width at half height")
    slopes = [np.log(widths[j + 2] / widths[j]) / np.log(times[j + 3] / times[j + 1]) for j in (2, len(widths) - 3)]
    print(f"  width grows like t^{slopes[0]:.2f} at first, t^{slopes[1]:.2f} at last; 1/2s = {1 / (2 * s):.2f}")
    right.semilogy(x, np.maximum(states[-5], 1e-18), style, label=f"rate {rate:g}")
left.loglog(r, kernels.Fractional(s=s)(r, 1), ":", color="0.5", label="no tempering")
left.set(xlabel="r", ylabel="$\\gamma(r)$", ylim=(1e-12, 1e5))
middle.set(xlabel="t", ylabel="width")
right.set(xlabel="x", ylabel=f"density at t = {times[-5]:.2f}", xlim=(-30, 30), ylim=(1e-12, 10))
for axes in (left, middle, right):
    axes.legend(frameon=False, fontsize="small")
write_figure(figure, "tempered.png")

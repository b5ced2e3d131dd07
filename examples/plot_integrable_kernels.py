"""
Integrable kernels
==================

Constant, linear, Gaussian and exponential kernels, normalised to the second moment of the Laplacian, and any radial
function of your own. gamma is integrable, so L is bounded: its symbol levels off at minus the mass, and nothing is
smoothed at once: a step keeps its jump, which decays like exp(-mass t). Left: the kernels. Middle: mass, second moment
and largest rate on a grid. Right: the jump of a step, measured. Writes integrable_kernels.png.
"""

import numpy as np

import pide
from pide import kernels
from pide.plotting import new_figure, write_figure

choices = {
    "constant": kernels.Constant(horizon=0.3),
    "linear": kernels.Linear(horizon=0.35),
    "Gaussian": kernels.Gaussian(width=0.15),
    "exponential": kernels.Exponential(length=0.08),
    "radial, own f": kernels.Radial(lambda r: np.cos(np.pi * r / 0.6) ** 2, horizon=0.3, normalise="laplacian"),
}
line = pide.Interval(-1, 1)
grid = line.grid(400)
times = np.linspace(0.0, 0.08, 9)
styles = ("-", "--", "-.", ":", (0, (5, 1)))
figure = new_figure(13.0, 3.8)
left, middle, right = figure.subplots(1, 3, width_ratios=[1, 0.8, 1.1])
r = np.linspace(1e-3, 0.45, 400)
for place, (name, gamma) in enumerate(choices.items()):
    mark, colour = "os^vD"[place], f"C{place}"
    left.plot(r, gamma(r, 1), linestyle=styles[place], color=colour, label=name)
    mass, moment = gamma.mass(1), gamma.second_moment(1)
    A = pide.NonlocalDiffusion(gamma)
    L = A.on(grid, pide.Reflecting())
    largest = -gamma.symbol(np.array([1e3]), 1)[0]
    print(f"{name:14s} mass {mass:8.3f}, second moment {moment:.12f}, -symbol at k = 1000 {largest:8.3f}, "
          f"largest rate {L.rate_bound():8.3f}")  # fmt: skip
    assert abs(moment - 2.0) < 1e-10
    middle.plot([mass], [place], mark, color=colour)
    middle.plot([L.rate_bound()], [place], "|", ms=14, color="k")

    # The jump of a step at 0: the difference of the two values beside it, less that of a smooth function.
    heat = pide.Heat(A, line, initial=lambda x: 1.0 * (x > 0), exterior=pide.Reflecting())
    states = pide.solve(heat, on=grid, times=times, tol=1e-9).states
    jumps = states[:, 200] - states[:, 199] - (states[:, 201] - states[:, 198] - states[:, 200] + states[:, 199]) / 2
    right.semilogy(times, jumps, mark, mfc="none", color=colour, label=f"{name}, mass {mass:.0f}")
    right.semilogy(times, np.exp(-mass * times), color=colour, lw=0.8)
    print(f"{'':14s} jump at t = {times[-1]:g}: {jumps[-1]:.6f}, exp(-mass t) = {np.exp(-mass * times[-1]):.6f}")
left.set(xlabel="r", ylabel="$\\gamma(r)$", ylim=(0, 600))
middle.set(xlabel="mass (marks), largest rate (|)", xlim=(0, 350))
middle.set_yticks(range(len(choices)), list(choices))
middle.invert_yaxis()
right.set(xlabel="t", ylabel="jump at 0; lines exp(-mass t)")
for axes in (left, right):
    axes.legend(frameon=False, fontsize="small")
write_figure(figure, "integrable_kernels.png")

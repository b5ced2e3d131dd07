"""
Kernels compared
================

Five kernels normalised so that L v(x) = integral of ``gamma(|x - y|)`` (v(y) - v(x)) dy tends to v'' on long waves.
They differ on short waves: the symbol of an integrable kernel levels off, that of a singular one keeps growing, like
k^(2s). A levelled symbol cannot smooth a jump, so the step stays in the solution. Writes kernels.png.
"""

import numpy as np

import pide
from pide import kernels
from pide.plotting import new_figure, write_figure

horizon = 0.2
choices = {
    "constant": kernels.Constant(horizon=horizon),
    "Gaussian": kernels.Gaussian(width=horizon / 2),
    "exponential": kernels.Exponential(length=horizon / 4),
    "truncated fractional, s = 0.5": kernels.TruncatedFractional(s=0.5, horizon=horizon, normalise="laplacian"),
    "tempered, s = 0.75": kernels.Tempered(s=0.75, rate=2 / horizon, normalise="laplacian"),
}

figure = new_figure(10.0, 4.0)
symbols, solutions = figure.subplots(1, 2)

# Left: the symbols, the eigenvalues of L on exp(i k x), against that of the second derivative.
k = np.geomspace(0.5, 500, 200)
for name, kernel in choices.items():
    symbols.loglog(k, -kernel.symbol(k, dimension=1), label=name)
symbols.loglog(k, k**2, color="0.6", linestyle="--", label="local, k$^2$")
symbols.set(xlabel="k", ylabel="-symbol", ylim=(0.1, 1e5))
symbols.legend(frameon=False, fontsize="small")

# Right: heat flow of a step at t = 0.005 on an interval that reflects.
line = pide.Interval(-1, 1)
grid = line.grid(1000)
for name, kernel in choices.items():
    heat = pide.Heat(pide.NonlocalDiffusion(kernel), line, initial=lambda x: (x > 0) * 1.0, exterior=pide.Reflecting())
    result = pide.solve(heat, on=grid, until=0.005)
    solutions.plot(grid.axes[0], result.final, label=name)
    print(f"{name:32s} {result.record.stepper}, {result.record.applies} applies, variance {result.variance[-1]:.6f}")
solutions.set(xlabel="x", ylabel="u at t = 0.005", xlim=(-0.4, 0.4))
write_figure(figure, "kernels.png")

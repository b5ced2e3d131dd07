"""
Exterior data
=============

A nonlocal equation needs to know u outside the domain, up to the horizon or everywhere. Steady states of the same
kernel with three exteriors: values given on the collar, zero, and none (reflecting, where the source must have zero
mean). Data given only near the boundary act through a layer as thick as the horizon. Writes exterior_data.png.
"""

import numpy as np

import pide
from pide.plotting import new_figure, write_figure

line = pide.Interval(0, 1)
grid = line.grid(400)
x = grid.axes[0]
figure = new_figure(10.0, 3.8)
left, right = figure.subplots(1, 2)

# Left: g(x) = x outside. The local limit is u = x; a horizon of any size keeps linear functions.
for delta in (0.1, 0.4):
    L = pide.NonlocalDiffusion(pide.kernels.Constant(horizon=delta))
    for exterior, name in ((pide.Value(lambda x: x), "g = x"), (pide.Value(lambda x: (x > 0.5) * 1.0), "g = 0, 1")):
        result = pide.solve(pide.Stationary(L, line, source=0.0, exterior=exterior), on=grid, tol=1e-10)
        left.plot(x, result.final, label=f"{name}, horizon {delta}")
        print(f"{name}, horizon {delta}: largest distance from x {np.abs(result.final - x).max():.2e}")
left.set(xlabel="x", ylabel="u")
left.legend(frameon=False, fontsize="small")

# Right: a source of zero mean, with zero outside and with nothing outside.
for exterior in (pide.Zero(), pide.Reflecting()):
    problem = pide.Stationary(
        pide.FractionalLaplacian(s=0.75), line, source=lambda x: np.sin(2 * np.pi * x), exterior=exterior
    )
    result = pide.solve(problem, on=grid, tol=1e-10)
    right.plot(x, result.final, label=f"{type(exterior).__name__}, {result.record.applies} applies")
right.set(xlabel="x", ylabel="u, $(-\\Delta)^{3/4} u = \\sin 2 \\pi x$")
right.legend(frameon=False, fontsize="small")
write_figure(figure, "exterior_data.png")

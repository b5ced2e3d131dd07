"""
Local and nonlocal diffusion together
=====================================

u_t = a u_xx - b (-Delta)^s u: Brownian motion with jumps. On a torus the sum is diagonal, and its symbol is the sum of
the symbols. On an interval the Laplacian rules near the centre of a spreading bump, and the jumps make the tails, which
fall like t b c_{1,s} x^{-1-2s} for large x. Writes mixed_diffusion.png.
"""

import numpy as np

import pide
from pide.continuum.constants import fractional_constant
from pide.plotting import new_figure, write_figure

a, b, s, until = 1.0, 0.05, 0.5, 1.0
line = pide.Interval(-60, 60)
grid = line.grid(4096)
x = grid.axes[0]
models = {
    "local": a * pide.Laplacian(),
    "nonlocal": -b * pide.FractionalLaplacian(s=s),
    "sum": a * pide.Laplacian() - b * pide.FractionalLaplacian(s=s),
}
start = np.exp(-(x**2)) / np.sqrt(np.pi)

figure = new_figure(9.0, 3.6)
left, right = figure.subplots(1, 2)
for name, model in models.items():
    heat = pide.Heat(model, line, initial=start, exterior=pide.Zero())
    result = pide.solve(heat, on=grid, until=until)
    print(f"{name:9s} {result.record.choices['stepper']}; mass {result.mass[-1]:.6f}, applies {result.record.applies}")
    left.plot(x, result.final, label=name)
    right.loglog(x[x > 0.5], np.maximum(result.final[x > 0.5], 1e-20), label=name)
tail = until * b * fractional_constant(1, s) * x[x > 5] ** (-1 - 2 * s)
right.loglog(x[x > 5], tail, "k:", label=r"$t\,b\,c_{1,s}\,x^{-1-2s}$")
left.set(xlim=(-8, 8), xlabel="x", ylabel="u(x, 1)")
right.set(ylim=(1e-9, 1), xlabel="x", ylabel="u(x, 1)")
for axis in (left, right):
    axis.legend(frameon=False, fontsize="small")
write_figure(figure, "mixed_diffusion.png")

"""
Integral and spectral fractional Laplacian
==========================================

A u = 1 in (0, pi), with u = 0 outside or at the ends. The integral operator sees the whole exterior; the spectral one
sees only the boundary, (-Delta_Omega)^s sin kx = k^(2s) sin kx, and is the larger one, so that its solutions are
smaller. Near the ends u behaves like d^s and like d^min(2s, 1), d the distance. Writes spectral_fractional.png.
"""

import numpy as np

import pide
from pide.plotting import new_figure, write_figure

line = pide.Interval(0, np.pi)
grid = line.grid(2048)
x = grid.coordinates[0]
near = (x > 2e-3) & (x < 2e-2)
solutions = {}
for s in (0.25, 0.75):
    for name, operator in (
        ("integral", pide.FractionalLaplacian(s)),
        ("spectral", pide.SpectralFractionalLaplacian(s)),
    ):
        problem = pide.Stationary(operator, line, source=1.0, exterior=pide.Zero())
        u = solutions[name, s] = pide.solve(problem, on=grid).final
        power = np.polyfit(np.log(x[near]), np.log(u[near]), 1)[0]
        print(f"s = {s}, {name}: u ~ d^{power:.2f} at the ends, maximum {u.max():.4f}")

# %%
# The spectral solution is the series over odd k of 4 sin(kx) / (pi k^(1+2s)).

k = np.arange(1, 20001, 2)
series = (4 / (np.pi * k**2.5)) @ np.sin(np.outer(k, x[::256]))
print(f"largest difference from the series {np.abs(solutions['spectral', 0.75][::256] - series).max():.1e}")

figure = new_figure(9.5, 4.0)
left, right = figure.subplots(1, 2)
for (name, s), u in solutions.items():
    style = {"color": {0.25: "#0072b2", 0.75: "#d55e00"}[s], "ls": {"integral": "-", "spectral": "--"}[name]}
    left.plot(x, u, label=f"{name}, s = {s}", **style)
    right.loglog(x[x < 0.5], u[x < 0.5], **style)
left.set(xlabel="x", ylabel="u", title="A u = 1")
left.legend(frameon=False, fontsize="small")
right.set(xlabel="distance d to the end", ylabel="u", title="at the boundary")
right.grid(alpha=0.3)
write_figure(figure, "spectral_fractional.png")

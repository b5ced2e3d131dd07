"""
Variable order and advection
============================

Left: (-Delta)^s(x) with an order that rises across the interval. Where s is large the bump spreads fast. The rates are
symmetric in x and y, so that energy decay is claimed as for constant order. Right: advection beside fractional
diffusion, u_t = -b u_x - D (-Delta)^s u, upwind, so that rates stay nonnegative. Writes variable_order.png.
"""

import numpy as np

import pide
from pide.plotting import new_figure, write_figure

line = pide.Interval(-1, 1)
grid = line.grid(256)
x = grid.axes[0]
figure = new_figure(10.0, 3.8)
left, right = figure.subplots(1, 2)


def bumps(x):
    """Two equal bumps."""
    return np.exp(-100 * (x + 0.5) ** 2) + np.exp(-100 * (x - 0.5) ** 2)


varying = pide.VariableOrderLaplacian(lambda x: 0.55 + 0.35 * x)
for operator, name in ((varying, "s = 0.55 + 0.35 x"), (pide.FractionalLaplacian(s=0.55), "s = 0.55")):
    result = pide.solve(pide.Heat(operator, line, initial=bumps, exterior=pide.Zero()), on=grid, until=0.05)
    left.plot(x, result.final, label=name)
    print(f"{name}: {result.record.stepper}, claims energy decay: {'energy_decay' in result.operator.claims}")
left.plot(x, bumps(x), color="0.6", linestyle="--", label="t = 0")
left.set(xlabel="x", ylabel="u at t = 0.05")
left.legend(frameon=False, fontsize="small")

ring = pide.Torus((2.0,), lower=(-1.0,))
circle = ring.grid(256)
rhs = pide.Advection((1.0,)) - 0.05 * pide.FractionalLaplacian(s=0.6)
flow = pide.Evolution(rhs, ring, initial=lambda x: np.exp(-100 * (x + 0.5) ** 2))
result = pide.solve(flow, on=circle, times=[0.0, 0.25, 0.5, 0.75], tol=1e-8)
for t, u in zip(result.times, result.states, strict=True):
    right.plot(circle.axes[0], u, label=f"t = {t:g}")
print(f"advection: mass {result.mass[0]:.12f} -> {result.mass[-1]:.12f}, smallest value {result.states.min():.1e}")
right.set(xlabel="x", ylabel="u")
right.legend(frameon=False, fontsize="small")
write_figure(figure, "variable_order.png")

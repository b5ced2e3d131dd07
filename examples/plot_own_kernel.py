"""
Kernels of your own, on domains of any shape
============================================

Left: three kernels of distance, a cone, a power law that is cut off, and one written as a Python function; the rates
of a node at the centre of a torus. Middle: a kernel of two arguments, exchange that is a hundred times weaker across
a wall than within a room, and heat that fills its own room first. Right: domains are polygons, masks and signed
distances as well; here a polygon whose rim absorbs. Writes own_kernel.png.
"""

import numpy as np

import pide
from pide import kernels
from pide.plotting import masked, new_figure, write_figure

figure = new_figure(12.0, 3.7)
left, middle, right = figure.subplots(1, 3)

ring = pide.Torus((1.0,), lower=(-0.5,)).grid(256)
choices = {
    "Linear": kernels.Linear(horizon=0.3),
    "PowerLaw, $1/\\sqrt{r}$": kernels.PowerLaw(exponent=0.5, horizon=0.3, normalise="laplacian"),
    "Radial, your function": kernels.Radial(lambda r: np.cos(np.pi * r / 0.6) ** 4, horizon=0.3, normalise="laplacian"),
}
spike = np.zeros(256)
spike[128] = 1 / ring.spacing[0]
for (name, kernel), mark in zip(choices.items(), ("-", "--", ":"), strict=True):
    L = pide.NonlocalDiffusion(kernel).on(ring)
    rates = L(spike)
    rates = np.where(rates > 0, rates, np.nan)
    left.plot(ring.axes[0], rates, mark, label=name)
    print(f"{name}: second moment {kernel.second_moment(1):.6f}; {L.notes[0]}")
left.set(xlabel="x", ylabel="rate between 0 and x", xlim=(-0.4, 0.4), yscale="log", ylim=(2, 5000))
left.legend(frameon=False, fontsize="small", loc="lower center")


def walls(x, y):
    """omega(x, y); x and y are tuples with one array per axis."""
    strength = np.where((x[0] < 0.4) == (y[0] < 0.4), 1.0, 0.01)
    return 400 * strength * np.exp(-(((x[0] - y[0]) / 0.1) ** 2))


line = pide.Interval(0, 1)
rooms = pide.NonlocalDiffusion(kernels.TwoPoint(walls, horizon=0.4))
heat = pide.Heat(rooms, line, initial=lambda x: (np.abs(x - 0.2) < 0.05) * 1.0, exterior=pide.Reflecting())
grid = line.grid(120)
result = pide.solve(heat, on=grid, times=[0.0, 0.05, 0.2, 1.0])
for t, u, mark in zip(result.times, result.states, (":", "-.", "--", "-"), strict=True):
    middle.plot(grid.axes[0], u, mark, label=f"t = {t:g}")
middle.axvline(0.4, color="0.7", lw=1)
middle.set(xlabel="x", ylabel="u", ylim=(0, 0.6), title="a wall at x = 0.4")
middle.legend(frameon=False, fontsize="small")
print(f"two rooms: mass {result.mass[0]:.6f} -> {result.mass[-1]:.6f}")

corners = ((0, 0), (1, 0), (1, 0.4), (0.45, 0.4), (0.45, 1), (0, 1))
shape = pide.Polygon(corners)
plane = shape.grid(spacing=1 / 64)
absorbing = pide.Heat(
    pide.NonlocalDiffusion(choices["Linear"]), shape, initial=lambda x, y: (x > 0.7) * 1.0, exterior=pide.Zero()
)
flow = pide.solve(absorbing, on=plane, until=0.02)
image = right.imshow(masked(flow)[-1].T, origin="lower", extent=(0, 1, 0, 1), cmap="viridis", vmin=0)
right.plot(*np.array([*corners, corners[0]]).T, "k-", lw=1)
right.set(xlabel="x", ylabel="y", aspect="equal", title="t = 0.02, rim absorbing")
figure.colorbar(image, ax=right, label="u", shrink=0.8)
write_figure(figure, "own_kernel.png")

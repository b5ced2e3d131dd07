"""
Eigenfunctions of the fractional Laplacian
==========================================

(-Delta)^s phi = lambda phi in an ellipse, phi = 0 outside. Modes of the integral operator look like those of a drum,
but rise from the boundary like (distance)^s, and their eigenvalues are not powers of the drum's. On the interval
(-1, 1) they are close to (k pi/2 - (1 - s) pi/4)^{2s} (Kwasnicki 2012). Writes eigenfunctions.png.
"""

import numpy as np

import pide
from pide.plotting import colours, draw_plane, masked, new_figure, write_figure

ellipse = pide.Ellipsoid((1.0, 0.6))
grid = ellipse.grid(spacing=1 / 48)

figure = new_figure(11.0, 7.4)
top, bottom = figure.subfigures(2, 1, height_ratios=[4.2, 3.2])
panels = top.subplots(2, 4, sharex=True, sharey=True)
for row, s in enumerate((0.25, 0.75)):
    modes = pide.solve(pide.Eigen(pide.FractionalLaplacian(s), ellipse, count=4), on=grid, tol=1e-7)
    print(f"s = {s}: {modes.record.stepper}, {modes.record.applies} applies")
    for value, residual in zip(modes.values, modes.record.residuals, strict=True):
        print(f"  {value:.6f}, within {residual:.0e} of an eigenvalue of the matrix")
    fields = masked(modes)
    style = colours(fields)
    for axes, field, value in zip(panels[row], fields, modes.values, strict=True):
        image = draw_plane(axes, field, grid, modes.labels, **style)
        axes.set_title(f"s = {s}, eigenvalue {value:.4f}", fontsize="small")
        axes.set_xticks([-1, 0, 1])
        axes.label_outer()
    top.colorbar(image, ax=panels[row].tolist(), shrink=0.8)

# The first modes of an interval for three orders: the smaller s, the steeper at the boundary.
line = pide.Interval(-1, 1)
numbers = np.arange(1, 11)
left, right = bottom.subplots(1, 2)
for s in (0.1, 0.5, 0.9):
    modes = pide.solve(pide.Eigen(pide.FractionalLaplacian(s), line, count=10), on=line.grid(400), tol=1e-8)
    left.plot(modes.operator.space.axes[0], modes.states[0], label=f"s = {s}")
    asymptotic = (numbers * np.pi / 2 - (1 - s) * np.pi / 4) ** (2 * s)
    (points,) = right.semilogy(numbers, modes.values, "o", label=f"s = {s}")
    right.semilogy(numbers, asymptotic, color=points.get_color(), linewidth=1)
    print(f"interval, s = {s}: at most {abs(modes.values / asymptotic - 1).max():.1e} from the asymptotic formula")
left.set(xlabel="x", ylabel="first mode")
left.legend(frameon=False, fontsize="small")
right.set(xlabel="number k", ylabel="eigenvalue (lines: asymptotics)")
right.legend(frameon=False, fontsize="small")
write_figure(figure, "eigenfunctions.png")

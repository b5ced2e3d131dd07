"""
A domain given by pixels
========================

`Mask` is the union of the cells at which a boolean array is true: a segmented image, a map, a scan. Here a lake with
two islands; u is the mean time at which a jump process, -(-Delta)^s, leaves it: (-Delta)^s u = 1, u = 0 outside. Jumps
cross the islands, so that islands matter less the smaller s is. On a mask of a disc the error against the closed form
falls with the cells. Writes mask.png.
"""

import numpy as np

import pide
from pide.plotting import draw_plane, new_figure, write_figure

n = 96
j, i = np.meshgrid(np.arange(n), np.arange(n))
p, q = (i + 0.5) / n * 2 - 1, (j + 0.5) / n * 2 - 1
angle = np.arctan2(q, p)
inside = np.hypot(p, q) < 0.72 + 0.15 * np.cos(3 * angle) + 0.06 * np.sin(7 * angle)
inside &= (np.hypot(p - 0.3, q + 0.1) > 0.12) & (np.hypot(p + 0.3, (q - 0.2) * 0.6) > 0.09)
lake = pide.Mask(inside, spacing=2 / n, origin=(-1 + 1 / n, -1 + 1 / n))
print(f"{lake!r}, area {lake.volume:.4f}")

figure = new_figure(13.0, 3.8)
panels = figure.subplots(1, 4, width_ratios=[1, 1, 1, 1.1])
grid = lake.grid()
for axes, s in zip(panels, (0.2, 0.5, 0.9), strict=False):
    result = pide.solve(pide.Stationary(pide.FractionalLaplacian(s), lake, source=1.0), on=grid, tol=1e-6)
    u = np.where(grid.inside, result.final, np.nan)
    image = draw_plane(axes, u, grid, result.labels, cmap="viridis", vmin=0, vmax=float(np.nanmax(u)))
    axes.set_title(f"mean exit time, s = {s}")
    figure.colorbar(image, ax=axes, shrink=0.7)
    print(f"s = {s}: largest {np.nanmax(u):.4f}, {result.record.steps} iterations")

# The unit disc by cells: the cells that are inside at their centre.
counts = [16, 32, 64, 128]
for s, mark in ((0.25, "o-"), (0.75, "s--")):
    errors = []
    for count in counts:
        h = 2.2 / count
        centres = -1.1 + h * (np.arange(count) + 0.5)
        cells = np.hypot(*np.meshgrid(centres, centres, indexing="ij")) < 1
        disc = pide.Mask(cells, spacing=h, origin=(centres[0], centres[0]))
        pixels = disc.grid()
        u = pide.solve(pide.Stationary(pide.FractionalLaplacian(s), disc, source=1.0), on=pixels, tol=1e-8).final
        exact = pide.exact.torsion_function(pide.Ball(radius=1.0, dimension=2), s)(*pixels.coordinates)
        errors.append(float(pixels.norm(u - exact) / pixels.norm(exact)))
    order = np.polyfit(np.log(counts), -np.log(errors), 1)[0]
    print(f"disc of pixels, s = {s}: errors {', '.join(f'{e:.1e}' for e in errors)}, order {order:.2f}")
    panels[3].loglog(counts, errors, mark, label=f"disc, s = {s}, order {order:.1f}")
panels[3].set(xlabel="cells a side", ylabel="relative l$^2$ error")
panels[3].set_xticks(counts, [str(count) for count in counts])
panels[3].set_yticks([0.01, 0.02, 0.05, 0.1], ["0.01", "0.02", "0.05", "0.1"])
panels[3].minorticks_off()
panels[3].legend(frameon=False, fontsize="small")
write_figure(figure, "mask.png")

"""
Fractional Poisson problems
===========================

(-Delta)^s u = 1 in a plane domain, u = 0 outside: the mean time after which a jump process leaves the domain. Three
domains and two orders; then the error on the disc, where the solution is known: (1 - r^2)^s up to a constant, r the
distance to the centre (Getoor 1961). The boundary correction, chosen by default, makes the error of plain restriction
50 to 700 times smaller here. Writes fractional_poisson.png.
"""

import numpy as np
from scipy.special import gamma

import pide
from pide.plotting import draw_plane, new_figure, write_figure

star = pide.SignedDistance(
    lambda x, y: (np.hypot(x, y) - 0.75 - 0.2 * np.cos(5 * np.arctan2(y, x))) * 0.7, ((-1, 1), (-1, 1))
)
domains = {"disc": pide.Ball(radius=1.0, dimension=2), "square": pide.Box(((-1, 1), (-1, 1))), "star": star}

figure = new_figure(12.0, 5.6)
left, right = figure.subfigures(1, 2, width_ratios=[3, 1.3], wspace=0.05)
panels = left.subplots(2, 3)
for row, s in enumerate((0.25, 0.75)):
    for axes, (name, domain) in zip(panels[row], domains.items(), strict=True):
        grid = domain.grid(96)
        # The star's level-set function is no distance function, so it is solved without the boundary correction.
        scheme = "lattice" if name == "star" else "auto"
        problem = pide.Stationary(pide.FractionalLaplacian(s), domain, source=1.0)
        result = pide.solve(problem, on=grid, tol=1e-8, scheme=scheme)
        u = np.where(grid.inside, result.final, np.nan)
        image = draw_plane(axes, u, grid, result.labels, cmap="viridis", vmin=0, vmax=float(np.nanmax(u)))
        axes.set_title(f"{name}, s = {s}: {result.record.steps} iterations", fontsize="small")
        left.colorbar(image, ax=axes, shrink=0.6)

disc = domains["disc"]
counts = np.array([32, 64, 128])
for s, axes in zip((0.25, 0.75), right.subplots(2, 1, sharex=True), strict=True):
    for scheme, marker in (("lattice", "o"), ("corrected", "s")):
        errors = []
        for count in counts:
            h = 2.2 / count
            grid = disc.grid(spacing=h, origin=(0.3 * h, 0.17 * h))
            problem = pide.Stationary(pide.FractionalLaplacian(s), disc, source=1.0)
            u = pide.solve(problem, on=grid, tol=1e-9, scheme=scheme).final
            x, y = grid.coordinates
            exact = np.maximum(1 - x**2 - y**2, 0) ** s / (4**s * gamma(1 + s) ** 2)
            errors.append(float(grid.norm(u - exact) / grid.norm(exact)))
        order = np.log2(errors[0] / errors[-1]) / np.log2(counts[-1] / counts[0])
        print(f"s = {s}, {scheme}: errors {', '.join(f'{e:.1e}' for e in errors)}, observed order {order:.2f}")
        axes.loglog(counts, errors, marker=marker, label=f"{scheme}, order {order:.1f}")
    axes.set_xticks(counts, [str(count) for count in counts], minor=False)
    axes.minorticks_off()
    axes.set(ylabel="relative l$^2$ error", title=f"disc, s = {s}", ylim=(None, 3.0))
    axes.legend(frameon=False, fontsize="small", loc="upper right")
axes.set_xlabel("2.2 / h")
write_figure(figure, "fractional_poisson.png")

"""
Fractional Poisson in a disc, to rounding
=========================================

(-Delta)^s u = f in the unit disc, u = 0 outside. Polynomials of Jacobi and Zernike are the images of their products
with (1 - r^2)^s, up to known factors, so only the expansion of f has an error: it falls geometrically with the degree
for analytic f, and slowly for f with a kink. The solution is the truth for grids, whose errors are on the right. Writes
zernike.png.
"""

import numpy as np

import pide
from pide.plotting import new_figure, write_figure
from pide.solvers.zernike import zernike_solve

disc = pide.Ball(radius=1.0, dimension=2)
sources = {
    "Gaussian": lambda x, y: np.exp(-8 * ((x - 0.3) ** 2 + (y + 0.2) ** 2)),
    "pole at x = 1.2": lambda x, y: 1 / (1.2 - x),
    "kink, |x|": lambda x, y: np.abs(x),
}
figure = new_figure(13.0, 4.0)
left, middle, right = figure.subplots(1, 3)

# Left: the residual of the equation in the continuum, f - (-Delta)^s u, sampled off the quadrature nodes.
degrees = [4, 8, 12, 16, 24, 32, 48, 64, 96, 128]
for name, f in sources.items():
    residuals = [zernike_solve(f, 0.75, disc, degree=degree).residual for degree in degrees]
    left.semilogy(degrees, residuals, marker=".", label=name)
left.set(xlabel="degree", ylabel="max |f - (-$\\Delta$)$^s$ u| / max |f|", ylim=(1e-16, 2))
left.legend(frameon=False, fontsize="small")

# Middle: u along y = -0.2 for the Gaussian. Small s: u is nearly f, and steep at the boundary.
x = np.linspace(-1.1, 1.1, 600)
for s in (0.1, 0.25, 0.5, 0.75, 0.95):
    solution = zernike_solve(sources["Gaussian"], s, disc)
    middle.plot(x, solution(x, -0.2), label=f"s = {s}")
    print(f"s = {s:<5} degree {solution.degree}, error of u at most about {solution.error_estimate:.0e}, "
          f"energy {solution.energy:.12f}")  # fmt: skip
middle.set(xlabel="x, at y = -0.2", ylabel="u")
middle.legend(frameon=False, fontsize="small")

# Right: l2 errors of grid solutions, with and without the correction at the boundary.
spacings = [1 / 8, 1 / 16, 1 / 32, 1 / 64]
for s, colour in ((0.25, "C0"), (0.75, "C1")):
    problem = pide.Stationary(pide.FractionalLaplacian(s), disc, source=sources["Gaussian"])
    for scheme, line in (("lattice", "--"), ("corrected", "-")):
        errors = []
        for h in spacings:
            grid = disc.grid(spacing=h, origin=(0.3 * h, 0.17 * h))
            truth = pide.solve(problem, on=grid, scheme="zernike", tol=1e-10).final
            found = pide.solve(problem, on=grid, scheme=scheme, tol=1e-9).final
            errors.append(float(grid.norm(found - truth) / grid.norm(truth)))
        order = np.log2(errors[-2] / errors[-1])
        print(f"s = {s:<5} {scheme:9s} errors {', '.join(f'{e:.1e}' for e in errors)}, last order {order:.2f}")
        right.loglog(spacings, errors, line, color=colour, marker=".", label=f"s = {s}, {scheme}")
right.set(xlabel="h", ylabel="relative l2 error on the grid")
right.set_xticks(spacings, [f"1/{1 / h:.0f}" for h in spacings])
right.set_xticks([], minor=True)
right.legend(frameon=False, fontsize="small")
write_figure(figure, "zernike.png")

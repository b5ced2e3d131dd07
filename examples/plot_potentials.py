"""
Potentials: the inverse of a fractional Laplacian
=================================================

The Riesz potential (-Delta)^(-s) v integrates a density v against c r^(2s - n), r the distance; at s = n/2 the kernel
becomes a logarithm, and only densities of zero mean have a potential. Galerkin weights average the kernel over pairs
of cells, so the matrix is positive definite; leaving out the self cell, where the kernel is infinite, makes it
indefinite and loses orders. Smooth densities deserve the spectral weights of the truncated kernel. Writes
potentials.png.
"""

import math

import numpy as np
from scipy.special import gamma, hyp1f1

import pide
from pide.continuum.potentials import LogPotential, RieszPotential
from pide.plotting import colours, new_figure, write_figure

figure = new_figure(13.0, 3.9)
profiles, plane, errors = figure.subplots(1, 3)

# Left: potentials of a uniform unit disc along its diameter. From a copy of the density to a long-ranged potential.
square = pide.Box(((-2, 2), (-2, 2)))
grid = square.grid(257)
x, y = grid.coordinates
for s in (0.02, 0.25, 0.5, 0.75):
    A = RieszPotential(s).on(grid)
    u = A(grid.sample((np.hypot(x, y) < 1) * 1.0))
    profiles.plot(x[:, 128], u[:, 128], label=f"s = {s:g}")
    print(f"s = {s:<5g} {A.notes[1]}")
profiles.set(xlabel="x", ylabel="(-Δ)$^{-s}$ of the unit disc")
profiles.legend(frameon=False, fontsize="small")

# Middle: the logarithmic potential of two opposite charges. A single charge is refused: its potential has a gauge.
charge = np.exp(-8 * ((x - 0.5) ** 2 + y**2))
try:
    LogPotential().on(grid)(charge)
except ValueError as error:
    print(error)
u = LogPotential().on(grid)(charge - charge[::-1])
plane.imshow(u.T, origin="lower", extent=(-2, 2, -2, 2), **colours(u))
plane.contour(x[:, 0], y[0], u.T, levels=16, colors="k", linewidths=0.5)
plane.set(xlabel="x", ylabel="y", title="logarithmic potential of a dipole")

# Right: errors for exp(-|x|^2), whose potential is a confluent hypergeometric function; s = 1/2.
half, s = 8 / math.sqrt(2), 0.5
counts = (12, 16, 24, 32, 48, 64, 96, 128)
found: dict[str, list[float]] = {"no self cell": [], "Galerkin": [], "spectral": []}
for count in counts:
    grid = pide.Box(((-half, half), (-half, half))).grid(count)
    r = np.hypot(*grid.coordinates)
    v, exact = np.exp(-(r**2)), 2**-1.0 * gamma(1 - s) * hyp1f1(1 - s, 1.0, -(r**2))
    A = RieszPotential(s).on(grid)
    approximations = (A(v) - A.diagonal() * v, A(v), RieszPotential(s).on(grid, scheme="spectral")(v))
    for name, u in zip(found, approximations, strict=True):
        found[name].append(float(grid.norm(u - exact) / grid.norm(exact)))
for name, series in found.items():
    errors.loglog(counts, series, marker="o", label=name)
    print(f"{name:14s} {', '.join(f'{e:.1e}' for e in series)}")
errors.set(xlabel="points per axis", ylabel="relative error")
errors.minorticks_off()
errors.set_xticks((16, 32, 64, 128), labels=("16", "32", "64", "128"))
errors.legend(frameon=False, fontsize="small")
write_figure(figure, "potentials.png")

"""
Fractional Allen-Cahn: phases that separate
===========================================

u_t = -eps^{2s} (-Delta)^s u + u - u^3 on a torus, from small noise. The free energy eps^{2s} <(-Delta)^s u, u>/2 +
int (1 - u^2)^2/4 falls along every solution, and ``|u| <= 1``. The smaller s, the farther each phase feels the other
one: colours stay paler, and the interfaces of the same eps differ. Writes allen_cahn.png.
"""

import numpy as np

import pide
from pide.plotting import new_figure, write_figure

width, torus = 0.01, pide.Torus((1.0, 1.0))
grid = torus.grid(96, 96)
noise = 0.1 * np.random.default_rng(1).standard_normal(grid.shape)
noise -= noise.mean()
times = [0.0, 2.0, 5.0, 12.0, 30.0]


def free_energy(result):
    wells = [grid.inner(np.ones(grid.shape), (1 - u**2) ** 2) / 4 for u in result.states]
    return result.dirichlet_energy + np.asarray(wells)


figure = new_figure(9.0, 7.2)
axes = figure.subplots(3, 4)
for row, s in zip(axes, (0.4, 0.6, 0.9), strict=True):
    diffusion = -(width ** (2 * s)) * pide.FractionalLaplacian(s=s)
    problem = pide.Evolution(diffusion, torus, initial=noise, reaction=lambda u: u - u**3)
    result = pide.solve(problem, on=grid, times=times, stepper=pide.ETD(dt=0.25))
    energy = free_energy(result)
    print(f"s = {s}: free energy {', '.join(f'{e:.4f}' for e in energy)}; max |u| {abs(result.final).max():.4f}")
    for axis, t, u in zip(row, result.times[1:], result.states[1:], strict=True):
        image = axis.imshow(u.T, origin="lower", extent=(0, 1, 0, 1), cmap="RdBu_r", vmin=-1, vmax=1)
        axis.set(xticks=[], yticks=[], title=f"s = {s:g}, t = {t:g}")
figure.colorbar(image, ax=axes, label="u", shrink=0.5)
write_figure(figure, "allen_cahn.png")

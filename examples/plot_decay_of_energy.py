"""
Energy decay and variance decay
===============================

Two claims of a diffusion, measured over a run and proved for one operator. With nothing outside exchanging, energy and
variance both fall. With u = 0 outside the energy falls, but a constant loses mass at the boundary first, so that its
variance rises from 0: pide does not claim variance decay there. Writes decay_of_energy.png.
"""

import numpy as np

import pide
from pide import verification
from pide.plotting import new_figure, write_figure

line = pide.Interval(-1, 1)
grid = line.grid(256)
times = np.concatenate([[0.0], np.geomspace(1e-3, 3.0, 60)])
figure = new_figure(10.0, 3.8)
energies, variances = figure.subplots(1, 2)
for exterior in (pide.Reflecting(), pide.Zero()):
    heat = pide.Heat(pide.FractionalLaplacian(s=0.5), line, initial=lambda x: 1.0 + 0.0 * x, exterior=exterior)
    bump = pide.Heat(pide.FractionalLaplacian(s=0.5), line, initial=lambda x: np.exp(-8 * x**2), exterior=exterior)
    for problem, style in ((heat, "-"), (bump, "--")):
        result = pide.solve(problem, on=grid, times=times, tol=1e-8)
        name = f"{type(exterior).__name__}, from {'1' if problem is heat else 'a bump'}"
        energies.plot(result.times, result.energy, style, label=name)
        variances.plot(result.times, result.variance, style, label=name)
    claims = result.operator.claims
    print(f"{type(exterior).__name__}: claims variance decay: {'variance_decay' in claims}")
    report = verification.check(result.operator, claims=[c for c in ("energy_decay", "variance_decay") if c in claims])
    report.raise_if_failed()
    for row in report.rows:
        print(f"    {row.claim} {row.verdict}: measured {row.measured:.1e}, bound {row.bound:.1e}")

certificates = verification.certify(pide.FractionalLaplacian(s=0.5).on(grid, pide.Reflecting()))
for claim in ("energy_decay", "variance_decay"):
    print(f"{claim}: {certificates[claim].verdict}, {certificates[claim].statement}")

energies.set(xlabel="t", ylabel="energy")
variances.set(xlabel="t", ylabel="variance", yscale="log", ylim=(1e-5, 1))
energies.legend(frameon=False, fontsize="small")
write_figure(figure, "decay_of_energy.png")

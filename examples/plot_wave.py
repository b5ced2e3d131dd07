"""
Waves with dispersion: peridynamics
===================================

u_tt = L u with the nonlocal L of a horizon delta: long waves travel with speed 1, short ones more slowly, so that a
bump leaves a train of ripples behind. Stoermer-Verlet is compared with Chebyshev's expansion of cos(t sqrt(-L)), which
has no step. The energy drift is part of the record. Writes wave.png.
"""

import numpy as np

import pide
from pide import kernels
from pide.continuum.wave import Wave
from pide.plotting import new_figure, write_figure
from pide.solvers import StormerVerlet

line = pide.Interval(-4, 4)
grid = line.grid(800)
x = grid.axes[0]
figure = new_figure(9.0, 3.6)
left, right = figure.subplots(1, 2)
for delta in (0.05, 0.2, 0.4):
    L = pide.NonlocalDiffusion(kernels.Constant(horizon=delta))
    wave = Wave(L, line, initial=lambda x: np.exp(-50 * x**2), velocity=0.0, exterior=pide.Zero())
    result = pide.solve(wave, on=grid, times=[0.0, 2.5], tol=1e-9)
    left.plot(x, result.final + 2 * delta, label=f"horizon {delta:g}")
    energy = result.total_energy
    print(f"horizon {delta}: {result.record.applies} applies, energy {energy[0]:.6f} -> {energy[1]:.6f}")
left.set(xlim=(0, 4), ylim=(-0.1, 1.3), xlabel="x", ylabel="u(x, 2.5), shifted")
left.legend(frameon=False, fontsize="small", loc="upper right", ncols=3)

cost, error = [], []
for fraction in (1.0, 0.5, 0.25, 0.125, 0.0625):
    largest = 2 / np.sqrt(result.operator.spectral_bound())
    run = pide.solve(wave, on=grid, times=[0.0, 2.5], stepper=StormerVerlet(dt=fraction * largest))
    cost.append(run.record.applies)
    error.append(float(grid.norm(run.final - result.final) / grid.norm(result.final)))
    print(f"Verlet, dt = {fraction:g} of the bound: error {error[-1]:.1e}, {run.record.choices['energy drift']}")
right.loglog(cost, error, "o-", label="Stoermer-Verlet")
expansions = [pide.solve(wave, on=grid, times=[2.5], stepper=pide.Chebyshev(), tol=tol) for tol in (1e-2, 1e-4, 1e-6)]
gaps = [float(grid.norm(run.final - result.final) / grid.norm(result.final)) for run in expansions]
right.loglog([run.record.applies for run in expansions], gaps, "s-", label="Chebyshev")
right.set(xlabel="applications of L", ylabel="relative error at t = 2.5")
right.minorticks_off()
right.legend(frameon=False)
write_figure(figure, "wave.png")

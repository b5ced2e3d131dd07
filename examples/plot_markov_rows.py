"""
Markov rows and the largest explicit step
=========================================

P = I + tau L is a Markov matrix as long as tau max d <= 1: entries >= 0, rows of sum 1, and with it the maximum
principle. The energy decays up to tau = 2 / lambda_max, which is larger. Between the two bounds the energy still falls
while the solution leaves the range of its data: one number cannot stand for the other. Writes markov_rows.png.
"""

import numpy as np

import pide
from pide.plotting import new_figure, write_figure

ring = pide.Torus((1.0,))
grid = ring.grid(64)
L = pide.NonlocalDiffusion(pide.kernels.Constant(horizon=0.1)).on(grid)
d, eigenvalues = L.rate_bound(), -np.linalg.eigvalsh(L.to_dense())
print(f"1 / max d = {1 / d:.6f}, 2 / lambda_max = {2 / eigenvalues.max():.6f}, certified {2 / L.spectral_bound():.6f}")

steps = np.linspace(0.2, 2.4, 200) / d
smallest = [min(0.0, float((np.eye(64) + tau * L.to_dense()).min())) for tau in steps]
largest = [float(np.abs(1 - tau * eigenvalues).max()) for tau in steps]

figure = new_figure(10.0, 3.8)
left, right = figure.subplots(1, 2)
left.plot(steps * d, smallest, label="smallest entry of P")
left.plot(steps * d, np.array(largest) - 1, label="largest |eigenvalue| of P, minus 1")
left.axvline(1.0, ymax=0.75, color="0.6", linestyle="--")
left.axvline(2 * d / eigenvalues.max(), ymax=0.75, color="0.6", linestyle=":")
left.set(xlabel="$\\tau$ max d", ylim=(-1.5, 1.2))
left.legend(frameon=False, fontsize="small", loc="upper left")

# Right: a spike after one step, below the first bound, between the two, and above both.
spike = np.zeros(64)
spike[32] = 1.0
for factor in (0.9, 1.4, 2.3):
    u = spike + factor / d * L(spike)
    right.plot(grid.axes[0], u, marker=".", label=f"$\\tau$ max d = {factor}")
    energy = grid.inner(u, u) / grid.inner(spike, spike)
    print(f"tau max d = {factor}: min {round(u.min(), 3) + 0.0:+.3f}, energy {energy:.3f} of the first")
right.set(xlabel="x", ylabel="u after one step", xlim=(0.3, 0.7))
right.legend(frameon=False, fontsize="small")

# pide refuses the step that is not certified.
try:
    heat = pide.Heat(pide.NonlocalDiffusion(pide.kernels.Constant(horizon=0.1)), ring, initial=spike)
    pide.solve(heat, on=grid, until=1.0, stepper=pide.ForwardEuler(dt=2.5 / d))
except pide.errors.StepTooLarge as error:
    print(error)
write_figure(figure, "markov_rows.png")

"""
Transition matrices and time reversal
=====================================

P(t) = exp(tQ) of a jump generator has entries >= 0 and rows of sum 1. `transition_matrix` keeps the signs by adding
and multiplying nonnegative numbers only; eigenvectors do not. The stationary density pi solves Q* pi = 0; the process
run backwards has the rates pi_j q_ji / pi_i, and the same density. Symmetrised rates, (Q + its reversal) / 2, are
reversible. Writes transition_matrix.png.
"""

import numpy as np
import scipy.linalg

import pide
from pide.plotting import new_figure, write_figure
from pide.solvers import jumps

ring = pide.Interval(0, 1)
grid = ring.grid(60)
(x,) = grid.coordinates


def rates(x, y):
    """Short jumps, mostly to the right, with a barrier that is hard to cross at 0.6."""
    forward = 1 + 0.9 * np.tanh(20 * (y[0] - x[0]))
    barrier = 1 - 0.95 * np.exp(-(((x[0] + y[0]) / 2 - 0.6) ** 2) / 0.002)
    return 400 * np.exp(-(((x[0] - y[0]) / 0.08) ** 2)) * forward * barrier


jump = pide.MarkovJump(
    pide.NonlocalDiffusion(pide.kernels.TwoPoint(rates, symmetric=False)), ring, initial=lambda x: 1.0 * (x < 0.1)
)
Q = jumps.jump_generator(jump, on=grid)
pi = pide.stationary_density(Q)
back = pide.time_reversal(Q, pi)

figure = new_figure(13.0, 3.8)
panels = figure.subplots(1, 3, width_ratios=[1, 1, 1.1])
for axes, t in zip(panels, (0.02, 0.5), strict=False):
    P = pide.transition_matrix(Q, t)
    values, vectors = np.linalg.eig(Q.to_dense())
    spectral = (vectors * np.exp(t * values) @ np.linalg.inv(vectors)).real
    distance = np.abs(P - scipy.linalg.expm(t * Q.to_dense())).max()
    print(f"t = {t}: least entry {P.min():.1e}, by eigenvectors {spectral.min():.1e}; "
          f"rows off 1 by {np.abs(P.sum(axis=1) - 1).max():.1e}, from expm by {distance:.1e}")  # fmt: skip
    image = axes.imshow(np.log10(np.maximum(P.T, 1e-12)), origin="lower", extent=(0, 1, 0, 1), cmap="cividis", vmin=-6)
    axes.set(title=f"t = {t}", xlabel="from x", ylabel="to y")
figure.colorbar(image, ax=panels[1], label="log$_{10}$ P$_{ij}$(t)")

weight = grid.cell_volume
print(f"pi has mass {weight * pi.sum():.12f}; largest net flow {jumps.detailed_balance(Q, pi):.2f} of the largest flow")
print(f"reversed twice: rates off by {np.abs(pide.time_reversal(back, pi).to_dense() - Q.to_dense()).max():.1e}")
kept = np.abs(pi @ back.to_dense()).max() / np.abs(back.to_dense()).max()
print(f"pi is kept by the reversed process to {kept:.1e}")
both = scipy.linalg.expm(0.05 * (Q.to_dense() + back.to_dense()) / 2)
print(f"symmetrised: pi_i P_ij - pi_j P_ji = {np.abs(pi[:, None] * both - (pi[:, None] * both).T).max():.1e}")
start = np.exp(-0.5 * ((x - 0.45) / 0.03) ** 2)
start /= weight * start.sum()
for name, generator, style in (("forwards", Q, "--"), ("backwards", back, "-.")):
    density = start @ pide.transition_matrix(generator, 0.03)
    panels[2].plot(x, density, style, label=f"{name}, t = 0.03")
panels[2].plot(x, start / 3, ":", color="0.5", label="start / 3")
panels[2].plot(x, pi, "k-", lw=1, label="stationary")
panels[2].set(xlabel="x", ylabel="density", yscale="log", ylim=(1e-3, 1e3))
panels[2].legend(frameon=False, fontsize="small")
write_figure(figure, "transition_matrix.png")

"""
The structure of a diffusion matrix
===================================

(L v)_i = sum_j w_ij m_j (v_j - v_i) - kappa_i v_i: symmetric weights make L self-adjoint, nonnegative ones make -L an
M-matrix, no killing makes rows and columns sum to zero. Left: the rates. Middle: once each row is divided by its sum,
rows still sum to zero, but columns do not, and mass is no longer conserved. Right: what every check of structure
measures over its bound, on an honest operator and on a wrong one. Writes structure.png.
"""

import numpy as np

import pide
from pide import verification
from pide.plotting import new_figure, write_figure
from pide.verification.margins import draw_margins, margins

line = pide.Interval(0, 1)
grid = line.grid(24)
L = pide.NonlocalDiffusion(pide.kernels.Linear(horizon=0.25)).on(grid, pide.Reflecting())
print(verification.check(L, claims=["self_adjoint", "kills_constants", "conserves_mass", "nonnegative_rates"]))

matrix = L.to_dense()
rates = matrix - np.diag(np.diag(matrix))
walk = rates / rates.sum(axis=1, keepdims=True) - np.eye(24)
found = verification.check(walk, claims=["kills_constants", "conserves_mass", "self_adjoint"])
for row in found.rows:
    print(f"rows divided by their sums, {row.claim}: {row.verdict}, measured {row.measured:.1e}")

# claim: an operator that breaks it, by its name in `verification.MUTANTS`
cases = {
    "self_adjoint": "directed nearest neighbours",
    "adjoint": "adjoint without masses",
    "symmetric_rates": "one asymmetric ulp",
    "nonnegative_rates": "last weight of the wrong sign",
    "m_matrix": "killing cancelled by the diagonal",
    "kills_constants": "missing diagonal",
    "conserves_mass": "row-normalised",
    "degree_sums_rates": "energy off by a factor two",
    "degree_matches_killing": "killing lost",
    "green_identity": "one-sided stencil",
    "negative_semidefinite": "wrong sign",
    "positive_semidefinite": "wrong sign of a fractional operator",
    "fast_equals_dense": "wrong padding wraps around",
    "support": "horizon one cell too wide",
    "translation_invariant": "truncated at the array ends",
}
measured = margins(cases)
print(f"{sum(m.separates for m in measured)} of {len(measured)} checks tell honest from wrong")
assert all(m.separates for m in measured)

figure = new_figure(14.0, 4.4)
left, middle, right = figure.subplots(1, 3, width_ratios=[1, 1, 1.2])
image = left.imshow(rates, cmap="cividis")
figure.colorbar(image, ax=left, label="rate $w_{ij} m_j$", shrink=0.8)
left.set(xlabel="j", ylabel="i", title="rates of L, horizon 6 h")
scale = np.abs(np.diag(matrix)).max()
nodes = np.arange(24)
for A, size, name, colour in ((matrix, scale, "L", "C0"), (walk, 1.0, "rows divided", "C1")):
    middle.plot(nodes, A.sum(axis=1) / size, "o", color=colour, mfc="none", label=f"{name}, row sums")
    middle.plot(nodes, A.sum(axis=0) / size, ".-", color=colour, label=f"{name}, column sums")
middle.set(xlabel="node", ylabel="sum / largest |entry|")
middle.legend(frameon=False, fontsize="small")
draw_margins(right, measured)
write_figure(figure, "structure.png")

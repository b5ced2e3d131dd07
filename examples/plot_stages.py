"""
Stages of a nonlocal block, and their largest step
==================================================

B_0 = v, B_i = v + h L B_(i-1): m stages that restart from v multiply an eigenvector of L by R(z) = 1 + z + ... + z^m,
z = h mu. ``|R| <= 1`` on [-t, 0] up to t = 2, 1, 1.353, 1, 1.215, ...: more stages do not allow a longer step. With m
= 2 the block is one Verlet step of v_t = -L w, w_t = -L v. Left: the regions. Middle: energy of the blocks on a graph.
Right: the checks of blocks. Writes stages.png.
"""

import numpy as np

import pide
from pide import verification
from pide.nets.analysis import restart_polynomial, stability_interval, stability_region
from pide.plotting import new_figure, write_figure
from pide.verification.margins import draw_margins, margins

figure = new_figure(14.0, 4.2)
left, middle, right = figure.subplots(1, 3, width_ratios=[1, 1, 0.95])
counts, styles = (1, 2, 3, 5), ("-", "--", "-.", ":")
line = pide.Interval(0, 1)
L = pide.NonlocalDiffusion(pide.kernels.Gaussian(width=0.2)).on(line.grid(40), pide.Reflecting())
values, vectors = np.linalg.eigh(L.to_dense())
bound, roughest = L.spectral_bound(), vectors[:, 0]
for m, style, colour in zip(counts, styles, ("C0", "C1", "C2", "C3"), strict=True):
    z, modulus = stability_region(m, size=161)
    left.contour(z.real, z.imag, modulus, [1.0], colors=colour, linestyles=style)
    left.plot([-stability_interval(m)], [0], "o", color=colour, ms=5)
    left.plot([], [], style, color=colour, label=f"m = {m}: t = {stability_interval(m):.3f}")
    block = verification.block_of(verification.as_subject(L), stability_interval(m) / bound, stages=m)
    verification.check(block, samples=4).raise_if_failed()
    steps = np.linspace(0.05, 2.2, 44)
    growth = [np.linalg.norm(block.advance(roughest, t / bound)) for t in steps]
    exact = np.abs(restart_polynomial(steps / bound * values[0], m))
    print(f"{m} stages: largest step {stability_interval(m):.4f} / bound, |B_m v| = |R| |v| to "
          f"{np.max(np.abs(growth - exact)):.1e}")  # fmt: skip
    middle.plot(steps, growth, style, color=colour, label=f"m = {m}")
left.set(xlabel="Re z", ylabel="Im z", aspect="equal", xlim=(-2.6, 1.0))
left.legend(frameon=False, fontsize="small", loc="upper left")
middle.axhline(1.0, color="0.5", lw=1)
middle.set(xlabel="h $\\cdot$ spectral bound", ylabel="|B$_m$ v| / |v|, v the roughest mode", ylim=(0, 3))
middle.legend(frameon=False, fontsize="small", loc="upper left")

block = verification.block_of(verification.as_subject(L), 0.5 / bound, stages=2)
v = np.random.default_rng(0).standard_normal(40)
difference = np.abs(block.system(v, -v)[0] - block.advance(v, block.step)).max()
print(f"Verlet step of (v, -v) against two stages: {difference:.1e}")

cases = {
    "block_definition": "second stage starts from the first",
    "block_system": "Verlet system started from (v, v)",
    "block_energy": "step limit of Euler for two stages",
}
found = margins(cases)
assert all(m.separates for m in found)
draw_margins(right, found)
write_figure(figure, "stages.png")

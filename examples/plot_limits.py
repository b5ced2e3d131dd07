"""
Limits: what holds as h -> 0
============================

One grid says nothing of a limit, a family of grids does. Left: with horizon delta = r h the compatible weights tend to
the local operator at second order for every ratio r, also 1; weights that are the kernel at the nodes do not. Middle:
rates at a node as h -> 0 of r^(-a) on the unit interval: bounded for a < 1, square integrable for a < 1/2. Right: the
checks of families. Writes limits.png.
"""

import numpy as np

import pide
from pide import verification
from pide.plotting import new_figure, write_figure
from pide.verification.margins import draw_margins, margins

ring, k = pide.Torus((1.0,)), 4 * np.pi


def symbol_error(delta, h):
    """Relative error of the eigenvalue of cos(kx) against the local -k^2."""
    grid = ring.grid(round(1 / h))
    c = np.cos(k * grid.axes[0])
    L = pide.NonlocalDiffusion(pide.kernels.Linear(horizon=delta)).on(grid)
    return abs(grid.inner(L(c), c) / grid.inner(c, c) + k**2) / k**2


def midpoint_error(delta, h):
    """The same with the kernel itself as the weights, delta included with its full value."""
    r = h * np.arange(1, round(delta / h) + 1)
    gamma = pide.kernels.Linear(horizon=delta)(r, 1)
    return abs((2 * h * gamma * (np.cos(k * r) - 1)).sum() + k**2) / k**2


horizons, ratios = [1 / 16, 1 / 32, 1 / 64, 1 / 128], [1.0, 2.0, 4.0]
table = verification.compatibility_table(symbol_error, horizons, ratios)
print(table)
figure = new_figure(14.0, 4.2)
left, middle, right = figure.subplots(1, 3, width_ratios=[1, 1, 0.9])
for ratio, errors, mark in zip(ratios, zip(*table.errors, strict=True), "os^", strict=True):
    left.loglog(horizons, errors, mark + "-", label=f"compatible, $\\delta$ = {ratio:g} h")
for ratio, mark in ((2.0, "s"), (4.0, "^")):
    errors = [midpoint_error(delta, delta / ratio) for delta in horizons]
    left.loglog(horizons, errors, mark + "--", color="C3", label=f"kernel at nodes, $\\delta$ = {ratio:g} h")
left.set(xlabel="horizon $\\delta$", ylabel="relative error of the symbol", xticks=horizons)
left.set_xticks(horizons, [f"1/{1 / d:.0f}" for d in horizons])
left.minorticks_off()
left.legend(frameon=False, fontsize="small")

line, counts = pide.Interval(0, 1), (16, 32, 64, 128)
for a, mark in ((0.25, "o"), (0.75, "s"), (1.4, "^")):
    A = pide.NonlocalDiffusion(pide.kernels.PowerLaw(exponent=a, horizon=2.0))
    members = verification.family(
        lambda n, A=A: A.on(line.grid(n), pide.Reflecting()), counts, f"r^-{a}", [1 / n for n in counts]
    )
    report = verification.check(members, claims=["bounded_generator", "hilbert_schmidt"])
    held = [row.claim for row in report.rows if row.verdict == "holds"]
    print(f"a = {a}: holds {', '.join(held) or 'neither'}")
    rates = [float(subject.degree.max()) for subject in members.subjects]
    growth = verification.observed_order(np.abs(np.diff(rates)), members.spacings[1:]).order
    middle.semilogx(members.spacings, rates, mark + "-", label=f"a = {a}, differences $h^{{{growth:.2f}}}$")
middle.set(xlabel="h", ylabel="max d", yscale="log")
middle.set_yticks([3, 5, 10, 20], ["3", "5", "10", "20"])
middle.set_xticks(members.spacings, [f"1/{n}" for n in counts])
middle.minorticks_off()
middle.legend(frameon=False, fontsize="small")

cases = {
    "tends_to_limit": "horizon one cell too wide, renormalised",
    "bounded_generator": "singular kernel called bounded",
    "hilbert_schmidt": "bounded kernel called Hilbert-Schmidt",
}
found = margins(cases)
assert all(m.separates for m in found)
draw_margins(right, found)
write_figure(figure, "limits.png")

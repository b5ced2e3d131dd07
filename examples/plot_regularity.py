"""
How smooth is a solution, and how accurate?
===========================================

(-Delta)^s u = 1 on an interval has u = c (1 - x^2)^s. Left: its Gagliardo seminorms of order r stay bounded under
refinement as long as r < s + 1/2, and grow beyond; s = 0.3, so 0.8 is the end, and just below it the limit is
approached slowly. Right: an error estimate that needs no exact solution compares two grids; here the error is known.
The estimate is 0.9 to 1.0 of it for corrected weights, and 0.6 of it for plain ones. Writes regularity.png.
"""

import numpy as np

import pide
from pide.plotting import new_figure, write_figure

line, s = pide.Interval(-1, 1), 0.3
figure = new_figure(10.0, 3.7)
left, right = figure.subplots(1, 2)

counts = (36, 72, 144, 288, 576, 1152)
for r, mark in zip((0.3, 0.6, 0.75, 0.9), ("o-", "s--", "^-.", "v:"), strict=True):
    norms = []
    for count in counts:
        grid = line.grid(count)
        u = grid.sample(pide.exact.torsion_function(line, s))
        norms.append(float(pide.gagliardo_seminorm(u, r, grid, pide.Zero())))
    left.semilogx(counts, np.array(norms) / norms[0], mark, label=f"r = {r:g}")
    print(f"r = {r:g}: seminorms {', '.join(f'{norm:.4f}' for norm in norms)}")
left.set(xlabel="nodes", ylabel="seminorm of order r, relative to 36 nodes")
left.legend(frameon=False, fontsize="small")

problem = pide.Stationary(pide.FractionalLaplacian(s=s), line, source=1.0, exterior=pide.Zero())
for scheme, mark in (("lattice", "o"), ("corrected", "s")):
    true, estimated = [], []
    for count in counts[1:]:
        grid = line.grid(count)
        u = pide.solve(problem, on=grid, tol=1e-11, scheme=scheme).final
        truth = grid.sample(pide.exact.torsion_function(line, s))
        true.append(float(grid.norm(u - truth) / grid.norm(truth)))
        estimated.append(pide.estimate_error(problem, on=grid, tol=1e-11, scheme=scheme, solution=u).relative)
    right.loglog(counts[1:], true, mark + "-", label=f"{scheme}, error")
    right.loglog(counts[1:], estimated, mark + ":", mfc="none", label=f"{scheme}, estimate")
    print(f"{scheme}: estimate / error {', '.join(f'{e / t:.2f}' for e, t in zip(estimated, true, strict=True))}")
right.set(xlabel="nodes", ylabel="relative error")
right.legend(frameon=False, fontsize="small")
for axes, shown in ((left, counts), (right, counts[1:])):
    axes.minorticks_off()
    axes.set_xticks(shown, labels=[str(count) for count in shown])
write_figure(figure, "regularity.png")

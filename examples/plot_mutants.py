"""
Which check kills which wrong operator
======================================

Every check has mutants: operators with one deliberate mistake, such as a missing factor h^n, a horizon off by one
node, or one weight changed in its last bit. The picture shows a part of the kill matrix; `pide verify --mutants`
prints all of it. A row without a mark would be a mistake that nobody sees. Writes mutants.png.
"""

import numpy as np

from pide import verification
from pide.plotting import new_figure, write_figure

names = sorted(name for name in verification.MUTANTS if verification.MUTANTS[name].base.count(" ") <= 3)[:32]
kills = verification.kill_matrix(names, samples=6)
checks = sorted({check for found in kills.values() for check in found})
table = np.array([[check in kills[name] for check in checks] for name in names])
print(f"{len(names)} of {len(verification.MUTANTS)} mutants, {int(table.any(axis=1).sum())} of them killed")

figure = new_figure(0.32 * len(checks) + 4.0, 0.24 * len(names) + 2.2)
axes = figure.subplots()
axes.imshow(table, cmap="Blues", vmin=0, vmax=1.3, aspect="auto")
axes.set_xticks(range(len(checks)), checks, rotation=60, ha="right", fontsize="small")
axes.set_yticks(range(len(names)), names, fontsize="small")
axes.set_xticks(np.arange(-0.5, len(checks)), minor=True)
axes.set_yticks(np.arange(-0.5, len(names)), minor=True)
axes.grid(which="minor", color="0.9", linewidth=0.5)
axes.tick_params(which="minor", length=0)
assert table.any(axis=1).all()
write_figure(figure, "mutants.png")

"""Observed orders of convergence of every scheme beside the orders that the documentation states.

    python benchmarks/convergence.py [--quick] [--out docs/benchmarks/convergence.md]
                                     [--picture docs/_static/convergence.png]

Each row refines a problem with a known answer (`families_of_*.py`) and fits error = C h^p. `--quick` takes the three
coarsest spacings.
"""

from __future__ import annotations

import argparse
import math
import os
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from families_of_operators import compatible, lattice, other, potentials
from families_of_solves import boundary, clouds, steppers
from family import Family
from stamp import stamp

from pide.verification import ObservedOrder, compatibility_table, observed_order

COMMAND = "python benchmarks/convergence.py --out docs/benchmarks/convergence.md --picture docs/_static/convergence.png"
HEAD = ("scheme", "error of", "stated", "observed", "errors, coarse to fine")
INTRODUCTION = """# Orders of convergence

Every row refines a problem whose solution is known in closed form, or by adaptive quadrature where none exists, and
fits error $= C h^p$ to all its spacings, each half the one before. The uncertainty is the drift of the slope over the
last three ([`observed_order`](../reference/index.md)). "Stated" is the order in the docstring of the scheme; a test
compares both. Errors are relative and, unless the row says l2, maxima. Spectral accuracy has no order; its last errors
are rounding.
"""
REMARKS = """## Reading it

* The corrected scheme in the interval has the order $1 + s$ that its docstring states. In the disc the circle cuts
  the lattice differently at every spacing, so errors do not fall evenly and no order is stated; the table shows how
  much smaller they are than those of the plain restriction. More shapes are on the
  [page of the boundary correction](../explanation/boundary.md).
* The points of the clouds are those of equal cells on a spiral, moved by up to a fifth of a spacing; 500 to 4000 of
  them, $h = (\\pi/N)^{1/2}$. No order is stated for clouds. With `pairs` the errors are much smaller than with `plain`
  and fall unevenly.
* Galerkin potentials of small $s$ reach their order late, because the next term is of order $h^{2+2s}$.
* Orders hold for smooth fields. Solutions that are not smooth, such as those of the heat equation with zero exterior
  near the boundary, converge more slowly.
"""
LOCAL = """## The local limit

Distance of the compatible scheme with the kernel `Constant(δ)` from the Laplacian, on a plane wave of the torus, as δ
and h shrink together: the scheme is asymptotically compatible.
"""


def families() -> list[Family]:
    """All of them, in the order of the page."""
    parts = (compatible, lattice, boundary, potentials, steppers, other, clouds)
    return [family for part in parts for family in part()]


def measure(family: Family, quick: bool) -> tuple[Family, ObservedOrder]:
    """The errors of a family and the order fitted to them; the family with the spacings taken."""
    taken = replace(family, spacings=family.spacings[: 3 if quick else None])
    return taken, observed_order([max(taken.error(h), 1e-300) for h in taken.spacings], taken.spacings)


def row(family: Family, found: ObservedOrder) -> str:
    """One row of the table."""
    stated = {None: "", math.inf: "spectral"}.get(family.order, f"{family.order or 0:g}")
    stated = f"at best {stated}" if "at best" in family.words else stated
    fitted = "" if family.order == math.inf else f"{found.order:.2f} ± {found.uncertainty:.2f}"
    errors = ", ".join(f"{error:.1e}" for error in found.errors)
    return "| " + " | ".join((family.name, family.measured, stated, fitted, errors)) + " |"


def local_limit() -> str:
    """Distance of the compatible scheme from the Laplacian as the horizon shrinks with the spacing."""
    import pide

    def distance(horizon: float, spacing: float) -> float:
        length = spacing * round(2 * math.pi / spacing)
        grid = pide.Torus((length,)).grid(round(length / spacing))
        k = 2 * math.pi / length
        v = np.cos(k * grid.coordinates[0])
        L = pide.NonlocalDiffusion(pide.kernels.Constant(horizon)).on(grid)
        return float(np.abs(L(v) + k**2 * v).max())

    table = compatibility_table(distance, (0.8, 0.4, 0.2, 0.1))
    lines = ["| horizon δ | " + " | ".join(f"δ / h = {ratio:g}" for ratio in table.ratios) + " |"]
    lines.append("|---" * (len(table.ratios) + 1) + "|")
    for horizon, errors in zip(table.horizons, table.errors, strict=True):
        lines.append(f"| {horizon:g} | " + " | ".join(f"{error:.1e}" for error in errors) + " |")
    lines.append("| order in δ | " + " | ".join(f"{order:.2f}" for order in table.orders) + " |")
    return "\n".join(lines)


def page(found: list[tuple[Family, ObservedOrder]], pictured: bool) -> Iterator[str]:
    yield INTRODUCTION
    if pictured:
        yield "![Errors against spacing, one panel a group](../_static/convergence.png)\n"
    groups = defaultdict(list)
    for family, order in found:
        groups[family.group].append(row(family, order))
    for group, rows in groups.items():
        yield f"## {group}\n\n| " + " | ".join(HEAD) + " |\n" + "|---" * len(HEAD) + "|\n" + "\n".join(rows) + "\n"
    yield f"{LOCAL}\n{local_limit()}\n"
    yield f"{REMARKS}\n{stamp(COMMAND)}"


def draw(found: list[tuple[Family, ObservedOrder]], path: Path) -> None:
    """Error against spacing, one panel a group."""
    from matplotlib.figure import Figure

    groups = defaultdict(list)
    for family, order in found:
        groups[family.group].append((family, order))
    groups.pop("Other operators", None)
    figure = Figure(figsize=(12, 10), layout="constrained")
    for axes, (group, own) in zip(figure.subplots(2, 3).flat, groups.items(), strict=True):
        draw_group(axes, own)
        axes.set(title=group, xlabel="time step" if group == "Steppers" else "spacing h")
    figure.supylabel("relative error")
    figure.savefig(path, dpi=110)


def draw_group(axes: Any, own: list[tuple[Family, ObservedOrder]]) -> None:
    """One panel, with grey lines of slopes 1, 2 and 4."""
    colours = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#000000")  # Okabe and Ito
    for i, (family, order) in enumerate(own):
        style = {"marker": "osD^v<>"[i % 7], "color": colours[i % 7], "mfc": colours[i % 7] if i < 7 else "white"}
        errors = np.maximum(order.errors, 1e-16)
        axes.loglog(family.spacings, errors, **style, ms=4, lw=1, label=family.name)
    low, high = min(f.spacings[-1] for f, _ in own), max(f.spacings[0] for f, _ in own)
    top = 2 * max(order.errors[0] for _, order in own)
    for slope in (1, 2, 4):
        axes.loglog([low, high], [top * (low / high) ** slope, top], color="0.75", lw=0.8, zorder=0)
        axes.annotate(f"h^{slope}" if slope > 1 else "h", (low, top * (low / high) ** slope), color="0.4", fontsize=7)
    axes.minorticks_off()
    ticks = np.geomspace(low, high, 3)
    axes.set_xticks(ticks, [f"{tick:.2g}" for tick in ticks])
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=2, fontsize=6.5, frameon=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="three spacings of each family")
    parser.add_argument("--out", type=Path, help="Markdown page to write")
    parser.add_argument("--picture", type=Path, help="picture to write")
    options = parser.parse_args()
    found = []
    for family in families():
        found.append(measure(family, options.quick))
        print(row(*found[-1]), flush=True)
    if options.out:
        options.out.write_text("\n".join(page(found, options.picture is not None)) + "\n", encoding="utf-8")
    if options.picture:
        draw(found, options.picture)


if __name__ == "__main__":
    main()

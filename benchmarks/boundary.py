"""Accuracy of the boundary correction: torsion functions, eigenvalues and heat flow, plain and corrected.

    python benchmarks/boundary.py [--quick] [--write]

Relative l2 errors at the nodes for (-Delta)^s u = 1, u = 0 outside, on lattices shifted off symmetry; observed orders
between successive rows; CPU seconds of one thread with all set-up. `--write` puts the tables into docs/benchmarks/.
"""

from __future__ import annotations

import argparse
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stamp import stamp

import pide
from pide.continuum.exact import torsion_function

SHIFT = (0.3, 0.17, 0.41)
PAGE = Path(__file__).parent.parent / "docs" / "benchmarks" / "boundary.md"


def shifted(domain: Any, h: float) -> pide.Grid:
    """Lattice of the domain through a point off its symmetries."""
    return domain.grid(spacing=h, origin=tuple(c * h for c in SHIFT[: domain.dimension]))


def torsion_error(domain: Any, s: float, h: float, scheme: str) -> tuple[int, float, float]:
    """(unknowns, relative error, CPU seconds) of (-Delta)^s u = 1."""
    began = time.process_time()
    grid = shifted(domain, h)
    problem = pide.Stationary(pide.FractionalLaplacian(s), domain, source=1.0)
    u = pide.solve(problem, on=grid, tol=1e-9, scheme=scheme).final
    seconds = time.process_time() - began
    exact = grid.sample(torsion_function(domain, s))
    return grid.count, float(grid.norm(u - exact) / grid.norm(exact)), seconds


def torsion_rows(quick: bool) -> Iterator[str]:
    yield "| domain | s | unknowns | plain | corrected | order | CPU s |"
    yield "|---|---|---|---|---|---|---|"
    families = [
        (pide.Interval(-1, 1), "interval", [2 / N for N in (128, 512, 2048)], (0.25, 0.5, 0.75, 0.9)),
        (pide.Ball(radius=1.0, dimension=2), "disc", [2.2 / N for N in (128, 256, 512)], (0.25, 0.5, 0.75)),
        (pide.Ellipsoid((1.0, 0.45)), "ellipse 1 : 0.45", [2.2 / N for N in (128, 256, 512)], (0.25, 0.5, 0.75)),
        (pide.Ellipsoid((1.0, 1 / 3)), "ellipse 3 : 1", [2.2 / N for N in (128, 256, 512)], (0.25, 0.5, 0.75)),
        (pide.Ball(radius=1.0, dimension=3), "ball", [2.2 / N for N in (49, 81)], (0.25, 0.5, 0.75)),
    ]
    for domain, name, spacings, orders in families:
        if name == "interval":
            domain = pide.Ball(radius=1.0, dimension=1)
        for s in orders:
            last: tuple[float, float] | None = None
            for h in spacings[:1] if quick else spacings:
                count, plain, _ = torsion_error(domain, s, h, "lattice")
                _, error, seconds = torsion_error(domain, s, h, "corrected")
                order = "" if last is None else f"{math.log(last[1] / error) / math.log(last[0] / h):.2f}"
                yield f"| {name} | {s} | {count} | {plain:.1e} | {error:.1e} | {order} | {seconds:.2f} |"
                last = (h, error)


def eigenvalue_rows(quick: bool) -> Iterator[str]:
    """First radial eigenvalue of the unit disc, s = 1/2: 2.006119032938897 (Dyda, Kuznetsov, Kwasnicki 2017)."""
    yield "| nodes across | plain | order | corrected | order |"
    yield "|---|---|---|---|---|"
    disc = pide.Ball(radius=1.0, dimension=2)
    last: list[float] | None = None
    for N in (64,) if quick else (64, 128, 256):
        errors = []
        for scheme in ("lattice", "corrected"):
            problem = pide.Eigen(pide.FractionalLaplacian(0.5), disc, count=1, exterior=pide.Zero())
            value = pide.solve(problem, on=shifted(disc, 2.2 / N), tol=1e-9, scheme=scheme).values[0]
            errors.append(abs(float(value) - 2.006119032938897))
        orders = observed(last, errors)
        yield f"| {N} | {errors[0]:.1e} | {orders[0]} | {errors[1]:.1e} | {orders[1]} |"
        last = errors


def observed(last: list[float] | None, errors: list[float]) -> list[str]:
    """Orders between two halvings of h, empty in the first row."""
    return ["", ""] if last is None else [f"{math.log2(a / b):.2f}" for a, b in zip(last, errors, strict=True)]


def heat_rows(quick: bool) -> Iterator[str]:
    """Mass of the heat flow in the disc at t = 1/4, u = 1 at t = 0, against the corrected one with 512 nodes across."""
    yield "| s | nodes across | plain | order | corrected | order |"
    yield "|---|---|---|---|---|---|"
    disc = pide.Ball(radius=1.0, dimension=2)
    for s in (0.25, 0.5, 0.75):
        reference = heat_mass(disc, s, 64 if quick else 512, "corrected")
        last: list[float] | None = None
        for N in (32,) if quick else (32, 64, 128):
            errors = [abs(heat_mass(disc, s, N, scheme) / reference - 1) for scheme in ("lattice", "corrected")]
            orders = observed(last, errors)
            yield f"| {s} | {N} | {errors[0]:.1e} | {orders[0]} | {errors[1]:.1e} | {orders[1]} |"
            last = errors


def heat_mass(disc: Any, s: float, N: int, scheme: str) -> float:
    """int u dx at t = 1/4; the corrected operator is the capped one that evolutions use."""
    problem = pide.Heat(pide.FractionalLaplacian(s), disc, initial=1.0, exterior=pide.Zero())
    return float(pide.solve(problem, on=shifted(disc, 2.2 / N), times=[0.25], tol=1e-8, scheme=scheme).mass[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="the coarsest grids, to see that it runs")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks/boundary.md")
    options = parser.parse_args()
    lines: list[str] = []
    titles = {
        torsion_rows: "Torsion functions, relative l2 error at the nodes:",
        eigenvalue_rows: "First radial eigenvalue of the unit disc, s = 1/2, absolute error:",
        heat_rows: "Heat flow in the unit disc, relative error of the mass at t = 1/4, against 512 nodes across:",
    }
    for table, title in titles.items():
        lines += [title, ""] if not lines else ["", title, ""]
        print(f"\n{title}")
        for row in table(options.quick):
            print(row, flush=True)
            lines.append(row)
    if options.write:
        PAGE.write_text("\n".join([*lines, "", stamp("python benchmarks/boundary.py --write"), ""]))


if __name__ == "__main__":
    main()

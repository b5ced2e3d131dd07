"""Error against CPU time of (-Delta)^s u = 1 in the unit disc, u = 0 outside, and a finite element peer beside it.

    python benchmarks/fractional_poisson.py [--quick] [--write] [--peer]

Relative l2 error at the nodes against (1 - |x|^2)^s / (4^s Gamma(1 + s)^2) (Getoor 1961), on lattices shifted off
symmetry; conjugate gradients to 1e-8. CPU seconds of one thread (`time.process_time`) hold everything after the
imports: grid, weights, boundary correction, preconditioner, solve. `fftconvolve` is what as many applies would cost by
scipy.signal.fftconvolve, with no set-up. `--write` puts the table into docs/benchmarks/. `--peer` also runs PyNucleus
(P1 elements, H2 matrix), where it is installed; otherwise its numbers are those that we measured in 2026 on a two-core
x86 machine.
"""

from __future__ import annotations

import argparse
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from scipy.signal import fftconvolve
from scipy.special import gamma
from stamp import stamp

import pide

ORDERS = (0.25, 0.5, 0.75)
PAGE = Path(__file__).resolve().parent.parent / "docs" / "benchmarks" / "fractional_poisson.md"
HEADER = ("solver", "unknowns", "s", "error", "CPU s", "iterations", "fftconvolve s")

PEER = (
    (721, 0.25, 3.1e-2, 2.0), (2977, 0.25, 1.8e-2, 12.0), (12097, 0.25, 1.1e-2, 96.0),
    (721, 0.5, 1.2e-2, 2.5), (2977, 0.5, 7.2e-3, 18.0), (12097, 0.5, 4.0e-3, 117.0), (48769, 0.5, 2.5e-3, 624.0),
    (721, 0.75, 4.7e-3, 2.6), (2977, 0.75, 2.8e-3, 21.0), (12097, 0.75, 1.9e-3, 122.0),
)  # fmt: skip
"""PyNucleus, source of 2026: P1 elements on a uniform mesh, H2 matrix, CG; (unknowns, s, error, CPU s)."""


def exact(r2: np.ndarray, s: float) -> np.ndarray:
    """The torsion function at |x|^2 = r2."""
    return np.maximum(1.0 - r2, 0.0) ** s / (4**s * gamma(1 + s) ** 2)


def ours(s: float, nodes: int, scheme: str) -> tuple[int, float, float, int, float]:
    """(unknowns, error, CPU seconds, iterations, CPU seconds of as many fftconvolve applies)."""
    began = time.process_time()
    h = 2.2 / (nodes + 1)
    disc = pide.Ball(radius=1.0, dimension=2)
    grid = disc.grid(spacing=h, origin=(0.3 * h, 0.17 * h))
    problem = pide.Stationary(pide.FractionalLaplacian(s), disc, source=1.0)
    result = pide.solve(problem, on=grid, tol=1e-8, scheme=scheme)
    seconds = time.process_time() - began
    u = exact(sum(x**2 for x in grid.coordinates), s) * grid.inside
    error = float(grid.norm(result.final - u) / grid.norm(u))
    return grid.count, error, seconds, result.record.steps, result.record.steps * convolution_seconds(grid.shape)


def convolution_seconds(shape: tuple[int, ...]) -> float:
    """CPU seconds of one scipy.signal.fftconvolve of a field with all its pairwise weights: the least of three."""
    rng = np.random.default_rng(0)
    v, weights = rng.random(shape), rng.random(tuple(2 * n - 1 for n in shape))
    seconds = []
    for _ in range(3):
        began = time.process_time()
        fftconvolve(v, weights, mode="same")
        seconds.append(time.process_time() - began)
    return min(seconds)


def peer(s: float, refinements: int) -> tuple[int, float, float]:
    """(unknowns, error, CPU seconds) of PyNucleus on a disc refined uniformly."""
    from PyNucleus import dofmapFactory, functionFactory, kernelFactory, meshFactory, solverFactory

    began = time.process_time()
    mesh = meshFactory("disc", n=8, radius=1.0)
    for _ in range(refinements):
        mesh = mesh.refine()
    space = dofmapFactory("P1", mesh, functionFactory("radialIndicator", 1.0 - 1e-6))
    kernel = kernelFactory("fractional", dim=2, s=s, horizon=np.inf)
    matrix = space.assembleNonlocal(kernel, matrixFormat="H2")
    solver = solverFactory("cg", A=matrix, setup=True)
    solver.tolerance, solver.maxIter = 1e-8, 5000
    u = space.zeros()
    solver(space.assembleRHS(functionFactory("constant", 1.0)), u)
    seconds = time.process_time() - began
    truth = np.array(space.interpolate(functionFactory("solFractional", dim=2, s=s, radius=1.0)))
    return len(truth), float(np.linalg.norm(np.array(u) - truth) / np.linalg.norm(truth)), seconds


def rows(quick: bool, run_peer: bool) -> Iterator[tuple[str, ...]]:
    """Cells of the table; a first small solve pays for what is imported on first use."""
    ours(0.5, 15, "corrected")
    for s in ORDERS:
        for scheme, name in (("lattice", "pide, plain"), ("corrected", "pide, corrected")):
            for nodes in (31,) if quick else (127, 255, 511):
                count, error, seconds, iterations, convolutions = ours(s, nodes, scheme)
                yield name, str(count), str(s), f"{error:.1e}", f"{seconds:.2f}", str(iterations), f"{convolutions:.2f}"
        measured: Any = [peer(s, level) for level in (3, 4)] if run_peer else [row for row in PEER if row[1] == s]
        for row in measured:
            count, error, seconds = row if run_peer else (row[0], *row[2:])
            yield "PyNucleus", str(count), str(s), f"{error:.1e}", f"{seconds:.1f}", "", ""


def page(table: list[tuple[str, ...]]) -> str:
    """The table with machine, versions and date, as a page of the documentation."""
    lines = ["# Fractional Poisson: error against CPU time", ""]
    lines += [
        r"$(-\Delta)^s u = 1$ in the unit disc, $u = 0$ outside. Relative $l^2$ error at the nodes; CPU seconds of one",
        "thread with all set-up; conjugate gradients to a residual of 1e-8. The last column is what as many applies",
        "would cost by `scipy.signal.fftconvolve`, with no set-up and no preconditioner. PyNucleus (P1 elements, H2",
        "matrix) was measured by us in 2026 on a two-core x86 machine.",
        "",
    ]
    lines += ["| " + " | ".join(cells) + " |" for cells in (HEADER, ("---",) * len(HEADER), *table)]
    lines += ["", stamp("python benchmarks/fractional_poisson.py --write"), ""]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one small grid, to see that it runs")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks/fractional_poisson.md")
    parser.add_argument("--peer", action="store_true", help="run PyNucleus, which must be installed")
    options = parser.parse_args()
    widths = (16, 9, 5, 9, 8, 11, 14)
    print("".join(f"{name:>{width}}" for name, width in zip(HEADER, widths, strict=True)))
    table = []
    for cells in rows(options.quick, options.peer):
        print("".join(f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True)), flush=True)
        table.append(cells)
    if options.write:
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(page(table))


if __name__ == "__main__":
    main()

"""Accuracy and cost of pide beside what else computes the same, in CPU seconds of one thread.

    python benchmarks/peers.py [--quick] [--only PROBLEM] [--out docs/benchmarks/peers.md]
                               [--picture docs/_static/peers.png]

The problems and the ways to solve them are functions of `peers_measured.py`. Each measurement runs in a process of its
own, after a smaller one that pays for imports and compilation; the least of two processes counts, or one that takes
more than two seconds. A peer that is not
installed gets a row that says how to install it. Rows of PyNucleus are quoted, unless it is installed.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from textwrap import fill
from typing import Any

os.environ |= {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "NUMBA")}

import peers_measured
from fractional_poisson import PEER
from stamp import stamp

COMMAND = "python benchmarks/peers.py --out docs/benchmarks/peers.md --picture docs/_static/peers.png"
PACKAGES = ("numpy", "scipy", "scikit-image", "torch", "py-pde", "PyNucleus")
MODULES = {"scikit-image": "skimage", "py-pde": "pde", "PyNucleus": "PyNucleus", "torch": "torch"}

LONG = 2.0
"""CPU seconds."""


@dataclass(frozen=True)
class Problem:
    """A section of the page: what is solved, by whom at which sizes, what the columns are, what the rows show."""

    name: str
    title: str
    text: str
    solvers: dict[str, tuple[int, ...]]
    warm: int
    remark: str
    error: str = "error"
    size: str = "unknowns"


PROBLEMS = (
    Problem(
        "apply", "One apply with a finite horizon",
        r"$L v(x) = \int_{|z|<\delta} \gamma(z)\,(v(x+z) - v(x))\,dz$ on a box, zero outside, $\delta = 8h$; "
        r"all compute the "
        "same sums with the same weights, so errors are rounding.",
        dict.fromkeys((
            "pide", "scipy.signal.fftconvolve", "scipy.signal.oaconvolve", "scipy.ndimage.correlate",
            "numpy, sum over slices",
        ), (512, 1024)),
        64, "`fftconvolve` is nearly as fast here: padding and transforming 17 x 17 weights costs little. Weights that "
        "reach everywhere are another matter, see [](../benchmarks.md).",
    ),
    Problem(
        "heat", "Fractional heat flow to a tolerance",
        "$u_t = -(-\\Delta)^{3/4} u$ in $(-1, 1)$, zero outside, $u_0 = 1$, until $t = 1/2$; 1023 nodes. The "
        "error is that "
        "in time, against the eigenvectors of the same matrix. Peers get the matrix or its weights for nothing.",
        {
            "pide": (3, 5, 7, 9), "solve_ivp RK45, fftconvolve": (3, 6), "solve_ivp BDF, matrix": (3, 5, 7),
            "solve_ivp Radau, matrix": (3, 5, 7), "scipy.linalg.expm, matrix": (3,),
            "scipy expm_multiply, matrix": (3,),
        },
        2, r"The matrix is stiff, $\lambda_{\max} \sim h^{-3/2}$: explicit methods take steps for stability, "
        r"implicit ones "
        "factor dense matrices. `pide.solve` takes Krylov steps and needs no matrix. `scipy.linalg.expm` is the choice "
        "for a few hundred nodes.",
    ),
    Problem(
        "jumps", "A jump process on a torus to a tolerance",
        "$u_t = L u$ with a Gaussian kernel of width 0.05 on the torus of 256 x 256 nodes until $t = 0.05$. py-pde has "
        "no nonlocal operators; its users write an equation of their own around `numpy.fft`, as here.",
        dict.fromkeys(("pide", "solve_ivp RK45, numpy.fft", "py-pde Runge-Kutta, numpy.fft"), (3, 6)),
        2, "On a torus the flow is exact in one pair of transforms, which needs no library. The rows of py-pde "
        "show what "
        "its stepping costs around a product with a known symbol, not what it was made for, local equations.",
    ),
    Problem(
        "poisson", "Fractional Poisson problem in the disc",
        r"$(-\Delta)^{3/4} u = 1$ in the unit disc, zero outside; relative $l^2$ error at the nodes against the closed "
        "form, all set-up included for pide and PyNucleus. SciPy gets the weights of the plain lattice "
        "scheme for nothing.",
        {
            "pide, corrected": (63, 127, 255, 511), "pide, plain": (63, 127, 255, 511),
            "scipy cg, fftconvolve": (63, 127, 255), "numpy.linalg.solve, matrix": (31, 63), "PyNucleus": (3, 4),
        },
        31, "PyNucleus solves on meshes that fit any polygon, may be graded or adapted, and takes kernels of variable "
        "order; its cost is the assembly. The lattice wins where the boundary is smooth.",
    ),
    Problem(
        "denoise", "Denoising",
        "160 x 160 pixels with noise of standard deviation 0.1, which all are told. scikit-image at its best width on "
        "this picture, pide at widths 0.1 and 0.1 / 3 (`python examples/plot_denoising.py`).",
        {
            "pide, one step of heat": (1,), "pide, two steps of heat": (1,),
            "scikit-image nonlocal means, 7 x 7": (2,), "scikit-image nonlocal means, 5 x 5, fast": (5,),
        },
        1, "scikit-image's fast filter is ten times faster and more, half a decibel below; where time counts, use it. "
        "pide's flow keeps the mean of the picture, lets the variance fall, and is an operator that can be checked.",
        error="PSNR, dB", size="pixels",
    ),
    Problem(
        "layer", "A nonlocal block of a network",
        r"$\mathrm{softmax}(t p^T) x - x$, 32 embedded channels and 64 of values, float32, forward and "
        r"backward. The error "
        "is that of the gradients on 64 positions in float64, against the block that stores its matrix.",
        dict.fromkeys((
            "pide, attention", "torch, M x M matrix", "torch attention", "torch attention, one head of 64",
        ), (1024, 4096)),
        64, "For this affinity pide calls PyTorch's attention. Called directly it stores the matrix too, unless the "
        "fields have an axis of heads and equal numbers of channels, as in the last rows; then it does all that pide "
        "does. Other affinities and engines are on [their page](layers.md).",
        size="positions",
    ),
)  # fmt: skip
INTRODUCTION = """# Accuracy and cost beside other software

Each measurement is the least of two processes (one, above two seconds), after a smaller run that pays for imports and
compilation, and holds what its section says; what pide keeps from one problem to the next is cleared. Ratios are
comparable between machines, absolute times are not. Rows marked as quoted were measured by us in 2026, from
PyNucleus's source of that year (P1 elements, H2 matrix), on a similar machine, not in this run.
"""
TAIL = """## Not compared here

* Sums over scattered points, with pykeops, SciPy and scikit-learn: [their page](clouds.md).
* Finite elements with a finite horizon (nlfem, PyNucleus) and networks that learn solutions (DeepXDE): no measurements.
* GPUs, several threads, several machines: everything here is one thread of one processor.
* Time to write the program and to install. PyNucleus needs MPI, METIS and SuiteSparse; the rest are wheels.

Where others are the better choice without a measurement: [](../comparison.md).
"""


def absent(solver: str) -> str | None:
    """The package to install for a solver, if it is not there."""
    for package, module in MODULES.items():
        if solver.startswith(package) and importlib.util.find_spec(module) is None:
            return package
    return None


def measured(problem: Problem, solver: str, size: int, repeats: int) -> dict[str, Any]:
    """The cheapest of some processes; a long one is not repeated."""
    command = [sys.executable, __file__, "--one", problem.name, solver, str(size), str(problem.warm)]
    runs: list[dict[str, Any]] = []
    while len(runs) < repeats and all(run["seconds"] < LONG for run in runs):
        runs.append(json.loads(subprocess.run(command, check=True, capture_output=True).stdout))
    return min(runs, key=lambda run: float(run["seconds"])) | {"problem": problem.name, "solver": solver, "size": size}


def one(name: str, solver: str, size: int, warm: int) -> None:
    """Print a cost as JSON."""
    function = getattr(peers_measured, name)
    if name != "layer" and solver != "PyNucleus":
        function(solver, warm)
    print(json.dumps(asdict(function(solver, size))))


def rows(problem: Problem, quick: bool) -> Iterator[dict[str, Any]]:
    """What is measured, quoted or missing, by solver."""
    for solver, sizes in problem.solvers.items():
        missing = absent(solver)
        if solver == "PyNucleus" and missing:
            for unknowns, s, error, seconds in PEER:
                if s == 0.75:
                    yield {"solver": "PyNucleus, quoted", "unknowns": unknowns, "error": error, "seconds": seconds}
        elif missing:
            yield {"solver": solver, "missing": f"not installed: `pip install {missing}`"}
        else:
            for size in (problem.warm,) if quick else sizes:
                yield measured(problem, solver, size, 1 if quick else 2)


def cells(problem: Problem, row: dict[str, Any]) -> str:
    """A row of the table."""
    if "missing" in row:
        return f"| {row['solver']} | | {row['missing']} | |"
    tolerance = f"1e-{row['size']}" if problem.name in ("heat", "jumps") else str(row["unknowns"])
    tolerance = "" if "expm" in row["solver"] else tolerance
    seconds = f"{row['seconds']:.0f}" if row["seconds"] >= 100 else f"{row['seconds']:.2g}"
    error = f"{-row['error']:.2f}" if problem.name == "denoise" else f"{row['error']:.1e}"
    memory = "" if row.get("memory") is None else f", {row['memory']:.0f} MB"
    return f"| {row['solver']} | {tolerance} | {error} | {seconds}{memory} |"


def section(problem: Problem, found: list[dict[str, Any]]) -> str:
    size = "tolerance" if problem.name in ("heat", "jumps") else problem.size
    memory = ", memory" if problem.name == "layer" else ""
    head = f"| solver | {size} | {problem.error} | CPU s{memory} |\n|---|---|---|---|"
    table = "\n".join(cells(problem, row) for row in found)
    return f"## {problem.title}\n\n{fill(problem.text, 118)}\n\n{head}\n{table}\n\n{fill(problem.remark, 118)}\n"


def page(found: dict[str, list[dict[str, Any]]], pictured: bool) -> str:
    picture = "![Error against CPU seconds](../_static/peers.png)\n" if pictured else ""
    sections = [section(problem, found[problem.name]) for problem in PROBLEMS if problem.name in found]
    return "\n".join([INTRODUCTION, picture, *sections, TAIL, stamp(COMMAND, PACKAGES), ""])


def draw(found: dict[str, list[dict[str, Any]]], path: Path) -> None:
    """Error against CPU seconds of the problems that have both."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import NullFormatter

    colours = ("#0072B2", "#56B4E9", "#E69F00", "#009E73", "#D55E00", "#CC79A7")  # Okabe and Ito
    figure = Figure(figsize=(11, 4.2), layout="constrained")
    shown = [problem for problem in PROBLEMS if problem.name in ("poisson", "heat", "jumps") and problem.name in found]
    for axes, problem in zip(figure.subplots(1, len(shown), squeeze=False).flat, shown, strict=True):
        own = [row for row in found[problem.name] if "missing" not in row]
        for i, solver in enumerate(dict.fromkeys(row["solver"] for row in own)):
            x, y = zip(*((row["seconds"], row["error"]) for row in own if row["solver"] == solver), strict=True)
            quoted = "quoted" in solver
            style = {"linestyle": "--" if quoted else "-", "mfc": "white" if quoted else colours[i]}
            axes.loglog(x, y, marker="osD^v<"[i], color=colours[i], ms=5, lw=1.2, label=solver, **style)
        axes.set(title=problem.title, xlabel="CPU seconds")
        axes.title.set_fontsize(10)
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.grid(alpha=0.3)
        axes.legend(fontsize=7, frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2)
    figure.supylabel("relative error", fontsize=10)
    figure.savefig(path, dpi=130)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="the smallest case of each, to see that it runs")
    parser.add_argument("--only", choices=[problem.name for problem in PROBLEMS])
    parser.add_argument("--out", type=Path, help="Markdown page to write")
    parser.add_argument("--picture", type=Path, help="picture to write")
    parser.add_argument("--one", nargs=4, metavar=("PROBLEM", "SOLVER", "SIZE", "WARM"), help="one cost, as JSON")
    options = parser.parse_args()
    if options.one:
        name, solver, size, warm = options.one
        one(name, solver, int(size), int(warm))
        return
    found: dict[str, list[dict[str, Any]]] = {}
    for problem in PROBLEMS:
        if options.only in (None, problem.name):
            print(f"\n{problem.title}", flush=True)
            found[problem.name] = []
            for row in rows(problem, options.quick):
                found[problem.name].append(row)
                print(cells(problem, row), flush=True)
    if options.out:
        options.out.write_text(page(found, options.picture is not None), encoding="utf-8")
    if options.picture:
        draw(found, options.picture)


if __name__ == "__main__":
    main()

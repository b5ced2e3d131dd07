"""Cost and accuracy of fractional heat flow: applies and CPU seconds to a relative l2 error of 1e-6.

    python benchmarks/heat.py [--quick] [--write]

u_t = -(-Delta)^s u on the box (-1, 1)^2, u = 0 outside, u = 1 at t = 0, until t = 1, on 512 x 512 interior nodes.
The error is the distance to a solve by the first stepper at tolerance 1e-11; for that stepper's own row the
reference is the second one. An apply is one product with the discrete operator; solves with the preconditioner
are not counted. CPU seconds hold everything, the weights included. `--write` puts the table into docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from stamp import insert, stamp

import pide
from pide.solvers import Stepper

ORDERS = (0.5, 0.75)
PAGE = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"
HEAD = ("s", "stepper", "applies", "CPU s", "relative error")


def solve(s: float, nodes: int, stepper: Stepper, tol: float) -> pide.Result:
    """The heat flow at order s."""
    box = pide.Box(((-1, 1), (-1, 1)))
    heat = pide.Heat(pide.FractionalLaplacian(s=s), box, initial=lambda x, y: np.ones_like(x), exterior=pide.Zero())
    return pide.solve(heat, on=box.grid(nodes, nodes, nodes="interior"), times=[0.0, 1.0], stepper=stepper, tol=tol)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="32 x 32 nodes, to see that it runs")
    parser.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    options = parser.parse_args()
    nodes = 32 if options.quick else 512
    lines = ["| " + " | ".join(HEAD) + " |", "|---" * len(HEAD) + "|"]
    steppers = (pide.ShiftInvertLanczos(), pide.Lanczos(), pide.Chebyshev())
    print("   s  stepper                applies   CPU s  relative error")
    for s in ORDERS:
        references = [solve(s, nodes, stepper, 1e-11).final for stepper in steppers[:2]]
        for stepper in steppers:
            result = solve(s, nodes, stepper, 1e-6)
            reference = references[1 if stepper is steppers[0] else 0]
            error = float(np.linalg.norm(result.final - reference) / np.linalg.norm(reference))
            cost = f"{result.record.applies:8}  {result.record.cpu_seconds:6.1f}"
            print(f"{s:4}  {type(stepper).__name__:20}  {cost}  {error:14.1e}", flush=True)
            cells = (s, f"`{type(stepper).__name__}`", *cost.split(), f"{error:.1e}")
            lines.append("| " + " | ".join(map(str, cells)) + " |")
    if options.write:
        insert(PAGE, "heat", "\n".join([*lines, "", stamp("python benchmarks/heat.py --write")]))


if __name__ == "__main__":
    main()

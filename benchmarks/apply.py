"""Cost of the Toeplitz apply against its references, in CPU seconds of one thread.

    python benchmarks/apply.py [--repeats 7] [--quick] [--write]

Three ways to apply the same weights, which couple all pairs of nodes of a box:

    apply   pide.operators.toeplitz: cached real symbol, pruned transforms, slabs
    pair    the bare rfftn + irfftn of the padded size, no product: the limit of an unpruned apply
    scipy   scipy.signal.fftconvolve(v, weights, mode="same")

Each repeat times the three in turn with `time.process_time`; the minimum over repeats is shown, because other
work on the machine only ever adds. The last column is the largest difference between `apply` and `scipy`, relative
to the largest value. `--write` puts the table into docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import itertools
import os
import re
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import scipy.fft
from scipy.signal import fftconvolve
from stamp import insert, stamp

from pide.operators.toeplitz import toeplitz

SHAPES = ((1 << 20,), (512, 512), (1024, 1024), (128, 128, 128))
PAGE = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"
HEAD = ("nodes", "apply s", "pair s", "scipy s", "apply / pair", "scipy / apply", "difference")
QUICK = ((1 << 14,), (128, 128), (32, 32, 32))


def power_law_octant(shape: tuple[int, ...]) -> np.ndarray:
    """Weights |j|^{-n-1} of all offsets 0 <= j < shape, 0 at the origin."""
    axes = np.ix_(*(np.arange(n, dtype=float) for n in shape))
    r2 = sum(axis**2 for axis in axes)
    r2.flat[0] = np.inf
    return r2 ** (-(len(shape) + 1) / 2)


def mirrored(octant: np.ndarray) -> np.ndarray:
    """Weights of all offsets -N < j < N from those of the nonnegative ones."""
    for axis in range(octant.ndim):
        head = np.flip(np.delete(octant, 0, axis), axis)
        octant = np.concatenate([head, octant], axis)
    return octant


def minima(candidates: dict[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Smallest CPU time of each candidate, measured in turn."""
    best = dict.fromkeys(candidates, np.inf)
    for _, (name, run) in itertools.product(range(repeats), candidates.items()):
        start = time.process_time()
        run()
        best[name] = min(best[name], time.process_time() - start)
    return best


def measure(shape: tuple[int, ...], repeats: int) -> str:
    """One row of the table."""
    octant = power_law_octant(shape)
    convolution = toeplitz(octant, shape, workers=1)
    weights = mirrored(octant)
    v = np.random.default_rng(0).standard_normal(shape)

    def pair() -> object:
        V = scipy.fft.rfftn(v, s=convolution.padded, workers=1)
        return scipy.fft.irfftn(V, s=convolution.padded, workers=1, overwrite_x=True)

    ours, theirs = convolution(v), fftconvolve(v, weights, mode="same")
    error = float(np.abs(ours - theirs).max() / np.abs(theirs).max())
    seconds = minima(
        {"apply": lambda: convolution(v), "pair": pair, "scipy": lambda: fftconvolve(v, weights, mode="same")}, repeats
    )
    name = " x ".join(map(str, shape))
    columns = [f"{seconds[key]:8.4f}" for key in ("apply", "pair", "scipy")]
    ratios = [f"{seconds['apply'] / seconds['pair']:10.2f}", f"{seconds['scipy'] / seconds['apply']:11.1f}"]
    return "  ".join([f"{name:>15}", *columns, *ratios, f"{error:8.1e}"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that it runs")
    parser.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    arguments = parser.parse_args()
    print("          nodes   apply s    pair s   scipy s  apply/pair  scipy/apply     diff")
    lines = ["| " + " | ".join(HEAD) + " |", "|---" * len(HEAD) + "|"]
    for shape in QUICK if arguments.quick else SHAPES:
        row = measure(shape, arguments.repeats)
        print(row, flush=True)
        lines.append("| " + " | ".join(re.split(r"  +", row.strip())) + " |")
    if arguments.write:
        insert(PAGE, "apply", "\n".join([*lines, "", stamp("python benchmarks/apply.py --write")]))


if __name__ == "__main__":
    main()

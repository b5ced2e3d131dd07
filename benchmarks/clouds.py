"""Cost of nonlocal diffusion on scattered points against all-pairs sums, in CPU seconds of one thread.

    python benchmarks/clouds.py [--largest 100000] [--out docs/benchmarks/clouds.md] [--picture docs/_static/clouds.png]
    python benchmarks/clouds.py --one nufft square 1000000

The sum is sum_j m_j |x_i - x_j|^{-n-3/2} (v_j - v_i), that of the fractional Laplacian with s = 3/4, tol 1e-6, over
uniformly random points of the unit square and cube, and over 20 Gaussian clusters of width 0.001 in the square:

    nufft     pide, near pairs and nonequispaced FFT by finufft; ducc0: the same by ducc0, where it is installed
    tree      pide, dual tree
    loop      the double loop, compiled by numba
    keops     a symbolic matrix of pykeops on the CPU, where it is installed
    cdist     scipy.spatial.distance.cdist and a product with the stored matrix
    pairwise  sklearn.metrics.pairwise.euclidean_distances and the same

Times are the smallest of a few, with `time.process_time`; the memory is the growth of the resident set of the process,
which runs one engine at one size. Set-up is that of the operator, not of the cloud. The error is that of L v for
v = cos 3 x_1 at 200 points, relative to their largest value, against differences summed in a loop.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("NUMBA_NUM_THREADS", "1")

import numpy as np
from stamp import stamp

TOL = 1e-6
LIMITS: dict[Any, int] = {
    "loop": 8_000,
    "keops": 20_000,
    "cdist": 8_000,
    "pairwise": 8_000,
    ("tree", "square"): 100_000,
    ("tree", "cube"): 20_000,
}
ENGINES = ("nufft", "ducc0", "tree", "loop", "keops", "cdist", "pairwise")
SIZES = (1_000, 3_000, 8_000, 20_000, 100_000, 1_000_000)
LARGEST = {"square": 1_000_000, "cube": 100_000, "clusters": 1_000_000}  # at most, by place
SIZES_OF_CLUSTERS = (10_000, 50_000, 200_000, 1_000_000)


def built(engine: str, X: np.ndarray, m: np.ndarray, cloud: Any) -> Callable[[np.ndarray], np.ndarray]:
    """v -> L v by one engine."""
    beta = X.shape[1] + 1.5
    if engine in ("nufft", "ducc0", "tree"):
        import pide

        A = pide.NonlocalDiffusion(pide.kernels.PowerLaw(exponent=beta))
        return A.on(cloud, exterior=pide.Reflecting(), engine=engine, tol=TOL, quadrature="plain").apply
    if engine == "loop":
        everyone = np.arange(len(X))
        return lambda v: loop(X, m, v, everyone)
    if engine == "keops":
        return keops(X, m, beta)
    if engine == "cdist":
        from scipy.spatial.distance import cdist

        r = cdist(X, X)
    else:
        from sklearn.metrics.pairwise import euclidean_distances

        r = euclidean_distances(X)
    np.fill_diagonal(r, np.inf)
    W = r**-beta * m
    d = W.sum(axis=1)
    return lambda v: W @ v - d * v


def cloud_of(X: np.ndarray, m: np.ndarray) -> Any:
    """The space of the points, which checks them; made once, whatever operators it gets."""
    import pide

    return pide.PointCloud(X, weights=m)


def keops(X: np.ndarray, m: np.ndarray, beta: float) -> Callable[[np.ndarray], np.ndarray]:
    """The sum by pykeops; the pair (i, i) has distance 1 there and drops out of the difference."""
    from pykeops.numpy import LazyTensor

    square = ((LazyTensor(X[:, None, :]) - LazyTensor(X[None, :, :])) ** 2).sum(-1)
    k = (square + (1 - square.sign())) ** (-beta / 2)
    d = (k @ m[:, None])[:, 0]
    return lambda v: (k @ (m * v)[:, None])[:, 0] - d * v


@cache
def compiled_loop() -> Any:
    """The double loop over pairs."""
    import numba

    @numba.njit(cache=True)
    def double_loop(X: Any, m: Any, v: Any, targets: Any) -> Any:
        n = X.shape[1]
        power = -(n + 1.5) / 2
        total = np.zeros(len(targets))
        for a in range(len(targets)):
            i, entry = targets[a], 0.0
            for j in range(len(X)):
                if j != i:
                    y = 0.0
                    for axis in range(n):
                        y += (X[i, axis] - X[j, axis]) ** 2
                    entry += y**power * m[j] * (v[j] - v[i])
            total[a] = entry
        return total

    return double_loop


def loop(X: np.ndarray, m: np.ndarray, v: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """L v at some points by the double loop."""
    return np.asarray(compiled_loop()(X, m, v, targets))


def points(place: str, count: int) -> np.ndarray:
    """Random points, uniform or in 20 Gaussian clusters of width 0.001."""
    rng = np.random.default_rng(2)
    if place != "clusters":
        return rng.random((count, {"square": 2, "cube": 3}[place]))
    return rng.random((20, 2))[rng.integers(20, size=count)] + 0.001 * rng.standard_normal((count, 2))


def measured(engine: str, place: str, count: int) -> dict[str, Any]:
    """Set-up and apply times, memory and error of one engine at one size."""
    rng = np.random.default_rng(3)
    X, m = points(place, count), rng.uniform(0.5, 1.5, count) / count
    v = np.cos(3 * X[:, 0])
    built(engine, X[:500], m[:500], cloud_of(X[:500], m[:500]))(v[:500])  # compilation is no part of the cost
    cloud = cloud_of(X, m)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    apply = built(engine, X, m, cloud)
    Lv = apply(v)
    first = time.process_time() - start
    times = []
    for _ in range(2 if count > 200_000 or engine in LIMITS else 4):
        start = time.process_time()
        Lv = apply(v)
        times.append(time.process_time() - start)
    memory = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 2**20
    targets = rng.choice(count, 200, replace=False)
    exact = loop(X, m, v, targets)
    error = float(np.abs(Lv[targets] - exact).max() / np.abs(exact).max())
    setup = max(first - min(times), 0.0)
    return {"engine": engine, "place": place, "points": count, "setup": setup, "apply": min(times), "memory": memory,
            "error": error}  # fmt: skip


def rows(largest: int) -> list[dict[str, Any]]:
    """All measurements, each in a process of its own."""
    found = []
    for place, limit in LARGEST.items():
        for engine in ENGINES:
            if place == "clusters" and engine != "tree":
                continue
            for count in SIZES_OF_CLUSTERS if place == "clusters" else SIZES:
                if count > min(largest, limit, LIMITS.get((engine, place), LIMITS.get(engine, largest))):
                    continue
                command = [sys.executable, __file__, "--one", engine, place, str(count)]
                run = subprocess.run(command, capture_output=True, text=True, check=False)
                if run.returncode:
                    print(f"{engine}, {place}, {count} points: {run.stderr.strip().splitlines()[-1]}", file=sys.stderr)
                    break
                found.append(json.loads(run.stdout.splitlines()[-1]))
                print(line(found[-1]), flush=True)
    return found


def line(row: dict[str, Any]) -> str:
    """One row of the table."""
    return (
        f"| {row['place']} | {row['engine']} | {row['points']} | {row['setup']:.2g} | {row['apply']:.2g} | "
        f"{row['memory']:.2f} | {row['error']:.0e} |"
    )


def picture(found: list[dict[str, Any]], path: str) -> None:
    """Cost of one apply against the number of points."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(9, 3.8), sharey=True, layout="constrained")
    for axis, place in zip(axes, ("square", "cube"), strict=True):
        for k, engine in enumerate(ENGINES):
            own = [row for row in found if row["engine"] == engine and row["place"] == place]
            if own:
                x, y = zip(*((row["points"], max(row["apply"], 1e-4)) for row in own), strict=True)
                axis.loglog(x, y, "osD^v<>"[k] + "-", color=f"C{k}", ms=4, lw=1.2, label=engine)
        axis.set(title=f"points of the {place}", xlabel="points")
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("one apply, CPU s")
    axes[0].legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=130)


def main() -> None:
    parser = argparse.ArgumentParser(description="Cost of nonlocal diffusion on scattered points.")
    parser.add_argument("--largest", type=int, default=100_000)
    parser.add_argument("--out", help="Markdown file; the text above its table is kept")
    parser.add_argument("--picture", help="picture file")
    parser.add_argument("--one", nargs=3, metavar=("ENGINE", "PLACE", "POINTS"), help="one measurement, as JSON")
    arguments = parser.parse_args()
    if arguments.one:
        engine, place, count = arguments.one
        print(json.dumps(measured(engine, place, int(count))))
        return
    head = "| points of | engine | number | set-up, CPU s | apply, CPU s | memory, GiB | error |\n" + 7 * "|---" + "|\n"
    print(head, end="")
    found = rows(arguments.largest)
    if arguments.out:
        text = Path(arguments.out).read_text() if Path(arguments.out).exists() else ""
        table = head + "\n".join(map(line, found)) + "\n"
        command = f"python benchmarks/clouds.py {' '.join(sys.argv[1:])}"
        made = stamp(command, ("numpy", "scipy", "finufft", "ducc0", "numba", "pykeops", "scikit-learn"))
        Path(arguments.out).write_text(f"{text.split('| points of | engine |')[0]}{table}\n{made}\n")
    if arguments.picture:
        picture(found, arguments.picture)


if __name__ == "__main__":
    main()

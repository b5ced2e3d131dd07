"""Accuracy of the quadratures of (-Delta)^s on point clouds in the unit disc: plain, second moments, pairs, boundary.

    python benchmarks/cloud_quadrature.py [--quick | --large] [--write]

For three clouds of the unit disc (jittered: points of equal cells, moved by a fifth of a spacing; random: independent
and uniform; graded: jittered, denser towards the boundary like depth^{-1/2}) the rows give the relative l2 errors of
  A u         at depths beyond 0.4, for the torsion function u = (1 - r^2)^s, A u constant,
  torsion     of the solution of A u = constant,
  second      of the solution of A u = f for u = (1 - r^2)^s (x + P(r^2)), of order 2 in r^2, so that u / d^s varies,
and the steps of conjugate gradients with the diagonal, relative residual 1e-8. `--write` puts the table into
docs/benchmarks/.
"""

from __future__ import annotations

import argparse
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse.linalg
from scipy.spatial.distance import cdist

import pide
from pide.continuum.exact import torsion_function
from pide.quadrature.boundary_profile import BAND, profile_correction, spacing
from pide.quadrature.inside_moments import inside_moments
from pide.quadrature.pair_correction import near_pairs, pair_correction, summed_moments
from pide.quadrature.rays import exterior_rate
from pide.quadrature.second_moment import ball_second_moment, pair_factors

DISC = pide.Ball(radius=1.0, dimension=2)
PAGE = Path(__file__).parent.parent / "docs" / "benchmarks" / "cloud_quadrature.md"
METHODS = {
    "plain": (False, False, False, 0.0),
    "moment": (False, True, False, 0.0),
    "pairs, boundary plain": (True, False, True, 0.0),
    "pairs": (True, False, True, 2.0),
    "pairs, no cap": (False, False, True, 2.0),
    "moment, then pairs": (True, True, True, 2.0),
    "pairs, band 4 h": (True, False, True, 4.0),
}
"""Cap at h/2, isotropic second moments, pair correction, depth of the corrected band in mean spacings."""


def cloud(kind: str, count: int, seed: int = 0) -> pide.PointCloud:
    """A cloud of about `count` points in the disc."""
    rng = np.random.default_rng(seed)
    if kind == "random":
        points = rng.uniform(-1, 1, (2 * count, 2))
        return pide.PointCloud(points[(points**2).sum(1) < 1][:count], domain=DISC)
    k = np.arange(count) + 0.5
    r = np.linspace(0, 1, 4001)
    density = r * (1.0 if kind == "jittered" else np.maximum(1 - r, 1e-3) ** -0.5)
    share = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2)])
    radius = np.interp(k / count, share / share[-1], r)
    cell = np.sqrt(2 * math.pi * np.trapezoid(density, r) * r[1:] / (density[1:] * count))
    angle = math.pi * (1 + math.sqrt(5)) * k
    points = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    points += rng.uniform(-0.2, 0.2, points.shape) * np.interp(radius, r[1:], cell)[:, None]
    return pide.PointCloud(points[(points**2).sum(1) < 0.999], domain=DISC)


@dataclass(frozen=True, eq=False)
class Discrete:
    """A = -L by dense symmetric weights and a diagonal: A v = (W m + kappa) v - W (m v)."""

    weights: Any
    killing: Any
    masses: Any

    def apply(self, v: Any) -> Any:
        return self.killing * v - self.difference(v)

    def difference(self, v: Any) -> Any:
        return self.weights @ (self.masses * v) - (self.weights @ self.masses) * v

    def solve(self, f: Any) -> tuple[Any, int]:
        """A^{-1} f in the inner product of the masses, and the number of steps."""
        root, diagonal = np.sqrt(self.masses), self.weights @ self.masses + self.killing
        size, steps = (len(root),) * 2, []
        matrix = scipy.sparse.linalg.LinearOperator(
            size, matvec=lambda y: diagonal * y - root * (self.weights @ (root * y)), dtype=float
        )
        inverse = scipy.sparse.linalg.LinearOperator(size, matvec=lambda y: y / diagonal, dtype=float)
        y, _ = scipy.sparse.linalg.cg(matrix, root * f, rtol=1e-8, maxiter=3000, M=inverse, callback=steps.append)
        return y / root, len(steps)


def discretised(points: pide.PointCloud, s: float, method: str) -> Discrete:
    """(-Delta)^s with zero exterior by one of METHODS."""
    cap, moment, pairs, band = METHODS[method]
    kernel, h = pide.kernels.Fractional(s=s), spacing(points)
    distances = cdist(points.points, points.points)
    np.fill_diagonal(distances, 1.0)
    w = np.asarray(kernel(np.maximum(distances, h / 2) if cap else distances, 2))
    np.fill_diagonal(w, 0.0)
    if moment:
        near = np.where(distances < 4 * h, w, 0.0)
        moments = scipy.sparse.csr_matrix(near * distances**2 * points.masses)
        g = pair_factors(moments, ball_second_moment(kernel, 4 * h, 2), depth(points) >= 4 * h)
        w = w + near * (g[:, None] + g[None, :]) / 2
    A = Discrete(w, exterior_rate(points.points, DISC, kernel), points.masses)
    if pairs:
        A = with_pairs(A, points, kernel)
    if not band:
        return A
    D, _ = profile_correction(A.apply, points, A.killing, s, band=band)
    return Discrete(A.weights, A.killing + D, A.masses)


def with_pairs(A: Discrete, points: pide.PointCloud, kernel: Any) -> Discrete:
    """The near weights of A corrected to the moments of the kernel over the disc, deeper than two spacings."""
    h = spacing(points)
    near = near_pairs(points, 4 * h)
    weights = A.weights[near.first, near.second]
    defects = inside_moments(points.points, DISC, kernel) - summed_moments(A.difference, points.points)
    found = pair_correction(near, weights, A.masses, defects, depth(points) >= BAND * h, 4 * h)
    changed = A.weights.copy()
    changed[near.first, near.second] = changed[near.second, near.first] = weights * (1 + found.changes)
    return Discrete(changed, A.killing, A.masses)


def depth(points: pide.PointCloud) -> Any:
    """Distance to the circle."""
    return 1 - np.linalg.norm(points.points, axis=1)


def solutions(points: pide.PointCloud, s: float) -> list[tuple[Any, Any]]:
    """(u, A u) in closed form: weighted Jacobi polynomials (Dyda, Kuznetsov, Kwasnicki 2017)."""
    x, square = points.points[:, 0], (points.points**2).sum(axis=1)
    profile, one = (1 - square) ** s, np.ones_like(x)
    lowest = 4**s * math.gamma(1 + s) ** 2
    jacobi = (s + 1) + (s + 2) * (square - 1)
    u = profile * (x + jacobi)
    f = 4**s * math.gamma(1 + s) * math.gamma(2 + s) * x + 4**s * math.gamma(2 + s) ** 2 * jacobi
    return [(profile, lowest * one), (u, f)]


def errors(points: pide.PointCloud, s: float, method: str) -> tuple[float, float, float, int]:
    """Errors of A u, of the torsion function and of the second solution, and steps of conjugate gradients."""
    A = discretised(points, s, method)
    (u, f), (v, g) = solutions(points, s)
    inner = depth(points) > 0.4
    pointwise = np.sqrt((A.masses * (A.apply(u) - f) ** 2)[inner].sum() / (A.masses * f**2)[inner].sum())
    torsion, steps = A.solve(f)
    second, _ = A.solve(g)
    return float(pointwise), distance(points, torsion, u), distance(points, second, v), steps


def distance(points: pide.PointCloud, u: Any, exact: Any) -> float:
    return float(points.norm(u - exact) / points.norm(exact))


def rows(quick: bool) -> Iterator[str]:
    yield "| cloud | s | N | quadrature | A u | torsion | second | steps |"
    yield "|---|---|---|---|---|---|---|---|"
    for kind in ("jittered", "random", "graded"):
        for s in (0.75,) if quick else (0.25, 0.5, 0.75):
            for count in (500,) if quick else (500, 2000, 8000) if kind == "jittered" else (500, 2000):
                points = cloud(kind, count)
                for method in METHODS if count < 8000 and kind != "graded" else ("plain", "moment", "pairs"):
                    *sizes, steps = errors(points, s, method)
                    shown = " | ".join(f"{size:.1e}" for size in sizes)
                    yield f"| {kind} | {s} | {points.count} | {method} | {shown} | {steps} |"


def large(count: int) -> str:
    """Set-up, apply, solve and error of the torsion function, s = 3/4, by the fast engine."""
    points, s = cloud("jittered", count), 0.75
    exact = points.sample(torsion_function(DISC, s))
    clock = [time.process_time()]
    A = pide.FractionalLaplacian(s).on(points, exterior=pide.Zero(), engine="nufft", quadrature="pairs")
    clock.append(time.process_time())
    A(exact)
    clock.append(time.process_time())
    u = pide.solve(pide.Stationary(A, source=1.0), tol=1e-7).final
    clock.append(time.process_time())
    setup, apply, solve = np.diff(clock)
    return f"{count} points: set-up {setup:.1f}, apply {apply:.2f}, solve {solve:.1f} CPU s, error " + (
        f"{distance(points, u, exact):.1e}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="500 points and s = 0.75 only")
    parser.add_argument("--write", action="store_true", help="put the table into docs/benchmarks/")
    parser.add_argument("--large", action="store_true", help="cost and error at 100 000 points instead")
    options = parser.parse_args()
    if options.large:
        print(large(100_000))
        return
    lines = []
    for line in rows(options.quick):
        print(line, flush=True)
        lines.append(line)
    if options.write:
        PAGE.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()

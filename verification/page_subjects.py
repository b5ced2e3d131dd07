"""The operators of the page of measured numbers, beside nonlocal diffusion on grids, by engine and by space."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pide.continuum import kernels
from pide.continuum.advection import Advection
from pide.continuum.domains import Ball, Box, Interval, Torus
from pide.continuum.exterior import Reflecting, Zero
from pide.continuum.operators import FractionalLaplacian, Laplacian, NonlocalDiffusion
from pide.continuum.potentials import LogPotential, RieszPotential
from pide.continuum.spectral import SpectralFractionalLaplacian
from pide.operators.affinity import EmbeddedAffinity, GaussianAffinity, LogAffinity, PowerAffinity
from pide.operators.affinity_pairs import affinity_operator
from pide.operators.graph import graph_laplacian
from pide.spaces.cloud import PointCloud
from pide.verification.covering import FACTORS, build, product
from pide.verification.honest import HONEST, gaussian_weights
from pide.verification.honest_sums import clustered_sums, crowded_circle

__all__ = ["ENGINES", "OTHERS", "SCATTERED"]

LINE, TORUS, DISC = Interval(-1, 1).grid(40), Torus((1.0, 1.0)).grid(12), Ball(radius=1.0, dimension=2).grid(30)


def _diffusivity(*x: Any) -> Any:
    return 1.0 + 0.6 * np.sin(2.0 * sum(x))


def _honest(name: str) -> Callable[[], Any]:
    return lambda: HONEST[name]()


OTHERS: dict[str, Callable[[], Any]] = {
    "(-Delta)^0.25, zero, interval, lattice": lambda: FractionalLaplacian(0.25).on(LINE, Zero(), scheme="lattice"),
    "(-Delta)^0.75, zero, interval, corrected": lambda: FractionalLaplacian(0.75).on(LINE, Zero()),
    "(-Delta)^0.5, zero, disc, corrected": lambda: FractionalLaplacian(0.5).on(DISC, Zero()),
    "(-Delta)^0.5, regional, interval": lambda: FractionalLaplacian(0.5).on(LINE, Reflecting()),
    "(-Delta)^0.5, torus, lattice": lambda: FractionalLaplacian(0.5).on(TORUS),
    "(-Delta)^0.5, torus, fourier": lambda: FractionalLaplacian(0.5).on(TORUS, scheme="fourier"),
    "(-Delta)^0.5, zero, interval, sinc": lambda: FractionalLaplacian(0.5).on(LINE, Zero(), scheme="sinc"),
    "spectral (-Delta)^0.5, zero, interval": lambda: SpectralFractionalLaplacian(0.5).on(LINE, Zero()),
    "spectral (-Delta)^0.5, reflecting, square": lambda: SpectralFractionalLaplacian(0.5).on(
        Box(((0.0, 1.0), (0.0, 1.0))).grid(10), Reflecting()
    ),
    "spectral (-Delta)^0.5, zero, interior nodes, fourier": lambda: SpectralFractionalLaplacian(0.5).on(
        Interval(-1, 1).grid(39, nodes="interior"), Zero(), scheme="fourier"
    ),
    "Laplacian, zero, interval": lambda: Laplacian().on(LINE, Zero()),
    "Laplacian, reflecting, square": lambda: Laplacian().on(Box(((0.0, 1.0), (0.0, 1.0))).grid(10), Reflecting()),
    "variable diffusivity, geometric, disc": lambda: NonlocalDiffusion(
        kernels.Linear(horizon=0.3), coefficient=_diffusivity
    ).on(DISC, Zero()),
    "variable diffusivity, arithmetic, disc": lambda: NonlocalDiffusion(
        kernels.Linear(horizon=0.3), coefficient=_diffusivity, mean="arithmetic"
    ).on(DISC, Zero()),
    "sum: Gaussian + Laplacian, interval": lambda: (
        0.5 * NonlocalDiffusion(kernels.Gaussian(width=0.3)) + Laplacian()
    ).on(LINE, Zero()),
    "variable order, interval": _honest("variable order"),
    "variable order, reflecting, square": _honest("order that varies"),
    "Riesz s = 0.3, interval": lambda: RieszPotential(s=0.3).on(LINE),
    "Riesz s = 0.5, disc": lambda: RieszPotential(s=0.5).on(DISC),
    "logarithm, projected, interval": lambda: LogPotential(project=True).on(LINE),
    "logarithm, projected, square": _honest("logarithm square"),
    "advection, upwind, torus": lambda: Advection((1.0, 0.5)).on(TORUS, scheme="upwind"),
    "advection, central, torus": lambda: Advection((1.0, 0.5)).on(TORUS, scheme="central"),
    "advection, upwind, variable, reflecting": lambda: Advection((lambda x: 1.0 + x,)).on(LINE, Reflecting()),
    "jump process, rates S(x, y) e^y": _honest("jump process"),
}
"""Operators on grids other than nonlocal diffusion with a constant coefficient."""


def _engines() -> dict[str, Callable[[], Any]]:
    """Nonlocal diffusion by every engine of grids: a horizon, in one and two dimensions, all exterior conditions."""
    fixed = {"kernel": ("linear",), "dimension": (1, 2), "dtype": ("float64",), "coefficient": ("none", "geometric")}
    rows = product({**FACTORS, **fixed})
    varies = {"none": "", "geometric": ", variable"}
    return {
        f"{row['engine']}, {row['exterior']}, {row['dimension']}-D{varies[row['coefficient']]}": partial(build, row)
        for row in sorted(rows, key=lambda row: row["engine"])
    }


ENGINES = _engines()
"""Operators on grids by engine."""


def cloud_in(domain: Any, count: int, seed: int) -> PointCloud:
    """Seeded points of a disc of radius 0.9, or of the unit box or torus, with Voronoi masses."""
    n = domain.dimension
    x = np.random.default_rng(seed).random((4 * count, n))
    if isinstance(domain, Ball):
        x = 2 * x - 1
        x = x[np.linalg.norm(x, axis=1) < 0.9]
    return PointCloud(x[:count], domain=domain)


SQUARE, UNIT_DISC, PERIODIC = Box(((0.0, 1.0), (0.0, 1.0))), Ball(radius=1.0, dimension=2), Torus((1.0, 1.0))
_LINEAR, _GAUSSIAN = NonlocalDiffusion(kernels.Linear(horizon=0.3)), NonlocalDiffusion(kernels.Gaussian(width=0.3))


def features(count: int = 48) -> NDArray[np.float64]:
    """Three channels of seeded normal features."""
    return np.asarray(np.random.default_rng(6).standard_normal((count, 3)))


def _affine(affinity: Any, normaliser: str | None, **options: Any) -> Callable[[], Any]:
    line = Interval(0, 1).grid(48)
    return lambda: affinity.on(line, features(), normaliser, **options)


_THETA = np.random.default_rng(7).standard_normal((2, 3)) / 2
SCATTERED: dict[str, Callable[[], Any]] = {
    "cloud, sparse, reflecting, square": lambda: _LINEAR.on(cloud_in(SQUARE, 120, 0), exterior=Reflecting()),
    "cloud, sparse, zero, disc": lambda: _LINEAR.on(cloud_in(UNIT_DISC, 120, 1), exterior=Zero()),
    "cloud, sparse, torus": lambda: _LINEAR.on(cloud_in(PERIODIC, 120, 2)),
    "cloud, dense, reflecting, square": lambda: _GAUSSIAN.on(
        cloud_in(SQUARE, 120, 0), exterior=Reflecting(), engine="dense"
    ),
    "cloud, dense, zero, disc": lambda: _GAUSSIAN.on(cloud_in(UNIT_DISC, 120, 1), exterior=Zero(), engine="dense"),
    "cloud, dense, interval": lambda: _GAUSSIAN.on(
        cloud_in(Interval(0, 1), 80, 3), exterior=Reflecting(), engine="dense"
    ),
    "cloud, dense, cube": lambda: _GAUSSIAN.on(
        cloud_in(Box(((0.0, 1.0),) * 3), 80, 4), exterior=Reflecting(), engine="dense"
    ),
    "cloud, nufft, tol 1e-3, reflecting, square": lambda: _GAUSSIAN.on(
        cloud_in(SQUARE, 120, 0), exterior=Reflecting(), engine="nufft", tol=1e-3
    ),
    "cloud, nufft, tol 1e-9, zero, disc": lambda: _GAUSSIAN.on(
        cloud_in(UNIT_DISC, 120, 1), exterior=Zero(), engine="nufft", tol=1e-9
    ),
    "cloud, nufft, tol 1e-6, (-Delta)^0.4, zero, disc": lambda: FractionalLaplacian(0.4).on(
        cloud_in(UNIT_DISC, 120, 1), Zero(), engine="nufft", tol=1e-6
    ),
    "cloud, tree, tol 1e-6, clusters": clustered_sums,
    "cloud, pair sums in blocks, square": _honest("summed cloud"),
    "cloud, (-Delta)^0.5, zero, disc": lambda: FractionalLaplacian(0.5).on(cloud_in(UNIT_DISC, 120, 1), Zero()),
    "cloud, (-Delta)^0.5, regional, square": lambda: FractionalLaplacian(0.5).on(
        cloud_in(SQUARE, 120, 0), Reflecting()
    ),
    "graph, combinatorial": lambda: graph_laplacian(gaussian_weights(60)),
    "graph, random walk": lambda: graph_laplacian(gaussian_weights(60), "random_walk"),
    "graph, symmetric": lambda: graph_laplacian(gaussian_weights(60), "symmetric"),
    "affinity, Gaussian, rows": _affine(GaussianAffinity(width=1.0), "rows"),
    "affinity, Gaussian, count": _affine(GaussianAffinity(width=1.0), "count"),
    "affinity, Gaussian, sinkhorn": _affine(GaussianAffinity(width=1.0), "sinkhorn"),
    "affinity, Gaussian, 8 neighbours": _affine(GaussianAffinity(width=1.0), "count", neighbours=8),
    "affinity, Gaussian, window 0.1": _affine(GaussianAffinity(width=1.0), "count", window=0.1),
    "affinity, Gaussian, blocks of 20 rows, sinkhorn": lambda: affinity_operator(
        GaussianAffinity(width=1.0), features(), Interval(0, 1).grid(48), "sinkhorn", block=20
    ),
    "affinity, Gaussian, blocks of 20 rows, rows": lambda: affinity_operator(
        GaussianAffinity(width=1.0), features(), Interval(0, 1).grid(48), "rows", block=20
    ),
    "affinity, Gaussian, 10 anchors": lambda: affinity_operator(
        GaussianAffinity(width=1.0), features(), Interval(0, 1).grid(48), anchors=10
    ),
    "affinity, Gaussian, 4 of 10 anchors, masses": lambda: affinity_operator(
        GaussianAffinity(width=1.0), features(120), cloud_in(SQUARE, 120, 0), anchors=10, neighbours=4
    ),
    "diffusion map, circle of uneven density": lambda: crowded_circle().operator,
    "affinity, exp(t.p), theta = phi, rows": _affine(EmbeddedAffinity(_THETA), "rows"),
    "affinity, exp(t.p), theta /= phi, rows": _affine(EmbeddedAffinity(_THETA, 1.5 * _THETA[::-1]), "rows"),
    "affinity, r^-3, count": _affine(PowerAffinity(exponent=3.0), "count"),
    "affinity, -log r, count": _affine(LogAffinity(), "count"),
}
"""Operators on point clouds and graphs, and affinities of features."""

"""Honest flows, waves and steady solves on point clouds: where the wrong ones of grids are built once more.

All points carry their own masses, the volumes of Voronoi cells, so that a mean is not an average.
"""

from __future__ import annotations

import numpy as np

from pide.continuum.domains import Ball, Box, Domain
from pide.continuum.exterior import Reflecting, Zero
from pide.continuum.kernels import Gaussian
from pide.continuum.operators import FractionalLaplacian, NonlocalDiffusion
from pide.continuum.problems import Evolution, Heat
from pide.continuum.stationary import Stationary
from pide.continuum.wave import Wave
from pide.solvers.explicit import ForwardEuler
from pide.solvers.lanczos import Lanczos
from pide.spaces.cloud import PointCloud
from pide.verification.flows import FlowMap, SolverMap, WaveMap, flow_of, heat_flow, solver_of, wave_of
from pide.verification.honest import honest

__all__: list[str] = []

SQUARE, DISC = Box(((0.0, 1.0), (0.0, 1.0))), Ball(radius=1.0, dimension=2)
DIFFUSION, FRACTIONAL = NonlocalDiffusion(Gaussian(width=0.3)), FractionalLaplacian(s=0.5)


def scattered(domain: Domain, seed: int, count: int = 30) -> PointCloud:
    """Seeded points of a domain, with Voronoi masses."""
    lower, upper = np.array(domain.bounds).T
    x = lower + (upper - lower) * np.random.default_rng(seed).random((4 * count, domain.dimension))
    return PointCloud(x[domain.contains(*x.T)][:count], domain=domain)


REFLECTING = DIFFUSION.on(scattered(SQUARE, 10), exterior=Reflecting())


@honest
def cloud_flow() -> FlowMap:
    return flow_of(REFLECTING, Lanczos(), 2.0 / REFLECTING.rate_bound())


@honest
def cloud_killed_flow() -> FlowMap:
    generator = DIFFUSION.on(scattered(DISC, 11), exterior=Zero())
    return flow_of(generator, Lanczos(), 2.0 / generator.rate_bound())


@honest
def cloud_euler_flow() -> FlowMap:
    step = 1.0 / REFLECTING.rate_bound()
    return flow_of(REFLECTING, ForwardEuler(step), 4 * step, 0.0, 1, lambda k: ForwardEuler(step / k))


@honest
def cloud_heat() -> FlowMap:
    cloud = scattered(SQUARE, 12)
    return heat_flow(Heat(DIFFUSION, SQUARE, initial=0.0, exterior=Reflecting()), cloud, 2.0)


@honest
def cloud_evolution() -> FlowMap:
    problem = Evolution(-1.0 * FRACTIONAL, DISC, initial=0.0, exterior=Zero())
    return heat_flow(problem, scattered(DISC, 13), 0.05, Lanczos())


@honest
def cloud_wave() -> WaveMap:
    return wave_of(Wave(FRACTIONAL, DISC, initial=0.0, exterior=Zero()), scattered(DISC, 14), 0.5)


@honest
def cloud_stationary() -> SolverMap:
    return solver_of(Stationary(FRACTIONAL, DISC, source=0.0, exterior=Zero()), scattered(DISC, 15))

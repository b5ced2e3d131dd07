"""Honest advection, jump generators, orders that vary, potentials in the plane, and diffusions on clouds and graphs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pide.continuum.advection import Advection
from pide.continuum.domains import Ball, Box, Interval, Torus
from pide.continuum.exterior import Reflecting, Zero
from pide.continuum.kernels import Fractional, Gaussian, Linear, TwoPoint
from pide.continuum.markov import MarkovJump
from pide.continuum.operators import FractionalLaplacian, NonlocalDiffusion
from pide.continuum.potentials import LogPotential, RieszPotential
from pide.continuum.variable_order import VariableOrderLaplacian
from pide.operators.dense_sum import DenseSum
from pide.operators.graph import graph_laplacian
from pide.operators.structure import pair_claims
from pide.operators.summed import SummedDiffusion
from pide.solvers.jumps import jump_generator
from pide.spaces.cloud import PointCloud
from pide.verification.adapters import as_subject
from pide.verification.facts import Facts
from pide.verification.honest import gaussian_weights, honest
from pide.verification.subject import Subject

__all__ = ["VELOCITY", "advection_symbol"]

Field = NDArray[np.float64]
VELOCITY = (1.0, 0.5)
_PLANE = Torus((1.0, 1.0)).grid(12, 10)


def advection_symbol(scheme: str, velocity: tuple[float, float] = VELOCITY) -> NDArray[np.complex128]:
    """-sum_a b_a (1 - e^{-i k_a h_a}) / h_a for b_a > 0 (upwind), or with i sin(k_a h_a) (central), rfftn layout."""
    n0, n1 = _PLANE.shape
    angles = 2 * np.pi * np.arange(n0)[:, None] / n0, 2 * np.pi * np.arange(n1 // 2 + 1)[None, :] / n1
    parts = [
        -b / h * (1 - np.exp(-1j * angle) if scheme == "upwind" else 1j * np.sin(angle))
        for b, h, angle in zip(velocity, _PLANE.spacing, angles, strict=True)
    ]
    return np.asarray(parts[0] + parts[1])


@honest
def upwind_advection() -> Subject:
    facts = Facts(_PLANE.spacing, symbol=lambda: advection_symbol("upwind"))
    return replace(as_subject(Advection(VELOCITY).on(_PLANE, scheme="upwind")), facts=facts)


@honest
def central_advection() -> Subject:
    facts = Facts(_PLANE.spacing, symbol=lambda: advection_symbol("central"))
    return replace(as_subject(Advection(VELOCITY).on(_PLANE, scheme="central")), facts=facts)


@honest
def jump_process() -> Subject:
    """Rates S(x, y) e^y with S symmetric keep the density e^x, and jump from x to y."""
    line = Interval(0, 1)
    grid = line.grid(32)
    kernel = TwoPoint(lambda x, y: 4 * np.exp(-9 * (x[0] - y[0]) ** 2 + y[0]), symmetric=False)
    generator = jump_generator(MarkovJump(NonlocalDiffusion(kernel), line, initial=1.0), on=grid)
    return replace(as_subject(generator), facts=Facts(grid.spacing, stationary=np.exp(grid.coordinates[0])))


@honest
def variable_order() -> Subject:
    """An order that happens to be constant: the operator with Fractional(0.4) rates on the same grid."""
    grid = Interval(-1, 1).grid(32)
    partner = as_subject(NonlocalDiffusion(Fractional(s=0.4)).on(grid, exterior=Zero()))
    mirrored = replace(partner, apply=lambda v: -partner.apply(v))
    A = VariableOrderLaplacian(lambda x: 0.4 + 0.0 * x).on(grid, Zero())
    return replace(as_subject(A), facts=Facts(grid.spacing, partner=mirrored, accuracy=1e-8, isotropic=True))


@honest
def order_that_varies() -> Subject:
    grid = Box(((0.0, 1.0), (0.0, 1.0))).grid(8)
    return as_subject(VariableOrderLaplacian(lambda x, y: 0.2 + 0.6 * x * y).on(grid, Reflecting()))


@honest
def riesz_disc() -> Subject:
    def build(radius: float) -> Subject:
        return as_subject(RieszPotential(s=0.6).on(Ball(radius=radius, dimension=2).grid(14)))

    return replace(build(1.0), facts=Facts((1 / 7, 1 / 7), scaled=(2.0**1.2, build(2.0)), isotropic=True))


@honest
def logarithm_square() -> Subject:
    grid = Box(((0.0, 1.0), (0.0, 1.0))).grid(12)
    return replace(as_subject(LogPotential(project=True).on(grid)), facts=Facts(grid.spacing, isotropic=True))


def _points(seed: int, count: int = 24) -> Field:
    return np.asarray(np.random.default_rng(seed).random((count, 2)))


@honest
def cloud_equal_masses() -> Subject:
    cloud = PointCloud(_points(1), weights=1 / 32)
    return as_subject(NonlocalDiffusion(Gaussian(width=0.4)).on(cloud, exterior=Reflecting()))


@honest
def cloud_unequal_masses() -> Subject:
    """Voronoi masses on the square, within a horizon: the sparse engine."""
    cloud = PointCloud(_points(2), domain=Box(((0.0, 1.0), (0.0, 1.0))))
    return as_subject(NonlocalDiffusion(Linear(horizon=0.6)).on(cloud, exterior=Reflecting()))


@honest
def cloud_killed() -> Subject:
    """Zero outside the disc, equal masses."""
    disc = Ball(radius=1.0, dimension=2)
    x = _points(3, 60) * 2 - 1
    cloud = PointCloud(x[np.hypot(*x.T) < 0.9][:24], weights=1 / 8, domain=disc)
    return as_subject(NonlocalDiffusion(Gaussian(width=0.5)).on(cloud, exterior=Zero()))


@honest
def cloud_two_components() -> Subject:
    """Two clusters of twelve points farther apart than the horizon."""
    x = _points(4) * 0.3
    x[12:, 0] += 2.0
    cloud = PointCloud(x, weights=1 / 32)
    return as_subject(NonlocalDiffusion(Linear(horizon=0.6)).on(cloud, exterior=Reflecting()))


@honest
def cloud_fractional() -> Subject:
    """(-Delta)^0.4 on points of the disc, with the second-moment correction."""
    x = _points(5, 60) * 2 - 1
    cloud = PointCloud(x[np.hypot(*x.T) < 0.9][:30], domain=Ball(radius=1.0, dimension=2))
    return as_subject(FractionalLaplacian(s=0.4).on(cloud, exterior=Zero()))


@honest
def summed_cloud() -> Subject:
    """A pair summation that stores nothing, the interface of all fast engines, with Voronoi masses."""
    cloud = PointCloud(_points(6), domain=Box(((0.0, 1.0), (0.0, 1.0))))
    sums = DenseSum(cloud.points, cloud.masses, lambda squares: np.exp(-squares / 0.1))
    claims = pair_claims(True, True, False)
    return as_subject(SummedDiffusion(cloud, sums, np.zeros(cloud.count), claims, sums.notes))


@honest
def graph_combinatorial() -> Subject:
    return as_subject(graph_laplacian(gaussian_weights()))


@honest
def graph_random_walk() -> Subject:
    return as_subject(graph_laplacian(gaussian_weights(), "random_walk"))

"""Honest operators: what the checks must pass, and what the mutants are built from."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pide.continuum.domains import Ball, Interval, Torus
from pide.continuum.exterior import Reflecting, Zero
from pide.continuum.kernels import Gaussian, Linear, PowerLaw
from pide.continuum.operators import FractionalLaplacian, Laplacian, NonlocalDiffusion
from pide.verification.adapters import as_subject, dense_diffusion
from pide.verification.affinities import AffinityMap
from pide.verification.blocks import BlockMap
from pide.verification.family import Family, family
from pide.verification.flows import FlowMap, SolverMap, WaveMap
from pide.verification.layers import LayerMap
from pide.verification.subject import Subject

__all__ = ["HONEST", "Target", "honest"]

Field = NDArray[np.float64]

Target = Subject | Family | FlowMap | WaveMap | SolverMap | AffinityMap | BlockMap | LayerMap

HONEST: dict[str, Callable[[], Any]] = {}
"""Builders of targets by name."""


def honest(build: Callable[[], Target]) -> Callable[[], Target]:
    """Register a builder under its function's name."""
    HONEST[build.__name__.replace("_", " ")] = cache(build)
    return build


def gaussian_weights(count: int = 24) -> Field:
    """exp(-|x - y|^2 / 0.1) between seeded points of the unit square, zero diagonal, symmetric bit for bit."""
    x = np.random.default_rng(1).random((count, 2))
    weights = np.exp(-((x[:, None, :] - x[None, :, :]) ** 2).sum(-1) / 0.1)
    np.fill_diagonal(weights, 0.0)
    return np.asarray(weights)


@honest
def dense_equal_masses() -> Subject:
    return dense_diffusion(gaussian_weights(), np.full(24, 1 / 32))


@honest
def dense_unequal_masses() -> Subject:
    return dense_diffusion(gaussian_weights(), np.random.default_rng(2).uniform(0.5, 1.5, 24) / 24)


@honest
def dense_killed() -> Subject:
    return dense_diffusion(gaussian_weights(), np.full(24, 1 / 32), np.random.default_rng(3).uniform(0.0, 0.4, 24))


@honest
def torus_linear() -> Subject:
    return as_subject(NonlocalDiffusion(Linear(horizon=0.2)).on(Torus((1.0,)).grid(40), engine="fft"))


@honest
def torus_fractional() -> Subject:
    return as_subject(FractionalLaplacian(s=0.6).on(Torus((1.0, 1.0)).grid(12, 10)))


@honest
def interval_zero() -> Subject:
    grid = Interval(-1, 1).grid(48)
    return as_subject(NonlocalDiffusion(Linear(horizon=0.3)).on(grid, exterior=Zero(), engine="fft"))


@honest
def interval_fractional() -> Subject:
    return as_subject(FractionalLaplacian(s=0.5).on(Interval(-1, 1).grid(40), exterior=Zero(), scheme="lattice"))


@honest
def disc_corrected() -> Subject:
    grid = Ball(radius=1.0, dimension=2).grid(30)
    return as_subject(FractionalLaplacian(s=0.75).on(grid, exterior=Zero(), scheme="corrected"))


@honest
def interval_sum() -> Subject:
    operator = 0.5 * NonlocalDiffusion(Gaussian(width=0.3)) + Laplacian()
    return as_subject(operator.on(Interval(0, 1).grid(32), exterior=Zero()))


@honest
def ball_reflecting() -> Subject:
    grid = Ball(radius=1.0, dimension=2).grid(14)
    return as_subject(NonlocalDiffusion(Gaussian(width=0.5)).on(grid, exterior=Reflecting()))


LEVELS = (16, 32, 64, 128)


@honest
def gaussian_family() -> Family:
    operator = NonlocalDiffusion(Gaussian(width=0.5))
    return family(lambda n: operator.on(Interval(0, 1).grid(n), exterior=Reflecting()), LEVELS, "Gaussian, h -> 0")


def power_family(exponent: float) -> Family:
    """r^{-exponent} on the unit interval: bounded for exponent < 1, Hilbert-Schmidt for exponent < 1/2."""
    operator = NonlocalDiffusion(PowerLaw(exponent=exponent, horizon=2.0))
    return family(
        lambda n: operator.on(Interval(0, 1).grid(n), exterior=Reflecting()), LEVELS, f"r^-{exponent:g}, h -> 0"
    )

"""Hypothesis strategies of kernels, domains, exterior conditions, grids and operators: parameters, not raw floats.

    @given(strategies.operators())
    def test_claims(operator):
        check(operator, samples=3).raise_if_failed()

Parameters come from short lists of well-conditioned values; raw floats would give overflow, not defects.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from hypothesis import strategies as st

from pide.continuum.domains import Ball, Box, Domain, Interval, Torus
from pide.continuum.domains_ellipsoid import Ellipsoid
from pide.continuum.domains_implicit import Mask
from pide.continuum.exterior import Exterior, Periodic, Reflecting, Value, Zero
from pide.continuum.kernels import (
    Constant,
    Exponential,
    Fractional,
    Gaussian,
    Kernel,
    Linear,
    PowerLaw,
    Radial,
    Tempered,
    TruncatedFractional,
)
from pide.continuum.operators import ContinuumOperator, FractionalLaplacian, Laplacian, NonlocalDiffusion
from pide.operators.base import Operator
from pide.spaces.grid import Grid

__all__ = ["coefficients", "domains", "exteriors", "fields", "grids", "kernels", "operators"]

NODES = {1: (9, 24), 2: (6, 11), 3: (4, 6)}
ORDERS = (0.1, 0.3, 0.5, 0.75, 0.95)
HORIZONS = (0.08, 0.15, 0.3, 0.45)


def kernels(dimension: int) -> st.SearchStrategy[Kernel]:
    """Kernels of every family whose second moment is finite near 0, horizons up to 0.45."""
    s, horizon = st.sampled_from(ORDERS), st.sampled_from(HORIZONS)
    normalise = st.sampled_from(("laplacian", "mass", None))
    exponent = st.sampled_from((0.0, 0.4, 1.0, dimension + 0.5, dimension + 1.5))
    return st.one_of(
        st.builds(Constant, horizon=horizon, normalise=normalise),
        st.builds(Linear, horizon=horizon, normalise=normalise),
        st.builds(Gaussian, width=horizon, normalise=normalise),
        st.builds(Exponential, length=horizon, normalise=normalise),
        st.builds(PowerLaw, exponent=exponent, horizon=horizon),
        st.builds(Fractional, s=s),
        st.builds(Tempered, s=s, rate=st.sampled_from((0.5, 4.0))),
        st.builds(TruncatedFractional, s=s, horizon=horizon),
        st.builds(Radial, st.just(_tent_squared), horizon=horizon),
    )


def _tent_squared(r: Any) -> Any:
    """exp(-r) (1 + r^2): a smooth profile that is none of the named ones."""
    return 2.718281828459045 ** (-r) * (1.0 + r * r)


@st.composite
def domains(draw: st.DrawFn, dimension: int | None = None) -> Domain:
    """Unit-sized domains: torus (also anisotropic), interval or box, ball, ellipse, mask."""
    n = draw(st.sampled_from((1, 2, 3))) if dimension is None else dimension
    kinds = ["torus", "box", "ball", "mask"] + (["ellipsoid"] if n > 1 else [])
    kind = draw(st.sampled_from(kinds))
    if kind == "torus":
        return Torus((1.0, 1.25, 1.0)[:n])
    if kind == "box":
        return Interval(-0.5, 0.5) if n == 1 else Box(((-0.5, 0.5), (0.0, 1.25), (0.0, 1.0))[:n])
    if kind == "ball":
        return Ball(radius=0.55, dimension=n)
    if kind == "ellipsoid":
        return Ellipsoid((0.6, 0.4, 0.5)[:n])
    cells = draw(st.integers(0, 2**16))
    mask = np.random.default_rng(cells).random((NODES[n][0],) * n) < 0.7
    mask.flat[0] = True
    return Mask(mask, spacing=1.0 / NODES[n][0])


@st.composite
def grids(draw: st.DrawFn, dimension: int | None = None) -> Grid:
    """Grids of 9 to 24 nodes per axis in 1-D, 6 to 11 in 2-D, 4 to 6 in 3-D."""
    domain = draw(domains(dimension))
    if isinstance(domain, Mask):
        return domain.grid()
    return domain.grid(*(draw(st.integers(*NODES[domain.dimension])) for _ in range(domain.dimension)))


def exteriors(domain: Domain, horizon: float = math.inf) -> st.SearchStrategy[Exterior]:
    """Exterior conditions that the domain admits; data are given with an extent."""
    if domain.periodic:
        return st.just(Periodic())
    return st.sampled_from((Zero(), Reflecting(), Value(_data, extent=0.2)))


def _data(*x: Any) -> Any:
    """Exterior data 1 + x_1."""
    return 1.0 + x[0]


def coefficients() -> st.SearchStrategy[Any]:
    """None, or a positive diffusivity that varies by a factor of about four."""
    return st.sampled_from((None, _diffusivity))


def _diffusivity(*x: Any) -> Any:
    return 1.0 + 0.6 * np.sin(2.0 * sum(x))


@st.composite
def operators(draw: st.DrawFn, dimension: int | None = None) -> Operator:
    """Discrete operators of every kernel, exterior, domain, mean and engine that combine.

    Fractional Laplacians are plain lattice powers; the boundary correction needs finer grids than these.
    """
    grid = draw(grids(dimension))
    continuum = draw(_continuum(grid))
    exterior = draw(exteriors(grid.domain))
    scheme = "lattice" if isinstance(continuum, FractionalLaplacian) else "auto"
    return continuum.on(grid, exterior=exterior, scheme=scheme)


@st.composite
def _continuum(draw: st.DrawFn, grid: Grid) -> ContinuumOperator:
    kind = draw(st.sampled_from(("kernel", "kernel", "kernel", "fractional", "local")))
    if kind == "fractional":
        return FractionalLaplacian(s=draw(st.sampled_from(ORDERS)))
    if kind == "local":
        return Laplacian()
    kernel = draw(kernels(grid.dimension))
    if grid.periodic and grid.dimension == 3 and math.isinf(kernel.horizon):
        kernel = Gaussian(width=0.3)  # explicit sums over 3-D images of slower kernels take seconds
    half = min(n * h for n, h in zip(grid.shape, grid.spacing, strict=True)) / 2
    images = grid.periodic and kernel.horizon > half
    finite = math.isfinite(kernel.horizon)
    coefficient = draw(coefficients()) if finite else None
    mean: Literal["geometric", "arithmetic"] = "geometric" if draw(st.booleans()) else "arithmetic"
    return NonlocalDiffusion(kernel, coefficient=coefficient, mean=mean, images=images)


@st.composite
def fields(draw: st.DrawFn, grid: Grid, dtype: str = "float64") -> Any:
    """Fields with independent normal values from a drawn seed, zero outside the domain."""
    rng = np.random.default_rng(draw(st.integers(0, 2**20)))
    return np.where(grid.inside, rng.standard_normal(grid.shape), 0.0).astype(dtype)

"""Operators applied to fields whose images are known.

Symbols: n dimension; s order of (-Delta)^s; h spacing; k wavenumber; v field.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
from family import Family, halved, relative
from scipy.integrate import quad
from scipy.special import gamma, iv, j0

import pide
from pide import exact, kernels
from pide.continuum.constants import fractional_constant

WAVE = (2, 1)
"""Wavenumbers of the field on the torus of period 2 pi."""
SMOOTH = "Fractional Laplacian on smooth fields"


def symbol(kernel: Any, k: float, n: int) -> float:
    """int (1 - cos k z_1) gamma(|z|) dz by adaptive quadrature along the radius."""
    area, rise = {1: (2.0, lambda x: 2 * math.sin(x / 2) ** 2), 2: (2 * math.pi, bessel_rise)}[n]
    reach = min(float(kernel.horizon), 12.0)

    def density(r: float) -> float:
        return float(rise(k * r) * kernel(np.array([r]), n)[0] * r ** (n - 1))

    edges = [0.0, *(reach * 2.0**-i for i in range(12, -1, -1))]
    return area * sum(quad(density, a, b, epsabs=1e-10, epsrel=1e-10)[0] for a, b in pairwise(edges))


def bessel_rise(x: float) -> float:
    """1 - J_0(x) without cancellation."""
    q = x * x / 4
    return q * (1 - q / 4 * (1 - q / 9 * (1 - q / 16))) if x < 0.1 else 1 - float(j0(x))


def torus(h: float, n: int) -> Any:
    return pide.Torus((2 * math.pi,) * n).grid(*(round(2 * math.pi / h),) * n)


def plane_wave(grid: Any) -> Any:
    n = grid.dimension
    return np.cos(sum(k * x for k, x in zip(WAVE[:n], grid.coordinates, strict=True)))


def mode_error(make: Callable[[Any], Any], value: float, n: int, h: float) -> float:
    """Relative error of L v = value v on a plane wave."""
    grid = torus(h, n)
    v = plane_wave(grid)
    return relative(make(grid)(v), value * v)


def compatible() -> Iterator[Family]:
    kinds = {
        "Constant(1)": kernels.Constant(1.0),
        "Linear(1)": kernels.Linear(1.0),
        "PowerLaw(n - 1/2, horizon 1)": None,
        "TruncatedFractional(.75, horizon 1)": kernels.TruncatedFractional(0.75, 1.0),
        "Gaussian(.4)": kernels.Gaussian(0.4),
        "Exponential(.3)": kernels.Exponential(0.3),
        "Tempered(.5, 3)": kernels.Tempered(0.5, 3.0),
    }
    for n in (1, 2):
        for name, kernel in kinds.items():
            chosen: Any = kernel or kernels.PowerLaw(exponent=n - 0.5, horizon=1.0)
            infinite = math.isinf(chosen.horizon)
            L = pide.NonlocalDiffusion(chosen, images=infinite)
            value = -symbol(chosen, math.hypot(*WAVE[:n]), n)
            yield Family(
                "Compatible weights",
                f"{name}, n = {n}",
                "L v of a plane wave, torus",
                2,
                "pide/discretise.py",
                "O(h^2) at fixed horizon",
                partial(mode_error, L.on, value, n),
                halved(2 * math.pi / (32 if n == 1 else 24), 5 if n == 1 else 4),
            )


def gaussian_error(make: Callable[[Any], Any], image: Callable[[Any], Any], n: int, h: float) -> float:
    """Relative error of A e^{-|x|^2} on the inner half of a box in which it decays to rounding."""
    grid = pide.Box(((-6.0, 6.0),) * n).grid(spacing=h)
    r2 = sum(x**2 for x in grid.coordinates)
    inner = np.broadcast_to(np.maximum.reduce(np.broadcast_arrays(*(abs(x) for x in grid.coordinates))) < 3, grid.shape)
    return relative(make(grid)(np.exp(-r2))[inner], image(np.sqrt(r2))[inner])


def lattice() -> Iterator[Family]:
    for n in (1, 2):
        for s in (0.25, 0.5, 0.75):
            A = pide.FractionalLaplacian(s)
            stated = ("pide/discretise.py", "O(h^2) on smooth data")
            on = partial(A.on, exterior=pide.Zero(), scheme="lattice")
            image = partial(exact.gaussian_image, s=s, dimension=n)
            yield Family(
                SMOOTH,
                f"lattice, s = {s}, n = {n}",
                "A v of a Gaussian, whole space",
                2,
                *stated,
                partial(gaussian_error, on, image, n),
                halved(0.25, 5 if n == 1 else 4),
            )
    yield Family(
        SMOOTH,
        "variable order .35 + .1 tanh x, n = 1",
        "A v of a Gaussian at three nodes",
        2,
        "pide/operators/variable_order.py",
        "Second order is observed",
        variable_order_error,
        halved(0.25, 4),
    )
    yield Family(
        SMOOTH,
        "seminorm of H^s, s = .5, n = 1",
        "value for a Gaussian",
        2,
        "pide/operators/norms.py",
        "second order in\n    h for smooth v",
        seminorm_error,
        halved(0.25, 5),
    )
    for scheme, order, words in (("lattice", 2, "O(h^2) on eigenfunctions"), ("fourier", math.inf, "exact on every")):
        yield Family(
            SMOOTH,
            f"spectral, {scheme}, s = .5, square",
            "A v of an eigenfunction",
            order,
            "pide/continuum/spectral.py",
            words,
            partial(eigenfunction_error, scheme),
            halved(1 / 16, 4),
        )
    yield Family(
        SMOOTH,
        "fourier, s = .5, n = 1",
        "A e^{cos x}, torus",
        math.inf,
        "pide/discretise.py",
        "of spectral order on smooth",
        fourier_error,
        halved(2 * math.pi / 8, 3),
    )


def order(x: Any) -> Any:
    return 0.35 + 0.1 * np.tanh(x)


def variable_order_error(h: float) -> float:
    """At the nodes nearest to three points."""
    grid = pide.Interval(-6.0, 6.0).grid(spacing=h)
    (x,) = grid.coordinates
    nodes = [int(abs(x - p).argmin()) for p in (-1.1, 0.3, 0.9)]
    Av = pide.VariableOrderLaplacian(order).on(grid, exterior=pide.Zero())(np.exp(-(x**2)))
    return relative(Av[nodes], np.array([variable_order_image(float(x[i])) for i in nodes]))


def variable_order_image(x: float) -> float:
    """int c_{1,r} (v(x) - v(y)) / |x - y|^{1 + 2 r} dy, v = e^{-y^2}, r the mean order; in log |x - y|."""

    def side(y: float, t: float) -> float:
        r = float(order(x) + order(y)) / 2 if abs(y) < 6 else float(order(x))
        return float(fractional_constant(1, r)) * (math.exp(-x * x) - math.exp(-y * y)) * t ** (-2 * r)

    edges = [-18.0, *sorted(math.log(6 - sign * x) for sign in (-1, 1)), 60.0]
    parts = (
        quad(lambda z: side(x + math.exp(z), math.exp(z)) + side(x - math.exp(z), math.exp(z)), *ends, limit=200)
        for ends in pairwise(edges)
    )
    return float(sum(part[0] for part in parts))


def seminorm_error(h: float) -> float:
    """(c/2) |v|^2 = <(-Delta)^s v, v> = 2^{s-1/2} Gamma(s + 1/2) for v = e^{-x^2}."""
    grid, s = pide.Box(((-6.0, 6.0),)).grid(spacing=h), 0.5
    measured = float(pide.gagliardo_seminorm(np.exp(-(grid.coordinates[0] ** 2)), s, grid, pide.Zero()))
    truth = math.sqrt(2 ** (s + 0.5) * gamma(s + 0.5) / fractional_constant(1, s))
    return abs(measured / truth - 1)


def eigenfunction_error(scheme: str, h: float) -> float:
    grid = pide.Box(((0.0, 1.0),) * 2).grid(spacing=h)
    v = math.prod(np.sin(k * math.pi * x) for k, x in zip(WAVE, grid.coordinates, strict=True))
    A = pide.SpectralFractionalLaplacian(0.5).on(grid, exterior=pide.Zero(), scheme=scheme)
    return relative(A(v), math.pi * math.hypot(*WAVE) * v)


def fourier_error(h: float) -> float:
    """(-Delta)^{1/2} e^{cos x} = 2 sum_k k I_k(1) cos kx."""
    grid = torus(h, 1)
    (x,) = grid.coordinates
    truth = sum(2 * k * iv(k, 1.0) * np.cos(k * x) for k in range(1, 40))
    return relative(pide.FractionalLaplacian(0.5).on(grid, scheme="fourier")(np.exp(np.cos(x))), truth)


def potentials() -> Iterator[Family]:
    stated = {"galerkin": (2, "definite, O(h^2), any domain"), "spectral": (math.inf, "of spectral order for smooth")}
    for scheme, (order, words) in stated.items():
        for n, s in ((1, 0.25), (2, 0.25), (2, 0.5), (2, 0.75)):
            image = partial(exact.gaussian_image, s=-s, dimension=n)
            on = partial(pide.RieszPotential(s).on, scheme=scheme)
            yield Family(
                "Potentials",
                f"{scheme}, Riesz s = {s}, n = {n}",
                "A v of a Gaussian",
                order,
                "pide/operators/potentials.py",
                words,
                partial(gaussian_error, on, image, n),
                halved(0.25, 4) if scheme == "galerkin" else halved(1.0, 4),
            )
        yield Family(
            "Potentials",
            f"{scheme}, logarithm, n = 2",
            "A v of -Delta e^{-r^2}",
            order,
            "pide/operators/potentials.py",
            words,
            partial(logarithm_error, scheme),
            halved(0.25, 4) if scheme == "galerkin" else halved(1.0, 4),
        )


def logarithm_error(scheme: str, h: float) -> float:
    """(-Delta)^{-1} of -Delta e^{-r^2} = (4 - 4 r^2) e^{-r^2}, whose mean is projected out to rounding."""
    grid = pide.Box(((-6.0, 6.0),) * 2).grid(spacing=h)
    r2 = sum(x**2 for x in grid.coordinates)
    v = (4 - 4 * r2) * np.exp(-r2)
    u = pide.LogPotential().on(grid, scheme=scheme)(v - v.mean())
    return relative(u, np.exp(-r2))


def other() -> Iterator[Family]:
    for scheme, order in (("upwind", 1), ("central", 2)):
        drift = pide.Advection((1.0,), scheme=scheme)
        yield Family(
            "Other operators",
            f"advection, {scheme}, n = 1",
            "-b v' of a sine, torus",
            order,
            "pide/continuum/advection.py",
            {"upwind": "first order, monotone", "central": "second order"}[scheme],
            partial(advection_error, drift),
            halved(2 * math.pi / 64, 4),
        )
    yield Family(
        "Other operators",
        "TwoPoint(1 + x y), n = 1",
        "L x^2 on (0, 1), regional",
        2,
        "pide/operators/two_point.py",
        "second order in h for smooth omega",
        two_point_error,
        halved(1 / 16, 4),
    )


def advection_error(drift: Any, h: float) -> float:
    grid = torus(h, 1)
    (x,) = grid.coordinates
    return relative(drift.on(grid)(np.sin(2 * x)), -2 * np.cos(2 * x))


def two_point_error(h: float) -> float:
    """int_0^1 (y^2 - x^2) (1 + x y) dy = 1/3 + x/4 - x^2 - x^3/2."""
    grid = pide.Interval(0.0, 1.0).grid(spacing=h)
    (x,) = grid.coordinates
    L = pide.NonlocalDiffusion(kernels.TwoPoint(lambda x, y: 1 + x[0] * y[0])).on(grid, exterior=pide.Reflecting())
    return relative(L(x**2), 1 / 3 + x / 4 - x**2 - x**3 / 2)

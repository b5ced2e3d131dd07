"""Problems solved whose solutions are known: steady ones at a boundary, on clouds, and flows in time.

Symbols: n dimension; s order of (-Delta)^s; h spacing; dt time step; u solution.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
from family import Family, halved, relative

import pide
from pide import exact

SHIFT = (0.3, 0.17, 0.41)
"""Lattices of balls go through this point, in spacings: off all symmetries."""


POISSON = "u for (-Delta)^s u = 1, l2"


def boundary() -> Iterator[Family]:
    for n, name, counts in ((1, "interval", 5), (2, "disc", 4)):
        for s in (0.25, 0.5, 0.75):
            for scheme in ("lattice", "corrected"):
                stated = (None, "pide/operators/boundary.py", "n > 1: the table")
                if scheme == "lattice":
                    stated = (1.0, "pide/operators/boundary.py", "first order at best")
                elif n == 1:
                    stated = (1 + s, "pide/operators/boundary.py", "observed order 1 + s on the torsion function")
                yield Family(
                    "Fractional Poisson problem",
                    f"{scheme}, s = {s}, {name}",
                    POISSON,
                    *stated,
                    partial(torsion_error, n, s, scheme),
                    halved((2.0 if n == 1 else 2.2) / 64, counts),
                )


def torsion_error(n: int, s: float, scheme: str, h: float) -> float:
    ball = pide.Ball(radius=1.0, dimension=n)
    grid = ball.grid(spacing=h, origin=tuple(c * h for c in SHIFT[:n]))
    problem = pide.Stationary(pide.FractionalLaplacian(s), ball, source=1.0)
    u = pide.solve(problem, on=grid, tol=1e-10, scheme=scheme).final
    truth = grid.sample(exact.torsion_function(ball, s))
    return float(grid.norm(u - truth) / grid.norm(truth))


def steppers() -> Iterator[Family]:
    plain: Sequence[tuple[str, int, str, str]] = (
        ("ForwardEuler", 1, "pide/solvers/explicit.py", "first order."),
        ("BackwardEuler", 1, "pide/solvers/implicit.py", "first order, |u'| <= |u|"),
        ("CrankNicolson", 2, "pide/solvers/implicit.py", "second order, |u'| <= |u|"),
        ("RungeKutta4", 4, "pide/solvers/explicit.py", "fourth order"),
    )
    for name, order, source, words in plain:
        yield Family(
            "Steppers",
            name,
            "heat flow of two modes at t = 1",
            order,
            source,
            words,
            partial(heat_error, getattr(pide, name), 0.0),
            halved(0.1, 4),
        )
    for name, order, source, words in (
        ("IMEX", 2, "pide/solvers/implicit.py", "Second-order implicit-explicit"),
        ("ETD", 4, "pide/solvers/etd.py", "Order 4 for smooth data"),
    ):
        yield Family(
            "Steppers",
            name,
            "the same with the reaction u/2",
            order,
            source,
            words,
            partial(heat_error, getattr(pide, name), 0.5),
            halved(0.2, 4),
        )
    yield Family(
        "Steppers",
        "StormerVerlet",
        "wave of one mode at t = 1",
        2,
        "pide/solvers/wave.py",
        "second order, reversible",
        wave_error,
        halved(0.1, 4),
    )


def heat_error(method: Callable[[float], Any], rate: float, dt: float) -> float:
    """u_t = -(-Delta)^{1/2} u + rate u for u_0 = cos x + cos 2x."""
    domain = pide.Torus((2 * math.pi,))
    grid = domain.grid(16)
    (x,) = grid.coordinates
    reaction = {"reaction": lambda u: rate * u} if rate else {}
    problem = pide.Evolution(
        -1.0 * pide.FractionalLaplacian(0.5), domain, initial=lambda x: np.cos(x) + np.cos(2 * x), **reaction
    )
    u = pide.solve(problem, on=grid, times=[0.0, 1.0], stepper=method(dt), tol=1e-13, scheme="fourier").final
    return relative(u, math.exp(rate - 1) * np.cos(x) + math.exp(rate - 2) * np.cos(2 * x))


def wave_error(dt: float) -> float:
    """u_tt = -(-Delta)^{1/2} u for u_0 = cos 4x: u = cos 2t cos 4x."""
    domain = pide.Torus((2 * math.pi,))
    grid = domain.grid(16)
    problem = pide.Wave(pide.FractionalLaplacian(0.5), domain, initial=lambda x: np.cos(4 * x))
    u = pide.solve(problem, on=grid, times=[0.0, 1.0], stepper=pide.StormerVerlet(dt), scheme="fourier").final
    return relative(u, math.cos(2.0) * np.cos(4 * grid.coordinates[0]))


def clouds() -> Iterator[Family]:
    for s in (0.25, 0.5, 0.75):
        for quadrature in ("plain", "pairs"):
            yield Family(
                "Point clouds of the disc",
                f"{quadrature}, s = {s}",
                POISSON,
                None,
                "pide/operators/cloud.py",
                "no convergence of A v at a fixed number of neighbours",
                partial(cloud_error, s, quadrature),
                tuple(math.sqrt(math.pi / N) for N in (500, 1000, 2000, 4000)),
            )


def cloud_error(s: float, quadrature: str, h: float) -> float:
    """Points of equal cells in the disc, on a spiral, moved by up to a fifth of a spacing."""
    disc, count = pide.Ball(radius=1.0, dimension=2), round(math.pi / h**2)
    k = np.arange(count) + 0.5
    radius, angle = np.sqrt(k / count), math.pi * (1 + math.sqrt(5)) * k
    points = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    points += np.random.default_rng(0).uniform(-0.2, 0.2, points.shape) * h
    cloud = pide.PointCloud(points[(points**2).sum(1) < 0.999], domain=disc)
    A = pide.FractionalLaplacian(s).on(cloud, exterior=pide.Zero(), quadrature=quadrature)
    u = pide.solve(pide.Stationary(A, source=1.0), tol=1e-9).final
    truth = cloud.sample(exact.torsion_function(disc, s))
    return float(cloud.norm(u - truth) / cloud.norm(truth))

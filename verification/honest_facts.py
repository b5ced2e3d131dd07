"""Honest operators with closed forms: fractional powers, potentials, layers, families with known limits."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pide.arrays import Array
from pide.continuum.constants import fractional_constant, logarithm_constant, riesz_constant
from pide.continuum.domains import Box, Interval, Torus
from pide.continuum.exterior import Reflecting, Value, Zero
from pide.continuum.kernels import Constant, Gaussian, Linear
from pide.continuum.operators import FractionalLaplacian, Multiplier, NonlocalDiffusion
from pide.continuum.potentials import LogPotential, RieszPotential
from pide.operators.fourier import wavenumbers
from pide.operators.spectral import spectral_power_operator
from pide.spaces.grid import Grid
from pide.verification.adapters import as_subject, dense_diffusion
from pide.verification.facts import Facts
from pide.verification.family import Family, Limit, family
from pide.verification.honest import LEVELS, gaussian_weights, honest
from pide.verification.subject import Subject, inner, norm

__all__ = ["SPECTRAL", "TORUS", "lattice_modulus"]

Field = NDArray[np.float64]
TORUS = Torus((1.0, 1.0)).grid(12, 10)


def lattice_modulus(grid: Grid) -> Field:
    """sum_a 4 sin^2(k_a h_a / 2) / h_a^2 in the rfftn layout."""
    squares = (4 * np.sin(k * h / 2) ** 2 / h**2 for k, h in zip(wavenumbers(grid), grid.spacing, strict=True))
    return np.asarray(sum(squares))


def power_of(modulus: Field, s: float) -> Field:
    """modulus^s, 0 at 0."""
    return np.where(modulus > 0, np.where(modulus > 0, modulus, 1.0) ** s, 0.0)


@honest
def torus_lattice_power() -> Subject:
    m, (h0, h1) = lattice_modulus(TORUS), TORUS.spacing

    def power(t: float) -> Subject:
        if t > 0:
            return as_subject(FractionalLaplacian(s=t).on(TORUS))
        return as_subject(Multiplier(inverse(t)).on(TORUS))

    def inverse(t: float) -> Any:
        return lambda k, q: power_of(4 * (np.sin(k * h0 / 2) / h0) ** 2 + 4 * (np.sin(q * h1 / 2) / h1) ** 2, t)

    facts = Facts(TORUS.spacing, symbol=lambda: power_of(m, 0.6), power=power, order=0.6, isotropic=True)
    return replace(power(0.6), facts=facts)


@honest
def torus_fourier_power() -> Subject:
    m = np.asarray(sum(k**2 for k in wavenumbers(TORUS)))

    def power(t: float) -> Subject:
        A = FractionalLaplacian(s=t) if t > 0 else RieszPotential(s=-t, project=True)
        return as_subject(A.on(TORUS, scheme="fourier"))

    facts = Facts(TORUS.spacing, symbol=lambda: power_of(m, 0.6), power=power, order=0.6, isotropic=True)
    return replace(power(0.6), facts=facts)


@honest
def interval_lattice_power() -> Subject:
    s, h = 0.4, 0.05

    def build(length: float) -> Subject:
        return as_subject(FractionalLaplacian(s=s).on(Interval(-length, length).grid(40), Zero(), scheme="lattice"))

    subject = build(1.0)
    last = float(subject.need("octant")[-1])
    rate = math.gamma(2 * s + 1) / math.gamma(s + 1) ** 2 * h ** (-2 * s)
    facts = Facts(
        (h,),
        lattice_symbol=lambda theta: float(((2 * np.sin(theta[0] / 2) / h) ** 2) ** s),
        rate=rate,
        lattice_error=2 * last / math.sin(0.25) / (2 / h) ** (2 * s),
        scaled=(2.0 ** (-2 * s), build(2.0)),
        isotropic=True,
    )
    return replace(subject, facts=facts)


SPECTRAL = Interval(0.0, 2.0).grid(24)


@honest
def interval_spectral_power() -> Subject:
    """-(-D_h)^s of the differences with v = 0 at the ends, and as its partner the power of their matrix."""

    def power(t: float) -> Subject:
        return as_subject(-1.0 * spectral_power_operator(t, SPECTRAL, Zero(), "lattice"))

    (h,), n = SPECTRAL.spacing, SPECTRAL.count
    differences = np.diag([3.0, *[2.0] * (n - 2), 3.0]) - np.eye(n, k=1) - np.eye(n, k=-1)
    values, vectors = np.linalg.eigh(differences / h**2)
    A = (vectors * values**0.4) @ vectors.T
    rates = 0.5 * (np.diag(np.diag(A)) - A) + 0.5 * (np.diag(np.diag(A)) - A).T
    partner = dense_diffusion(np.maximum(rates, 0.0) / h, np.full(n, h), A.sum(axis=1))
    facts = Facts((h,), partner=partner, accuracy=1e-12)
    return replace(power(0.4), facts=facts)


@honest
def square_spectral_power() -> Subject:
    grid = Box(((0.0, 1.0), (0.0, 2.0))).grid(8, 7)

    def power(t: float) -> Subject:
        return as_subject(spectral_power_operator(t, grid, Reflecting(), "lattice"))

    return replace(power(0.6), facts=Facts(grid.spacing, power=power, order=0.6))


@honest
def interval_moments() -> Subject:
    grid = Interval(-1, 1).grid(48)
    subject = as_subject(NonlocalDiffusion(Linear(horizon=0.3)).on(grid, exterior=Zero(), engine="fft"))
    return replace(subject, facts=Facts(grid.spacing, trace_moment=2.0, isotropic=True))


@honest
def square_moments() -> Subject:
    grid = Torus((1.0, 1.0)).grid(12, 12)
    subject = as_subject(NonlocalDiffusion(Constant(horizon=0.3)).on(grid))
    return replace(subject, facts=Facts(grid.spacing, trace_moment=4.0, isotropic=True))


@honest
def regional_fractional() -> Subject:
    grid = Interval(-1, 1).grid(32)
    A = FractionalLaplacian(s=0.5)
    larger = as_subject(A.on(grid, exterior=Zero(), scheme="lattice"))
    return replace(as_subject(A.on(grid, exterior=Reflecting(), scheme="lattice")), facts=Facts(larger=larger))


def data(x: Field) -> Field:
    """Exterior data."""
    return 1.0 + np.sin(3.0 * x)


@honest
def interval_with_data() -> Subject:
    """(0, 1) with data on a collar inside (-1/2, 3/2), where the same operator has zero exterior."""
    continuum, extent = NonlocalDiffusion(Linear(horizon=0.2)), 0.3
    grid, wide = Interval(0, 1).grid(32), Interval(-0.5, 1.5).grid(64)
    operator = continuum.on(grid, exterior=Value(data, extent=extent), engine="fft")
    (x,), window = wide.coordinates, (slice(16, 48),)
    collar = np.where((x > -extent) & (x < 1 + extent), data(x), 0.0)

    def embed(v: Field) -> Field:
        field = collar.copy()
        field[window] = v
        return field

    assert operator.load is not None
    whole = as_subject(continuum.on(wide, exterior=Zero(), engine="fft"))
    facts = Facts(grid.spacing, enlarged=(whole, embed, np.asarray(operator.load), window), trace_moment=2.0)
    return replace(as_subject(operator), facts=facts)


@honest
def riesz_interval() -> Subject:
    s, grid = 0.3, Interval(-1, 1).grid(40)
    c = float(riesz_constant(1, s)) / (2 * s * (2 * s + 1))
    facts = Facts(
        grid.spacing, antiderivative=lambda r: c * r ** (2 * s + 1), positive_on_zero_mean=True, isotropic=True
    )
    return replace(as_subject(RieszPotential(s=s).on(grid)), facts=facts)


@honest
def logarithm_interval() -> Subject:
    grid = Interval(0, 3).grid(36)
    operator, c = LogPotential().on(grid), float(logarithm_constant(1))

    def antiderivative(r: Field) -> Field:
        return np.asarray(-c * r**2 * (np.log(np.where(r > 0, r, 1.0)) - 1.5) - c * np.euler_gamma * r**2 / 2)

    facts = Facts(
        grid.spacing, antiderivative=antiderivative, positive_on_zero_mean=True, refuses=operator, isotropic=True
    )
    return replace(as_subject(operator), facts=facts)


@honest
def dense_nystroem() -> Subject:
    honest_double = dense_diffusion(gaussian_weights(), np.full(24, 1 / 32))
    bound = float(np.max(honest_double.need("degree"))) + 1 / 32
    return replace(honest_double, spectral_bound=lambda: bound * (1 + 1e-13))


@honest
def dense_two_components() -> Subject:
    weights = gaussian_weights()
    weights[:12, 12:] = weights[12:, :12] = 0.0
    return dense_diffusion(weights, np.full(24, 1 / 32))


@honest
def rectified_step() -> Subject:
    L, step = dense_diffusion(gaussian_weights(), np.full(24, 1 / 32)), 0.3

    def apply(x: Array) -> Array:
        return x + step * L.apply(np.maximum(x, 0))

    def forward(x: Array, v: Array) -> Array:
        return v + step * L.apply(v * (x > 0))

    def backward(x: Array, v: Array) -> Array:
        return v + step * (x > 0) * L.apply(v)

    facts = Facts(pushforward=forward, pullback=backward)
    return Subject("X + h L relu(X)", apply, np.full(24, 1 / 32), facts=facts)


def rayleigh(mode: int) -> Any:
    """<A c, c> / <c, c> for c = cos(2 pi mode x_1) on the unit torus."""

    def measure(subject: Subject) -> float:
        shape = subject.masses.shape
        x = np.arange(shape[0]) / shape[0]
        c = np.broadcast_to(np.cos(2 * np.pi * mode * x).reshape(-1, *(1,) * (len(shape) - 1)), shape).copy()
        return inner(subject, subject.evaluate(c, "float64"), c) / norm(subject, c) ** 2

    return measure


@honest
def symbol_family() -> Family:
    kernel = Constant(horizon=0.2)
    exact = float(kernel.symbol(np.asarray(4 * np.pi), 2))
    limits = (Limit("symbol at k = 4 pi", rayleigh(2), exact, 2.0),)
    levels = (20, 40, 80)
    return family(
        lambda n: NonlocalDiffusion(kernel).on(Torus((1.0, 1.0)).grid(n), engine="fft"),
        levels, "constant kernel, h -> 0", [1 / n for n in levels], limits,
    )  # fmt: skip


def compatible_family(ratio: int) -> Family:
    """delta = ratio h -> 0 together: the limit is the Laplacian whatever the ratio."""
    levels = (32, 64, 128, 256)

    def build(n: int) -> Subject:
        operator = NonlocalDiffusion(Linear(horizon=ratio / n)).on(Torus((1.0,)).grid(n), engine="fft")
        return replace(as_subject(operator), claims=frozenset())

    return family(
        build, levels, f"delta = {ratio} h -> 0", [1 / n for n in levels],
        (Limit("symbol at k = 4 pi", rayleigh(2), -((4 * np.pi) ** 2), 2.0),),
    )  # fmt: skip


@honest
def local_limit_family() -> Family:
    return compatible_family(8)


@honest
def unresolved_family() -> Family:
    return compatible_family(1)


@honest
def hilbert_schmidt_family() -> Family:
    kernel, a = Gaussian(width=0.5), 8.0
    integral = math.sqrt(math.pi / a) * math.erf(math.sqrt(a)) - (1 - math.exp(-a)) / a
    exact = float(kernel(np.asarray(0.0), 1)) ** 2 * integral
    limits = (Limit("sum m_i m_j w_ij^2", lambda s: float(s.need("kernel_norm")()) ** 2, exact, 1.0),)
    return family(
        lambda n: NonlocalDiffusion(kernel).on(Interval(0, 1).grid(n), exterior=Reflecting()),
        LEVELS, "Gaussian, h -> 0, closed form", [1 / n for n in LEVELS], limits,
    )  # fmt: skip


def matrix_of(subject: Subject) -> Field:
    """The matrix of a subject on an interval, by impulses."""
    return subject.evaluate(np.eye(subject.size), "float64").T


def torsion(subject: Subject) -> float:
    """int u with A u = 1."""
    return float(subject.masses @ np.linalg.solve(matrix_of(subject), subject.ones))


def first_eigenvalue(subject: Subject) -> float:
    """The smallest eigenvalue of A."""
    return float(np.linalg.eigvalsh(matrix_of(subject))[0])


@honest
def half_laplacian_family() -> Family:
    """Getoor: u = (1 - x^2)^{1/2} on (-1, 1) has integral pi / 2; the eigenvalue is Kwasnicki's (2012)."""
    limits = (
        Limit("torsion, int u", torsion, math.pi / 2, 1.5),
        Limit("first eigenvalue", first_eigenvalue, 1.1577738836977, 1.0),
    )
    return family(
        lambda n: FractionalLaplacian(s=0.5).on(Interval(-1, 1).grid(n), exterior=Zero(), scheme="corrected"),
        LEVELS, "(-Delta)^{1/2} on (-1, 1), corrected", [2 / n for n in LEVELS], limits,
    )  # fmt: skip


@honest
def exterior_mass_family() -> Family:
    """kappa(0) = int_{|z| > 1} c_{1,s} |z|^{-1-2s} dz = c_{1,s} / s on (-1, 1)."""
    s = 0.3
    exact = float(fractional_constant(1, s)) / s
    return family(
        lambda n: FractionalLaplacian(s=s).on(Interval(-1, 1).grid(n + 1), exterior=Zero(), scheme="lattice"),
        LEVELS, "killing of (-Delta)^0.3 at the centre", [2 / (n + 1) for n in LEVELS],
        (Limit("kappa at the centre", lambda q: float(q.need("killing")[q.size // 2]), exact, 1.5),),
    )  # fmt: skip

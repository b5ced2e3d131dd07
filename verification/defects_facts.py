"""Mutants against closed forms: wrong constants, orders, moments, tails, corrections; defects inside our operators."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pide.arrays import Array
from pide.continuum.domains import Box, Interval, Torus
from pide.continuum.exterior import Exterior, Reflecting, Zero
from pide.continuum.kernels import Constant, Linear
from pide.continuum.operators import FractionalLaplacian, NonlocalDiffusion
from pide.operators.nonlocal_operator import NonlocalOperator
from pide.operators.spectral import SineCosineMultiplier, spectral_power_operator
from pide.operators.toeplitz import FourierConvolution, circulant
from pide.spaces.grid import Grid
from pide.verification.adapters import as_subject
from pide.verification.defects import altered, product, rates_of
from pide.verification.family import Family
from pide.verification.honest import LEVELS
from pide.verification.honest_facts import SPECTRAL, TORUS
from pide.verification.mutants import mutant
from pide.verification.subject import Subject

__all__: list[str] = []

Field = NDArray[np.float64]
LATTICE, FOURIER, INTERVAL = "torus lattice power", "torus fourier power", "interval lattice power"
LOGARITHM, RIESZ, SQUARE, HALF = "logarithm interval", "riesz interval", "square moments", "half laplacian family"


def times(s: Subject, factor: float) -> Callable[[Array], Array]:
    """v -> factor A v."""
    return lambda v: factor * s.apply(v)


@mutant("wavenumbers without 2 pi", FOURIER, "symbol")
def without_two_pi(s: Subject) -> Subject:
    return altered(s, times(s, (2 * math.pi) ** -1.2))


@mutant("s taken for 2 s", LATTICE, "symbol", "powers_add")
def order_halved(s: Subject) -> Subject:
    return altered(s, s.facts.need("power")(0.3).apply)


@mutant("constant with Gamma(1 - s)", INTERVAL, "lattice_symbol")
def wrong_constant(s: Subject) -> Subject:
    return altered(s, times(s, 1 / 0.4), octant=s.need("octant") / 0.4)


@mutant("h^{-s} for h^{-2s}", INTERVAL, "scaling")
def wrong_power_of_h(s: Subject) -> Subject:
    factor, other = s.facts.need("scaled")
    return replace(s, facts=replace(s.facts, scaled=(factor, altered(other, times(other, 2.0**0.4)))))


@mutant("constant mode kept", FOURIER, "symbol", "kills_constants")
def mean_kept(s: Subject) -> Subject:
    return altered(s, lambda v: s.apply(v) + v.mean(axis=(-2, -1), keepdims=True))


@mutant("powers off by one per cent", FOURIER, "powers_add", "order_limits")
def wrong_powers(s: Subject) -> Subject:
    power = s.facts.need("power")
    return replace(s, facts=replace(s.facts, power=lambda t: altered(power(t), times(power(t), 1.01))))


@mutant("stale order after a parameter change", LATTICE, "order_limits", "powers_add")
def stale_order(s: Subject) -> Subject:
    power = s.facts.need("power")
    return replace(s, facts=replace(s.facts, power=lambda t: power(0.6)))


@mutant("symbol stored in float32", LATTICE, "symbol")
def float32_symbol(s: Subject) -> Subject:
    operator = FractionalLaplacian(s=0.6).on(TORUS)
    assert isinstance(operator, NonlocalOperator)
    K = operator.convolution
    assert isinstance(K, FourierConvolution)
    rounded = replace(K, spectrum=K.spectrum.astype(np.float32).astype(np.float64))
    wrong = as_subject(replace(operator, convolution=rounded))
    return replace(wrong, facts=s.facts)


def spectral(grid: Grid, multiplier: Field, exterior: Exterior) -> SineCosineMultiplier:
    """The spectral power of a grid with other eigenvalues."""
    return replace(spectral_power_operator(0.4, grid, exterior, "lattice"), multiplier=multiplier)


@mutant("angles of the interior nodes at cell centres", "interval spectral power", "agrees_with_partner")
def angles_of_another_grid(s: Subject) -> Subject:
    n, (h,) = SPECTRAL.count, SPECTRAL.spacing
    theta = math.pi * np.arange(1, n + 1) / (n + 1)
    wrong = as_subject(-1.0 * spectral(SPECTRAL, (2 * np.sin(theta / 2) / h) ** 0.8, Zero()))
    return replace(wrong, facts=s.facts)


@mutant("cosine eigenvalues for sines", "interval spectral power", "agrees_with_partner")
def neumann_eigenvalues(s: Subject) -> Subject:
    n, (h,) = SPECTRAL.count, SPECTRAL.spacing
    theta = math.pi * np.arange(n) / n
    wrong = as_subject(-1.0 * spectral(SPECTRAL, (2 * np.sin(theta / 2) / h) ** 0.8, Zero()))
    return replace(wrong, facts=s.facts)


@mutant("powers of the axes added", "square spectral power", "powers_add")
def powers_of_axes(s: Subject) -> Subject:
    grid = Box(((0.0, 1.0), (0.0, 2.0))).grid(8, 7)
    axes = [np.sin(math.pi * np.arange(n) / (2 * n)) * 2 / h for n, h in zip(grid.shape, grid.spacing, strict=True)]
    wrong = spectral(grid, axes[0][:, None] ** 1.2 + axes[1] ** 1.2, Reflecting())
    return replace(as_subject(wrong), facts=s.facts)


@mutant("transposed embedding", SQUARE, "fast_equals_dense", "green_identity")
def transposed_embedding(s: Subject) -> Subject:
    operator = NonlocalDiffusion(Constant(horizon=0.3)).on(Torus((1.0, 1.5)).grid(12, 12), engine="fft")
    assert isinstance(operator, NonlocalOperator)
    assert operator.weights is not None
    wrong = replace(operator, convolution=circulant(operator.weights.octant.T, (12, 12)))
    return as_subject(wrong)


@mutant("padding left out", "interval moments", "fast_equals_dense")
def padding_left_out(s: Subject) -> Subject:
    operator = NonlocalDiffusion(Linear(horizon=0.3)).on(Interval(-1, 1).grid(48), exterior=Zero(), engine="fft")
    assert isinstance(operator, NonlocalOperator)
    assert operator.weights is not None
    return as_subject(replace(operator, convolution=circulant(operator.weights.octant, (48,))))


@mutant("stale degree after a parameter change", SQUARE, "degree_sums_rates", "kills_constants")
def stale_degree(s: Subject) -> Subject:
    grid = Torus((1.0, 1.0)).grid(12, 12)
    old, new = (NonlocalDiffusion(Constant(horizon=r)).on(grid, engine="fft") for r in (0.2, 0.3))
    assert isinstance(old, NonlocalOperator)
    assert isinstance(new, NonlocalOperator)
    old.apply(np.ones(grid.shape))
    wrong = replace(old, weights=new.weights, convolution=new.convolution)
    wrong._cache.update(old._cache)
    return as_subject(wrong)


@mutant("second moment of 1 / d^2", SQUARE, "second_moment")
def wrong_moment(s: Subject) -> Subject:
    return altered(s, times(s, 2.0), octant=2 * s.need("octant"))


@mutant("half weight at the horizon", "interval moments", "second_moment", "fast_equals_dense")
def end_weight(s: Subject) -> Subject:
    octant = s.need("octant").copy()
    octant[-1] /= 2
    last = s.need("octant")[-1] / 2

    def apply(v: Array) -> Array:
        k = octant.size - 1
        out = s.apply(v) + last * 2 * v
        out[..., k:] -= last * v[..., :-k]
        out[..., :-k] -= last * v[..., k:]
        return out

    return altered(s, apply, octant=octant)


@mutant("anisotropy of 1e-6", SQUARE, "isotropic", "fast_equals_dense")
def anisotropic(s: Subject) -> Subject:
    return altered(s, lambda v: s.apply(v) + 1e-6 * (np.roll(v, (1, 1), (-2, -1)) - v) + 1e-6 * (np.roll(v, 1, -1) - v))


@mutant("one axis heavier by 1e-6", SQUARE, "isotropic", "fast_equals_dense")
def heavier_axis(s: Subject) -> Subject:
    return altered(s, lambda v: s.apply(v) + 1e-6 * (np.roll(v, 1, -1) + np.roll(v, -1, -1) - 2 * v))


def without_self_cell(s: Subject) -> Subject:
    """beta_0 = 0."""
    octant = s.need("octant").copy()
    own, octant[0] = octant[0], 0.0
    return altered(s, lambda v: s.apply(v) - own * v, octant=octant)


@mutant("self cell of the logarithm zero", LOGARITHM, "cell_averages", "conditionally_positive")
def self_cell_zero(s: Subject) -> Subject:
    return without_self_cell(s)


@mutant("self cell of the Riesz potential zero", RIESZ, "cell_averages", "eigenvalues_of_one_sign")
def riesz_self_cell_zero(s: Subject) -> Subject:
    return without_self_cell(s)


@mutant("sign of the logarithm", LOGARITHM, "cell_averages", "conditionally_positive")
def logarithm_sign(s: Subject) -> Subject:
    return altered(s, times(s, -1.0), octant=-s.need("octant"))


@mutant("logarithm without its factor two", LOGARITHM, "cell_averages")
def logarithm_factor(s: Subject) -> Subject:
    return altered(s, times(s, 0.5), octant=0.5 * s.need("octant"))


@mutant("mean accepted in silence", LOGARITHM, "refuses_mean")
def mean_accepted(s: Subject) -> Subject:
    return replace(s, facts=replace(s.facts, refuses=s.apply))


@mutant("everything refused", LOGARITHM, "refuses_mean")
def all_refused(s: Subject) -> Subject:
    def refuse(v: Array) -> Array:
        raise ValueError("no")

    return replace(s, facts=replace(s.facts, refuses=refuse))


@mutant("collar off by one node", "interval with data", "volume_constraint")
def collar_off_by_one(s: Subject) -> Subject:
    whole, embed, load, window = s.facts.need("enlarged")
    return replace(s, facts=replace(s.facts, enlarged=(whole, lambda v: shifted(embed(v), v, window), load, window)))


def shifted(field: Field, v: Field, window: tuple[slice, ...]) -> Field:
    """The data moved by one node, v kept."""
    moved: Field = np.roll(field, 1)
    moved[window] = v
    return moved


@mutant("regional form too large", "regional fractional", "forms_compare")
def regional_too_large(s: Subject) -> Subject:
    return altered(s, times(s, 2.5))


@mutant("one slightly positive eigenvalue", "dense equal masses", "eigenvalues_of_one_sign")
def one_positive_eigenvalue(s: Subject) -> Subject:
    K, d = rates_of(s)
    values, modes = np.linalg.eigh(K - np.diag(d))
    q = modes[:, -2]
    added = -1.001 * float(values[-2]) * np.outer(q, q)
    return altered(s, lambda v: s.apply(v) + v @ added.astype(v.dtype))


@mutant("weights below a threshold dropped from the claim", "dense two components", "kernel_dimension")
def threshold(s: Subject) -> Subject:
    K, d = rates_of(s)
    J = np.zeros_like(K)
    J[:12, 12:] = J[12:, :12] = 1e-6
    return altered(s, product(K + J, d + J.sum(1)))


@mutant("bound without the kernel at 0", "dense nystroem", "spectral_bound_holds", "energy_decay")
def bound_without_diagonal(s: Subject) -> Subject:
    K, d = rates_of(s)
    largest = float(np.linalg.eigvalsh(np.diag(d) - K)[-1])
    return replace(s, spectral_bound=lambda: min(float(d.max()), 0.99 * largest))


@mutant("power iteration taken for a bound", "interval moments", "spectral_bound_holds", "energy_decay")
def power_iteration_bound(s: Subject) -> Subject:
    v = np.random.default_rng(7).standard_normal(s.masses.shape)
    for _ in range(3):
        v = s.apply(v) / np.linalg.norm(v)
    estimate = float(np.linalg.norm(s.apply(v)) / np.linalg.norm(v))
    return replace(s, spectral_bound=lambda: 0.9 * estimate)


@mutant("rate bound of the mean node", "dense unequal masses", "rate_bound_holds")
def mean_rate_bound(s: Subject) -> Subject:
    return replace(s, rate_bound=lambda: float(np.mean(s.need("degree"))))


@mutant("last weight of the wrong sign", INTERVAL, "m_matrix", "nonnegative_rates")
def last_weight_negative(s: Subject) -> Subject:
    rates = s.need("rates")

    def wrong(rows: Any) -> Field:
        K: Field = rates(rows).copy()
        K[rows == 0, -1] *= -1
        return K

    return replace(s, rates=wrong)


@mutant("killing cancelled by the diagonal", INTERVAL, "m_matrix", "degree_matches_killing")
def killing_cancelled(s: Subject) -> Subject:
    killing = s.need("killing")
    return altered(s, lambda v: s.apply(v) - (0.8 * killing).astype(v.dtype) * v)


@mutant("gradient without the mask", "rectified step", "jacobian_transposed")
def gradient_without_mask(s: Subject) -> Subject:
    forward = s.facts.need("pushforward")
    return replace(s, facts=replace(s.facts, pullback=lambda x, v: forward(np.ones_like(x), v)))


def members(f: Family, build: Callable[[int], Any], levels: tuple[int, ...]) -> Family:
    """The family with other members and the claims of its own."""
    subjects = tuple(replace(as_subject(build(n)), claims=f.claims) for n in levels)
    return Family(f.name, subjects, f.spacings, f.limits)


def corrected(n: int, change: Callable[[Field], Field]) -> NonlocalOperator:
    """The corrected half Laplacian with its diagonal D changed."""
    A, grid = FractionalLaplacian(s=0.5), Interval(-1, 1).grid(n)
    operator, plain = (A.on(grid, exterior=Zero(), scheme=scheme) for scheme in ("corrected", "lattice"))
    assert isinstance(operator, NonlocalOperator)
    assert isinstance(plain, NonlocalOperator)
    D = np.asarray(operator.killing - plain.killing)
    return replace(operator, killing=plain.killing + change(D))


@mutant("correction off by one node", HALF, "tends_to_limit")
def correction_off_by_one(f: Family) -> Family:
    return members(f, lambda n: corrected(n, lambda D: np.roll(D, 1)), LEVELS)


@mutant("correction of the wrong sign", HALF, "tends_to_limit")
def correction_sign(f: Family) -> Family:
    return members(f, lambda n: corrected(n, np.negative), LEVELS)


@mutant("correction left out", HALF, "tends_to_limit")
def correction_left_out(f: Family) -> Family:
    return members(f, lambda n: corrected(n, np.zeros_like), LEVELS)


def without_tail(n: int) -> NonlocalOperator:
    """(-Delta)^0.3 whose killing counts the listed weights only."""
    operator = FractionalLaplacian(s=0.3).on(Interval(-1, 1).grid(n), exterior=Zero(), scheme="lattice")
    assert isinstance(operator, NonlocalOperator)
    assert operator.weights is not None
    listed = 2 * float(operator.weights.octant[1:].sum())
    return replace(operator, killing=listed - operator.degree)


@mutant("tail beyond the grid forgotten", "exterior mass family", "tends_to_limit")
def tail_beyond_grid(f: Family) -> Family:
    return members(f, lambda n: without_tail(n + 1), LEVELS)


@mutant("killing lost everywhere", "exterior mass family", "tends_to_limit")
def killing_lost_everywhere(f: Family) -> Family:
    def build(n: int) -> Subject:
        subject = as_subject(without_tail(n + 1))
        return replace(subject, killing=np.zeros(subject.masses.shape))

    return members(f, build, LEVELS)


@mutant("horizon one cell too wide, renormalised", "symbol family", "tends_to_limit")
def renormalised_horizon(f: Family) -> Family:
    def build(n: int) -> Any:
        return NonlocalDiffusion(Constant(horizon=0.2 + 1 / n)).on(Torus((1.0, 1.0)).grid(n), engine="fft")

    return members(f, build, (20, 40, 80))


@mutant("truncated weights", "unresolved family", "tends_to_limit")
def truncated_weights(f: Family) -> Family:
    subjects = tuple(replace(s, apply=times(s, 0.9)) for s in f.subjects)
    return replace(f, subjects=subjects)


@mutant("masses squared in the Hilbert-Schmidt norm", "hilbert schmidt family", "tends_to_limit")
def masses_squared(f: Family) -> Family:
    def wrong(s: Subject) -> Subject:
        value = s.need("kernel_norm")() * float(s.masses[0]) ** 0.5
        return replace(s, kernel_norm=lambda: value)

    return replace(f, subjects=tuple(wrong(s) for s in f.subjects))

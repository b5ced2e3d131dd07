"""The registry of mutants: wrong signs, symmetry, masses, killing, steps, engines, code, limits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from pide.arrays import Array
from pide.verification.family import Family
from pide.verification.honest import power_family
from pide.verification.mutants import mutant
from pide.verification.subject import Subject

Field = NDArray[np.float64]
EQUAL, UNEQUAL, KILLED = "dense equal masses", "dense unequal masses", "dense killed"
TORUS, INTERVAL, BALL = "torus linear", "interval zero", "ball reflecting"


def product(K: Field, d: Field) -> Callable[[Array], Array]:
    """v -> K v - d v over the last axis."""
    return lambda v: v @ K.T.astype(v.dtype) - d.astype(v.dtype) * v


def altered(subject: Subject, apply: Callable[[Array], Array], **changes: Any) -> Subject:
    """The subject with another apply, which is also what it calls its adjoint."""
    return replace(subject, apply=apply, adjoint=apply, **changes)


def rates_of(subject: Subject) -> tuple[Field, Field]:
    """(K, d + kappa) of a dense subject."""
    K = subject.need("rates")(np.arange(subject.size))
    return K, subject.need("degree") + (0.0 if subject.killing is None else subject.killing)


@mutant("wrong sign", EQUAL, "negative_semidefinite", "energy_decay", "variance_decay", "maximum_principle")
def wrong_sign(s: Subject) -> Subject:
    return altered(s, lambda v: -s.apply(v))


@mutant("wrong sign of a fractional operator", "torus fractional", "positive_semidefinite", "energy_decay")
def wrong_fractional_sign(s: Subject) -> Subject:
    return altered(s, lambda v: -s.apply(v))


@mutant("missing diagonal", EQUAL, "kills_constants", "degree_matches_killing", "conserves_mass")
def missing_diagonal(s: Subject) -> Subject:
    K, _ = rates_of(s)
    return altered(s, product(K, np.zeros(s.size)))


@mutant("degree without masses", UNEQUAL, "kills_constants", "conserves_mass", "degree_sums_rates")
def degree_without_masses(s: Subject) -> Subject:
    K, _ = rates_of(s)
    degree = (K / s.masses[None, :]).sum(1) / s.size
    return altered(s, product(K, degree), degree=degree)


@mutant("one asymmetric ulp", EQUAL, "symmetric_rates")
def one_ulp(s: Subject) -> Subject:
    K = rates_of(s)[0].copy()
    K[2, 7] = np.nextafter(K[2, 7], 2.0)
    return replace(s, rates=lambda rows: K[rows])


@mutant("weights asymmetric by 1e-9", UNEQUAL, "symmetric_rates", "self_adjoint", "conserves_mass")
def slightly_asymmetric(s: Subject) -> Subject:
    K = rates_of(s)[0] * (1 + 1e-9 * np.triu(np.ones((s.size, s.size))))
    return altered(s, product(K, K.sum(1)), rates=lambda rows: K[rows], degree=K.sum(1))


@mutant("row-normalised", EQUAL, "self_adjoint", "conserves_mass")
def row_normalised(s: Subject) -> Subject:
    K, d = rates_of(s)
    P = K / d[:, None]
    return altered(s, product(P, P.sum(1)), rates=lambda rows: P[rows], degree=P.sum(1))


@mutant("directed nearest neighbours", EQUAL, "self_adjoint", "conserves_mass", "symmetric_rates")
def directed_neighbours(s: Subject) -> Subject:
    K = rates_of(s)[0]
    K = K * (np.sort(K, 1)[:, -6][:, None] <= K)
    return altered(s, product(K, K.sum(1)), rates=lambda rows: K[rows], degree=K.sum(1))


@mutant("one-sided stencil", TORUS, "self_adjoint", "fast_equals_dense", "green_identity")
def one_sided(s: Subject) -> Subject:
    return altered(s, lambda v: 0.125 * (np.roll(v, -1, -1) - v))


@mutant("signed kernel", EQUAL, "nonnegative_rates", "maximum_principle", "markov")
def signed_kernel(s: Subject) -> Subject:
    K = rates_of(s)[0]
    pairs = K[~np.eye(s.size, dtype=bool)]
    K = K - (float(pairs.min()) + 0.01 * float(np.median(pairs))) * (1 - np.eye(s.size))
    degree = K.sum(1)
    rate = float(np.max(degree))
    return altered(s, product(K, degree), rates=lambda rows: K[rows], degree=degree, rate_bound=lambda: rate)


@mutant("killing of the wrong sign", KILLED, "nonnegative_rates", "sub_markov", "maximum_principle")
def negative_killing(s: Subject) -> Subject:
    K, _ = rates_of(s)
    killing = s.need("killing")
    return altered(s, product(K, s.need("degree") - killing), killing=-killing)


@mutant("killing lost", KILLED, "degree_matches_killing", "fast_equals_dense")
def killing_lost(s: Subject) -> Subject:
    K, _ = rates_of(s)
    return altered(s, product(K, K.sum(1)))


@mutant("tail forgotten in the diagonal", "interval fractional", "degree_matches_killing", "fast_equals_dense")
def tail_forgotten(s: Subject) -> Subject:
    tail = 0.1 * float(np.min(s.need("killing")[s.inside]))
    return altered(s, lambda v: s.apply(v) - tail * v)


@mutant("variance claimed under killing", KILLED, "variance_decay", "kills_constants", "conserves_mass", "markov")
def variance_under_killing(s: Subject) -> Subject:
    return replace(s, claims=s.claims | {"variance_decay", "kills_constants", "conserves_mass", "markov"})


@mutant("spectral bound from below", EQUAL, "energy_decay", "variance_decay")
def bound_from_below(s: Subject) -> Subject:
    K, d = rates_of(s)
    largest = float(np.linalg.eigvalsh(np.diag(d) - K)[-1])
    return replace(s, spectral_bound=lambda: 0.98 * largest)


@mutant("killing left out of the spectral bound", "interval fractional", "energy_decay")
def bound_without_killing(s: Subject) -> Subject:
    bound = float(np.max(s.need("degree")))
    return replace(s, spectral_bound=lambda: bound)


@mutant("rate bound 1.3 times too small", EQUAL, "maximum_principle", "markov")
def rate_too_small(s: Subject) -> Subject:
    rate = s.need("rate_bound")() / 1.3
    return replace(s, rate_bound=lambda: rate)


@mutant("rate bound without killing", KILLED, "maximum_principle", "sub_markov")
def rate_without_killing(s: Subject) -> Subject:
    rate = 0.98 * float(np.max(s.need("degree")))
    return replace(s, rate_bound=lambda: rate)


@mutant("adjoint without masses", UNEQUAL, "adjoint")
def adjoint_without_masses(s: Subject) -> Subject:
    K, d = rates_of(s)
    return replace(s, adjoint=product(K.T, d))


@mutant("adjoint with a factor h", INTERVAL, "adjoint")
def adjoint_with_factor(s: Subject) -> Subject:
    return replace(s, adjoint=lambda v: s.apply(v) * (1 / 24))


@mutant("ReLU inside", EQUAL, "linear", "self_adjoint")
def relu_inside(s: Subject) -> Subject:
    return altered(s, lambda v: s.apply(np.maximum(v, 0)))


@mutant("source term inside", TORUS, "linear", "kills_constants", "translation_invariant")
def source_inside(s: Subject) -> Subject:
    source = np.zeros(s.masses.shape)
    source[3] = 1e-6
    return altered(s, lambda v: s.apply(v) + source.astype(v.dtype))


@mutant("float32 inside", EQUAL, "linear", "kills_constants", "fast_equals_dense")
def float32_inside(s: Subject) -> Subject:
    return altered(s, lambda v: s.apply(v.astype(np.float32)).astype(v.dtype))


@mutant("energy off by a factor two", EQUAL, "green_identity", "degree_sums_rates")
def energy_factor(s: Subject) -> Subject:
    K, _ = rates_of(s)
    return replace(s, rates=lambda rows: 2 * K[rows])


@mutant("truncated at the array ends", TORUS, "translation_invariant", "fast_equals_dense")
def truncated_ends(s: Subject) -> Subject:
    mask = np.ones(s.masses.shape)
    mask[[0, -1]] = 0.0
    return altered(s, lambda v: s.apply(v) * mask.astype(v.dtype))


@mutant("weights jittered by index", TORUS, "translation_invariant", "fast_equals_dense")
def jittered(s: Subject) -> Subject:
    root = 1 + 1e-6 * np.random.default_rng(4).random(s.masses.shape)
    return altered(s, lambda v: root.astype(v.dtype) * s.apply(root.astype(v.dtype) * v))


@mutant("wrong padding wraps around", INTERVAL, "fast_equals_dense", "green_identity", "support")
def wrong_padding(s: Subject) -> Subject:
    return altered(s, lambda v: s.apply(v) + 0.5 * (np.roll(v, v.shape[-1] // 2, -1) - v))


@mutant("horizon one cell too wide", TORUS, "support", "fast_equals_dense")
def horizon_too_wide(s: Subject) -> Subject:
    shift = s.need("reach")[0] + 1
    return altered(s, lambda v: s.apply(v) + 1e-3 * (np.roll(v, shift, -1) + np.roll(v, -shift, -1) - 2 * v))


@mutant("horizon one cell too narrow", TORUS, "support")
def horizon_too_narrow(s: Subject) -> Subject:
    octant = s.need("octant").copy()
    octant[-1] = 0.0
    return replace(s, octant=octant)


@mutant("stale weights after a parameter change", TORUS, "fast_equals_dense", "degree_sums_rates")
def stale_weights(s: Subject) -> Subject:
    rates = s.need("rates")
    return replace(s, rates=lambda rows: 1.01 * rates(rows))


@mutant("values leak outside the domain", BALL, "zero_outside")
def leaks_outside(s: Subject) -> Subject:
    return altered(s, lambda v: s.apply(v) + (1e-12 * ~s.inside).astype(v.dtype))


@mutant("always float64", EQUAL, "preserves_dtype")
def always_double(s: Subject) -> Subject:
    return altered(s, lambda v: s.apply(v.astype(np.float64)))


@mutant("always float32", EQUAL, "preserves_dtype", "linear")
def always_single(s: Subject) -> Subject:
    return altered(s, lambda v: s.apply(v.astype(np.float32)))


@mutant("not deterministic", EQUAL, "deterministic")
def noisy(s: Subject) -> Subject:
    noise = np.random.default_rng(5)
    return altered(s, lambda v: s.apply(v) * float(1 + 1e-15 * noise.integers(0, 3)))


@mutant("overwrites its input", EQUAL, "keeps_input")
def overwrites(s: Subject) -> Subject:
    def apply(v: Array) -> Array:
        image = s.apply(v)
        v *= 0.5
        return image

    return altered(s, apply)


@mutant("couples the members of a batch", EQUAL, "batch_invariant")
def couples_batch(s: Subject) -> Subject:
    def apply(v: Array) -> Array:
        return s.apply(v - v.mean(axis=0)) if v.ndim > s.masses.ndim else s.apply(v)

    return altered(s, apply)


@mutant("last block of a batch left out", EQUAL, "chunk_invariant")
def last_block_left_out(s: Subject) -> Subject:
    def apply(v: Array) -> Array:
        image = s.apply(v)
        if v.ndim > s.masses.ndim and v.shape[0] > 16:
            image[16:] = 0.0
        return image

    return altered(s, apply)


@mutant("race between threads", TORUS, "thread_invariant")
def races(s: Subject) -> Subject:
    return altered(s, lambda v: s.apply(v) * (1.0 if scipy.fft.get_workers() == 1 else 1.0 + 1e-9))


@mutant("returns NaN", EQUAL, "linear", "self_adjoint", "deterministic")
def returns_nan(s: Subject) -> Subject:
    return altered(s, lambda v: s.apply(v) * np.nan)


@mutant("returns another shape", EQUAL, "linear", "batch_invariant")
def wrong_shape(s: Subject) -> Subject:
    return altered(s, lambda v: s.apply(v)[..., 1:])


@mutant("raises", EQUAL, "linear", "preserves_dtype", "keeps_input")
def raises(s: Subject) -> Subject:
    def apply(v: Array) -> Array:
        raise RuntimeError("out of memory")

    return altered(s, apply)


def relabelled(members: Family, like: Family) -> Family:
    """`members` with the claims of `like`."""
    return Family(members.name, tuple(replace(s, claims=like.subjects[0].claims) for s in members.subjects))


@mutant("singular kernel called bounded", "gaussian family", "bounded_generator", "hilbert_schmidt")
def singular_called_bounded(f: Family) -> Family:
    return relabelled(power_family(1.4), f)


@mutant("bounded kernel called Hilbert-Schmidt", "gaussian family", "hilbert_schmidt")
def bounded_called_hilbert_schmidt(f: Family) -> Family:
    return relabelled(power_family(0.75), f)

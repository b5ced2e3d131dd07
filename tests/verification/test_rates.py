"""Rates rebuilt from weights against the operator's own matrix, and the Hilbert-Schmidt sum against brute force."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

import pide
from pide.operators.nonlocal_operator import NonlocalOperator
from pide.verification import strategies
from pide.verification.rates import hilbert_schmidt_squared, lattice_rates, offset_weights
from pide.verification.samples import Draws, extreme_vector


def all_rates(operator):
    return lattice_rates(operator)(np.arange(operator.space.count))


@settings(max_examples=40)
@given(strategies.operators())
def test_rates_are_the_off_diagonal_of_the_matrix(operator):
    assert isinstance(operator, NonlocalOperator)
    dense = abs(operator.scale) * operator.to_dense() / operator.scale
    np.fill_diagonal(dense, 0.0)
    assert np.abs(dense - all_rates(operator)).max() <= 1e-12 * operator.spectral_bound()


@settings(max_examples=40)
@given(strategies.operators())
def test_hilbert_schmidt_sum_is_the_frobenius_norm_of_the_rates(operator):
    brute = float(np.sum(all_rates(operator) ** 2))
    assert hilbert_schmidt_squared(operator) == pytest.approx(brute, rel=1e-11, abs=1e-11 * operator.rate_bound() ** 2)


def test_offsets_wrap_on_a_torus_and_leave_a_box():
    octant = np.array([0.0, 1.0, 2.0, 4.0])
    assert offset_weights(octant, (4,), periodic=True).tolist() == [0.0, 5.0, 4.0, 5.0]
    assert offset_weights(octant, (3,), periodic=False).tolist() == [0.0, 1.0, 2.0, 2.0, 1.0]


def test_extreme_vector_is_the_stiffest_eigenvector():
    grid = pide.Interval(0, 1).grid(50)
    operator = pide.Laplacian().on(grid, exterior=pide.Zero())
    masses = np.full(50, 1 / 50)
    v = extreme_vector(operator.apply, masses, np.random.default_rng(0))
    quotient = v @ operator.apply(v) / (v @ v)
    assert quotient == pytest.approx(np.linalg.eigvalsh(operator.to_dense())[0], rel=1e-3)


def test_draws_are_reproducible_and_exact_in_their_dtype():
    inside = np.array([True] * 9 + [False])
    first, second = (list(Draws(7, 12, "float32").fields(inside, "claim")) for _ in range(2))
    for a, b in zip(first, second, strict=True):
        assert np.array_equal(a.values, b.values)
        assert np.array_equal(a.values, a.values.astype(np.float32))
        assert a.values[-1] == 0.0
    other = next(Draws(8, 12, "float32").fields(inside, "claim"))
    assert not np.array_equal(other.values, first[0].values)

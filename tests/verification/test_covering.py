"""Honest operators pass and wrong ones die on kernel x exterior x dimension x dtype x engine: all pairs, or all."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from pide.verification import as_subject, check
from pide.verification.covering import FACTORS, build, pairwise, product

ROWS = pairwise()
PRODUCT = product()


def label(row):
    return "-".join(str(value).replace(" ", "_") for value in row.values())


def altered(subject, apply):
    return replace(subject, apply=apply, adjoint=apply)


def wrong_sign(s):
    return altered(s, lambda v: -s.apply(v))


def weighted(s):
    weight = 1 + 0.1 * np.random.default_rng(1).random(s.masses.shape)
    return altered(s, lambda v: weight.astype(v.dtype) * s.apply(v))


def source(s):
    bump = np.zeros(s.masses.shape)
    bump[tuple(np.argwhere(s.inside)[0])] = 1e-2 * float(np.max(s.degree))
    return altered(s, lambda v: s.apply(v) + bump.astype(v.dtype))


def killing_changed(s):
    rate = 1e-2 * float(np.max(s.degree))
    return altered(s, lambda v: s.apply(v) - rate * v)


def half_precision(s):
    return altered(s, lambda v: s.apply(v.astype(np.float16).astype(v.dtype)))


def neighbours_coupled(s):
    """A coupling of distant nodes, as from wrong padding."""
    rate = 1e-2 * float(np.max(s.degree))
    first, last = (tuple(np.argwhere(s.inside)[k]) for k in (0, -1))

    def apply(v):
        image = s.apply(v)
        image[(..., *first)] += rate * (v[(..., *last)] - v[(..., *first)])
        image[(..., *last)] += rate * (v[(..., *first)] - v[(..., *last)])
        return image

    return altered(s, apply)


def bound_too_small(s):
    return replace(s, spectral_bound=lambda: 0.3 * float(np.max(s.degree)))


WRONG = {
    wrong_sign: "energy_decay",
    weighted: "self_adjoint",
    source: "linear",
    killing_changed: "degree_matches_killing",
    half_precision: "linear",
    neighbours_coupled: "fast_equals_dense",
    bound_too_small: "energy_decay",
}


def test_every_pair_of_values_that_can_occur_occurs():
    for a, b in itertools.combinations(FACTORS, 2):
        pairs = {(row[a], row[b]) for row in PRODUCT}
        assert pairs == {(row[a], row[b]) for row in ROWS}
    assert len(ROWS) < len(PRODUCT) / 20
    assert {value for row in ROWS for value in row.values()} == set(itertools.chain(*FACTORS.values()))


@pytest.mark.parametrize("row", ROWS, ids=label)
def test_honest_operators_pass_and_wrong_ones_die_on_all_pairs(row):
    subject = as_subject(build(row))
    check(subject, dtype=row["dtype"], samples=4).raise_if_failed()
    for wrong, claim in WRONG.items():
        verdict = check(wrong(subject), claims=[claim], dtype=row["dtype"], samples=4)[claim].verdict
        assert verdict == "FAILS", wrong.__name__


@pytest.mark.slow
@pytest.mark.parametrize("row", PRODUCT, ids=label)
def test_honest_operators_pass_and_wrong_ones_die_on_the_full_product(row):
    test_honest_operators_pass_and_wrong_ones_die_on_all_pairs(row)

"""Affinities and blocks of stages as subjects."""

from __future__ import annotations

import numpy as np
import pytest

from pide.operators.affinity import DotProductAffinity, EmbeddedAffinity, GaussianAffinity, LogAffinity, PowerAffinity
from pide.operators.graph import graph_laplacian
from pide.verification import HONEST, AffinityMap, affinity_of, as_subject, block_of, check
from pide.verification.blocks import LARGEST_STEPS

THETA, PHI = np.random.default_rng(0).standard_normal((2, 2, 3)) / 2
FAMILIES = {
    "gaussian": lambda theta, phi: GaussianAffinity(theta, phi, width=1.0),
    "power": lambda theta, phi: PowerAffinity(theta, phi, exponent=2.5),
    "logarithm": LogAffinity,
    "dot product": DotProductAffinity,
    "embedded": EmbeddedAffinity,
}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("family", FAMILIES)
def test_every_affinity_is_finite_and_symmetric_for_one_embedding_only(family, dtype):
    one = check(affinity_of(FAMILIES[family](THETA, None), 3, "count"), dtype=dtype)
    one.raise_if_failed()
    assert one["same_embedding_symmetric"].verdict == "holds"
    two = affinity_of(FAMILIES[family](THETA, PHI), 3, "count")
    assert check(two, dtype=dtype)["same_embedding_symmetric"].verdict == "skipped"
    claimed = AffinityMap("two embeddings", two.values, 3)
    assert check(claimed, claims="same_embedding_symmetric", dtype=dtype).rows[0].verdict == "FAILS"


def test_rows_divided_by_their_sums_are_not_symmetric():
    rows = affinity_of(GaussianAffinity(width=1.0), 3, "rows")
    assert not rows.symmetric
    assert check(AffinityMap("rows", rows.values, 3))["same_embedding_symmetric"].verdict == "FAILS"


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (lambda x: x, "returned shape (12, 3), needed (12, 12)"),
        (lambda x: np.full((12, 12), np.inf), "NaN or infinite"),
        (lambda x: x.no_such_attribute, "raised AttributeError"),
    ],
)
def test_affinities_that_misbehave(values, words):
    assert words in check(AffinityMap("wrong", values, 3))["same_embedding_symmetric"].words


def test_an_affinity_that_refuses_must_say_so():
    def refuse(x):
        raise ValueError("two points coincide")

    report = check(AffinityMap("refusing", refuse, 2, refuses=True))
    assert report["finite_where_points_coincide"].verdict == "holds"
    assert report["finite_where_points_coincide"].sample.endswith("refused")
    row = check(AffinityMap("refusing", refuse, 2))["finite_where_points_coincide"]
    assert row.verdict == "FAILS"
    assert "two points coincide" in row.words


@pytest.mark.parametrize("stages", LARGEST_STEPS)
def test_blocks_of_every_number_of_stages(stages):
    """R = 1 + z + ... + z^m: no growth of energy at the limit, growth at 1.02 times it on two joined vertices."""
    pair = np.array([[0.0, 1.0], [1.0, 0.0]])
    block = block_of(as_subject(graph_laplacian(pair)), 0.1, stages)
    check(block).raise_if_failed()
    z = -LARGEST_STEPS[stages]
    assert abs(sum(z**k for k in range(stages + 1))) == pytest.approx(1.0, abs=1e-12)
    v = np.array([1.0, -1.0])
    beyond = block.advance(v, 1.02 * LARGEST_STEPS[stages] / 2.0)
    assert np.linalg.norm(beyond) > np.linalg.norm(v)


def test_blocks_in_float32():
    check(HONEST["restarted block"](), dtype="float32").raise_if_failed()


def test_a_number_of_stages_without_a_limit():
    with pytest.raises(ValueError, match="Write stages=2"):
        block_of(as_subject(graph_laplacian(np.ones((2, 2)) - np.eye(2))), 0.1, 7)

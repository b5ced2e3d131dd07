"""Parametrisations have their property for every raw value, invert what they make, and keep it through training."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils.parametrize import register_parametrization

from pide.nets.layers import (
    Bounded,
    DoublyStochastic,
    NonexpansiveMixing,
    NonlocalStage,
    Positive,
    RowStochastic,
    Semidefinite,
    Symmetric,
)

EPS = 2.0**-52
in_seeds = given(st.integers(0, 2**31), st.floats(0.01, 3.0))


def matrix(seed, scale, size=6):
    return scale * torch.randn(size, size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@in_seeds
def test_positive_and_bounded(seed, scale):
    raw = matrix(seed, scale)
    assert bool((Positive()(raw) > 0).all())
    value = Bounded(-1.0, 2.0)(raw)
    assert bool(((value > -1) & (value < 2)).all())
    for constraint in (Positive(), Bounded(-1.0, 2.0)):
        torch.testing.assert_close(constraint.right_inverse(constraint(raw)), raw, rtol=1e-9, atol=1e-9)


@in_seeds
def test_symmetric_and_semidefinite(seed, scale):
    raw = matrix(seed, scale)
    value = Symmetric()(raw)
    assert torch.equal(value, value.mT)
    assert torch.equal(Symmetric()(Symmetric().right_inverse(value)), value)
    square = Semidefinite()(raw)
    largest = float(torch.linalg.eigvalsh(square)[-1])
    assert float(torch.linalg.eigvalsh(square)[0]) >= -36 * EPS * largest
    again = Semidefinite()(Semidefinite().right_inverse(square))
    torch.testing.assert_close(again, square, rtol=0, atol=1e3 * EPS * largest)


@in_seeds
def test_stochastic_matrices(seed, scale):
    raw = matrix(seed, scale)
    one = torch.ones(6, dtype=torch.float64)
    rows = RowStochastic()(raw)
    assert bool((rows > 0).all())
    torch.testing.assert_close(rows.sum(dim=1), one, rtol=0, atol=8 * EPS)
    torch.testing.assert_close(RowStochastic()(RowStochastic().right_inverse(rows)), rows, rtol=0, atol=1e-14)
    both = DoublyStochastic()(raw)
    assert bool((both > 0).all())
    torch.testing.assert_close(both, both.mT, rtol=4 * EPS, atol=0)
    torch.testing.assert_close(both.sum(dim=1), one, rtol=0, atol=1e-12)
    torch.testing.assert_close(DoublyStochastic()(DoublyStochastic().right_inverse(both)), both, rtol=0, atol=1e-11)


@in_seeds
def test_nonexpansive_mixing_is_the_eigenvalue_condition(seed, scale):
    """W + W^T - a W^T W >= 0, and no stage of a Markov generator expands."""
    raw, a = matrix(seed, scale), 2.0
    W = NonexpansiveMixing(a)(raw)
    lowest = float(torch.linalg.eigvalsh(W + W.mT - a * W.mT @ W)[0])
    assert lowest >= -200 * EPS
    torch.testing.assert_close(NonexpansiveMixing(a)(NonexpansiveMixing(a).right_inverse(W)), W, rtol=0, atol=1e-14)
    P = DoublyStochastic()(matrix(seed + 1, scale, 5))
    z = matrix(seed + 2, 1.0)[:5]
    stepped = z + (P @ z - z) @ W.mT
    assert float(stepped.norm()) <= float(z.norm()) * (1 + 1e-12)


def test_the_condition_fails_without_the_constraint():
    W = 2.5 * torch.eye(6, dtype=torch.float64)
    with pytest.raises(ValueError, match=r"Start from W = 0\.25"):
        NonexpansiveMixing(2.0).right_inverse(W)
    assert float(torch.linalg.eigvalsh(W + W.mT - 2 * W.mT @ W)[0]) < 0


def test_gradients():
    raw = matrix(3, 0.7, 3).requires_grad_()
    for constraint in (Positive(), Bounded(0.0, 1.0), Symmetric(), Semidefinite(), RowStochastic(), DoublyStochastic()):
        assert torch.autograd.gradcheck(constraint, (raw,), atol=1e-6)
    assert torch.autograd.gradcheck(NonexpansiveMixing(), ((3 * raw).detach().requires_grad_(),))


def test_the_property_survives_training():
    torch.manual_seed(0)
    layer = nn.Linear(5, 5, bias=False).double()
    layer.weight.data = 0.25 * torch.eye(5, dtype=torch.float64)
    register_parametrization(layer, "weight", NonexpansiveMixing(2.0))
    optimiser = torch.optim.SGD(layer.parameters(), lr=5.0)
    x = matrix(1, 1.0, 5)
    for _ in range(5):
        optimiser.zero_grad()
        (layer(x) - 3 * x).square().mean().backward()
        optimiser.step()
    W = layer.weight.detach()
    assert float(torch.linalg.eigvalsh(W + W.mT - 2 * W.mT @ W)[0]) >= -1e-13


def test_a_constrained_stage_does_not_expand_the_weighted_norm():
    """Tao's stage with a symmetric affinity and a constrained W: the norm weighted by C_i does not grow."""
    torch.manual_seed(0)
    stage = NonlocalStage(4, sub_blocks=1, embedding=4, dimension=1).double()
    stage.pairs.phi = stage.pairs.theta
    W = NonexpansiveMixing(2.0)(matrix(5, 2.0, 4))
    stage.inward[0].weight.data = W[:, :, None]
    stage.outward[0].weight.data = torch.eye(4, dtype=torch.float64)[:, :, None]
    x = matrix(6, 1.0, 9)[None, :4]
    t, p = stage.pairs.embedded(x)
    degree = torch.exp(t @ p.mT).sum(dim=-1)
    before, after = ((degree * z.square().sum(dim=1)).sum().item() for z in (x, stage(x)))
    assert after <= before * (1 + 1e-12)


@pytest.mark.parametrize(
    ("call", "remedy"),
    [
        (lambda: Positive().right_inverse(torch.zeros(1)), "Start from positive"),
        (lambda: Bounded(1.0, 0.0), "Exchange the two"),
        (lambda: Bounded(0.0, 1.0).right_inverse(torch.ones(1)), "strictly between"),
        (lambda: Semidefinite().right_inverse(-torch.eye(2)), "eigenvalues >= 0"),
        (lambda: RowStochastic().right_inverse(torch.zeros(2, 2)), "positive entries"),
        (lambda: DoublyStochastic().right_inverse(torch.zeros(2, 2)), "positive entries"),
        (lambda: NonexpansiveMixing(0.0), r"Write largest=2\.0"),
    ],
)
def test_wrong_values_say_where_to_start(call, remedy):
    with pytest.raises(ValueError, match=remedy):
        call()


def test_printing():
    assert "|1 - 2 W|_2 <= 1" in repr(NonexpansiveMixing())
    assert "0 < value < 1" in repr(Bounded(0.0, 1.0))

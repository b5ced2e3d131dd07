"""Blocks of pairs: sums and weights against the dense functions where a map needs several blocks."""

from __future__ import annotations

import pytest
import torch

from pide.nets import pair_blocks
from pide.nets.kernels import PairSizes, choose_engine, pair_maps
from pide.nets.pair_sums import pair_sums
from pide.nets.stored_sums import stored_sums
from pide.operators.affinity import (
    DotProductAffinity,
    EmbeddedAffinity,
    GaussianAffinity,
    LogAffinity,
    PowerAffinity,
)

AFFINITIES = {
    **{f"power {a:g}": PowerAffinity(exponent=a, factor=0.3, distances="products") for a in (1.0, 1.6, 2.0, 3.0, 4.0)},
    "log": LogAffinity(slope=0.4, gauge=0.2, distances="products"),
    "power 3 by differences": PowerAffinity(exponent=3.0, factor=0.3, distances="differences"),
    "log by differences": LogAffinity(slope=0.4, gauge=0.2, distances="differences"),
}
in_affinities = pytest.mark.parametrize("name", AFFINITIES)


def random(*shape, seed):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def inputs(images=3, positions=13, pooled=7):
    t, p, y = (
        random(images, positions, 3, seed=1),
        random(images, pooled, 3, seed=2),
        random(images, pooled, 2, seed=3),
    )
    p[:, 2] = t[:, 5]
    return tuple(z.requires_grad_() for z in (t, p, y))


# 1 pair: one by one; 6 and 30: tiles of 3 x 2 and 7 x 4 with smaller ones at the edges; 91: one image; 200: two images,
# then one; the default: all at once.
@pytest.mark.parametrize("block", [1, 6, 30, 91, 200, None])
@in_affinities
def test_blocks_of_any_size_give_the_dense_sums_and_gradients(name, block, monkeypatch):
    if block is not None:
        monkeypatch.setattr(pair_blocks, "_BLOCK", block)
    affinity, (t, p, y) = AFFINITIES[name], inputs()
    omega = affinity(t, p)
    total, degree = pair_sums(affinity, t, p, y)
    torch.testing.assert_close(total, omega @ y, rtol=1e-11, atol=1e-11)
    torch.testing.assert_close(degree, omega.sum(dim=-1, keepdim=True), rtol=1e-11, atol=1e-11)
    weighed = stored_sums(affinity, t, p)
    kept, sums = weighed(y)
    torch.testing.assert_close(kept, total, rtol=1e-11, atol=1e-11)
    torch.testing.assert_close(sums, degree, rtol=1e-11, atol=1e-11)
    g = random(3, 13, 2, seed=4)
    dense = torch.autograd.grad(((omega @ y) * g).sum() + (omega.sum(dim=-1) * g[..., 0]).sum(), (t, p, y))
    fast = torch.autograd.grad((total * g).sum() + (degree * g[..., :1]).sum(), (t, p, y))
    stored = torch.autograd.grad((kept * g).sum() + (sums * g[..., :1]).sum(), (t, p, y))
    for d, f, s in zip(dense, fast, stored, strict=True):
        scale = float(d.abs().max())
        torch.testing.assert_close(f, d, rtol=0, atol=1e-11 * scale)
        torch.testing.assert_close(s, d, rtol=0, atol=1e-11 * scale)


@in_affinities
def test_second_derivatives(name):
    t, p, y = (random(1, count, 2, seed=count).requires_grad_() for count in (3, 4, 4))
    p = random(1, 4, 2, seed=9).requires_grad_()
    affinity = AFFINITIES[name]
    assert torch.autograd.gradgradcheck(lambda *z: pair_sums(affinity, *z), (t, p, y), fast_mode=True, atol=1e-4)
    assert torch.autograd.gradgradcheck(
        lambda t, p, y: stored_sums(affinity, t, p)(y),
        (t, p, y),
        fast_mode=True,
        atol=1e-4,
    )


@in_affinities
@pytest.mark.parametrize("shared", [1, 2, 3, 5])
def test_applications_that_share_a_backward_pass(name, shared):
    """Three applications in a row, the last of one channel; what is announced does not change the gradients."""
    affinity, (t, p, y) = AFFINITIES[name], inputs(positions=7)

    def applied(sums):
        first, degree = sums(y)
        second, _ = sums(first.square() - degree * y)
        third, _ = sums(second[..., :1])
        return third

    omega = affinity(t, p)
    degree = omega.sum(dim=-1, keepdim=True)
    dense = applied(lambda y: (omega @ y, degree))
    kept = applied(stored_sums(affinity, t, p, shared))
    scale = float(dense.detach().abs().max())
    torch.testing.assert_close(kept, dense, rtol=0, atol=1e-11 * scale)
    g = random(*dense.shape, seed=4)
    for f, d in zip(*(torch.autograd.grad(z, (t, p, y), g) for z in (kept, dense)), strict=True):
        torch.testing.assert_close(f, d, rtol=0, atol=1e-10 * float(d.abs().max()))


def test_one_application_leaves_the_others_out():
    """A gradient of the first of two applications, taken twice, and one of the values alone."""
    affinity, (t, p, y) = AFFINITIES["power 3"], inputs()
    sums = stored_sums(affinity, t, p, 2)
    first, _ = sums(y)
    sums(first[:, :7])
    expected = torch.autograd.grad((affinity(t, p) @ y).square().sum(), (t, p, y))
    for _ in range(2):
        found = torch.autograd.grad(first.square().sum(), (t, p, y), retain_graph=True)
        for f, e in zip(found, expected, strict=True):
            torch.testing.assert_close(f, e, rtol=0, atol=1e-11 * float(e.abs().max()))
    (values,) = torch.autograd.grad(first.square().sum(), y)
    torch.testing.assert_close(values, expected[2], rtol=1e-11, atol=1e-11)


def test_coincident_pairs_weigh_nothing_in_float32():
    """Self pairs of 300 points far from the origin: products alone would leave rounding noise there."""
    t = (random(1, 300, 16, seed=1) + 30).float().requires_grad_()
    identity = torch.eye(300).unsqueeze(0)
    for name in ("power 3", "log"):
        w, _ = stored_sums(AFFINITIES[name], t, t)(identity)
        assert bool((w.diagonal(dim1=1, dim2=2) == 0).all())
        (gradient,) = torch.autograd.grad(w.square().sum(), t)
        assert bool(torch.isfinite(gradient).all())


def test_near_pairs_by_differences_in_float32():
    """Pairs 1e-3 apart at 100: products lose all digits of their distances there, differences none."""
    t = torch.linspace(0, 1, 40).unsqueeze(-1).unsqueeze(0) + 100
    p = t + 1e-3
    exact = PowerAffinity(exponent=3.0)(t.double(), p.double()).sum(dim=-1, keepdim=True)
    affinity = PowerAffinity(exponent=3.0, distances="differences")
    for sums in (
        lambda y: pair_sums(affinity, t, p, y),
        stored_sums(affinity, t, p),
    ):
        _, degree = sums(torch.ones(1, 40, 1))
        torch.testing.assert_close(degree.double(), exact, rtol=1e-5, atol=0)


def test_gaussian_attention_far_from_the_origin():
    t, p, x = (
        random(2, 9, 3, seed=1) + 1e3,
        random(2, 6, 3, seed=2) + 1e3,
        random(2, 9, 4, seed=3),
    )
    y = random(2, 6, 4, seed=4)
    affinity = GaussianAffinity(width=1.3)
    dense, fast = (pair_maps(engine, affinity, t, p, "rows") for engine in ("dense", "attention"))
    torch.testing.assert_close(fast.difference(x, y), dense.difference(x, y), rtol=0, atol=1e-11)
    torch.testing.assert_close(fast.total(y), dense.total(y), rtol=0, atol=1e-11)


def test_engines_by_counting():
    many, few = PairSizes(1024, 256, 16, 32, 2), PairSizes(64, 16, 56, 112, 2)
    assert many.dense_operations == 1024 * 256 * (16 + 2 * 32)
    assert many.associative_operations == 2 * 16 * 32 * (1024 + 256)
    dot = DotProductAffinity()
    assert choose_engine("auto", dot, "count", many) == "associative"
    assert choose_engine("auto", dot, "count", few) == "dense"
    power = AFFINITIES["power 3"]
    assert choose_engine("auto", power, "count", many) == "stored"
    assert choose_engine("auto", power, "count", many._replace(positions=2048)) == "chunked"
    learnable = PowerAffinity(exponent=torch.tensor(3.0))
    assert choose_engine("auto", learnable, "count", many) == "dense"
    assert choose_engine("auto", EmbeddedAffinity(theta=random(2, 3, seed=1)), "rows", many) == "dense"
    with pytest.raises(ValueError, match="Write engine='dense' or 'chunked' or 'stored'"):
        choose_engine("attention", power, "count", many)
    with pytest.raises(
        ValueError,
        match="'auto', 'dense', 'associative', 'attention', 'chunked', 'stored'",
    ):
        choose_engine("flash", power, "count", many)

"""The block of Wang et al. and the stage of Tao et al. against loops, engine against engine, and what they keep."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from pide.nets.layers import NonlocalBlock, NonlocalStage
from pide.nets.layers.nonlocal_block import NONLOCAL_KINDS
from pide.operators.affinity_weights import affinity_weights, weighted_difference, weighted_sum

in_kinds = pytest.mark.parametrize("kind", NONLOCAL_KINDS)


def features(*shape, dtype=torch.float64, seed=3):
    return 0.5 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def randomised(layer, seed=1):
    torch.manual_seed(seed)
    layer = layer.double().eval()
    for parameter in layer.parameters():
        parameter.data += 0.2 * torch.randn_like(parameter)
    for module in layer.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2.0)
    return layer


def pooled_by_hand(x, q):
    """(C, H, W) -> (C, H // q, W // q)."""
    c, h, w = x.shape
    blocks = x[:, : h // q * q, : w // q * q].reshape(c, h // q, q, w // q, q)
    return blocks.max(axis=(2, 4))


def convolved(state, name, x):
    y = np.tensordot(state[f"{name}.weight"][:, :, 0, 0], x, axes=1)
    return y + state[f"{name}.bias"][:, None, None] if f"{name}.bias" in state else y


def normalised_by_hand(pairs, state, x):
    """The features before theta and phi: as they are, by the running statistics, or by those of the image."""
    if pairs.features is None:
        return x
    scale, shift = (state[f"pairs.features.{n}"][:, None, None] for n in ("weight", "bias"))
    if "pairs.features.running_mean" in state:
        mean, variance = (state[f"pairs.features.running_{n}"][:, None, None] for n in ("mean", "var"))
    else:
        mean, variance = x.mean(), x.var()
    return scale * (x - mean) / np.sqrt(variance + 1e-3) + shift


def weights_by_hand(layer, state, x):
    """omega_ij / C_i of one image, by a loop over pairs."""
    pairs = layer.pairs
    x = normalised_by_hand(pairs, state, x)
    theta, phi = (x, x) if pairs.kind == "gaussian" else (convolved(state, f"pairs.{n}", x) for n in ("theta", "phi"))
    phi = pooled_by_hand(phi, pairs.subsampling)
    t, p = theta.reshape(len(theta), -1).T, phi.reshape(len(phi), -1).T
    w = np.empty((len(t), len(p)))
    for i, j in np.ndindex(*w.shape):
        if pairs.kind == "concatenation":
            a, b = state["pairs.concatenation"]
            w[i, j] = max(0.0, float(a @ t[i] + b @ p[j]))
        else:
            exponent = pairs.factor * float(t[i] @ p[j])
            w[i, j] = exponent if pairs.kind == "dot" else math.exp(exponent)
    rows = pairs.normaliser == "rows"
    return w / (w.sum(1, keepdims=True) if rows else len(p))


@in_kinds
@pytest.mark.parametrize("engine", ["auto", "dense"])
@pytest.mark.parametrize(
    "options",
    [{}, {"subsampling": 2, "norm": True}, {"bias": False, "embedding": 5}],
    ids=["original", "pooled, normalised", "no bias"],
)
def test_block_is_the_formula(kind, engine, options):
    layer = randomised(NonlocalBlock(6, kind, engine=engine, **options))
    x = features(2, 6, 5, 7)
    state = {name: value.detach().numpy() for name, value in layer.state_dict().items()}
    expected = []
    for image in x.numpy():
        w = weights_by_hand(layer, state, image)
        g = pooled_by_hand(convolved(state, "inward", image), layer.pairs.subsampling)
        y = (w @ g.reshape(len(g), -1).T).T.reshape(-1, *image.shape[1:])
        z = convolved(state, "outward", y)
        if layer.norm is not None:
            scale = state["norm.weight"] / np.sqrt(state["norm.running_var"] + 1e-3)
            z = (z - state["norm.running_mean"][:, None, None]) * scale[:, None, None]
            z = z + state["norm.bias"][:, None, None]
        expected.append(image + z)
    np.testing.assert_allclose(layer(x).detach().numpy(), np.stack(expected), rtol=1e-11, atol=1e-11)


@in_kinds
@pytest.mark.parametrize("engine", ["auto", "dense"])
@pytest.mark.parametrize("sub_blocks", [1, 3])
@pytest.mark.parametrize("normaliser", [None, "count"])
def test_stage_is_equation_8(kind, engine, sub_blocks, normaliser):
    """The affinity of the input X for all sub-blocks; W acts on channels and so commutes with the sum."""
    layer = randomised(NonlocalStage(6, sub_blocks=sub_blocks, kind=kind, engine=engine, normaliser=normaliser))
    x = features(2, 6, 4, 5)
    state = {name: value.detach().numpy() for name, value in layer.state_dict().items()}
    matrices = [m.detach().numpy() for m in layer.mixing_matrices()]
    expected = []
    for image in x.numpy():
        w = weights_by_hand(layer, state, image)
        z = image.reshape(6, -1).T
        for matrix in matrices:
            difference = np.array([sum(w[i, j] * (z[j] - z[i]) for j in range(len(z))) for i in range(len(z))])
            z = z + difference @ matrix.T
        expected.append(z.T.reshape(image.shape))
    np.testing.assert_allclose(layer(x).detach().numpy(), np.stack(expected), rtol=1e-10, atol=1e-10)


OPTIONS = [
    {"scale": True},
    {"normalise": "batch"},
    {"scale": True, "normalise": "layer", "initial_scale": 0.1},
]


@pytest.mark.parametrize("kind", ["embedded_gaussian", "gaussian", "dot"])
@pytest.mark.parametrize("options", OPTIONS, ids=["scaled", "batch", "layer"])
def test_scaled_and_normalised_affinities_are_the_formula(kind, options):
    """theta . phi / e^(1/2) of normalised features; the values that are summed are not normalised."""
    x = features(2, 6, 4, 5)
    block, stage = NonlocalBlock(6, kind, **options), NonlocalStage(6, sub_blocks=2, kind=kind, **options)
    width = 6 if kind == "gaussian" else 3
    assert block.pairs.factor == pytest.approx(width**-0.5 if options.get("scale") else 1.0)
    for layer in (randomised(block), randomised(stage)):
        state = {name: value.detach().numpy() for name, value in layer.state_dict().items()}
        expected = []
        for image in x.numpy():
            w, z = weights_by_hand(layer, state, image), image.reshape(6, -1).T
            if layer is block:
                g = convolved(state, "inward", image).reshape(3, -1).T
                z = z + convolved(state, "outward", (w @ g).T.reshape(3, *image.shape[1:])).reshape(6, -1).T
            else:
                for matrix in layer.mixing_matrices():
                    z = z + (w @ z - w.sum(1, keepdims=True) * z) @ matrix.detach().numpy().T
            expected.append(z.T.reshape(image.shape))
        np.testing.assert_allclose(layer(x).detach().numpy(), np.stack(expected), rtol=1e-10, atol=1e-10)


def test_by_default_the_layers_are_those_of_the_papers():
    for make in (NonlocalBlock, lambda c, **options: NonlocalStage(c, sub_blocks=2, **options)):
        plain, own = make(8), make(8, scale=True, normalise="layer", initial_scale=0.5)
        assert plain.pairs.factor == 1.0
        counts = [sum(p.numel() for p in layer.parameters()) for layer in (plain, own)]
        assert counts[1] - counts[0] == 2 * 8
        x = features(1, 8, 3, 3, dtype=torch.float32)
        assert torch.equal(make(8, initial_scale=0.0)(x), x)


@in_kinds
def test_dense_layers_are_the_operators_bit_for_bit(kind):
    x = features(2, 6, 4, 6)
    block = randomised(NonlocalBlock(6, kind, engine="dense", embedding=6))
    stage = randomised(NonlocalStage(6, sub_blocks=1, kind=kind, engine="dense", embedding=6))
    for layer, operator in (
        (block, lambda w, y: weighted_sum(w, y)),
        (stage, lambda w, y: weighted_difference(w, y, y)),
    ):
        w = affinity_weights(layer.pairs.affinity(), *layer.pairs.embedded(x), layer.pairs.normaliser)
        inward = layer.inward if layer is block else layer.inward[0]
        outward = layer.outward if layer is block else layer.outward[0]
        y = operator(w, inward(x).flatten(2).mT).mT.reshape(2, -1, 4, 6)
        assert torch.equal(layer(x), x + outward(y))


@in_kinds
@pytest.mark.parametrize("kind_of_layer", ["block", "stage"])
def test_gradients_of_the_engines_agree(kind, kind_of_layer):
    x, grown = features(2, 6, 6, 4), []
    options = {"kind": kind, "subsampling": 2} if kind_of_layer == "block" else {"kind": kind, "sub_blocks": 2}
    make = NonlocalBlock if kind_of_layer == "block" else NonlocalStage
    state = randomised(make(6, **options)).state_dict()
    for engine in ("dense", "auto"):
        layer, y = make(6, engine=engine, **options).double(), x.clone().requires_grad_()
        layer.load_state_dict(state)
        loss = (layer(y) * features(2, 6, 6, 4, seed=9)).sum()
        grown.append(torch.autograd.grad(loss, [y, *layer.parameters()]))
    for dense, fast in zip(*grown, strict=True):
        np.testing.assert_allclose(fast.numpy(), dense.numpy(), rtol=0, atol=1e-11 * (1 + float(dense.abs().max())))


@pytest.mark.parametrize("kind", ["embedded_gaussian", "dot"])
def test_first_and_second_derivatives(kind):
    x = features(1, 2, 3).requires_grad_()
    for layer in (
        NonlocalBlock(2, kind, dimension=1, engine="dense"),
        NonlocalStage(2, sub_blocks=2, kind=kind, dimension=1, engine="dense"),
    ):
        layer = randomised(layer)
        assert torch.autograd.gradcheck(layer, (x,), atol=1e-6, rtol=1e-4)
        assert torch.autograd.gradgradcheck(layer, (x,), atol=1e-5, rtol=1e-3, fast_mode=True)


@pytest.mark.parametrize("engine", ["associative", "attention"])
def test_second_derivatives_of_the_fast_engines(engine):
    kind = "dot" if engine == "associative" else "embedded_gaussian"
    state, found = randomised(NonlocalBlock(4, kind, dimension=1)).state_dict(), []
    for name in ("dense", engine):
        layer = NonlocalBlock(4, kind, dimension=1, engine=name).double()
        layer.load_state_dict(state)
        x = features(2, 4, 40).requires_grad_()
        (gradient,) = torch.autograd.grad(layer(x).square().sum(), x, create_graph=True)
        found.append(torch.autograd.grad(gradient.square().sum(), x)[0])
    torch.testing.assert_close(found[1], found[0], rtol=1e-10, atol=1e-10)


@in_kinds
def test_constants_are_steady_states_of_the_stage(kind):
    layer = randomised(NonlocalStage(6, sub_blocks=4, kind=kind))
    x = features(2, 6, 1, 1).expand(2, 6, 5, 5)
    torch.testing.assert_close(layer(x), x, rtol=0, atol=1e-11)


def test_a_normalised_block_starts_as_the_identity():
    x = features(2, 6, 5, 5)
    assert torch.equal(NonlocalBlock(6, norm=True).double()(x), x)


@pytest.mark.parametrize("shape", [(9,), (4, 5), (3, 4, 2)], ids=["1-D", "2-D", "3-D"])
def test_dimensions_batches_and_precisions(shape):
    n = len(shape)
    for layer in (NonlocalBlock(4, dimension=n), NonlocalStage(4, sub_blocks=2, dimension=n, kind="dot")):
        layer = randomised(layer)
        x = features(3, 4, *shape)
        y = layer(x)
        torch.testing.assert_close(torch.cat([layer(image[None]) for image in x]), y, rtol=0, atol=1e-12)
        assert layer(x[:0]).shape == (0, 4, *shape)
        single = copy.deepcopy(layer).float()
        torch.testing.assert_close(single(x.float()).double(), y, rtol=0, atol=1e-4)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            half = single(x.float())
        torch.testing.assert_close(half.double(), y, rtol=0.1, atol=0.2)


@in_kinds
def test_memory_format_copies_and_state(kind):
    x = features(2, 6, 5, 5)
    for make in (lambda: NonlocalBlock(6, kind), lambda: NonlocalStage(6, kind=kind, sub_blocks=2)):
        layer, other = randomised(make()), randomised(make(), seed=2)
        torch.testing.assert_close(layer(x.to(memory_format=torch.channels_last)), layer(x), rtol=0, atol=1e-12)
        other.load_state_dict(layer.state_dict())
        assert torch.equal(other(x), layer(x))
        assert torch.equal(copy.deepcopy(layer)(x), layer(x))


def test_compiled_block_is_the_block():
    layer = randomised(NonlocalBlock(4))
    x = features(2, 4, 4, 4)
    torch.testing.assert_close(torch.compile(layer, backend="eager")(x), layer(x), rtol=0, atol=1e-12)


def test_parameters_and_multiply_adds():
    """Tao et al.: W_Z 64 x 32 and W_g 32 x 64; pairs cost M M (32 + 32 S)."""
    block = NonlocalBlock(64)
    assert tuple(block.outward.weight.shape[:2]) == (64, 32)
    assert tuple(block.inward.weight.shape[:2]) == (32, 64)
    assert block.pair_operations((8, 8)) == 64 * 64 * (32 + 32)
    stage = NonlocalStage(64, sub_blocks=3)
    assert stage.pair_operations((8, 8)) == 64 * 64 * (32 + 3 * 32)
    assert [tuple(w.shape) for w in stage.mixing_matrices()] == [(64, 64)] * 3
    assert torch.linalg.matrix_rank(block.mixing_matrices()[0]).item() <= 32
    with pytest.raises(ValueError, match="Write counting='core'"):
        stage.pair_operations((8, 8), "published")


def test_engines():
    assert NonlocalBlock(8).engine_for(8, 8) == "attention"
    assert NonlocalBlock(8, "dot").engine_for(32, 32) == "associative"
    assert NonlocalBlock(8, "concatenation").engine_for(32, 32) == "dense"
    assert NonlocalBlock(8, normaliser="count").engine_for(8, 8) == "dense"


@pytest.mark.parametrize(
    ("options", "remedy"),
    [
        ({"channels": 5}, "Write embedding=2, or an even number"),
        ({"kind": "laplace"}, "'embedded_gaussian', 'gaussian', 'dot', 'concatenation'"),
        ({"normaliser": "columns"}, "'rows', 'count', None"),
        ({"subsampling": 0}, "Write subsampling=2"),
        ({"dimension": 4}, "Write dimension=2"),
        ({"normalise": "instance"}, "'batch', 'layer', None"),
        ({"kind": "concatenation", "scale": True}, "Leave scale out"),
        ({"initial_scale": -1.0}, "Write initial_scale=0.1"),
        ({"engine": "associative"}, "Write engine='dense' or 'attention'"),
    ],
    ids=str,
)
def test_wrong_options_say_what_to_write(options, remedy):
    with pytest.raises(ValueError, match=remedy):
        NonlocalBlock(**{"channels": 8, **options})
    with pytest.raises(ValueError, match=remedy):
        NonlocalStage(**{"channels": 8, "sub_blocks": 2, **options})


def test_wrong_inputs_say_what_to_write():
    with pytest.raises(ValueError, match="Write sub_blocks=2"):
        NonlocalStage(8, sub_blocks=0)
    with pytest.raises(ValueError, match="Write subsampling=3 or less"):
        NonlocalBlock(8, subsampling=4)(torch.zeros(1, 8, 3, 9))
    with pytest.raises(ValueError, match=r"needed is \(B, 8, H, W\)"):
        NonlocalStage(8, sub_blocks=1)(torch.zeros(1, 6, 8, 8))


def test_printing_shows_the_mathematics():
    assert "Z = X + W_Z sum_j omega_ij W_g X_j / C_i" in repr(NonlocalBlock(8))
    assert "omega=dot, C_i=count" in repr(NonlocalStage(8, sub_blocks=2, kind="dot"))


def test_attention_is_the_softmax_of_torch():
    layer = randomised(NonlocalBlock(6))
    x = features(1, 6, 4, 4)
    t, p = layer.pairs.embedded(x)
    g = layer.inward(x).flatten(2).mT
    y = functional.softmax(t @ p.mT, dim=-1) @ g
    torch.testing.assert_close(layer(x), x + layer.outward(y.mT.reshape(1, -1, 4, 4)), rtol=0, atol=1e-12)

"""PIDE blocks against loops written from the formulas, engine against engine, gradients, traps and counts."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from pide.nets.layers import PIDEBlock, VerletBlock
from pide.operators.affinity_pide import PIDE_KINDS, pide_term
from pide.operators.affinity_weights import affinity_weights

EULER = 0.5772156649015329
in_kinds = pytest.mark.parametrize("kind", PIDE_KINDS)


def features(*shape, dtype=torch.float64, seed=3):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def block_of(channels=6, kind="diffusion", seed=1, **options):
    """A block with random weights, running statistics and biases, in evaluation mode and float64."""
    torch.manual_seed(seed)
    block = PIDEBlock(channels, kind, **options).double().eval()
    for parameter in block.parameters():
        parameter.data += 0.3 * torch.randn_like(parameter)
    for norm in block.norms:
        norm.running_mean.normal_()
        norm.running_var.uniform_(0.5, 2.0)
    return block


def kernel_by_hand(kind, r_or_dot, n, s, lam, log_form):
    if kind == "diffusion":
        return lam * r_or_dot
    if kind == "log":
        c = 1 / ((4 * math.pi) ** (n / 2) * math.gamma(n / 2))
        value = -2 * math.log(r_or_dot)
        return lam * c * (value - EULER) if log_form == "program" else lam * value - EULER
    if kind == "fractional":
        c = s * 4**s * math.gamma(n / 2 + s) / (math.pi ** (n / 2) * math.gamma(1 - s))
        return lam * c * r_or_dot ** -(n + 2 * s)
    c = math.gamma(n / 2 - s) / (4**s * math.pi ** (n / 2) * math.gamma(s))
    return lam * c * r_or_dot ** -(n - 2 * s)


def pooled_by_hand(x, q):
    """Maxima over disjoint cubes of q, of an array (C, *shape)."""
    shape = tuple(count // q for count in x.shape[1:])
    out = np.empty((x.shape[0], *shape))
    for index in np.ndindex(*shape):
        cube = (slice(None), *(slice(q * k, q * k + q) for k in index))
        out[(slice(None), *index)] = x[cube].reshape(x.shape[0], -1).max(1)
    return out


def block_by_hand(block, x):
    """B_m of one image x (C, *shape), written from the formulas with loops over pairs."""
    n, q, lam = block.dimension, block.subsampling, block.strength
    weights = {name: value.detach().numpy() for name, value in block.state_dict().items()}
    shape, channels = x.shape[1:], x.shape[0]

    def convolved(name, y):
        matrix = weights[f"{name}.weight"].reshape(-1, channels)
        return (matrix @ y.reshape(channels, -1) + weights[f"{name}.bias"][:, None]).reshape(-1, *y.shape[1:])

    theta = convolved("theta", x)
    phi = pooled_by_hand(theta if block.phi is None else convolved("phi", x), q)
    t, p = theta.reshape(len(theta), -1).T, phi.reshape(len(phi), -1).T
    w = np.empty((len(t), len(p)))
    for i, j in np.ndindex(*w.shape):
        value = float(t[i] @ p[j]) if block.kind == "diffusion" else math.dist(t[i], p[j])
        coincident = block.kind != "diffusion" and value == 0
        w[i, j] = 0 if coincident else kernel_by_hand(block.kind, value, n, block.s, lam, block.log_form)
    divisor = len(p) if block.normaliser == "count" else w.sum(1)[:, None]
    b = x
    for i in range(block.stages):
        values, pooled = b.reshape(channels, -1).T, pooled_by_hand(b, q).reshape(channels, -1).T
        product, degree = w @ pooled, w.sum(1)[:, None] * values
        term = {
            "diffusion": product - degree,
            "fractional": (degree - product) * (1 if block.sign == "paper" else -1),
            "inverse_fractional": product * (1 if block.sign == "paper" else -1),
            "log": product * (1 if block.sign == "paper" else -1),
        }[block.kind] / divisor
        y = convolved(f"mixing.{i}", term.T.reshape(channels, *shape)).reshape(channels, -1)
        scale = weights[f"norms.{i}.weight"] / np.sqrt(weights[f"norms.{i}.running_var"] + 1e-3)

        def normed(y, scale=scale, i=i):
            centred = y - weights[f"norms.{i}.running_mean"][:, None]
            return scale[:, None] * centred + weights[f"norms.{i}.bias"][:, None]

        def active(y):
            return np.maximum(y, 0) if block.activation == "relu" else y

        y = active(normed(y)) if block.order == "conv-bn-relu" else normed(active(y))
        b = x + block.step * y.reshape(channels, *shape)
    return b


@in_kinds
@pytest.mark.parametrize("engine", ["auto", "dense", "fast"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"stages": 1, "subsampling": 1},
        {"stages": 4, "normaliser": "rows", "strength": 0.3},
        {"subsampling": 3, "sign": "dissipative", "activation": None, "step": 0.15},
        {"shared_embedding": True, "subsampling": 1, "order": "conv-relu-bn"},
        {"embedding": 5, "log_form": "equation", "s": 0.7},
    ],
    ids=["published", "one stage", "four stages, rows", "dissipative", "shared", "other numbers"],
)
def test_block_is_the_formula(kind, engine, options):
    engine = {"diffusion": "associative"}.get(kind, "chunked") if engine == "fast" else engine
    block = block_of(kind=kind, engine=engine, **options)
    x = features(2, 6, 7, 5)
    expected = np.stack([block_by_hand(block, image) for image in x.numpy()])
    np.testing.assert_allclose(block(x).detach().numpy(), expected, rtol=1e-10, atol=1e-10)


@in_kinds
@pytest.mark.parametrize("shape", [(9,), (4, 5), (3, 4, 2)], ids=["1-D", "2-D", "3-D"])
def test_block_in_one_two_and_three_dimensions(kind, shape):
    block = block_of(kind=kind, dimension=len(shape), s=0.3)
    x = features(2, 6, *shape)
    expected = np.stack([block_by_hand(block, image) for image in x.numpy()])
    np.testing.assert_allclose(block(x).detach().numpy(), expected, rtol=1e-10, atol=1e-10)


@in_kinds
@pytest.mark.parametrize("sign", ["paper", "dissipative"])
def test_dense_layer_is_the_operator_bit_for_bit(kind, sign):
    block = block_of(kind=kind, engine="dense", sign=sign, subsampling=2)
    x = features(2, 6, 6, 8)
    t, p = block.embedded(x)
    pooled = functional.max_pool2d(x, 2).flatten(2).mT
    w = affinity_weights(block.affinity, t, p, "count")
    expected = pide_term(kind, w, x.flatten(2).mT, pooled, sign).mT.reshape(x.shape)
    assert torch.equal(block.term_of(x)(x), expected)


FAST = [("diffusion", "associative")] + [(k, e) for k in PIDE_KINDS[1:] for e in ("chunked", "stored")]


@pytest.mark.parametrize(("kind", "fast"), FAST)
@pytest.mark.parametrize("normaliser", ["count", "rows"])
def test_gradients_of_the_engines_agree(kind, fast, normaliser):
    """Also of every parameter, and in training mode."""
    x, grown = features(3, 6, 8, 6), []
    for engine in ("dense", fast):
        block = block_of(kind=kind, normaliser=normaliser, engine=engine).train()
        y = x.clone().requires_grad_()
        loss = (block(y) * features(3, 6, 8, 6, seed=9)).sum()
        grown.append(torch.autograd.grad(loss, [y, *block.parameters()]))
    for dense, other in zip(*grown, strict=True):
        scale = float(dense.abs().max()) + 1
        np.testing.assert_allclose(other.numpy(), dense.numpy(), rtol=0, atol=1e-11 * scale)


@pytest.mark.parametrize(("kind", "engine"), [*FAST, *((kind, "dense") for kind in PIDE_KINDS)])
def test_first_and_second_derivatives(kind, engine):
    block = block_of(2, kind, engine=engine, activation=None, stages=1, embedding=2, subsampling=1, dimension=1, s=0.3)
    x = features(1, 2, 3).requires_grad_()
    assert torch.autograd.gradcheck(block, (x,), atol=1e-6, rtol=1e-4)
    assert torch.autograd.gradgradcheck(block, (x,), atol=1e-5, rtol=1e-3, fast_mode=True)


@pytest.mark.parametrize("kind", ["fractional", "inverse_fractional", "log"])
@pytest.mark.parametrize("engine", ["chunked", "stored", "dense"])
def test_coincident_pixels_give_no_nan(kind, engine):
    """Equal pixels and one embedding: every distance is 0, up to the rounding of float32 products."""
    torch.manual_seed(0)
    block = PIDEBlock(8, kind, shared_embedding=True, subsampling=1, engine=engine)
    x = features(2, 8, 4, 4, dtype=torch.float32)
    x[0] = x[0, :, :1, :1]
    x[1, :, :2] = x[1, :, 2:]
    x.requires_grad_()
    y = block(100 * x)
    (gradient,) = torch.autograd.grad(y.square().sum(), x)
    assert bool(torch.isfinite(y).all())
    assert bool(torch.isfinite(gradient).all())


@in_kinds
def test_float32_is_float64_to_its_rounding(kind):
    block = block_of(kind=kind)
    x = features(2, 6, 8, 8)
    exact = block(x)
    single = copy.deepcopy(block).float()(x.float())
    assert single.dtype == torch.float32
    # The rounding of distances is amplified by the exponent at the nearest pair, at most 1e3 here.
    assert float((single - exact).detach().abs().max()) < 2e3 * 2**-24 * float(exact.detach().abs().max())


@in_kinds
def test_memory_format_autocast_and_compilation_change_nothing(kind):
    block = block_of(kind=kind).float()
    x = features(2, 6, 8, 8, dtype=torch.float32)
    y = block(x)
    assert y.is_contiguous()
    other = block(x.to(memory_format=torch.channels_last))
    assert other.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(other, y)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = block(x)
        t, _ = block.embedded(x)
    assert t.dtype == torch.float32
    assert float((half - y).detach().abs().max()) < 0.05 * float(y.detach().abs().max())


# Dynamo itself reads .grad of intermediate tensors where a graph is broken, and warns about that.
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor")
@pytest.mark.parametrize("kind", ["diffusion", "fractional"])
def test_compiled_block_is_the_block(kind):
    block = block_of(kind=kind).train()
    x = features(2, 6, 6, 6)
    grown = []
    for module in (block, torch.compile(copy.deepcopy(block), backend="eager")):
        y = x.clone().requires_grad_()
        grown.append((out := module(y), *torch.autograd.grad(out.square().sum(), y)))
    for a, b in zip(*grown, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-12)


@in_kinds
def test_empty_batches_copies_and_state(kind):
    block = block_of(kind=kind)
    assert block(features(0, 6, 5, 5)).shape == (0, 6, 5, 5)
    x = features(2, 6, 5, 5)
    twin = copy.deepcopy(block)
    other = block_of(kind=kind, seed=2)
    assert not torch.equal(other(x), block(x))
    other.load_state_dict(block.state_dict())
    assert torch.equal(twin(x), block(x))
    assert torch.equal(other(x), block(x))


def test_permuting_the_pixels_permutes_the_output():
    block = block_of(subsampling=1, kind="fractional", dimension=1)
    x = features(2, 6, 11)
    order = torch.randperm(11, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(block(x)[:, :, order], block(x[:, :, order]), rtol=0, atol=1e-12)


def test_linear_stages_are_the_partial_sums_of_a_geometric_series():
    """Without activation, statistics and mixing: B_m = (1 + z + ... + z^m) X with z = h op."""
    for stages in (1, 2, 3, 5):
        block = block_of(stages=stages, activation=None, subsampling=1, step=0.3, kind="fractional", sign="dissipative")
        for mixing, norm in zip(block.mixing, block.norms, strict=True):
            mixing.weight.data = torch.eye(6, dtype=torch.float64).reshape(6, 6, 1, 1)
            mixing.bias.data.zero_()
            norm.reset_running_stats()
            norm.weight.data.fill_(math.sqrt(1 + 1e-3))
            norm.bias.data.zero_()
        x = features(1, 6, 4, 4)
        term, power, total = block.term_of(x), x, x
        for _ in range(stages):
            power = 0.3 * term(power)
            total = total + power
        torch.testing.assert_close(block(x), total, rtol=1e-12, atol=1e-13)


def test_relu_never_lowers_a_feature():
    block = block_of(kind="log", sign="dissipative")
    x = features(2, 6, 6, 6)
    assert bool((block(x) >= x).all())


@in_kinds
def test_verlet_from_x_and_minus_x_is_the_block(kind):
    """Equation 4.2 started from V = X, W = -X is equation 4.1."""
    block = block_of(kind=kind)
    verlet = VerletBlock(12, kind).double().eval()
    verlet.block.load_state_dict(block.state_dict())
    x = features(2, 6, 5, 6)
    v, w = verlet(torch.cat([x, -x], dim=1)).chunk(2, dim=1)
    torch.testing.assert_close(-w, block(x), rtol=0, atol=1e-13)
    first = x + block.step * block.stage(0, block.term_of(x)(x))
    torch.testing.assert_close(v, first, rtol=0, atol=1e-13)


def test_verlet_halves_drive_each_other():
    verlet = VerletBlock(8, step=0.1).double()
    x = features(1, 8, 4, 4)
    changed = x.clone()
    changed[:, 4:] += 1.0 * features(1, 4, 4, 4, seed=8)
    assert not torch.equal(verlet(x)[:, :4], verlet(changed)[:, :4])
    assert verlet.pair_operations((4, 4)) == verlet.block.pair_operations((4, 4))


CIFAR = ((32, 32), (64, 16), (112, 8))


def test_parameters_are_the_published_ones():
    """563 402 - 508 954 of the three blocks on CIFAR-10."""
    for kind in PIDE_KINDS:
        assert sum(p.numel() for c, _ in CIFAR for p in PIDEBlock(c, kind).parameters()) == 54_448


@pytest.mark.parametrize(
    ("kind", "published"),
    [
        ("diffusion", 192_956_357),
        ("fractional", 193_410_045),
        ("inverse_fractional", 193_241_757),
        ("log", 193_661_085),
    ],
)
def test_multiply_adds_are_the_published_ones(kind, published):
    """Both countings of Table 4 on CIFAR-10, less the network without operators: 158.483968 M and 159.636581 M."""
    core = elementwise = 0
    for channels, size in CIFAR:
        block = PIDEBlock(channels, kind)
        convolutions = [m for m in block.modules() if isinstance(m, nn.Conv2d)]
        weights = sum(m.weight.numel() for m in convolutions)
        core += block.pair_operations((size, size)) + size**2 * weights
        biases = sum(m.bias.numel() for m in convolutions) * size**2
        elementwise += block.elementwise_operations((size, size)) + biases + 2 * weights
    assert core == 191_063_552 - 158_483_968
    assert elementwise % 2 == 0
    assert core + elementwise // 2 == published - 159_636_581


def test_published_counting_adds_half_the_elementwise_operations():
    block = PIDEBlock(32)
    assert block.pair_operations((8, 8), "published") == block.pair_operations((8, 8)) + (
        block.elementwise_operations((8, 8)) // 2
    )
    with pytest.raises(ValueError, match="'core' and 'published'"):
        block.pair_operations((8, 8), "all")


def test_dot_products_are_associative_where_that_is_cheaper():
    assert PIDEBlock(32).engine_for(32, 32) == "associative"
    assert PIDEBlock(112).engine_for(8, 8) == "dense"
    assert PIDEBlock(32, "fractional").engine_for(32, 32) == "stored"
    assert PIDEBlock(32, "fractional", stages=1).engine_for(32, 32) == "chunked"
    assert PIDEBlock(32, "log").engine_for(96, 96) == "chunked"


@pytest.mark.parametrize(
    ("options", "remedy"),
    [
        ({"channels": 7}, "Write embedding=3, or an even number"),
        ({"channels": 0}, "Write channels=32"),
        ({"kind": "heat"}, "'diffusion', 'fractional', 'inverse_fractional', 'log'"),
        ({"kind": "fractional", "s": 1.2}, "pass s=alpha/2"),
        ({"kind": "inverse_fractional", "s": 0.5, "dimension": 1}, "0 < s < n/2 = 0.5"),
        ({"normaliser": "columns"}, "'rows', 'count'"),
        ({"sign": "-"}, "'paper', 'dissipative'"),
        ({"order": "bn"}, "'conv-bn-relu', 'conv-relu-bn'"),
        ({"activation": "tanh"}, "'relu', None"),
        ({"stages": 0}, "Write stages=2"),
        ({"subsampling": 0}, "Write subsampling=2"),
        ({"strength": 0.0}, r"Write strength=0\.1"),
        ({"step": math.inf}, r"Write step=0\.06"),
        ({"embedding": 0}, "Leave it out"),
        ({"dimension": 4}, "Write dimension=2"),
        ({"engine": "flash"}, "'auto', 'dense', 'associative'"),
        ({"engine": "chunked"}, "Write engine='dense' or 'associative'"),
    ],
    ids=str,
)
def test_wrong_options_say_what_to_write(options, remedy):
    with pytest.raises(ValueError, match=remedy):
        PIDEBlock(**{"channels": 8, **options})


def test_wrong_inputs_say_what_to_write():
    block = PIDEBlock(8, subsampling=4)
    with pytest.raises(ValueError, match="Write subsampling=3 or less"):
        block(torch.zeros(1, 8, 3, 9))
    with pytest.raises(ValueError, match=r"needed is \(B, 8, H, W\)"):
        block(torch.zeros(1, 6, 8, 8))
    with pytest.raises(ValueError, match="dimension=1"):
        block(torch.zeros(1, 8, 8))
    with pytest.raises(ValueError, match=r"channels=8"):
        VerletBlock(7)
    with pytest.raises(ValueError, match="Leave stages out"):
        VerletBlock(8, stages=3)
    with pytest.raises(ValueError, match=r"VerletBlock\(channels=6\)"):
        VerletBlock(8)(torch.zeros(1, 6, 4, 4))


def test_printing_shows_the_mathematics():
    text = repr(PIDEBlock(8, "fractional", s=0.25))
    assert "B_i = X + h stage_i(op B_(i-1)), i = 1..2" in text
    assert "kind=fractional" in text
    assert "s=0.25" in text
    assert "V <- V + h sigma(K_1 op(-W))" in repr(VerletBlock(8))

"""Hamiltonian blocks: the formula, its inverse, and the two ways to remember activations."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional

from pide.nets.layers.hamiltonian import HamiltonianBlock, HamiltonianChain, SymmetricForce

EPS = torch.finfo(torch.float64).eps
TRANSPOSED = {1: functional.conv_transpose1d, 2: functional.conv_transpose2d, 3: functional.conv_transpose3d}
CONVOLVED = {1: functional.conv1d, 2: functional.conv2d, 3: functional.conv3d}
SHAPES = {1: (3, 6, 11), 2: (3, 6, 5, 7), 3: (2, 6, 4, 3, 5)}


def block(dimension=2, seed=0, **options):
    torch.manual_seed(seed)
    made = HamiltonianBlock(6, step=0.3, dimension=dimension, **options).double()
    for norm in (made.first.norm, made.second.norm):
        nn.init.uniform_(norm.weight, 0.5, 1.5)
        nn.init.uniform_(norm.bias, -0.5, 0.5)
    return made


def features(dimension=2, seed=1):
    return torch.randn(SHAPES[dimension], generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def force(f, u, dimension):
    """K^T relu(BN(K u + b)) + b from the formula, with the batch's own mean and biased variance."""
    K, b = f.convolution.weight, f.convolution.bias
    v = CONVOLVED[dimension](u, K, b, padding=1)
    axes = [0, *range(2, v.ndim)]
    shape = [1, -1, *[1] * dimension]
    centred = v - v.mean(axes, keepdim=True)
    v = centred / (centred.square().mean(axes, keepdim=True) + f.norm.eps).sqrt()
    v = v * f.norm.weight.reshape(shape) + f.norm.bias.reshape(shape)
    return TRANSPOSED[dimension](v.clamp(min=0), K, padding=1) + b.reshape(shape)


@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_one_step_is_the_formula(dimension):
    made, x = block(dimension), features(dimension)
    y, z = x[:, :3], x[:, 3:]
    y = y + 0.3 * force(made.first, z, dimension)
    z = z - 0.3 * force(made.second, y, dimension)
    torch.testing.assert_close(made(x), torch.cat((y, z), 1), rtol=0, atol=1e3 * EPS)


def test_the_second_convolution_is_the_adjoint_of_the_first():
    f = SymmetricForce(4).double()
    with torch.no_grad():
        f.convolution.bias.zero_()
    u, v = (torch.randn(1, 4, 5, 6, generator=torch.Generator().manual_seed(i)).double() for i in (1, 2))
    left = (f.convolution(u) * v.abs()).sum()
    right = (u * f._transposed(v.abs())).sum()
    torch.testing.assert_close(left, right, rtol=0, atol=1e3 * EPS)


@pytest.mark.parametrize("training", [True, False])
def test_inverse(training):
    made, x = block().train(training), features()
    torch.testing.assert_close(made.inverse(made(x)), x, rtol=0, atol=1e3 * EPS)


def chains(training):
    torch.manual_seed(0)
    stored = HamiltonianChain([block(seed=i) for i in range(4)]).train(training)
    reversible = copy.deepcopy(stored)
    reversible.memory = "reversible"
    return stored, reversible


def gradients(net, x, weight):
    x = x.clone().requires_grad_()
    (net(x) * weight).sum().backward()
    return x.grad, [p.grad for p in net.parameters()]


@pytest.mark.parametrize("training", [True, False])
def test_reversible_gradients_are_the_stored_ones_to_rounding(training):
    stored, reversible = chains(training)
    x, weight = features(), features(seed=3)
    expected, of_parameters = gradients(stored, x, weight)
    found, also = gradients(reversible, x, weight)
    assert torch.equal(stored(x), reversible(x))
    for a, b in zip([found, *also], [expected, *of_parameters], strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e4 * EPS * float(b.abs().max().clamp(min=1)))


def test_running_statistics_are_updated_once_a_step():
    stored, reversible = chains(True)
    x = features()
    for net in (stored, reversible):
        gradients(net, x, torch.ones_like(x))
    expected, found = stored.state_dict(), reversible.state_dict()
    assert expected.keys() == found.keys()
    assert all(torch.equal(expected[key], found[key]) for key in expected)
    assert int(found["0.first.norm.num_batches_tracked"]) == 1


def test_frozen_parameters_get_no_gradient_and_the_others_theirs():
    stored, reversible = chains(True)
    for net in (stored, reversible):
        net[1].first.convolution.weight.requires_grad_(False)
        net[2].second.norm.requires_grad_(False)
    _, expected = gradients(stored, features(), features(seed=3))
    _, found = gradients(reversible, features(), features(seed=3))
    for a, b in zip(found, expected, strict=True):
        assert (a is None) == (b is None)
        if a is not None:
            torch.testing.assert_close(a, b, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("memory", ["stored", "reversible"])
def test_gradcheck(memory):
    made = block(memory=memory).eval()
    x = features()[:1, :, :3, :3].clone().requires_grad_()
    assert torch.autograd.gradcheck(made, (x,), fast_mode=True)


def saved_bytes(net, x):
    """Bytes that the forward pass keeps for the backward pass, parameters left out."""
    own = {p.data_ptr() for p in net.parameters()}
    kept = {}

    def pack(tensor):
        if tensor.data_ptr() not in own:
            kept[tensor.data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        y = net(x)
    return sum(kept.values()), y


def test_a_reversible_chain_keeps_one_output_whatever_its_length():
    x = features().requires_grad_()
    for count in (2, 8):
        net = HamiltonianChain([block(seed=i) for i in range(count)], memory="reversible")
        assert saved_bytes(net, x)[0] == x.numel() * x.element_size()
    stored = HamiltonianChain([block(seed=i) for i in range(8)])
    assert saved_bytes(stored, x)[0] > 8 * x.numel() * x.element_size()


def test_autocast_recomputes_in_the_dtype_of_the_forward_pass():
    stored, reversible = (net.float() for net in chains(True))
    x = features().float()
    found = []
    for net in (stored, reversible):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            y = net(x)
        assert y.dtype == torch.float32
        y.sum().backward()
        found.append([p.grad for p in net.parameters()])
    for a, b in zip(*found, strict=True):
        assert float((a - b).norm()) <= 0.05 * float(b.norm()) + 1e-3


def test_second_derivatives_of_a_reversible_block_are_refused():
    x = features().requires_grad_()
    (g,) = torch.autograd.grad(block(memory="reversible")(x).square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        g.sum().backward()


def test_errors_say_what_to_write():
    with pytest.raises(ValueError, match=r"Write an even number, 8 for example"):
        HamiltonianBlock(7)
    with pytest.raises(ValueError, match="Write an even number, 2 for example"):
        HamiltonianBlock(0)
    with pytest.raises(ValueError, match="Write one of 'stored', 'reversible'"):
        HamiltonianBlock(6, memory="none")
    with pytest.raises(ValueError, match="Write dimension=2 for images"):
        HamiltonianBlock(6, dimension=4)
    with pytest.raises(ValueError, match=r"Write HamiltonianBlock\(4\)"):
        block()(torch.zeros(1, 4, 5, 5, dtype=torch.float64))


def test_an_empty_chain_and_an_empty_batch():
    x = features()
    assert HamiltonianChain([])(x) is x
    assert block().eval()(x[:0]).shape == (0, 6, 5, 7)

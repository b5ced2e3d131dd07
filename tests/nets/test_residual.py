"""Residual blocks: formulas written out, shapes, and the shortcut."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from pide.nets.layers.residual import BasicBlock, PreActBasic, PreActBottleneck

X = torch.randn(2, 4, 6, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
BLOCKS = {
    "basic": lambda **options: BasicBlock(4, 6, **options),
    "preactivation": lambda **options: PreActBasic(4, 6, **options),
    "bottleneck": lambda **options: PreActBottleneck(4, 3, 6, **options),
}


def normalised(x, norm):
    mean = x.mean((0, 2, 3), keepdim=True)
    variance = (x - mean).square().mean((0, 2, 3), keepdim=True)
    return (x - mean) / (variance + norm.eps).sqrt()


def convolved(x, conv):
    return functional.conv2d(x, conv.weight, conv.bias, conv.stride, conv.padding)


def test_basic_block_is_its_formula():
    block = BasicBlock(4, 6, stride=2).double()
    y = normalised(convolved(X, block.first), block.first_norm).clamp(min=0)
    y = normalised(convolved(y, block.second), block.second_norm)
    expected = (convolved(X, block.shortcut) + y).clamp(min=0)
    torch.testing.assert_close(block(X), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", ["preactivation", "bottleneck"])
def test_preactivation_blocks_are_their_formula(kind):
    block = BLOCKS[kind](stride=2).double()
    y = X
    for norm, _, conv in zip(*[iter(block.branch)] * 3, strict=True):
        y = convolved(normalised(y, norm).clamp(min=0), conv)
    torch.testing.assert_close(block(X), convolved(X, block.shortcut) + y, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", BLOCKS)
def test_shapes_biases_and_normalisation(kind):
    block = BLOCKS[kind](stride=2, bias=True, eps=1e-4, momentum=0.2)
    assert block(X.float()).shape == (2, 6, 3, 4)
    convolutions = [m for m in block.modules() if isinstance(m, nn.Conv2d)]
    assert all(conv.bias is not None for conv in convolutions)
    assert all(conv.bias is None for conv in BLOCKS[kind](bias=False).modules() if isinstance(conv, nn.Conv2d))
    norms = [m for m in block.modules() if isinstance(m, nn.BatchNorm2d)]
    assert {(norm.eps, norm.momentum) for norm in norms} == {(1e-4, 0.2)}


def test_the_shortcut_is_the_identity_where_shapes_agree():
    for block in (BasicBlock(4, 4), PreActBasic(4, 4), PreActBottleneck(4, 2, 4)):
        assert isinstance(block.shortcut, nn.Identity)


def test_without_activation_the_first_convolution_sees_the_input():
    assert isinstance(PreActBasic(4, 6, activate=False).branch[0], nn.Conv2d)
    assert isinstance(PreActBottleneck(4, 2, 6, activate=False).branch[0], nn.Conv2d)


@pytest.mark.parametrize("dimension", [1, 3])
def test_other_dimensions(dimension):
    x = torch.zeros(2, 4, *[5] * dimension)
    assert PreActBottleneck(4, 2, 6, dimension=dimension)(x).shape == (2, 6, *[5] * dimension)
    with pytest.raises(ValueError, match="Write dimension=2"):
        BasicBlock(4, 4, dimension=dimension + 4)

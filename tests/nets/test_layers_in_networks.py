"""Layers as modules of other people's networks: inserted, trained, pickled, distributed."""

from __future__ import annotations

import io

import pytest
import torch
from torch import nn
from torch.nn import functional

from pide.nets.layers import (
    AffinityDiffusion,
    HamiltonianBlock,
    NonlocalBlock,
    NonlocalStage,
    PIDEBlock,
    SpectralDiffusion,
    VerletBlock,
)
from pide.nets.models import hamiltonian
from pide.operators.affinity_pide import PIDE_KINDS

LAYERS = {
    "pide": lambda n: PIDEBlock(8, "fractional", dimension=n, s=0.4),
    "verlet": lambda n: VerletBlock(8, "log", dimension=n),
    "block": lambda n: NonlocalBlock(8, dimension=n, norm=True),
    "stage": lambda n: NonlocalStage(8, sub_blocks=2, dimension=n),
    "spectral": lambda n: SpectralDiffusion(8, dimension=n),
    "affinity": lambda n: AffinityDiffusion(8, dimension=n, method="implicit"),
}
in_layers = pytest.mark.parametrize("name", LAYERS)


class Residual(nn.Module):
    """A small ResNet that knows nothing of pide."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.layer1 = nn.Sequential(nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1))
        self.head = nn.Linear(8, 4)

    def forward(self, x):
        x = self.stem(x)
        x = x + self.layer1(x)
        return self.head(x.mean(dim=(2, 3)))


def network(name, dimension):
    torch.manual_seed(0)
    layer = LAYERS[name](dimension)
    if dimension == 1:
        return nn.Sequential(
            nn.Conv1d(3, 8, 3, padding=1), layer, nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(8, 4)
        )
    residual = Residual()
    residual.layer1 = nn.Sequential(residual.layer1, layer)
    return residual


def data(dimension):
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(6, 3, *(8,) * dimension, generator=generator)
    return x, torch.randint(0, 4, (6,), generator=generator)


@in_layers
@pytest.mark.parametrize("dimension", [1, 2])
def test_every_parameter_learns_in_a_network(name, dimension):
    net, (x, labels) = network(name, dimension), data(dimension)
    optimiser = torch.optim.SGD(net.parameters(), lr=0.05)
    losses = []
    for _ in range(6):
        optimiser.zero_grad()
        loss = functional.cross_entropy(net(x), labels)
        loss.backward()
        losses.append(loss.item())
        assert all(p.grad is not None and bool(torch.isfinite(p.grad).all()) for p in net.parameters())
        optimiser.step()
    assert losses[-1] < losses[0]


@in_layers
def test_pickles_give_the_same_network(name):
    net, (x, _) = network(name, 2).eval(), data(2)
    stream = io.BytesIO()
    torch.save(net, stream)
    stream.seek(0)
    assert torch.equal(torch.load(stream, weights_only=False)(x), net(x))


EXPORTED = {
    **{name: layer for name, layer in LAYERS.items() if name != "affinity"},
    **{f"pide {kind}": lambda n, kind=kind: PIDEBlock(8, kind, dimension=n, s=0.4) for kind in PIDE_KINDS},
    "dot": lambda n: NonlocalBlock(8, "dot", dimension=n),
    "affinity": lambda n: AffinityDiffusion(8, dimension=n),
    "hamiltonian": lambda n: HamiltonianBlock(8, dimension=n),
}


@pytest.mark.parametrize("name", EXPORTED)
def test_exported_layers_take_batches_of_any_size(name):
    torch.manual_seed(0)
    layer = EXPORTED[name](2).eval()
    batch = torch.export.Dim("batch", min=1, max=64)
    x = torch.randn(5, 8, 6, 6)
    program = torch.export.export(layer, (x[:3],), dynamic_shapes=({0: batch},)).module()
    for count in (1, 3, 5):
        torch.testing.assert_close(program(x[:count]), layer(x[:count]))


def test_exported_network_with_nonlocal_blocks():
    net = hamiltonian("cifar10", nonlocal_operator="fractional", blocks=2, seed=0).eval()
    batch = torch.export.Dim("batch", min=1, max=64)
    x = torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    program = torch.export.export(net, (x[:2],), dynamic_shapes=({0: batch},)).module()
    with torch.no_grad():
        torch.testing.assert_close(program(x), net(x))


# Torch gives gradients of convolutions of size 1 in another memory order than it asks for itself.
@pytest.mark.filterwarnings("ignore:Grad strides do not match bucket view strides")
def test_gradients_of_a_distributed_network(tmp_path):
    torch.distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    try:
        x, labels = data(2)
        grown = []
        for wrap in (lambda net: net, nn.parallel.DistributedDataParallel):
            net = wrap(network("pide", 2))
            functional.cross_entropy(net(x), labels).backward()
            grown.append([p.grad for p in net.parameters()])
        for alone, distributed in zip(*grown, strict=True):
            torch.testing.assert_close(distributed, alone)
    finally:
        torch.distributed.destroy_process_group()

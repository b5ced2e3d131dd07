"""Parameters and multiply-adds of the published networks, to the last one; nothing is allocated."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from pide.nets import models
from pide.nets.analysis import count_parameters, multiply_adds, operations
from pide.nets.layers import NonlocalBlock, NonlocalStage

OPERATORS = ("diffusion", "fractional", "inverse_fractional", "log")

HAMILTONIAN = {
    "cifar10": (508_954, 563_402),
    "cifar100": (670_324, 724_772),
    "stl10": (501_114, 555_562),
    "bdd100k": (493_284, 547_732),
}
RESIDUAL = {
    "cifar10": (662_826, 570_602),
    "cifar100": (668_676, 593_732),
    "stl10": (662_826, 570_602),
    "bdd100k": (663_476, 573_172),
}
HALVED_FLOPS = {
    None: 159_636_581,
    "diffusion": 192_956_357,
    "fractional": 193_410_045,
    "inverse_fractional": 193_241_757,
    "log": 193_661_085,
}


def made(build, *arguments, **options):
    with torch.device("meta"):
        return build(*arguments, **options)


@pytest.mark.parametrize("dataset", HAMILTONIAN)
@pytest.mark.parametrize("operator", [None, *OPERATORS])
def test_parameters_of_hamiltonian_74(dataset, operator):
    expected = HAMILTONIAN[dataset][operator is not None]
    assert count_parameters(made(models.hamiltonian, dataset, operator)) == expected


@pytest.mark.parametrize("dataset", RESIDUAL)
def test_parameters_of_the_networks_compared_with(dataset):
    resnet, preresnet = made(models.resnet44, dataset), made(models.preresnet20, dataset)
    assert (count_parameters(resnet), count_parameters(preresnet)) == RESIDUAL[dataset]


@pytest.mark.parametrize(
    ("build", "dataset", "variant", "expected"),
    [
        (models.preresnet20, "cifar10", "bottleneck", 219_482),
        (models.preresnet56, "cifar100", "bottleneck", 613_556),
        (models.preresnet20, "cifar10", "basic", 272_282),
        (models.preresnet56, "cifar10", "basic", 855_578),
    ],
)
def test_parameters_of_preactivation_networks_without_biases(build, dataset, variant, expected):
    assert count_parameters(made(build, dataset, variant=variant)) == expected


@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize("stages", [1, 3, 4])
def test_every_stage_adds_a_matrix_its_bias_and_a_normalisation(operator, stages):
    """Two stages are published; each has C^2 + 3 C numbers."""
    net = made(models.hamiltonian, "cifar10", operator, stages=stages)
    assert count_parameters(net) == 563_402 + (stages - 2) * sum(c * c + 3 * c for c in (32, 64, 112))


@pytest.mark.parametrize("operator", [None, *OPERATORS])
def test_multiply_adds_of_the_paper_and_their_core(operator):
    net = made(models.hamiltonian, "cifar10", operator)
    assert multiply_adds(net, (3, 32, 32)) == (158_483_968 if operator is None else 191_063_552)
    assert multiply_adds(net, (3, 32, 32), "published") == HALVED_FLOPS[operator]
    large = made(models.hamiltonian, "stl10", operator)
    assert multiply_adds(large, (3, 96, 96)) == (1_426_204_512 if operator is None else 1_988_067_168)


def test_multiply_adds_of_four_stages():
    """Each stage more costs K_i and the product with the values, at 32^2, 16^2 and 8^2 positions pooled by 2."""
    net = made(models.hamiltonian, "cifar10", "fractional", stages=4)
    stage = sum(M * c * c + M * (M // 4) * c for M, c in ((1024, 32), (256, 64), (64, 112)))
    assert multiply_adds(net, (3, 32, 32)) == 191_063_552 + 2 * stage


def test_the_page_of_counts_agrees_with_what_was_published():
    """Columns: network, parameters, published, core, with elementwise work, published."""
    text = (Path(__file__).parents[2] / "docs" / "benchmarks" / "networks.md").read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("| ")]
    rows = [row for row in rows if row[0] != "network"]
    assert len(rows) > 50
    assert all(row[2] in ("–", row[1]) and row[5] in ("–", row[4]) for row in rows)
    compared = {int(row[5].replace(" ", "")) for row in rows if row[5] != "–"}
    assert compared == set(HALVED_FLOPS.values())
    plain = next(row for row in rows if row[0] == "Hamiltonian-74")
    assert [int(cell.replace(" ", "")) for cell in plain[1:4]] == [508_954, 508_954, 158_483_968]


def test_the_way_a_model_is_stepped_does_not_change_its_counts():
    for counting in ("core", "published"):
        counts = {
            multiply_adds(models.hamiltonian("digits", memory=m), (1, 8, 8), counting) for m in ("stored", "reversible")
        }
        assert len(counts) == 1


class Small(nn.Module):
    """One of each module that has a rule."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(2, 4, 3, stride=2, groups=2), nn.MaxPool2d(2), nn.ConvTranspose2d(4, 3, 2, stride=2, bias=False)
        )
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 5))

    def forward(self, x):
        return self.head(self.body(x))


def test_rules_by_hand():
    """9 x 9 -> 4 x 4 -> 2 x 2 -> 4 x 4 -> 1: groups halve the kernel, a transposed convolution counts its input."""
    rows = operations(Small(), (2, 9, 9))
    assert rows["body.0"] == (16 * 4 * 1 * 9, 16 * 4 + 2 * 36)
    assert rows["body.1"] == (0, 4 * 4 * 4)
    assert rows["body.2"] == (4 * 4 * 3 * 4, 2 * 48)
    assert rows["head.0"] == (0, 3 * 16)
    assert rows["head.2"] == (15, 5 + 2 * 15)
    assert multiply_adds(Small(), (2, 9, 9)) == multiply_adds(Small(), (2, 9, 9), "executed")


@pytest.mark.parametrize("layer", [NonlocalBlock(8), NonlocalStage(8, sub_blocks=3)], ids=["original", "proposed"])
def test_original_and_proposed_nonlocal_layers(layer):
    """M = 30, C = 8, e = 4: embeddings M C e each, weights and each sum M^2 e, two convolutions a sub-block."""
    sums = 3 if isinstance(layer, NonlocalStage) else 1
    expected = 2 * 30 * 32 + 900 * 4 * (1 + sums) + sums * 2 * 30 * 32
    assert multiply_adds(layer, (8, 5, 6)) == expected


def test_executed_counts_what_an_associative_product_saves():
    net = made(models.hamiltonian, "cifar10", "diffusion")
    assert multiply_adds(net, (3, 32, 32), "executed") < 191_063_552


def test_counting_leaves_the_network_as_it_was():
    net = models.hamiltonian("digits", "log")
    before = {key: value.clone() for key, value in net.state_dict().items()}
    multiply_adds(net, (1, 8, 8), "published")
    assert net.training
    assert all(torch.equal(value, before[key]) for key, value in net.state_dict().items())
    assert not any(module._forward_hooks for module in net.modules())


def test_errors_say_what_to_write():
    with pytest.raises(ValueError, match="Write one of 'core', 'published', 'executed'"):
        multiply_adds(nn.Identity(), (1, 2, 2), "flops")
    with pytest.raises(ValueError, match="Write counting='executed'"):
        multiply_adds(nn.Sequential(nn.MultiheadAttention(4, 2)), (4, 4))

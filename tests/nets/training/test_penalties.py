"""Which parameters are shrunk and by how much, and the smoothness of kernels against its formula."""

from __future__ import annotations

import pytest
import torch

from pide.nets import models
from pide.nets.training import SGD, AdamW, Decay
from pide.nets.training.penalties import parameter_groups, smoothness, smoothness_pairs

NET = models.hamiltonian("digits", "diffusion", channels=(8, 8), blocks=3, step=0.1, seed=0)


def test_groups_are_kernels_nonlocal_kernels_and_the_rest() -> None:
    groups = {str(group["name"]): group for group in parameter_groups(NET, Decay(2e-4, 3e-4, 0.0))}
    assert {name: group["weight_decay"] for name, group in groups.items()} == {
        "kernels": 4e-4,
        "nonlocal": 6e-4,
        "others": 0.0,
    }
    names = {id(parameter): name for name, parameter in NET.named_parameters()}
    sets = {key: {names[id(parameter)] for parameter in group["params"]} for key, group in groups.items()}
    assert sum(map(len, sets.values())) == len(names)
    for name, parameter in NET.named_parameters():
        kind = "others" if parameter.ndim != 4 else "nonlocal" if "nonlocal_block" in name else "kernels"
        assert name in sets[kind], name


def test_nonlocal_kernels_decay_as_the_others_by_default() -> None:
    groups = {str(group["name"]): group["weight_decay"] for group in parameter_groups(NET, Decay(kernels=1.0))}
    assert groups["nonlocal"] == groups["kernels"] == 2.0


def test_one_step_is_the_gradient_of_the_penalised_loss() -> None:
    """p - r (g + 2 c p) with c |p|^2 differentiated by torch."""
    convolution = torch.nn.Conv2d(2, 3, 3)
    x = torch.randn(4, 2, 5, 5, generator=torch.Generator().manual_seed(2))
    c, rate, weight = 0.05, 0.1, convolution.weight.detach().clone()
    penalised = convolution(x).square().mean() + c * convolution.weight.square().sum()
    (gradient,) = torch.autograd.grad(penalised, [convolution.weight])
    optimiser = SGD(momentum=0.0).build(convolution, Decay(kernels=c))
    optimiser.param_groups[0]["lr"] = optimiser.param_groups[1]["lr"] = rate
    convolution(x).square().mean().backward()
    optimiser.step()
    torch.testing.assert_close(convolution.weight.detach(), weight - rate * gradient, rtol=1e-5, atol=1e-7)


def test_smoothness_is_the_sum_over_neighbours_of_a_unit() -> None:
    assert len(list(smoothness_pairs(NET))) == 4
    h, expected = 0.1, 0.0
    for unit in NET.units:
        kernels = unit.kernels()
        for j in range(len(kernels) - 1):
            for k in range(2):
                expected += h * float(((kernels[j][k] - kernels[j + 1][k]) / h).square().sum().detach())
    assert float(smoothness(NET).detach()) == pytest.approx(expected, rel=1e-5)
    assert float(smoothness(torch.nn.Linear(2, 2))) == 0.0
    assert smoothness(torch.nn.Linear(2, 2, device="meta")).device.type == "meta"


def test_wrong_optimisers() -> None:
    with pytest.raises(ValueError, match=r"Write momentum = 0\.9"):
        SGD(momentum=1.0)
    with pytest.raises(ValueError, match=r"both in \[0, 1\)"):
        AdamW(second=1.0)
    with pytest.raises(ValueError, match="Write 0 or more"):
        Decay(kernels=-1e-4)

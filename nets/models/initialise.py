"""Initial weights of the published networks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

import torch
from torch import nn

from pide.nets.layers import NonlocalBlock, NonlocalStage
from pide.nets.layers.convolutions import he_truncated_

__all__ = ["initialise", "seeded"]

Net = TypeVar("Net", bound=nn.Module)


def initialise(net: Net) -> Net:
    """Kernels from the normal distribution of variance 2 / fan-in cut off at two deviations; biases 0; BN identity.

    Parameters
    ----------
    net : nn.Module
        Changed in place and returned. `NonlocalBlock` and `NonlocalStage` keep their own initial weights.

    Notes
    -----
    The variance is that after the cut, as in the He initialiser of Keras. Numbers come from torch's generator.
    """
    for module in _outside(net, (NonlocalBlock, NonlocalStage)):
        if isinstance(module, nn.Conv1d | nn.Conv2d | nn.Conv3d | nn.Linear):
            he_truncated_(module.weight, module.weight[0].numel())
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return net


def seeded(build: Callable[[], Net], seed: int | None) -> Net:
    """A network whose random numbers come from `seed`, or from torch's global generator without one."""
    if seed is None:
        return initialise(build())
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return initialise(build())


def _outside(net: nn.Module, kinds: tuple[type[nn.Module], ...]) -> Iterable[nn.Module]:
    """Modules of the tree, without those of the kinds and what they hold."""
    if isinstance(net, kinds):
        return
    yield net
    for child in net.children():
        yield from _outside(child, kinds)

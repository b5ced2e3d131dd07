"""Penalties on parameters: decay of convolution kernels, and smoothness of kernels from block to block.

Symbols: K kernels; c coefficient of |K|^2 (no 1/2, so torch's weight_decay is 2 c); h the step of a Hamiltonian
block; a the coefficient of smoothness; j the number of a block in its Unit, k = 1, 2 its kernel.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from pide.nets.layers import NonlocalBlock, NonlocalStage, PIDEBlock
from pide.nets.layers.hamiltonian import HamiltonianBlock
from pide.nets.models import Unit

__all__ = ["Decay", "parameter_groups", "smoothness", "smoothness_pairs"]


@dataclass(frozen=True)
class Decay:
    """Penalty c |p|^2 on groups of parameters, and smoothness of Hamiltonian kernels.

    Parameters
    ----------
    kernels : float
        c of convolution kernels.
    nonlocal_kernels : float, optional
        c of the convolution kernels inside nonlocal blocks; by default that of all kernels.
    others : float
        c of everything else: dense layers, biases, normalisations. The papers' Hamiltonian networks use 0.
    smoothness : float
        a in a h sum_j sum_k |(K_{j,k} - K_{j+1,k}) / h|^2.
    """

    kernels: float = 0.0
    nonlocal_kernels: float | None = None
    others: float = 0.0
    smoothness: float = 0.0

    def __post_init__(self) -> None:
        if min(self.kernels, self.nonlocal_kernels or 0.0, self.others, self.smoothness) < 0:
            raise ValueError("Decay: a negative coefficient rewards large weights. Write 0 or more.")


def parameter_groups(net: nn.Module, decay: Decay) -> list[dict[str, object]]:
    """Parameters by decay, for torch's optimisers: kernels, kernels inside nonlocal blocks, others.

    Notes
    -----
    A kernel is the weight of a convolution or transposed convolution; it is nonlocal inside a `PIDEBlock`, a
    `NonlocalBlock` or a `NonlocalStage`.
    """
    chosen: dict[str, list[nn.Parameter]] = {"kernels": [], "nonlocal": [], "others": []}
    inside = _nonlocal_prefixes(net)
    kernels = {
        f"{name}.weight".lstrip(".")
        for name, module in net.named_modules()
        if isinstance(module, nn.modules.conv._ConvNd)
    }
    for name, parameter in net.named_parameters():
        if parameter.requires_grad:
            nonlocal_ = any(name.startswith(prefix) for prefix in inside)
            chosen["others" if name not in kernels else "nonlocal" if nonlocal_ else "kernels"].append(parameter)
    special = decay.kernels if decay.nonlocal_kernels is None else decay.nonlocal_kernels
    rates = {"kernels": decay.kernels, "nonlocal": special, "others": decay.others}
    return [
        {"name": name, "params": parameters, "weight_decay": 2 * rates[name]}
        for name, parameters in chosen.items()
        if parameters
    ]


def _nonlocal_prefixes(net: nn.Module) -> list[str]:
    kinds = (PIDEBlock, NonlocalBlock, NonlocalStage)
    return [f"{name}." for name, module in net.named_modules() if isinstance(module, kinds)]


def smoothness_pairs(net: nn.Module) -> Iterator[tuple[HamiltonianBlock, HamiltonianBlock]]:
    """Consecutive Hamiltonian blocks of every `Unit`; the nonlocal block may stand between them."""
    for unit in net.modules():
        if isinstance(unit, Unit):
            yield from pairwise(module for module in unit.modules() if isinstance(module, HamiltonianBlock))


def smoothness(net: nn.Module) -> Tensor:
    """Sum over pairs of blocks of h sum_k |(K_{j,k} - K_{j+1,k}) / h|^2 = sum_k |K_{j,k} - K_{j+1,k}|^2 / h.

    References
    ----------
    bohn2021
    """
    terms = [
        (a - b).square().sum() / first.step
        for first, second in smoothness_pairs(net)
        for a, b in zip(first.kernels(), second.kernels(), strict=True)
    ]
    return torch.stack(terms).sum() if terms else next(net.parameters()).new_zeros(())

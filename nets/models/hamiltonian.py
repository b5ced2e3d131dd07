"""Hamiltonian networks with nonlocal blocks (Bohn, Griebel and Kannan 2021): three Units of six Hamiltonian blocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from torch import Tensor, nn

from pide.nets.layers import HamiltonianBlock, HamiltonianChain, PIDEBlock
from pide.nets.models.initialise import seeded
from pide.nets.models.shapes import DatasetLike, DatasetShape, dataset_shape

__all__ = ["HamiltonianNet", "Unit", "hamiltonian"]


class Unit(nn.Module):
    """Hamiltonian blocks with at most one nonlocal block among them.

    Parameters
    ----------
    channels : int
    blocks : int
        Number of Hamiltonian blocks.
    nonlocal_block : nn.Module or None
        Stands after `nonlocal_after` of them.
    nonlocal_after : int
    options : mapping
        Keywords of `HamiltonianBlock`, `memory` among them.

    Raises
    ------
    ValueError
        If a nonlocal block is to stand after more blocks than there are.
    """

    def __init__(
        self,
        channels: int,
        blocks: int,
        *,
        nonlocal_block: nn.Module | None = None,
        nonlocal_after: int = 2,
        **options: Any,
    ) -> None:
        super().__init__()
        if nonlocal_block is not None and not 0 <= nonlocal_after <= blocks:
            raise ValueError(
                f"nonlocal_after={nonlocal_after} in a Unit of {blocks} blocks: needs 0 <= nonlocal_after <= blocks. "
                f"Write nonlocal_after={blocks}, or more blocks."
            )
        memory = options.pop("memory", "stored")
        before = blocks if nonlocal_block is None else nonlocal_after
        chain = [HamiltonianBlock(channels, memory=memory, **options) for _ in range(blocks)]
        self.before = HamiltonianChain(chain[:before], memory=memory)
        self.nonlocal_block = nonlocal_block
        self.after = HamiltonianChain(chain[before:], memory=memory)

    def forward(self, x: Tensor) -> Tensor:
        """x : tensor, shape (B, C, *positions)."""
        x = self.before(x)
        if self.nonlocal_block is not None:
            x = self.nonlocal_block(x)
        y: Tensor = self.after(x)
        return y

    def kernels(self) -> list[tuple[Tensor, Tensor]]:
        """(K of f1, K of f2) of every Hamiltonian block, in order: what a smoothness penalty in depth acts on."""
        return [block.kernels() for block in self.modules() if isinstance(block, HamiltonianBlock)]


class HamiltonianNet(nn.Module):
    """Stem, Units with transitions between them, and a linear head; made by `hamiltonian`."""

    def __init__(self, shape: DatasetShape, units: Sequence[Unit], channels: Sequence[int], norm: Mapping[str, Any]):
        super().__init__()
        self.dataset = shape
        self.stem = nn.Sequential(
            nn.Conv2d(shape.input_shape[0], channels[0], 3, padding=1), nn.BatchNorm2d(channels[0], **norm), nn.ReLU()
        )
        self.units = nn.ModuleList(units)
        self.transitions = nn.ModuleList(_transition(*pair, pool=not shape.segmentation) for pair in pairwise(channels))
        self.head = _head(shape, channels[-1], len(units) - 1)

    def forward(self, x: Tensor) -> Tensor:
        """Scores; x : tensor, shape (B, C, H, W); returns (B, classes), or (B, classes, H, W) for segmentation."""
        x = self.stem(x)
        for i, unit in enumerate(self.units):
            x = unit(x if i == 0 else self.transitions[i - 1](x))
        y: Tensor = self.head(x)
        return y


def hamiltonian(
    dataset: DatasetLike,
    nonlocal_operator: str | None = None,
    *,
    stages: int = 2,
    blocks: int = 6,
    channels: Sequence[int] = (32, 64, 112),
    step: float = 0.06,
    nonlocal_after: int = 2,
    nonlocal_step: float | None = None,
    strength: float = 0.1,
    s: float = 0.5,
    subsampling: int | None = None,
    normaliser: str = "count",
    sign: str = "paper",
    order: str = "conv-bn-relu",
    activation: str | None = "relu",
    memory: str = "stored",
    eps: float = 1e-3,
    momentum: float = 0.01,
    seed: int | None = None,
) -> HamiltonianNet:
    """Hamiltonian network, with 74 layers as it stands; B_i = X + h relu(BN(K_i op(B_{i-1}))) after block 2 of a Unit.

    Parameters
    ----------
    dataset : str, Dataset, DatasetShape or ((channels, height, width), classes)
        Shape of the data; names are those of `SHAPES`.
    nonlocal_operator : {None, "diffusion", "fractional", "inverse_fractional", "log"}
        Kind of the nonlocal block in every Unit.
    stages : int
        Of the nonlocal block.
    blocks : int
        Hamiltonian blocks in a Unit.
    channels : sequence of int, even
        Of the Units, whose number is the length.
    step : float
        h of the Hamiltonian blocks; of the nonlocal blocks too unless `nonlocal_step` is given.
    nonlocal_after : int
        Hamiltonian blocks before the nonlocal one in a Unit.
    strength, s, subsampling, normaliser, sign, order, activation
        Of `PIDEBlock`; `subsampling=None` takes the data set's, 2, 3 or 4.
    memory : {"stored", "reversible"}
        Of the Hamiltonian chains.
    eps, momentum : float
        Of every batch normalisation, in torch's convention.
    seed : int or None
        Of the initial weights; None takes torch's global generator.

    Notes
    -----
    508 954 parameters for CIFAR-10, 563 402 with a nonlocal operator of two stages. Segmentation has no pooling. The
    papers' sign is that of reversed diffusion for positive s; see `PIDEBlock`.

    Raises
    ------
    ValueError
        If the data set or the operator is unknown, channels are odd, or the image is too small for the poolings.

    References
    ----------
    Bohn, Griebel, Kannan 2021.

    Examples
    --------
    >>> from pide.nets import analysis, models
    >>> analysis.count_parameters(models.hamiltonian("cifar10", "fractional"))
    563402
    """
    shape = dataset_shape(dataset)
    _check_size(shape, len(channels))
    norm = {"eps": eps, "momentum": momentum}
    options = {
        "stages": stages,
        "subsampling": shape.subsampling if subsampling is None else subsampling,
        "strength": strength,
        "step": step if nonlocal_step is None else nonlocal_step,
        "s": s,
        "normaliser": normaliser,
        "sign": sign,
        "order": order,
        "activation": activation,
    }

    def build() -> HamiltonianNet:
        nonlocal_blocks = [_nonlocal_block(nonlocal_operator, width, options, norm) for width in channels]
        units = [
            Unit(width, blocks, nonlocal_block=block, nonlocal_after=nonlocal_after, step=step, memory=memory, **norm)
            for width, block in zip(channels, nonlocal_blocks, strict=True)
        ]
        return HamiltonianNet(shape, units, channels, norm)

    return seeded(build, seed)


def _nonlocal_block(
    kind: str | None, channels: int, options: Mapping[str, Any], norm: Mapping[str, float]
) -> nn.Module | None:
    if kind is None:
        return None
    block = PIDEBlock(channels, kind, **options)
    for module in block.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.eps, module.momentum = norm["eps"], norm["momentum"]
    return block


def _transition(channels: int, out: int, *, pool: bool) -> nn.Sequential:
    return nn.Sequential(*[nn.AvgPool2d(2)] * pool, nn.Conv2d(channels, out, 1), nn.ReLU())


def _head(shape: DatasetShape, channels: int, halvings: int) -> nn.Module:
    if shape.segmentation:
        return nn.Conv2d(channels, shape.classes, 1)
    height, width = ((side >> halvings) // shape.head_pool for side in shape.input_shape[1:])
    return nn.Sequential(
        nn.AvgPool2d(shape.head_pool), nn.Flatten(), nn.Linear(channels * height * width, shape.classes)
    )


def _check_size(shape: DatasetShape, units: int) -> None:
    least = shape.head_pool << (units - 1)
    if not shape.segmentation and min(shape.input_shape[1:]) < least:
        raise ValueError(
            f"images of {shape.input_shape[1]} x {shape.input_shape[2]} in {units} Units: {units - 1} halvings and a "
            f"pooling of {shape.head_pool} need {least} pixels a side. Write fewer channels, or a larger image."
        )

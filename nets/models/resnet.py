"""ResNets and pre-activation ResNets for small images, as both papers compare with them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from pide.nets.layers import BasicBlock, NonlocalBlock, NonlocalStage, PreActBasic, PreActBottleneck
from pide.nets.models.initialise import seeded
from pide.nets.models.shapes import DatasetLike, DatasetShape, dataset_shape

__all__ = ["ResidualNet", "preresnet", "preresnet20", "preresnet56", "resnet", "resnet44"]

VARIANTS = ("keras", "bottleneck", "basic")
FORMS = ("original", "proposed")
PLACES = ("same", "different")
_WIDTHS = (16, 32, 64)


class ResidualNet(nn.Module):
    """Stem, residual and nonlocal blocks in a row, and a head; made by `resnet` and `preresnet`."""

    def __init__(self, shape: DatasetShape, stem: nn.Module, blocks: Sequence[tuple[str, nn.Module]], channels: int):
        super().__init__()
        self.dataset = shape
        self.stem = stem
        self.blocks = nn.Sequential(OrderedDict(blocks))
        if shape.segmentation:
            self.head: nn.Module = nn.Conv2d(channels, shape.classes, 1)
        else:
            self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, shape.classes))

    def forward(self, x: Tensor) -> Tensor:
        """Scores; x : tensor, shape (B, C, H, W); returns (B, classes), or (B, classes, H, W) for segmentation."""
        y: Tensor = self.head(self.blocks(self.stem(x)))
        return y


def resnet(
    dataset: DatasetLike, depth: int, *, eps: float = 1e-3, momentum: float = 0.01, seed: int | None = None
) -> ResidualNet:
    """ResNet of 6 n + 2 layers with biases: three stages of n basic blocks with 16, 32 and 64 channels.

    Parameters
    ----------
    dataset : str, Dataset, DatasetShape or ((channels, height, width), classes)
    depth : int
        6 n + 2: 20, 32, 44, 56, 110.
    eps, momentum : float
        Of the batch normalisations, in torch's convention.
    seed : int or None
        Of the initial weights; None takes torch's global generator.

    Notes
    -----
    Strides 2 stand at the second and third stage; segmentation has none. Shortcuts that change the shape are 1 x 1
    convolutions.

    Raises
    ------
    ValueError
        If the depth is not 6 n + 2, or the data set is unknown.

    References
    ----------
    He, Zhang, Ren, Sun 2016, Deep residual learning for image recognition.
    """
    shape = dataset_shape(dataset)
    n = _blocks_a_stage("resnet", depth, 6)
    norm: dict[str, Any] = {"eps": eps, "momentum": momentum}

    def build() -> ResidualNet:
        blocks = [
            (name, BasicBlock(before, out, stride=stride, **norm))
            for name, before, out, stride in _stages(shape, n, _WIDTHS, _WIDTHS[0])
        ]
        return ResidualNet(shape, _activated_stem(shape, norm), blocks, _WIDTHS[-1])

    return seeded(build, seed)


def resnet44(dataset: DatasetLike, **options: Any) -> ResidualNet:
    """`resnet(dataset, 44)`: 662 826 parameters for CIFAR-10."""
    return resnet(dataset, 44, **options)


def preresnet(
    dataset: DatasetLike,
    depth: int,
    *,
    variant: str = "keras",
    nonlocal_blocks: int = 0,
    form: str = "proposed",
    places: str = "same",
    kind: str = "embedded_gaussian",
    embedding: int | None = None,
    nonlocal_options: Mapping[str, Any] | None = None,
    eps: float = 1e-3,
    momentum: float = 0.01,
    seed: int | None = None,
) -> ResidualNet:
    """Pre-activation ResNet, with nonlocal blocks Z <- Z + W (A Z) or Z <- Z + W (A Z - Z) of one affinity A.

    Parameters
    ----------
    dataset : str, Dataset, DatasetShape or ((channels, height, width), classes)
    depth : int
        9 n + 2 with bottlenecks, 6 n + 2 with basic blocks.
    variant : {"keras", "bottleneck", "basic"}
        "keras": biases, out 64, 128, 256 and middle 16, 64, 128, an activated stem. "bottleneck": no biases, out 64,
        128, 256, middle a quarter of it. "basic": no biases, 16, 32, 64, basic blocks.
    nonlocal_blocks : int
        Their number N, 0 for none.
    form : {"original", "proposed"}
        "original": N blocks of Wang et al., each with an affinity of its own input. "proposed": stages of Tao et al.
    places : {"same", "different"}
        "same": all after the second residual block, the proposed ones as one stage of N sub-blocks. "different": one
        each after residual blocks 2, 2 + B/N, 2 + 2 B/N, ... of B, rounded down: the second of every stage for N = 3.
        The paper does not say which places it took.
    kind : str
        Of the affinity: "embedded_gaussian", "gaussian", "dot" or "concatenation".
    embedding : int or None
        Channels of the embeddings; None takes the layer's default.
    nonlocal_options : mapping or None
        Other keywords of the layers: {"scale": True, "normalise": "batch", "initial_scale": 0.1}. None is the paper's
        form, which needs a small learning rate here: its exponents grow with the square of unnormalised features.
    eps, momentum : float
        Of the batch normalisations of residual blocks, in torch's convention.
    seed : int or None
        Of the initial weights; None takes torch's global generator.

    Notes
    -----
    Parameters for CIFAR-10 at depth 20: 570 602, 219 482 and 272 282.

    Raises
    ------
    ValueError
        If the depth does not fit the variant, a name is unknown, or N is more than half the residual blocks at
        different places.

    References
    ----------
    Tao, Sun, Du, Liu 2018; Wang, Girshick, Gupta, He 2018; He, Zhang, Ren, Sun 2016, Identity mappings.
    """
    shape = dataset_shape(dataset)
    for name, value, known in (("variant", variant, VARIANTS), ("form", form, FORMS), ("places", places, PLACES)):
        if value not in known:
            raise ValueError(f"preresnet({name}={value!r}): unknown. Write one of {', '.join(map(repr, known))}.")
    n = _blocks_a_stage("preresnet", depth, 6 if variant == "basic" else 9)
    where = _nonlocal_places(nonlocal_blocks, places, 3 * n)
    norm: dict[str, Any] = {"eps": eps, "momentum": momentum}
    options = {"kind": kind, "embedding": embedding, **(nonlocal_options or {})}

    def build() -> ResidualNet:
        stem = _activated_stem(shape, norm) if variant == "keras" else _plain_stem(shape)
        widths = _WIDTHS if variant == "basic" else tuple(4 * width for width in _WIDTHS)
        blocks: list[tuple[str, nn.Module]] = []
        for i, (name, before, out, stride) in enumerate(_stages(shape, n, widths, 16), start=1):
            blocks.append((name, _residual(variant, before, out, stride, norm)))
            blocks += [
                (f"nonlocal_{i}_{j}", block)
                for j, block in enumerate(_nonlocal(form, out, where.get(i, 0), options), start=1)
            ]
        blocks += [("norm", nn.BatchNorm2d(widths[-1], **norm)), ("relu", nn.ReLU())]
        return ResidualNet(shape, stem, blocks, widths[-1])

    return seeded(build, seed)


def preresnet20(dataset: DatasetLike, **options: Any) -> ResidualNet:
    """`preresnet(dataset, 20, **options)`."""
    return preresnet(dataset, 20, **options)


def preresnet56(dataset: DatasetLike, **options: Any) -> ResidualNet:
    """`preresnet(dataset, 56, **options)`."""
    return preresnet(dataset, 56, **options)


def _stages(shape: DatasetShape, n: int, widths: Sequence[int], channels: int) -> Iterator[tuple[str, int, int, int]]:
    """(name, channels in, channels out, stride) of the residual blocks."""
    for stage, out in enumerate(widths):
        for block in range(n):
            stride = 2 if stage and not block and not shape.segmentation else 1
            yield f"stage{stage + 1}_block{block + 1}", channels, out, stride
            channels = out


def _residual(variant: str, before: int, out: int, stride: int, norm: Mapping[str, Any]) -> nn.Module:
    if variant == "basic":
        return PreActBasic(before, out, stride=stride, **norm)
    if variant == "bottleneck":
        return PreActBottleneck(before, out // 4, out, stride=stride, **norm)
    middle = 16 if out == 64 else out // 2
    return PreActBottleneck(before, middle, out, stride=stride, bias=True, activate=before != 16, **norm)


def _nonlocal(form: str, channels: int, count: int, options: Mapping[str, Any]) -> list[nn.Module]:
    if form == "original":
        return [NonlocalBlock(channels, **options) for _ in range(count)]
    return [NonlocalStage(channels, sub_blocks=count, **options)] if count else []


def _nonlocal_places(count: int, places: str, blocks: int) -> dict[int, int]:
    """Number of nonlocal blocks after each residual block, counted from 1."""
    if count < 0 or (places == "different" and count > blocks // 2):
        raise ValueError(
            f"nonlocal_blocks={count} at different places among {blocks} residual blocks: "
            f"needs 0 to {blocks // 2}. Write places='same' for more."
        )
    if places == "same":
        return {2: count}
    return {2 + (i * blocks) // count: 1 for i in range(count)}


def _blocks_a_stage(name: str, depth: int, layers: int) -> int:
    n, rest = divmod(depth - 2, layers)
    if rest or n < 1:
        below = layers * max(1, n) + 2
        raise ValueError(
            f"{name}(depth={depth}): these blocks give {layers} n + 2 layers. Write {below} or {below + layers}."
        )
    return n


def _activated_stem(shape: DatasetShape, norm: Mapping[str, Any]) -> nn.Module:
    return nn.Sequential(nn.Conv2d(shape.input_shape[0], 16, 3, padding=1), nn.BatchNorm2d(16, **norm), nn.ReLU())


def _plain_stem(shape: DatasetShape) -> nn.Module:
    return nn.Conv2d(shape.input_shape[0], 16, 3, padding=1, bias=False)

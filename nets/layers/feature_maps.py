"""Feature maps (B, C, *shape) in one, two and three dimensions: convolutions of size 1, pooling, rows of positions."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = [
    "Norm",
    "Pointwise",
    "arranged_like",
    "batch_norm",
    "channels_together",
    "check_channels",
    "check_dimension",
    "check_map",
    "he_truncated_",
    "max_pool",
    "pointwise",
    "pooled_shape",
    "to_maps",
    "to_positions",
]

Pointwise = nn.Conv1d | nn.Conv2d | nn.Conv3d
Norm = nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d

_CONVOLUTIONS = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
_NORMS = {1: nn.BatchNorm1d, 2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
_POOLS = {1: functional.max_pool1d, 2: functional.max_pool2d, 3: functional.max_pool3d}

_TOGETHER = {4: torch.channels_last, 5: torch.channels_last_3d}

_TRUNCATED_DEVIATION = 0.87962566103423978
"""Standard deviation of the standard normal cut at -2 and 2."""


def pointwise(dimension: int, inputs: int, outputs: int, bias: bool = True) -> Pointwise:
    """Convolution of size 1 with truncated He normal weights and bias 0."""
    kind: Any = _CONVOLUTIONS[dimension]
    layer: Pointwise = kind(inputs, outputs, 1, bias=bias)
    he_truncated_(layer.weight, inputs)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def he_truncated_(weight: Tensor, fan_in: int) -> Tensor:
    """Normal of variance 2 / fan_in, cut at two standard deviations and rescaled to keep it (He et al. 2015)."""
    deviation = math.sqrt(2.0 / fan_in) / _TRUNCATED_DEVIATION
    return nn.init.trunc_normal_(weight, std=deviation, a=-2.0 * deviation, b=2.0 * deviation)


def batch_norm(dimension: int, channels: int) -> Norm:
    """Batch normalisation with eps 1e-3 and weight 0.01 of the new batch (0.99 of the old, Bohn et al. 2021)."""
    kind: Any = _NORMS[dimension]
    norm: Norm = kind(channels, eps=1e-3, momentum=0.01)
    return norm


def max_pool(x: Tensor, size: int, dimension: int) -> Tensor:
    """Maximum over disjoint cubes of `size`, dropping what is left over; x itself for size 1."""
    return x if size == 1 else _POOLS[dimension](x, size)


def pooled_shape(shape: tuple[int, ...], size: int) -> tuple[int, ...]:
    """Shape of a feature map after `max_pool`."""
    return tuple(count // size for count in shape)


def channels_together(x: Tensor) -> Tensor:
    """The same maps with the channels of a pixel beside each other in memory, where torch has such a format."""
    return x.contiguous(memory_format=_TOGETHER[x.dim()]) if x.dim() in _TOGETHER else x


def arranged_like(y: Tensor, x: Tensor) -> Tensor:
    """y in the memory format of x."""
    return y.contiguous() if x.is_contiguous() else y


def to_positions(x: Tensor) -> Tensor:
    """(B, C, *shape) -> (B, M, C), a view of contiguous and of channels_last maps."""
    return x.flatten(2).mT


def to_maps(y: Tensor, shape: tuple[int, ...]) -> Tensor:
    """(B, M, C) -> (B, C, *shape), a view; contiguous positions give channels_last maps."""
    return y.mT.reshape(y.shape[0], y.shape[2], *shape)


def check_channels(owner: str, channels: int, embedding: int | None) -> int:
    """Embedding channels: the given ones, or half of the channels.

    Raises
    ------
    ValueError
        For fewer than one channel, and an odd number of channels without an embedding.
    """
    if channels < 1:
        raise ValueError(f"{owner}(channels={channels}): at least 1 channel is needed. Write channels=32.")
    if embedding is None:
        if channels % 2:
            raise ValueError(
                f"{owner}(channels={channels}): the default embedding has channels / 2, and {channels} is odd. "
                f"Write embedding={max(1, channels // 2)}, or an even number of channels."
            )
        return channels // 2
    if embedding < 1:
        raise ValueError(f"{owner}(embedding={embedding}): at least 1 is needed. Leave it out for channels / 2.")
    return embedding


def check_map(owner: str, x: Tensor, channels: int, dimension: int, subsampling: int) -> None:
    """Refuse inputs that are not (B, channels, *shape) with `dimension` axes of at least `subsampling`.

    Raises
    ------
    ValueError
    """
    if x.dim() != dimension + 2 or x.shape[1] != channels:
        axes = ("L", "H, W", "D, H, W")[dimension - 1]
        raise ValueError(
            f"{owner}: features of shape {tuple(x.shape)}, needed is (B, {channels}, {axes}). "
            f"Write {owner}(channels={x.shape[1] if x.dim() > 1 else 1}, dimension={max(1, x.dim() - 2)})."
        )
    smallest = min(x.shape[2:])
    if smallest < subsampling:
        raise ValueError(
            f"{owner}(subsampling={subsampling}) on a map of {' x '.join(map(str, x.shape[2:]))}: "
            f"the pooled map would be empty. Write subsampling={max(1, smallest)} or less."
        )


def check_dimension(owner: str, dimension: int) -> None:
    """Refuse dimensions other than 1, 2 and 3.

    Raises
    ------
    ValueError
    """
    if dimension not in _CONVOLUTIONS:
        raise ValueError(f"{owner}(dimension={dimension}): maps have 1, 2 or 3 axes. Write dimension=2 for images.")

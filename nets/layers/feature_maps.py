"""Feature maps (B, C, *shape) in one, two and three dimensions: pooling, rows of positions, checks."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

__all__ = [
    "arranged_like",
    "channels_together",
    "check_channels",
    "check_choices",
    "check_map",
    "max_pool",
    "pooled_shape",
    "to_maps",
    "to_positions",
]

_POOLS = {1: functional.max_pool1d, 2: functional.max_pool2d, 3: functional.max_pool3d}
_TOGETHER = {4: torch.channels_last, 5: torch.channels_last_3d}


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


def check_choices(owner: str, *choices: tuple[str, str | None, tuple[str | None, ...]]) -> None:
    """Refuse options that are not among the known ones; each choice is (name, given, known).

    Raises
    ------
    ValueError
    """
    for name, given, known in choices:
        if given not in known:
            listed = ", ".join(map(repr, known))
            raise ValueError(f"{owner}({name}={given!r}): there are {listed}. Write one of them.")

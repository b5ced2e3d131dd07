"""Corruptions of images, by kind and severity, to measure how robust a network is.

Image i of a set is corrupted the same way whatever the batch: draws depend on (seed, i) alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor, nn

from pide.nets.data.images import Images

__all__ = ["SEVERITIES", "Corruption", "corrupt"]

Kind = Literal["noise", "blur", "occlusion"]

SEVERITIES: dict[str, tuple[float, ...]] = {
    "noise": (0.02, 0.04, 0.08, 0.12, 0.18),
    "blur": (0.5, 0.75, 1.0, 1.5, 2.0),
    "occlusion": (0.1, 0.2, 0.3, 0.4, 0.5),
}
"""Severity 1 .. 5: standard deviation of bytes / 255; standard deviation in pixels; side of the square / image side."""


@dataclass(frozen=True)
class Corruption:
    """One kind of damage at one severity.

    Parameters
    ----------
    kind : {"noise", "blur", "occlusion"}
        Gaussian noise on every byte; Gaussian blur; a grey square at a uniform place.
    severity : int
        1 (mild) to 5 (strong); see `SEVERITIES` for what that is.
    seed : int
    """

    kind: Kind
    severity: int = 3
    seed: int = 0

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind) or not 1 <= self.severity <= len(SEVERITIES[self.kind]):
            raise ValueError(
                f"Corruption({self.kind!r}, severity={self.severity}): needs one of {', '.join(get_args(Kind))} with "
                'severity 1 to 5. Write Corruption("noise", severity=3).'
            )

    @property
    def strength(self) -> float:
        """The number that `SEVERITIES` gives this severity."""
        return SEVERITIES[self.kind][self.severity - 1]


def corrupt(images: Images, corruption: Corruption) -> Images:
    """The damaged images; labels stay as they are.

    Notes
    -----
    Results are rounded to bytes and clipped to 0 .. 255. Blur: a separable Gaussian truncated at 3 standard
    deviations and renormalised, the border repeated. Occlusion: value 128 inside the square.
    """
    change = {"noise": _noisy, "blur": _blurred, "occlusion": _occluded}[corruption.kind]
    return replace(images, pixels=change(images.pixels, corruption))


def _bytes(values: Tensor) -> Tensor:
    return values.round().clamp(0, 255).to(torch.uint8)


def _noisy(pixels: Tensor, corruption: Corruption) -> Tensor:
    damaged = torch.empty_like(pixels)
    for index, image in enumerate(pixels):
        draws = np.random.default_rng([corruption.seed, index]).standard_normal(tuple(image.shape))
        damaged[index] = _bytes(image + 255 * corruption.strength * torch.from_numpy(draws).to(image.device))
    return damaged


def _blurred(pixels: Tensor, corruption: Corruption) -> Tensor:
    sigma = corruption.strength
    radius = math.ceil(3 * sigma)
    weights = torch.exp(-0.5 * (torch.arange(-radius, radius + 1, device=pixels.device) / sigma) ** 2)
    weights = weights / weights.sum()
    channels = pixels.shape[1]
    row = weights.expand(channels, 1, 1, -1)
    damaged = torch.empty_like(pixels)
    for rows in torch.split(torch.arange(len(pixels)), 256):
        x = nn.functional.pad(pixels[rows].float(), (radius,) * 4, mode="replicate")
        x = nn.functional.conv2d(x, row, groups=channels)
        damaged[rows] = _bytes(nn.functional.conv2d(x, row.mT, groups=channels))
    return damaged


def _occluded(pixels: Tensor, corruption: Corruption) -> Tensor:
    height, width = pixels.shape[2:]
    rows, columns = (max(1, round(corruption.strength * length)) for length in (height, width))
    damaged = pixels.clone()
    for index in range(len(pixels)):
        generator = np.random.default_rng([corruption.seed, index])
        top, left = generator.integers(height - rows + 1), generator.integers(width - columns + 1)
        damaged[index, :, top : top + rows, left : left + columns] = 128
    return damaged

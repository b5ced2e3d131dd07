"""From bytes to network inputs: x = bytes / 255 - mean image of the training set."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pide.nets.data.images import Images

__all__ = ["Preprocessing", "fit_preprocessing"]


@dataclass(frozen=True, eq=False)
class Preprocessing:
    """x = bytes / 255 - mean.

    Parameters
    ----------
    mean : tensor, shape (C, H, W)
        Per-pixel mean of bytes / 255 over the training images; zeros subtract nothing.
    """

    mean: Tensor

    def __call__(self, pixels: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
        """Inputs of shape (B, C, H, W) of bytes of that shape."""
        if pixels.shape[1:] != self.mean.shape:
            raise ValueError(
                f"images of shape {tuple(pixels.shape[1:])}: the mean image of the training set has shape "
                f"{tuple(self.mean.shape)}. Give images of that size and number of channels."
            )
        return pixels.to(dtype) / 255 - self.mean.to(pixels.device, dtype)


def fit_preprocessing(train: Images, subtract_mean: bool = True) -> Preprocessing:
    """Preprocessing whose mean image is that of these training images, summed exactly in integers.

    References
    ----------
    bohn2021
    """
    if not subtract_mean:
        return Preprocessing(torch.zeros(train.pixels.shape[1:], dtype=torch.float64))
    total = train.pixels.sum(0, dtype=torch.int64).to(torch.float64)
    return Preprocessing(total / (255 * len(train)))

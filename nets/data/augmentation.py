"""Augmentation of the training images: zero-pad and crop, and horizontal flip.

Every draw is a function of (seed, epoch, index of the image): neither the batch an image falls into, nor the number
of processes, nor a restart can change it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from pide.nets.data.counters import uniform

__all__ = ["Augmentation"]

_ROWS, _COLUMNS, _FLIP = range(3)


@dataclass(frozen=True)
class Augmentation:
    """Zero-pad by `pad`, crop a window of the old size at a uniform place, then mirror with probability 1/2.

    Parameters
    ----------
    pad : int, pixels
        0 leaves the frame as it is; the papers use 4 (32 x 32) and 12 (96 x 96). Not for segmentation.
    flip : bool
        Mirror left and right with probability 1/2, labels of pixels with their image.
    seed : int

    Notes
    -----
    The zeros come after the mean image has been subtracted. There are (2 pad + 1)^2 equally likely windows.
    """

    pad: int = 0
    flip: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        if self.pad < 0:
            raise ValueError(f"Augmentation(pad={self.pad}): a number of pixels is needed. Write pad=0 or more.")

    def __call__(self, images: Tensor, labels: Tensor, rows: Tensor, epoch: int) -> tuple[Tensor, Tensor]:
        """Augmented images and their labels.

        Parameters
        ----------
        images : tensor, shape (B, C, H, W)
        labels : tensor, shape (B,) or (B, H, W)
        rows : tensor, shape (B,), int64
            Index of every image in the training set.
        epoch : int
        """
        key = rows.cpu().numpy()
        if self.pad:
            if labels.ndim == 3:
                raise ValueError("pad and crop with labels per pixel: the padding has none. Write pad=0.")
            images = self._cropped(images, epoch, key)
        if self.flip:
            mirrored = torch.from_numpy(uniform(self.seed, epoch, key, _FLIP) < 0.5).to(images.device)
            images = torch.where(mirrored[:, None, None, None], images.flip(-1), images)
            if labels.ndim == 3:
                labels = torch.where(mirrored[:, None, None], labels.flip(-1), labels)
        return images, labels

    def _cropped(self, images: Tensor, epoch: int, key: np.ndarray) -> Tensor:
        """Window of the padded image whose corner is drawn for each image."""
        places = 2 * self.pad + 1
        top, left = (
            torch.from_numpy((places * uniform(self.seed, epoch, key, draw)).astype(np.int64)).to(images.device)
            for draw in (_ROWS, _COLUMNS)
        )
        count, channels, height, width = images.shape
        padded = nn.functional.pad(images, (self.pad,) * 4)
        grid = torch.arange(max(height, width), device=images.device)
        batch = torch.arange(count, device=images.device)[:, None, None, None]
        channel = torch.arange(channels, device=images.device)[None, :, None, None]
        lines = (top[:, None] + grid[:height])[:, None, :, None]
        columns = (left[:, None] + grid[:width])[:, None, None, :]
        return padded[batch, channel, lines, columns]

"""Labelled images in memory: what every reader returns and the loop trains on."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Dataset", "Images"]


@dataclass(frozen=True, eq=False)
class Images:
    """Images with one label each, or one label per pixel.

    Parameters
    ----------
    pixels : tensor, shape (N, C, H, W), uint8
        0 to 255, one byte per channel.
    labels : tensor, int64, shape (N,) or (N, H, W)
        Class numbers from 0; pixels without a class hold `Dataset.ignored`.
    """

    pixels: Tensor
    labels: Tensor

    def __post_init__(self) -> None:
        if self.pixels.ndim != 4 or self.pixels.dtype != torch.uint8:
            raise ValueError(
                f"Images(pixels of shape {tuple(self.pixels.shape)}, {self.pixels.dtype}): needed are bytes of shape "
                "(N, C, H, W). Write torch.as_tensor(array, dtype=torch.uint8).reshape(N, C, H, W)."
            )
        count, _, height, width = self.pixels.shape
        if self.labels.dtype != torch.int64 or tuple(self.labels.shape) not in ((count,), (count, height, width)):
            raise ValueError(
                f"Images(labels of shape {tuple(self.labels.shape)}, {self.labels.dtype}): needed are int64 of shape "
                f"({count},) or ({count}, {height}, {width}). Write torch.as_tensor(labels, dtype=torch.int64)."
            )

    def __len__(self) -> int:
        return len(self.pixels)

    @property
    def dense(self) -> bool:
        """Whether every pixel has a label: segmentation."""
        return self.labels.ndim == 3

    def take(self, rows: Tensor) -> Images:
        """The images of these row numbers, in this order."""
        return Images(self.pixels[rows], self.labels[rows])

    def to(self, device: str | torch.device) -> Images:
        """The same images on a device."""
        return Images(self.pixels.to(device), self.labels.to(device))


@dataclass(frozen=True, eq=False)
class Dataset:
    """A training set and the sets it is judged on.

    Parameters
    ----------
    name : str
    train, test : Images
    classes : tuple of str
        Name of every class number.
    validation : Images, optional
        Where the data set defines one, or where some of `train` was held out.
    ignored : int, optional
        Label of pixels that count neither in the loss nor in the scores.
    identity : str
        Whether the files it was read from are the published ones; see `pide.nets.data.checksums.identity`.
    """

    name: str
    train: Images
    test: Images
    classes: tuple[str, ...]
    validation: Images | None = None
    ignored: int | None = None
    identity: str = ""

    def __post_init__(self) -> None:
        for split, images in self.splits.items():
            wrong = (images.labels < 0) | (images.labels >= len(self.classes))
            if self.ignored is not None:
                wrong &= images.labels != self.ignored
            if bool(wrong.any()):
                raise ValueError(
                    f"{self.name}, {split}: {int(wrong.sum())} labels lie outside 0 .. {len(self.classes) - 1}. "
                    "Name every class, map the labels, or give their number as ignored."
                )

    @property
    def splits(self) -> dict[str, Images]:
        """The sets by name: train, test and, where there is one, validation."""
        named = {"train": self.train, "test": self.test, "validation": self.validation}
        return {name: images for name, images in named.items() if images is not None}

    @property
    def dense(self) -> bool:
        """Whether every pixel has a label: segmentation."""
        return self.train.dense

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of an image."""
        channels, height, width = self.train.pixels.shape[1:]
        return channels, height, width

"""From a training file to tensors: the sets of an experiment, preprocessed, in batches that any restart repeats."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pide.nets.data.augmentation import Augmentation
from pide.nets.data.catalogue import HALVED, SUMMED, read_dataset
from pide.nets.data.corruptions import corrupt
from pide.nets.data.images import Dataset
from pide.nets.data.preprocessing import Preprocessing, fit_preprocessing
from pide.nets.data.subsets import choose, hold_out, keep_fraction
from pide.nets.training.config import Config, DataTable

__all__ = ["Batches", "prepare"]


@dataclass(frozen=True, eq=False)
class Batches:
    """The sets of an experiment on a device, with what is done to images on their way into the network.

    Parameters
    ----------
    dataset : Dataset
    preprocessing : Preprocessing
    augmentation : Augmentation
    size : int
        Images per batch, of all processes together.
    dtype : torch.dtype
    """

    dataset: Dataset
    preprocessing: Preprocessing
    augmentation: Augmentation
    size: int
    dtype: torch.dtype = torch.float32

    @property
    def count(self) -> int:
        """Batches per epoch; the last one may be smaller."""
        return -(-len(self.dataset.train) // self.size)

    def training(
        self, epoch: int, start: int = 0, rank: int = 0, processes: int = 1
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Inputs and labels of the batches `start`, `start + 1`, ... of an epoch; this process's share of each.

        Notes
        -----
        The order is a permutation drawn from (seed, epoch). Process r takes the images r, r + R, r + 2 R, ... of
        every batch, so that all of them together see the batches of one process.
        """
        train = self.dataset.train
        order = torch.from_numpy(np.random.default_rng([self.augmentation.seed, epoch]).permutation(len(train)))
        for rows in torch.split(order, self.size)[start:]:
            mine = rows[rank::processes]
            images = train.take(mine.to(train.pixels.device))
            inputs = self.preprocessing(images.pixels, self.dtype)
            yield self.augmentation(inputs, images.labels, mine, epoch)

    def evaluation(self, split: str, rank: int = 0, processes: int = 1) -> Iterator[tuple[Tensor, Tensor]]:
        """Inputs and labels of a set in order, not augmented; this process's share."""
        images = self.dataset.splits[split]
        mine = torch.arange(rank, len(images), processes, device=images.pixels.device)
        for rows in torch.split(mine, self.size):
            part = images.take(rows)
            yield self.preprocessing(part.pixels, self.dtype), part.labels

    @property
    def judged(self) -> str:
        """The set that picks the best epoch: validation where there is one, else test."""
        return "validation" if self.dataset.validation is not None else "test"


def prepare(config: Config, device: str | None = None) -> Batches:
    """Sets of a training file on its device, or on another one.

    Notes
    -----
    In this order: read, choose train_images and test_images, hold out for validation, keep a fraction of each class,
    take the mean image of what is left, corrupt the test and validation sets.

    Raises
    ------
    FileNotFoundError, ValueError
        If files are missing or damaged; see `pide.nets.data.read_dataset`.
    """
    table, seed = config.data, config.seed
    dataset = read_dataset(table.name, table.folder, **_options(table))
    dataset = replace(
        dataset, train=choose(dataset.train, table.train_images), test=choose(dataset.test, table.test_images)
    )
    if table.validation:
        dataset = hold_out(dataset, table.validation, seed)
    dataset = replace(dataset, train=keep_fraction(dataset.train, table.fraction, seed))
    preprocessing = fit_preprocessing(dataset.train, table.mean)
    if table.corruption is not None:
        damaged = {name: corrupt(images, table.corruption) for name, images in dataset.splits.items()}
        dataset = replace(dataset, test=damaged["test"], validation=damaged.get("validation"))
    dataset = _on(dataset, device or config.run.device)
    augmentation = Augmentation(table.pad, table.flip, seed)
    dtype = torch.float64 if config.run.precision == "float64" else torch.float32
    return Batches(dataset, preprocessing, augmentation, config.training.batch, dtype)


def _options(table: DataTable) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if table.name in SUMMED:
        options["checksums"] = table.checksums
    if table.name in HALVED and table.halvings is not None:
        options["halvings"] = table.halvings
    if table.name == "segmentation_folder":
        options["ignored"] = table.ignored
    if table.name == "qtips":
        options |= {"train": table.train_images or 1024, "test": table.test_images or 256}
        drawn = {"sticks": table.sticks, "side": table.side, "types": table.types}
        options |= {key: value for key, value in drawn.items() if value is not None}
    return options


def _on(dataset: Dataset, device: str) -> Dataset:
    held = dataset.validation
    return replace(
        dataset,
        train=dataset.train.to(device),
        test=dataset.test.to(device),
        validation=None if held is None else held.to(device),
    )

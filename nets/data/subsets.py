"""Parts of a training set: a fraction of every class, and a part held out for validation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from pide.nets.data.images import Dataset, Images

__all__ = ["choose", "hold_out", "keep_fraction"]


def _ordered_by_class(labels: Tensor, seed: int) -> list[Tensor]:
    """Row numbers of every class in a random order."""
    numbers = labels.cpu().numpy()
    generator = np.random.default_rng(seed)
    return [torch.from_numpy(generator.permutation(np.flatnonzero(numbers == label))) for label in np.unique(numbers)]


def _split(images: Images, fraction: float, seed: int) -> tuple[Tensor, Tensor]:
    """Row numbers of `fraction` of the images, stratified by class where images have one, and of the others."""
    labels = torch.zeros(len(images), dtype=torch.int64) if images.dense else images.labels
    chosen, others = [], []
    for rows in _ordered_by_class(labels, seed):
        count = max(1, round(fraction * len(rows)))
        chosen.append(rows[:count])
        others.append(rows[count:])
    return torch.cat(chosen).sort().values, torch.cat(others).sort().values


def keep_fraction(images: Images, fraction: float, seed: int = 0) -> Images:
    """`fraction` of the images of every class, rounded, at least one; in their old order.

    Parameters
    ----------
    images : Images
    fraction : float
        0 < fraction <= 1. Images with labels per pixel are drawn without regard to them.
    seed : int

    Raises
    ------
    ValueError
        If the fraction is not in (0, 1].
    """
    if not 0 < fraction <= 1:
        raise ValueError(f"fraction={fraction:g}: needs 0 < fraction <= 1. Write fraction = 0.1 for a tenth.")
    return images if fraction == 1 else images.take(_split(images, fraction, seed)[0])


def hold_out(dataset: Dataset, fraction: float, seed: int = 0) -> Dataset:
    """The data set with `fraction` of every class of `train` moved to `validation`; see `keep_fraction`."""
    if not 0 < fraction < 1:
        raise ValueError(f"validation={fraction:g}: needs 0 < validation < 1. Write validation = 0.1 for a tenth.")
    held, kept = _split(dataset.train, fraction, seed)
    return replace(dataset, train=dataset.train.take(kept), validation=dataset.train.take(held))


def choose(images: Images, count: int, seed: int = 0) -> Images:
    """`count` images drawn at random and left in their order; all of them for 0 or for more than there are.

    Published sets may be sorted by class, so that their first images would be of one class.
    """
    if count == 0 or count >= len(images):
        return images
    rows = np.random.default_rng(seed).permutation(len(images))[:count]
    return images.take(torch.from_numpy(np.sort(rows)))

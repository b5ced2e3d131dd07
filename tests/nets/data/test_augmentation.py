"""Augmentation: every window is one of the padded image, all are equally likely, and no order of work matters."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pide.nets.data.augmentation import Augmentation
from pide.nets.data.counters import uniform, words


def images(count: int, side: int = 6) -> torch.Tensor:
    return torch.randn(count, 2, side, side, generator=torch.Generator().manual_seed(1))


def test_splitmix_of_one_word() -> None:
    """First output of SplitMix64 from the state 0, as its authors' program prints it."""
    assert words(0).tolist() == [0xE220A8397B1DCDAF]


def test_uniform_numbers_are_uniform_and_independent() -> None:
    index = np.arange(40_000)
    a, b, c = uniform(3, 0, index, 0), uniform(3, 0, index, 1), uniform(3, 1, index, 0)
    for x in (a, b, c):
        counts = np.bincount((16 * x).astype(int), minlength=16)
        chi_squared = ((counts - 2500) ** 2 / 2500).sum()
        assert chi_squared < 50  # 15 degrees of freedom: exceeded with probability 1e-5
    for x, y in ((a, b), (a, c), (a[:-1], a[1:])):
        assert abs(np.corrcoef(x, y)[0, 1]) < 4.5 / 200


def test_windows_are_those_of_the_padded_image() -> None:
    x, pad = images(1), 2
    padded = np.pad(x[0].numpy(), ((0, 0), (pad, pad), (pad, pad)))
    windows = {padded[:, i : i + 6, j : j + 6].tobytes(): (i, j) for i in range(5) for j in range(5)}
    augment = Augmentation(pad=pad, seed=4)
    many = x.expand(5000, -1, -1, -1)
    y, _ = augment(many, torch.zeros(5000, dtype=torch.int64), torch.arange(5000), 0)
    corners = [windows[item.numpy().tobytes()] for item in y]
    counts = np.bincount([5 * i + j for i, j in corners], minlength=25)
    assert ((counts - 200) ** 2 / 200).sum() < 65  # 24 degrees of freedom: exceeded with probability 1e-5


def test_half_of_the_images_are_mirrored_with_their_labels() -> None:
    x = images(4000, side=3)
    labels = (10 * x[:, 0]).long()
    y, mirrored_labels = Augmentation(flip=True)(x, labels, torch.arange(4000), 2)
    mirrored = (y == x.flip(-1)).flatten(1).all(1)
    kept = (y == x).flatten(1).all(1)
    assert bool((mirrored ^ kept).all())
    assert abs(int(mirrored.sum()) - 2000) < 4.5 * np.sqrt(1000)
    assert torch.equal(mirrored_labels, torch.where(mirrored[:, None, None], labels.flip(-1), labels))


def test_batches_processes_and_order_do_not_matter() -> None:
    x, labels, augment = images(10), torch.arange(10), Augmentation(pad=3, flip=True, seed=9)
    whole, _ = augment(x, labels, labels, 7)
    for rows in (torch.tensor([3]), torch.tensor([9, 0, 4]), torch.arange(1, 10, 2)):
        assert torch.equal(augment(x[rows], labels[rows], rows, 7)[0], whole[rows])
    assert not torch.equal(augment(x, labels, labels, 8)[0], whole)
    assert not torch.equal(Augmentation(3, True, 10)(x, labels, labels, 7)[0], whole)


def test_padding_has_no_labels() -> None:
    with pytest.raises(ValueError, match="Write pad=0"):
        Augmentation(pad=1)(images(2), torch.zeros(2, 6, 6, dtype=torch.int64), torch.arange(2), 0)
    with pytest.raises(ValueError, match="Write pad=0 or more"):
        Augmentation(pad=-1)

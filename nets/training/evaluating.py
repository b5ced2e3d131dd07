"""Scores of a trained network on the test set as it is, and on damaged copies of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import get_args

import torch

from pide.nets.data.corruptions import SEVERITIES, Corruption, Kind, corrupt
from pide.nets.data.images import Images
from pide.nets.training.networks import Trained
from pide.nets.training.precision import check_device
from pide.nets.training.scores import Scores, Tally
from pide.nets.training.sets import prepare

__all__ = ["evaluate_run", "score_images"]


def evaluate_run(
    trained: Trained, corruptions: bool = False, seed: int = 0, device: str = "cpu"
) -> Iterator[tuple[str, Scores]]:
    """(name, scores) of the sets of the run's config that were not trained on, and of damaged test sets.

    Parameters
    ----------
    trained : Trained
        See `load_run`; its `config` says where the data are.
    corruptions : bool
        Also score the test set with every kind of damage at every severity.
    seed : int
        Of the damage.
    device : str
        Where to compute; the network is moved there.

    Raises
    ------
    FileNotFoundError, ValueError
        If the data are missing or damaged.
    """
    config = replace(trained.config, run=replace(trained.config.run, device="cpu"))
    dataset = prepare(config).dataset
    check_device(device)
    trained.net.to(device)
    size = config.training.batch
    for name, images in dataset.splits.items():
        if name != "train":
            yield name, score_images(trained, images, dataset.ignored, size)
    for kind in get_args(Kind) if corruptions else ():
        for severity in range(1, len(SEVERITIES[kind]) + 1):
            damaged = corrupt(dataset.test, Corruption(kind, severity, seed))
            yield f"test, {kind} {severity}", score_images(trained, damaged, dataset.ignored, size)


def score_images(trained: Trained, images: Images, ignored: int | None = None, size: int = 100) -> Scores:
    """Scores of a trained network on images, `size` of them at a time."""
    weights = next(trained.net.parameters())
    tally = Tally(len(trained.classes), ignored, weights.device)
    with torch.no_grad():
        for rows in torch.split(torch.arange(len(images)), size):
            part = images.take(rows).to(weights.device)
            tally.add(trained.net(trained.preprocessing(part.pixels, weights.dtype)), part.labels)
    return tally.scores()

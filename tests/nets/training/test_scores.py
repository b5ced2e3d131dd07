"""Losses and scores against sums over single pixels."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from pide.nets.training.scores import Tally, cross_entropy_sum

GENERATOR = torch.Generator().manual_seed(0)


def naive(outputs: np.ndarray, labels: np.ndarray, classes: int, ignored: int | None) -> dict[str, float]:
    """Every score by a loop over images and pixels; outputs (B, classes, P), labels (B, P)."""
    loss, right, jaccards = 0.0, 0, []
    hits, unions, counted = np.zeros(classes), [set() for _ in range(classes)], 0
    for image in range(len(labels)):
        inside = pixels = 0.0
        for pixel, label in enumerate(labels[image]):
            if label == ignored:
                continue
            exponentials = [math.exp(value) for value in outputs[image, :, pixel]]
            p = exponentials[label] / sum(exponentials)
            answer = int(np.argmax(outputs[image, :, pixel]))
            loss, right, counted = loss - math.log(p), right + (answer == label), counted + 1
            inside, pixels = inside + p, pixels + 1
            hits[label] += answer == label
            for label_or_answer in (label, answer):
                unions[label_or_answer].add((image, pixel))
        if pixels:
            jaccards.append(inside / (2 * pixels - inside))
    ious = [hit / len(union) for hit, union in zip(hits, unions, strict=True) if union]
    return {
        "loss": loss / counted,
        "accuracy": right / counted,
        "mean_iou": float(np.mean(ious)),
        "soft_jaccard": float(np.mean(jaccards)),
    }


@pytest.mark.parametrize("ignored", [None, 3, 0])
def test_segmentation_scores(ignored: int | None) -> None:
    outputs = torch.randn(6, 3, 4, 5, generator=GENERATOR, dtype=torch.float64)
    labels = torch.randint(0, 3, (6, 4, 5), generator=GENERATOR)
    if ignored is not None:
        labels[torch.rand(labels.shape, generator=GENERATOR) < 0.3] = ignored
        labels[2] = ignored
    tally = Tally(3, ignored)
    for part in (slice(0, 4), slice(4, 6)):
        tally.add(outputs[part], labels[part])
    expected = naive(outputs.flatten(2).numpy(), labels.flatten(1).numpy(), 3, ignored)
    assert tally.scores().row(dense=True) == pytest.approx(expected, rel=1e-13)


def test_classification_scores() -> None:
    outputs = torch.tensor([[2.0, 0.0], [0.0, 1.0], [3.0, 0.0]])
    tally = Tally(2, None)
    tally.add(outputs, torch.tensor([0, 1, 1]))
    loss = (math.log(1 + math.exp(-2)) + math.log(1 + math.exp(-1)) + math.log(1 + math.exp(3))) / 3
    assert tally.scores().row(dense=False) == pytest.approx({"loss": loss, "accuracy": 2 / 3}, rel=1e-6)


def test_a_class_that_does_not_occur_has_no_iou() -> None:
    tally = Tally(3, None)
    tally.add(torch.tensor([[5.0, 0.0, 0.0]]), torch.tensor([0]))
    scores = tally.scores()
    assert scores.mean_iou == 1.0
    assert math.isnan(scores.ious[2])


def test_cross_entropy_counts_what_is_labelled() -> None:
    outputs = torch.randn(4, 3, 2, 2, generator=GENERATOR)
    labels = torch.randint(0, 3, (4, 2, 2), generator=GENERATOR)
    labels[0] = 7
    total, count = cross_entropy_sum(outputs, labels, 7)
    log_p = outputs.log_softmax(1).gather(1, labels.clamp(max=2).unsqueeze(1)).squeeze(1)
    assert int(count) == 12
    assert float(total) == pytest.approx(-float(log_p[1:].sum()), rel=1e-6)

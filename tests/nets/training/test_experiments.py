"""The experiments of docs/experiments.md: every variant is a training file that builds, and the page has its words."""

from __future__ import annotations

import csv
import importlib
from pathlib import Path
from types import ModuleType

import pytest
import torch

from pide.nets import models
from pide.nets.data import Dataset, Images
from pide.nets.training import Config, read_config
from pide.nets.training.networks import build_network

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "docs" / "_scripts"))
    return importlib.import_module("experiment_list")


def shape(config: Config) -> models.DatasetShape:
    """What the data of a training file look like, without reading them."""
    published = models.dataset_shape(config.data.name)
    if config.data.side is None and config.data.halvings is None:
        return published
    channels, height, width = published.input_shape
    step = 2 ** (config.data.halvings or 0)
    size = (channels, config.data.side or height // step, config.data.side or width // step)
    pixels = torch.zeros(1, *size, dtype=torch.uint8)
    labels = torch.zeros(1, *size[1:], dtype=torch.int64)
    types = config.data.types or 5
    classes = types * (types + 1) // 2 if config.data.name == "qtips" else published.classes
    images = Images(pixels, labels)
    return models.dataset_shape(Dataset(config.data.name, images, images, tuple(map(str, range(classes)))))


def test_every_variant_builds_and_differs_from_the_first(listed: ModuleType) -> None:
    for name, experiment in listed.EXPERIMENTS.items():
        texts = set()
        for variant, changes in experiment.variants.items():
            config = read_config(ROOT / experiment.file, changes)
            build_network(config, shape(config))
            texts.add(str(config))
            assert not config.run.reports, "figures cost more than these trainings"
            folder = listed.folder_of(name, variant, 0)
            assert " " not in folder.name
        assert len(texts) == len(experiment.variants)


def test_the_page_and_its_tables_tell_of_the_same_runs(listed: ModuleType) -> None:
    page = (ROOT / "docs" / "experiments.md").read_text(encoding="utf-8")
    words = importlib.import_module("experiment_words").WORDS
    for name, experiment in listed.EXPERIMENTS.items():
        assert name in words
        assert not experiment.spectra or f"{name} spectra" in words
        assert f"\n## {name}\n" in page
        with (ROOT / "docs" / "experiments" / f"{name}.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert {row["network"] for row in rows} <= set(experiment.variants)
        for row in rows:
            assert 0 <= float(row["test_accuracy"]) <= 1
            assert f"| {row['network']} | {row['parameters']} |" in page or f"| {row['network']} (seed" in page

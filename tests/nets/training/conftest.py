"""A small experiment: digits, and a convolution without batch statistics."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import nn

from pide.nets.training import Config, parse_config

pytest.importorskip("sklearn", reason="the digits come with scikit-learn")

TEXT = """
seed = 5
[data]
name = "digits"
train_images = 90
test_images = 60
flip = true
pad = 1
[training]
epochs = 2
batch = 20
schedule = { type = "cosine", rate = 0.05 }
average = 0.9
[decay]
kernels = 1e-4
[run]
reports = false
threads = 1
"""


@pytest.fixture
def small() -> Callable[..., Config]:
    """Config of the small experiment with changes."""
    return lambda *changes: parse_config(TEXT, changes=changes)


def plain_network() -> nn.Module:
    """Convolution, dropout (a random generator to restore) and a dense layer; the same weights in every call."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Dropout(0.1), nn.Linear(144, 10))


@pytest.fixture
def network() -> Callable[[], nn.Module]:
    """Maker of `plain_network`."""
    return plain_network


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Sums in one order."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)

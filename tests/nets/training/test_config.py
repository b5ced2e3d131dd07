"""Training files: round trip, changes from the command line, and errors that say what to write."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from torch import nn

from pide.errors import CaseError
from pide.nets.data import Corruption
from pide.nets.training import (
    SGD,
    AdamW,
    Config,
    Cosine,
    DataTable,
    Steps,
    TrainingTable,
    fit,
    parse_config,
    read_config,
)
from pide.nets.training.config import to_toml

TEXT = """
title = "a \\"quoted\\" title"
seed = 3
[data]
name = "cifar10"
corruption = { kind = "blur", severity = 2 }
[network]
name = "hamiltonian"
channels = [16, 32]
activation = "relu"
[training]
optimiser = { type = "adamw", first = 0.8 }
schedule = { type = "steps", rate = 0.2, milestones = [3, 5] }
[decay]
nonlocal_kernels = 1e-4
"""


def test_read_and_written_back() -> None:
    config = parse_config(TEXT)
    assert config.training.optimiser == AdamW(first=0.8)
    assert config.training.schedule == Steps(0.2, (3, 5))
    assert config.data.corruption == Corruption("blur", 2)
    assert config.network == {"name": "hamiltonian", "channels": [16, 32], "activation": "relu"}
    assert parse_config(to_toml(config)) == config


def test_built_in_python() -> None:
    config = Config(data=DataTable(name="digits"), training=TrainingTable(epochs=3, schedule=Cosine(0.3)))
    assert parse_config(to_toml(config)) == config


def test_changes() -> None:
    changes = ["training.epochs=7", "data.name=qtips", "training.optimiser={ type = 'sgd' }", "network.stages = 4"]
    config = parse_config(TEXT, changes=changes)
    assert (config.training.epochs, config.data.name, config.training.optimiser) == (7, "qtips", SGD())
    assert config.network["stages"] == 4
    for wrong in ("epochs", "=3", "seed.x=1"):
        with pytest.raises(CaseError, match=r"--set table\.key=value|--set training\.epochs=3"):
            parse_config(TEXT, changes=[wrong])


@pytest.mark.parametrize(
    ("change", "remedy"),
    [
        ("data.nam=1", r"data\.nam: unknown key\. Did you mean 'name'"),
        ("trainin.epochs=1", r"trainin: unknown key\. Did you mean 'training'"),
        ("data.name=cifar", r"data\.name: 'cifar' is not known\. Did you mean 'cifar10'"),
        ("training.epochs=1.5", r"training\.epochs: needs an integer"),
        ("training.epochs=0", r"training\.epochs: 0\. Write 1 or more"),
        ("training.schedule.rat=1", r"training\.schedule\.rat: unknown key for steps\. Did you mean 'rate'"),
        ("training.schedule.type=step", r"training\.schedule\.type: 'step' is not known\. Did you mean 'steps'"),
        ("training.optimiser.first=2.0", r"both in \[0, 1\)"),
        ("training.average=1.0", r"training\.average: 1\. Write a decay in \[0, 1\)"),
        ("data.fraction=0.0", r"data\.fraction: 0\. Write a number in \(0, 1\]"),
        ("data.validation=1.0", r"data\.validation: 1\. Write a number in \[0, 1\)"),
        ("data.halvings=1", r"data\.halvings: not used by 'cifar10'.* Remove it"),
        ("data.ignored=1", r"data\.ignored: not used by 'cifar10'.* Remove it"),
        ("data.corruption.severity=9", r'Write Corruption\("noise", severity=3\)'),
        ("run.precision=half", r"run\.precision: 'half' is not known"),
        ("decay.kernels=-1.0", "Write 0 or more"),
    ],
)
def test_errors(change: str, remedy: str) -> None:
    with pytest.raises(CaseError, match=remedy):
        parse_config(TEXT, changes=[change])


def test_problems_are_reported_together() -> None:
    with pytest.raises(CaseError, match=r"(?s)data\.fraction.*training\.epochs"):
        parse_config(TEXT, changes=["training.epochs=0", "data.fraction=2.0"])


def test_files(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"Give the path of a \.toml file"):
        read_config(tmp_path / "none.toml")
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(CaseError, match="Give the training file"):
        read_config(tmp_path / "bytes.toml")
    with pytest.raises(CaseError, match="not TOML"):
        parse_config("a = ", changes=["seed=1"])


def test_fit_reads_the_file_that_it_is_given(
    tmp_path: Path, small: Callable[..., Config], network: Callable[[], nn.Module]
) -> None:
    file = tmp_path / "small.toml"
    file.write_text(to_toml(small("training.epochs=1")))
    assert fit(network(), str(file)).config == fit(network(), file).config == read_config(file)

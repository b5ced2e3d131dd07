"""Run folders: config.toml, environment.json, metrics.csv, scores.json, log.txt, report.md, figures, checkpoints."""

from __future__ import annotations

import csv
import json
import os
import platform
import sys
import time
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from pide.errors import CaseError
from pide.files import atomic, writable
from pide.nets.training.config import Config, flattened, parse_config, to_toml

__all__ = [
    "BEST",
    "LAST",
    "SCORES",
    "Diverged",
    "check_same",
    "checkpoint_path",
    "environment",
    "log",
    "open_run",
    "read_metrics",
    "read_run_config",
    "read_scores",
    "write_metrics",
    "write_text",
]

BEST, LAST = "best", "last"
CONFIG, METRICS, SCORES = "config.toml", "metrics.csv", "scores.json"
_PACKAGES = ("pide-operators", "torch", "numpy", "scipy", "scikit-learn", "pillow")


class Diverged(RuntimeError):
    """A training whose loss or weights are no longer finite; the message names the last good checkpoint."""


def checkpoint_path(folder: Path, name: str) -> Path:
    """Where the checkpoint of a name is: "best", "last" or "epoch-0010"."""
    return folder / "checkpoints" / f"{name}.pt"


def open_run(folder: Path, config: Config, resume: bool, identity: str = "") -> bool:
    """Make the folder of a new run, or check that an old one may go on; whether there is something to go on from.

    `identity` says whether the data are the published ones.

    Raises
    ------
    FileExistsError
        If the folder holds a run and `resume` was not asked for.
    CaseError
        If the config has changed since the run was started.
    PermissionError
        If the folder cannot be written.
    """
    exists = (folder / CONFIG).is_file()
    if exists and not resume:
        raise FileExistsError(
            f"{folder}: holds a run. Write --resume to go on with it, or --out with another folder to start anew."
        )
    if exists:
        check_same(read_run_config(folder), config, folder)
        return checkpoint_path(folder, LAST).is_file()
    try:
        (folder / "checkpoints").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PermissionError(f"{folder}: cannot be created ({error.strerror}). Choose another --out.") from None
    writable(folder / CONFIG)
    write_text(folder / "environment.json", json.dumps(environment() | {"data": identity}, indent=2) + "\n")
    write_text(folder / CONFIG, to_toml(config))
    return False


def check_same(stored: Config, given: Config, folder: Path) -> None:
    """Raise if anything differs that would change the numbers; [run] may differ, except its precision."""
    old, new = flattened(stored), flattened(given)
    free = {key for key in old | new if key.startswith("run.")} - {"run.precision"}
    free |= {"title", "data.folder", "data.checksums"}
    changed = [key for key in sorted(old | new) if old.get(key) != new.get(key) and key not in free]
    if changed:
        listed = ", ".join(f"{key}: {old.get(key)!r} -> {new.get(key)!r}" for key in changed)
        raise CaseError(
            f"{folder}: the config has changed since this run was started ({listed}). A run goes on with its own "
            f"config: write pide train {folder} --resume; or start a new run with --out."
        )


def read_run_config(folder: Path) -> Config:
    """Config of a run folder.

    Raises
    ------
    FileNotFoundError
        If this is no run folder.
    """
    if not (folder / CONFIG).is_file():
        raise FileNotFoundError(f"{folder}: not a run folder, it has no {CONFIG}. Give the folder that train wrote.")
    return parse_config((folder / CONFIG).read_text(encoding="utf-8"), f"{folder.name}/{CONFIG}")


def environment() -> dict[str, Any]:
    """What the numbers may depend on beside the config."""
    versions = {}
    for name in _PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "not installed"
    gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return {
        "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "command": sys.argv,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processors": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "gpus": gpus,
        "versions": versions,
    }


def write_text(path: Path, text: str) -> None:
    """Write a text file, whole or not at all."""
    with atomic(path) as draft:
        draft.write_text(text, encoding="utf-8")


def write_metrics(folder: Path, history: Sequence[dict[str, float]]) -> None:
    """metrics.csv, one row per epoch, floats with all their digits."""
    with atomic(folder / METRICS) as draft, draft.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, list(history[0]))
        table.writeheader()
        table.writerows(history)


def read_metrics(folder: Path) -> list[dict[str, float]]:
    """Rows of metrics.csv; none before the first epoch has ended."""
    path = folder / METRICS
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]


def read_scores(folder: Path) -> dict[str, dict[str, float]]:
    """Scores by set, as the end of the training wrote them; nothing before."""
    path = folder / SCORES
    if not path.is_file():
        return {}
    scores: dict[str, dict[str, float]] = json.loads(path.read_text(encoding="utf-8"))
    return scores


def log(folder: Path, line: str) -> None:
    """Append a line with the time to log.txt."""
    with (folder / "log.txt").open("a", encoding="utf-8") as file:
        file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')}  {line}\n")

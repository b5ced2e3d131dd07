"""Several runs side by side: medians over seeds, and curves."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from pide.nets.training.config import flattened
from pide.nets.training.figures import write_comparison
from pide.nets.training.runs import read_metrics, read_run_config, read_scores
from pide.nets.training.tables import table

__all__ = ["Group", "comparison", "group_runs", "write_curves_of"]


@dataclass(frozen=True)
class Group:
    """Runs that differ in their seed alone.

    Parameters
    ----------
    name : str
        Title, or where titles agree the values that tell the groups apart.
    folders : tuple of Path
    seeds : tuple of int
    scores : tuple of float
        Test accuracy after the last epoch, mean IoU for segmentation; of the finished runs.
    """

    name: str
    folders: tuple[Path, ...]
    seeds: tuple[int, ...]
    scores: tuple[float, ...]


def group_runs(folders: Sequence[Path]) -> list[Group]:
    """Runs by everything in their configs but the seed, the title, [run] and where the data are.

    Raises
    ------
    FileNotFoundError
        If a folder holds no run.
    """
    configs = {folder: read_run_config(folder) for folder in folders}
    values = {folder: _essence(flattened(config)) for folder, config in configs.items()}
    together: dict[str, list[Path]] = {}
    for folder in folders:
        together.setdefault(json.dumps(values[folder], sort_keys=True), []).append(folder)
    keys = sorted({key for value in values.values() for key in value})
    varying = [key for key in keys if len({json.dumps(value.get(key)) for value in values.values()}) > 1]
    titles = [configs[members[0]].title for members in together.values()]
    groups = []
    for members, title in zip(together.values(), titles, strict=True):
        told = ", ".join(f"{key.partition('.')[2]} {values[members[0]].get(key)}" for key in varying)
        name = title if title and titles.count(title) == 1 else told or members[0].name
        scores = tuple(_reached(folder) for folder in members if read_scores(folder))
        groups.append(Group(name, tuple(members), tuple(configs[folder].seed for folder in members), scores))
    return groups


def _essence(values: dict[str, Any]) -> dict[str, Any]:
    left_out = ("seed", "title", "data.folder", "network.seed")
    return {key: value for key, value in values.items() if key not in left_out and not key.startswith("run.")}


def _reached(folder: Path) -> float:
    scores = read_scores(folder)["test"]
    return float(scores.get("mean_iou", scores["accuracy"]))


def comparison(groups: Sequence[Group]) -> str:
    """Markdown table: median, lowest and highest test score over the seeds of every group."""
    rows = [
        {
            "runs": group.name,
            "seeds": " ".join(map(str, group.seeds)),
            "finished": f"{len(group.scores)} of {len(group.folders)}",
            "median": f"{median(group.scores):.4f}" if group.scores else "",
            "lowest": f"{min(group.scores):.4f}" if group.scores else "",
            "highest": f"{max(group.scores):.4f}" if group.scores else "",
        }
        for group in groups
    ]
    return table(rows)


def write_curves_of(groups: Sequence[Group], path: Path) -> None:
    """Score per epoch on the set that the runs were judged on, one line per seed; runs without one are left out."""
    histories = {
        group.name: [history for folder in group.folders if (history := read_metrics(folder))] for group in groups
    }
    drawn = {name: runs for name, runs in histories.items() if runs}
    if not drawn:
        raise ValueError("no run has finished an epoch: there are no curves to draw. Wait, or give other runs.")
    keys = [set(run[0]) for runs in drawn.values() for run in runs]
    common = set.intersection(*keys)
    wanted = ("validation_mean_iou", "test_mean_iou", "validation_accuracy", "test_accuracy", "train_accuracy")
    write_comparison(path, drawn, next(key for key in wanted if key in common))

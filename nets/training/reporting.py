"""The report of a run: what was trained on what, what it scores, its curves, its spectra and the audit."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from torch import nn

from pide.nets.analysis.spectra import spectra
from pide.nets.training.figures import write_curves, write_spectra
from pide.nets.training.loop import Loop
from pide.nets.training.runs import BEST, LAST, SCORES, write_text
from pide.nets.training.scores import Scores
from pide.nets.training.state import State

__all__ = ["audit_network", "score_table", "table", "write_report"]


def table(rows: Sequence[Mapping[str, str]]) -> str:
    """Rows as a Markdown table; the keys of the first row are its head."""
    names = list(rows[0])
    lines = [names, ["---"] * len(names), *([row.get(name, "") for name in names] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def score_table(scores: Mapping[str, Scores], classes: Sequence[str], dense: bool) -> str:
    """Scores by name, and for segmentation the IoU of every class."""
    numbers = [
        {"set": name, **{key.replace("_", " "): f"{value:.4f}" for key, value in item.row(dense).items()}}
        for name, item in scores.items()
    ]
    text = table(numbers)
    if dense:
        by_class = [
            {"class": label, **{name: f"{item.ious[number]:.4f}" for name, item in scores.items()}}
            for number, label in enumerate(classes)
        ]
        text += "\n\n" + table(by_class)
    return text


def write_report(folder: Path, state: State, loop: Loop, test: Scores) -> None:
    """Write scores.json, curves.png and report.md, and for [run] reports = true the spectra and the audit."""
    config, dataset = loop.config, loop.batches.dataset
    write_text(folder / SCORES, json.dumps({"test": {**test.row(dataset.dense), "ious": test.ious}}, indent=2) + "\n")
    write_curves(folder / "curves.png", state.history)
    weights = sum(parameter.numel() for parameter in state.net.parameters())
    sizes = ", ".join(f"{len(images)} {name}" for name, images in dataset.splits.items())
    split = loop.batches.judged
    parts = [
        f"# {config.title or config.network.get('name', 'your own network')}",
        f"{dataset.name} ({sizes} images of {' x '.join(map(str, dataset.shape))}), {weights} parameters, "
        f"{config.training.epochs} epochs, seed {config.seed}, precision {config.run.precision}.",
        score_table({"test, last epoch": test}, dataset.classes, dataset.dense),
        f"Checkpoint `{BEST}` is the epoch with the highest {'mean IoU' if dataset.dense else 'accuracy'} on the "
        f"{split} set, {state.best:.4f}; `{LAST}` is the last epoch."
        + (" Chosen on the test set itself, that value is biased upwards." if split == "test" else ""),
        "![curves](curves.png)",
    ]
    if config.run.reports:
        parts += _spectra(folder, state.judged)
        if importlib.util.find_spec("pide.nets.auditing"):
            parts += _audit(state.judged, dataset.shape)
    write_text(folder / "report.md", "\n\n".join(parts) + "\n")


def _spectra(folder: Path, net: nn.Module) -> list[str]:
    """spectra.png and the fractions of positive eigenvalues; nothing for a network without nonlocal layers."""
    found = spectra(net)
    if not found:
        return []
    write_spectra(folder / "spectra.png", found)
    rows = [
        {
            "matrix": item.name,
            "positive eigenvalues of the symmetric part": f"{item.positive:.2f}",
            "positive real parts": f"{item.positive_real_parts:.2f}",
        }
        for item in found
    ]
    return ["## Spectra of the matrices that mix channels", table(rows), "![spectra](spectra.png)"]


def audit_network(net: nn.Module, shape: Sequence[int]) -> tuple[str, bool]:
    """(report of the claims of the layers on images of a shape, whether it passed)."""
    auditing = importlib.import_module("pide.nets.auditing")
    report = auditing.audit(net, shape)
    return str(report), bool(report.passed)


def _audit(net: nn.Module, shape: Sequence[int]) -> list[str]:
    return ["## Audit", f"```\n{audit_network(net, shape)[0]}\n```"]

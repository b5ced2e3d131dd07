"""The report of a run: what was trained on what, what it scores, its curves, its spectra and the audit."""

from __future__ import annotations

import copy
import json
from pathlib import Path

from torch import nn

from pide.nets.analysis.spectra import spectra
from pide.nets.auditing import audit
from pide.nets.training.audits import audit_run, audit_table
from pide.nets.training.figures import write_curves, write_spectra
from pide.nets.training.loop import Loop
from pide.nets.training.runs import BEST, LAST, SCORES, write_text
from pide.nets.training.scores import Scores
from pide.nets.training.state import State
from pide.nets.training.tables import score_table, table

__all__ = ["write_report"]


def write_report(folder: Path, state: State, loop: Loop, test: Scores) -> None:
    """Write scores.json and report.md, and for [run] reports = true curves.png, spectra.png and the audit."""
    config, dataset = loop.config, loop.batches.dataset
    write_text(folder / SCORES, json.dumps({"test": {**test.row(dataset.dense), "ious": test.ious}}, indent=2) + "\n")
    weights = sum(parameter.numel() for parameter in state.net.parameters())
    sizes = ", ".join(f"{len(images)} {name}" for name, images in dataset.splits.items())
    split = loop.batches.judged
    parts = [
        f"# {config.title or config.network.get('name', 'your own network')}",
        f"{dataset.name} ({sizes} images of {' x '.join(map(str, dataset.shape))}), {weights} parameters, "
        f"{config.training.epochs} epochs, seed {config.seed}, precision {config.run.precision}."
        + (f" Data: {dataset.identity}." if dataset.identity else ""),
        score_table({"test, last epoch": test}, dataset.classes, dataset.dense),
        f"Checkpoint `{BEST}` is the epoch with the highest {'mean IoU' if dataset.dense else 'accuracy'} on the "
        f"{split} set, {state.best:.4f}; `{LAST}` is the last epoch."
        + (" Chosen on the test set itself, that value is biased upwards." if split == "test" else ""),
    ]
    if config.run.reports:
        write_curves(folder / "curves.png", state.history)
        parts.append("![curves](curves.png)")
        parts += _spectra(folder, state.judged)
        parts += _audits(folder, state.judged, loop.own)
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


def _audits(folder: Path, net: nn.Module, own: bool) -> list[str]:
    """The table of `pide audit`, of the last epoch alone for networks of your own; a sentence if no layer is known."""
    try:
        reports = {LAST: audit(copy.deepcopy(net).cpu())} if own else audit_run(folder)
    except ValueError as error:
        return ["## Audit of the nonlocal layers", f"None: {error}"]
    return ["## Audit of the nonlocal layers", audit_table(reports)]

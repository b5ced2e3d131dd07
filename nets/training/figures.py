"""Curves of a run, and of several runs together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pide.plotting import new_figure, write_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from pide.nets.analysis.spectra import Spectrum

__all__ = ["write_comparison", "write_curves", "write_spectra"]

History = Sequence[Mapping[str, float]]


def write_curves(path: Path, history: History) -> None:
    """Losses, scores and learning rate over the epochs."""
    figure = new_figure(11.0, 3.4)
    panels = figure.subplots(1, 3)
    keys = list(history[0])
    for axes, chosen, label in (
        (panels[0], [key for key in keys if key.endswith("_loss")], "cross entropy"),
        (panels[1], [key for key in keys if key.endswith(("accuracy", "iou", "jaccard"))], "score"),
        (panels[2], ["rate"], "learning rate"),
    ):
        for key in chosen:
            _line(axes, history, key, key.replace("_", " "))
        axes.set(xlabel="epoch", ylabel=label)
        axes.legend(frameon=False)
    panels[2].set_yscale("log")
    write_figure(figure, path)


def write_comparison(path: Path, histories: Mapping[str, Sequence[History]], key: str) -> None:
    """One colour per group of runs, one thin line per seed: column `key` of metrics.csv over the epochs."""
    figure = new_figure(7.0, 4.2)
    axes = figure.subplots()
    for number, (name, runs) in enumerate(histories.items()):
        for place, history in enumerate(runs):
            _line(axes, history, key, name if place == 0 else None, color=f"C{number % 10}", alpha=0.8, linewidth=1.0)
    axes.set(xlabel="epoch", ylabel=key.replace("_", " "))
    axes.legend(frameon=False)
    write_figure(figure, path)


def write_spectra(path: Path, found: Sequence[Spectrum]) -> None:
    """Eigenvalues of the symmetric part and real parts, descending, of every matrix."""
    figure = new_figure(9.0, 3.6)
    panels = figure.subplots(1, 2)
    for item in found:
        panels[0].plot(item.symmetric, ".-", markersize=3, linewidth=0.8, label=item.name)
        panels[1].plot(item.real_parts, ".-", markersize=3, linewidth=0.8)
    for axes, label in zip(panels, ("eigenvalue of (W + W^T)/2", "real part of eigenvalue of W"), strict=True):
        axes.axhline(0, color="0.6", linewidth=0.6)
        axes.set(xlabel="number", ylabel=label)
    panels[0].legend(frameon=False, fontsize="x-small")
    write_figure(figure, path)


def _line(axes: Axes, history: History, key: str, label: str | None, **style: object) -> None:
    from matplotlib.ticker import MaxNLocator

    drawn = [row for row in history if key in row]
    marker = "." if len(drawn) < 40 else ""
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.plot([row["epoch"] for row in drawn], [row[key] for row in drawn], marker=marker, label=label, **style)  # type: ignore[arg-type]

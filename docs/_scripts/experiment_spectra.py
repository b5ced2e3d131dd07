"""Eigenvalues of the matrices that mix channels, over the training of a run."""

from __future__ import annotations

from pathlib import Path

from pide.nets.analysis.spectra import Spectrum, spectra, spectra_over
from pide.nets.training.networks import build_network, load_run
from pide.plotting import new_figure, write_figure


def draw_spectra(path: Path, runs: dict[str, Path]) -> None:
    """A row for every run, a panel for every matrix: eigenvalues of its symmetric part, before and after each epoch."""
    found = {name: spectra_of(folder) for name, folder in runs.items()}
    columns = max(len(moments[0]) for moments in found.values())
    figure = new_figure(2.6 * columns + 0.9, 2.5 * len(found))
    panels = figure.subplots(len(found), columns, squeeze=False)
    for row, (name, moments) in zip(panels, found.items(), strict=True):
        for axes, history in zip(row, zip(*moments, strict=True), strict=True):
            _panel(axes, history)
            axes.set_title(f"{name}: {_short(history[0].name)}", fontsize="small")
        row[0].set_ylabel("eigenvalue of\n(W + W^T)/2")
    for axes in panels[-1]:
        axes.set_xlabel("number")
    epochs = max(len(moments) for moments in found.values()) - 1
    _scale(figure, panels, epochs)
    write_figure(figure, path)


def spectra_of(folder: Path) -> list[list[Spectrum]]:
    """Spectra before the training, and after every epoch that was kept."""
    last = load_run(folder, "last")
    initial = build_network(last.config, last.shape)
    return [spectra(initial), *spectra_over(last.net, sorted(folder.glob("checkpoints/epoch-*.pt")))]


def _panel(axes, history) -> None:
    from matplotlib import colormaps

    axes.axhline(0, color="0.6", linewidth=0.6)
    for number, item in enumerate(history[1:], start=1):
        colour = colormaps["viridis"](0.95 * (number - 1) / max(1, len(history) - 2))
        axes.plot(range(1, len(item.symmetric) + 1), item.symmetric, color=colour, linewidth=0.9)
    axes.plot(range(1, len(history[0].symmetric) + 1), history[0].symmetric, "k--", linewidth=1.0)
    told = f"positive: {history[0].positive:.2f}, then {history[-1].positive:.2f}"
    axes.text(0.97, 0.95, told, transform=axes.transAxes, ha="right", va="top", fontsize="x-small")


def _scale(figure, panels, epochs: int) -> None:
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    shades = ScalarMappable(Normalize(1, epochs), colormaps["viridis"])
    figure.colorbar(shades, ax=panels, label="epoch (dashed: before)", fraction=0.03)


def _short(name: str) -> str:
    """ "unit 0, K1" of "units.0.nonlocal_block K1"."""
    place, _, letter = name.rpartition(" ")
    numbers = [part for part in place.split(".") if part.isdigit()]
    return f"{letter} of unit {numbers[0]}" if "units" in place else f"{letter} of {place.split('.')[-1]}"

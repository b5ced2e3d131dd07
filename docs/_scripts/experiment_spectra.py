"""Eigenvalues of the matrices that mix channels, over the training of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from pide.nets.analysis.spectra import Spectrum, spectra, spectra_over
from pide.nets.layers import NonlocalBlock, NonlocalStage, PIDEBlock
from pide.nets.training.networks import build_network, load_run
from pide.plotting import new_figure, write_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import ListedColormap
    from matplotlib.figure import Figure


@dataclass(frozen=True, eq=False)
class Course:
    """Spectra of the matrices of a run, before its training and after the epochs that were kept."""

    epochs: tuple[int, ...]
    spectra: tuple[list[Spectrum], ...]


def course_of(folder: Path) -> Course:
    """Spectra of a run; of its first and last moment alone where no epochs were kept."""
    last = load_run(folder, "last")
    files = sorted(folder.glob("checkpoints/epoch-*.pt")) or [folder / "checkpoints" / "last.pt"]
    epochs = [int(file.stem[-4:]) if "-" in file.stem else last.epoch for file in files]
    initial = spectra(build_network(last.config, last.shape))
    return Course((0, *epochs), (initial, *spectra_over(last.net, files)))


def draw_spectra(path: Path, runs: Mapping[str, Path]) -> None:
    """A row for every run, a panel for every matrix: eigenvalues of its symmetric part, before and after each epoch."""
    found = {name: course_of(folder) for name, folder in runs.items()}
    columns = max(len(course.spectra[0]) for course in found.values())
    figure = new_figure(2.6 * columns + 0.9, 2.5 * len(found))
    panels = figure.subplots(len(found), columns, squeeze=False)
    highest = max(course.epochs[-1] for course in found.values())
    for row, (name, course) in zip(panels, found.items(), strict=True):
        for axes, history in zip(row, zip(*course.spectra, strict=True), strict=True):
            _panel(axes, course.epochs, history, highest)
            axes.set_title(f"{name}: {_short(history[0].name)}", fontsize="small")
        row[0].set_ylabel("eigenvalue of\n(W + W^T)/2")
    for axes in panels[-1]:
        axes.set_xlabel("number")
    _scale(figure, panels, highest)
    write_figure(figure, path)


def moved(folder: Path) -> str:
    """How far the matrices went: W = c W_0 + R with R orthogonal to W_0; c, and |R| / |W|, over all matrices."""
    last = load_run(folder, "last")
    pairs = list(zip(_matrices(build_network(last.config, last.shape)), _matrices(last.net), strict=True))
    factors = [float((a * b).sum() / a.square().sum()) for a, b in pairs]
    rests = [_rest(a, b, c) for (a, b), c in zip(pairs, factors, strict=True)]
    ends = sorted({f"{min(factors):.2f}", f"{max(factors):.2f}"})
    return f"a factor of {' to '.join(ends)} and, beside it, up to {100 * max(rests):.0f} % of their norm"


def _matrices(net: nn.Module) -> list[Tensor]:
    """K_i of PIDE blocks and W_i of the others, in order."""
    found = []
    for module in net.modules():
        if isinstance(module, PIDEBlock):
            found += [convolution.get_parameter("weight").flatten(1).detach() for convolution in module.mixing]
        elif isinstance(module, NonlocalBlock | NonlocalStage):
            found += [W.detach() for W in module.mixing_matrices()]
    return found


def _rest(a: Tensor, b: Tensor, factor: float) -> float:
    return float(torch.linalg.vector_norm(b - factor * a) / torch.linalg.vector_norm(b))


def _panel(axes: Axes, epochs: Sequence[int], history: Sequence[Spectrum], highest: int) -> None:
    shades = _shades()
    axes.axhline(0, color="0.6", linewidth=0.6)
    for epoch, item in zip(epochs[1:], history[1:], strict=True):
        colour = shades((epoch - 1) / max(1, highest - 1))
        axes.plot(range(1, len(item.symmetric) + 1), item.symmetric, color=colour, linewidth=0.9)
    axes.plot(range(1, len(history[0].symmetric) + 1), history[0].symmetric, "k--", linewidth=1.0)
    told = f"positive: {history[0].positive:.2f}, then {history[-1].positive:.2f}"
    axes.text(0.97, 0.95, told, transform=axes.transAxes, ha="right", va="top", fontsize="x-small")


def _scale(figure: Figure, panels: Any, epochs: int) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    scale = ScalarMappable(Normalize(1, epochs), _shades())
    figure.colorbar(scale, ax=panels, label="epoch (dashed: before)", fraction=0.03)


def _shades() -> ListedColormap:
    """The darker five sixths of viridis: its yellow is hard to see on white."""
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap

    return ListedColormap(colormaps["viridis"](np.linspace(0, 0.83, 256)))


def _short(name: str) -> str:
    """K1 of unit 0 for "units.0.nonlocal_block K1", W2 of block 3 for "blocks.nonlocal_2_3 W2"."""
    place, _, letter = name.rpartition(" ")
    numbers = [part for part in place.split(".") if part.isdigit()]
    return f"{letter} of unit {numbers[0]}" if "units" in place else f"{letter} of block {place.rpartition('_')[2]}"

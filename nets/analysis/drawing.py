"""Figures of what a network has learned, as both papers draw them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from pide.nets.analysis.damping import FORMS, Damping, damping, nonlocal_flow
from pide.nets.analysis.features import evaluating, inputs_of
from pide.nets.analysis.receptive import effective_receptive_field
from pide.nets.analysis.spectra import Spectrum, spectra, spectra_over
from pide.nets.analysis.stability import stability_interval, stability_region
from pide.nets.layers import NonlocalBlock, NonlocalStage, PIDEBlock
from pide.operators.affinity_weights import affinity_weights
from pide.plotting import new_figure, write_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["figures"]

_LAYERS = (PIDEBlock, NonlocalBlock, NonlocalStage)
_TOP = 32
_BLOCKS = 30
_SAMPLES = 4


def figures(net_or_run: nn.Module | str | Path, out: str | Path, *, inputs: Tensor | None = None) -> list[Path]:
    """Write every figure that applies to a network into a folder.

    Parameters
    ----------
    net_or_run : nn.Module or path
        A network with `dataset` (those of `pide.nets.models` have it), or the folder of a training run, whose best
        checkpoint is drawn, with its kept epochs as the course of the training.
    out : path
        Folder; made where it is missing.
    inputs : tensor, shape (B, C, H, W), optional
        What the network sees. Without them four samples of white noise, seed 0, which is said in the titles.

    Returns
    -------
    list of Path
        spectra.png: real parts, and eigenvalues of the symmetric part, of K_1, K_2, ... of every PIDE block, with the
        fraction of positive ones (figures 7 and 8 of Bohn et al.). eigenvalues.png: the 32 eigenvalues of
        (W + W^T)/2 that are largest in magnitude, W = W_Z W_g (figures 2 and 4 of Tao et al.). training.png: extreme
        eigenvalues of the symmetric parts over the kept epochs. damping.png: norm and spatial variation under a layer
        applied again and again, and under the original and the proposed flow of its W and affinity.
        receptive_field.png. stability.png: where |1 + z + ... + z^m| <= 1. Only those that apply.

    Raises
    ------
    ImportError
        Without matplotlib.
    ValueError
        If the network has no `dataset` and no inputs are given.

    References
    ----------
    Bohn, Griebel, Kannan 2021; Tao, Sun, Du, Liu 2018.
    """
    net, course = _network(net_or_run)
    noise = inputs is None
    x = _noise(net) if inputs is None else inputs
    names = [name for name, module in net.named_modules() if isinstance(module, _LAYERS)]
    found = spectra(net)
    drawn: list[tuple[str, Callable[[], Figure]]] = []
    if any(" K" in item.name for item in found):
        drawn.append(("spectra", lambda: _draw_spectra([item for item in found if " K" in item.name])))
    if any(" W" in item.name for item in found):
        drawn.append(("eigenvalues", lambda: _draw_top([item for item in found if " W" in item.name])))
    if len(course) > 1 and found:
        drawn.append(("training", lambda: _draw_course(net, course)))
    if names:
        drawn.append(("damping", lambda: _draw_damping(net, names, x, noise)))
    if x.ndim == 4:
        drawn.append(("receptive_field", lambda: _draw_receptive_field(net, x, noise)))
    if any(isinstance(module, PIDEBlock) for module in net.modules()):
        drawn.append(("stability", _draw_stability))
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    return [write_figure(draw(), folder / f"{name}.png") for name, draw in drawn]


def _network(net_or_run: nn.Module | str | Path) -> tuple[nn.Module, list[Path]]:
    """The network and the files of its kept epochs."""
    if isinstance(net_or_run, nn.Module):
        return net_or_run, []
    from pide.nets.training.networks import load_run

    return load_run(net_or_run).net, sorted((Path(net_or_run) / "checkpoints").glob("epoch-*.pt"))


def _noise(net: nn.Module) -> Tensor:
    shape = getattr(net, "dataset", None)
    if shape is None:
        raise ValueError(
            f"figures({type(net).__name__}): it does not say what it sees. Write inputs=x of shape (B, C, H, W)."
        )
    like = next(net.parameters())
    noise = torch.randn(_SAMPLES, *shape.input_shape, generator=torch.Generator().manual_seed(0))
    return noise.to(like)


def _by_layer(found: Sequence[Spectrum]) -> dict[str, list[Spectrum]]:
    layers: dict[str, list[Spectrum]] = {}
    for item in found:
        layers.setdefault(item.name.rpartition(" ")[0] or "layer", []).append(item)
    return layers


def _draw_spectra(found: Sequence[Spectrum]) -> Figure:
    layers = _by_layer(found)
    figure = new_figure(3.4 * len(layers), 5.6)
    panels = figure.subplots(2, len(layers), squeeze=False)
    for column, (name, items) in enumerate(layers.items()):
        for item in items:
            label = item.name.rpartition(" ")[2]
            _points(panels[0, column], item.real_parts, f"{label}, {100 * item.positive_real_parts:.0f}% > 0")
            _points(panels[1, column], item.symmetric, f"{label}, {100 * item.positive:.0f}% > 0")
        panels[0, column].set_title(name, fontsize="small")
        panels[1, column].set_xlabel("number")
        for row in (0, 1):
            panels[row, column].legend(frameon=False, fontsize="small")
    panels[0, 0].set_ylabel("real part of eigenvalue of K")
    panels[1, 0].set_ylabel("eigenvalue of (K + K^T)/2")
    return figure


def _draw_top(found: Sequence[Spectrum]) -> Figure:
    layers = _by_layer(found)
    figure = new_figure(max(4.6, 3.4 * len(layers)), 3.2)
    panels = figure.subplots(1, len(layers), squeeze=False, sharey=True)[0]
    for axes, (name, items) in zip(panels, layers.items(), strict=True):
        for item in items:
            top = item.top(_TOP)
            _points(axes, top, f"{item.name.rpartition(' ')[2]}, {100 * np.mean(top > 0):.0f}% > 0", ".")
        axes.set_title(name, fontsize="small")
        axes.set_xlabel("number, by magnitude")
        axes.legend(frameon=False, fontsize="small")
    panels[0].set_ylabel("eigenvalue of (W + W^T)/2")
    return figure


def _draw_course(net: nn.Module, course: Sequence[Path]) -> Figure:
    epochs = [int(path.stem.rpartition("-")[2]) for path in course]
    over = spectra_over(net, course)
    figure = new_figure(7.0, 3.6)
    axes = figure.subplots()
    for number, item in enumerate(over[0]):
        colour = f"C{number % 10}"
        for end, style in ((0, "-"), (-1, "--")):
            values = [found[number].symmetric[end] for found in over]
            axes.plot(epochs, values, style, color=colour, label=item.name if end == 0 else None)
    axes.axhline(0, color="0.6", linewidth=0.6)
    axes.set(xlabel="epoch", ylabel="largest (-) and smallest (- -)\neigenvalue of the symmetric part")
    axes.legend(frameon=False, fontsize="x-small")
    return figure


def _draw_damping(net: nn.Module, names: Sequence[str], x: Tensor, noise: bool) -> Figure:
    modules = dict(net.named_modules())
    figure = new_figure(3.6 * len(names), 3.2)
    panels = figure.subplots(1, len(names), squeeze=False)[0]
    with torch.no_grad():
        features = inputs_of(net, names, x)
    for axes, name in zip(panels, names, strict=True):
        with evaluating(net):
            curves = _dampings(modules[name], features[name])
        for number, (label, sizes) in enumerate(curves.items()):
            axes.plot(sizes.norm.cpu(), "-", color=f"C{number}", label=f"{label}: {float(sizes.norm[-1]):.4g}")
            axes.plot(sizes.variation.cpu(), "--", color=f"C{number}")
        _scale(axes, torch.cat([torch.stack((s.norm, s.variation)) for s in curves.values()]))
        axes.set(title=name, xlabel="times applied")
        axes.title.set_fontsize("small")
        axes.legend(frameon=False, fontsize="x-small")
    panels[0].set_ylabel("norm (-), spatial variation (- -)" + ("\nof features of noise" if noise else ""))
    return figure


def _dampings(layer: Any, x: Tensor) -> dict[str, Damping]:
    """The layer as it is; where its affinity is a square matrix, both linear flows of its matrices in turn."""
    found = {"layer": damping(layer, x, _BLOCKS)}
    if isinstance(layer, NonlocalBlock | NonlocalStage) and layer.pairs.subsampling == 1:
        with torch.no_grad():
            t, p = layer.pairs.embedded(x)
            A = affinity_weights(layer.pairs.affinity(), t, p, "rows")
            for form in FORMS:
                steps = [nonlocal_flow(W.detach(), A, form) for W in layer.mixing_matrices()]
                found[form] = damping(_in_turn(steps), x.flatten(2), _BLOCKS)
    return found


def _scale(axes: Axes, values: Tensor) -> None:
    """Logarithmic from a factor 20 on, over six decades from 1 each way at most."""
    finite = values[values.isfinite()]
    top, least = min(float(finite.max()), 1e6), max(float(finite.min()), 1e-6)
    if top > 20 * least:
        axes.set_yscale("log")
        axes.set_ylim(least / 2, 2 * top)
    else:
        axes.set_ylim(0, 1.1 * top)


def _in_turn(steps: Sequence[Callable[[Tensor], Tensor]]) -> Callable[[Tensor], Tensor]:
    def block(z: Tensor) -> Tensor:
        for step in steps:
            z = step(z)
        return z

    return block


def _draw_receptive_field(net: nn.Module, x: Tensor, noise: bool) -> Figure:
    from matplotlib.colors import LogNorm
    from matplotlib.ticker import MaxNLocator

    field = effective_receptive_field(net, x)
    figure = new_figure(4.6, 3.8)
    axes = figure.subplots()
    top = float(field.sensitivity.max())
    least = max(float(field.sensitivity.min()), 1e-6 * top)
    drawn = axes.imshow(np.maximum(field.sensitivity, least), norm=LogNorm(least, top), cmap="viridis")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(integer=True))
    figure.colorbar(drawn, label="sensitivity")
    axes.set_title(
        f"radius {field.radius:.1f} pixels, {100 * field.reach:.0f}% reached" + (", noise" if noise else ""),
        fontsize="small",
    )
    return figure


def _draw_stability() -> Figure:
    figure = new_figure(9.6, 3.4)
    panels = figure.subplots(1, 3, sharey=True)
    for axes, stages in zip(panels, ((1, 2), (3, 4), (5, 6)), strict=True):
        handles = []
        for number, m in enumerate(stages):
            z, modulus = stability_region(m)
            axes.contour(z.real, z.imag, modulus, levels=[1.0], colors=[f"C{number}"])
            handles += axes.plot([], [], color=f"C{number}", label=f"m = {m}: [-{stability_interval(m):.3f}, 0]")
        axes.axvline(0, color="0.6", linewidth=0.6)
        axes.set(xlabel="Re z", aspect="equal")
        axes.legend(handles=handles, frameon=False, fontsize="x-small", loc="upper left")
    panels[0].set_ylabel("Im z")
    figure.suptitle("|1 + z + ... + z^m| = 1", fontsize="medium")
    return figure


def _points(axes: Axes, values: Any, label: str, style: str = ".-") -> None:
    axes.plot(np.arange(1, len(values) + 1), values, style, markersize=3, linewidth=0.8, label=label)
    axes.axhline(0, color="0.6", linewidth=0.6)

"""Pictures of results. Colours are perceptually ordered and safe for colour-blind readers.

Nodes outside the domain are masked, axes carry names and units, plane pictures have equal aspect, and fields
that change sign get a diverging map centred at zero. Figures belong to no global state: nothing needs closing.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pide.arrays import to_host
from pide.files import AXES, atomic
from pide.spaces.graph import Graph
from pide.spaces.grid import Grid

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from pide.labels import Labels
    from pide.result import Result

__all__ = [
    "colours",
    "draw_curves",
    "draw_plane",
    "length_scale",
    "masked",
    "moment",
    "new_figure",
    "overview",
    "relief",
    "write_figure",
]

_PICTURES = (".png", ".pdf", ".svg")
_SNAPSHOTS = 4
_MAPS = {"gray": "gray", "relief": "cividis"}
_EXAGGERATION = 4.0
_CURVES = (("energy", "-"), ("variance", "--"), ("mass", ":"))


def colours(values: NDArray[Any], style: str = "plain") -> dict[str, Any]:
    """Map and range for `imshow`.

    "plain": viridis, or a diverging map centred at zero when both signs matter. "gray" and "relief" (cividis): the
    range is that between the quantiles 0.001 and 0.999 of the values.
    """
    if style not in ("plain", *_MAPS):
        raise ValueError(f"style={style!r}: needs one of 'plain', {', '.join(map(repr, _MAPS))}.")
    if style in _MAPS:
        low, high = np.nanquantile(values, [0.001, 0.999])
        return {"cmap": _MAPS[style], "vmin": float(low), "vmax": float(high)}
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    if low < 0 < high and min(-low, high) > 0.1 * max(-low, high):
        bound = max(-low, high)
        return {"cmap": "RdBu_r", "vmin": -bound, "vmax": bound}
    return {"cmap": "viridis", "vmin": low, "vmax": high}


def relief(values: NDArray[Any], grid: Any, style: dict[str, Any]) -> NDArray[Any]:
    """RGB of the field lit from the north-west, axes (x, y, channel)."""
    import matplotlib
    from matplotlib.colors import LightSource

    light = LightSource(azdeg=315, altdeg=45)
    rows = np.nan_to_num(values, nan=style["vmin"]).T[::-1]
    rgb = light.shade(
        rows,
        cmap=matplotlib.colormaps[style["cmap"]],
        vmin=style["vmin"],
        vmax=style["vmax"],
        blend_mode="soft",
        vert_exag=_EXAGGERATION,
        dx=grid.spacing[0],
        dy=grid.spacing[1],
    )
    return np.asarray(rgb[::-1].swapaxes(0, 1))


def length_scale(grid: Any, labels: Labels) -> tuple[float, str]:
    """Factor and unit for the axes: kilometres when lengths are metres and the domain spans 5000 of them."""
    span = max(count * step for count, step in zip(grid.shape, grid.spacing, strict=True))
    return (1e-3, "km") if labels.length_unit == "m" and span >= 5000 else (1.0, labels.length_unit)


def masked(result: Result) -> NDArray[np.float64]:
    """States on the host, (T, *grid.shape), NaN outside the domain; batches are refused."""
    grid = result.operator.space
    states = to_host(result.states)
    if states.ndim != 1 + grid.ndim:
        raise ValueError(
            f"a batch of shape {states.shape[1 : -grid.ndim]} cannot be drawn: one field is needed. "
            "Write dataclasses.replace(result, states=result.states[:, 0]).plot()."
        )
    return np.where(np.asarray(grid.inside), states, np.nan).astype(np.float64)


def draw_plane(
    axes: Axes, plane: NDArray[Any], grid: Any, labels: Labels, pair: tuple[int, int] = (0, 1), **style: Any
) -> Any:
    """Image of a field (or of RGB colours) over two coordinates, with names, units and equal aspect."""
    factor, unit = length_scale(grid, labels)
    left, below = (factor * (grid.lower[axis] - 0.5 * grid.spacing[axis]) for axis in pair)
    width, height = (factor * grid.shape[axis] * grid.spacing[axis] for axis in pair)
    xlabel, ylabel = (f"{AXES[axis]} ({unit})" if unit else AXES[axis] for axis in pair)
    axes.set(xlabel=xlabel, ylabel=ylabel)
    extent = (left, left + width, below, below + height)
    return axes.imshow(plane.swapaxes(0, 1), origin="lower", extent=extent, interpolation="nearest", **style)


def draw_curves(axes: Axes, result: Result, suffix: str = "", colour: str | None = None) -> None:
    """Energy, variance and mass over time, each divided by its first value; `suffix` follows their names."""
    for number, (name, line) in enumerate(_CURVES):
        curve = getattr(result, name)
        if curve[0] != 0:
            axes.plot(result.times, curve / curve[0], color=colour or f"C{number}", linestyle=line, label=name + suffix)
    axes.set_xlabel(result.labels.of("t"))
    axes.set_ylabel("relative to t = 0")
    axes.ticklabel_format(axis="y", useOffset=False)
    axes.legend(frameon=False)


def overview(result: Result) -> Figure:
    """Figure with up to four states and the curves of energy, variance and mass.

    In 3-D each state is shown by its three middle slices. Steady problems have no curves: the solution, or the first
    four modes.
    """
    states = masked(result)
    if result.is_steady:
        return _steady_overview(result, states[:_SNAPSHOTS])
    chosen = np.unique(np.linspace(0, len(states) - 1, _SNAPSHOTS).round().astype(int))
    if not isinstance(result.operator.space, Grid):
        return _overview_points(result, states, chosen)
    draw = (_overview_line, _overview_planes, _overview_slices)[result.operator.space.dimension - 1]
    return draw(result, states, chosen)


def new_figure(width: float, height: float) -> Figure:
    """Empty figure that leaves no room unused around panels of equal aspect; inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="compressed")


def moment(result: Result, index: int) -> str:
    """Caption of the state at times[index], such as "t = 1,000,000 yr", or the eigenvalue."""
    if result.values is not None:
        return f"eigenvalue {index + 1}: {result.values[index]:.6g}"
    if result.is_steady:
        return ""
    time, unit = float(result.times[index]), result.labels.time_unit
    number = f"{time:,.0f}" if 1e3 <= abs(time) < 1e9 and time.is_integer() else f"{time:.4g}"
    return f"t = {number} {unit}".rstrip()


def _steady_overview(result: Result, states: NDArray[Any]) -> Figure:
    """States side by side; in 1-D in one picture, in 3-D the middle slice in z."""
    grid, labels = result.operator.space, result.labels
    if not isinstance(grid, Grid):
        figure = new_figure(3.0 * len(states) + 1.2, 3.6)
        _draw_points(figure, result, states, range(len(states)))
        return figure
    if grid.dimension == 1:
        figure = new_figure(5.6, 3.6)
        axes = figure.subplots()
        factor, unit = length_scale(grid, labels)
        for index, state in enumerate(states):
            axes.plot(factor * grid.axes[0], state, label=moment(result, index))
        axes.set(xlabel=f"x ({unit})" if unit else "x", ylabel=labels.of(labels.quantity))
        if result.values is not None:
            axes.legend(frameon=False)
        return figure
    planes = states if grid.dimension == 2 else states[..., grid.shape[2] // 2]
    figure = new_figure(3.0 * len(planes) + 1.2, 3.6)
    panels = np.atleast_1d(figure.subplots(1, len(planes), sharey=True))
    style = colours(planes)
    for index, (axes, plane) in enumerate(zip(panels, planes, strict=True)):
        image = draw_plane(axes, plane, grid, labels, **style)
        axes.set_title(moment(result, index), fontsize="medium")
    for axes in panels[1:]:
        axes.set_ylabel("")
    figure.colorbar(image, ax=panels.tolist(), label=labels.of(labels.quantity), shrink=0.9, pad=0.01)
    return figure


def _overview_line(result: Result, states: NDArray[Any], chosen: NDArray[np.intp]) -> Figure:
    import matplotlib

    figure = new_figure(9.0, 3.6)
    left, right = figure.subplots(1, 2)
    factor, unit = length_scale(result.operator.space, result.labels)
    for place, index in zip(np.linspace(0, 0.85, len(chosen)), chosen, strict=True):
        left.plot(
            factor * result.operator.space.axes[0],
            states[index],
            color=matplotlib.colormaps["viridis"](place),
            label=moment(result, index),
        )
    left.set_xlabel(f"x ({unit})" if unit else "x")
    left.set_ylabel(result.labels.of(result.labels.quantity))
    left.legend(frameon=False)
    draw_curves(right, result)
    return figure


def _overview_planes(result: Result, states: NDArray[Any], chosen: NDArray[np.intp]) -> Figure:
    grid, labels = result.operator.space, result.labels
    tall = grid.shape[1] * grid.spacing[1] / (grid.shape[0] * grid.spacing[0])
    figure = new_figure(3.0 * len(chosen) + 1.2, 3.0 * min(max(tall, 0.4), 1.6) + 3.0)
    parts: Any = figure.subfigures(2, 1, height_ratios=[3.0 * min(max(tall, 0.4), 1.6) + 0.6, 2.4])
    top, bottom = parts
    panels = np.atleast_1d(top.subplots(1, len(chosen), sharey=True))
    style = colours(states[chosen])
    for axes, index in zip(panels, chosen, strict=True):
        image = draw_plane(axes, states[index], grid, labels, **style)
        axes.set_title(moment(result, index), fontsize="medium")
    for axes in panels[1:]:
        axes.set_ylabel("")
    top.colorbar(image, ax=panels.tolist(), label=labels.of(labels.quantity), shrink=0.9, pad=0.01)
    draw_curves(bottom.subplots(), result)
    return figure


def _overview_slices(result: Result, states: NDArray[Any], chosen: NDArray[np.intp]) -> Figure:
    grid, labels = result.operator.space, result.labels
    figure = new_figure(3.0 * len(chosen) + 1.2, 11.0)
    parts: Any = figure.subfigures(2, 1, height_ratios=[8.6, 2.4])
    top, bottom = parts
    panels = top.subplots(3, len(chosen), squeeze=False)
    style = colours(states[chosen])
    for column, index in enumerate(chosen):
        panels[0, column].set_title(moment(result, index), fontsize="medium")
        for row, (normal, pair) in enumerate(((2, (0, 1)), (1, (0, 2)), (0, (1, 2)))):
            plane = states[index].take(grid.shape[normal] // 2, axis=normal)
            image = draw_plane(panels[row, column], plane, grid, labels, pair, **style)
    top.colorbar(image, ax=panels, label=labels.of(labels.quantity), shrink=0.6)
    draw_curves(bottom.subplots(), result)
    return figure


def _overview_points(result: Result, states: NDArray[Any], chosen: NDArray[np.intp]) -> Figure:
    """Coloured points; the curves below."""
    figure = new_figure(3.0 * len(chosen) + 1.2, 6.0)
    parts: Any = figure.subfigures(2, 1, height_ratios=[3.4, 2.4])
    top, bottom = parts
    _draw_points(top, result, states, chosen)
    draw_curves(bottom.subplots(), result)
    return figure


def _draw_points(figure: Any, result: Result, states: NDArray[Any], chosen: Any) -> None:
    """One panel per state: points over their coordinates, values upwards in 1-D and as colours else; edges of graphs.

    Of more than three coordinates the first three are drawn.
    """
    space, labels = result.operator.space, result.labels
    kind = {"projection": "3d"} if space.dimension >= 3 else {}
    panels = np.atleast_1d(figure.subplots(1, len(chosen), subplot_kw=kind))
    names = [f"{axis} ({labels.length_unit})" if labels.length_unit else axis for axis in AXES]
    if isinstance(space, Graph) and space.positions is None:
        names[0] = "vertex"
    style = colours(states[chosen])
    for axes, index in zip(panels, chosen, strict=True):
        axes.set_title(moment(result, index), fontsize="medium")
        axes.set(xlabel=names[0], ylabel=names[1] if space.dimension > 1 else labels.of(labels.quantity))
        if space.dimension == 1:
            axes.plot(*space.coordinates, states[index], ".", markersize=3)
            continue
        if isinstance(space, Graph):
            _draw_edges(axes, space)
        size = min(20.0, 8e3 / space.count)
        image = axes.scatter(*space.coordinates[:3], c=states[index], s=size, zorder=2, **style)
        axes.set_aspect("equal")
    if space.dimension > 1:
        figure.colorbar(image, ax=panels.tolist(), label=labels.of(labels.quantity), shrink=0.9, pad=0.01)


def _draw_edges(axes: Axes, graph: Graph) -> None:
    """Edges as thin lines in the plane of the vertices, also to vertices outside; none in space."""
    from matplotlib.collections import LineCollection

    if graph.dimension == 2:
        i, j = graph.adjacency.nonzero()
        ends = np.stack(graph.coordinates, axis=1)
        segments = np.stack([ends[i[i < j]], ends[j[i < j]]], axis=1)
        axes.add_collection(LineCollection(list(segments), colors="0.75", linewidths=0.5, zorder=1))


def write_figure(figure: Figure, path: str | Path) -> Path:
    """Write a figure as .png, .pdf or .svg, whole or not at all."""
    path = Path(path)
    if path.suffix.lower() not in _PICTURES:
        raise ValueError(f"{path}: pictures end in {', '.join(_PICTURES)}. Write {path.with_suffix('.png').name!r}.")
    with atomic(path) as draft:
        figure.savefig(draft, dpi=150, bbox_inches="tight")
    return path

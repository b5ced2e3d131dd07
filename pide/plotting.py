"""Pictures and movies of results. Colours are perceptually ordered and safe for colour-blind readers.

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
    "write_figure",
    "write_movie",
]

_PICTURES = (".png", ".pdf", ".svg")
_SNAPSHOTS = 4
_CURVES = (("energy", "-"), ("variance", "--"), ("mass", ":"))


def colours(values: NDArray[Any], cmap: str | None = None) -> dict[str, Any]:
    """Map and range for `imshow`: viridis, or a diverging map centred at zero when both signs matter.

    A map that is asked for by name gets the range between the quantiles 0.001 and 0.999 of the values.
    """
    if cmap is not None:
        low, high = np.nanquantile(values, [0.001, 0.999])
        return {"cmap": cmap, "vmin": float(low), "vmax": float(high)}
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    if low < 0 < high and min(-low, high) > 0.1 * max(-low, high):
        bound = max(-low, high)
        return {"cmap": "RdBu_r", "vmin": -bound, "vmax": bound}
    return {"cmap": "viridis", "vmin": low, "vmax": high}


def length_scale(grid: Any, labels: Labels) -> tuple[float, str]:
    """Factor and unit for the axes: kilometres when lengths are metres and the domain spans 5000 of them."""
    span = max(count * step for count, step in zip(grid.shape, grid.spacing, strict=True))
    return (1e-3, "km") if labels.length_unit == "m" and span >= 5000 else (1.0, labels.length_unit)


def masked(result: Result) -> NDArray[np.float64]:
    """States on the host, (T, *grid.shape), NaN outside the domain; batches are refused."""
    grid = result.operator.space
    states = to_host(result.states)
    if states.ndim != 1 + grid.dimension:
        raise ValueError(
            f"a batch of shape {states.shape[1 : -grid.dimension]} cannot be drawn: one field is needed. "
            "Write dataclasses.replace(result, states=result.states[:, 0]).plot()."
        )
    return np.where(np.asarray(grid.inside), states, np.nan).astype(np.float64)


def draw_plane(
    axes: Axes, plane: NDArray[Any], grid: Any, labels: Labels, pair: tuple[int, int] = (0, 1), **style: Any
) -> Any:
    """Image of a field (or of RGB colours) over two coordinates, with names, units and equal aspect."""
    factor, unit = length_scale(grid, labels)
    extent: list[float] = []
    for axis in pair:
        low = grid.lower[axis] - 0.5 * grid.spacing[axis]
        extent += [factor * low, factor * (low + grid.shape[axis] * grid.spacing[axis])]
    for axis, name in zip(pair, (axes.set_xlabel, axes.set_ylabel), strict=True):
        name(f"{AXES[axis]} ({unit})" if unit else AXES[axis])
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

    In 3-D each state is shown by its three middle slices.
    """
    states = masked(result)
    chosen = np.unique(np.linspace(0, len(states) - 1, _SNAPSHOTS).round().astype(int))
    draw = (_overview_line, _overview_planes, _overview_slices)[result.operator.space.dimension - 1]
    return draw(result, states, chosen)


def new_figure(width: float, height: float) -> Figure:
    """Empty figure that leaves no room unused around panels of equal aspect; inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="compressed")


def moment(result: Result, index: int) -> str:
    """Caption of the state at times[index], such as "t = 1,000,000 yr"."""
    time, unit = float(result.times[index]), result.labels.time_unit
    number = f"{time:,.0f}" if 1e3 <= abs(time) < 1e9 and time.is_integer() else f"{time:.4g}"
    return f"t = {number} {unit}".rstrip()


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
    top, bottom = figure.subfigures(2, 1, height_ratios=[3.0 * min(max(tall, 0.4), 1.6) + 0.6, 2.4])
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
    top, bottom = figure.subfigures(2, 1, height_ratios=[8.6, 2.4])
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


def write_figure(figure: Figure, path: str | Path) -> Path:
    """Write a figure as .png, .pdf or .svg, whole or not at all."""
    path = Path(path)
    if path.suffix.lower() not in _PICTURES:
        raise ValueError(f"{path}: pictures end in {', '.join(_PICTURES)}. Write {path.with_suffix('.png').name!r}.")
    with atomic(path) as draft:
        figure.savefig(draft, dpi=150, bbox_inches="tight")
    return path


def write_movie(result: Result, path: str | Path, fps: int = 10, cmap: str | None = None) -> Path:
    """Write one frame per time; the colours keep one range, see `colours`. In 3-D: the middle slice in z.

    .gif is written by Pillow, .mp4 (H.264) by imageio-ffmpeg, of the extra `files`.
    """
    path = Path(path)
    if path.suffix.lower() not in (".gif", ".mp4"):
        raise ValueError(f"{path}: movies end in .gif or .mp4. Write {path.with_suffix('.gif').name!r}.")
    if not 1 <= fps <= 50:
        raise ValueError(f"movie(fps={fps}): GIF players show 1 to 50 frames per second. Write fps=10.")
    style = colours(masked(result), cmap)
    with atomic(path) as draft:
        if path.suffix.lower() == ".gif":
            _write_gif(draft, _frames(result, style), fps, style["cmap"])
        else:
            _write_mp4(draft, _frames(result, style), fps)
    return path


def _write_gif(path: Path, frames: list[Any], fps: int, cmap: str) -> None:
    palette = _palette(cmap)
    first, *rest = [frame.quantize(palette=palette, dither=0) for frame in frames]
    first.save(path, save_all=True, append_images=rest, duration=round(1000 / fps), loop=0)


def _write_mp4(path: Path, frames: list[Any], fps: int) -> None:
    try:
        import imageio_ffmpeg
    except ImportError:
        raise ImportError("movies in .mp4 need imageio-ffmpeg. Install pide-operators[files], or write .gif.") from None
    writer = imageio_ffmpeg.write_frames(str(path), frames[0].size, fps=fps, macro_block_size=2)
    writer.send(None)
    for frame in frames:
        writer.send(frame.tobytes())
    writer.close()


def _palette(cmap: str) -> Any:
    """The 256 colours of a GIF: the map in 231 steps, 24 greys for text and axes, and the colour of lines.

    One palette for all frames and taken from the map, so that colours neither flicker nor lose the ends of the range.
    """
    import matplotlib
    from matplotlib.colors import to_rgb
    from PIL import Image

    entries = np.concatenate(
        [
            matplotlib.colormaps[cmap](np.linspace(0, 1, 231))[:, :3],
            np.linspace(0, 1, 24)[:, None].repeat(3, axis=1),
            np.array(to_rgb("C0"))[None],
        ]
    )
    palette = Image.new("P", (1, 1))
    palette.putpalette((255 * entries).round().astype(np.uint8).tobytes())
    return palette


def _frames(result: Result, style: dict[str, Any]) -> list[Any]:
    """Pillow images of all states, drawn on one figure whose data are exchanged."""
    from PIL import Image

    states = masked(result)
    grid = result.operator.space
    if grid.dimension == 3:
        states = states[..., grid.shape[2] // 2]
    figure = new_figure(5.6, 4.6)
    axes = figure.subplots()
    update = _line_frame(axes, result, states) if grid.dimension == 1 else _plane_frame(axes, result, states, style)
    frames = []
    for index in range(len(states)):
        update(index)
        axes.set_title(moment(result, index))
        frames.append(_rendered(figure, Image))
        figure.set_layout_engine("none")
    return frames


def _rendered(figure: Figure, image: Any) -> Any:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3].copy())


def _line_frame(axes: Axes, result: Result, states: NDArray[Any]) -> Any:
    factor, unit = length_scale(result.operator.space, result.labels)
    (line,) = axes.plot(factor * result.operator.space.axes[0], states[0])
    axes.set_xlabel(f"x ({unit})" if unit else "x")
    axes.set_ylabel(result.labels.of(result.labels.quantity))
    low, high = float(np.nanmin(states)), float(np.nanmax(states))
    margin = 0.05 * (high - low) or 1.0
    axes.set_ylim(low - margin, high + margin)
    return lambda index: line.set_ydata(states[index])


def _plane_frame(axes: Axes, result: Result, states: NDArray[Any], style: dict[str, Any]) -> Any:
    grid, labels = result.operator.space, result.labels
    image = draw_plane(axes, states[0], grid, labels, **style)
    axes.figure.colorbar(image, ax=axes, label=labels.of(labels.quantity))
    return lambda index: image.set_data(states[index].T)

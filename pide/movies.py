"""Movies of results: one frame per time, as .gif by Pillow or as .mp4 by ffmpeg."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pide.files import atomic
from pide.plotting import colours, draw_plane, length_scale, masked, moment, new_figure, relief

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from pide.result import Result

__all__ = ["write_movie"]


def write_movie(result: Result, path: str | Path, fps: int = 10, style: str = "plain") -> Path:
    """Write one frame per time; the colours keep one range, see `colours`. In 3-D: the middle slice in z.

    .gif is written by Pillow, .mp4 (H.264) by imageio-ffmpeg, of the extra `files`.
    """
    path = Path(path)
    if path.suffix.lower() not in (".gif", ".mp4"):
        raise ValueError(f"{path}: movies end in .gif or .mp4. Write {path.with_suffix('.gif').name!r}.")
    if not 1 <= fps <= 50:
        raise ValueError(f"movie(fps={fps}): GIF players show 1 to 50 frames per second. Write fps=10.")
    with atomic(path) as draft:
        if path.suffix.lower() == ".gif":
            _write_gif(draft, _frames(result, style), fps, None if style == "relief" else _palette(result, style))
        else:
            _write_mp4(draft, _frames(result, style), fps)
    return path


def _write_gif(path: Path, frames: Iterator[Any], fps: int, palette: Any) -> None:
    """Frames in one palette, by default that of the first frame."""
    first = next(frames)
    if palette is None:
        palette = first.quantize(256)
    rest = (frame.quantize(palette=palette, dither=0) for frame in frames)
    first.quantize(palette=palette, dither=0).save(
        path, save_all=True, append_images=rest, duration=round(1000 / fps), loop=0
    )


def _write_mp4(path: Path, frames: Iterator[Any], fps: int) -> None:
    try:
        import imageio_ffmpeg
    except ImportError:
        raise ImportError("movies in .mp4 need imageio-ffmpeg. Install pide-operators[files], or write .gif.") from None
    first = next(frames)
    writer = imageio_ffmpeg.write_frames(str(path), first.size, fps=fps, macro_block_size=2)
    writer.send(None)
    for frame in chain([first], frames):
        writer.send(frame.tobytes())
    writer.close()


def _palette(result: Result, style: str) -> Any:
    """The 256 colours of a GIF: the map in 231 steps, 24 greys for text and axes, and the colour of lines.

    One palette for all frames and taken from the map, so that colours neither flicker nor lose the ends of the range.
    """
    import matplotlib
    from matplotlib.colors import to_rgb
    from PIL import Image

    entries = np.concatenate(
        [
            matplotlib.colormaps[colours(masked(result), style)["cmap"]](np.linspace(0, 1, 231))[:, :3],
            np.linspace(0, 1, 24)[:, None].repeat(3, axis=1),
            np.array(to_rgb("C0"))[None],
        ]
    )
    palette = Image.new("P", (1, 1))
    palette.putpalette((255 * entries).round().astype(np.uint8).tobytes())
    return palette


def _frames(result: Result, style: str) -> Iterator[Any]:
    """Pillow images of all states, drawn on one figure whose data are exchanged."""
    from PIL import Image

    states = masked(result)
    grid = result.operator.space
    if grid.dimension == 3:
        states = states[..., grid.shape[2] // 2]
    figure = new_figure(5.6, 4.6)
    axes = figure.subplots()
    update = _line_frame(axes, result, states) if grid.dimension == 1 else _plane_frame(axes, result, states, style)
    for index in range(len(states)):
        update(index)
        axes.set_title(moment(result, index))
        yield _rendered(figure, Image)
        figure.set_layout_engine("none")


def _rendered(figure: Figure, image: Any) -> Any:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas: Any = FigureCanvasAgg(figure)
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


def _plane_frame(axes: Axes, result: Result, states: NDArray[Any], style: str) -> Any:
    grid, labels = result.operator.space, result.labels
    shared = colours(states, style)

    def drawn(state: NDArray[Any]) -> NDArray[Any]:
        return relief(state, grid, shared) if style == "relief" else state

    image = draw_plane(axes, drawn(states[0]), grid, labels, **shared)
    axes.figure.colorbar(image, ax=axes, label=labels.of(labels.quantity))
    return lambda index: image.set_data(drawn(states[index]).swapaxes(0, 1))

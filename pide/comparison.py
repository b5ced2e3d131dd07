"""The picture of a study: the field before, after, and after other operators; differences, a section, curves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pide.plotting import colours, draw_curves, draw_plane, length_scale, masked, moment, new_figure, overview, relief

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from pide.result import Result

__all__ = ["compare"]

_LINES = ("-", "--", "-.", ":")


def compare(
    results: Mapping[str, Result],
    *,
    style: str = "plain",
    profile: float | None = None,
    span: tuple[float, ...] = (),
    title: str = "",
) -> Figure:
    """Figure that sets the first result against the others, which share its grid, initial state and times.

    Parameters
    ----------
    results : mapping from name to Result
        The first is the one of interest; differences are first minus second.
    style : {"plain", "gray", "relief"}
        How fields are drawn; "relief" shades them as a landscape, heights exaggerated 4 times.
    profile : float, optional, unit of length
        y of the section; the middle of the domain by default.
    span : (float, float), optional, unit of length
        Range of x of the section; the whole domain by default.
    title : str

    Notes
    -----
    In 1-D the section is the field itself; in 3-D the overview of the first result is drawn.
    """
    main = next(iter(results.values()))
    dimension = main.operator.space.dimension
    if dimension == 3:
        return overview(main)
    if dimension == 1:
        figure = new_figure(9.0, 3.6)
        section, curves = figure.subplots(1, 2)
    else:
        figure, section, curves = _planes(results, style, profile)
    figure.suptitle(title)
    _draw_section(section, results, profile, span)
    _draw_all_curves(curves, results)
    return figure


def _planes(results: Mapping[str, Result], style: str, profile: float | None) -> tuple[Figure, Axes, Axes]:
    """Upper row: initial state and final states; lower row: difference, and two free panels."""
    names, all_states = list(results), {name: masked(result) for name, result in results.items()}
    main = results[names[0]]
    columns = max(1 + len(names), 3)
    grid = main.operator.space
    tall = grid.shape[1] * grid.spacing[1] / (grid.shape[0] * grid.spacing[0])
    figure = new_figure(4.6 * columns, 4.2 * min(max(tall, 0.5), 1.4) * 2 + 1.2)
    panels = figure.subplots(2, columns)
    fields = {moment(main, 0): all_states[names[0]][0]} | {
        f"{name}, {moment(results[name], -1)}": states[-1] for name, states in all_states.items()
    }
    _draw_fields(figure, panels[0], fields, main, style)
    y = _section_position(main, profile)[1]
    panels[0, 0].axhline(y, color="white" if style == "plain" else "C3", linewidth=0.8, linestyle="--")
    if len(names) > 1:
        _draw_difference(
            figure, panels[1, 0], all_states[names[0]][-1] - all_states[names[1]][-1], main, f"{names[0]} - {names[1]}"
        )
    else:
        _draw_difference(
            figure,
            panels[1, 0],
            all_states[names[0]][-1] - all_states[names[0]][0],
            main,
            f"{names[0]}: change since t = 0",
        )
    for unused in [*panels[0, len(fields) :], *panels[1, 3:]]:
        unused.set_axis_off()
    return figure, panels[1, 1], panels[1, 2]


def _draw_fields(
    figure: Figure, panels: NDArray[Any], fields: Mapping[str, NDArray[Any]], result: Result, style: str
) -> None:
    grid, labels = result.operator.space, result.labels
    shared = colours(np.stack(list(fields.values())), style)
    for axes, (name, values) in zip(panels, fields.items(), strict=False):
        draw_plane(axes, relief(values, grid, shared) if style == "relief" else values, grid, labels, **shared)
        axes.set_title(name, fontsize="medium")
    mappable = _mappable(shared)
    figure.colorbar(mappable, ax=panels.tolist(), label=labels.of(labels.quantity), shrink=0.9, pad=0.01)


def _mappable(style: Mapping[str, Any]) -> Any:
    """Colour bar source that does not depend on the last image, which may be an RGB relief."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    return ScalarMappable(Normalize(style["vmin"], style["vmax"]), style["cmap"])


def _draw_difference(figure: Figure, axes: Axes, difference: NDArray[Any], result: Result, name: str) -> None:
    """Diverging map centred at zero, range the 99.5 per cent quantile of the absolute difference."""
    bound = float(np.nanquantile(np.abs(difference), 0.995)) or 1.0
    image = draw_plane(axes, difference, result.operator.space, result.labels, cmap="RdBu_r", vmin=-bound, vmax=bound)
    axes.set_title(name, fontsize="medium")
    figure.colorbar(
        image,
        ax=axes,
        extend="both",
        label=f"difference of {result.labels.of(result.labels.quantity)}",
        shrink=0.9,
        pad=0.01,
    )


def _section_position(result: Result, profile: float | None) -> tuple[int, float]:
    """Index and drawn coordinate of the lattice line nearest to y = profile."""
    grid = result.operator.space
    axis = np.asarray(grid.axes[1])
    index = len(axis) // 2 if profile is None else int(np.abs(axis - profile).argmin())
    return index, length_scale(grid, result.labels)[0] * float(axis[index])


def _draw_section(axes: Axes, results: Mapping[str, Result], profile: float | None, span: tuple[float, ...]) -> None:
    main = next(iter(results.values()))
    grid = main.operator.space
    factor, unit = length_scale(grid, main.labels)
    x = factor * np.asarray(grid.axes[0])
    kept = (x >= factor * span[0]) & (x <= factor * span[1]) if span else np.ones(x.shape, dtype=bool)
    index, y = _section_position(main, profile) if grid.dimension == 2 else (None, 0.0)

    def line(state: NDArray[Any]) -> NDArray[Any]:
        return state[kept] if index is None else state[kept, index]

    axes.plot(x[kept], line(masked(main)[0]), color="0.6", label=moment(main, 0))
    for number, (name, result) in enumerate(results.items()):
        axes.plot(x[kept], line(masked(result)[-1]), color=f"C{number}", linestyle=_LINES[number % 4], label=name)
    axes.set_xlabel(f"x ({unit})" if unit else "x")
    axes.set_ylabel(main.labels.of(main.labels.quantity))
    if index is not None:
        axes.set_title(f"section at y = {y:.4g} {unit}".rstrip(), fontsize="medium")
    axes.legend(frameon=False)


def _draw_all_curves(axes: Axes, results: Mapping[str, Result]) -> None:
    for number, (name, result) in enumerate(results.items()):
        draw_curves(axes, result, suffix=f", {name}" if len(results) > 1 else "", colour=f"C{number}")
    axes.legend(frameon=False, fontsize="small")

"""Pictures and movies: what is drawn where, read back from the figures and from the files."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pide.comparison import compare
from pide.labels import Labels
from pide.plotting import colours, masked
from pide.result import Result

KILOMETRES = Labels("elevation", "m", "m", "yr")


@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_overview_is_written(tmp_path: Path, small_result: Callable[..., Result], dimension: int) -> None:
    figure = small_result(dimension).plot(tmp_path / "picture.png")
    with Image.open(tmp_path / "picture.png") as picture:
        assert picture.size[0] > 500
    titles = [axes.get_title() for axes in figure.axes if axes.get_title()]
    assert dimension == 1 or titles[0] == "t = 0"


def test_image_lies_on_the_coordinates_and_is_masked(small_result: Callable[..., Result]) -> None:
    result = small_result(2)
    figure = result.plot()
    axes = figure.axes[0]
    image = axes.get_images()[0]
    grid = result.operator.space
    assert np.allclose(image.get_extent(), [-1, 1, -1, 1])
    shown = np.asarray(image.get_array().filled(np.nan))
    np.testing.assert_array_equal(np.isnan(shown), ~grid.inside.T)
    right = shown[:, grid.shape[0] // 2 :]  # u_0 = 1 + x: larger to the right, whichever way y goes
    assert np.nanmin(right) >= 1
    assert axes.get_aspect() == 1
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("x", "y")


def test_labels_carry_units_and_long_metres_become_kilometres(small_result: Callable[..., Result]) -> None:
    result = small_result(1, labels=KILOMETRES)
    wide = dataclasses.replace(result.operator.space, spacing=(1000.0,))
    left, right = dataclasses.replace(result, operator=_OnGrid(result.operator, wide)).plot().axes
    assert left.get_xlabel() == "x (km)"
    assert left.get_ylabel() == "elevation (m)"
    assert right.get_xlabel() == "t (yr)"


@dataclasses.dataclass(frozen=True)
class _OnGrid:
    """An operator with its space exchanged, for pictures only."""

    operator: object
    space: object

    def __getattr__(self, name: str) -> object:
        return getattr(self.operator, name)


def test_maps_are_sequential_or_centred_at_zero() -> None:
    assert colours(np.array([1.0, 3.0, np.nan])) == {"cmap": "viridis", "vmin": 1.0, "vmax": 3.0}
    assert colours(np.array([-1.0, 3.0])) == {"cmap": "RdBu_r", "vmin": -3.0, "vmax": 3.0}
    assert colours(np.array([-1e-9, 3.0]))["cmap"] == "viridis"
    named = colours(np.linspace(-1, 1, 2001), "gray")
    with pytest.raises(ValueError, match=r"style='grey': needs one of 'plain', 'gray', 'relief'"):
        colours(np.zeros(2), "grey")
    assert (named["cmap"], round(named["vmin"], 6), round(named["vmax"], 6)) == ("gray", -0.998, 0.998)


@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_movie_has_one_frame_per_time_and_keeps_the_colours(
    tmp_path: Path, small_result: Callable[..., Result], dimension: int
) -> None:
    result = small_result(dimension)
    result.movie(tmp_path / "movie.gif", fps=5)
    with Image.open(tmp_path / "movie.gif") as movie:
        assert movie.n_frames == len(result.times)
        assert movie.info["duration"] == 200
        assert movie.convert("RGB").getpixel((0, 0)) == (255, 255, 255)
        first = np.asarray(movie.convert("RGB"))
        movie.seek(movie.n_frames - 1)
        assert np.any(np.asarray(movie.convert("RGB")) != first)


def test_relief_movies_shade_the_slopes(tmp_path: Path, small_result: Callable[..., Result]) -> None:
    result = small_result(2)
    result.movie(tmp_path / "plain.gif")
    result.movie(tmp_path / "relief.gif", style="relief")
    assert (tmp_path / "relief.gif").read_bytes() != (tmp_path / "plain.gif").read_bytes()


def test_mp4_holds_every_frame(tmp_path: Path, small_result: Callable[..., Result]) -> None:
    imageio_ffmpeg = pytest.importorskip("imageio_ffmpeg")
    result = small_result(1)
    result.movie(tmp_path / "movie.mp4", fps=5)
    frames, seconds = imageio_ffmpeg.count_frames_and_secs(str(tmp_path / "movie.mp4"))
    assert frames == len(result.times)
    assert seconds == pytest.approx(len(result.times) / 5)


def test_comparison_shows_fields_difference_section_and_curves(small_result: Callable[..., Result]) -> None:
    result = small_result(2)
    other = dataclasses.replace(result, states=2 * result.states)
    figure = compare({"nonlocal": result, "local": other}, style="relief", profile=0.26, title="both")
    titles = [axes.get_title() for axes in figure.axes]
    assert "nonlocal - local" in titles
    difference = next(axes for axes in figure.axes if axes.get_title() == "nonlocal - local").get_images()[0]
    assert difference.norm.vmin == -difference.norm.vmax
    np.testing.assert_array_equal(
        difference.get_array().filled(0.0), -np.where(result.operator.space.inside, result.states[-1], 0.0).T
    )
    section = next(axes for axes in figure.axes if axes.get_title().startswith("section at y = 0.25"))
    drawn = section.get_lines()[1].get_ydata()
    column = np.flatnonzero(np.isclose(result.operator.space.axes[1], 0.25))[0]
    np.testing.assert_array_equal(drawn, masked(result)[-1][:, column])


def test_comparison_in_one_and_three_dimensions(small_result: Callable[..., Result]) -> None:
    for dimension in (1, 3):
        result = small_result(dimension)
        assert compare({"a": result, "b": result}).axes


def test_refusals_say_what_to_write(tmp_path: Path, small_result: Callable[..., Result]) -> None:
    result = small_result(1)
    with pytest.raises(ValueError, match=r"pictures end in .png, .pdf, .svg. Write 'a.png'"):
        result.plot(tmp_path / "a.bmp")
    with pytest.raises(ValueError, match=r"movies end in .gif or .mp4. Write 'a.gif'"):
        result.movie(tmp_path / "a.avi")
    with pytest.raises(ValueError, match=r"fps=100.*Write fps=10"):
        result.movie(tmp_path / "a.gif", fps=100)
    batch = dataclasses.replace(result, states=np.stack([result.states] * 2, axis=1))
    with pytest.raises(ValueError, match=r"a batch of shape \(2,\) cannot be drawn.*states=result.states\[:, 0\]"):
        batch.plot()

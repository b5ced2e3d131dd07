"""Arrays from files: every format, and every refusal with its remedy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pide.inputs import SAMPLE_PREFIX, read_array

FIELD = np.arange(12.0).reshape(3, 4) / 7


def _write(folder: Path, suffix: str) -> str:
    """The field stored in one of the formats."""
    path = folder / f"field{suffix}"
    if suffix == ".npy":
        np.save(path, FIELD)
    elif suffix == ".npz":
        np.savez(path, field=FIELD, other=np.zeros(2))
    elif suffix == ".csv":
        path.write_text("# a header\n" + "\n".join(",".join(map(repr, row)) for row in FIELD.tolist()))
    elif suffix == ".nc":
        import xarray as xr

        xr.Dataset({"field": (("x", "y"), FIELD), "other": ("z", np.zeros(2))}).to_netcdf(path)
    elif suffix == ".zarr":
        zarr = pytest.importorskip("zarr")
        zarr.open_group(str(path), mode="w").create_array("field", data=FIELD)
    return path.name


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".csv", ".nc", ".zarr"])
def test_every_format_returns_the_values_bit_for_bit(tmp_path: Path, suffix: str) -> None:
    name = _write(tmp_path, suffix)
    values = read_array(name, key="field" if suffix in (".npz", ".nc", ".zarr") else None, folder=tmp_path)
    assert values.dtype == np.float64
    np.testing.assert_array_equal(values, FIELD)


def test_image_layout_turns_rows_into_y_upwards(tmp_path: Path) -> None:
    np.save(tmp_path / "raster.npy", FIELD)
    values = read_array("raster.npy", layout="image", folder=tmp_path)
    assert values.shape == (4, 3)
    assert values[1, 2] == FIELD[0, 1]  # the top row of the picture is the largest y
    assert values[3, 0] == FIELD[2, 3]


@pytest.mark.parametrize(("dtype", "largest"), [(np.uint8, 255), (np.uint16, 65535)])
def test_integer_pictures_need_a_word_and_are_scaled_by_the_largest_value(
    tmp_path: Path, dtype: type, largest: int
) -> None:
    pixels = np.array([[0, 1], [largest - 1, largest]], dtype=dtype)
    Image.fromarray(pixels).save(tmp_path / "picture.png")
    with pytest.raises(ValueError, match="convert='unit'"):
        read_array("picture.png", folder=tmp_path)
    np.testing.assert_array_equal(read_array("picture.png", convert="unit", folder=tmp_path), pixels / float(largest))
    np.testing.assert_array_equal(read_array("picture.png", convert="float", folder=tmp_path), pixels.astype(float))


def test_colours_become_luma_only_when_asked(tmp_path: Path) -> None:
    colours = np.zeros((2, 3, 3), dtype=np.uint8)
    colours[0, 0], colours[0, 1], colours[0, 2], colours[1] = (255, 0, 0), (0, 255, 0), (0, 0, 255), 255
    Image.fromarray(colours).save(tmp_path / "colour.png")
    with pytest.raises(ValueError, match=r"3 colour channels.*convert='gray'"):
        read_array("colour.png", convert="unit", folder=tmp_path)
    luma = read_array("colour.png", convert="gray", folder=tmp_path)
    np.testing.assert_allclose(luma, [[0.299, 0.587, 0.114], [1, 1, 1]], rtol=1e-15)


def test_matplotlib_sample_is_found_without_the_network() -> None:
    elevation = read_array(SAMPLE_PREFIX + "jacksboro_fault_dem.npz", key="elevation", convert="float", layout="image")
    assert elevation.shape == (403, 344)
    assert (elevation.min(), elevation.max()) == (236, 1076)


def test_missing_values_are_refused_or_filled(tmp_path: Path) -> None:
    holes = FIELD.copy()
    holes[0, 0], holes[1, 1] = np.nan, np.inf
    np.save(tmp_path / "holes.npy", holes)
    with pytest.raises(ValueError, match=r"2 of 12 values are NaN or infinite.*fill=VALUE"):
        read_array("holes.npy", folder=tmp_path)
    filled = read_array("holes.npy", fill=-1.0, folder=tmp_path)
    assert (filled[0, 0], filled[1, 1], filled[2, 3]) == (-1, -1, FIELD[2, 3])


@pytest.mark.parametrize(
    ("file", "key", "message"),
    [
        ("fild.npy", None, r"no such file.*Did you mean 'field.npy'"),
        ("elsewhere/a.npy", None, r"no such file.*Paths are relative to the case file"),
        ("field.npz", "feild", r"key='feild' names no array.*Did you mean 'field'"),
        ("field.npz", None, r"key=None names no array.*Choose from field, other"),
        ("field.npy", "field", r"holds one array.*Leave the key out"),
        ("field.txt", None, r"'\.txt' are not read.*\.npy"),
        ("text.npy", None, r"not a \.npy file of numbers.*numpy\.save"),
        ("text.npz", None, r"not an \.npz archive.*numpy\.savez"),
        ("text.nc", None, r"not a netCDF file"),
        ("text.png", None, r"not a picture"),
        ("text.csv", None, r"needs numbers separated by commas.*'#' before header"),
        ("complex.npy", None, r"complex128, a field is real"),
    ],
)
def test_refusals_say_what_to_write(tmp_path: Path, file: str, key: str | None, message: str) -> None:
    for suffix in (".npy", ".npz"):
        _write(tmp_path, suffix)
    np.save(tmp_path / "complex.npy", FIELD + 1j)
    for suffix in (".txt", ".npy", ".npz", ".nc", ".png", ".csv"):
        (tmp_path / f"text{suffix}").write_text("plain words, nothing else")
    (tmp_path / "field.txt").write_text("1")
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        read_array(file, key=key, folder=tmp_path)


def test_unknown_conversion_and_layout_are_named() -> None:
    with pytest.raises(ValueError, match="convert='grey': needs one of 'float', 'unit', 'gray'"):
        read_array("a.npy", convert="grey")
    with pytest.raises(ValueError, match="layout='rows': needs one of 'grid', 'image'"):
        read_array("a.npy", layout="rows")


def test_layout_image_needs_a_plane(tmp_path: Path) -> None:
    np.save(tmp_path / "line.npy", np.zeros(3))
    with pytest.raises(ValueError, match="needs 2 axes, the array has 1"):
        read_array("line.npy", layout="image", folder=tmp_path)

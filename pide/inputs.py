"""Arrays from files: .npy, .npz, .nc, .zarr, .csv and pictures become float64 fields.

Nothing is converted silently: integers, colours and missing values each need the caller's word.
"""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["CONVERSIONS", "LAYOUTS", "SAMPLE_PREFIX", "read_array"]

SAMPLE_PREFIX = "matplotlib-sample:"
CONVERSIONS = ("float", "unit", "gray")
LAYOUTS = ("grid", "image")
_PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")


def read_array(
    file: str | Path,
    *,
    key: str | None = None,
    convert: str | None = None,
    layout: str = "grid",
    fill: float | None = None,
    folder: str | Path = ".",
) -> NDArray[np.float64]:
    """Array stored in a file, as a float64 field on a lattice.

    Parameters
    ----------
    file : str or Path
        .npy, .npz, .nc, .zarr, .csv, .png, .jpg, .tif or .bmp, relative to `folder`;
        or "matplotlib-sample:NAME" for a file that matplotlib ships.
    key : str, optional
        Array of an .npz or .zarr, variable of a .nc; needed when the file holds several.
    convert : {"float", "unit", "gray"}, optional
        What to do with integers and colours. "float": the values as they are; "unit": divided by the largest value
        of the dtype, so in [0, 1]; "gray": colours to ITU-R 601 luma first, then as "unit".
        Real data need none; integers and colours are refused without it.
    layout : {"grid", "image"}
        "grid": axes are (x, y, z) as stored. "image": rows run downwards, as in pictures and north-up rasters;
        the field is ``a[::-1].T``, so that x runs along a row and y upwards.
    fill : float, optional
        Value that replaces NaN and infinities; without it they are refused.
    folder : str or Path
        Where relative paths start.

    Returns
    -------
    array, float64
        Shape (x, y, z) after `layout`.

    Raises
    ------
    FileNotFoundError, ValueError
        With what was given, what was needed and what to write.
    """
    _choice("convert", convert, (None, *CONVERSIONS))
    _choice("layout", layout, LAYOUTS)
    path = _locate(str(file), Path(folder))
    values = _reader(path)(path, key)
    values = _to_float(values, convert, path)
    if layout == "image":
        if values.ndim != 2:
            raise ValueError(f"{path}: layout='image' needs 2 axes, the array has {values.ndim}. Write layout='grid'.")
        values = values[::-1].T
    return np.ascontiguousarray(_finite(values, fill, path))


def _choice(name: str, value: str | None, allowed: tuple[str | None, ...]) -> None:
    if value not in allowed:
        names = ", ".join(repr(option) for option in allowed if option is not None)
        raise ValueError(f"{name}={value!r}: needs one of {names}.")


def _locate(file: str, folder: Path) -> Path:
    """Path of the file; samples come from the folder that matplotlib installs."""
    if file.startswith(SAMPLE_PREFIX):
        import matplotlib

        folder = Path(matplotlib.get_data_path()) / "sample_data"
        file = file.removeprefix(SAMPLE_PREFIX)
    path = folder / file
    if not path.exists():
        names = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
        near = get_close_matches(path.name, names, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else " Paths are relative to the case file."
        raise FileNotFoundError(f"{path}: no such file.{hint}")
    return path


def _reader(path: Path) -> Callable[[Path, str | None], NDArray[Any]]:
    suffix = path.suffix.lower()
    readers: dict[str, Callable[[Path, str | None], NDArray[Any]]] = {
        ".npy": _read_npy,
        ".npz": _read_npz,
        ".nc": _read_netcdf,
        ".zarr": _read_zarr,
        ".csv": _read_csv,
    } | dict.fromkeys(_PICTURES, _read_picture)
    if suffix not in readers:
        raise ValueError(f"{path}: files ending in {suffix!r} are not read. Use one of {', '.join(readers)}.")
    return readers[suffix]


def _read_npy(path: Path, key: str | None) -> NDArray[Any]:
    _no_key(path, key)
    try:
        return np.asarray(np.load(path, allow_pickle=False))
    except (ValueError, EOFError, OSError) as error:
        raise ValueError(f"{path}: not a .npy file of numbers ({error}). Write it with numpy.save.") from None


def _read_npz(path: Path, key: str | None) -> NDArray[Any]:
    try:
        archive = np.load(path, allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise ValueError(f"{path}: not an .npz archive ({error}). Write it with numpy.savez.") from None
    if isinstance(archive, np.ndarray):
        raise ValueError(f"{path}: holds one array, not an .npz archive. Rename it to .npy.")
    with archive:
        return np.asarray(archive[_pick(path, key, list(archive.keys()))])


def _read_netcdf(path: Path, key: str | None) -> NDArray[Any]:
    import xarray as xr

    try:
        dataset = xr.open_dataset(path, engine="netcdf4")
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: not a netCDF file ({error}).") from None
    with dataset:
        return np.asarray(dataset[_pick(path, key, [str(name) for name in dataset.data_vars])].values)


def _read_zarr(path: Path, key: str | None) -> NDArray[Any]:
    try:
        import zarr
    except ImportError:
        raise ImportError(f"{path}: reading .zarr needs zarr. Install pide-operators[files].") from None
    node: Any = zarr.open(str(path), mode="r")
    if isinstance(node, zarr.Group):
        node = node[_pick(path, key, [str(name) for name in node.array_keys()])]
    else:
        _no_key(path, key)
    return np.asarray(node[...])


def _read_csv(path: Path, key: str | None) -> NDArray[Any]:
    _no_key(path, key)
    try:
        values = np.loadtxt(path, delimiter=",", comments="#", ndmin=2)
    except ValueError as error:
        raise ValueError(
            f"{path}: needs numbers separated by commas, every row of one length; put '#' before header "
            f"lines ({error})."
        ) from None
    return values[:, 0] if values.shape[1] == 1 else values


def _read_picture(path: Path, key: str | None) -> NDArray[Any]:
    _no_key(path, key)
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as picture:
            return np.asarray(picture.convert("RGB") if picture.mode in ("P", "CMYK", "YCbCr") else picture)
    except UnidentifiedImageError:
        raise ValueError(f"{path}: not a picture that Pillow reads.") from None


def _no_key(path: Path, key: str | None) -> None:
    if key is not None:
        raise ValueError(f"{path}: key={key!r} was given, but such a file holds one array. Leave the key out.")


def _pick(path: Path, key: str | None, names: list[str]) -> str:
    if key is None and len(names) == 1:
        return names[0]
    if key in names:
        return str(key)
    near = get_close_matches(key or "", names, n=1)
    hint = f"Did you mean {near[0]!r}?" if near else f"Choose from {', '.join(sorted(names)) or 'none: it is empty'}."
    raise ValueError(f"{path}: key={key!r} names no array of the file. {hint}")


def _to_float(values: NDArray[Any], convert: str | None, path: Path) -> NDArray[np.float64]:
    """Real numbers from integers and colours, as `convert` says."""
    if values.dtype.kind not in "fiub":
        raise ValueError(f"{path}: dtype {values.dtype}, a field is real. Store the real and imaginary parts.")
    colours = path.suffix.lower() in _PICTURES and values.ndim == 3
    if colours and convert != "gray":
        raise ValueError(
            f"{path}: {values.shape[-1]} colour channels, a field has one value per node. "
            "Write convert='gray' (ITU-R 601 luma in [0, 1])."
        )
    if values.dtype.kind == "f":
        return values.astype(np.float64)
    if convert is None:
        raise ValueError(
            f"{path}: dtype {values.dtype}, a field is real. Write convert='float' to take the values as "
            "they are, or convert='unit' to divide by the largest value of the dtype."
        )
    scale = 1.0 if convert == "float" or values.dtype.kind == "b" else float(np.iinfo(values.dtype).max)
    real = values.astype(np.float64) / scale
    return _luma(real) if colours else real


def _luma(colours: NDArray[np.float64]) -> NDArray[np.float64]:
    """ITU-R BT.601: Y = 0.299 R + 0.587 G + 0.114 B; an alpha channel is left out."""
    if colours.shape[-1] < 3:
        return colours[..., 0]
    return np.asarray(colours[..., :3] @ np.array([0.299, 0.587, 0.114]))


def _finite(values: NDArray[np.float64], fill: float | None, path: Path) -> NDArray[np.float64]:
    bad = ~np.isfinite(values)
    if not bad.any():
        return values
    if fill is None:
        raise ValueError(
            f"{path}: {int(bad.sum())} of {bad.size} values are NaN or infinite. "
            "Repair the file, or write fill=VALUE to replace them."
        )
    return np.where(bad, fill, values)

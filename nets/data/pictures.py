"""Picture files to tensors of bytes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["SUFFIXES", "picture_files", "read_masks", "read_pictures"]

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".ppm", ".tif", ".tiff")


def picture_files(folder: Path) -> list[Path]:
    """Pictures of a folder, by name."""
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)


def read_pictures(paths: Sequence[Path], stride: int = 1, mode: str = "RGB", first: int = 0) -> Tensor:
    """Pictures as bytes, shape (N, C, H, W).

    Parameters
    ----------
    paths : sequence of Path
    stride : int
        Every stride-th row and column is kept.
    mode : {"RGB", "L"}
        Colour (C = 3) or grey (C = 1), by Pillow's conversion.
    first : int
        The first row and column that is kept, from 0.

    Raises
    ------
    ValueError
        If a file is no picture, or the pictures differ in size.
    """
    arrays = [_opened(path, mode)[first::stride, first::stride] for path in paths]
    stacked = _stacked(paths, arrays)
    return torch.from_numpy(stacked[:, None] if mode == "L" else np.ascontiguousarray(stacked.transpose(0, 3, 1, 2)))


def read_masks(paths: Sequence[Path], stride: int = 1, first: int = 0) -> Tensor:
    """Class number of every pixel, int64, shape (N, H, W): the palette index or the grey value, never a colour."""
    arrays = [_opened(path, None)[first::stride, first::stride] for path in paths]
    for path, array in zip(paths, arrays, strict=True):
        if array.ndim != 2:
            raise ValueError(
                f"{path}: a mask with colours. Masks hold class numbers: save them as grey or palette pictures."
            )
    return torch.from_numpy(_stacked(paths, arrays).astype(np.int64))


def _opened(path: Path, mode: str | None) -> NDArray[Any]:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as picture:
            return np.asarray(picture if mode is None else picture.convert(mode))
    except (UnidentifiedImageError, OSError) as error:
        raise ValueError(f"{path}: not a readable picture ({error}). Replace or remove this file.") from None


def _stacked(paths: Sequence[Path], arrays: list[NDArray[Any]]) -> NDArray[Any]:
    for path, array in zip(paths, arrays, strict=True):
        if array.shape[:2] != arrays[0].shape[:2]:
            sizes = [f"{shape[1]} x {shape[0]}" for shape in (array.shape, arrays[0].shape)]
            raise ValueError(f"{path}: {sizes[0]} pixels where {paths[0].name} has {sizes[1]}. Make all sizes equal.")
    return np.stack(arrays)

"""STL-10, binary version: 96 x 96 images, columns first, labels 1 to 10."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from pide.nets.data.checksums import Policy, identity
from pide.nets.data.images import Dataset, Images
from pide.nets.data.sources import SOURCES, expect_files, expect_size

__all__ = ["read_stl10"]

_SIDE = 96
_CLASSES = ("airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck")


def read_stl10(folder: str | Path, records: tuple[int, int] = (5_000, 8_000), checksums: Policy = "verify") -> Dataset:
    """STL-10: 5 000 + 8 000 labelled images of 96 x 96 in ten classes; the unlabelled ones are not read.

    Parameters
    ----------
    folder : str or Path
        The four files, or the folder that holds "stl10_binary".
    records : tuple of int
        Images for training and for testing; the release has (5000, 8000).
    checksums : {"verify", "report"}
        Whether other bytes than the published ones are an error, or only told in `Dataset.identity`.

    Notes
    -----
    A file of images holds, image by image, three planes of 96 x 96 bytes in column-major order. Sizes and
    the MD5 of every file are verified.

    Raises
    ------
    FileNotFoundError, ValueError
        If files are missing or damaged.
    """
    folder = Path(folder)
    root = folder / "stl10_binary" if (folder / "stl10_binary").is_dir() else folder
    parts = ("train", "test")
    paths = [root / f"{part}_{kind}.bin" for part in parts for kind in "Xy"]
    expect_files("stl10", folder, paths)
    train, test = (_split(root, part, count) for part, count in zip(parts, records, strict=True))
    return Dataset("stl10", train, test, _CLASSES, identity=identity("stl10", paths, checksums))


def _split(root: Path, part: str, count: int) -> Images:
    images, labels = root / f"{part}_X.bin", root / f"{part}_y.bin"
    expect_size("stl10", images, images.stat().st_size, count * 3 * _SIDE * _SIDE)
    expect_size("stl10", labels, labels.stat().st_size, count)
    columns_first = np.fromfile(images, np.uint8).reshape(count, 3, _SIDE, _SIDE)
    numbers = np.fromfile(labels, np.uint8).astype(np.int64) - 1
    if numbers.min() < 0 or numbers.max() >= len(_CLASSES):
        raise ValueError(f"{labels}: labels outside 1 .. 10. Get the file again from {SOURCES['stl10'].page}.")
    return Images(torch.from_numpy(columns_first.swapaxes(2, 3).copy()), torch.from_numpy(numbers))

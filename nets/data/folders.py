"""Image folders: one folder per class."""

from __future__ import annotations

from pathlib import Path

import torch

from pide.nets.data.images import Dataset, Images
from pide.nets.data.pictures import picture_files, read_pictures
from pide.nets.data.sources import SOURCES, expect_files

__all__ = ["read_image_folder"]


def read_image_folder(folder: str | Path, mode: str = "RGB") -> Dataset:
    """{train, test}/CLASS/NAME.png, and validation where there is one; classes are the folders of train, by name.

    Parameters
    ----------
    folder : str or Path
    mode : {"RGB", "L"}
        Colour or grey.

    Raises
    ------
    FileNotFoundError, ValueError
        If folders are missing or empty, hold a class that train lacks, or pictures differ in size.
    """
    folder = Path(folder)
    expect_files("image_folder", folder, [folder / part for part in ("train", "test")])
    classes = tuple(sorted(path.name for path in (folder / "train").iterdir() if path.is_dir()))
    if not classes:
        raise FileNotFoundError(f"{folder / 'train'}: no folders. The layout is {SOURCES['image_folder'].layout}.")
    parts = [part for part in ("train", "test", "validation") if (folder / part).is_dir()]
    splits = {part: _split(folder / part, classes, mode) for part in parts}
    return Dataset("image_folder", splits["train"], splits["test"], classes, splits.get("validation"))


def _split(folder: Path, classes: tuple[str, ...], mode: str) -> Images:
    unknown = sorted({path.name for path in folder.iterdir() if path.is_dir()} - set(classes))
    if unknown:
        raise ValueError(f"{folder}: class {unknown[0]!r} is not in train. Rename the folder or add it to train.")
    found = [
        (path, number)
        for number, name in enumerate(classes)
        if (folder / name).is_dir()
        for path in picture_files(folder / name)
    ]
    if not found:
        raise FileNotFoundError(f"{folder}: no pictures. The layout is {SOURCES['image_folder'].layout}.")
    return Images(read_pictures([path for path, _ in found], mode=mode), torch.tensor([number for _, number in found]))

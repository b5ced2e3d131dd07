"""Data sets by name."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from functools import partial
from typing import Any

from pide.nets.data.cifar import read_cifar10, read_cifar100
from pide.nets.data.digits import read_digits
from pide.nets.data.folders import read_image_folder
from pide.nets.data.idx import FASHION_FOLDER, read_mnist
from pide.nets.data.images import Dataset
from pide.nets.data.qtips import make_qtips
from pide.nets.data.segmentation import read_bdd100k, read_camvid, read_segmentation_folder
from pide.nets.data.sources import SOURCES
from pide.nets.data.stl10 import read_stl10

__all__ = ["DATASETS", "HALVED", "SUMMED", "read_dataset"]

_FROM_FOLDERS: dict[str, Callable[..., Dataset]] = {
    "cifar10": read_cifar10,
    "cifar100": read_cifar100,
    "stl10": read_stl10,
    "mnist": read_mnist,
    "fashion_mnist": partial(read_mnist, name="fashion_mnist"),
    "camvid": read_camvid,
    "bdd100k": read_bdd100k,
    "image_folder": read_image_folder,
    "segmentation_folder": read_segmentation_folder,
}

_MADE: dict[str, Callable[..., Dataset]] = {"digits": read_digits, "qtips": make_qtips}

DATASETS = (*_MADE, *_FROM_FOLDERS)
"""Names that `read_dataset` knows."""

HALVED = ("camvid", "bdd100k", "segmentation_folder")
"""Names whose reader takes `halvings`: how often every second row and column is dropped."""

SUMMED = ("cifar10", "cifar100", "stl10", "mnist", "fashion_mnist")
"""Names whose reader takes `checksums`: "verify" the published ones, or "report" whether they are met."""


def read_dataset(name: str, folder: str = "", **options: Any) -> Dataset:
    """Data set of a name, from the folder that holds its published files.

    Parameters
    ----------
    name : str
        One of `DATASETS`.
    folder : str
        Not used by "digits" and "qtips", which need no files; Fashion-MNIST is looked for where Debian puts it.
    **options
        Further arguments of the reader, such as `halvings`, `checksums` or `seed`.

    Raises
    ------
    ValueError
        If there is no such data set, a folder is needed and none given, or files are damaged or not the published
        ones.
    FileNotFoundError
        If files are missing.
    """
    if name in _MADE:
        return _MADE[name](**options)
    if name not in _FROM_FOLDERS:
        near = get_close_matches(name, DATASETS, 1)
        hint = f"Did you mean {near[0]!r}?" if near else f"Choose from {', '.join(DATASETS)}."
        raise ValueError(f"data set {name!r} is not known. {hint}")
    folder = folder or (FASHION_FOLDER if name == "fashion_mnist" else "")
    if not folder:
        source = SOURCES[name]
        raise ValueError(
            f"{source.title} needs the folder of its files. Get them from {source.page} and write "
            f"[data] folder = FOLDER or --set data.folder=FOLDER; the folder holds {source.layout}."
        )
    return _FROM_FOLDERS[name](folder, **options)

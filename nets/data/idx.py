"""MNIST and Fashion-MNIST: IDX files, plain or compressed by gzip.

IDX: two zero bytes, one byte for the type (8: unsigned byte), one for the number of axes, then each length as a
big-endian 32-bit integer, then the entries, last axis fastest.
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from pide.nets.data.checksums import Policy, identity
from pide.nets.data.images import Dataset, Images
from pide.nets.data.sources import SOURCES, expect_files, expect_size

__all__ = ["FASHION_FOLDER", "read_idx", "read_mnist"]

FASHION_FOLDER = "/usr/share/datasets/fashion-mnist"
"""Where Debian's package dataset-fashion-mnist puts its files."""

_FASHION = ("T-shirt", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
_CLASSES = {"mnist": tuple("0123456789"), "fashion_mnist": _FASHION}
_UNSIGNED_BYTE = 8


def read_idx(path: str | Path, name: str = "mnist") -> NDArray[np.uint8]:
    """Array of an IDX file of unsigned bytes; `name` is the data set named in errors.

    Raises
    ------
    ValueError
        If the file is no IDX file of bytes, is not readable gzip, or has another length than its header says.
    """
    path = Path(path)
    data = path.read_bytes()
    if path.suffix == ".gz":
        data = _unpacked(path, data, name)
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] != _UNSIGNED_BYTE or len(data) < 4 + 4 * data[3]:
        raise ValueError(
            f"{path}: not an IDX file of unsigned bytes (it must begin with 00 00 08). "
            f"Get the file again from {SOURCES[name].page}."
        )
    axes = data[3]
    shape = struct.unpack(f">{axes}I", data[4 : 4 + 4 * axes])
    expect_size(name, path, len(data), 4 + 4 * axes + math.prod(shape))
    return np.frombuffer(data, np.uint8, offset=4 + 4 * axes).reshape(shape).copy()


def _unpacked(path: Path, data: bytes, name: str) -> bytes:
    try:
        return gzip.decompress(data)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(
            f"{path}: damaged gzip file ({error}). Get the file again from {SOURCES[name].page}."
        ) from None


def read_mnist(folder: str | Path, name: str = "mnist", checksums: Policy = "verify") -> Dataset:
    """MNIST or Fashion-MNIST: 60 000 + 10 000 images of 28 x 28 in ten classes.

    Parameters
    ----------
    folder : str or Path
        Holds the four IDX files, plain or .gz.
    name : {"mnist", "fashion_mnist"}
    checksums : {"verify", "report"}
        Whether other bytes than the published ones are an error, or only told in `Dataset.identity`.

    Notes
    -----
    Verified are the lengths that the headers promise, that images and labels are equally many, and the MD5 of what
    every file holds uncompressed.

    Raises
    ------
    FileNotFoundError, ValueError
        If files are missing or damaged.
    """
    folder = Path(folder)
    paths = {
        (part, kind): _present(folder / f"{part}-{kind}-ubyte")
        for part in ("train", "t10k")
        for kind in ("images-idx3", "labels-idx1")
    }
    expect_files(name, folder, list(paths.values()))
    train, test = (_split(paths[part, "images-idx3"], paths[part, "labels-idx1"], name) for part in ("train", "t10k"))
    return Dataset(name, train, test, _CLASSES[name], identity=identity(name, list(paths.values()), checksums))


def _present(path: Path) -> Path:
    """The plain file where there is one, else the compressed one."""
    return path if path.exists() else path.with_name(path.name + ".gz")


def _split(images: Path, labels: Path, name: str) -> Images:
    pixels, numbers = read_idx(images, name), read_idx(labels, name)
    if pixels.ndim != 3 or numbers.ndim != 1 or len(pixels) != len(numbers):
        raise ValueError(
            f"{images} and {labels}: shapes {pixels.shape} and {numbers.shape} where (N, H, W) and (N,) are needed. "
            f"Get both files from {SOURCES[name].page}."
        )
    return Images(torch.from_numpy(pixels[:, None]), torch.from_numpy(numbers.astype(np.int64)))

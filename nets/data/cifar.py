"""CIFAR-10 and CIFAR-100, in the python and in the binary version.

An image is 3072 bytes: 1024 red, 1024 green, 1024 blue, each row by row. A record of the binary version is one label
byte (CIFAR-100: coarse label, fine label) followed by the image.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from pide.nets.data.checksums import Policy, identity
from pide.nets.data.images import Dataset, Images
from pide.nets.data.pickles import read_pickle
from pide.nets.data.sources import SOURCES, expect_files, expect_size

__all__ = ["read_cifar10", "read_cifar100"]

_PIXELS = 3 * 32 * 32
_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_BATCHES = tuple(f"data_batch_{number}" for number in range(1, 6))

Batch = tuple[NDArray[np.uint8], NDArray[np.int64]]


def read_cifar10(folder: str | Path, records: int = 10_000, checksums: Policy = "verify") -> Dataset:
    """CIFAR-10: 50 000 + 10 000 images of 32 x 32 in ten classes.

    Parameters
    ----------
    folder : str or Path
        The batches, or the folder that holds "cifar-10-batches-py" or "cifar-10-batches-bin".
    records : int
        Images per batch; the release has 10 000.
    checksums : {"verify", "report"}
        Whether other bytes than the published ones are an error, or only told in `Dataset.identity`.

    Notes
    -----
    Verified are the number of records, their lengths and the MD5 of every batch.

    Raises
    ------
    FileNotFoundError, ValueError
        If files are missing or damaged.
    """
    return _dataset("cifar10", Path(folder), (_BATCHES, ("test_batch",)), (records, records), checksums)


def read_cifar100(
    folder: str | Path, records: tuple[int, int] = (50_000, 10_000), checksums: Policy = "verify"
) -> Dataset:
    """CIFAR-100 with its 100 fine labels: 50 000 + 10 000 images of 32 x 32; see `read_cifar10`."""
    return _dataset("cifar100", Path(folder), (("train",), ("test",)), records, checksums)


def _dataset(
    name: str, folder: Path, batches: tuple[tuple[str, ...], ...], records: tuple[int, int], checksums: Policy
) -> Dataset:
    """Data set of the batches for training and those for testing, with so many records in each."""
    root, suffix = _root(name, folder, batches[0][0])
    paths = [[root / f"{batch}{suffix}" for batch in part] for part in batches]
    everything = [path for part in paths for path in part]
    expect_files(name, folder, everything)
    read = _binary if suffix else _pickled
    train, test = (
        _joined([read(name, path, count) for path in part]) for part, count in zip(paths, records, strict=True)
    )
    identical = identity(name, everything, checksums)
    return Dataset(name, train, test, _class_names(name, root), identity=identical)


def _root(name: str, folder: Path, batch: str) -> tuple[Path, str]:
    """(folder of the batches, suffix of their names); the python version where nothing is found."""
    stem = "cifar-10-batches" if name == "cifar10" else "cifar-100"
    python, binary = (f"{stem}-py", f"{stem}-bin") if name == "cifar10" else (f"{stem}-python", f"{stem}-binary")
    for root, suffix in ((folder / python, ""), (folder / binary, ".bin"), (folder, ""), (folder, ".bin")):
        if (root / f"{batch}{suffix}").is_file():
            return root, suffix
    return (folder if folder.name in (python, binary) else folder / python), ".bin" if folder.name == binary else ""


def _pickled(name: str, path: Path, records: int) -> Batch:
    content = read_pickle(path)
    label_key = b"labels" if name == "cifar10" else b"fine_labels"
    if b"data" not in content or label_key not in content:
        raise ValueError(
            f"{path}: has no entries 'data' and {label_key.decode()!r}. "
            f"Get the file again from {SOURCES[name].page}, and give CIFAR-10 and CIFAR-100 their own names."
        )
    data, labels = np.asarray(content[b"data"]), np.asarray(content[label_key], np.int64)
    expect_size(name, path, data.size, records * _PIXELS)
    expect_size(name, path, labels.size, records)
    return data.astype(np.uint8, copy=False).reshape(records, 3, 32, 32), labels


def _binary(name: str, path: Path, records: int) -> Batch:
    marks = 1 if name == "cifar10" else 2
    expect_size(name, path, path.stat().st_size, records * (marks + _PIXELS))
    table = np.fromfile(path, np.uint8).reshape(records, marks + _PIXELS)
    return table[:, marks:].reshape(records, 3, 32, 32), table[:, marks - 1].astype(np.int64)


def _joined(batches: list[Batch]) -> Images:
    pixels, labels = (np.concatenate(parts) for parts in zip(*batches, strict=True))
    return Images(torch.from_numpy(np.ascontiguousarray(pixels)), torch.from_numpy(labels))


def _class_names(name: str, root: Path) -> tuple[str, ...]:
    """Names as the release gives them; CIFAR-10's are known, a CIFAR-100 without its meta file gets numbers."""
    if name == "cifar10":
        return _CLASSES
    if (root / "meta").is_file():
        return tuple(item.decode() for item in read_pickle(root / "meta")[b"fine_label_names"])
    if (root / "fine_label_names.txt").is_file():
        return tuple((root / "fine_label_names.txt").read_text().split())
    return tuple(f"class {number}" for number in range(100))

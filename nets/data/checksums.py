"""MD5 sums of published files: whether a folder holds the bytes that others trained on.

They tell a damaged, edited or re-encoded copy from the release; against an attacker MD5 proves nothing.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

from pide.nets.data.sources import SOURCES

__all__ = ["Policy", "content_sum", "counted", "identity", "published_sum"]

Policy = Literal["verify", "report"]

_SUMS = {
    "cifar10": {
        "data_batch_1": "c99cafc152244af753f735de768cd75f",
        "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
        "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
        "data_batch_4": "634d18415352ddfa80567beed471001a",
        "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
        "test_batch": "40351d587109b95175f43aff81a1287e",
        "data_batch_1.bin": "5dd7e06a14cb22eb9f671a540d1b7c25",
        "data_batch_2.bin": "5ea93a67294ea407fff1d09f752e9692",
        "data_batch_3.bin": "942cd6a4bcdd0dd3c604fbe906cb4421",
        "data_batch_4.bin": "ae636b3ba5c66a11e91e8cb52e771fcb",
        "data_batch_5.bin": "53f37980c15c3d472c316c40844f3f0d",
        "test_batch.bin": "803d5f7f4d78ea53de84dbe85f74fb6d",
    },
    "cifar100": {
        "train": "16019d7e3df5f24257cddd939b257f8d",
        "test": "f0ef6b0ae62326f3e7ffdfab6717acfc",
        "train.bin": "6172c7755cfe09b2fe270c85cebc1b15",
        "test.bin": "4499cfba6c016c1be1438163640a0898",
    },
    "stl10": {
        "train_X.bin": "918c2871b30a85fa023e0c44e0bee87f",
        "train_y.bin": "5a34089d4802c674881badbb80307741",
        "test_X.bin": "7f263ba9f9e0b06b93213547f721ac82",
        "test_y.bin": "36f9794fa4beb8a2c72628de14fa638e",
    },
    "mnist": {
        "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
        "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
        "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
        "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
    },
    "fashion_mnist": {
        "train-images-idx3-ubyte": "f4a8712d7a061bf5bd6d2ca38dc4d50a",
        "train-labels-idx1-ubyte": "9018921c3c673c538a1fc5bad174d6f9",
        "t10k-images-idx3-ubyte": "8181f5470baa50b63fa0f6fddb340f0a",
        "t10k-labels-idx1-ubyte": "15d484375f8d13e6eb1aabb0c3f46965",
    },
}

_COUNTS = {"camvid": (367, 101, 233), "bdd100k": (7_000, 1_000)}


def counted(name: str, found: Sequence[int]) -> str:
    """A sentence about a data set without published sums: whether its sets have the published numbers of pictures.

    >>> counted("bdd100k", (7000, 999))
    'no published checksums of BDD100K semantic segmentation are known; 7000 + 999 pictures, published 7000 + 1000'
    """
    numbers, published = (" + ".join(map(str, counts)) for counts in (found, _COUNTS[name]))
    told = f"{numbers} pictures, as published" if numbers == published else f"{numbers} pictures, published {published}"
    return f"no published checksums of {SOURCES[name].title} are known; {told}"


def published_sum(name: str, path: Path) -> str:
    """MD5 of what a file of a data set holds once uncompressed, as it was published."""
    return _SUMS[name][path.name.removesuffix(".gz")]


def content_sum(path: Path) -> str:
    """MD5 of the content of a file, uncompressed where it is .gz."""
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def identity(name: str, paths: Sequence[Path], checksums: Policy = "verify") -> str:
    """A sentence that says whether the files of a data set are the published ones.

    Parameters
    ----------
    name : str
        Data set with published sums.
    paths : sequence of Path
        Its files.
    checksums : {"verify", "report"}
        Other bytes than the published ones are an error, or are named in the sentence.

    Notes
    -----
    The sums of the CIFAR files (python version), of STL-10 and of compressed MNIST and Fashion-MNIST are those that
    torchvision checks; those of the CIFAR binaries and of uncompressed IDX files are in wide use. Files are compared
    uncompressed, so that files compressed again are not taken for others. CamVid and BDD100K have no published sums
    that we know; see `counted`. Cost: one more reading of the files; compressed ones are uncompressed
    once more.

    Raises
    ------
    ValueError
        If a sum differs and `checksums` is "verify", or `checksums` is neither.
    """
    if checksums not in get_args(Policy):
        raise ValueError(f'checksums={checksums!r}: needs "verify" or "report". Write checksums = "verify".')
    found = {path: content_sum(path) for path in paths}
    other = [path for path in paths if found[path] != published_sum(name, path)]
    if not other:
        return f"the published bytes (MD5 of {len(paths)} files)"
    first = other[0]
    told = f"MD5 {found[first]}, published {published_sum(name, first)}"
    more = f"; {len(other) - 1} more of {len(paths)} files differ" if other[1:] else ""
    if checksums == "verify":
        raise ValueError(
            f"{first}: {told}{more}: not the published bytes of {SOURCES[name].title}. Get the files again from "
            f'{SOURCES[name].page}, or write [data] checksums = "report" (--set data.checksums=report, for evaluate '
            "--checksums report) if the data are a re-encoded or edited copy."
        )
    return f"not the published bytes: {first.name} has {told}{more}"

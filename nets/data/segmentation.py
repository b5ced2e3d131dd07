"""Segmentation: CamVid, BDD100K, and pairs of folders with images and masks."""

from __future__ import annotations

from pathlib import Path

from pide.nets.data.checksums import counted
from pide.nets.data.images import Dataset, Images
from pide.nets.data.pictures import picture_files, read_masks, read_pictures
from pide.nets.data.sources import SOURCES, expect_files

__all__ = ["read_bdd100k", "read_camvid", "read_segmentation_folder"]

_CAMVID = (
    "sky", "building", "pole", "road", "pavement", "tree", "sign", "fence", "car", "pedestrian", "bicyclist",
)  # fmt: skip
_BDD100K = (
    "road", "sidewalk", "building", "wall", "fence", "pole", "traffic light", "traffic sign", "vegetation", "terrain",
    "sky", "person", "rider", "car", "truck", "bus", "train", "motorcycle", "bicycle", "unlabelled",
)  # fmt: skip
_CAMVID_VOID = 11
_BDD100K_VOID = 255


def read_camvid(folder: str | Path, halvings: int = 0) -> Dataset:
    """CamVid in its SegNet form: 367 + 101 + 233 frames, 11 classes, void pixels ignored.

    Parameters
    ----------
    folder : str or Path
        Holds {train, val, test} and {trainannot, valannot, testannot}, or the folder "CamVid" that does.
    halvings : int
        How often every second row and column is dropped; the first stays.

    Notes
    -----
    Verified are the names and sizes of pictures and masks. There are no published checksums that we know;
    `Dataset.identity` says whether the sets have the published numbers of pictures.

    Raises
    ------
    FileNotFoundError, ValueError
        If folders are missing, an image has no mask, or sizes differ.
    """
    folder = Path(folder)
    root = folder / "CamVid" if (folder / "CamVid").is_dir() else folder
    parts = ("train", "val", "test")
    expect_files("camvid", folder, [root / f"{part}{kind}" for part in parts for kind in ("", "annot")])
    train, validation, test = (
        _pairs("camvid", root / part, root / f"{part}annot", ("",), 2**halvings) for part in parts
    )
    told = counted("camvid", (len(train), len(validation), len(test)))
    return Dataset("camvid", train, test, _CAMVID, validation, ignored=_CAMVID_VOID, identity=told)


def read_bdd100k(folder: str | Path, halvings: int = 3) -> Dataset:
    """BDD100K: 7 000 + 1 000 frames of 1280 x 720, 19 classes and, as class 19, the pixels without one.

    Parameters
    ----------
    folder : str or Path
        Holds "seg", or images/{train, val} and labels/{train, val} itself.
    halvings : int
        How often the first of every two rows and columns is dropped; 3 gives 160 x 90, the rows 7, 15, 23, ... from 0.

    Notes
    -----
    The published validation frames are the test set: the labels of the published test frames are withheld. As in the
    paper, label 255 becomes class 19, which is trained and scored like the others. Verified are names and sizes; there
    are no published checksums that we know.

    Raises
    ------
    FileNotFoundError, ValueError
        If folders are missing, an image has no mask, or sizes differ.

    References
    ----------
    bohn2021
    """
    folder = Path(folder)
    root = folder / "seg" if (folder / "seg").is_dir() else folder
    parts = ("train", "val")
    expect_files("bdd100k", folder, [root / kind / part for part in parts for kind in ("images", "labels")])
    endings = ("_train_id", "")
    train, test = (
        _pairs("bdd100k", root / "images" / part, root / "labels" / part, endings, 2**halvings, 2**halvings - 1)
        for part in parts
    )
    for images in (train, test):
        images.labels[images.labels == _BDD100K_VOID] = len(_BDD100K) - 1
    return Dataset("bdd100k", train, test, _BDD100K, identity=counted("bdd100k", (len(train), len(test))))


def read_segmentation_folder(folder: str | Path, halvings: int = 0, ignored: int | None = None) -> Dataset:
    """Your own images and masks: {train, test}/{images, masks}, and validation where there is one.

    Parameters
    ----------
    folder : str or Path
    halvings : int
        How often every second row and column is dropped; the first stays.
    ignored : int, optional
        Mask value of pixels that count neither in the loss nor in the scores; classes are 0 .. the largest other one.

    Raises
    ------
    FileNotFoundError, ValueError
        If folders are missing, an image has no mask, or sizes differ.
    """
    folder = Path(folder)
    expect_files(
        "segmentation_folder", folder, [folder / p / k for p in ("train", "test") for k in ("images", "masks")]
    )
    parts = [part for part in ("train", "test", "validation") if (folder / part).is_dir()]
    splits = {
        part: _pairs("segmentation_folder", folder / part / "images", folder / part / "masks", ("",), 2**halvings)
        for part in parts
    }
    highest = max(int(images.labels[images.labels != ignored].max()) for images in splits.values())
    classes = tuple(f"class {number}" for number in range(highest + 1))
    return Dataset(
        "segmentation_folder", splits["train"], splits["test"], classes, splits.get("validation"), ignored=ignored
    )


def _pairs(name: str, images: Path, masks: Path, endings: tuple[str, ...], stride: int, first: int = 0) -> Images:
    """Images of one folder with the masks of the same names, with one of `endings`, in another."""
    paths = picture_files(images)
    if not paths:
        raise FileNotFoundError(f"{images}: no pictures. The layout is {SOURCES[name].layout}.")
    candidates = [[masks / f"{path.stem}{ending}.png" for ending in endings] for path in paths]
    chosen = [next((path for path in some if path.exists()), some[0]) for some in candidates]
    expect_files(name, masks, chosen)
    pixels, labels = read_pictures(paths, stride, first=first), read_masks(chosen, stride, first)
    if labels.shape[1:] != pixels.shape[2:]:
        raise ValueError(f"{masks}: masks and images differ in size. Save each mask in the size of its image.")
    return Images(pixels, labels)

"""Shapes of data sets: what a model must know to be built, and what a loader must deliver."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from pide.nets.data.images import Dataset

__all__ = ["SHAPES", "DatasetLike", "DatasetShape", "dataset_shape"]


@dataclass(frozen=True)
class DatasetShape:
    """Shape of the inputs and number of the classes.

    Parameters
    ----------
    name : str
    input_shape : tuple of int
        (channels, height, width).
    classes : int
        What is scored; for BDD100K with "no class" as one of them, as published.
    segmentation : bool
        One label a pixel instead of one an image.
    subsampling : int
        Of the keys and values of nonlocal blocks in the networks of Bohn et al.
    head_pool : int
        Side of the average pooling before the last layer of the Hamiltonian networks; 1 for segmentation.
    """

    name: str
    input_shape: tuple[int, int, int]
    classes: int
    segmentation: bool = False
    subsampling: int = 2
    head_pool: int = 1


DatasetLike = str | Dataset | DatasetShape | tuple[Sequence[int], int]
"""A name of `SHAPES`, a data set in memory, a `DatasetShape`, or (input shape, classes) of images with one label."""

SHAPES: dict[str, DatasetShape] = {
    shape.name: shape
    for shape in (
        DatasetShape("cifar10", (3, 32, 32), 10, head_pool=2),
        DatasetShape("cifar100", (3, 32, 32), 100, head_pool=2),
        DatasetShape("stl10", (3, 96, 96), 10, subsampling=4, head_pool=8),
        DatasetShape("bdd100k", (3, 90, 160), 20, segmentation=True, subsampling=3),
        DatasetShape("camvid", (3, 120, 160), 11, segmentation=True, subsampling=3),
        DatasetShape("mnist", (1, 28, 28), 10, head_pool=2),
        DatasetShape("fashion_mnist", (1, 28, 28), 10, head_pool=2),
        DatasetShape("digits", (1, 8, 8), 10),
        DatasetShape("qtips", (1, 64, 64), 15, segmentation=True, subsampling=4),
    )
}


def dataset_shape(dataset: DatasetLike) -> DatasetShape:
    """The shape that a name, a data set in memory, a `DatasetShape` or a pair (input shape, classes) stands for.

    Notes
    -----
    A data set in memory has the shape of its name where the two agree. Others, and pairs, get subsampling 2 (3 for
    segmentation) and the head pooling max(1, min(height, width) // 16), which leaves at least 4 positions a side
    after two halvings from 16 pixels on.

    Raises
    ------
    ValueError
        If the name is unknown, or the pair is not ((channels, height, width), classes).

    Examples
    --------
    >>> dataset_shape("cifar10").classes
    10
    >>> dataset_shape(((1, 64, 48), 5)).head_pool
    3
    """
    if isinstance(dataset, DatasetShape):
        return dataset
    if isinstance(dataset, Dataset):
        return _in_memory(dataset)
    if not isinstance(dataset, str):
        return _explicit(dataset)
    if dataset not in SHAPES:
        near = get_close_matches(dataset, SHAPES, 1)
        meant = f" Did you mean {near[0]!r}?" if near else ""
        raise ValueError(
            f"dataset {dataset!r} is unknown.{meant} Known are {', '.join(SHAPES)}; "
            "for any other write dataset=((channels, height, width), classes)."
        )
    return SHAPES[dataset]


def _in_memory(dataset: Dataset) -> DatasetShape:
    published = SHAPES.get(dataset.name)
    facts = (dataset.shape, len(dataset.classes), dataset.dense)
    if published and facts == (published.input_shape, published.classes, published.segmentation):
        return published
    return _general(dataset.name, *facts)


def _explicit(dataset: tuple[Sequence[int], int]) -> DatasetShape:
    try:
        (channels, height, width), classes = dataset
        numbers = [int(number) for number in (channels, height, width, classes)]
    except (TypeError, ValueError):
        numbers = [0]
    if min(numbers) < 1:
        raise ValueError(
            f"dataset={dataset!r}: needed is a name or a shape with the number of classes. "
            "Write dataset=((3, 64, 64), 10)."
        )
    channels, height, width, classes = numbers
    return _general(f"{channels}x{height}x{width}", (channels, height, width), classes, False)


def _general(name: str, shape: tuple[int, int, int], classes: int, segmentation: bool) -> DatasetShape:
    if segmentation:
        return DatasetShape(name, shape, classes, segmentation=True, subsampling=3)
    return DatasetShape(name, shape, classes, head_pool=max(1, min(shape[1:]) // 16))

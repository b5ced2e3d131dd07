"""Q-tips: a synthetic segmentation task that only long range can solve.

A stick has three parts: an end of type a, a shaft, an end of type b. Every pixel of the stick has the class of the
unordered pair {a, b}: K types of ends make K(K + 1)/2 classes, five types 15. What a pixel shows says at most one of
the two types; the other one is a stick's length away. The idea is that of Haber et al.; the generator below is our own.

Symbols: c centre, d unit direction, L length, w width of a stick; t = <x - c, d> along it and n across it.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from pide.nets.data.images import Dataset, Images

__all__ = ["local_limit", "make_qtips", "pair_class"]

_DARKEST, _BRIGHTEST = 50.0, 190.0
_SHAFT = 225.0
_BACKGROUND = 10.0
_NOISE = 4.0
_TRIES = 200


def pair_class(a: int, b: int, types: int = 5) -> int:
    """Number of the unordered pair {a, b} of types 0 .. K - 1 among the K(K + 1)/2: 0-0, 0-1, ..., 4-4 for K = 5.

    >>> [pair_class(0, 0), pair_class(1, 0), pair_class(4, 4)]
    [0, 1, 14]
    """
    low, high = min(a, b), max(a, b)
    return low * types - low * (low - 1) // 2 + high - low


def make_qtips(
    train: int = 1024, test: int = 256, sticks: int = 3, side: int = 64, types: int = 5, seed: int = 0
) -> Dataset:
    """Images of `sticks` disjoint three-part sticks on a dark ground, one grey channel.

    Parameters
    ----------
    train, test : int
        Numbers of images.
    sticks : int
        Sticks per image.
    side : int, pixels
        Height and width of the images.
    types : int
        K, types of ends; the published task has five.
    seed : int

    Notes
    -----
    For every stick: L uniform in [5/16, 9/16] side, w = side/16, d uniform on the circle, c uniform where the stick
    lies inside, a and b independent and uniform in 0 .. K - 1. A pixel belongs to the stick if |t| <= L/2 and
    |n| <= w/2; to an end if also |t| > 3L/10. Sticks whose boxes, widened by two pixels, meet an earlier stick are
    drawn again.

    Grey values: K levels from 50 to 190 for the types, 225 for shafts, 10 for the ground, plus rounded Gaussian noise
    of standard deviation 4. The ground is ignored: scores are over pixels of sticks. Image i of a set depends on
    (seed, set, i) alone.

    Who sees neither end of a stick is right with probability at most 2/K^2, who sees one end 1/K, who sees both 1.

    Raises
    ------
    ValueError
        If so many sticks do not fit.

    References
    ----------
    haber2019
    """
    if side < 16 or not 1 <= sticks <= 6 or not 2 <= types <= 10 or min(train, test) < 1:
        raise ValueError(
            f"make_qtips(train={train}, test={test}, sticks={sticks}, side={side}, types={types}): needs images, 1 to "
            "6 sticks, side >= 16 and 2 to 10 types. Write make_qtips(1024, 256, sticks=3, side=64, types=5)."
        )
    classes = tuple(f"{a}-{b}" for a in range(types) for b in range(a, types))
    training, testing = (
        _images(count, number, sticks, side, types, seed) for number, count in enumerate((train, test))
    )
    return Dataset("qtips", training, testing, classes, ignored=len(classes))


def local_limit(reach: int, side: int = 64, types: int = 5, sticks: int = 400, seed: int = 0) -> float:
    """Pixel accuracy that no network exceeds whose answers depend on windows of 2 reach + 1 pixels a side.

    Parameters
    ----------
    reach : int, pixels
        Each stem or plain convolution of 3 x 3 adds 1 to it, each Hamiltonian block 4.
    side, types : int
        As for `make_qtips`.
    sticks : int
        Sticks that are drawn to estimate the limit.
    seed : int

    Notes
    -----
    The mean over pixels of sticks of 1 where the window meets both ends, 1/K where it meets one, 2/K^2 where it meets
    none: a type that is not seen is independent of all that is, so the best answer is a most frequent one. The limit is
    that of exact sight of every end met; noise and the distance lower what is reached. Its sampling error falls like
    1/sqrt(sticks).

    >>> local_limit(64)
    1.0
    """
    right, pixels = 0.0, 0
    for index in range(sticks):
        generator = np.random.default_rng([seed, index])
        along, across, length = _free_place(generator, np.zeros((side, side), bool), side)
        inside = _within(along, across, length, side / 16)
        seen = [_widened(inside & (sign * along > 0.3 * length), reach)[inside] for sign in (1, -1)]
        ends = seen[0].astype(int) + seen[1]
        right += float(np.array([2 / types**2, 1 / types, 1.0])[ends].sum())
        pixels += int(inside.sum())
    return right / pixels


def _widened(places: NDArray[np.bool_], reach: int) -> NDArray[np.bool_]:
    """Whether a window around a pixel meets one of the places."""
    near = np.abs(np.subtract.outer(np.arange(len(places)), np.arange(len(places)))) <= reach
    return np.asarray(near @ places @ near)


def _images(count: int, number: int, sticks: int, side: int, types: int, seed: int) -> Images:
    pixels, labels = np.empty((count, 1, side, side), np.uint8), np.empty((count, side, side), np.int64)
    for index in range(count):
        generator = np.random.default_rng([seed, number, index])
        values, labels[index] = _picture(generator, sticks, side, types)
        noisy = values + _NOISE * generator.standard_normal(values.shape)
        pixels[index, 0] = np.clip(np.rint(noisy), 0, 255).astype(np.uint8)
    return Images(torch.from_numpy(pixels), torch.from_numpy(labels))


def _picture(
    generator: np.random.Generator, sticks: int, side: int, types: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Grey values without noise, and classes."""
    values = np.full((side, side), _BACKGROUND)
    labels = np.full((side, side), types * (types + 1) // 2)
    levels = np.linspace(_DARKEST, _BRIGHTEST, types)
    taken = np.zeros((side, side), bool)
    for _ in range(sticks):
        along, across, length = _free_place(generator, taken, side)
        a, b = generator.integers(types, size=2)
        inside = _within(along, across, length, side / 16)
        end = np.abs(along) > 0.3 * length
        values[inside] = np.where(end, np.where(along > 0, levels[a], levels[b]), _SHAFT)[inside]
        labels[inside] = pair_class(int(a), int(b), types)
        taken |= inside
    return values, labels


def _within(along: NDArray[np.float64], across: NDArray[np.float64], length: float, width: float) -> NDArray[np.bool_]:
    return np.asarray((np.abs(along) <= length / 2) & (np.abs(across) <= width / 2))


def _free_place(
    generator: np.random.Generator, taken: NDArray[np.bool_], side: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """(t, n, L) of a stick that meets no taken pixel; its two-pixel margin included."""
    axis = np.arange(side) + 0.5
    for _ in range(_TRIES):
        length, angle = generator.uniform(5 / 16, 9 / 16) * side, generator.uniform(0, 2 * np.pi)
        d = np.array([np.cos(angle), np.sin(angle)])
        reach = 0.5 * length * np.abs(d) + side / 32 * np.abs(d[::-1])
        c = reach + generator.uniform(size=2) * (side - 2 * reach)
        x, y = axis[None, :] - c[0], axis[:, None] - c[1]
        along, across = x * d[0] + y * d[1], y * d[0] - x * d[1]
        if not (taken & _within(along, across, length + 4, side / 16 + 4)).any():
            return along, across, length
    raise ValueError(f"no room for another stick after {_TRIES} tries. Write fewer sticks or a larger side.")

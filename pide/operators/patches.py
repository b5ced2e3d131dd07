"""Nonlocal means: the patches of an image as features, and the affinity that subtracts the noise from their distances.

Symbols: X_i patch of pixel i, weighted so that |X_i - X_j|^2 is a weighted mean of squares; sigma noise, h width.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pide.arrays import Array, as_float, namespace
from pide.operators.affinity import Affinity
from pide.operators.affinity_distances import squared_distances

__all__ = ["PatchAffinity", "patches"]


@dataclass(frozen=True, eq=False, kw_only=True)
class PatchAffinity(Affinity):
    """omega = exp(-max(r^2 - 2 sigma^2, 0) / h^2): patches that differ by no more than their noise count as equal.

    Parameters
    ----------
    width : number
        h, in the unit of the image.
    noise : number
        sigma, the standard deviation of the noise of one pixel: r^2 of two noisy copies of a patch has mean 2 sigma^2.

    Raises
    ------
    ValueError
        For a width that is not positive, or negative noise.

    References
    ----------
    Buades, Coll, Morel 2005.
    """

    nonnegative = True

    width: Any
    noise: Any = 0.0

    def __post_init__(self) -> None:
        if not (as_float(self.width) > 0 and as_float(self.noise) >= 0):
            raise ValueError(
                f"PatchAffinity(width={as_float(self.width):g}, noise={as_float(self.noise):g}): needs width > 0 and "
                "noise >= 0. Write width=noise."
            )

    def logarithm(self, x: Array, y: Array | None = None) -> Array | None:
        return self._exponent(*self.embedded(x, x if y is None else y))

    def _values(self, t: Array, p: Array) -> Array:
        return namespace(t, p).exp(self._exponent(t, p))

    def _exponent(self, t: Array, p: Array) -> Array:
        excess = squared_distances(t, p) - 2 * self.noise**2
        return -namespace(excess).maximum(excess, namespace(excess).zeros_like(excess)) / self.width**2


def patches(image: Array, radius: int, width: float | None = None) -> Array:
    """Features of nonlocal means: the (2 radius + 1)^2 values around each pixel, mirrored at the edges.

    Parameters
    ----------
    image : array, shape (..., H, W)
    radius : int, pixels
    width : float or None, pixels
        The mean of squares is weighted by exp(-d^2 / (2 width^2)), d the distance from the middle; None: equal weights.

    Returns
    -------
    array, shape (..., H W, (2 radius + 1)^2)
        Multiplied by the roots of the weights, whose sum is 1, so that distances of features are root-mean-square
        differences.

    Raises
    ------
    ValueError
        For a radius beyond the image, and a width that is not positive.

    References
    ----------
    Buades, Coll, Morel 2005.
    """
    xp = namespace(image)
    height, length = image.shape[-2:]
    if not 0 <= radius < min(height, length):
        raise ValueError(
            f"patches(radius={radius}) of a {height} x {length} image: needs 0 <= radius < {min(height, length)}. "
            "Write a smaller radius, or move the axes of the image last."
        )
    if width is not None and not width > 0:
        raise ValueError(f"patches(width={width:g}): needs width > 0, in pixels. Write width=1.5, or leave it out.")
    shifts = range(-radius, radius + 1)
    rows = [xp.take(image, _mirrored(xp, height, a, image), axis=-2) for a in shifts]
    columns = [_mirrored(xp, length, b, image) for b in shifts]
    roots = _root_weights(radius, width)
    moved = [
        xp.take(row, index, axis=-1) * float(root)
        for row, weights in zip(rows, roots, strict=True)
        for index, root in zip(columns, weights, strict=True)
    ]
    return xp.reshape(xp.stack(moved, axis=-1), (*image.shape[:-2], height * length, (2 * radius + 1) ** 2))


def _root_weights(radius: int, width: float | None) -> Any:
    """Square roots of the weights of a patch."""
    if width is None:
        return np.full((2 * radius + 1,) * 2, 1 / (2 * radius + 1))
    along = np.exp(-(np.arange(-radius, radius + 1) ** 2) / (2 * width**2))
    return np.sqrt(np.outer(along, along)) / along.sum()


def _mirrored(xp: Any, size: int, shift: int, x: Array) -> Array:
    """Indices 0 .. size - 1 moved by `shift` and mirrored at the outer pixels."""
    index = np.abs(np.arange(size) + shift)
    index = np.where(index >= size, 2 * (size - 1) - index, index)
    return xp.asarray(index, dtype=xp.int64, device=getattr(x, "device", None))

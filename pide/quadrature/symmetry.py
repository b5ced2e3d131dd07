"""Symmetry of lattice weights under swaps of axes with equal spacing, bit for bit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pide.arrays import Array, namespace

__all__ = ["equal_spacings", "orbit_sizes", "symmetric_octant"]


def equal_spacings(spacing: Sequence[float]) -> bool:
    """Whether all spacings agree to rounding."""
    return max(spacing) - min(spacing) <= 1e-13 * max(spacing)


def symmetric_octant(octant: Array, spacing: Sequence[float]) -> Array:
    """Octant in which beta_j is one and the same number for all j that differ by a swap of equally spaced axes.

    Parameters
    ----------
    octant : array, shape (J_1 + 1, ..., J_n + 1)
        Weights equal up to rounding under those swaps.
    spacing : sequence of float, length n

    Notes
    -----
    Each entry is read from one representative: the components of j in a group of equal spacings, in descending
    order along the axes in descending order of reach, which always lies inside the octant.
    """
    groups = [[b for b in range(octant.ndim) if equal_spacings((spacing[a], spacing[b]))] for a in range(octant.ndim)]
    groups = [g for a, g in enumerate(groups) if g[0] == a and len(g) > 1]
    if not groups:
        return octant
    index = np.indices(octant.shape, sparse=False).reshape(octant.ndim, -1)
    for group in groups:
        axes = sorted(group, key=lambda a: -octant.shape[a])
        index[axes] = np.flip(np.sort(index[axes], axis=0), axis=0)
    flat = np.ravel_multi_index(tuple(index), octant.shape)
    xp = namespace(octant)
    values = xp.reshape(octant, (-1,))
    places = xp.asarray(flat) if xp is np else xp.asarray(flat, device=octant.device)
    return xp.reshape(xp.take(values, places, axis=0), octant.shape)


def orbit_sizes(index: NDArray[np.int64]) -> NDArray[np.float64]:
    """Number of different multi-indices that permutations of the n components make, for an array (..., n)."""
    n = index.shape[-1]
    if n == 1:
        return np.ones(index.shape[:-1])
    ordered = np.sort(index, axis=-1)
    different = np.sum(np.diff(ordered, axis=-1) > 0, axis=-1)
    return np.array([1.0, 2.0] if n == 2 else [1.0, 3.0, 6.0])[different]

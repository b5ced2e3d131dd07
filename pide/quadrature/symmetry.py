"""Symmetry of lattice weights under swaps of axes with equal spacing, bit for bit."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

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


def orbit_sizes(components: Sequence[NDArray[np.int64]]) -> NDArray[np.float64]:
    """Number of different multi-indices that permutations of (j_1, ..., j_n) make, for arrays that broadcast."""
    equal = sum(((a == b) * 1 for a, b in combinations(components, 2)), np.zeros((1,) * components[0].ndim, dtype=int))
    sizes: NDArray[np.float64] = {1: np.ones(1), 2: np.array([2.0, 1.0]), 3: np.array([6.0, 3.0, 0.0, 1.0])}[
        len(components)
    ][equal]
    return sizes

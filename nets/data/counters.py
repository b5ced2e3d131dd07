"""Random numbers by counting: a number depends on its key alone, so no order of work can change it.

Symbols: M the finaliser of SplitMix64, a bijection of 64-bit words; the word of a key (a, b, c) is
M(M(M(a) + b) + c), all sums modulo 2^64.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["uniform", "words"]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def words(*key: ArrayLike) -> NDArray[np.uint64]:
    """64-bit words of keys of nonnegative integers, broadcast against each other.

    Notes
    -----
    SplitMix64's finaliser, applied once per part of the key. Not for cryptography.

    References
    ----------
    steele2014
    """
    word = np.zeros(1, np.uint64)
    for part in key:
        word = _mixed(word + np.asarray(part).astype(np.uint64))
    return word


def _mixed(word: NDArray[Any]) -> NDArray[np.uint64]:
    with np.errstate(over="ignore"):
        z = word + _GOLDEN
        z = (z ^ (z >> np.uint64(30))) * _FIRST
        z = (z ^ (z >> np.uint64(27))) * _SECOND
        return np.asarray(z ^ (z >> np.uint64(31)))


def uniform(*key: ArrayLike) -> NDArray[np.float64]:
    """Numbers in [0, 1), multiples of 2^-53, one per key; see `words`.

    >>> uniform(7, 0, [1, 2]).shape
    (2,)
    """
    return (words(*key) >> np.uint64(11)).astype(np.float64) * 2.0**-53

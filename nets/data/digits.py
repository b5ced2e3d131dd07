"""Digits: 1797 images of 8 x 8 that come with scikit-learn."""

from __future__ import annotations

import numpy as np
import torch

from pide.nets.data.images import Dataset, Images

__all__ = ["read_digits"]

_LEVELS = 16
_TESTING = 360


def read_digits(seed: int = 0) -> Dataset:
    """1437 + 360 handwritten digits of 8 x 8 pixels in ten classes; nothing is downloaded.

    Parameters
    ----------
    seed : int
        Of the permutation that decides which 360 are the test set; the data set defines none.

    Notes
    -----
    Values 0 .. 16 become bytes by round(255 v / 16).

    Raises
    ------
    ImportError
        If scikit-learn is not installed.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise ImportError('the digits come with scikit-learn. Write: pip install "pide-operators[nets]"') from None
    values, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(values))
    pixels = np.rint(255 / _LEVELS * values[order]).astype(np.uint8).reshape(-1, 1, 8, 8)
    everything = Images(torch.from_numpy(pixels), torch.from_numpy(labels[order].astype(np.int64)))
    rows = torch.arange(len(everything))
    train, test = everything.take(rows[_TESTING:]), everything.take(rows[:_TESTING])
    return Dataset("digits", train, test, tuple("0123456789"))

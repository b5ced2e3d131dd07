"""Pickles of published data sets, read without running code that they might contain."""

from __future__ import annotations

import codecs
import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np
from numpy._core.multiarray import _reconstruct, scalar

__all__ = ["read_pickle"]

_ALLOWED: dict[tuple[str, str], Any] = {
    ("_codecs", "encode"): codecs.encode,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
}
for _module in ("numpy.core.multiarray", "numpy._core.multiarray"):
    _ALLOWED |= {(_module, "_reconstruct"): _reconstruct, (_module, "scalar"): scalar}


class _ArraysOnly(pickle.Unpickler):
    """Finds the constructors of NumPy arrays and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}") from None


def read_pickle(path: str | Path) -> dict[bytes, Any]:
    """Dictionary of a pickle that holds plain values and NumPy arrays; keys are bytes, as Python 2 wrote them.

    Raises
    ------
    ValueError
        If the file is damaged, is no dictionary, or asks for anything but arrays.
    """
    path = Path(path)
    try:
        content = _ArraysOnly(io.BytesIO(path.read_bytes()), encoding="bytes").load()
    except Exception as error:  # a damaged pickle may raise anything
        raise ValueError(
            f"{path}: not a pickle of plain arrays: {error}. Get the file again from the publisher's page; "
            "a file that asks for more than arrays must not be opened."
        ) from None
    if not isinstance(content, dict):
        raise ValueError(f"{path}: holds a {type(content).__name__}, not a dictionary. Give a batch of CIFAR.")
    return {key.encode() if isinstance(key, str) else key: value for key, value in content.items()}

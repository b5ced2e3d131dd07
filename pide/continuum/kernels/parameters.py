"""Parameters of kernels: numbers or 0-d arrays, and formulas that are evaluated in NumPy."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from pide.arrays import Array, as_float, is_numpy, like, to_host
from pide.continuum.constants import check_order

__all__ = ["host_number", "on_host", "order", "positive", "positive_horizon"]


def positive(value: float | Array, name: str, owner: str) -> Array:
    """A positive finite parameter: a float, or a 0-d array left as it is.

    Raises
    ------
    ValueError
        If it is not positive and finite.
    """
    array = hasattr(value, "shape") and not isinstance(value, np.generic) and not is_numpy(value)
    number = as_float(value)
    if not (number > 0 and math.isfinite(number)):
        raise ValueError(f"{owner}({name}={number:g}): needs {name} > 0, finite. Write {owner}({name}=0.1), say.")
    return value if array else number


def positive_horizon(value: float | Array | None, owner: str, infinite: bool = False) -> float:
    """A horizon as a float; None means no cutoff where `infinite` allows it.

    Raises
    ------
    TypeError
        For an array that carries gradients: weights are not smooth in the horizon.
    ValueError
        If it is not positive, or infinite where a cutoff is part of the kernel.
    """
    if getattr(value, "requires_grad", False):
        raise TypeError(
            f"{owner}(horizon=tensor with requires_grad): weights are not smooth in the horizon, "
            "so it has no gradient. Pass horizon=float(horizon)."
        )
    number = math.inf if value is None else as_float(value)
    if not number > 0:
        raise ValueError(f"{owner}(horizon={number:g}): needs horizon > 0, the distance at which the kernel ends.")
    if math.isinf(number) and not infinite:
        raise ValueError(f"{owner}(horizon={number:g}): needs a finite horizon. Write {owner}(..., horizon=0.1).")
    return number


def order(s: float | Array, owner: str) -> Array:
    """An order 0 < s < 1: a float, or a 0-d array left as it is."""
    check_order(s, owner)
    return s if hasattr(s, "shape") and not isinstance(s, np.generic) and not is_numpy(s) else float(s)


def host_number(value: float | Array, name: str, owner: str) -> float:
    """A parameter as a float for a formula that is evaluated in NumPy.

    Raises
    ------
    TypeError
        If the parameter carries gradients, which would be lost.
    """
    if getattr(value, "requires_grad", False):
        raise TypeError(
            f"symbol of {owner}: it is evaluated in NumPy and has no gradient with respect to {name}. "
            f"Pass {name}=float({name}), or differentiate the weights instead."
        )
    return as_float(value)


def on_host(f: Callable[[NDArray[np.float64]], NDArray[np.float64]], k: Array) -> Array:
    """f at the distinct values of k, in NumPy float64 and in blocks; the result is like k.

    Raises
    ------
    TypeError
        If k carries gradients, which would be lost.
    """
    if getattr(k, "requires_grad", False):
        raise TypeError("evaluated in NumPy, without gradient with respect to the wave number or radius: detach it.")
    values, inverse = np.unique(np.asarray(to_host(k), dtype=np.float64), return_inverse=True)
    blocks = [f(block) for block in np.array_split(values, 1 + values.size // 2048)]
    return like(np.concatenate(blocks)[inverse].reshape(tuple(k.shape)), k)

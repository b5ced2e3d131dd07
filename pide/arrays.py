"""The array namespaces: one dispatch point for NumPy, CuPy, torch and array_api_strict.

Every operator is written once against the array API standard. The three places where
libraries differ live here: the namespace of an array, its FFT, and the two explicit
transfers `to_host` and `like`, which are the only ones in the library.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import array_api_compat
import numpy as np
import scipy.fft

_NUMPY: ModuleType = array_api_compat.array_namespace(np.empty(0))

Array = Any
"""An array of any supported namespace; the standard has no nominal type for it."""

__all__ = ["Array", "as_float", "device_key", "fft_of", "is_numpy", "like", "namespace", "real_dtype_name", "to_host"]


def namespace(*arrays: Array) -> ModuleType:
    """Array-API namespace shared by the arrays (Python scalars are ignored).

    Raises
    ------
    TypeError
        If the arrays belong to different libraries or devices, or none of them is an array.
    """
    if all(type(x) is np.ndarray for x in arrays) and arrays:
        return _NUMPY
    places = {_place(x) for x in arrays if array_api_compat.is_array_api_obj(x)}
    if len(places) > 1:
        raise TypeError(
            f"arrays on {' and '.join(sorted(places))} in one operation: nothing is moved between libraries "
            "or devices. Bring the data to where the parameters live, for example torch.asarray(u, device=...)."
        )
    xp: ModuleType = array_api_compat.array_namespace(*arrays)
    return xp


def _place(x: Array) -> str:
    """Library and device of an array, in words."""
    return f"{type(x).__module__.partition('.')[0]} {array_api_compat.device(x)}"


def is_numpy(x: Array) -> bool:
    """Whether `x` is a NumPy array."""
    return bool(array_api_compat.is_numpy_array(x))


def fft_of(xp: ModuleType) -> ModuleType:
    """FFT module of a namespace: scipy.fft (which takes `workers`) for NumPy, `xp.fft` otherwise."""
    return scipy.fft if array_api_compat.is_numpy_namespace(xp) else xp.fft


def device_key(x: Array) -> tuple[str, str, str]:
    """Hashable (namespace, dtype, device) of an array: the key of what an operator caches for it."""
    return namespace(x).__name__, str(x.dtype), str(array_api_compat.device(x))


def to_host(x: Array) -> np.ndarray[Any, np.dtype[Any]]:
    """Copy of `x` as a NumPy array; the only device-to-host transfer in the library.

    Gradients do not pass through it.
    """
    if is_numpy(x):
        return np.asarray(x)
    if array_api_compat.is_torch_array(x):
        return np.asarray(x.detach().cpu().numpy())
    if array_api_compat.is_cupy_array(x):
        return np.asarray(x.get())
    xp = namespace(x)
    if hasattr(xp, "Device"):
        x = array_api_compat.to_device(x, xp.Device("CPU_DEVICE"))
    return np.asarray(x)


def like(a: np.ndarray[Any, np.dtype[Any]], x: Array) -> Array:
    """NumPy array `a` in the namespace, real dtype and device of `x`; booleans stay boolean, integers become int64."""
    xp = namespace(x)
    dtype = xp.bool if a.dtype == np.bool_ else xp.int64 if a.dtype.kind in "iu" else x.dtype
    return xp.asarray(a, dtype=dtype, device=array_api_compat.device(x))


def as_float(x: Array) -> float:
    """Value of a number or of a 0-d array as a Python float; gradients do not pass through it."""
    return float(x) if isinstance(x, (int, float)) else float(to_host(x))


def real_dtype_name(x: Array) -> str:
    """'float32' or 'float64'.

    Raises
    ------
    TypeError
        For integer, boolean, complex, half-precision and extended dtypes.
    """
    xp = namespace(x)
    for name in ("float64", "float32"):
        if x.dtype == getattr(xp, name):
            return name
    raise TypeError(f"dtype {x.dtype}: fields are real, float32 or float64. Write u = xp.astype(u, xp.float64).")

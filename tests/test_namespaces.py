"""The array libraries of the test fixtures keep what they are given, and NumPy cannot read the strict device."""

import array_api_strict
import numpy as np
import pytest

import pide
from pide import arrays


def test_round_trip_keeps_values_and_dtype(namespace, dtype):
    a = np.arange(6.0).reshape(2, 3)
    x = namespace.asarray(a, dtype=dtype)
    assert arrays.real_dtype_name(x) == dtype
    assert np.array_equal(namespace.host(x), a)
    assert np.array_equal(arrays.to_host(x), namespace.host(x))


def test_strict_device_refuses_silent_copies():
    x = array_api_strict.asarray([1.0], device=array_api_strict.Device("device1"))
    with pytest.raises(RuntimeError, match="device"):
        np.asarray(x)


def test_arrays_of_two_libraries_or_devices_do_not_mix():
    xp, torch = pytest.importorskip("array_api_strict"), pytest.importorskip("torch")
    grid = pide.Interval(-1, 1).grid(8)
    learnable = pide.FractionalLaplacian(torch.tensor(0.5, dtype=torch.float64)).on(grid, exterior=pide.Zero())
    with pytest.raises(TypeError, match="nothing is moved between libraries or devices"):
        learnable(np.ones(8))
    one, other = (xp.ones(8, dtype=xp.float64, device=xp.Device(name)) for name in ("CPU_DEVICE", "device1"))
    with pytest.raises(TypeError, match=r"CPU_DEVICE.* and .*device1"):
        grid.inner(one, other)

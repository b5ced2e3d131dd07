"""Shared by all tests: hypothesis profiles and the array namespaces every operator must accept.

`namespace` runs a test once per array library. array_api_strict on its second device refuses
`np.asarray` as a GPU array does, so it stands in for CuPy where there is no GPU.

    def test_apply(namespace):
        u = namespace.asarray(numpy_array, dtype="float32")
        assert_allclose(namespace.host(operator(u)), expected)
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "fast", derandomize=True, deadline=None, max_examples=15, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("thorough", parent=settings.get_profile("fast"), max_examples=200)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fast"))


@dataclass(frozen=True)
class Namespace:
    """An array library and the device its test arrays live on."""

    name: str
    xp: ModuleType
    device: Any = None

    def asarray(self, array: Any, dtype: str | None = "float64") -> Any:
        """Array of this library; `dtype=None` keeps the dtype of the NumPy array."""
        array = np.asarray(array)
        wanted = getattr(self.xp, array.dtype.name if dtype is None else dtype)
        if self.device is None:
            return self.xp.asarray(array, dtype=wanted)
        return self.xp.asarray(array, dtype=wanted, device=self.device)

    def host(self, x: Any) -> np.ndarray:
        """NumPy copy, by the library's own transfer (independent of `pide.arrays`)."""
        if self.name == "torch":
            return x.detach().cpu().numpy()
        if self.name == "cupy":
            return x.get()
        if self.name == "array_api_strict":
            return np.asarray(x.to_device(self.xp.Device("CPU_DEVICE")))
        return np.asarray(x)


def _numpy() -> Namespace:
    return Namespace("numpy", np)


def _strict() -> Namespace:
    xp = pytest.importorskip("array_api_strict")
    return Namespace("array_api_strict", xp, xp.Device("device1"))


def _torch() -> Namespace:
    return Namespace("torch", pytest.importorskip("torch"))


def _cupy() -> Namespace:
    try:
        import cupy

        cupy.zeros(1)
    except ImportError:
        pytest.skip("CuPy is not installed (pip install 'pide-operators[cuda]')")
    except Exception as error:  # the driver's exception classes exist only where CuPy does
        pytest.skip(f"CuPy is installed but has no usable GPU: {error}")
    return Namespace("cupy", cupy)


@pytest.fixture
def cupy() -> Any:
    """CuPy, where a device answers; the test is skipped with the reason otherwise."""
    return _cupy().xp


_LIBRARIES = {"numpy": _numpy, "array_api_strict": _strict, "torch": _torch, "cupy": _cupy}


@pytest.fixture(params=sorted(_LIBRARIES))
def namespace(request: pytest.FixtureRequest) -> Namespace:
    """One array library per run of the test."""
    return _LIBRARIES[request.param]()


@pytest.fixture(params=["float64", "float32"])
def dtype(request: pytest.FixtureRequest) -> str:
    """The two supported dtypes, by name."""
    return str(request.param)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Workers compare the ids of what they collect, so an id must be the same in every process."""
    for item in items:
        if " at 0x" in item.nodeid:
            raise pytest.UsageError(f"{item.nodeid}: the id holds a memory address. Write ids= for this parameter.")

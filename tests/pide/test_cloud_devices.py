"""Fast sums of fields on a device: cufinufft where there is CuPy, a stand-in of the same interface elsewhere.

The stand-in takes arrays of array_api_strict on its second device, which refuse every silent copy to the host, and has
finufft compute: only the transforms leave the "device", and only inside the stand-in.
"""

import sys
import types
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch

import pide
from pide import kernels

finufft = pytest.importorskip("finufft")
pytest.importorskip("numba")
strict = pytest.importorskip("array_api_strict")

DEVICE = strict.Device("device1")


def host(x):
    return np.asarray(x.to_device(strict.Device("CPU_DEVICE")))


def on_device(a):
    return strict.asarray(a, device=DEVICE)


@dataclass
class Plan:
    """What `cufinufft.Plan` has of the interface: no adjoint execution, one type each, arrays of the device only."""

    nufft_type: int
    n_modes: tuple
    n_trans: int = 1
    eps: float = 1e-6
    isign: int | None = None
    dtype: str = "complex64"
    upsampfac: float = 2.0
    plan: Any = None

    def setpts(self, x, y=None, z=None):
        axes = [a for a in (x, y, z) if a is not None]
        assert len(axes) == len(self.n_modes)
        assert all(a.device == DEVICE and a.dtype == strict.float64 and a.ndim == 1 for a in axes)
        self.plan = finufft.Plan(
            self.nufft_type, self.n_modes, eps=self.eps, isign=self.isign, upsampfac=self.upsampfac, nthreads=1
        )
        self.plan.setpts(*(host(a).copy() for a in axes))

    def execute(self, data, out=None):
        assert out is None
        assert data.device == DEVICE
        assert self.dtype == "complex128"
        assert data.dtype == strict.complex128
        return on_device(self.plan.execute(host(data).copy()))


@pytest.fixture
def cufinufft(monkeypatch):
    module = types.ModuleType("cufinufft")
    module.Plan = Plan
    monkeypatch.setitem(sys.modules, "cufinufft", module)
    return module


def cloud(n, count=400):
    box = pide.Interval(0, 1) if n == 1 else pide.Box(((0, 1),) * n)
    return pide.PointCloud(np.random.default_rng(n).random((count, n)), domain=box)


OPERATORS = {
    "fractional": (pide.FractionalLaplacian(s=0.75), {"exterior": pide.Zero()}),
    "plain": (pide.FractionalLaplacian(s=0.5), {"exterior": pide.Reflecting(), "quadrature": "plain"}),
    "gaussian": (pide.NonlocalDiffusion(kernels.Gaussian(width=0.4)), {"exterior": pide.Reflecting()}),
    "geometric": (
        pide.NonlocalDiffusion(kernels.PowerLaw(exponent=2.2), coefficient=lambda *x: 1 + x[0]),
        {"exterior": pide.Reflecting()},
    ),
    "arithmetic": (
        pide.NonlocalDiffusion(kernels.PowerLaw(exponent=2.2), coefficient=lambda *x: 1 + x[0], mean="arithmetic"),
        {"exterior": pide.Reflecting()},
    ),
    "riesz": (pide.RieszPotential(s=0.4), {}),
    "log": (pide.LogPotential(project=True), {}),
}


@pytest.mark.parametrize("name", sorted(OPERATORS))
def test_fields_on_a_device_get_what_fields_on_the_host_get(cufinufft, name):
    A, choices = OPERATORS[name]
    operator = A.on(cloud(2), engine="nufft", tol=1e-9, **choices)
    u = np.random.default_rng(0).standard_normal((3, 400))
    result = operator(on_device(u))
    assert result.device == DEVICE
    assert np.linalg.norm(host(result) - operator(u)) <= 4e-9 * np.linalg.norm(operator(u))


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("tol", [1e-3, 1e-8])
def test_structure_is_exact_on_a_device_too(cufinufft, n, tol):
    space = cloud(n, 300)
    operator = pide.FractionalLaplacian(s=0.75).on(
        space, exterior=pide.Reflecting(), engine="nufft", tol=tol, quadrature="plain"
    )
    one, m = on_device(np.full(300, 0.7)), on_device(space.masses)
    assert np.all(host(operator(one)) == 0)
    u, v = (on_device(np.random.default_rng(k).standard_normal(300)) for k in (1, 2))
    Lu, Lv = operator(u), operator(v)
    assert abs(float(strict.sum(m * Lu))) <= 1e-13 * float(strict.sum(m * strict.abs(Lu)))
    gap = abs(float(strict.sum(m * v * Lu)) - float(strict.sum(m * u * Lv)))
    scale = float(strict.sqrt(strict.sum(m * v * v) * strict.sum(m * Lu * Lu)))
    assert gap <= 1e-13 * scale


def test_single_precision_and_what_is_kept(cufinufft):
    operator = pide.FractionalLaplacian(s=0.5).on(cloud(2), exterior=pide.Reflecting(), engine="nufft")
    u = on_device(np.ones(400, dtype=np.float32))
    assert operator(u).dtype == strict.float32
    operator(u)
    assert len(operator._placed if hasattr(operator, "_placed") else operator.operator._placed) == 1


def test_transforms_that_are_not_adjoint_are_refused(cufinufft):
    class Skewed(Plan):
        def execute(self, data, out=None):
            values = super().execute(data, out)
            return values * (1 + 1e-9) if self.nufft_type == 1 else values

    cufinufft.Plan = Skewed
    operator = pide.FractionalLaplacian(s=0.5).on(cloud(2), exterior=pide.Reflecting(), engine="nufft")
    with pytest.raises(RuntimeError, match=r"adjoint to 1\.0e-09 only.*Bring the fields to the host"):
        operator(on_device(np.ones(400)))


def test_without_cufinufft_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "cufinufft", None)
    operator = pide.FractionalLaplacian(s=0.5).on(cloud(2), exterior=pide.Reflecting(), engine="nufft")
    with pytest.raises(ImportError, match="Write pip install cufinufft"):
        operator(on_device(np.ones(400)))


@pytest.mark.parametrize("engine", ["tree", "ducc0"])
def test_engines_of_the_host_refuse_a_device(engine):
    if engine == "ducc0":
        pytest.importorskip("ducc0", reason="ducc0 is GPL and optional")
    operator = pide.FractionalLaplacian(s=0.5).on(cloud(2), exterior=pide.Reflecting(), engine=engine)
    with pytest.raises(TypeError, match="engine='nufft'"):
        operator(on_device(np.ones(400)))


@pytest.mark.parametrize("field", [torch.ones(400, dtype=torch.float64), strict.ones(400, dtype=strict.float64)])
def test_arrays_of_the_host_that_are_not_numpy_are_refused(cufinufft, field):
    operator = pide.FractionalLaplacian(s=0.5).on(cloud(2), exterior=pide.Reflecting(), engine="nufft")
    with pytest.raises(TypeError, match=r"Write numpy.asarray\(u\)"):
        operator(field)


def test_cufinufft_itself(cupy):
    pytest.importorskip("cufinufft", reason="cufinufft is not installed (pip install cufinufft)")
    space = cloud(2, 2000)
    for tol in (1e-3, 1e-8):
        operator = pide.FractionalLaplacian(s=0.75).on(space, exterior=pide.Reflecting(), engine="nufft", tol=tol)
        u = np.random.default_rng(0).standard_normal((3, 2000))
        result = operator(cupy.asarray(u))
        assert np.linalg.norm(result.get() - operator(u)) <= 4 * tol * np.linalg.norm(operator(u))
        assert np.all(operator(cupy.ones(2000)).get() == 0)
        mass = np.abs(result.get() @ space.masses) / (np.abs(result.get()) @ space.masses)
        assert mass.max() <= 1e-13

"""`pide bench`: accuracy and cost of this installation on this machine, beside references that SciPy has.

Every time is the smallest of a few, in CPU seconds of the process (`time.process_time`). Errors are against direct
convolution, a closed form, and the same flow with a tolerance of 1e-10. Threads are those that the environment allows:
set OMP_NUM_THREADS=1 for one.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy.signal import fftconvolve
from scipy.special import gamma

from pide.arrays import like, to_host
from pide.continuum.domains import Ball, Box, Interval
from pide.continuum.exterior import Reflecting, Zero
from pide.continuum.kernels import Gaussian
from pide.continuum.operators import FractionalLaplacian, NonlocalDiffusion
from pide.continuum.problems import Heat
from pide.continuum.stationary import Stationary
from pide.solvers.solve import solve

__all__ = ["applies", "bench", "heat_flows", "steady_discs"]


def bench(quick: bool = False) -> Iterator[str]:
    """Lines of the report, as they are measured.

    Parameters
    ----------
    quick : bool
        Small sizes: seconds instead of a minute, for a first look.
    """
    yield "One apply of nonlocal diffusion by the FFT, all pairs of nodes of a box:"
    yield from applies(((1 << 14,), (128, 128), (32,) * 3) if quick else ((1 << 20,), (1024, 1024), (128,) * 3))
    yield "\n(-Delta)^s u = 1 in the unit disc, u = 0 outside; exact u = (1 - r^2)^s / (4^s Gamma(1 + s)^2):"
    yield from steady_discs((32, 64) if quick else (64, 256))
    yield "\nu_t = -(-Delta)^s u in (-1, 1)^2 to t = 1 with tol 1e-6, beside the same with tol 1e-10:"
    yield from heat_flows(64 if quick else 256)


def applies(shapes: tuple[tuple[int, ...], ...]) -> Iterator[str]:
    """Time of one apply beside a bare FFT pair of the padded size and `scipy.signal.fftconvolve`; on CuPy as well."""
    yield f"  {'nodes':>16} {'seconds':>9} {'/ FFT pair':>11} {'fftconvolve /':>14} {'difference':>11}"
    for shape in shapes:
        box = Interval(0, 1) if len(shape) == 1 else Box(((0, 1),) * len(shape))
        A = NonlocalDiffusion(Gaussian(width=0.1)).on(box.grid(*shape), Reflecting(), engine="fft")
        v = np.random.default_rng(0).standard_normal(shape)
        weights: NDArray[np.float64] = _all_offsets(np.asarray(to_host(A.weights.octant)), shape)  # type: ignore[attr-defined]
        degree = np.asarray(A.degree)  # type: ignore[attr-defined]

        def pair(v: Any = v, padded: Any = tuple(2 * n for n in shape)) -> Any:
            return scipy.fft.irfftn(scipy.fft.rfftn(v, s=padded), s=padded)

        def direct(v: Any = v, weights: Any = weights, degree: Any = degree) -> Any:
            return fftconvolve(v, weights, mode="same") - degree * v

        ours, bare, other = _seconds(lambda: A(v)), _seconds(pair), _seconds(direct, 2)  # noqa: B023
        error = float(np.abs(A(v) - direct()).max() / np.abs(v).max() / A.spectral_bound())
        name = " x ".join(map(str, shape))
        yield f"  {name:>16} {ours:9.4f} {ours / bare:11.2f} {other / ours:14.1f} {error:11.1e}"
        yield from _on_device(A, v, name, ours)


def _on_device(A: Any, v: NDArray[np.float64], name: str, host: float) -> Iterator[str]:
    """The same by CuPy where a device answers."""
    try:
        import cupy

        cupy.cuda.runtime.getDeviceCount()
    except Exception:
        return
    u = like(v, cupy.zeros(1))

    def apply() -> Any:
        out = A(u)
        cupy.cuda.Device().synchronize()
        return out

    apply()
    start = time.perf_counter()
    for _ in range(10):
        apply()
    seconds = (time.perf_counter() - start) / 10
    yield f"  {name:>16} {seconds:9.5f} s on the device by CuPy, {host / seconds:.0f} times faster"


def steady_discs(across: tuple[int, ...]) -> Iterator[str]:
    """Relative l2 error and cost of a solve, set-up included, for nodes per diameter."""
    yield f"  {'unknowns':>9} {'s':>5} {'error':>9} {'iterations':>11} {'seconds':>9}"
    disc = Ball(radius=1.0, dimension=2)
    for count in across:
        for s in (0.25, 0.5, 0.75):
            grid = disc.grid(spacing=2.0 / count)

            def run(s: float = s, grid: Any = grid) -> Any:
                return solve(Stationary(FractionalLaplacian(s), disc, source=1.0, exterior=Zero()), on=grid)

            result = run()
            r2 = sum(x**2 for x in grid.coordinates)
            exact = np.clip(1.0 - r2, 0.0, None) ** s / (4**s * gamma(1 + s) ** 2) * grid.inside
            error = float(np.linalg.norm(result.final - exact) / np.linalg.norm(exact))
            steps = len(result.record.history) - 1
            yield f"  {grid.count:9d} {s:5.2f} {error:9.1e} {steps:11d} {_seconds(run, 2):9.3f}"


def heat_flows(count: int) -> Iterator[str]:
    """Applies and cost of a flow, and its difference from the same with a tolerance of 1e-10."""
    yield f"  {'nodes':>9} {'s':>5} {'difference':>11} {'applies':>8} {'seconds':>9}  stepper"
    box = Box(((-1, 1), (-1, 1)))
    grid = box.grid(count, count, nodes="interior")
    for s in (0.5, 0.75):
        heat = Heat(FractionalLaplacian(s), box, initial=1.0, exterior=Zero())

        def run(tol: float = 1e-6, heat: Heat = heat) -> Any:
            return solve(heat, on=grid, until=1.0, tol=tol)

        result, reference = run(), run(1e-10)
        error = float(np.linalg.norm(result.final - reference.final) / np.linalg.norm(reference.final))
        record = result.record
        yield f"  {grid.count:9d} {s:5.2f} {error:11.1e} {record.applies:8d} {_seconds(run, 2):9.3f}  {record.stepper}"


def _all_offsets(octant: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Weights of all offsets -N < j < N from those of the nonnegative ones, 0 beyond the listed."""
    full = np.zeros(shape)
    listed = tuple(slice(0, min(a, b)) for a, b in zip(octant.shape, shape, strict=True))
    full[listed] = octant[listed]
    for axis in range(full.ndim):
        full = np.concatenate([np.flip(np.delete(full, 0, axis), axis), full], axis)
    return full


def _seconds(run: Callable[[], Any], repeats: int = 3) -> float:
    """Smallest CPU time of a few runs."""
    best = math.inf
    for _ in range(repeats):
        start = time.process_time()
        run()
        best = min(best, time.process_time() - start)
    return best

"""What peers.py measures: one function a problem, which solves it by a named solver at a size and returns its cost.

Where peers need the weights of pide's discrete operators they get them for nothing; pide's own times hold all set-up.
Symbols: h spacing; s order; A, L discrete operators; W their weights at all offsets; u, v fields.
"""

from __future__ import annotations

import math
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.ndimage
from apply import mirrored
from fractional_poisson import exact, peer
from scipy.integrate import solve_ivp
from scipy.linalg import eigh, expm
from scipy.signal import fftconvolve, oaconvolve
from scipy.sparse.linalg import LinearOperator, cg, expm_multiply

import pide


@dataclass(frozen=True)
class Cost:
    """CPU seconds; the error, whose meaning belongs to the problem; unknowns; growth of the process in MB."""

    error: float
    seconds: float
    unknowns: int
    memory: float | None = None


def timed(work: Callable[[], Any], repeats: int = 1) -> tuple[Any, float]:
    """(result, least CPU seconds of some runs), without what pide keeps from one problem to the next."""
    seconds, result = math.inf, None
    for _ in range(repeats):
        forget()
        began = time.process_time()
        result = work()
        seconds = min(seconds, time.process_time() - began)
    return result, seconds


def forget() -> None:
    """Clear the stores of weights and quadrature rules."""
    for name, module in list(sys.modules.items()):
        if name.startswith("pide."):
            for thing in list(vars(module).values()):
                if callable(getattr(thing, "cache_clear", None)):
                    thing.cache_clear()


def relative(u: Any, truth: Any) -> float:
    return float(np.linalg.norm(u - truth) / np.linalg.norm(truth))


def convolution(A: Any) -> tuple[Any, float]:
    """(W, their sum): the pair sum is sum_j W_{i-j} v_j - sum(W) v_i."""
    W = mirrored(np.asarray(A.weights.octant))
    W[tuple(n // 2 for n in W.shape)] = 0.0
    return W, float(A.weights.rate)


def apply(solver: str, size: int) -> Cost:
    """One L v on size x size nodes of a box, horizon of 8 spacings, zero outside; error against sums over slices."""
    grid = pide.Box(((0.0, 1.0), (0.0, 1.0))).grid(size, size)
    L = pide.NonlocalDiffusion(pide.kernels.Constant(8.0 / size)).on(grid, exterior=pide.Zero())
    W, rate = convolution(L)
    reach = len(W) // 2
    v = np.random.default_rng(0).random((size, size))

    def slices() -> Any:
        padded, total = np.pad(v, reach), -rate * v
        for i, j in np.argwhere(W):
            total += W[i, j] * padded[i : i + size, j : j + size]
        return total

    ways = {
        "pide": lambda: L(v),
        "scipy.signal.fftconvolve": lambda: fftconvolve(v, W, mode="same") - rate * v,
        "scipy.signal.oaconvolve": lambda: oaconvolve(v, W, mode="same") - rate * v,
        "scipy.ndimage.correlate": lambda: scipy.ndimage.correlate(v, W, mode="constant") - rate * v,
        "numpy, sum over slices": slices,
    }
    Lv, seconds = timed(ways[solver], 5)
    return Cost(relative(Lv, slices()), seconds, size**2)


def heat(solver: str, digits: int) -> Cost:
    """u_t = -(-Delta)^{3/4} u in (-1, 1), zero outside, u_0 = 1, t = 1/2, 1023 nodes; tolerance 10^-digits."""
    line, order = pide.Interval(-1.0, 1.0), pide.FractionalLaplacian(0.75)
    grid = line.grid(1023, nodes="interior")
    A = order.on(grid, exterior=pide.Zero(), scheme="lattice")
    matrix, ones, tol = -np.asarray(A.to_dense()), np.ones(1023), 10.0**-digits
    values, vectors = eigh(matrix)
    truth = vectors @ (np.exp(0.5 * values) * (vectors.T @ ones))
    W, rate = convolution(A)
    product = LinearOperator(matrix.shape, matvec=lambda u: fftconvolve(u, W, mode="same") - rate * u, dtype=float)

    def integrated(method: str, **options: Any) -> Any:
        found = solve_ivp(lambda t, u: product @ u, (0.0, 0.5), ones, method=method, rtol=tol, atol=tol, **options)
        return found.y[:, -1]

    def ours() -> Any:
        problem = pide.Heat(order, line, initial=1.0, exterior=pide.Zero())
        return pide.solve(problem, on=grid, times=[0.5], tol=tol, scheme="lattice").final

    ways: dict[str, Callable[[], Any]] = {
        "pide": ours,
        "solve_ivp RK45, fftconvolve": lambda: integrated("RK45"),
        "solve_ivp BDF, matrix": lambda: integrated("BDF", jac=matrix),
        "solve_ivp Radau, matrix": lambda: integrated("Radau", jac=matrix),
        "scipy.linalg.expm, matrix": lambda: expm(0.5 * matrix) @ ones,
        "scipy expm_multiply, matrix": lambda: expm_multiply(0.5 * matrix, ones),
    }
    u, seconds = timed(ways[solver])
    return Cost(relative(u, truth), seconds, 1023)


def jumps(solver: str, digits: int) -> Cost:
    """u_t = L u on a torus of 256 x 256 nodes, Gaussian kernel, t = 0.05; tolerance 10^-digits."""
    domain, tol, until = pide.Torus((1.0, 1.0)), 10.0**-digits, 0.05
    grid, L = domain.grid(256, 256), pide.NonlocalDiffusion(pide.kernels.Gaussian(0.05), images=True)
    u = np.exp(np.sin(2 * np.pi * grid.coordinates[0]) + np.cos(4 * np.pi * grid.coordinates[1]))
    impulse = np.zeros(grid.shape)
    impulse[0, 0] = 1.0
    symbol = np.fft.rfft2(L.on(grid)(impulse)).real

    def product(v: Any) -> Any:
        return np.fft.irfft2(symbol * np.fft.rfft2(v), s=grid.shape)

    ways: dict[str, Callable[[], Any]] = {
        "pide": lambda: pide.solve(pide.Heat(L, domain, initial=u), on=grid, times=[until], tol=tol).final,
        "solve_ivp RK45, numpy.fft": lambda: solve_ivp(
            lambda t, v: product(v.reshape(grid.shape)).ravel(), (0, until), u.ravel(), rtol=tol, atol=tol
        ).y[:, -1].reshape(grid.shape),
        "py-pde Runge-Kutta, numpy.fft": lambda: by_py_pde(product, u, until, tol),
    }  # fmt: skip
    found, seconds = timed(ways[solver])
    truth = np.fft.irfft2(np.exp(until * symbol) * np.fft.rfft2(u), s=grid.shape)
    return Cost(relative(found, truth), seconds, u.size)


def by_py_pde(product: Callable[[Any], Any], u: Any, until: float, tol: float) -> Any:
    """An equation of one's own in py-pde, with its adaptive Runge-Kutta steps and without compilation."""
    import pde

    grid = pde.CartesianGrid([[0, 1], [0, 1]], u.shape, periodic=True)

    class Jumps(pde.PDEBase):  # type: ignore[misc]
        def evolution_rate(self, state: Any, t: float = 0) -> Any:
            return pde.ScalarField(grid, product(state.data))

    options = {"solver": "runge-kutta", "adaptive": True, "tolerance": tol, "tracker": None, "backend": "numpy"}
    return Jumps().solve(pde.ScalarField(grid, u), t_range=until, dt=1e-4, **options).data


def poisson(solver: str, size: int) -> Cost:
    """(-Delta)^{3/4} u = 1 in the unit disc, zero outside; a lattice of size + 1 spacings across 2.2."""
    s, disc, h = 0.75, pide.Ball(radius=1.0, dimension=2), 2.2 / (size + 1)
    if solver == "PyNucleus":
        unknowns, error, seconds = peer(s, size)
        return Cost(error, seconds, unknowns)
    order = pide.FractionalLaplacian(s)

    def ours(scheme: str) -> Any:
        own = disc.grid(spacing=h, origin=(0.3 * h, 0.17 * h))
        return pide.solve(pide.Stationary(order, disc, source=1.0), on=own, tol=1e-8, scheme=scheme).final

    grid = disc.grid(spacing=h, origin=(0.3 * h, 0.17 * h))
    A = order.on(grid, exterior=pide.Zero(), scheme="lattice")
    W, rate = convolution(A)
    inside = np.asarray(grid.inside)

    def product(u: Any) -> Any:
        v = np.zeros(grid.shape)
        v[inside] = u
        return rate * u - fftconvolve(v, W, mode="same")[inside]

    def spread(u: Any) -> Any:
        v = np.zeros(grid.shape)
        v[inside] = u
        return v

    ones = np.ones(grid.count)
    ways = {
        "pide, corrected": lambda: ours("corrected"),
        "pide, plain": lambda: ours("lattice"),
        "scipy cg, fftconvolve": lambda: spread(cg(LinearOperator((grid.count,) * 2, product), ones, rtol=1e-8)[0]),
        "numpy.linalg.solve, matrix": lambda: spread(np.linalg.solve(A.to_dense(), ones)),
    }
    u, seconds = timed(ways[solver])
    return Cost(relative(u, exact(sum(x**2 for x in grid.coordinates), s) * inside), seconds, grid.count)


def denoise(solver: str, size: int) -> Cost:
    """160 x 160 pixels of a photograph, noise 0.1; the error is minus the PSNR in dB.

    As in examples/plot_denoising.py: ours with widths 0.1 and 0.1 / 3, theirs each at its best width on this picture.
    """
    from skimage import data
    from skimage.restoration import denoise_nl_means

    clean = np.ascontiguousarray(data.camera()[60:220, 140:300] / 255.0)
    noisy = clean + np.random.default_rng(0).normal(0.0, 0.1, clean.shape)

    def step(u: Any, width: float, noise: float) -> Any:
        grid = pide.Box(((0, 160), (0, 160))).grid(160)
        affinity = pide.PatchAffinity(width=width, noise=noise)
        L = affinity.on(grid, pide.patches(u, 2, 1.5), "sinkhorn", window=5.5)
        return pide.solve(pide.Heat(L, initial=u), until=1.0, stepper=pide.ForwardEuler(1.0)).final

    def means(width: float, patch: int, fast: bool) -> Any:
        return denoise_nl_means(noisy, patch_size=patch, patch_distance=5, h=width, fast_mode=fast, sigma=0.1)

    ways = {
        "pide, one step of heat": lambda: step(noisy, 0.1, 0.1),
        "pide, two steps of heat": lambda: step(step(noisy, 0.1, 0.1), 0.1 / 3, 0.0),
        "scikit-image nonlocal means, 7 x 7": lambda: means(0.1, 7, False),
        "scikit-image nonlocal means, 5 x 5, fast": lambda: means(0.08, 5, True),
    }
    u, seconds = timed(ways[solver], size)
    return Cost(float(10 * np.log10(np.mean((u - clean) ** 2))), seconds, clean.size)


def layer(solver: str, size: int) -> Cost:
    """softmax(t p^T) x - x for `size` positions, 32 channels embedded, 64 of values, forward and backward, float32."""
    import torch
    from torch.nn import functional

    from pide.nets.kernels import pair_maps

    torch.set_num_threads(1)

    def naive(t: Any, p: Any, x: Any) -> Any:
        return torch.softmax(t @ p.transpose(1, 2), dim=2) @ x - x

    def attention(t: Any, p: Any, x: Any) -> Any:
        return functional.scaled_dot_product_attention(t, p, x, scale=1.0) - x

    def heads(t: Any, p: Any, x: Any) -> Any:
        q, k, v = (functional.pad(z, (0, 64 - z.shape[2])).unsqueeze(1) for z in (t, p, x))
        return functional.scaled_dot_product_attention(q, k, v, scale=1.0).squeeze(1) - x

    def ours(t: Any, p: Any, x: Any) -> Any:
        return pair_maps("attention", pide.EmbeddedAffinity(), t, p, "rows").difference(x, x)

    block = {
        "pide, attention": ours,
        "torch, M x M matrix": naive,
        "torch attention": attention,
        "torch attention, one head of 64": heads,
    }[solver]

    def step(count: int) -> tuple[Any, float]:
        generator = torch.Generator().manual_seed(0)
        t, p = (0.5 * torch.randn(1, count, 32, generator=generator) for _ in range(2))
        x, g = (torch.randn(1, count, 64, generator=generator) for _ in range(2))
        for z in (t, p, x):
            z.requires_grad_()
        _, seconds = timed(lambda: block(t, p, x).backward(g))
        return (t, p, x, g), seconds

    def gradients(block: Any, inputs: Any) -> Any:
        t, p, x, g = (z.detach().double() for z in inputs)
        for z in (t, p, x):
            z.requires_grad_()
        block(t, p, x).backward(g)
        return torch.cat([z.grad.flatten() for z in (t, p, x)]).numpy()

    small, _ = step(64)
    error = relative(gradients(block, small), gradients(naive, small))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    _, first = step(size)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    return Cost(error, min(first, step(size)[1]), size, grown)

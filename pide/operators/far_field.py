"""The smooth part of a radial kernel summed over all pairs of a cloud by nonequispaced FFTs.

sum_j k_F(|x_i - x_j|) q_j = (P* B P q)_i,    B real, even, diagonal, P the nonequispaced Fourier transform of one plan.

Symbols: k_F smooth part of the kernel, R radius of its splitting, A extent of the cloud per axis, L > 2 A period,
M modes, b diagonal of B: the Fourier coefficients of the periodised k_F, q strengths.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from pide.arrays import Array, like, namespace
from pide.operators.fourier_plans import FourierPlan, fourier_plan
from pide.quadrature.kernel_split import SplitKernel, kaiser_bessel

__all__ = ["FarField", "far_field"]

Floats = NDArray[np.float64]

_TAPER = 2.2
"""Width L - 2 A of the transition between periods, in units of R: its bandwidth is then that of k_F."""
_WIDE = 4.25
"""The same for a Gaussian, in units of its width."""


@dataclass(frozen=True, eq=False)
class FarField:
    """P* B P of a cloud.

    Parameters
    ----------
    multipliers : array, shape (M_1, ..., M_n)
        b at the wave numbers -M/2 .. M/2 - 1, even, 0 at -M/2.
    plan : FourierPlan
        `scatter` is P, `gather` its adjoint to rounding.
    own : float
        The kernel at distance 0.

    Notes
    -----
    One plan serves both directions, so that `gather` is the adjoint of `scatter` at every tolerance; b is real and
    even: the matrix is real and symmetric to rounding. Two real fields travel in one complex transform. One
    thread; the same call gives the same bits.
    """

    multipliers: Array
    plan: FourierPlan
    own: float

    def __call__(self, strengths: Array) -> Array:
        """P* B P q for q of shape (fields, N), two fields at a time."""
        xp, found = namespace(strengths), []
        for k in range(0, strengths.shape[0], 2):
            q = xp.astype(strengths[k, :], xp.complex128)
            paired = strengths.shape[0] > k + 1
            if paired:
                q = q + 1j * xp.astype(strengths[k + 1, :], xp.complex128)
            modes = self.plan.scatter(q)
            modes *= self.multipliers
            values = self.plan.gather(modes)
            found += [xp.real(values), xp.imag(values)] if paired else [xp.real(values)]
        return xp.stack(found)

    def placed(self, v: Array) -> FarField:
        """The same for fields of the library and device of `v`, by plans of that device."""
        return replace(self, multipliers=like(self.multipliers, v), plan=self.plan.placed(v))

    def raised(self, floor: float) -> FarField:
        """The same with a constant added to the kernel."""
        multipliers = self.multipliers.copy()
        multipliers[tuple(M // 2 for M in multipliers.shape)] += floor
        return replace(self, multipliers=multipliers, own=self.own + floor)


def far_field(
    points: Floats, kernel: SplitKernel, tol: float, backend: str, multipliers: Floats | None = None
) -> FarField:
    """The far field of a cloud.

    Parameters
    ----------
    points : array, shape (N, n), unit length
    kernel : SplitKernel
    tol : float
        Of the transform.
    backend : {"finufft", "ducc0"}
    multipliers : array or None
        Those of the same kernel for other points with the same bounding box; None computes them.

    Raises
    ------
    ImportError
        Without the library of the backend.
    """
    extent = np.maximum(np.ptp(points, axis=0), 1e-12)
    period = periods(extent, kernel)
    modes = mode_counts(extent, kernel)
    b = _multipliers(kernel, extent, period, modes) if multipliers is None else multipliers
    phases = (points - points.min(axis=0) - extent / 2) * (2 * math.pi / period)
    return FarField(b, fourier_plan(phases, modes, tol, backend), kernel.far_at_zero)


def mode_counts(extent: Floats, kernel: SplitKernel) -> tuple[int, ...]:
    """M per axis: the smallest fast even sizes that hold the bandwidth of k_F."""
    return tuple(_even_size(L * kernel.bandwidth / math.pi) for L in periods(extent, kernel))


def periods(extent: Floats, kernel: SplitKernel) -> Floats:
    """L per axis."""
    return 2 * extent + (_TAPER * kernel.radius if kernel.radius > 0 else _WIDE * kernel.form.width)


def _multipliers(kernel: SplitKernel, extent: Floats, period: Floats, modes: tuple[int, ...]) -> Floats:
    """b of the function k_F(sum_a rho_a(x_a)), where rho_a is smooth, of period L_a, and x_a^2 for |x_a| <= A_a."""
    square = _smooth_square(extent[0], period[0], modes[0], kernel.shape)
    for a in range(1, len(modes)):
        square = square[..., None] + _smooth_square(extent[a], period[a], modes[a], kernel.shape)
    octant = scipy.fft.dctn(kernel.far(square), type=1, overwrite_x=True) / np.prod(modes)
    for axis in range(len(modes)):
        octant[(slice(None),) * axis + (-1,)] = 0
    return np.ascontiguousarray(octant[np.ix_(*(np.abs(np.arange(M) - M // 2) for M in modes))])


def _smooth_square(extent: float, period: float, modes: int, c: float) -> Floats:
    """rho at the nodes j L / M, j = 0 .. M/2: x^2 whose slope turns over by a window of width L - 2 A around L / 2."""
    half = (period - 2 * extent) / 2
    x = np.arange(modes // 2 + 1) * (period / modes)
    nodes, weights = np.polynomial.legendre.leggauss(64)
    z = np.clip((x - period / 2) / half, -1, 1)
    s = -1 + np.multiply.outer(z + 1, (nodes + 1) / 2)
    turned = (kaiser_bessel(s * s, c) * (z[:, None] - s)) @ (weights / 2) * (z + 1)
    total = kaiser_bessel(nodes**2, c) @ weights
    return np.asarray(x * x - 2 * period * half * turned / total)


def _even_size(wanted: float) -> int:
    """The smallest even product of 2, 3 and 5 that is at least `wanted`."""
    half = max(math.ceil(wanted / 2), 2)
    return 2 * int(scipy.fft.next_fast_len(half, real=True))

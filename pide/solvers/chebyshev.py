"""Chebyshev expansion of the exponential: three vectors, no inner products, gradients pass.

Symbols: [a, b] interval holding the spectrum of L, c = (a + b)/2, w = (b - a)/2, B = (L - c)/w with |B| <= 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.fft
import scipy.special
from numpy.typing import NDArray

from pide.arrays import Array
from pide.solvers.phi import phi
from pide.solvers.projection import progress_towards, require_affine
from pide.solvers.rows import detached, norms
from pide.solvers.stepper import Flow, Report, Stepper, Trajectory
from pide.solvers.wave import chebyshev_wave

__all__ = ["Chebyshev", "chebyshev_coefficients"]

_ROUNDOFF = float(np.finfo(np.float64).eps)
_LOOK = 8
"""Terms between two looks at the size of the sum."""


@dataclass(frozen=True)
class Chebyshev(Stepper):
    """u(t) = sum_k a_k(t) T_k(B) u0, a_k = (2 - [k = 0]) e^{t c} I_k(t w), for self-adjoint L with certified bound.

    With a load b, u0 + sum_k a_k(t) T_k(B) (L u0 + b), where a_k are the coefficients of t phi_1(t lambda).

    Notes
    -----
    Error at most sum_{k > K} |a_k| |v|, because |T_k(B)| <= 1: a bound, given a certified spectral interval. Terms
    about sqrt(2 rho t log(1/tol)), somewhat more than Lanczos, which sees the data. Three vectors besides the outputs,
    all output times from the same terms. Runs backward in time for bounded generators. Gradients pass to u0 and to
    parameters of the generator; the norms that decide where to stop carry none. For waves see
    `pide.solvers.wave.chebyshev_wave`.

    References
    ----------
    Tal-Ezer, Kosloff 1984; Bergamaschi, Vianello 2000.
    """

    def integrate(self, flow: Flow, times: Sequence[float], tol: float, report: Report) -> Trajectory:
        require_affine(self, flow)
        if not flow.is_self_adjoint:
            raise ValueError(f"{self}: the generator is not claimed self-adjoint. Write stepper=Arnoldi().")
        if flow.velocity is not None:
            return chebyshev_wave(self, flow, times, tol, report)
        lower, upper = flow.spectrum
        c, w = 0.5 * (lower + upper), 0.5 * (upper - lower) or 1.0
        affine = flow.load is not None
        v = flow.rate(flow.initial, 0.0) if affine else flow.initial
        mean = flow.mean_part(v)
        v = v if mean is None else v - mean
        a = np.stack([chebyshev_coefficients(int(affine), t, c, w, times[-1]) for t in times])

        def state(total: Array, t: float) -> Array:
            total = total if mean is None else total + (t if affine else 1.0) * mean
            return flow.initial + total if affine else total

        def error(total: Array, tail: float) -> float:
            bound = tail * _norm(flow, v)
            size = np.maximum(_norm(flow, state(total, times[-1])), _ROUNDOFF * _norm(flow, flow.initial))
            return float(np.max(np.divide(bound, size, out=np.zeros_like(bound), where=bound > 0)))

        sums, terms, estimate = _sum(flow, v, a, c, w, error, tol, report)
        states = [state(total, t) if t else flow.initial for t, total in zip(times, sums, strict=True)]
        return Trajectory(states, terms, estimate)


def _sum(
    flow: Flow,
    v: Array,
    a: NDArray[np.float64],
    c: float,
    w: float,
    error: Callable[[Array, float], float],
    tol: float,
    report: Report,
) -> tuple[list[Array], int, float]:
    """Sums sum_k a[i, k] T_k(B) v, their number of terms, and the error at the last time."""
    tails = np.cumsum(np.abs(a[:, ::-1]), axis=1)[:, ::-1].max(axis=0)
    previous, current = v, (flow.apply(v) - c * v) / w
    sums = [float(row[0]) * v + float(row[1]) * current for row in a]
    for k in range(2, a.shape[1]):
        if k % _LOOK == 0:
            estimate = error(sums[-1], float(tails[k]))
            report(progress_towards(estimate, tol))
            if estimate <= tol:
                return sums, k, estimate
        previous, current = current, (2.0 / w) * (flow.apply(current) - c * current) - previous
        sums = [total + float(row[k]) * current for row, total in zip(a, sums, strict=True)]
    return sums, a.shape[1], error(sums[-1], float(np.abs(a[:, -1]).max()))


def chebyshev_coefficients(k: int, t: float, c: float, w: float, longest: float) -> NDArray[np.float64]:
    """Coefficients of t^k phi_k(t (c + w x)), k = 0 or 1, as many as t = `longest` needs for full accuracy."""
    z = abs(longest) * w
    count = math.ceil(9.0 * math.sqrt(z) + 40.0)
    if k == 0:
        orders = np.arange(count)
        a = 2.0 * np.exp(t * c + abs(t) * w) * scipy.special.ive(orders, abs(t) * w)
        a[0] *= 0.5
        return np.asarray(a * np.sign(t) ** orders if t < 0 else a)
    nodes = np.cos(math.pi * (np.arange(2 * count) + 0.5) / (2 * count))
    a = scipy.fft.dct(t * phi(1, t * (c + w * nodes)), type=2)[:count] / (2 * count)
    a[0] *= 0.5
    return np.asarray(a)


def _norm(flow: Flow, u: Array) -> NDArray[np.float64]:
    return norms(flow.rows(detached(u)))

"""First and second moments of a radial kernel over a domain, seen from points inside it.

    first_a(x) = int_Omega gamma(|y - x|) z_a dy,    second_ab(x) = int_Omega gamma(|y - x|) z_a z_b dy,    z = y - x

Symbols: rho distance at which a ray leaves the domain, theta its direction, |S| surface of the unit sphere,
P_q(rho) = int r^{q + n - 1} gamma dr up to rho.
"""

from __future__ import annotations

import math
from itertools import combinations_with_replacement

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.special import roots_legendre

from pide.continuum.domains import Domain
from pide.continuum.kernels import Kernel
from pide.quadrature.rays import ray_blocks
from pide.quadrature.second_moment import ball_second_moment

__all__ = ["inside_moments"]

Floats = NDArray[np.float64]

_NODES_PER_E_FOLD = 50
_GAUSS = 12


def inside_moments(points: Floats, domain: Domain, kernel: Kernel) -> Floats:
    """Moments of order 1 and 2 of the kernel over the domain.

    Parameters
    ----------
    points : array, shape (N, n), unit length
        Points inside the domain.
    domain : Domain
        On the torus the first moments are 0 and the second those of the whole kernel, whose horizon is finite.
    kernel : Kernel
        With a finite integral of r^2 gamma near 0.

    Returns
    -------
    array, shape (N, n + n (n + 1)/2)
        first_1..n, then second_ab for a <= b.

    Notes
    -----
    Mean over directions of |S| theta P_1(rho) and |S| theta theta^T P_2(rho), with the signs of all crossings. P_1 is
    counted from the farthest point of the domain (only its differences matter, because theta averages to 0), so that no
    singularity at r = 0 is met. P_1 and P_2 are splines in log rho through Gauss sums, to about ten digits; the error
    is that of the directions, see `exterior_rate`.
    """
    n = points.shape[1]
    pairs = list(combinations_with_replacement(range(n), 2))
    whole = float(ball_second_moment(kernel, kernel.horizon, n)) if math.isfinite(kernel.horizon) else math.nan
    deep = np.array([0.0] * n + [whole / n if a == b else 0.0 for a, b in pairs])
    moments = np.tile(deep, (len(points), 1))
    near = np.flatnonzero(-domain.signed_distance(*points.T) < kernel.horizon)
    if not near.size:
        return moments
    radial = _Radial(kernel, domain, points[near])
    surface = 2 * math.pi ** (n / 2) / math.gamma(n / 2)
    for block, rays in ray_blocks(points[near], domain):
        theta = rays.directions
        centred = theta - theta.mean(axis=0)
        products = np.stack([theta[:, a] * theta[:, b] for a, b in pairs], axis=1)
        first, second = ((rays.signs * P).sum(axis=-1) for P in radial(rays.distances))
        moments[near[block]] = surface / len(theta) * np.concatenate([first @ centred, second @ products], axis=1)
    return moments


class _Radial:
    """P_1 and P_2 as splines in log rho."""

    def __init__(self, kernel: Kernel, domain: Domain, points: Floats) -> None:
        n = points.shape[1]
        size = float(np.linalg.norm(np.diff(domain.bounds)))
        last = min(1.02 * size, kernel.horizon)
        depth = float(np.min(-domain.signed_distance(*points.T)))
        first = 0.5 * min(max(depth, 1e-12 * size), last)
        count = max(8, math.ceil(_NODES_PER_E_FOLD * math.log(last / first)))
        logs = np.linspace(math.log(first), math.log(last), count)
        self._range = logs[0], logs[-1]
        x, w = roots_legendre(_GAUSS)
        half = (logs[1] - logs[0]) / 2
        r = np.exp((logs[:-1, None] + half) + half * x)
        density = half * w * r**n * np.asarray(kernel.profile(r, n), dtype=np.float64)
        self._splines = [
            CubicSpline(logs, np.concatenate([[0.0], np.cumsum((density * r**q).sum(axis=1))])) for q in (1, 2)
        ]
        sphere = 2 * math.pi ** (n / 2) / math.gamma(n / 2)
        self._start = float(ball_second_moment(kernel, first, n)) / sphere
        self._end = float(self._splines[0](logs[-1]))

    def __call__(self, rho: Floats) -> tuple[Floats, Floats]:
        logs = np.clip(np.log(np.maximum(rho, np.finfo(np.float64).tiny)), *self._range)
        return self._splines[0](logs) - self._end, self._splines[1](logs) + self._start

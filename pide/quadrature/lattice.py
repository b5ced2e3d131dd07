"""Weights of powers of the discrete Laplacian on the infinite lattice.

Symbols: s order in (0, 1); h_a spacing; c_a = 1/h_a^2; C = sum_a c_a; t time of the discrete heat flow;
p_j(t) = prod_a exp(-2 c_a t) I_{j_a}(2 c_a t), its heat kernel; xi_a angular frequency per node.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from array_api_extra import at
from numpy.typing import NDArray
from scipy.special import ive

from pide.arrays import Array, like, namespace
from pide.continuum.constants import check_order, exponential, log_gamma
from pide.quadrature.symmetry import symmetric_octant
from pide.quadrature.weights import LatticeWeights

__all__ = ["lattice_weights"]

STEP = 0.22
"""Step of the trapezoidal rule in log t: p_j is analytic for |arg t| < pi/2, the error is about exp(-pi^2/STEP)."""

LARGEST_ARGUMENT = 1e8
"""Above it the uniform expansion of I_k replaces `ive`, which loses its argument reduction."""

BLOCK = 1 << 23
"""Largest number of entries of an intermediate product."""


def lattice_weights(s: float | Array, spacing: Sequence[float], reach: Sequence[int]) -> LatticeWeights:
    """Weights beta_j > 0 of the operator with symbol -(sum_a 4 sin^2(xi_a / 2) / h_a^2)^s.

    Parameters
    ----------
    s : float or 0-d torch tensor
        Order, 0 < s < 1. With a tensor the weights are tensors and carry the gradient in s.
    spacing : sequence of float, length n in {1, 2, 3}
        h_a, unit length.
    reach : sequence of int, length n
        Largest |j_a| to list.

    Returns
    -------
    LatticeWeights
        octant[j] = beta_j, unit length^(-2 s); rate = K_0 = sum of beta_j over all j != 0 in Z^n.

    Notes
    -----
    In one dimension, h^(2s) K_0 = Gamma(2s+1) / Gamma(s+1)^2 and K_{k+1} = K_k (k - s)/(k + 1 + s), beta_k = -K_k.
    Otherwise, from lambda^s = (1/Gamma(-s)) int_0^inf (exp(-lambda t) - 1) t^(-1-s) dt,

        beta_j = s / Gamma(1-s) int_0^inf p_j(t) t^(-1-s) dt,
        K_0 = (2C)^s - s / Gamma(1-s) int_0^inf (p_0(t) - exp(-2Ct)) t^(-1-s) dt,

    by the trapezoidal rule in log t; the nearest neighbours integrate p_j - c_a t exp(-2Ct) and add
    s c_a (2C)^(s-1). All terms are positive, so every entry is accurate relative to itself (about 1e-13).
    One matrix product with a few hundred Bessel rows, which do not depend on s and are cached.

    Raises
    ------
    ValueError
        If s is outside (0, 1), or the spacing and the reach are not n positive numbers.

    Examples
    --------
    >>> weights = lattice_weights(0.5, (1.0,), (3,))
    >>> bool(abs(weights.rate - 4 / 3.141592653589793) < 1e-14)
    True
    """
    steps, counts = tuple(float(h) for h in spacing), tuple(int(J) for J in reach)
    _check(s, steps, counts)
    if len(steps) == 1:
        octant, rate = _one_dimensional(s, steps[0], counts[0])
    else:
        octant, rate = _by_heat_kernel(s, steps, counts)
    return LatticeWeights(octant, rate, None)


def _check(s: float | Array, spacing: tuple[float, ...], reach: tuple[int, ...]) -> None:
    check_order(s, "lattice_weights")
    if len(spacing) not in (1, 2, 3) or len(reach) != len(spacing):
        raise ValueError(
            f"lattice_weights: {len(spacing)} spacings and {len(reach)} reaches: one, two or three of each are "
            "needed. Pass spacing=grid.spacing and one reach per axis."
        )
    if not all(0 < h < math.inf for h in spacing) or any(J < 1 for J in reach):
        raise ValueError(
            f"lattice_weights(spacing={spacing}, reach={reach}): positive finite spacings and reaches of at least 1 "
            "are needed. Write reach=(1, ...) for the nearest neighbours only."
        )


def _one_dimensional(s: float | Array, h: float, reach: int) -> tuple[Array, Array]:
    """Recurrence up to k = 127; beyond, where its rounding would accumulate, an expansion for large k."""
    near = _nodes_like(np.arange(1.0, min(reach, 127)), s)
    far = _nodes_like(np.arange(128.0, reach + 1), s)
    xp = namespace(near)
    scale = h ** (-2 * s)
    rate = exponential(log_gamma(2 * s + 1) - 2 * log_gamma(s + 1)) * scale
    first = _nodes_like(np.ones(1), s) * (rate * s / (1 + s))
    weights = xp.cumulative_prod(xp.concat([first, (near - s) / (near + 1 + s)]))
    constant = scale * s * exponential(log_gamma(2 * s + 1) - log_gamma(1 + s) - log_gamma(1 - s))
    beyond = constant * far ** (-1 - 2 * s) * _gamma_ratio(s, far)
    return xp.concat([xp.zeros_like(first), weights, beyond]), rate


def _gamma_ratio(s: float | Array, k: Array) -> Array:
    """k^(1+2s) Gamma(k - s) / Gamma(k + 1 + s) for k >= 128, relative error 1e-17.

    From DLMF 5.11.8: the logarithm is -2 sum over m = 3, 5, 7 of B_m(-s) / (m (m - 1) k^(m-1)), Bernoulli's B_m.
    """
    x, y = -s, k**-2
    third = x**3 - 1.5 * x**2 + 0.5 * x
    fifth = x**5 - 2.5 * x**4 + 5 / 3 * x**3 - x / 6
    seventh = x**7 - 3.5 * x**6 + 3.5 * x**5 - 7 / 6 * x**3 + x / 6
    return namespace(k).exp(-2 * y * (third / 6 + y * (fifth / 20 + y * seventh / 42)))


class _HeatRows(NamedTuple):
    """Samples of the heat kernel at the times t = exp(u) of the trapezoidal rule; none depends on s."""

    times: NDArray[np.float64]
    """(T,)"""
    bessel: tuple[NDArray[np.float64], ...]
    """Per axis (T, J_a + 1): exp(-2 c_a t) I_j(2 c_a t)."""
    nearest: NDArray[np.float64]
    """(T, n): p_{e_a}(t) - c_a t exp(-2Ct)."""
    returning: NDArray[np.float64]
    """(T,): p_0(t) - exp(-2Ct)."""


def _by_heat_kernel(s: float | Array, spacing: tuple[float, ...], reach: tuple[int, ...]) -> tuple[Array, Array]:
    rows = _heat_rows(spacing, reach)
    times = _nodes_like(rows.times, s)
    xp = namespace(times)
    rates = [h**-2 for h in spacing]
    total = 2 * sum(rates)
    weights = s * exponential(-log_gamma(1 - s)) * STEP * times ** (-s)
    octant = _contract(weights, tuple(like(row, times) for row in rows.bessel))
    corrections = xp.matmul(weights, like(rows.nearest, times))
    octant = at(octant, (0,) * len(rates)).set(0.0, copy=False)
    for a, c in enumerate(rates):
        site = tuple(1 if b == a else 0 for b in range(len(rates)))
        octant = at(octant, site).set(s * c * total ** (s - 1) + corrections[a], copy=False)
    rate = total**s - xp.sum(weights * like(rows.returning, times))
    return symmetric_octant(octant, spacing), rate


def _contract(weights: Array, rows: tuple[Array, ...]) -> Array:
    """Sum over u of weights_u prod_a rows_a[u, j_a], shape (J_1 + 1, ..., J_n + 1)."""
    xp = namespace(weights)
    if len(rows) == 2:
        return xp.matmul((weights[:, None] * rows[0]).T, rows[1])
    first, second, third = rows
    length = max(1, BLOCK // (second.shape[0] * second.shape[1]))
    slabs = []
    for start in range(0, first.shape[1], length):
        weighted = weights[:, None] * first[:, start : start + length]
        product = xp.reshape(weighted[:, :, None] * second[:, None, :], (weights.shape[0], -1))
        slab = xp.matmul(product.T, third)
        slabs.append(xp.reshape(slab, (weighted.shape[1], second.shape[1], third.shape[1])))
    return xp.concat(slabs)


@lru_cache(maxsize=8)
def _heat_rows(spacing: tuple[float, ...], reach: tuple[int, ...]) -> _HeatRows:
    """Rows from t C = exp(-38), where p_j - its leading term is below rounding, to far beyond the last offset."""
    rates = [h**-2 for h in spacing]
    n, total = len(rates), sum(rates)
    last = max(math.log(max(J, 1) ** 2 / c) for J, c in zip(reach, rates, strict=True)) + 76 / n
    times = np.exp(np.arange(-38.0 - math.log(total), last, STEP))
    bessel = tuple(bessel_rows(J, 2 * c * times) for J, c in zip(reach, rates, strict=True))
    free = np.exp(-2 * total * times)
    zero = [row[:, 0] for row in bessel]
    nearest = []
    for a, c in enumerate(rates):
        others = np.prod([zero[b] for b in range(n) if b != a], axis=0)
        nearest.append(np.maximum(bessel[a][:, 1] * others - c * times * free, 0.0))
    series = sum(_log_bessel_zero(2 * c * times) for c in rates)
    returning = np.where(2 * total * times < 1, free * np.expm1(series), np.prod(zero, axis=0) - free)
    return _HeatRows(times, bessel, np.stack(nearest, axis=1), returning)


def bessel_rows(reach: int, x: NDArray[np.float64]) -> NDArray[np.float64]:
    """exp(-x) I_k(x) for k = 0..reach, shape (len(x), reach + 1).

    Notes
    -----
    `ive` up to x = LARGEST_ARGUMENT; above it, where it returns nan, the uniform expansion in 1/sqrt(k^2 + x^2),
    DLMF 10.41.3, with two correction terms (relative error below 1e-16 there).
    """
    k = np.arange(reach + 1.0)
    small = x < LARGEST_ARGUMENT
    rows = np.empty((x.size, reach + 1))
    rows[small] = ive(k[None, :], x[small, None])
    rows[~small] = _uniform_bessel(k[None, :], x[~small, None])
    return rows


def _uniform_bessel(k: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.float64]:
    """exp(-x) I_k(x) for large x: with q = sqrt(k^2 + x^2), exponent q - x - k asinh(k/x)."""
    q = np.hypot(k, x)
    exponent = k**2 / (q + x) - k * np.arcsinh(k / x)
    ratio = (k / q) ** 2
    correction = 1 + (3 - 5 * ratio) / (24 * q) + (81 - 462 * ratio + 385 * ratio**2) / (1152 * q**2)
    value: NDArray[np.float64] = np.exp(exponent) / np.sqrt(2 * math.pi * q) * correction
    return value


def _log_bessel_zero(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """log I_0(x) without cancellation for x < 1; by the power series."""
    quarter = np.minimum(x, 1.0) ** 2 / 4
    tail = np.zeros_like(quarter)
    for m in range(10, 0, -1):
        tail = quarter / m**2 * (1 + tail)
    return np.log1p(tail)


def _nodes_like(nodes: NDArray[np.float64], parameter: float | Array) -> Array:
    """`nodes` in the namespace of an array parameter, NumPy for a number."""
    return like(nodes, parameter) if hasattr(parameter, "dtype") else nodes

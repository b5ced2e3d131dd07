"""Real spherical harmonics on S^{n-1}, n = 1, 2, 3, orthonormal for the surface measure, and rules that resolve them.

    n = 1   1/sqrt(2), sign(x)/sqrt(2)
    n = 2   1/sqrt(2 pi), cos(l phi)/sqrt(pi), sin(l phi)/sqrt(pi)
    n = 3   P_l^m(cos theta) {1/sqrt(2 pi), cos(m phi)/sqrt(pi), sin(m phi)/sqrt(pi)}, int_{-1}^1 (P_l^m)^2 dz = 1

Directions are unit vectors, given as n arrays of shape (N,).
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from pide.quadrature.jacobi import gauss_jacobi

__all__ = ["spherical_coefficients", "spherical_harmonics", "spherical_rule"]

Floats = NDArray[np.float64]
Directions = tuple[Floats, ...]


def spherical_rule(dimension: int, degree: int) -> tuple[Directions, Floats]:
    """Directions and weights, exact for products of two harmonics of degree <= degree; the weights sum to |S^{n-1}|."""
    if dimension == 1:
        return (np.array([-1.0, 1.0]),), np.ones(2)
    angles = 2 * math.pi * np.arange(2 * degree + 2) / (2 * degree + 2)
    if dimension == 2:
        return (np.cos(angles), np.sin(angles)), np.full(angles.size, 2 * math.pi / angles.size)
    z, weights = gauss_jacobi(degree + 1, 0.0, 0.0)
    sine = np.sqrt((1 - z) * (1 + z))
    x, y = np.outer(sine, np.cos(angles)), np.outer(sine, np.sin(angles))
    areas = np.repeat(4 * math.pi / angles.size * weights, angles.size)
    return (x.ravel(), y.ravel(), np.repeat(z, angles.size)), areas


def spherical_coefficients(values: Floats, dimension: int, degree: int) -> Iterator[Floats]:
    """Yield sum_j w_j v(theta_j) Y(theta_j) for the harmonics of degree l = 0, ..., degree; on S^0 l <= 1.

    Parameters
    ----------
    values : array, shape (K, N)
        Functions at the directions of `spherical_rule(dimension, degree)`, one per row.

    Returns
    -------
    iterator of arrays, shape (K, number of harmonics of degree l)

    Notes
    -----
    n = 3: a Fourier transform along each circle, then one product per l: K degree^3 operations instead of K degree^4.
    """
    directions, weights = spherical_rule(dimension, degree)
    if dimension < 3:
        for Y in spherical_harmonics(directions, degree):
            yield values @ (Y * weights[:, None])
        return
    circle = 2 * degree + 2
    z, sine = directions[2][::circle], np.hypot(directions[0], directions[1])[::circle]
    along = np.fft.rfft(values.reshape(len(values), z.size, circle), axis=2)
    for ell, legendre in enumerate(_legendre(z, sine, degree)):
        orders = _azimuthal(ell) * weights[::circle, None] * legendre
        products = np.einsum("kjm,jm->km", along[:, :, : ell + 1], orders)
        yield np.concatenate([products.real, -products.imag[:, 1:]], axis=1)


def spherical_harmonics(directions: Directions, degree: int) -> Iterator[Floats]:
    """Yield the harmonics of degree l, an array of shape (N, number of them), for l = 0, ..., degree; on S^0 l <= 1."""
    if len(directions) == 1:
        for power in range(min(degree, 1) + 1):
            yield directions[0][:, None] ** power / math.sqrt(2)
    elif len(directions) == 2:
        yield from _circular(directions, degree)
    else:
        yield from _spherical(directions, degree)


def _circular(directions: Directions, degree: int) -> Iterator[Floats]:
    turn = directions[0] + 1j * directions[1]
    power = np.ones_like(turn)
    yield np.full((turn.size, 1), 1 / math.sqrt(2 * math.pi))
    for _ in range(degree):
        power = power * turn
        yield np.stack([power.real, power.imag], axis=1) / math.sqrt(math.pi)


def _spherical(directions: Directions, degree: int) -> Iterator[Floats]:
    x, y, z = directions
    sine = np.hypot(x, y)
    turn = np.where(sine > 0, (x + 1j * y) / np.where(sine > 0, sine, 1.0), 1.0)
    powers = turn[:, None] ** np.arange(degree + 1)
    for ell, legendre in enumerate(_legendre(z, sine, degree)):
        values = _azimuthal(ell) * legendre * powers[:, : ell + 1]
        yield np.concatenate([values.real, values.imag[:, 1:]], axis=1)


def _azimuthal(ell: int) -> Floats:
    """Norms of 1, e^{i phi}, ...: 1/sqrt(2 pi), 1/sqrt(pi), ..., 1/sqrt(pi)."""
    norms = np.full(ell + 1, 1 / math.sqrt(math.pi))
    norms[0] = 1 / math.sqrt(2 * math.pi)
    return norms


def _legendre(z: Floats, sine: Floats, degree: int) -> Iterator[Floats]:
    """Yield P_l^m(z), shape (N, l + 1), for l = 0, ..., degree: recurrence in l for all m at once."""
    before, now = np.zeros((z.size, 0)), np.full((z.size, 1), 1 / math.sqrt(2))
    for ell in range(degree + 1):
        yield now
        before, now = now, _next_legendre(ell + 1, z, sine, now, before)


def _next_legendre(ell: int, z: Floats, sine: Floats, now: Floats, before: Floats) -> Floats:
    """P_l^m, m = 0, ..., l, from those of degree l - 1 and l - 2: a (z P_{l-1} - b P_{l-2}), and the sectoral one."""
    m = np.arange(ell)
    a = np.sqrt((4.0 * ell * ell - 1) / (ell * ell - m * m))
    b = np.sqrt(((ell - 1.0) ** 2 - m[:-1] ** 2) / (4.0 * (ell - 1) ** 2 - 1))
    rows = np.empty((z.size, ell + 1))
    rows[:, :ell] = z[:, None] * now
    rows[:, : ell - 1] -= b * before
    rows[:, :ell] *= a
    rows[:, ell] = math.sqrt((2 * ell + 1) / (2 * ell)) * sine * now[:, ell - 1]
    return rows

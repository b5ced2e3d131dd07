"""Mass of a radial kernel outside a box that is centred at the origin."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from pide.arrays import Array, like, namespace
from pide.continuum.constants import sphere_area
from pide.continuum.kernels.base import Kernel
from pide.quadrature.rules import gauss, sectors

__all__ = ["mass_outside_box"]

Floats = NDArray[np.float64]

ORDER = 18


def mass_outside_box(kernel: Kernel, half_widths: tuple[float, ...]) -> Array:
    """int gamma(|z|) dz over the complement of prod_a [-L_a, L_a].

    Notes
    -----
    In one dimension tail_mass(L). Otherwise the complement is the union of the cones beyond the faces; with
    T(rho) = int_rho^inf gamma r^(n-1) dr = tail_mass(rho) / |S^(n-1)|,

        sum_a 2^n int over the positive part of face a of L_a / rho(y)^n T(rho(y)) dy,   rho(y)^2 = L_a^2 + |y|^2,

    by Gauss rules on panels of the face that double in size, inside the horizon only.
    """
    n = len(half_widths)
    if n == 1:
        return kernel.tail_mass(np.asarray(half_widths), 1)[0]
    total: Array = 0.0
    for axis, height in enumerate(half_widths):
        reached = math.sqrt(max(float(kernel.horizon) ** 2 - height**2, 0.0))
        sides = [side for a, side in enumerate(half_widths) if a != axis]
        if reached == 0.0:
            continue
        offset, weights = _line(sides[0], height, reached) if n == 2 else _plane(sides, height, reached)
        rho = np.sqrt(height**2 + offset**2)
        tails = kernel.tail_mass(rho, n)
        factors = 2**n * weights * height / rho**n / sphere_area(n)
        total = total + namespace(tails).sum(tails * like(factors, tails))
    return total


def _panels(length: float, first: float) -> Floats:
    """Ends of panels [0, first], [first, 2 first], [2 first, 4 first], ... up to `length`."""
    ends = [0.0, min(first, length)]
    while ends[-1] < length:
        ends.append(min(2 * ends[-1], length))
    return np.array(ends)


def _line(side: float, height: float, reached: float) -> tuple[Floats, Floats]:
    """Points |y| of [0, min(side, reached)] and weights."""
    ends = _panels(min(side, reached), height)
    g, w = gauss(ORDER)
    width = np.diff(ends)[:, None]
    return (ends[:-1, None] + width * g).ravel(), (width * w).ravel()


def _plane(sides: list[float], height: float, reached: float) -> tuple[Floats, Floats]:
    """Distances |y| of points of the rectangle [0, sides] cut with the disc |y| < reached, and weights."""
    ends = [_panels(min(side, reached), height) for side in sides]
    lower = np.stack(np.meshgrid(ends[0][:-1], ends[1][:-1], indexing="ij"), axis=-1).reshape(-1, 2)
    upper = np.stack(np.meshgrid(ends[0][1:], ends[1][1:], indexing="ij"), axis=-1).reshape(-1, 2)
    outer = np.full(len(lower), min(reached, 2 * math.hypot(*sides)))
    _, phi_weights, inner, end = sectors(lower, upper, np.zeros_like(outer), outer).limits(ORDER)
    g, w = gauss(ORDER)
    rho = inner[..., None] + (end - inner)[..., None] * g
    weights = phi_weights[..., None] * (end - inner)[..., None] * w * rho
    return rho.ravel(), weights.ravel()

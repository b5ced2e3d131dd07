"""Tables of radial kernels as functions of the squared distance, looked up by the bits of the floating-point number.

Symbols: t = r^2, k(r) kernel; the piece of t is its exponent and the leading five bits of its mantissa.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["RadialTable", "tabulate"]

Floats = NDArray[np.float64]

LOW_BITS = 47
"""Bits of the mantissa that say where t lies in its piece: 2^(52 - 47) = 32 pieces for every octave of t."""

_TERMS = 8
_SMOOTH = 1e-10
"""Largest error of the table of a kernel that counts as smooth; power laws reach 1e-15."""


@dataclass(frozen=True, eq=False)
class RadialTable:
    """k(sqrt(t)) by a polynomial of degree 7 on each of 32 pieces of every octave of t.

    Parameters
    ----------
    first : int
        Number of the first piece, the leading 17 bits of its smallest t.
    coefficients : array, shape (pieces, 8)
        Of s^0 to s^7, where s runs from -1/2 to 1/2 in the piece.
    error : float
        Largest sampled error relative to |k|, or to the given floor where |k| is smaller.
    """

    first: int
    coefficients: Floats
    error: float

    def __call__(self, t: Floats) -> Floats:
        """k(sqrt(t)) for t in the tabulated range."""
        bits = np.ascontiguousarray(t, dtype=np.float64).view(np.int64)
        rows = self.coefficients[(bits >> LOW_BITS) - self.first]
        low = bits & ((1 << LOW_BITS) - 1)
        s = low.astype(np.float64) / (1 << LOW_BITS) - 0.5
        value = rows[..., -1]
        for k in range(_TERMS - 2, -1, -1):
            value = value * s + rows[..., k]
        return np.asarray(value)


def tabulate(kernel: Callable[[Floats], Floats], nearest: float, farthest: float, floor: float) -> RadialTable:
    """Table of k for distances from `nearest` to `farthest`.

    Parameters
    ----------
    kernel : callable
        k(r) for arrays of r > 0.
    nearest, farthest : float, unit length
    floor : float
        Values below it may have the relative error floor / |k| times that of the others.

    Notes
    -----
    Degree 7 on pieces of relative width 1/32: the relative error is below 1e-15 for r^-a, a <= 6. One piece is added at
    each end, so that rounding of t cannot leave the table.

    Raises
    ------
    ValueError
        When k is not finite, or is not smooth: the error at points between the nodes exceeds 1e-10.
    """
    first, last = np.array([nearest**2, farthest**2]).view(np.int64) >> LOW_BITS
    pieces = np.arange(first - 1, last + 2)
    lower, upper = (pieces << LOW_BITS).view(np.float64), ((pieces + 1) << LOW_BITS).view(np.float64)
    angles = np.pi * (np.arange(_TERMS) + 0.5) / _TERMS
    nodes, between = np.cos(angles) / 2, np.cos(angles[:-1] + np.pi / (2 * _TERMS)) / 2

    def values(s: Floats) -> Floats:
        return np.asarray(kernel(np.sqrt(lower[:, None] + (upper - lower)[:, None] * (s + 0.5))))

    exact = values(nodes)
    if not np.isfinite(exact).all():
        raise ValueError(
            f"engine='tree': the kernel is not finite between the distances {nearest:.3g} and {farthest:.3g}. "
            "Give a kernel that is finite for r > 0."
        )
    powers = np.vander(nodes, increasing=True)
    coefficients = np.ascontiguousarray(np.linalg.solve(powers, exact.T).T)
    truth = values(between)
    gap = np.abs(coefficients @ np.vander(between, _TERMS, increasing=True).T - truth)
    error = float((gap / np.maximum(np.abs(truth), max(floor, np.finfo(np.float64).tiny))).max())
    if not error <= _SMOOTH:
        where = float(np.sqrt(lower[np.argmax(gap.max(axis=1))]))
        raise ValueError(
            f"engine='tree': the kernel is not smooth near r = {where:.3g} (error {error:.1e} of its table). "
            "Write engine='dense', or 'sparse' for a kernel with a horizon."
        )
    return RadialTable(int(pieces[0]), coefficients, error)

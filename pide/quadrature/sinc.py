"""Weights of (-Delta)^s on band-limited functions: the symbol |xi|^(2s) on the cube of resolved frequencies.

Symbols: s order in (0, 1); h_a spacing; xi_a in [0, pi] angular frequency per node; m(xi) = (sum_a xi_a^2/h_a^2)^s;
K_j = pi^-n int_{[0, pi]^n} m(xi) prod_a cos(j_a xi_a) dxi.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
from array_api_extra import at
from numpy.typing import NDArray
from scipy.special import roots_legendre

from pide.arrays import Array, as_float, like, namespace
from pide.continuum.constants import check_order
from pide.quadrature.weights import LatticeWeights

__all__ = ["sinc_weights"]

_NODES = 24
"""Gauss points that resolve m on one half of a cell at distance half from the origin, beside the oscillation."""


def sinc_weights(s: float | Array, spacing: Sequence[float], reach: Sequence[int]) -> LatticeWeights:
    """Weights beta_j = -K_j of the operator with symbol -m(xi), of both signs.

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
        octant[j] = -K_j, unit length^(-2 s); rate = K_0, the sum of all -K_j, j != 0, because m(0) = 0.

    Notes
    -----
    [0, pi]^n is cut into the shells 2^-l [0, pi]^n \\ 2^-(l+1) [0, pi]^n, and each shell into 2^n - 1 cubes, where m is
    analytic. Gauss rules there, with nodes enough for the oscillation of cos(j xi), make K a sum of products of small
    matrices; the shells end where m is below rounding. Absolute error below (|j| + 100) 2u K_0, from the phases
    j xi and the sums (`tests/pide/test_sinc.py` compares with mpmath up to j = 200).

    Raises
    ------
    ValueError
        If s is outside (0, 1).

    Examples
    --------
    >>> weights = sinc_weights(0.5, (1.0,), (3,))
    >>> bool(abs(weights.octant[1] - 2 / 3.141592653589793) < 1e-15)
    True
    """
    check_order(s, "sinc_weights")
    n = len(spacing)
    shells = math.ceil(math.log2(1e17) / (n + 2 * as_float(s))) + 1
    skew = max(spacing) / min(spacing)
    K: Any = 0.0
    for level in range(shells):
        half = math.pi * 2.0 ** -(level + 1)
        for corner in product((0, 1), repeat=n):
            if any(corner):
                K = K + _over_cube(s, corner, half, spacing, reach, skew)
    rate = K[(0,) * n]
    return LatticeWeights(at(-K, (0,) * n).set(0.0), rate, None)


def _over_cube(
    s: float | Array,
    corner: tuple[int, ...],
    half: float,
    spacing: Sequence[float],
    reach: Sequence[int],
    skew: float,
) -> Array:
    """pi^-n int m prod_a cos(j_a xi_a) over the cube of side `half` whose lower corner is half * corner."""
    square: Any = 0.0
    rows, n = [], len(corner)
    for axis, (c, h, J) in enumerate(zip(corner, spacing, reach, strict=True)):
        x, w = roots_legendre(math.ceil(_NODES * skew + 0.3 * J * half))
        xi = half * (c + 0.5 * (x + 1.0))
        rows.append((half / (2 * math.pi) * w)[:, None] * np.cos(xi[:, None] * np.arange(J + 1)))
        square = square + ((xi / h) ** 2).reshape(-1, *(1,) * (n - 1 - axis))
    return _contract(_power(square, s), rows)


def _power(square: NDArray[np.float64], s: float | Array) -> Array:
    if not hasattr(s, "dtype"):
        return square**s
    logarithm = like(np.log(square), s)
    return namespace(logarithm).exp(s * logarithm)


def _contract(values: Array, rows: list[NDArray[np.float64]]) -> Array:
    """Sum over the nodes of values times a row per axis, axis by axis."""
    xp = namespace(values)
    for axis, row in enumerate(rows):
        values = xp.moveaxis(xp.tensordot(like(row.T, values), values, axes=([1], [axis])), 0, axis)
    return values

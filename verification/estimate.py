"""Rounding-error estimates: where every bound in a report comes from.

Symbols: u unit roundoff, g_k = k u / (1 - k u), A the operator, v a field, |.|_m the norm of the space,
e the error fl(A v) - A v of one apply. An `ErrorModel` bounds e before anything is measured; no constant in
this module was fitted to a measurement.

References
----------
Higham, Accuracy and Stability of Numerical Algorithms (2002), Lemma 3.1 (g_k), Theorem 24.2 (FFT).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["DOUBLE", "ROUNDOFF", "ErrorModel", "convolution_error", "gamma", "transform_error", "undecidable"]

ROUNDOFF = {"float64": 2.0**-53, "float32": 2.0**-24}
DOUBLE = ROUNDOFF["float64"]


def gamma(k: float, u: float) -> float:
    """g_k = k u / (1 - k u), or infinity where k u > 0.1 and the estimate says nothing.

    Examples
    --------
    >>> gamma(10, 2.0**-53) < 1.2e-15
    True
    >>> gamma(4096**2, 2.0**-24)
    inf
    """
    return k * u / (1 - k * u) if k * u <= 0.1 else math.inf


def undecidable(bound: float) -> bool:
    """Whether a bound is too large to decide anything: such a row is UNDECIDED, never "holds"."""
    return not math.isfinite(bound)


def prime_factors(length: int) -> list[int]:
    """Prime factors of `length` with multiplicity, ascending."""
    factors, p = [], 2
    while p * p <= length:
        while length % p == 0:
            factors.append(p)
            length //= p
        p += 1
    return factors + [length] * (length > 1)


def stage(p: int) -> float:
    """Normwise error of one radix-p stage, in units of u.

    A p-point transform summed directly obeys |fl(F x) - F x| <= (p + 9) u |F||x| (p - 1 additions, two complex
    products of 2 sqrt(2) u, two tables of 2 u), and ||F|| = p = sqrt(p) ||F||_2. Primes above 50 may go through
    Bluestein's three transforms of length below 4 p, with the chirp's symbol at most 2 sqrt(p).
    """
    direct = math.sqrt(p) * (p + 9)
    return direct if p <= 50 else max(direct, 12 * padded(p))


def padded(length: int) -> float:
    """The same for a transform of unknown 11-smooth length at most 4 `length`: 20 u for each factor of two."""
    return 20 * math.log2(4 * max(length, 1))


def transform_error(shape: Sequence[int], u: float, *, periodic: bool) -> float:
    """Bound of |fl(F v) - F v| / |F v| for one n-dimensional FFT, the sum of its stages (Higham, Theorem 24.2).

    Parameters
    ----------
    shape : sequence of int
        Nodes per axis.
    periodic : bool
        Whether the transform has exactly this shape; else it is padded to a smooth size of at most four times it.
    """
    if periodic:
        return gamma(sum(stage(p) for length in shape for p in prime_factors(length)), u)
    return gamma(sum(padded(length) for length in shape), u)


def convolution_error(shape: Sequence[int], u: float, *, periodic: bool) -> float:
    """Factor f in |e| <= f |c| |v| for an apply through two FFTs of a stored real symbol: 2 transforms + g_12.

    The twelve operations are the product with the symbol, the scaling, two coefficient products and the diagonal.
    """
    return 2 * transform_error(shape, u, periodic=periodic) + gamma(12, u)


@dataclass(frozen=True)
class ErrorModel:
    """Bound of the rounding error e of one apply: |e| <= factor * scale * |v|.

    Parameters
    ----------
    factor : float
        Dimensionless, such as g_{k} or the FFT's factor.
    scale : float, unit 1/time
        A bound of the norm of |A|, entrywise absolute values.
    normwise : bool
        True for FFT engines and black boxes: one entry of e is bounded only by the Euclidean norm of v. False for
        direct sums, where it is bounded by max |v|.
    roundoff : float
        u of the subject's dtype.
    words : str
        The derivation, shown in every row that uses it.
    """

    factor: float
    scale: float
    normwise: bool
    roundoff: float
    words: str

    def energy(self, norm: float) -> float:
        """Bound of |e|_m for a field of norm |v|_m = `norm`."""
        return self.factor * self.scale * norm

    def maximum(self, v: NDArray[np.float64]) -> float:
        """Bound of max |e_i|."""
        size = float(np.linalg.norm(v)) if self.normwise else float(np.max(np.abs(v), initial=0.0))
        return self.factor * self.scale * size

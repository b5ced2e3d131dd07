"""Stability of blocks whose stages restart from their input: B_i = X + z B_{i-1}, B_0 = X.

For op B = A B with A x = mu x and step h, m stages give R(h mu) x with R(z) = 1 + z + ... + z^m, the partial sums of
the Neumann series of backward Euler 1 / (1 - z).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["restart_polynomial", "stability_interval", "stability_region"]


def restart_polynomial(z: ArrayLike, stages: int) -> NDArray[np.complex128]:
    """R(z) = 1 + z + ... + z^m.

    Parameters
    ----------
    z : array of complex, any shape
        h mu.
    stages : int
        m, at least 1.
    """
    _check_stages(stages)
    z = np.asarray(z, dtype=np.complex128)
    value = np.ones_like(z)
    for _ in range(stages):
        value = 1 + z * value
    return value


def stability_interval(stages: int) -> float:
    """Largest t such that |R(-h)| <= 1 for all h in [0, t]: h lambda_max of dissipative operators may reach it.

    Parameters
    ----------
    stages : int
        m, at least 1.

    Notes
    -----
    1 - t + t^2 - ... leaves [-1, 1] upwards at t = 1 for even m. For odd m it leaves it downwards at the root of
    R(-t) = -1 in (1, 2], found as an eigenvalue of the companion matrix, to rounding. The bounds 2, 1, 1.353, 1,
    1.215, 1 of m = 1, ..., 6 tend to 1: more stages approach backward Euler only where its Neumann series converges.

    Examples
    --------
    >>> [round(stability_interval(m), 3) for m in range(1, 7)]
    [2.0, 1.0, 1.353, 1.0, 1.215, 1.0]
    """
    _check_stages(stages)
    powers = np.arange(stages, -1, -1)
    coefficients = (-1.0) ** powers
    ends = []
    for level in (-1.0, 1.0):
        shifted = coefficients.copy()
        shifted[-1] -= level
        roots = np.roots(shifted)
        real = roots.real[np.abs(roots.imag) < 1e-8]
        ends += [root for root in real if root > 1e-8]
    return float(min(ends))


def stability_region(
    stages: int, real: tuple[float, float] = (-3.0, 1.0), imaginary: tuple[float, float] = (-2.0, 2.0), size: int = 401
) -> tuple[NDArray[np.complex128], NDArray[np.float64]]:
    """Points z of a lattice and |R(z)| there; the region is where it is at most 1.

    Parameters
    ----------
    stages : int
        m.
    real, imaginary : pair of float
        Ends of the lattice.
    size : int
        Points a side.

    Returns
    -------
    z, modulus : arrays, shape (size, size)
        Rows run along the imaginary axis.
    """
    x, y = np.linspace(*real, size), np.linspace(*imaginary, size)
    z = x[None, :] + 1j * y[:, None]
    return z, np.abs(restart_polynomial(z, stages))


def _check_stages(stages: int) -> None:
    if stages < 1:
        raise ValueError(f"stages={stages}: a block has at least one. Write stages=2, the published number.")

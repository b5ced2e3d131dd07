"""Batched vectors of Krylov methods: a field (..., *shape) as rows (B, N), B batch members of N lattice nodes.

Coefficients are float64 NumPy arrays of shape (B,): inner products are the only numbers that leave the device, and
gradients do not follow them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pide.arrays import Array, like, namespace, to_host

__all__ = ["as_rows", "axpy", "combine", "detached", "dots", "norms", "scaled"]

Coefficients = NDArray[np.float64]


def as_rows(u: Array, dimension: int) -> Array:
    """u of shape (..., *shape) as (B, N)."""
    batch = math.prod(u.shape[: u.ndim - dimension])
    return namespace(u).reshape(u, (batch, math.prod(u.shape[u.ndim - dimension :])))


def dots(a: Array, b: Array) -> Coefficients:
    """sum_i a_i b_i of every row, on the host.

    Raises
    ------
    ValueError
        When a or b carries a gradient, which would be lost.
    """
    if getattr(a, "requires_grad", False) or getattr(b, "requires_grad", False):
        raise ValueError(
            "Krylov methods and conjugate gradients take inner products to the host, where gradients end. "
            "Write stepper=Chebyshev(), or RungeKutta4(dt=...), which carry gradients."
        )
    return to_host(namespace(a, b).vecdot(a, b, axis=-1)).astype(np.float64)


def norms(a: Array) -> Coefficients:
    """Euclidean norm of every row."""
    return np.sqrt(dots(a, a))


def scaled(c: Coefficients, a: Array) -> Array:
    """c_b a_b for every row b."""
    return like(c[:, None], a) * a


def axpy(c: Coefficients, a: Array, b: Array) -> Array:
    """c_b a_b + b_b for every row b."""
    return scaled(c, a) + b


def combine(c: NDArray[np.float64], vectors: Sequence[Array]) -> Array:
    """sum_j c[b, j] vectors[j][b], c of shape (B, m)."""
    total = scaled(c[:, 0], vectors[0])
    for j in range(1, len(vectors)):
        total = total + scaled(c[:, j], vectors[j])
    return total


def detached(u: Array) -> Array:
    """u without its gradient history, for numbers that only steer an iteration."""
    return u.detach() if hasattr(u, "detach") else u

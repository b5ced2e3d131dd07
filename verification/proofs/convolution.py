"""Convolutions by the reference FFT with a proven error, and accurate sums of weights over a domain of any shape.

Symbols: f relative error of the transforms, sigma symbol, E its error, X the transformed field, q a power of two.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from pide.verification.proofs.models import Field
from pide.verification.proofs.rounding import U, down, up
from pide.verification.proofs.symbol import absolute_sum, fourier, fourier_error, symbol_enclosure

__all__ = ["convolved", "indicator_sums", "power_lengths", "transformed"]

Spectrum = NDArray[np.complex128]


def power_lengths(shape: tuple[int, ...], octant: tuple[int, ...]) -> tuple[int, ...]:
    """Powers of two N + J at least: on a box no offset wraps onto the lattice."""
    return tuple(1 << (n + extent - 2).bit_length() for n, extent in zip(shape, octant, strict=True))


def transformed(field: Field, lengths: tuple[int, ...]) -> Spectrum:
    """F of the field padded with zeros; lengths are powers of two."""
    X = np.zeros(lengths, dtype=np.complex128)
    X[tuple(slice(0, n) for n in field.shape)] = field
    return _along_axes(X)


def convolved(octant: Field, X: Spectrum, shape: tuple[int, ...], norm: float) -> tuple[Field, float] | None:
    """(K v on the lattice, bound of its Euclidean error) from X = `transformed` v with |v| = `norm`.

    Each transform has the relative error f, the product with the real sigma u, and sigma the error E of its enclosure:
    |error| <= ((2 f + f^2 + 3 u) max|sigma| + E) |v|. None where the symbol is out of reach.
    """
    enclosure = symbol_enclosure(octant, X.shape)
    if enclosure is None:
        return None
    values, error = enclosure
    for axis, length in enumerate(X.shape):
        k = np.arange(length)
        values = np.take(values, np.minimum(k, length - k), axis=axis)
    y = np.conj(_along_axes(np.conj(X * values))).real / X.size
    f = sum(fourier_error(length) for length in X.shape) * (1 + 1e-9)
    factor = (2 * f + f * f + 3 * U) * (float(np.abs(values).max()) + error) + error
    return y[tuple(slice(0, n) for n in shape)], float(up(factor * norm * (1 + 1e-9)))


def indicator_sums(octant: Field, inside: NDArray[np.bool_]) -> tuple[Field, Field] | None:
    """(lower, upper) bounds of d_i = sum of beta_{i - k} over the nodes k inside, for domains of any shape on a box.

    Notes
    -----
    beta = high + low with high the nearest multiples of q. The sums of `high` are multiples of q, so that rounding a
    convolution with error below q/2 makes them exact; those of `low` are so small that their error does not matter.
    """
    lengths = power_lengths(inside.shape, octant.shape)
    X = transformed(inside.astype(np.float64), lengths)
    norm = math.sqrt(float(np.count_nonzero(inside))) * (1 + 4 * U)
    whole = convolved(octant, X, inside.shape, norm)
    if whole is None or not 0 < whole[1] < absolute_sum(octant):
        return None
    q = 2.0 ** (math.frexp(whole[1])[1] + 3)
    high = np.rint(octant / q) * q
    first, second = convolved(high, X, inside.shape, norm), convolved(octant - high, X, inside.shape, norm)
    if first is None or second is None or not first[1] < q / 2:
        return None
    d = np.rint(first[0] / q) * q + second[0]
    error = up(second[1] + 2 * U * np.abs(d))
    return np.where(inside, down(d - error), 0.0), np.where(inside, up(d + error), 0.0)


def _along_axes(X: Spectrum) -> Spectrum:
    for axis in range(X.ndim):
        X = np.moveaxis(fourier(np.ascontiguousarray(np.moveaxis(X, axis, 0))), 0, axis)
    return X

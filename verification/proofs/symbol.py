"""C5: enclosures of the symbol of even lattice weights, by proven cosines, matrix products and our own FFT.

sigma(theta) = sum_j c_j beta_j prod_a cos(j_a theta_a), c_j the number of sign patterns of j, at the frequencies
theta_a = 2 pi k_a / M_a: the eigenvalues of the circulant of lengths M, of which a convolution on a box with
M_a >= N_a + J_a is a principal submatrix.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from pide.verification.proofs.models import Field
from pide.verification.proofs.rounding import U, down, gamma, up

__all__ = ["circle", "cosine_symbol", "fourier", "fourier_error", "fourier_symbol", "symbol_enclosure"]

_BITS = 128
_LARGEST_TABLE = 1 << 14
"""Transform length per axis up to which the symbol is summed by cosines."""

_BLOCK, _SLAB = 64, 1 << 13

_TABLE = 0.75 * U
"""Bound of |fl(w) - w| for w on the unit circle with both components correctly rounded: sqrt(2) 2^-54."""


@lru_cache(maxsize=16)
def circle(length: int) -> NDArray[np.complex128]:
    """exp(-2 pi i k / M), k = 0..M-1, each component within 2^-54 (1 + 2^-40) of the truth.

    Computed in 128-bit integers: angles of the first octant are sums of a coarse and a fine one, each by Taylor series;
    the others follow by symmetry. No library cosine is used.
    """
    eighth = length // 8 + 1
    fine = max(1, math.isqrt(eighth))
    one = 1 << _BITS
    small = [_cosine_sine(k, length) for k in range(fine + 1)]
    large = [_cosine_sine(k * fine, length) for k in range(eighth // fine + 2)]
    values = np.empty((eighth + 1, 2))
    for k in range(eighth + 1):
        (c1, s1), (c2, s2) = large[k // fine], small[k % fine]
        values[k] = ((c1 * c2 - s1 * s2) >> _BITS) / one, ((s1 * c2 + c1 * s2) >> _BITS) / one
    return _completed(values, length)


def _completed(eighth: Field, length: int) -> NDArray[np.complex128]:
    """All angles from those below pi/4 by reflections, in units of a quarter of a step: exact for every length."""
    k = np.arange(length, dtype=np.int64)
    quarter, rest = np.divmod(4 * k, length)
    # the angle within its quarter is rest / (4 M) turns; beyond pi/4 it is mirrored at the end of the quarter
    if length % 4 == 0:
        index = rest // 4
        mirrored = 2 * rest > length
        index = np.where(mirrored, length // 4 - index, index)
        c, s = eighth[index].T
        c, s = np.where(mirrored, s, c), np.where(mirrored, c, s)
        cosine = np.choose(quarter, [c, -s, -c, s])
        sine = np.choose(quarter, [s, c, -s, -c])
        return np.asarray(cosine - 1j * sine)
    return _direct(length)


def _direct(length: int) -> NDArray[np.complex128]:
    """The same for lengths that are no multiple of four, from the table of 4 M angles."""
    return np.asarray(circle(4 * length)[::4])


def _cosine_sine(k: int, length: int) -> tuple[int, int]:
    """cos and sin of 2 pi k / M <= 2 as integers times 2^-128, with an error below 2^-115."""
    x = 2 * _pi() * k // length
    cosine = sine = 0
    term, n = 1 << _BITS, 0
    while term:
        sign = 1 - (n & 2)
        if n % 2 == 0:
            cosine += sign * term
        else:
            sine += sign * term
        n += 1
        term = (term * x >> _BITS) // n
    return cosine, sine


@lru_cache(maxsize=1)
def _pi() -> int:
    """pi 2^128 by Machin's formula, error below 2^8 units."""

    def arctangent(n: int) -> int:
        total, power, k = 0, (1 << _BITS) // n, 0
        while power:
            total += (1 - (k & 1) * 2) * (power // (2 * k + 1))
            power //= n * n
            k += 1
        return total

    return 4 * (4 * arctangent(5) - arctangent(239))


def cosine_symbol(octant: Field, lengths: tuple[int, ...]) -> tuple[Field, float]:
    """(sigma at k_a = 0..M_a/2, bound of its error), by matrix products with cosines, axis by axis.

    Notes
    -----
    An axis of J + 1 weights is summed in blocks of b = 64: no chain has more than b + J/b + 2 terms. Relative to the
    sums of absolute values, which no axis increases, |error| <= g_k sum_j c_j |beta_j| with k the sum of these numbers
    and of 4 per axis for products and cosines.
    """
    values = np.asarray(octant, dtype=np.float64)
    for axis, length in enumerate(lengths):
        rows = np.moveaxis(values, axis, 0)
        sums = _cosine_product(rows.reshape(rows.shape[0], -1), length)
        values = np.moveaxis(sums.reshape(-1, *rows.shape[1:]), 0, axis)
    terms = sum(_BLOCK + extent // _BLOCK + 6 for extent in octant.shape)
    return values, float(up(up(gamma(terms + 4)) * absolute_sum(octant)))


def _cosine_product(rows: Field, length: int) -> Field:
    """sum_j c_j rows_j cos(2 pi j k / M) for k = 0..M/2, in blocks of j and slabs of k."""
    table, count = circle(length).real, length // 2 + 1
    out = np.zeros((count, rows.shape[1]))
    for low in range(0, count, _SLAB):
        k = np.arange(low, min(low + _SLAB, count))[:, None]
        for start in range(0, rows.shape[0], _BLOCK):
            j = np.arange(start, min(start + _BLOCK, rows.shape[0]))[None, :]
            cosines = table[(k * j) % length] * np.where(j == 0, 1.0, 2.0)
            out[low : low + _SLAB] += cosines @ rows[start : start + _BLOCK]
    return out


def absolute_sum(octant: Field) -> float:
    """Upper bound of sum_j c_j |beta_j| over all sign patterns."""
    total = np.abs(octant)
    for _ in range(octant.ndim):
        total = 2.0 * total.sum(axis=0) - total[0]
    return float(up(float(total) * (1 + 4 * gamma(octant.size + 8))))


def fourier(x: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """DFT over the first axis, of length 2^q, by radix 4 and 2; its rounding errors obey `fourier_error`.

    Notes
    -----
    Decimation in frequency as plain array operations (Stockham's ordering): every output of a stage is a sum of at most
    four inputs times one twiddle of `circle`, multiplications by +-i being exact.
    """
    size = x.shape[0]
    if size & (size - 1):
        raise ValueError(f"fourier: length {size}, needed a power of two. Pad with zeros.")
    w = circle(size)[:, None, None]
    X = np.asarray(x, dtype=np.complex128).reshape(size, 1, -1)
    while X.shape[0] > 1:
        length = X.shape[0]
        step, n = size // length, length // (4 if length % 4 == 0 else 2)
        if length % 4 == 0:
            a, b, c, d = X[:n], X[n : 2 * n], X[2 * n : 3 * n], X[3 * n :]
            p, q, r, s = a + c, b + d, a - c, -1j * (b - d)
            t1, t2, t3 = (w[: k * n * step : k * step] for k in (1, 2, 3))
            outputs: tuple[NDArray[np.complex128], ...] = (p + q, (r + s) * t1, (p - q) * t2, (r - s) * t3)
        else:
            a, b = X[:n], X[n:]
            outputs = (a + b, (a - b) * w[: n * step : step])
        X = np.stack(outputs, axis=1).reshape(n, -1, X.shape[2])
    return X.reshape(x.shape)


def fourier_error(size: int) -> float:
    """f with |fl(F x) - F x|_2 <= f |F x|_2 for `fourier`, a sum over its stages (Higham 2002, Theorem 24.2).

    A radix-p stage is a block-diagonal unitary matrix times sqrt(p). Each of its outputs is a sum of p inputs, rounded
    p/2 times in sequence, times a twiddle: relative error sqrt(p) g_{p/2} for the sums, as || |F_p| || = p against
    ||F_p|| = sqrt(p), and sqrt(2) g_2 + 0.75 u for the complex product.
    """
    bits = size.bit_length() - 1
    product = math.sqrt(2) * 2.01 * U + _TABLE
    stages = (bits // 2) * (2.0 * gamma(2) + product) + (bits % 2) * (math.sqrt(2) * gamma(1) + product)
    return float(up(math.expm1(stages * (1 + 1e-9)) * (1 + 1e-9)))


def fourier_symbol(octant: Field, length: int) -> tuple[Field, float]:
    """(sigma at k = 0..M/2, bound of its error) in one dimension by the reference FFT; M a power of two.

    The error of a transform is f sqrt(M) times the norm of the weights. The 2 x 64 nearest offsets, which carry most of
    it, are therefore summed by cosines. Offsets beyond half a period are wrapped, one rounding per image.
    """
    near, nearby = cosine_symbol(octant[: 2 * _BLOCK], (length,))
    wrapped = np.zeros(length)
    offsets = np.arange(2 * _BLOCK, octant.size)
    np.add.at(wrapped, offsets % length, octant[offsets])
    np.add.at(wrapped, -offsets % length, octant[offsets])
    images = 2 * (octant.size // length + 2)
    far = fourier(wrapped.astype(np.complex128)).real[: length // 2 + 1]
    norm = math.sqrt(float(np.sum(wrapped**2)) * (1 + 4 * gamma(length)))
    error = up(fourier_error(length) * math.sqrt(length) * norm) + gamma(images) * absolute_sum(octant[2 * _BLOCK :])
    rounding = 2 * U * (float(np.abs(near).max()) + float(np.abs(far).max()))
    return near + far, float(up(up(error + nearby + rounding) * (1 + 8 * U)))


def symbol_enclosure(octant: Field, lengths: tuple[int, ...]) -> tuple[Field, float] | None:
    """(sigma at the frequencies of the circulant of these lengths, bound of its error), or None out of reach."""
    if max(lengths) <= _LARGEST_TABLE and max(octant.shape) <= 2 * _LARGEST_TABLE:
        return cosine_symbol(octant, lengths)
    if len(lengths) == 1 and lengths[0] & (lengths[0] - 1) == 0:
        return fourier_symbol(octant, lengths[0])
    return None


def enclosed(values: Field, error: float) -> tuple[float, float]:
    """(lower, upper) bounds over all frequencies."""
    return float(down(values.min() - error)), float(up(values.max() + error))

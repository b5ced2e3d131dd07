"""Exact arithmetic on doubles, which are dyadic rationals: sums, products, quadratic forms, definiteness (C7).

No statement here depends on a rounding: sums are accumulated as integers per binary exponent, products are split into
a rounded product of mantissas and its error (Dekker), and elimination runs in integers (Bareiss).
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

__all__ = ["Definiteness", "definiteness", "exact_dot", "exact_form", "exact_sum", "negative_vector"]

Field = NDArray[np.float64]
Definiteness = tuple[bool, int]
_CHUNK = 1 << 22
_SPLIT = 134217729.0


def exact_sum(x: Field) -> Fraction:
    """sum_i x_i without rounding.

    Examples
    --------
    >>> import numpy as np
    >>> exact_sum(np.array([1e100, 1.0, -1e100]))
    Fraction(1, 1)
    """
    flat = np.asarray(x, dtype=np.float64).ravel()
    return _dyadic_sum(flat, np.zeros(flat.size, dtype=np.int64))


def exact_dot(*factors: Field) -> Fraction:
    """sum_i x_i y_i ... over two or three arrays of one shape, without rounding; overflow and underflow do no harm."""
    terms = [_normalised(np.asarray(factors[0], dtype=np.float64).ravel())]
    for factor in factors[1:]:
        m, e = _normalised(np.asarray(factor, dtype=np.float64).ravel())
        products = [(_two_product(a, m), k + e) for a, k in terms]
        terms = [_renormalised(part, k) for pair, k in products for part in pair]
    return sum((_dyadic_sum(m, e) for m, e in terms), Fraction(0))


def exact_form(A: Field, v: Field) -> Fraction:
    """v^T A v without rounding.

    Parameters
    ----------
    A : array, shape (N, N)
    v : array, shape (N,)
    """
    rows = max(1, _CHUNK // max(v.size, 1))
    total = Fraction(0)
    for start in range(0, v.size, rows):
        block = np.asarray(A[start : start + rows])
        left = np.broadcast_to(v[start : start + rows, None], block.shape)
        total += exact_dot(block, left, np.broadcast_to(v[None, :], block.shape))
    return total


def definiteness(A: Field) -> Definiteness:
    """(whether A >= 0, its rank if so) of a symmetric matrix of doubles, by fraction-free elimination; cost O(N^3).

    Notes
    -----
    Pivots are taken on the diagonal. A Schur complement of a positive semidefinite matrix is one, and one with zero
    diagonal vanishes; hence A >= 0 exactly when no pivot is negative and the rest without a positive diagonal is zero.
    """
    S = integers(A)
    previous, rank, size = 1, 0, len(S)
    remaining = list(range(size))
    while remaining:
        if any(S[i][i] < 0 for i in remaining):
            return False, rank
        p = next((i for i in remaining if S[i][i] > 0), None)
        if p is None:
            return all(S[i][j] == 0 for i in remaining for j in remaining), rank
        remaining.remove(p)
        pivot, row = S[p][p], S[p]
        for i in remaining:
            target, factor = S[i], S[i][p]
            for j in remaining:
                target[j] = (pivot * target[j] - factor * row[j]) // previous
        previous = pivot
        rank += 1
    return True, rank


def negative_vector(A: Field) -> NDArray[np.object_] | None:
    """v of Fractions with v^T A v < 0, or None when A >= 0; symmetric A, cost O(N^3) rational operations.

    Elimination finds a Schur complement S = A_RR - A_RP A_PP^-1 A_PR and x with x^T S x < 0; v = (-A_PP^-1 A_PR x, x).
    """
    size = A.shape[0]
    S = [[Fraction(float(x)) for x in row] for row in A]
    lift = [[Fraction(int(i == j)) for j in range(size)] for i in range(size)]
    remaining = list(range(size))
    while remaining:
        x = _negative_direction(S, remaining)
        if x is not None:
            return np.array([sum((lift[i][j] * x[i] for i in x), Fraction(0)) for j in range(size)], dtype=object)
        p = next((i for i in remaining if S[i][i] > 0), None)
        if p is None:
            return None
        remaining.remove(p)
        for i in remaining:
            factor = S[i][p] / S[p][p]
            lift[i] = [a - factor * b for a, b in zip(lift[i], lift[p], strict=True)]
            for j in remaining:
                S[i][j] -= factor * S[p][j]
    return None


def _negative_direction(S: list[list[Fraction]], remaining: list[int]) -> dict[int, Fraction] | None:
    """x with x^T S x < 0 from a negative diagonal entry, or from a zero one with a nonzero neighbour."""
    for i in remaining:
        if S[i][i] < 0:
            return {i: Fraction(1)}
    for i in remaining:
        for j in remaining:
            if S[i][i] == 0 and i != j and S[i][j] != 0:
                return {i: -(S[j][j] + 1) / (2 * S[i][j]), j: Fraction(1)}
    return None


def integers(A: Field) -> list[list[int]]:
    """The matrix times the number that makes all its entries integers without a common factor."""
    mantissas, exponents = np.frexp(A)
    scaled = np.ldexp(mantissas, 53).astype(np.int64)
    present = exponents[A != 0]
    base = int(present.min()) if present.size else 0
    rows = [
        [int(q) << int(e - base) if q else 0 for q, e in zip(row, exps, strict=True)]
        for row, exps in zip(scaled, exponents, strict=True)
    ]
    common = math.gcd(*(q for row in rows for q in row)) or 1
    return [[q // common for q in row] for row in rows]


def _normalised(x: Field) -> tuple[Field, NDArray[np.int64]]:
    """x = m 2^e with 1/2 <= |m| < 1 or m = 0."""
    m, e = np.frexp(x)
    return m, e.astype(np.int64)


def _renormalised(m: Field, e: NDArray[np.int64]) -> tuple[Field, NDArray[np.int64]]:
    f, k = np.frexp(m)
    return f, e + k


def _two_product(a: Field, b: Field) -> tuple[Field, Field]:
    """p + q = a b exactly, p = fl(a b); for mantissas below 1, where nothing overflows or underflows (Dekker 1971)."""
    p = a * b
    a1 = _SPLIT * a
    a1 = a1 - (a1 - a)
    b1 = _SPLIT * b
    b1 = b1 - (b1 - b)
    a2, b2 = a - a1, b - b1
    return p, a2 * b2 - (((p - a1 * b1) - a2 * b1) - a1 * b2)


def _dyadic_sum(m: Field, e: NDArray[np.int64]) -> Fraction:
    """sum_i m_i 2^e_i: mantissas as two integers below 2^27, added per exponent where every partial sum is exact."""
    total = Fraction(0)
    for start in range(0, m.size, _CHUNK):
        f, k = np.frexp(m[start : start + _CHUNK])
        mantissa = np.ldexp(f, 53).astype(np.int64)
        exponent = e[start : start + _CHUNK] + k - 53
        lowest = int(exponent.min(initial=0))
        index = exponent - lowest
        high = np.bincount(index, weights=(mantissa >> 26).astype(np.float64))
        low = np.bincount(index, weights=(mantissa & ((1 << 26) - 1)).astype(np.float64))
        for step in np.flatnonzero((high != 0) | (low != 0)):
            integer = (int(high[step]) << 26) + int(low[step])
            total += _scaled(integer, lowest + int(step))
    return total


def _scaled(integer: int, exponent: int) -> Fraction:
    return Fraction(integer << exponent) if exponent >= 0 else Fraction(integer, 1 << -exponent)

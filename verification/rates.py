"""Rates between nodes, rebuilt from exposed lattice weights without the operator's own apply.

Symbols: beta_j weight of offset j, N nodes inside the domain, c scale, a coefficient, w m the rates.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import cache

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from pide.arrays import to_host
from pide.operators.nonlocal_operator import NonlocalOperator
from pide.operators.stencil import StencilConvolution

__all__ = ["Rows", "hilbert_schmidt_squared", "lattice_rates", "offset_weights"]

Field = NDArray[np.float64]
Rows = NDArray[np.intp]


def offset_weights(octant: Field, shape: tuple[int, ...], *, periodic: bool) -> Field:
    """beta_j at offsets modulo the torus (images summed), shape `shape`; or at -(N-1)..N-1 of a box, 2 N - 1 per axis.

    The offset zero carries nothing: v_i - v_i = 0 whatever its weight, images of a node on itself included.
    """
    lengths = shape if periodic else tuple(2 * n - 1 for n in shape)
    table = np.zeros(lengths)
    reach = [extent - 1 if periodic else min(extent, n) - 1 for extent, n in zip(octant.shape, shape, strict=True)]
    for j in itertools.product(*(range(r + 1) for r in reach)):
        if octant[j] == 0.0:
            continue
        for sign in itertools.product(*((1, -1) if k else (1,) for k in j)):
            offset = [s * k for s, k in zip(sign, j, strict=True)]
            table[tuple(k % n for k, n in zip(offset, lengths, strict=True))] += octant[j]
    table[(0,) * len(shape)] = 0.0
    return table


def symbol_weights(spectrum: Field, shape: tuple[int, ...]) -> Field:
    """Weights on a torus whose real transform (rfftn layout) is `spectrum`, even bit for bit, zero at the origin."""
    table = scipy.fft.irfftn(spectrum, shape)
    table = (table + np.roll(np.flip(table), 1, tuple(range(table.ndim)))) / 2
    table[(0,) * len(shape)] = 0.0
    return np.asarray(table)


def offset_table(operator: NonlocalOperator) -> Field:
    """|c| beta_j by offset, from the weights where they are exposed, else from the symbol on the torus."""
    space, convolution = operator.space, operator.convolution
    if operator.weights is not None:
        octant = np.asarray(to_host(operator.weights.octant), dtype=np.float64)
        return abs(operator.scale) * offset_weights(octant, space.shape, periodic=space.periodic)
    if isinstance(convolution, StencilConvolution):
        octant = np.asarray(to_host(convolution.octant), dtype=np.float64)
        return abs(operator.scale) * offset_weights(octant, space.shape, periodic=space.periodic)
    spectrum = np.asarray(to_host(convolution.spectrum), dtype=np.float64)
    return abs(operator.scale) * symbol_weights(spectrum, space.shape)


def lattice_rates(operator: NonlocalOperator) -> Callable[[Rows], Field]:
    """Function of row numbers i: w_ij m_j to all N inside nodes j, unit 1/time, zero diagonal; shape (rows, N)."""
    nodes = np.argwhere(operator.space.inside)
    a = None if operator.coefficient is None else operator.coefficient[operator.space.inside]

    @cache
    def table() -> Field:
        return offset_table(operator)

    def rows_of(rows: Rows) -> Field:
        difference = (nodes[None, :, :] - nodes[rows][:, None, :]) % np.array(table().shape)
        rates = table()[tuple(np.moveaxis(difference, -1, 0))]
        if a is None:
            return np.asarray(rates)
        if operator.mean == "geometric":
            return np.asarray(rates * np.sqrt(a[rows][:, None] * a[None, :]))
        return np.asarray(rates * (a[rows][:, None] + a[None, :]) / 2)

    return rows_of


def hilbert_schmidt_squared(operator: NonlocalOperator) -> float:
    """sum_ij m_i m_j w_ij^2 of the kernel part of a lattice operator, as a sum over offsets.

    beta_j^2 is multiplied by sum_x a(x) a(x + j) for geometric means (the number of pairs when a = 1), or by
    sum_x (a(x) + a(x + j))^2 / 4, both by FFT; cost O(N log N + offsets).
    """
    table = offset_table(operator)
    one = operator.space.inside.astype(np.float64)
    a = one if operator.coefficient is None else operator.coefficient * one
    pairs = correlation(a, a, table.shape)
    if operator.coefficient is not None and operator.mean == "arithmetic":
        squares = correlation(a * a, one, table.shape) + correlation(one, a * a, table.shape)
        pairs = (squares + 2 * pairs) / 4
    return float(np.sum(table**2 * np.maximum(pairs, 0.0)))


def correlation(a: Field, b: Field, lengths: tuple[int, ...]) -> Field:
    """sum_x a(x) b(x + j) for every offset j modulo `lengths`."""
    spectrum = np.conj(scipy.fft.rfftn(a, lengths)) * scipy.fft.rfftn(b, lengths)
    return np.asarray(scipy.fft.irfftn(spectrum, lengths))

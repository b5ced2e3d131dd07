"""Combinations of kernel, exterior, dimension, dtype and engine: the full product, and a set that covers all pairs."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from pide.continuum import kernels
from pide.continuum.domains import Ball, Box, Domain, Interval, Torus
from pide.continuum.exterior import Periodic, Reflecting, Value, Zero
from pide.continuum.operators import NonlocalDiffusion
from pide.operators.base import Operator

__all__ = ["FACTORS", "Row", "build", "pairwise", "product", "valid"]

Row = dict[str, Any]
NODES = {1: (24,), 2: (9, 8), 3: (5, 5, 4)}
KERNELS = {
    "constant": kernels.Constant(horizon=0.3),
    "linear": kernels.Linear(horizon=0.25),
    "gaussian": kernels.Gaussian(width=0.3),
    "exponential": kernels.Exponential(length=0.1),
    "power law": kernels.PowerLaw(exponent=0.4, horizon=0.3),
    "fractional": kernels.Fractional(s=0.4),
    "tempered": kernels.Tempered(s=0.6, rate=4.0),
    "truncated fractional": kernels.TruncatedFractional(s=0.7, horizon=0.3),
}
EXTERIORS = {
    "periodic": Periodic(),
    "zero": Zero(),
    "reflecting": Reflecting(),
    "value": Value(lambda *x: 1.0 + x[0], extent=0.2),
}
FACTORS: Mapping[str, Sequence[Any]] = {
    "kernel": tuple(KERNELS),
    "exterior": tuple(EXTERIORS),
    "dimension": (1, 2, 3),
    "dtype": ("float64", "float32"),
    "engine": ("auto", "fft", "stencil"),
    "coefficient": ("none", "geometric", "arithmetic"),
}
"""The six factors; `coefficient` is the mean of a variable diffusivity."""


def valid(row: Row) -> bool:
    """Whether the library offers the combination."""
    unbounded = math.isinf(KERNELS[row["kernel"]].horizon)
    volume = row["dimension"] == 3
    periodic = row["exterior"] == "periodic"
    if unbounded and row["coefficient"] != "none" and row["exterior"] in ("zero", "value"):
        return False  # the tail of a variable diffusivity is not defined outside the domain
    if row["engine"] == "stencil" and (unbounded or (volume and periodic)):
        return False  # stencils reach finitely far, and less than a period
    return not (periodic and volume and unbounded)  # image sums over 3-D lattices take seconds


def product(factors: Mapping[str, Sequence[Any]] = FACTORS, valid: Callable[[Row], bool] = valid) -> list[Row]:
    """All valid combinations."""
    rows = (dict(zip(factors, values, strict=True)) for values in itertools.product(*factors.values()))
    return [row for row in rows if valid(row)]


def pairwise(factors: Mapping[str, Sequence[Any]] = FACTORS, valid: Callable[[Row], bool] = valid) -> list[Row]:
    """A set of valid combinations in which every pair of values that occurs in one of them occurs; greedy.

    Notes
    -----
    At each step the combination with the most uncovered pairs is taken, the first one of equals. At most
    1 + log(number of pairs) times the smallest set (Chvatal 1979).

    Examples
    --------
    >>> rows = pairwise({"a": (0, 1), "b": (0, 1), "c": (0, 1)}, lambda row: True)
    >>> len(rows)
    4
    """
    rows = product(factors, valid)
    pairs = [frozenset(itertools.combinations(sorted(row.items(), key=lambda item: item[0]), 2)) for row in rows]
    uncovered = set().union(*pairs) if pairs else set()
    chosen = []
    while uncovered:
        best = max(range(len(rows)), key=lambda k: len(pairs[k] & uncovered))
        chosen.append(rows[best])
        uncovered -= pairs[best]
    return chosen


def build(row: Row) -> Operator:
    """The discrete operator of a combination."""
    n, exterior = row["dimension"], EXTERIORS[row["exterior"]]
    domain = _domain(row["exterior"], n)
    grid = domain.grid(*NODES[n])
    kernel = KERNELS[row["kernel"]]
    varies = row["coefficient"] != "none"
    half = min(count * h for count, h in zip(grid.shape, grid.spacing, strict=True)) / 2
    continuum = NonlocalDiffusion(
        kernel,
        coefficient=_diffusivity if varies else None,
        mean="arithmetic" if row["coefficient"] == "arithmetic" else "geometric",
        images=grid.periodic and kernel.horizon > half,
    )
    return continuum.on(grid, exterior=exterior, engine=row["engine"])


def _domain(exterior: str, n: int) -> Domain:
    """A torus, a box for data outside and reflection, a ball or interval for zero exterior."""
    if exterior == "periodic":
        return Torus((1.0, 1.25, 1.0)[:n])
    if exterior == "zero" and n > 1:
        return Ball(radius=0.6, dimension=n)
    return Interval(-0.5, 0.5) if n == 1 else Box(((-0.5, 0.5), (0.0, 1.25), (0.0, 1.0))[:n])


def _diffusivity(*x: Any) -> Any:
    return 1.0 + 0.6 * np.sin(2.0 * sum(x))

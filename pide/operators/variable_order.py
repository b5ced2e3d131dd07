"""Discrete fractional Laplacian of variable order: pair rates with the weights of the mean order of each pair.

Symbols: s_i order at node i, r_ij = (s_i + s_j)/2, beta_k(s) compatible weight of the lattice offset k for order s.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pide.continuum.exterior import Exterior, Reflecting, Zero
from pide.continuum.kernels import Fractional
from pide.continuum.variable_order import VariableOrderLaplacian
from pide.operators.algebra import scale
from pide.operators.base import Operator
from pide.operators.pairs import PairOperator
from pide.operators.structure import structural_claims
from pide.quadrature.compatible import compatible_weights
from pide.spaces.grid import Grid

__all__ = ["variable_order_operator"]

Reals = NDArray[np.float64]
_ORDERS = 12
_DENSE_BYTES = 4 << 30


def variable_order_operator(A: VariableOrderLaplacian, grid: Grid, exterior: Exterior) -> Operator:
    """A >= 0 on a grid: w_ij m_j = beta_{i-j}(r_ij), kappa_i = rate(s_i) - sum_j beta_{i-j}(s_i) with `Zero`.

    Notes
    -----
    Second order is observed. log beta_k(s) is interpolated in s at 12 Chebyshev points between the smallest and the
    largest order, so that rates are positive and symmetric whatever the error, which is stated in the notes. The
    factors that vanish at the ends, s (1 - s) for all offsets but the nearest, s for these, are taken out first.
    Dense: O(N^2) memory and work.

    Raises
    ------
    ValueError
        On a torus, with `Value` data, for orders outside (0, 1), and for a matrix above 4 GiB.
    """
    if not isinstance(exterior, (Zero, Reflecting)):
        raise ValueError(
            f"VariableOrderLaplacian with exterior={exterior!r}: its jumps out of the domain are known for Zero() and "
            "Reflecting() only. Write one of them, on a domain other than a torus."
        )
    if 8 * grid.count**2 > _DENSE_BYTES:
        raise ValueError(
            f"VariableOrderLaplacian on {grid.count} nodes: its matrix needs {8 * grid.count**2 / 2**30:.1f} GiB, at "
            "most 4 are built. Take a coarser grid."
        )
    s = _orders(A, grid)
    low, high = float(s.min()), float(s.max())
    weights = _Interpolated.between(low, high, grid)
    index = np.argwhere(grid.inside)
    rates, killing = np.zeros((grid.count, grid.count)), np.zeros(grid.count)
    for i in range(grid.count):
        offset = tuple(np.abs(index - index[i]).T)
        rates[i] = weights.at(0.5 * (s + s[i]), offset)
        rates[i, i] = 0.0
        if isinstance(exterior, Zero):
            own = weights.at(np.full(grid.count, s[i]), offset)
            own[i] = 0.0
            killing[i] = max(weights.rate(float(s[i])) - own.sum(), 0.0)
    upper = np.triu(rates, 1)
    claims = structural_claims(exterior, -1)
    scheme = f"scheme: compatible weights, order {low:.3g} to {high:.3g}"
    notes = (scheme, weights.note(grid), "engine: dense pair rates")
    return scale(PairOperator(grid, upper + upper.T, killing, claims, None, notes), -1.0)


def _orders(A: VariableOrderLaplacian, grid: Grid) -> Reals:
    s = np.asarray(grid.compress(grid.sample(A.s)))
    bad = int(np.count_nonzero(~((s > 0) & (s < 1))))
    if bad:
        raise ValueError(
            f"VariableOrderLaplacian: s(x) is not between 0 and 1 at {bad} nodes: (-Delta)^s needs 0 < s < 1. "
            "If you meant the order alpha = 2 s, pass half of it."
        )
    return s


@dataclass(frozen=True, eq=False)
class _Interpolated:
    """beta_k(s) / (s (1 - s)) as exp of a polynomial in s for every offset k; without 1 - s next to the node.

    Parameters
    ----------
    nodes, barycentric : arrays, shape (L,)
        Chebyshev points in s, and the weights of the barycentric formula.
    logs : array, shape (L, *grid.shape)
        log beta_k / (s (1 - s)) of the offsets k >= 0.
    rates : array, shape (L,)
        log of the sum of all weights, which is positive from s = 0 to 1.
    """

    nodes: Reals
    barycentric: Reals
    logs: Reals
    rates: Reals

    @classmethod
    def between(cls, low: float, high: float, grid: Grid) -> _Interpolated:
        """Tables at Chebyshev points of [low, high]; one point for a constant order."""
        count = _ORDERS if high - low > 1e-12 else 1
        angle = np.pi * (np.arange(count) + 0.5) / count
        nodes = (low + high) / 2 + (high - low) / 2 * np.cos(angle)
        reach = tuple(n - 1 for n in grid.shape)
        tables = [compatible_weights(Fractional(s=float(s)), grid.spacing, reach) for s in nodes]
        with np.errstate(divide="ignore"):
            logs = np.log(np.stack([np.asarray(t.octant)[tuple(slice(0, n) for n in grid.shape)] for t in tables]))
        logs[(slice(None), *(0,) * grid.dimension)] = 0.0
        logs = logs - _vanishing(nodes.reshape(-1, *(1,) * grid.dimension), np.indices(grid.shape).sum(axis=0)[None])
        rates = np.asarray(np.log([float(t.rate) for t in tables]), dtype=np.float64)
        barycentric = np.asarray((-1.0) ** np.arange(count) * np.sin(angle), dtype=np.float64)
        return cls(nodes, barycentric, logs, rates)

    def note(self, grid: Grid) -> str:
        """The error of the interpolation, measured at the middle order, in words."""
        if len(self.nodes) == 1:
            return "orders: one"
        middle = float(self.nodes.mean())
        exact = compatible_weights(Fractional(s=middle), grid.spacing, tuple(n - 1 for n in grid.shape))
        last = tuple(n - 1 for n in grid.shape)
        far = self.at(np.asarray([middle]), tuple(np.asarray([k]) for k in last))[0] / float(exact.octant[last])
        gap = max(abs(self.rate(middle) / float(exact.rate) - 1), abs(float(far) - 1))
        return f"orders: log weights interpolated at {len(self.nodes)} points, relative error {gap:.1e}"

    def at(self, s: Reals, offset: tuple[NDArray[np.int64], ...]) -> Reals:
        """beta at each pair of an order and an offset."""
        listed: Any = (slice(None), *offset)
        smooth = np.sum(self._basis(s) * self.logs[listed], axis=0)
        return np.asarray(np.exp(smooth + _vanishing(s, np.sum(offset, axis=0))))

    def rate(self, s: float) -> float:
        """Sum of all weights of order s."""
        return float(np.exp(self._basis(np.asarray([s]))[:, 0] @ self.rates))

    def _basis(self, s: Reals) -> Reals:
        """Lagrange polynomials at s by the barycentric formula, shape (points, len(s))."""
        gap = s[None, :] - self.nodes[:, None]
        hit = np.abs(gap) < 1e-14
        terms = self.barycentric[:, None] / np.where(hit, 1.0, gap)
        basis = terms / terms.sum(axis=0)
        return np.asarray(np.where(hit.any(axis=0), hit.astype(np.float64), basis))


def _vanishing(s: Reals, steps: NDArray[np.int64]) -> Reals:
    """log of s for the nearest neighbours along the axes, of s (1 - s) for all others; `steps` is |k|_1."""
    return np.asarray(np.log(s) + np.where(steps > 1, np.log1p(-s), 0.0))

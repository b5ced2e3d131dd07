"""Jump generators: rates, transition matrices, stationary densities, time reversal.

Symbols: Q generator on functions, q_ij rate of jumps from node i to node j, kappa_i rate of leaving for good, m masses,
pi stationary density, sum_i m_i pi_i = 1. Matrices act on the inside nodes in the order of `space.compress`.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import scipy.sparse
import scipy.sparse.csgraph
import scipy.sparse.linalg
from numpy.typing import NDArray

from pide.arrays import to_host
from pide.continuum.markov import MarkovJump
from pide.discretise import discretise
from pide.operators.algebra import Multiple, Sum, scale
from pide.operators.base import Operator
from pide.operators.pairs import PairOperator
from pide.solvers.rows import detached
from pide.solvers.stepper import Flow

__all__ = [
    "detailed_balance",
    "jump_generator",
    "jump_rates",
    "master_equation",
    "node_masses",
    "stationary_density",
    "time_reversal",
    "transition_matrix",
]

Reals = NDArray[np.float64]
_SUBTRACTION_FREE = 600
"""Nodes up to which the stationary density is found by elimination without subtractions."""
_NOISE = 1e-13
"""Entries of FFT operators below this part of the largest rate are rounding errors of rates that are 0."""


def jump_generator(problem: MarkovJump, *, on: Any, scheme: str = "auto") -> Operator:
    """Q on a grid or a point cloud, acting on functions.

    Raises
    ------
    ValueError
        When the scheme has rates of both signs.
    """
    A = discretise(problem.operator, on, exterior=problem.exterior, scheme=scheme, evolution=True)
    return _checked_rates(scale(A, problem.sign))


def master_equation(flow: Flow) -> Flow:
    """The flow of the density: the adjoint of the generator, from a density >= 0.

    Raises
    ------
    ValueError
        For rates of both signs, and for a density with negative values.
    """
    negative = int(np.count_nonzero(to_host(detached(flow.initial)) < 0))
    if negative:
        raise ValueError(f"MarkovJump: the initial density is negative at {negative} nodes. Give p0 >= 0.")
    return replace(flow, generator=_checked_rates(flow.generator).adjoint)


def jump_rates(Q: Operator) -> tuple[Any, Reals]:
    """(q_ij as a CSR matrix with zero diagonal, kappa_i) between the inside nodes.

    Notes
    -----
    Pair rates are taken as they are; those of other operators are read off their dense matrix.
    """
    if isinstance(Q, Multiple):
        rates, killing = jump_rates(Q.operator)
        return Q.factor * rates, Q.factor * killing
    if isinstance(Q, Sum):
        parts = [jump_rates(term) for term in Q.terms]
        return sum(rates for rates, _ in parts).tocsr(), np.asarray(sum(killing for _, killing in parts))
    if isinstance(Q, PairOperator):
        return scipy.sparse.csr_matrix(Q.rates), Q.killing
    dense = Q.to_dense()
    sign = -1.0 if Q.definiteness > 0 else 1.0
    np.fill_diagonal(dense, 0.0)
    dense[sign * dense < _NOISE * np.abs(dense).max(initial=0.0)] = 0.0
    if "kills_constants" in Q.claims:
        return scipy.sparse.csr_matrix(dense), np.zeros(Q.space.count)
    lost = -Q.space.compress(Q.apply(Q.space.inside.astype(np.float64)))
    return scipy.sparse.csr_matrix(dense), sign * np.maximum(sign * np.asarray(lost), 0.0)


def transition_matrix(Q: Operator, t: float) -> Reals:
    """P(t) = e^{tQ}, shape (N, N): entry (i, j) is the probability to be at node j at time t from node i.

    Notes
    -----
    Uniformisation with squaring, P(t) = P(t / 2^k)^(2^k): sums and products of nonnegative numbers only, so entries are
    >= 0 and rows sum to 1 (at most 1 with killing) to N 2^k roundings. O(N^3 log(q t)) work.

    Raises
    ------
    ValueError
        For t < 0.
    """
    if not 0 <= t < math.inf:
        raise ValueError(f"transition_matrix(t={t}): a time >= 0 is needed, P(t) has no inverse among such matrices.")
    rates, killing = jump_rates(_checked_rates(Q))
    leaving = np.asarray(rates.sum(axis=1)).ravel() + killing
    q = float(leaving.max(initial=0.0))
    if q * t == 0:
        return np.eye(Q.space.count)
    squarings = max(0, math.ceil(math.log2(q * t)))
    mean = q * t / 2**squarings
    step = rates.toarray() / q + np.diag(1.0 - leaving / q)
    term = math.exp(-mean) * np.eye(len(step))
    total = term.copy()
    for k in range(1, 30):
        term = term @ step * (mean / k)
        total += term
    for _ in range(squarings):
        total = total @ total
    return np.asarray(total)


def stationary_density(Q: Operator) -> Reals:
    """pi >= 0 with Q* pi = 0 and mass 1, as a field.

    Notes
    -----
    On the one closed class of nodes by Grassmann-Taksar-Heyman elimination,
    which subtracts nothing and is accurate in every entry, for up to 600 nodes, and by a sparse factorisation above.

    Raises
    ------
    ValueError
        With killing, and when there are several closed classes, so that pi is not unique.

    References
    ----------
    Grassmann, Taksar, Heyman 1985.
    """
    rates, killing = jump_rates(_checked_rates(Q))
    if np.any(killing > 0):
        raise ValueError(
            "stationary_density with killing: every path ends, and only 0 is stationary. Write exterior=Reflecting()."
        )
    closed = _closed_class(rates)
    inner = rates[closed][:, closed]
    weights = _eliminated(inner.toarray()) if len(closed) <= _SUBTRACTION_FREE else _factorised(inner)
    values = np.zeros(Q.space.count)
    values[closed] = weights / weights.sum() / node_masses(Q.space)[closed]
    return np.asarray(Q.space.expand(values))


def time_reversal(Q: Operator, density: Reals) -> PairOperator:
    """Generator of the stationary process run backwards: rates m_j pi_j q_ji / (m_i pi_i).

    Raises
    ------
    ValueError
        When the density is not positive at every node of the domain.
    """
    rates, _ = jump_rates(_checked_rates(Q))
    pi = np.asarray(Q.space.compress(density))
    if not np.all(pi > 0):
        raise ValueError(
            f"time_reversal: the density is not positive at {int(np.count_nonzero(~(pi > 0)))} nodes, which the "
            "stationary process never visits. Restrict the domain to its closed class."
        )
    weights = pi * node_masses(Q.space)
    reverse = scipy.sparse.diags_array(1.0 / weights) @ rates.T @ scipy.sparse.diags_array(weights)
    claims = {"linear", "adjoint", "kills_constants", "nonnegative_rates", "maximum_principle", "markov", "sub_markov"}
    note = "scheme: time reversal in the given density"
    rates = scipy.sparse.csr_matrix(reverse)
    return PairOperator(Q.space, rates, np.zeros(Q.space.count), frozenset(claims), None, (note,))


def detailed_balance(Q: Operator, density: Reals) -> float:
    """max_ij |m_i pi_i q_ij - m_j pi_j q_ji| over max_ij m_i pi_i q_ij: 0 for reversible processes."""
    rates, _ = jump_rates(_checked_rates(Q))
    flux = scipy.sparse.diags_array(np.asarray(Q.space.compress(density)) * node_masses(Q.space)) @ rates
    return float(abs(flux - flux.T).max() / flux.max())


def node_masses(space: Any) -> Reals:
    """m_i of the inside nodes."""
    return np.broadcast_to(np.asarray(space.cell_volume, dtype=np.float64), (space.count,))


def _checked_rates(Q: Operator) -> Operator:
    if "nonnegative_rates" not in Q.claims or Q.definiteness > 0:
        raise ValueError(
            f"{type(Q).__name__} is no jump generator: it does not claim nonnegative_rates. Use monotone schemes, such "
            "as 'compatible', 'lattice' and 'upwind', kernels >= 0, and the sign that makes the operator <= 0."
        )
    return Q


def _closed_class(rates: Any) -> NDArray[np.int64]:
    """The nodes of the only class that is never left.

    Raises
    ------
    ValueError
        When there are several.
    """
    count, label = scipy.sparse.csgraph.connected_components(rates, directed=True, connection="strong")
    rows, columns = rates.nonzero()
    crossing = label[rows] != label[columns]
    closed = np.setdiff1d(np.arange(count), label[rows[crossing]])
    if len(closed) > 1:
        raise ValueError(
            f"stationary_density: {len(closed)} closed classes of nodes that no jump connects, so it is not unique. "
            "Take a wider horizon, a finer grid, or one connected domain."
        )
    return np.flatnonzero(label == closed[0])


def _eliminated(A: Reals) -> Reals:
    """Null vector of Q* by elimination of nodes from the last to the first, with additions only."""
    for n in range(len(A) - 1, 0, -1):
        A[:n, n] /= A[n, :n].sum()
        A[:n, :n] += np.outer(A[:n, n], A[n, :n])
    weights = np.ones(len(A))
    for n in range(1, len(A)):
        weights[n] = weights[:n] @ A[:n, n]
    return weights


def _factorised(rates: Any) -> Reals:
    """Null vector of Q* with its first entry fixed, by a sparse LU factorisation of the rest."""
    leaving = np.asarray(rates.sum(axis=1)).ravel()
    transposed = (scipy.sparse.diags_array(leaving) - rates.T).tocsc()
    rest = scipy.sparse.linalg.spsolve(transposed[1:, 1:].tocsc(), rates.T.tocsc()[1:, [0]].toarray().ravel())
    return np.concatenate([[1.0], rest])

"""Sampled paths of jump processes.

Symbols: q_ij rates, d_i = sum_j q_ij, kappa_i rate of leaving for good, q >= max(d + kappa).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pide.continuum.markov import MarkovJump
from pide.operators.base import Operator
from pide.solvers.jumps import jump_generator, jump_rates, node_masses

__all__ = ["JumpPaths", "sample_paths"]

Reals = NDArray[np.float64]
Integers = NDArray[np.int64]
_MOST_EVENTS = 1 << 28


@dataclass(frozen=True, eq=False)
class JumpPaths:
    """Paths x_1(t), ..., x_M(t) on the nodes of a space, by their jumps.

    Parameters
    ----------
    space : Grid or PointCloud
    until : float, unit of time
    start : array, shape (M + 1,)
        Path p has the events start[p], ..., start[p + 1] - 1; the first one is its start at time 0.
    times : array, shape (events,)
    nodes : array, shape (events,)
        Number of the node among the inside nodes; -1 once the path has left for good.
    seed : int
    """

    space: Any
    until: float
    start: Integers
    times: Reals
    nodes: Integers
    seed: int

    @property
    def count(self) -> int:
        """M."""
        return len(self.start) - 1

    @property
    def jumps(self) -> Integers:
        """Number of jumps of each path, shape (M,)."""
        return np.diff(self.start) - 1

    def at(self, t: float) -> Integers:
        """Node of every path at time t, shape (M,).

        Raises
        ------
        ValueError
            Unless 0 <= t <= until.
        """
        if not 0 <= t <= self.until:
            raise ValueError(f"paths at t={t:g}: they were sampled on [0, {self.until:g}]. Sample with a later until.")
        seen = np.add.reduceat((self.times <= t).astype(np.int64), self.start[:-1])
        return np.asarray(self.nodes[self.start[:-1] + seen - 1])

    def positions(self, path: int) -> tuple[Reals, Reals]:
        """(times, coordinates of shape (events, n)) of one path, NaN after it has left."""
        events = slice(self.start[path], self.start[path + 1])
        inside = np.stack([np.append(c[self.space.inside], np.nan) for c in self.space.coordinates], axis=-1)
        return self.times[events], inside[self.nodes[events]]

    def density(self, t: float) -> Reals:
        """Empirical density at time t as a field: number of paths at a node / (M m)."""
        nodes = self.at(t)
        counts = np.bincount(nodes[nodes >= 0], minlength=self.space.count)
        return np.asarray(self.space.expand(counts / (self.count * node_masses(self.space))))

    def deviation(self, t: float, density: Reals, failure: float = 1e-6) -> tuple[float, float]:
        """Distance between the empirical distribution and a density, and the bound that chance exceeds rarely.

        Parameters
        ----------
        density : array, shape space.shape
            Density of the process at time t, of mass at most 1; the missing mass has left.
        failure : float
            Probability that paths of this very process exceed the bound.

        Returns
        -------
        measured, bound : float
            max_k |F_M(k) - F(k)| over the nodes in lattice order, and sqrt(log(2 / failure) / (2 M)), which holds for
            every distribution (Dvoretzky, Kiefer, Wolfowitz 1956; Massart 1990).
        """
        gap = np.cumsum(self.space.compress(self.density(t) - density) * node_masses(self.space))
        return float(np.abs(gap).max()), math.sqrt(math.log(2 / failure) / (2 * self.count))


def sample_paths(
    problem: MarkovJump,
    *,
    on: Any,
    until: float,
    count: int,
    seed: int,
    method: Literal["gillespie", "uniformised"] = "gillespie",
    scheme: str = "auto",
) -> JumpPaths:
    """Independent paths of the jump process on [0, until], started from the initial density.

    Parameters
    ----------
    problem : MarkovJump
    on : Grid or PointCloud
    until : float, unit of time
    count : int
    seed : int
        Of `numpy.random.default_rng`.
    method : {"gillespie", "uniformised"}
        "gillespie": exponential waiting times of rate d_i + kappa_i (Gillespie 1977). "uniformised": candidates at the
        common rate max(d + kappa), accepted with probability (d_i + kappa_i) / max (Jensen 1953). Both are exact.
    scheme : str
        Discretisation, as in `solve`.

    Notes
    -----
    All paths advance together, one jump per sweep; a target costs one bisection in the cumulated rates, which are kept
    for all pairs of nodes: N^2 numbers for kernels without horizon.

    Raises
    ------
    ValueError
        For a negative or vanishing density, a batch of densities, and more than 2^28 expected jumps.
    """
    Q = jump_generator(problem, on=on, scheme=scheme)
    generator = np.random.default_rng(seed)
    where = _starts(problem, on, count, generator)
    chain = _Chain.of(Q, method)
    if not 0 < until * chain.largest * count < _MOST_EVENTS:
        raise ValueError(
            f"sample_paths(until={until:g}, count={count}): up to {until * chain.largest * count:.1e} jumps, between 0 "
            f"and {_MOST_EVENTS:.1e} are sampled. Take fewer paths, a shorter time or a coarser grid."
        )
    owners, times, nodes = [np.arange(count)], [np.zeros(count)], [where]
    active, now = np.arange(count), np.zeros(count)
    while active.size:
        now = now + generator.exponential(size=active.size) / chain.pace(where)
        going = now < until
        active, now, where = active[going], now[going], where[going]
        target = chain.target(where, generator)
        moved = target != where
        owners.append(active[moved])
        times.append(now[moved])
        nodes.append(target[moved])
        alive = target >= 0
        active, now, where = active[alive], now[alive], target[alive]
    owner = np.concatenate(owners)
    order = np.lexsort((np.concatenate(times), owner))
    start = np.searchsorted(owner[order], np.arange(count + 1))
    return JumpPaths(on, float(until), start, np.concatenate(times)[order], np.concatenate(nodes)[order], seed)


@dataclass(frozen=True, eq=False)
class _Chain:
    """Where a path goes next: cumulated probabilities of the pairs, row after row, with killing as the last one.

    Parameters
    ----------
    cumulated : array, shape (pairs,)
        Row i ends at i + (d_i / (d_i + kappa_i)) <= i + 1, so that one bisection serves all paths.
    columns, first : arrays
        CSR structure.
    leaving : array, shape (N,)
        d_i + kappa_i.
    common : float or None
        Rate of candidates for the uniformised method.
    """

    cumulated: Reals
    columns: Integers
    first: Integers
    leaving: Reals
    survival: Reals
    common: float | None

    @classmethod
    def of(cls, Q: Operator, method: str) -> _Chain:
        if method not in ("gillespie", "uniformised"):
            raise ValueError(f"sample_paths(method={method!r}): choose 'gillespie' or 'uniformised'.")
        rates, killing = jump_rates(Q)
        jumping = np.asarray(rates.sum(axis=1)).ravel()
        leaving = jumping + killing
        safe = np.where(leaving > 0, leaving, 1.0)
        rows = np.repeat(np.arange(len(leaving)), np.diff(rates.indptr))
        before = np.append(0.0, np.cumsum(rates.data / safe[rows]))
        cumulated = rows + before[1:] - before[rates.indptr[rows]]
        common = float(leaving.max(initial=0.0)) if method == "uniformised" else None
        return cls(cumulated, rates.indices, rates.indptr, leaving, jumping / safe, common)

    @property
    def largest(self) -> float:
        """max_i (d_i + kappa_i)."""
        return float(self.leaving.max(initial=0.0))

    def pace(self, where: Integers) -> Any:
        """Rate of the next candidate; nodes that are never left get a tiny one."""
        return self.common or np.maximum(self.leaving[where], 1e-150)

    def target(self, where: Integers, generator: np.random.Generator) -> Integers:
        """Next node of each path: -1 when it leaves, the same node when a uniformised candidate is refused."""
        u = generator.random(where.size)
        stays = np.zeros(where.size, dtype=bool)
        if self.common is not None:
            stays = generator.random(where.size) * self.common >= self.leaving[where]
        entry = np.searchsorted(self.cumulated, where + u, side="right")
        last = np.maximum(self.first[where + 1] - 1, 0)
        node = self.columns[np.clip(entry, self.first[where], last)] if self.columns.size else where
        node = np.where(u >= self.survival[where], -1, node)
        return np.asarray(np.where(stays, where, node), dtype=np.int64)


def _starts(problem: MarkovJump, on: Any, count: int, generator: np.random.Generator) -> Integers:
    """Nodes drawn from the initial density."""
    density = on.sample(problem.initial)
    if density.shape != on.shape:
        raise ValueError(f"sample_paths: a batch of densities of shape {density.shape}. Give one, of shape {on.shape}.")
    weights = np.asarray(on.compress(density)) * node_masses(on)
    if np.any(weights < 0) or not weights.sum() > 0:
        raise ValueError("sample_paths: the initial density must be >= 0 and not vanish. Give p0 >= 0.")
    return np.asarray(generator.choice(on.count, size=count, p=weights / weights.sum()), dtype=np.int64)

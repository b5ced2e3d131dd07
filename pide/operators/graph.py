"""The three Laplacians of a graph, as generators L <= 0 by pair rates.

Symbols: a_ij edge weights, d_i = sum_j a_ij degrees, D = diag(d).
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import scipy.sparse

from pide.operators.pairs import PairOperator
from pide.operators.structure import pair_claims
from pide.spaces.graph import Graph

__all__ = ["graph_laplacian"]

_SIGNED_KILLING = frozenset({"linear", "adjoint", "self_adjoint", "negative_semidefinite", "energy_decay"})


def graph_laplacian(
    adjacency: Any, kind: Literal["combinatorial", "random walk", "symmetric"] = "combinatorial"
) -> PairOperator:
    """L = A - D, D^-1 A - I, or D^-1/2 A D^-1/2 - I; `operator.space` is the graph with the masses that fit.

    Parameters
    ----------
    adjacency : Graph, array or SciPy sparse matrix, shape (N, N)
        a_ij = a_ji >= 0.
    kind : {"combinatorial", "random walk", "symmetric"}
        "combinatorial": unit masses, rates a_ij. "random walk": masses d_i, rates a_ij / d_i, the generator of the walk
        that jumps at rate 1. "symmetric": unit masses, rates a_ij / (d_i d_j)^(1/2) and killing 1 - sum_j of them,
        which is negative at hubs; similar to the random walk, of which it is `symmetrised()`.

    Notes
    -----
    The sign is that of a generator: spectra lie in [-2 max d, 0], and in [-2, 0] for the other two. The combinatorial
    and the random-walk Laplacian have all claims of a diffusion without killing; the symmetric one is self-adjoint and
    <= 0, its kernel is d^(1/2) and not 1, and no maximum principle holds.

    Raises
    ------
    ValueError
        See `Graph`; isolated vertices with "random walk" and "symmetric".

    Examples
    --------
    >>> import numpy as np
    >>> path = np.diag([1.0, 1.0], 1) + np.diag([1.0, 1.0], -1)
    >>> graph_laplacian(path)(np.array([0.0, 0.0, 1.0])).tolist()
    [0.0, 1.0, -1.0]
    """
    if kind not in ("combinatorial", "random walk", "symmetric"):
        raise ValueError(f"kind={kind!r}: there are 'combinatorial', 'random walk' and 'symmetric'. Write one of them.")
    matrix = adjacency.adjacency if isinstance(adjacency, Graph) else adjacency
    graph = Graph(matrix, measure="unit" if kind == "combinatorial" else "degree")
    a, d = graph.adjacency, graph.degrees
    notes = (f"Laplacian: {kind}",)
    zero = np.zeros(graph.size)
    if kind == "combinatorial":
        return PairOperator(graph, a, zero, pair_claims(True, True, False), None, notes)
    rows = np.repeat(np.arange(graph.size), np.diff(a.indptr))
    if kind == "random walk":
        rates = scipy.sparse.csr_matrix((a.data / d[rows], a.indices, a.indptr), a.shape)
        return PairOperator(graph, rates, zero, pair_claims(True, True, False), None, notes)
    rates = scipy.sparse.csr_matrix((a.data / np.sqrt(d[rows] * d[a.indices]), a.indices, a.indptr), a.shape)
    killing = np.asarray(1.0 - np.asarray(rates.sum(axis=1), dtype=np.float64).ravel(), dtype=np.float64)
    return PairOperator(Graph(matrix), rates, killing, _SIGNED_KILLING, None, notes)

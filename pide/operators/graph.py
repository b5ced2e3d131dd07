"""The three Laplacians of a graph, as generators L <= 0 by pair rates.

Symbols: a_ij edge weights, d_i = sum_j a_ij degrees, D = diag(d), w_ij rates of L.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from pide.continuum.exterior import Exterior, Periodic, Reflecting, Value
from pide.operators.pairs import PairOperator
from pide.operators.structure import pair_claims
from pide.spaces.graph import Graph

__all__ = ["graph_laplacian"]

KINDS = ("combinatorial", "random_walk", "symmetric")

_SIGNED_KILLING = frozenset({"linear", "adjoint", "self_adjoint", "negative_semidefinite", "energy_decay"})


def graph_laplacian(
    adjacency: Any,
    kind: Literal["combinatorial", "random_walk", "symmetric"] = "combinatorial",
    exterior: Exterior | None = None,
) -> PairOperator:
    """L = A - D, D^-1 A - I, or D^-1/2 A D^-1/2 - I; `operator.space` is the graph with the masses that fit.

    Parameters
    ----------
    adjacency : Graph, array or SciPy sparse matrix, shape (N, N)
        a_ij = a_ji >= 0.
    kind : {"combinatorial", "random_walk", "symmetric"}
        "combinatorial": unit masses, rates a_ij. "random_walk": masses d_i, rates a_ij / d_i, the generator of the walk
        that jumps at rate 1. "symmetric": unit masses, rates a_ij / (d_i d_j)^(1/2) and killing 1 - sum_j of them,
        which is negative at hubs; similar to the random walk, of which it is `symmetrised()`.
    exterior : Zero, Value or Reflecting, or None
        What holds at the vertices outside, for graphs that have some: u = 0; u = g, a function of the coordinates of
        the vertex; or edges to them are cut. Degrees d_i are those of the whole graph.

    Notes
    -----
    The sign is that of a generator: spectra lie in [-2 max d, 0], and in [-2, 0] for the other two. The combinatorial
    and the random-walk Laplacian have all claims of a diffusion, without killing where no vertex is outside; the
    symmetric one is self-adjoint and <= 0, its kernel is d^(1/2) and not 1, and no maximum principle holds.

    ``Stationary(graph_laplacian(graph.restricted_to(unlabelled), exterior=Value(g)), source=0.0)`` is the harmonic
    extension of the labels g, by the maximum principle between the smallest and the largest of them.

    Raises
    ------
    ValueError
        See `Graph`; isolated vertices with "random_walk" and "symmetric"; vertices outside without an exterior
        condition, or one without vertices outside; "symmetric" with `Reflecting()`.

    References
    ----------
    Chung 1997; Zhu, Ghahramani, Lafferty 2003.

    Examples
    --------
    >>> import numpy as np
    >>> path = np.diag([1.0, 1.0], 1) + np.diag([1.0, 1.0], -1)
    >>> graph_laplacian(path)(np.array([0.0, 0.0, 1.0])).tolist()
    [0.0, 1.0, -1.0]
    """
    if kind not in KINDS:
        raise ValueError(f"kind={kind!r}: there are 'combinatorial', 'random_walk' and 'symmetric'. Write one of them.")
    given = adjacency if isinstance(adjacency, Graph) else Graph(adjacency)
    graph = Graph(given.adjacency, "degree" if kind == "random_walk" else "unit", given.positions, given.inside)
    if kind == "symmetric" and np.any(graph.degrees == 0):
        lonely = int(np.flatnonzero(graph.degrees == 0)[0])
        raise ValueError(f"kind='symmetric': vertex {lonely} has no edge, its degree is 0. Remove such vertices.")
    _check_exterior(graph, kind, exterior)
    rates = _rates(graph, kind)
    outward = rates[graph.inside][:, ~graph.inside]
    inner = rates[graph.inside][:, graph.inside]
    killing = np.zeros(graph.count) if isinstance(exterior, Reflecting) else _row_sums(outward)
    if kind == "symmetric":
        killing = 1.0 - _row_sums(inner)
    claims = _SIGNED_KILLING if kind == "symmetric" else pair_claims(True, True, bool(killing.any()))
    load = _load(graph, outward, exterior) if isinstance(exterior, Value) else None
    return PairOperator(graph, inner, killing, claims, load, (f"Laplacian: {kind}",))


def _rates(graph: Graph, kind: str) -> Any:
    """w_ij on the whole graph."""
    a, d = graph.adjacency, graph.degrees
    if kind == "combinatorial":
        return a
    rows = np.repeat(np.arange(graph.size), np.diff(a.indptr))
    data = a.data / d[rows] if kind == "random_walk" else a.data / np.sqrt(d[rows] * d[a.indices])
    return scipy.sparse.csr_matrix((data, a.indices, a.indptr), a.shape)


def _row_sums(rates: Any) -> NDArray[np.float64]:
    return np.asarray(rates.sum(axis=1), dtype=np.float64).ravel()


def _load(graph: Graph, outward: Any, exterior: Value) -> NDArray[np.float64]:
    """sum_j w_ij g_j over the vertices j outside, as a field."""
    outside = ~graph.inside
    g = np.asarray(exterior.g(*(c[outside] for c in graph.coordinates)), dtype=np.float64)
    g = np.broadcast_to(g, (int(outside.sum()),))
    if not np.isfinite(g).all():
        raise ValueError("exterior=Value(g): g is NaN or infinite at vertices outside. Change g, or write Zero().")
    return np.asarray(graph.expand(outward @ g))


def _check_exterior(graph: Graph, kind: str, exterior: Any) -> None:
    whole = graph.count == graph.size
    if whole and exterior is None:
        return
    if whole:
        raise ValueError(
            f"exterior={type(exterior).__name__}: no vertex of the graph is outside. Leave exterior out, or write "
            "graph.restricted_to(mask)."
        )
    if not isinstance(exterior, Exterior) or isinstance(exterior, Periodic):
        raise ValueError(
            f"exterior={exterior!r}: some vertices are outside, and their neighbours need to know u there. "
            "Write exterior=Zero(), Value(g) or Reflecting()."
        )
    if kind == "symmetric" and isinstance(exterior, Reflecting):
        raise ValueError(
            "kind='symmetric' with Reflecting(): its killing rates are not those of edges. Write kind='random_walk'."
        )

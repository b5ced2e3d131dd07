"""Weighted undirected graphs as spaces: vertices with masses, fields (..., N)."""

from __future__ import annotations

from dataclasses import InitVar, dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from pide.arrays import Array, namespace
from pide.spaces.space import Space

__all__ = ["Graph"]


@dataclass(frozen=True, eq=False, repr=False)
class Graph(Space):
    """Vertices 0 .. N - 1 joined by edges of weight a_ij = a_ji >= 0, with <u, v> = sum_i m_i u_i v_i.

    Parameters
    ----------
    adjacency : array or SciPy sparse matrix, shape (N, N)
        a_ij; the diagonal is ignored, because loops carry nothing.
    measure : {"unit", "degree"}
        m_i = 1, or m_i = d_i = sum_j a_ij.

    Notes
    -----
    `pide.operators.graph.graph_laplacian` makes the three Laplacians. Functions given to `sample` take the number of
    the vertex.

    Raises
    ------
    ValueError
        An adjacency that is not square, symmetric, finite and >= 0; isolated vertices with measure "degree".
    """

    _noun = "graph"

    adjacency: Any
    measure: InitVar[Literal["unit", "degree"]] = "unit"
    masses: NDArray[np.float64] = field(init=False)
    _cache: dict[tuple[str, ...], Array] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self, measure: str) -> None:
        adjacency = _checked(self.adjacency)
        object.__setattr__(self, "adjacency", adjacency)
        if measure not in ("unit", "degree"):
            raise ValueError(f"Graph(measure={measure!r}): there are 'unit' and 'degree'. Write measure='unit'.")
        if measure == "degree" and np.any(self.degrees == 0):
            lonely = int(np.flatnonzero(self.degrees == 0)[0])
            raise ValueError(
                f"Graph(measure='degree'): vertex {lonely} has no edge, its mass is 0. Remove such vertices."
            )
        object.__setattr__(self, "masses", self.degrees if measure == "degree" else np.ones(self.size))

    def __repr__(self) -> str:
        return f"Graph({self.size} vertices, {self.adjacency.nnz // 2} edges)"

    @property
    def shape(self) -> tuple[int, ...]:  # type: ignore[override]
        """(N,)."""
        return (self.adjacency.shape[0],)

    @property
    def size(self) -> int:
        """N."""
        return int(self.adjacency.shape[0])

    @property
    def count(self) -> int:
        """N."""
        return self.size

    @property
    def cell_volume(self) -> NDArray[np.float64]:
        """The masses."""
        return self.masses

    @property
    def periodic(self) -> bool:
        """False."""
        return False

    @cached_property
    def degrees(self) -> NDArray[np.float64]:
        """d_i = sum_j a_ij."""
        return np.asarray(self.adjacency.sum(axis=1), dtype=np.float64).ravel()

    @cached_property
    def coordinates(self) -> tuple[NDArray[np.float64], ...]:
        """The numbers of the vertices, one array of shape (N,)."""
        return (np.arange(self.size, dtype=np.float64),)

    @cached_property
    def inside(self) -> NDArray[np.bool_]:
        """True for every vertex."""
        return np.ones(self.shape, dtype=np.bool_)

    @cached_property
    def root_masses(self) -> NDArray[np.float64] | None:
        """m^(1/2), None for unit masses."""
        return None if np.all(self.masses == 1.0) else np.sqrt(self.masses)

    def mean(self, u: Array) -> Array:
        """sum_i m_i u_i / sum_i m_i."""
        self._check_shape(u, "u")
        return self._integral(u) / float(self.masses.sum())

    def _integral(self, f: Array) -> Array:
        return namespace(f).sum(f * self._cached("masses", f), axis=-1)


def _checked(adjacency: Any) -> Any:
    """CSR of the adjacency without its diagonal."""
    if getattr(adjacency, "ndim", 0) != 2 or adjacency.shape[0] != adjacency.shape[1]:
        raise ValueError(f"Graph(adjacency of shape {getattr(adjacency, 'shape', ())}): a square matrix is needed.")
    entries = scipy.sparse.coo_matrix(adjacency, dtype=np.float64)
    off = (entries.row != entries.col) & (entries.data != 0)
    matrix: Any = scipy.sparse.csr_matrix((entries.data[off], (entries.row[off], entries.col[off])), entries.shape)
    if not np.isfinite(matrix.data).all() or (matrix.data < 0).any():
        raise ValueError("Graph: edge weights are finite and >= 0. Write abs(adjacency), or remove these edges.")
    if abs(matrix - matrix.T).max() != 0:
        raise ValueError("Graph: adjacency is not symmetric. Write (A + A.T) / 2 for an undirected graph.")
    return matrix

"""Weighted undirected graphs as spaces: vertices with masses, fields (..., N)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
import scipy.sparse
import scipy.sparse.csgraph
from numpy.typing import ArrayLike, NDArray

from pide.arrays import Array
from pide.spaces.scattered import Scattered, coordinate_columns

__all__ = ["Graph"]


@dataclass(frozen=True, eq=False, repr=False)
class Graph(Scattered):
    """Vertices 0 .. N - 1 joined by edges of weight a_ij = a_ji >= 0, with <u, v> = sum_i m_i u_i v_i.

    Parameters
    ----------
    adjacency : array or SciPy sparse matrix, shape (N, N)
        a_ij; the diagonal is ignored, because loops carry nothing.
    measure : {"unit", "degree"}
        m_i = 1, or m_i = d_i = sum_j a_ij.
    positions : array, shape (N, d), or None
        Where the vertices are, for functions and pictures. None: functions take the number of the vertex.
    inside : array of booleans, shape (N,), or None
        The vertices that belong to the domain; at the others fields are zero, and an exterior condition says what
        neighbours see there. None: all of them.

    Notes
    -----
    `pide.graph_laplacian` makes the three Laplacians.

    Raises
    ------
    ValueError
        An adjacency that is not square, symmetric, finite and >= 0; isolated vertices with measure "degree"; positions
        or a set of vertices that do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> triangle = Graph(1 - np.eye(3))
    >>> triangle, float(triangle.sample(lambda k: k)[2])
    (Graph(3 vertices, 3 edges), 2.0)
    """

    _noun = "graph"

    adjacency: Any
    measure: Literal["unit", "degree"] = "unit"
    positions: NDArray[np.float64] | None = None
    inside: NDArray[np.bool_] = None  # type: ignore[assignment]  # completed by __post_init__
    masses: NDArray[np.float64] = field(init=False)
    _cache: dict[tuple[str, ...], Array] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        adjacency = _checked(self.adjacency)
        object.__setattr__(self, "adjacency", adjacency)
        if self.measure not in ("unit", "degree"):
            raise ValueError(f"Graph(measure={self.measure!r}): there are 'unit' and 'degree'. Write measure='unit'.")
        if self.measure == "degree" and np.any(self.degrees == 0):
            lonely = int(np.flatnonzero(self.degrees == 0)[0])
            raise ValueError(
                f"Graph(measure='degree'): vertex {lonely} has no edge, its mass is 0. Remove such vertices."
            )
        size = adjacency.shape[0]
        object.__setattr__(self, "masses", self.degrees if self.measure == "degree" else np.ones(size))
        object.__setattr__(self, "positions", _checked_positions(self.positions, size))
        object.__setattr__(self, "inside", _checked_inside(self.inside, size))

    def __repr__(self) -> str:
        part = "" if self.count == self.size else f", {self.count} of them inside"
        return f"Graph({self.size} vertices{part}, {self.adjacency.nnz // 2} edges)"

    def restricted_to(self, inside: ArrayLike) -> Graph:
        """The same graph with another set of vertices inside."""
        return replace(self, inside=np.asarray(inside))

    @cached_property
    def degrees(self) -> NDArray[np.float64]:
        """d_i = sum_j a_ij, over the vertices outside too."""
        return np.asarray(self.adjacency.sum(axis=1), dtype=np.float64).ravel()

    @cached_property
    def coordinates(self) -> tuple[NDArray[Any], ...]:
        """Coordinates of the vertices, d arrays of shape (N,); without positions one array, their numbers."""
        if self.positions is None:
            return coordinate_columns(np.arange(self.size)[:, None])
        return coordinate_columns(self.positions)

    @cached_property
    def components(self) -> NDArray[np.int32]:
        """Number of the connected component of every vertex, shape (N,)."""
        return np.asarray(scipy.sparse.csgraph.connected_components(self.adjacency, directed=False)[1])


def _checked_positions(positions: Any, size: int) -> NDArray[np.float64] | None:
    if positions is None:
        return None
    array = np.array(positions, dtype=np.float64)
    if array.ndim != 2 or array.shape[0] != size or not np.isfinite(array).all():
        raise ValueError(
            f"Graph(positions of shape {array.shape}): needed are finite coordinates of shape ({size}, d). "
            "Write positions[:, None] for vertices on a line."
        )
    array.flags.writeable = False
    return array


def _checked_inside(inside: Any, size: int) -> NDArray[np.bool_]:
    if inside is None:
        return np.ones(size, dtype=np.bool_)
    mask = np.array(inside)
    if mask.dtype != np.bool_ or mask.shape != (size,) or not mask.any():
        raise ValueError(
            f"Graph(inside of dtype {mask.dtype} and shape {mask.shape}): needed are booleans of shape ({size},), some "
            "of them true. Write numpy.isin(numpy.arange(N), vertices)."
        )
    mask.flags.writeable = False
    return mask


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

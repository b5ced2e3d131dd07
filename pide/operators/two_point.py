"""Midpoint discretisation of a general two-point kernel omega(x, y) on a grid: dense or sparse by horizon."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from pide.continuum.exterior import Exterior, Value, Zero
from pide.continuum.kernels import TwoPoint
from pide.operators.pairs import PairOperator
from pide.operators.structure import pair_claims
from pide.spaces.grid import Grid

__all__ = ["two_point_operator"]

_DENSE_BYTES = 4 << 30
_BLOCK = 1 << 22
_SPARSE_FILL = 0.05


def two_point_operator(kernel: TwoPoint, grid: Grid, exterior: Exterior, engine: str) -> PairOperator:
    """(L v)_i = sum_j omega(x_i, x_j) m_j (v_j - v_i) - kappa_i v_i over the inside nodes.

    Midpoint rule: second order in h for smooth omega, first order when omega is cut at a horizon. On a torus y is
    the periodic image nearest to x. With `Zero` or `Value`, kappa and the load sum over exterior lattice nodes within
    the horizon.

    Raises
    ------
    ValueError
        Exterior data with an infinite horizon; a dense matrix above 4 GiB; a kernel that is not symmetric although
        `symmetric=True`; an engine other than "auto", "dense", "sparse".
    """
    if engine not in ("auto", "dense", "sparse"):
        raise ValueError(f"engine={engine!r}: a TwoPoint kernel has 'auto', 'dense' and 'sparse'.")
    points = np.stack([c[grid.inside] for c in grid.coordinates])
    rates = _rates(kernel, points, points, grid, engine)
    if kernel.symmetric:
        rates = _mirrored(rates)
    killing = np.zeros(grid.count)
    load = None
    if isinstance(exterior, (Zero, Value)):
        killing, load = _exterior_terms(kernel, points, grid, exterior)
    claims = pair_claims(bool(rates.min() >= 0), kernel.symmetric, bool(killing.any()))
    kind = "sparse" if scipy.sparse.issparse(rates) else "dense"
    return PairOperator(grid, rates, killing, claims, load, ("scheme: plain (midpoint)", f"engine: {kind} pair rates"))


def _rates(kernel: TwoPoint, x: NDArray[np.float64], y: NDArray[np.float64], grid: Grid, engine: str) -> Any:
    """omega(x_i, y_j) m_j for two lists of points, shape (n, N) and (n, M)."""
    pairs = None
    if kernel.horizon is not None and engine != "dense":
        pairs = _pairs_within(kernel.horizon, x, y, grid)
        if engine == "auto" and len(pairs[0]) > _SPARSE_FILL * x.shape[1] * y.shape[1]:
            pairs = None
    if pairs is None:
        if engine == "sparse":
            raise ValueError("engine='sparse': the kernel has no horizon. Write TwoPoint(f, horizon=delta).")
        return _dense(kernel, x, y, grid)
    i, j = pairs
    values = _evaluate_pairs(kernel, x[:, i], _nearest_image(x[:, i], y[:, j], grid))
    return scipy.sparse.csr_matrix((values * grid.cell_volume, (i, j)), shape=(x.shape[1], y.shape[1]))


def _dense(kernel: TwoPoint, x: NDArray[np.float64], y: NDArray[np.float64], grid: Grid) -> NDArray[np.float64]:
    size = 8 * x.shape[1] * y.shape[1]
    if size > _DENSE_BYTES:
        raise ValueError(
            f"TwoPoint kernel on {x.shape[1]} nodes: its dense matrix needs {size / 2**30:.1f} GiB, "
            "at most 4 are built. Give the kernel a horizon, TwoPoint(f, horizon=delta), or take a coarser grid."
        )
    W = np.empty((x.shape[1], y.shape[1]))
    rows = max(1, _BLOCK // max(y.shape[1], 1))
    for start in range(0, x.shape[1], rows):
        block = x[:, start : start + rows]
        if grid.periodic:
            for k in range(block.shape[1]):
                x_k = block[:, k : k + 1]
                W[start + k] = kernel.matrix(tuple(x_k), tuple(_nearest_image(x_k, y, grid)))
        else:
            W[start : start + rows] = kernel.matrix(tuple(block), tuple(y))
    W *= grid.cell_volume
    return W


def _evaluate_pairs(kernel: TwoPoint, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    values = np.broadcast_to(np.asarray(kernel.f(tuple(x), tuple(y)), dtype=np.float64), x.shape[1:]).copy()
    if not np.isfinite(values).all():
        raise ValueError("TwoPoint: omega(x, y) is not finite at some x != y. Regularise the singularity.")
    return values


def _pairs_within(
    horizon: float, x: NDArray[np.float64], y: NDArray[np.float64], grid: Grid
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Index pairs with 0 < |x_i - y_j| < horizon."""
    box = None
    origin = np.zeros((x.shape[0], 1))
    if grid.periodic:
        box = np.array([n * h for n, h in zip(grid.shape, grid.spacing, strict=True)])
        origin = np.array(grid.lower)[:, None]
        if 2 * horizon > box.min():
            raise ValueError(
                f"TwoPoint(horizon={horizon:g}) on a torus of period {box.min():g}: the horizon exceeds half a period. "
                "Take a smaller horizon; image sums exist for radial kernels only."
            )
    near = cKDTree((x - origin).T, boxsize=box).sparse_distance_matrix(
        cKDTree((y - origin).T, boxsize=box), horizon, output_type="coo_matrix"
    )
    keep = (near.data > 0) & (near.data < horizon)
    return near.row[keep].astype(np.int64), near.col[keep].astype(np.int64)


def _nearest_image(x: NDArray[np.float64], y: NDArray[np.float64], grid: Grid) -> NDArray[np.float64]:
    """y moved by periods to the image nearest to x; y itself off the torus."""
    if not grid.periodic:
        return y
    period = np.array([n * h for n, h in zip(grid.shape, grid.spacing, strict=True)])[:, None]
    return np.asarray(y - period * np.round((y - x) / period))


def _mirrored(W: Any) -> Any:
    """The strict upper triangle and its transpose: symmetric to the bit.

    Raises
    ------
    ValueError
        When the two triangles differ by more than rounding.
    """
    sparse = scipy.sparse.issparse(W)
    upper = scipy.sparse.triu(W, 1).tocsr() if sparse else np.triu(W, 1)
    mirrored = upper + upper.T
    gap, largest = abs(W - mirrored).max(), abs(mirrored).max()
    if gap > 1e4 * np.finfo(np.float64).eps * largest:
        raise ValueError(
            f"TwoPoint(symmetric=True): omega(x, y) and omega(y, x) differ by {gap / largest:.1e} relative "
            "to the largest rate. Write symmetric=False, or give the mean of the two."
        )
    return mirrored.tocsr() if sparse else mirrored


def _exterior_terms(
    kernel: TwoPoint, x: NDArray[np.float64], grid: Grid, exterior: Exterior
) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
    """(kappa, load field or None) from the exterior lattice nodes within the horizon."""
    if kernel.horizon is None:
        raise ValueError(
            "TwoPoint kernel of infinite horizon with an exterior condition: the rate to the exterior is unknown. "
            "Write TwoPoint(f, horizon=delta), or exterior=Reflecting()."
        )
    pad = tuple(int(np.ceil(kernel.horizon / h)) for h in grid.spacing)
    outside = ~np.pad(grid.inside, [(p, p) for p in pad])
    y = np.stack([c[outside] for c in grid.extended(pad)])
    W = _rates(kernel, x, y, grid, "sparse")
    killing = np.asarray(W.sum(axis=1)).ravel()
    if not isinstance(exterior, Value):
        return killing, None
    g = np.broadcast_to(np.asarray(exterior.g(*y), dtype=np.float64), y.shape[1:])
    if not np.isfinite(g).all():
        raise ValueError("Value(g): g is NaN or infinite at exterior nodes. Define g on the whole collar.")
    return killing, np.asarray(grid.expand(W @ g))

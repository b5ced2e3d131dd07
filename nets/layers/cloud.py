"""Diffusion of features on point clouds and graphs that come with the data.

Symbols: X features (B, N, C) at points y_i (B, N, d) with masses m_i; omega_ij = exp(-|y_i - y_j|^2 / width^2); a_ij
weights of edges, d_i = sum_j a_ij; h step.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pide.nets.kernels import PairSizes, choose_engine, full_precision, pair_maps, single
from pide.nets.layers.constraints import Bounded, Positive
from pide.nets.layers.feature_maps import check_choices
from pide.operators.affinity import GaussianAffinity
from pide.operators.affinity_weights import PAIR_NORMALISERS, affinity_weights, weighted_difference

__all__ = ["GraphDiffusion", "PointCloudDiffusion"]

_KINDS = ("random_walk", "combinatorial")


class PointCloudDiffusion(nn.Module):
    """X_i + h (1 / C_i) sum_j omega(y_i, y_j) m_j (X_j - X_i), 0 < h < 1 and the width learnable.

    Parameters
    ----------
    channels : int
        C, each with its own h.
    width : float, unit of the points
        First width of the Gaussian.
    step : float
        First h, in (0, 1).
    normaliser : {"rows", "count"}
        C_i = sum_j omega_ij m_j, or sum_j m_j.

    Notes
    -----
    For fixed points every weight of the step is >= 0 and rows sum to 1: no new extrema. With "count" the mass
    sum_i m_i X_i is kept and the energy sum_i m_i X_i^2 does not grow. The layer does not depend on the order of the
    points, nor on rigid motions of all of them; points of mass 0 do not act on others, so that clouds of different
    sizes fit in one batch. Without masses and with "rows" the sums are taken by attention, without N^2 numbers in
    memory.

    Raises
    ------
    ValueError
        For unknown options, parameters out of range, shapes that do not fit.
    """

    def __init__(self, channels: int, *, width: float, step: float = 0.5, normaliser: str = "rows") -> None:
        super().__init__()
        if channels < 1:
            raise ValueError(f"PointCloudDiffusion(channels={channels}): at least 1 is needed. Write channels=32.")
        check_choices("PointCloudDiffusion", ("normaliser", normaliser, PAIR_NORMALISERS))
        self.channels, self.normaliser = channels, normaliser
        self.positive, self.unit = Positive(), Bounded(0.0, 1.0)
        self.raw_width = nn.Parameter(self.positive.right_inverse(torch.tensor(float(width))))
        self.raw_step = nn.Parameter(self.unit.right_inverse(torch.full((channels,), float(step))))

    @property
    def width(self) -> Tensor:
        """Width of the Gaussian, a 0-d tensor."""
        width: Tensor = self.positive(self.raw_width)
        return width

    @property
    def step(self) -> Tensor:
        """h of every channel, shape (C,)."""
        step: Tensor = self.unit(self.raw_step)
        return step

    def forward(self, x: Tensor, points: Tensor, masses: Tensor | None = None) -> Tensor:
        """One step; x : (B, N, C), points : (B, N, d), masses : (B, N), >= 0, or None for equal ones."""
        _check_cloud(x, points, masses, self.channels)
        with full_precision(x):
            values, y = single(x), single(points)
            y, affinity = y / self.width.to(y.dtype), GaussianAffinity(width=1.0, distances="products")
            if masses is None:
                sizes = PairSizes(y.shape[1], y.shape[1], y.shape[2], self.channels, 1)
                engine = choose_engine("auto", affinity, self.normaliser, sizes)
                difference = pair_maps(engine, affinity, y, y, self.normaliser).difference(values, values)
            else:
                w = affinity_weights(affinity, y, y, self.normaliser, single(masses))
                difference = weighted_difference(w, values, values)
            return (values + self.step.to(values.dtype) * difference).to(x.dtype)

    def extra_repr(self) -> str:
        return (
            f"X_i + h sum_j exp(-|y_i - y_j|^2 / width^2) m_j (X_j - X_i) / C_i, channels={self.channels}, "
            f"width={float(self.width.detach()):.3g}, C_i={self.normaliser}"
        )


class GraphDiffusion(nn.Module):
    """X_i + h (1 / d_i) sum_j a_ij (X_j - X_i), or with max d in place of d_i; 0 < h < 1 learnable.

    Parameters
    ----------
    channels : int
        C, each with its own h.
    kind : {"random_walk", "combinatorial"}
        Divided by the degree of i, or by the largest degree.
    step : float
        First h, in (0, 1).

    Notes
    -----
    For a graph given with the data; for one fixed graph `NonlocalDiffusionStep(pide.graph_laplacian(a), step)` applies
    the operator itself. Weights of the step are >= 0 and rows sum to 1: no new extrema. "combinatorial" keeps the sum
    of X, and its energy does not grow; "random_walk" keeps sum_i d_i X_i. Vertices without edges stay. Gradients pass
    to the weights of the edges. Cost and memory: edges times channels.

    Raises
    ------
    ValueError
        For unknown options, parameters out of range, shapes that do not fit.
    """

    def __init__(self, channels: int, *, kind: str = "random_walk", step: float = 0.5) -> None:
        super().__init__()
        if channels < 1:
            raise ValueError(f"GraphDiffusion(channels={channels}): at least 1 is needed. Write channels=32.")
        check_choices("GraphDiffusion", ("kind", kind, _KINDS))
        self.channels, self.kind, self.unit = channels, kind, Bounded(0.0, 1.0)
        self.raw_step = nn.Parameter(self.unit.right_inverse(torch.full((channels,), float(step))))

    @property
    def step(self) -> Tensor:
        """h of every channel, shape (C,)."""
        step: Tensor = self.unit(self.raw_step)
        return step

    def forward(self, x: Tensor, edges: Tensor, weights: Tensor | None = None) -> Tensor:
        """One step; x : (..., N, C), edges : (2, E) int64, each edge once, weights : (E,), a >= 0, or None for 1."""
        _check_graph(x, edges, weights, self.channels)
        with full_precision(x):
            values = single(x)
            a = values.new_ones(edges.shape[1]) if weights is None else single(weights).to(values.dtype)
            i, j = edges
            flow = a.unsqueeze(-1) * (values.index_select(-2, j) - values.index_select(-2, i))
            total = torch.zeros_like(values).index_add(-2, i, flow).index_add(-2, j, -flow)
            degree = values.new_zeros(x.shape[-2]).index_add(0, i, a).index_add(0, j, a)
            divisor = degree if self.kind == "random_walk" else degree.amax().expand_as(degree)
            divisor = torch.where(divisor > 0, divisor, torch.ones_like(divisor))
            return (values + self.step.to(values.dtype) * total / divisor.unsqueeze(-1)).to(x.dtype)

    def extra_repr(self) -> str:
        divisor = "d_i" if self.kind == "random_walk" else "max d"
        return f"X_i + h sum_j a_ij (X_j - X_i) / {divisor}, 0 < h < 1, channels={self.channels}"


def _check_cloud(x: Tensor, points: Tensor, masses: Tensor | None, channels: int) -> None:
    fits = x.dim() == points.dim() == 3 and x.shape[:2] == points.shape[:2] and x.shape[2] == channels
    if not fits or (masses is not None and masses.shape != x.shape[:2]):
        given = f"features {tuple(x.shape)}, points {tuple(points.shape)}"
        given += "" if masses is None else f", masses {tuple(masses.shape)}"
        raise ValueError(
            f"PointCloudDiffusion: {given}; needed are (B, N, {channels}), (B, N, d) and (B, N). "
            "Write x.mT for features (B, C, N)."
        )


def _check_graph(x: Tensor, edges: Tensor, weights: Tensor | None, channels: int) -> None:
    if x.dim() < 2 or x.shape[-1] != channels:
        raise ValueError(
            f"GraphDiffusion: features {tuple(x.shape)}, needed are (..., N, {channels}). Write x.mT for (B, C, N)."
        )
    if edges.dim() != 2 or edges.shape[0] != 2 or (weights is not None and weights.shape != edges.shape[1:]):
        given = "" if weights is None else f" with weights {tuple(weights.shape)}"
        raise ValueError(
            f"GraphDiffusion: edges {tuple(edges.shape)}{given}, needed are (2, E) and (E,). Write edges.T for (E, 2)."
        )

"""Diffusion by learnable affinities that keep every claim of a diffusion: symmetric, positive, bounded.

Symbols: X features (B, C, *shape) at M positions; theta embedding;
omega_ij = exp(-|theta X_i - theta X_j|^2 / width^2); L the generator of omega by its normaliser; h step.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pide.nets.kernels import full_precision, single
from pide.nets.layers.constraints import Bounded, Positive
from pide.nets.layers.convolutions import check_dimension, pointwise
from pide.nets.layers.feature_maps import check_channels, check_choices, check_map, to_maps, to_positions
from pide.nets.layers.implicit import backward_euler
from pide.operators.affinity import GaussianAffinity, normalised
from pide.operators.affinity_weights import affinity_weights, weighted_difference

__all__ = ["AffinityDiffusion"]

_NORMALISERS = ("count", "rows", "sinkhorn")


class AffinityDiffusion(nn.Module):
    """X + h L X, or (1 - tau L)^{-1} X, (L X)_i = (1 / C_i) sum_j omega_ij (X_j - X_i), omega symmetric in (0, 1].

    Parameters
    ----------
    channels : int
        C.
    normaliser : {"count", "rows", "sinkhorn"}
        C_i = M; C_i = sum_j omega_ij; or the symmetric scaling c_i omega_ij c_j with row sums 1.
    method : {"explicit", "implicit"}
        Forward Euler with 0 < h < 1, or backward Euler with any tau > 0.
    step : float
        First h or tau of every channel; learnable.
    width : float
        First width of the affinity; learnable, > 0.
    embedding : int or None
        Channels of theta; None is C / 2.
    dimension : int
        Axes of the feature map: 1, 2 or 3.

    Notes
    -----
    With the affinity of X frozen every weight of the step is >= 0 and rows sum to 1: no new extrema in any channel.
    With "count" and "sinkhorn" L is self-adjoint as well: channel means are kept, energy and variance do not grow; with
    "rows" these hold in the inner product weighted by C_i. No claim is made for the dependence on X through the
    affinity. Cost: M^2 (e + C), memory M^2; "implicit" as many products with omega as conjugate gradients need.

    Raises
    ------
    ValueError
        For unknown options, and steps or widths out of range.
    """

    def __init__(
        self,
        channels: int,
        *,
        normaliser: str = "count",
        method: str = "explicit",
        step: float = 0.5,
        width: float = 1.0,
        embedding: int | None = None,
        dimension: int = 2,
    ) -> None:
        super().__init__()
        check_dimension("AffinityDiffusion", dimension)
        check_choices(
            "AffinityDiffusion",
            ("normaliser", normaliser, _NORMALISERS),
            ("method", method, ("explicit", "implicit")),
        )
        self.channels, self.normaliser, self.method, self.dimension = channels, normaliser, method, dimension
        self.theta = pointwise(dimension, channels, check_channels("AffinityDiffusion", channels, embedding))
        self.positive = Positive()
        self.range = Bounded(0.0, 1.0) if method == "explicit" else Positive()
        self.raw_step = nn.Parameter(self.range.right_inverse(torch.full((channels,), float(step))))
        self.raw_width = nn.Parameter(self.positive.right_inverse(torch.tensor(float(width))))

    @property
    def step(self) -> Tensor:
        """h or tau of every channel, shape (C,)."""
        step: Tensor = self.range(self.raw_step)
        return step

    @property
    def width(self) -> Tensor:
        """Width of the affinity, a 0-d tensor."""
        width: Tensor = self.positive(self.raw_width)
        return width

    def forward(self, x: Tensor) -> Tensor:
        """One step; x : tensor, shape (B, C, *shape)."""
        check_map("AffinityDiffusion", x, self.channels, self.dimension, 1)
        features = to_positions(single(self.theta(x)))
        with full_precision(x):
            y = self.advanced(features, to_positions(single(x)))
            return to_maps(y, tuple(x.shape[2:])).to(x.dtype)

    def advanced(self, features: Tensor, values: Tensor) -> Tensor:
        """One step of values (B, M, C) by the affinities of features (B, M, e)."""
        features, affinity = features / self.width.to(features.dtype), GaussianAffinity(width=1.0, distances="products")
        step = self.step.to(values.dtype)
        w: Tensor
        if self.normaliser == "sinkhorn":
            w = normalised(affinity(features), "sinkhorn")
        elif self.normaliser == "rows" and self.method == "implicit":
            w = affinity(features)
        else:
            w = affinity_weights(affinity, features, features, self.normaliser)
        if self.method == "explicit":
            difference: Tensor = weighted_difference(w, values, values)
            return values + step * difference
        return backward_euler(w, values, step, scale=w.sum(dim=-1) if self.normaliser == "rows" else None)

    def extra_repr(self) -> str:
        formula = "X + h L X, 0 < h < 1" if self.method == "explicit" else "(1 - tau L)^-1 X, tau > 0"
        return (
            f"{formula}, omega=exp(-|theta X_i - theta X_j|^2 / width^2), C_i={self.normaliser}, "
            f"channels={self.channels}, width={float(self.width.detach()):.3g}, dimension={self.dimension}"
        )

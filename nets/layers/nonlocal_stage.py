"""The nonlocal stage of Tao, Sun, Du and Liu (2018), equation 8: sub-blocks that diffuse by one affinity.

Symbols: X features (B, C, *shape) that enter the stage; Z^n state; omega(X_i, X_j) affinity, fixed by X; C_i its row
sum; W^n = W_Z^n W_g^n of rank e.
"""

from __future__ import annotations

from torch import Tensor, nn

from pide.nets.kernels import full_precision, single
from pide.nets.layers.convolutions import pointwise
from pide.nets.layers.feature_maps import check_channels, max_pool, to_maps, to_positions
from pide.nets.layers.nonlocal_block import FeatureAffinity, pair_products, product, scaled

__all__ = ["NonlocalStage"]


class NonlocalStage(nn.Module):
    """Z^0 = X, Z^{n+1} = Z^n + W^n (1 / C_i(X)) sum_j omega(X_i, X_j) (Z_j^n - Z_i^n), n = 0 .. N - 1.

    Parameters
    ----------
    channels : int
        C.
    sub_blocks : int
        N, each with its own W^n = W_Z W_g.
    kind : {"embedded_gaussian", "gaussian", "dot", "concatenation"}
        exp(theta(X_i).phi(X_j)), exp(X_i.X_j), theta(X_i).phi(X_j), ReLU(w_f.[theta(X_i), phi(X_j)]).
    embedding : int or None
        e, the channels of theta and phi and the rank of W^n; None is C / 2.
    subsampling : int
        Maximum pooling of phi(X) and of W_g Z.
    dimension : int
        Axes of the feature map: 1, 2 or 3.
    bias : bool
        Biases of theta and phi; W^n has none, so that constants stay where they are.
    normaliser : {"rows", "count"} or None
        C_i = sum_j omega_ij or the number of positions; None is "rows" for the exponentials, "count" for the other two.
    engine : {"auto", "dense", "associative", "attention"}
        See `pide.nets.kernels.choose_engine`.
    scale, normalise, initial_scale
        Of the products of embeddings, of X before theta and phi, and of the first W_Z, see `NonlocalBlock`; Z itself is
        not normalised, so that what is said here of constants and of frozen omega holds with them, too.

    Notes
    -----
    Constants are steady states, whatever the weights. With frozen omega, symmetric up to row sums and nothing pooled,
    one sub-block does not expand the norm weighted by C_i if W + W^T - a W^T W is positive semidefinite, a the largest
    eigenvalue of 1 - omega_ij / C_i; theta /= phi or signed affinities void that. W acts on channels and the sum on
    positions, so W_g is applied first and the sum carries e channels. Cost per image: M N e (1 + sub_blocks).

    Raises
    ------
    ValueError
        For unknown options, fewer than one sub-block, odd channels without an embedding, maps that are too small.

    References
    ----------
    Tao, Sun, Du, Liu 2018.
    """

    def __init__(
        self,
        channels: int,
        *,
        sub_blocks: int,
        kind: str = "embedded_gaussian",
        embedding: int | None = None,
        subsampling: int = 1,
        dimension: int = 2,
        bias: bool = True,
        normaliser: str | None = None,
        engine: str = "auto",
        scale: bool = False,
        normalise: str | None = None,
        initial_scale: float = 1.0,
    ) -> None:
        super().__init__()
        if sub_blocks < 1:
            raise ValueError(f"NonlocalStage(sub_blocks={sub_blocks}): at least 1 is needed. Write sub_blocks=2.")
        width = check_channels("NonlocalStage", channels, embedding)
        self.pairs = FeatureAffinity(
            "NonlocalStage",
            channels,
            kind,
            embedding=width,
            subsampling=subsampling,
            dimension=dimension,
            bias=bias,
            normaliser=normaliser,
            engine=engine,
            applications=sub_blocks,
            scale=scale,
            normalise=normalise,
        )
        self.channels, self.width = channels, width
        self.inward = nn.ModuleList(pointwise(dimension, channels, width, False) for _ in range(sub_blocks))
        self.outward = nn.ModuleList(
            scaled(pointwise(dimension, width, channels, False), initial_scale, "NonlocalStage")
            for _ in range(sub_blocks)
        )

    @property
    def sub_blocks(self) -> int:
        """N."""
        return len(self.inward)

    def forward(self, x: Tensor) -> Tensor:
        """Z^N; x : tensor, shape (B, C, *shape)."""
        maps, shape = self.pairs(x, self.width), tuple(x.shape[2:])
        z = x
        for inward, outward in zip(self.inward, self.outward, strict=True):
            values = single(inward(z))
            with full_precision(x):
                pooled = to_positions(max_pool(values, self.pairs.subsampling, self.pairs.dimension))
                y = to_maps(maps.difference(to_positions(values), pooled), shape)
            z = z + outward(y)
        return z

    def mixing_matrices(self) -> list[Tensor]:
        """[W^0, ..., W^{N-1}], each of shape (C, C)."""
        return [product(o, i) for o, i in zip(self.outward, self.inward, strict=True)]

    def engine_for(self, *shape: int) -> str:
        """The engine that maps of this shape are computed with."""
        return self.pairs.engine_for(shape, self.width)

    def pair_operations(self, shape: tuple[int, ...], counting: str = "core") -> int:
        """Multiply-adds of one image outside the convolutions, see `NonlocalBlock.pair_operations`."""
        return pair_products(self.pairs.sizes(shape, self.width), counting, "NonlocalStage")

    def extra_repr(self) -> str:
        return f"Z <- Z + W_n sum_j omega_ij(X) (Z_j - Z_i) / C_i, n = 1..{self.sub_blocks}, channels={self.channels}"

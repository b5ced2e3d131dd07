"""The nonlocal block of Wang, Girshick, Gupta and He (2018), with the options of Tao, Sun, Du and Liu (2018).

Symbols: X features (B, C, *shape) at M positions, pooled to N; theta, phi, g embeddings to e channels; omega affinity;
C_i normaliser; W_Z, W_g matrices C x e and e x C; W = W_Z W_g.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from pide.nets.kernels import PairMaps, PairSizes, choose_engine, full_precision, pair_maps, single
from pide.nets.layers.convolutions import Pointwise, batch_norm, check_dimension, pointwise
from pide.nets.layers.feature_maps import (
    check_channels,
    check_choices,
    check_map,
    max_pool,
    pooled_shape,
    to_maps,
    to_positions,
)
from pide.operators.affinity import Affinity, ConcatenationAffinity, DotProductAffinity, EmbeddedAffinity
from pide.operators.affinity_weights import PAIR_NORMALISERS

__all__ = ["NONLOCAL_KINDS", "FeatureAffinity", "NonlocalBlock"]

NONLOCAL_KINDS = ("embedded_gaussian", "gaussian", "dot", "concatenation")
FEATURE_NORMS = ("batch", "layer")


class FeatureAffinity(nn.Module):
    """omega(X_i, X_j) of a feature map and the sums that it weighs.

    Parameters
    ----------
    owner : str
        Name in messages.
    channels, embedding : int
        C and e; "gaussian" compares the features themselves.
    kind : {"embedded_gaussian", "gaussian", "dot", "concatenation"}
        exp(theta(X_i).phi(X_j)), exp(X_i.X_j), theta(X_i).phi(X_j), ReLU(w_f.[theta(X_i), phi(X_j)]).
    normaliser : {"rows", "count"} or None
        C_i = sum_j omega_ij or N; None is "rows" for the exponentials and "count" for the other two, as published.
    applications : int
        How often the weights of one input are applied, for the choice of the engine.
    scale : bool
        Divide the products of two embeddings by e^(1/2).
    normalise : {"batch", "layer"} or None
        Normalise X before theta and phi, by the batch or by the image; the values that are summed are not touched.
    """

    def __init__(
        self,
        owner: str,
        channels: int,
        kind: str,
        *,
        embedding: int,
        subsampling: int,
        dimension: int,
        bias: bool,
        normaliser: str | None,
        engine: str,
        applications: int,
        scale: bool,
        normalise: str | None,
    ) -> None:
        super().__init__()
        check_dimension(owner, dimension)
        check_choices(
            owner,
            ("kind", kind, NONLOCAL_KINDS),
            ("normaliser", normaliser, (*PAIR_NORMALISERS, None)),
            ("normalise", normalise, (*FEATURE_NORMS, None)),
        )
        if subsampling < 1:
            raise ValueError(f"{owner}(subsampling={subsampling}): at least 1 is needed. Write subsampling=2.")
        if scale and kind == "concatenation":
            raise ValueError(f"{owner}(scale=True): concatenation has no product of embeddings. Leave scale out.")
        self.owner, self.channels, self.kind, self.dimension = owner, channels, kind, dimension
        self.embedding = channels if kind == "gaussian" else embedding
        self.subsampling, self.engine, self.applications = subsampling, engine, applications
        self.normaliser = normaliser or ("rows" if kind in ("embedded_gaussian", "gaussian") else "count")
        self.factor = 1.0 / math.sqrt(self.embedding) if scale else 1.0
        self.features = None if normalise is None else feature_norm(normalise, dimension, channels)
        self.theta = None if kind == "gaussian" else pointwise(dimension, channels, embedding, bias)
        self.phi = None if kind == "gaussian" else pointwise(dimension, channels, embedding, bias)
        self.concatenation: nn.Parameter | None = None
        if kind == "concatenation":
            self.concatenation = nn.Parameter(torch.randn(2, embedding) / math.sqrt(2 * embedding))
        choose_engine(engine, self.affinity(), self.normaliser, PairSizes(1, 1, 1, 1, 1))

    def affinity(self) -> Affinity:
        """omega of embedded features, with the current weights."""
        if self.concatenation is not None:
            return ConcatenationAffinity(first=self.concatenation[0], second=self.concatenation[1])
        return (DotProductAffinity if self.kind == "dot" else EmbeddedAffinity)(factor=self.factor)

    def embedded(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(B, M, e) and pooled (B, N, e) features, at least float32."""
        x = x if self.features is None else self.features(x)
        t, p = (x, x) if self.theta is None or self.phi is None else (self.theta(x), self.phi(x))
        return to_positions(single(t)), to_positions(max_pool(single(p), self.subsampling, self.dimension))

    def forward(self, x: Tensor, values: int) -> PairMaps:
        """The sums weighed by the affinities of x, for values of that many channels."""
        check_map(self.owner, x, self.channels, self.dimension, self.subsampling)
        t, p = self.embedded(x)
        with full_precision(x):
            engine = self.engine_for(tuple(x.shape[2:]), values)
            return pair_maps(engine, self.affinity(), t, p, self.normaliser, applications=self.applications)

    def engine_for(self, shape: tuple[int, ...], values: int) -> str:
        """The engine that maps of this shape are computed with."""
        return choose_engine(self.engine, self.affinity(), self.normaliser, self.sizes(shape, values))

    def sizes(self, shape: tuple[int, ...], values: int) -> PairSizes:
        """Counts of one image with values of that many channels."""
        pooled = math.prod(pooled_shape(shape, self.subsampling))
        return PairSizes(math.prod(shape), pooled, self.embedding, values, self.applications)

    def extra_repr(self) -> str:
        return (
            f"omega={self.kind}, C_i={self.normaliser}, embedding={self.embedding}, subsampling={self.subsampling}, "
            f"factor={self.factor:.3g}, engine={self.engine}"
        )


class NonlocalBlock(nn.Module):
    """Z_i = X_i + W_Z (1 / C_i) sum_j omega(X_i, X_j) W_g X_j.

    Parameters
    ----------
    channels : int
        C.
    kind : {"embedded_gaussian", "gaussian", "dot", "concatenation"}
        exp(theta(X_i).phi(X_j)), exp(X_i.X_j), theta(X_i).phi(X_j), ReLU(w_f.[theta(X_i), phi(X_j)]).
    embedding : int or None
        e, the channels of theta, phi and g; None is C / 2.
    subsampling : int
        Maximum pooling of phi(X) and g(X).
    dimension : int
        Axes of the feature map: 1, 2 or 3.
    bias : bool
        Biases of theta, phi, g and W_Z.
    norm : bool
        Batch normalisation after W_Z, its scale starting at 0, so that the block starts as the identity (Wang et al.).
    normaliser : {"rows", "count"} or None
        C_i = sum_j omega_ij or N; None is "rows" for the exponentials and "count" for the other two, as published.
    engine : {"auto", "dense", "associative", "attention"}
        See `pide.nets.kernels.choose_engine`.
    scale : bool
        Divide the products of embeddings by e^(1/2), as attention does; the papers do not.
    normalise : {"batch", "layer"} or None
        Normalise X before theta and phi, by the batch or by the image; the papers do not. 2 C more parameters.
    initial_scale : float
        Factor of the first W_Z; 1 is He's initialisation, 0 starts as the identity.

    Notes
    -----
    The block damps: for row-normalised omega and a W whose symmetric part is negative the values tend to 0, while
    `NonlocalStage` tends to constants (Tao et al.). Affinities are not symmetric unless theta = phi and C_i = N: no
    energy is claimed. Cost per image: 2 M N e. Half precision is computed in float32 between the convolutions. The
    last three options are for features without normalisation, such as those between pre-activation blocks, where the
    exponents grow with the square of the features; docs/explanation/networks has measurements.

    Raises
    ------
    ValueError
        For unknown options, odd channels without an embedding, maps smaller than the subsampling.

    References
    ----------
    Wang, Girshick, Gupta, He 2018; Tao, Sun, Du, Liu 2018.
    """

    def __init__(
        self,
        channels: int,
        kind: str = "embedded_gaussian",
        *,
        embedding: int | None = None,
        subsampling: int = 1,
        dimension: int = 2,
        bias: bool = True,
        norm: bool = False,
        normaliser: str | None = None,
        engine: str = "auto",
        scale: bool = False,
        normalise: str | None = None,
        initial_scale: float = 1.0,
    ) -> None:
        super().__init__()
        width = check_channels("NonlocalBlock", channels, embedding)
        self.pairs = FeatureAffinity(
            "NonlocalBlock",
            channels,
            kind,
            embedding=width,
            subsampling=subsampling,
            dimension=dimension,
            bias=bias,
            normaliser=normaliser,
            engine=engine,
            applications=1,
            scale=scale,
            normalise=normalise,
        )
        self.channels, self.width = channels, width
        self.inward = pointwise(dimension, channels, width, bias)
        self.outward = scaled(pointwise(dimension, width, channels, bias), initial_scale, "NonlocalBlock")
        self.norm = batch_norm(dimension, channels) if norm else None
        if self.norm is not None:
            nn.init.zeros_(self.norm.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Z; x : tensor, shape (B, C, *shape)."""
        maps = self.pairs(x, self.width)
        g = max_pool(single(self.inward(x)), self.pairs.subsampling, self.pairs.dimension)
        with full_precision(x):
            y = to_maps(maps.total(to_positions(g)), tuple(x.shape[2:]))
        z: Tensor = self.outward(y)
        return x + (z if self.norm is None else self.norm(z))

    def mixing_matrices(self) -> list[Tensor]:
        """[W_Z W_g], shape (C, C), without biases and normalisation."""
        return [product(self.outward, self.inward)]

    def engine_for(self, *shape: int) -> str:
        """The engine that maps of this shape are computed with."""
        return self.pairs.engine_for(shape, self.width)

    def pair_operations(self, shape: tuple[int, ...], counting: str = "core") -> int:
        """Multiply-adds of one image outside the convolutions, for weights that are formed and multiplied.

        Parameters
        ----------
        shape : tuple of int
            Axes of the feature map, without batch and channels.
        counting : {"core"}
            Matrix products; the papers publish no other counting of this block.
        """
        return pair_products(self.pairs.sizes(shape, self.width), counting, "NonlocalBlock")

    def extra_repr(self) -> str:
        return f"Z = X + W_Z sum_j omega_ij W_g X_j / C_i, channels={self.channels}"


def feature_norm(kind: str, dimension: int, channels: int) -> nn.Module:
    """Normalisation over the batch, or over the channels and positions of an image."""
    return batch_norm(dimension, channels) if kind == "batch" else nn.GroupNorm(1, channels, eps=1e-3)


def scaled(convolution: Pointwise, factor: float, owner: str) -> Pointwise:
    """The convolution with its first weights times a factor >= 0.

    Raises
    ------
    ValueError
        For a factor that is negative or not finite.
    """
    if not 0.0 <= factor < math.inf:
        raise ValueError(f"{owner}(initial_scale={factor}): needs a factor >= 0. Write initial_scale=0.1.")
    with torch.no_grad():
        convolution.weight *= factor
    return convolution


def product(outward: Any, inward: Any) -> Tensor:
    """W_Z W_g of two convolutions of size 1."""
    matrix: Tensor = outward.weight.flatten(1) @ inward.weight.flatten(1)
    return matrix


def pair_products(sizes: PairSizes, counting: str, owner: str) -> int:
    """M N (e + S C), the only counting of the original blocks.

    Raises
    ------
    ValueError
        For another counting.
    """
    if counting != "core":
        raise ValueError(f"{owner}: counting={counting!r} is published for PIDEBlock only. Write counting='core'.")
    return sizes.dense_operations

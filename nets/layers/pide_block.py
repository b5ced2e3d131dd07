"""Nonlocal blocks of partial integro-differential equations (Bohn, Griebel and Kannan 2021, equations 4.1, 4.4-4.6).

Symbols: X features (B, C, *shape) at M positions, pooled to N; theta, phi embeddings; w weights of the kernel;
K_i convolutions of size 1; h step; lambda strength; m stages; n dimension of the image.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from pide.nets.kernels import PairSizes, choose_engine, full_precision, pair_maps, single
from pide.nets.layers.convolutions import batch_norm, check_dimension, pointwise
from pide.nets.layers.feature_maps import (
    arranged_like,
    channels_together,
    check_channels,
    check_choices,
    check_map,
    max_pool,
    pooled_shape,
    to_maps,
    to_positions,
)
from pide.operators.affinity_pide import PIDE_KINDS, SIGNS, pide_affinity, pide_form
from pide.operators.affinity_weights import PAIR_NORMALISERS

__all__ = ["ORDERS", "PIDEBlock"]

ORDERS = ("conv-bn-relu", "conv-relu-bn")

_FEW_CHANNELS = 4
"""Embedded channels up to which differences cost no more than a matrix product."""


class PIDEBlock(nn.Module):
    """B_0 = X, B_i = X + h ReLU(BN(K_i op(B_{i-1}))), i = 1 .. m: every stage restarts from X, with the kernel of X.

    Parameters
    ----------
    channels : int
        C.
    kind : {"diffusion", "fractional", "inverse_fractional", "log"}
        Kernel and operator, see `pide.operators.affinity_pide.pide_affinity` and `pide_form`.
    stages : int
        m, each with its own K_i and batch normalisation.
    subsampling : int
        Maximum pooling of phi(X), after the embedding, and of the values; what is left over is dropped.
    strength : float
        lambda.
    step : float
        h.
    s : float
        Order of the fractional kinds: 0 < s < 1, and 0 < s < n/2 for "inverse_fractional".
    normaliser : {"count", "rows"}
        C_i = N, the pooled positions, or C_i = sum_j omega_ij, which cancels lambda and the constant.
    sign : {"paper", "dissipative"}
        "paper" as published, where "fractional" adds +(-Delta)^s X and is anti-diffusive; "dissipative" diffuses.
    embedding : int or None
        Channels of theta and phi; None is C / 2.
    shared_embedding : bool
        phi = theta, which makes the kernel symmetric where nothing is pooled.
    order : {"conv-bn-relu", "conv-relu-bn"}
        The published numbers use the first, the text of the paper the second.
    activation : {"relu", None}
    dimension : int
        n, the axes of the feature map: 1, 2 or 3.
    log_form : {"program", "equation"}
        Kernel of "log" of the authors' program or of equation 4.6.
    engine : {"auto", "dense", "associative", "chunked", "stored"}
        "dense" calls the functions of `pide.operators` and holds several arrays of M N numbers; "associative"
        ("diffusion") and "chunked" (powers and logarithm) hold none, "stored" one. `engine_for` says which "auto"
        takes, see `pide.nets.kernels.choose_engine`.

    Notes
    -----
    With ReLU last, B_i >= X entrywise: no energy, variance or mass can be claimed to decay, and a sign inside the ReLU
    is learned away; `activation=None` leaves the linear stage. Stages are the iterates R(z) = 1 + z + ... + z^m of
    backward Euler. Distances are taken by differences for at most 4 embedded channels, where near pairs are frequent,
    and by products for more, see `pide.operators.affinity.squared_distances`. Cost per image: M N e for the kernel and
    m M N C for the values, e the embedding channels. Half precision is computed in float32 between the convolutions.

    Raises
    ------
    ValueError
        For unknown options, orders out of range, odd channels without an embedding, maps smaller than the subsampling.

    References
    ----------
    Bohn, Griebel, Kannan 2021.
    """

    def __init__(
        self,
        channels: int,
        kind: str = "diffusion",
        *,
        stages: int = 2,
        subsampling: int = 2,
        strength: float = 0.1,
        step: float = 0.06,
        s: float = 0.5,
        normaliser: str = "count",
        sign: str = "paper",
        embedding: int | None = None,
        shared_embedding: bool = False,
        order: str = "conv-bn-relu",
        activation: str | None = "relu",
        dimension: int = 2,
        log_form: str = "program",
        engine: str = "auto",
    ) -> None:
        super().__init__()
        check_dimension("PIDEBlock", dimension)
        check_choices(
            "PIDEBlock",
            ("kind", kind, PIDE_KINDS),
            ("normaliser", normaliser, PAIR_NORMALISERS),
            ("sign", sign, SIGNS),
            ("order", order, ORDERS),
            ("activation", activation, ("relu", None)),
        )
        _check_numbers(stages, subsampling, strength, step)
        self.channels, self.kind, self.subsampling, self.dimension = channels, kind, subsampling, dimension
        self.strength, self.step, self.s, self.normaliser, self.sign = strength, step, s, normaliser, sign
        self.order, self.activation, self.log_form, self.engine = order, activation, log_form, engine
        self.embedding = check_channels("PIDEBlock", channels, embedding)
        distances = "differences" if self.embedding <= _FEW_CHANNELS else "products"
        self.affinity = pide_affinity(
            kind, strength=strength, s=s, dimension=dimension, log_form=log_form, distances=distances
        )
        choose_engine(engine, self.affinity, normaliser, PairSizes(1, 1, 1, 1, stages))
        self.theta = pointwise(dimension, channels, self.embedding)
        self.phi = None if shared_embedding else pointwise(dimension, channels, self.embedding)
        self.mixing = nn.ModuleList(pointwise(dimension, channels, channels) for _ in range(stages))
        self.norms = nn.ModuleList(batch_norm(dimension, channels) for _ in range(stages))

    @property
    def stages(self) -> int:
        """m."""
        return len(self.mixing)

    def forward(self, x: Tensor) -> Tensor:
        """B_m; x : tensor, shape (B, C, *shape), channels_last or not."""
        rows = channels_together(x)
        term = self.term_of(rows)
        b = rows
        for index in range(self.stages):
            b = torch.add(rows, self.stage(index, term(b)), alpha=self.step)
        return arranged_like(b, x)

    def term_of(self, x: Tensor) -> Callable[[Tensor], Tensor]:
        """op, a linear map of feature maps (B, C, *shape), with the kernel of x."""
        check_map("PIDEBlock", x, self.channels, self.dimension, self.subsampling)
        shape = tuple(x.shape[2:])
        t, p = self.embedded(x)
        form, sign = pide_form(self.kind, self.sign)
        with full_precision(x):
            engine = self.engine_for(*shape)
            maps = pair_maps(engine, self.affinity, t, p, self.normaliser, sign=sign, applications=self.stages)

        def term(b: Tensor) -> Tensor:
            with full_precision(b):
                values = single(b)
                y = to_positions(max_pool(values, self.subsampling, self.dimension))
                result = maps.total(y) if form == "total" else maps.difference(to_positions(values), y)
                return to_maps(result, shape)

        return term

    def embedded(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """theta(X) (B, M, e) and pooled phi(X) (B, N, e), at least float32."""
        theta = self.theta(x)
        phi = theta if self.phi is None else self.phi(x)
        return to_positions(single(theta)), to_positions(max_pool(single(phi), self.subsampling, self.dimension))

    def stage(self, index: int, term: Tensor) -> Tensor:
        """ReLU(BN(K op)) or BN(ReLU(K op)) of one stage."""
        y: Tensor = self.mixing[index](term)
        if self.order == "conv-bn-relu":
            y = self.norms[index](y)
        y = y.relu() if self.activation == "relu" else y
        return self.norms[index](y) if self.order == "conv-relu-bn" else y

    def engine_for(self, *shape: int) -> str:
        """The engine that maps of this shape are computed with."""
        sizes = PairSizes(*self._sizes(shape), self.embedding, self.channels, self.stages)
        return choose_engine(self.engine, self.affinity, self.normaliser, sizes)

    def pair_operations(self, shape: tuple[int, ...], counting: str = "core") -> int:
        """Multiply-adds of one image outside the convolutions, for weights that are formed and multiplied.

        Parameters
        ----------
        shape : tuple of int
            Axes of the feature map, without batch and channels.
        counting : {"core", "published"}
            "core": matrix products only. "published" adds half an operation for each element of products, quotients,
            differences, powers and logarithms, and pools by their windows, as Table 4 of the paper does; rounded down.
        """
        products = PairSizes(*self._sizes(shape), self.embedding, self.channels, self.stages).dense_operations
        if counting == "core":
            return products
        if counting != "published":
            raise ValueError(f"counting={counting!r}: there are 'core' and 'published'. Write one of them.")
        return products + self.elementwise_operations(shape) // 2

    def elementwise_operations(self, shape: tuple[int, ...]) -> int:
        """Elementwise operations of one image outside the convolutions, counted as in Table 4 of the paper.

        The published numbers are multiply-adds plus half of these. They include one unused maximum pool.
        """
        M, N = self._sizes(shape)
        window = self.subsampling**self.dimension * N if self.subsampling > 1 else 0
        pools = window * (self.embedding + (self.stages + 1) * self.channels)
        values = M * self.channels * self.stages
        if self.kind == "diffusion":
            return M * N + (M * N - M) + 4 * values + pools
        distances = 3 * M * N + (2 * self.embedding - 1) * (M + N)
        if self.kind == "fractional":
            return distances + M * N + (M * N - M) + 4 * values + pools
        more = 2 if self.kind == "inverse_fractional" else 5
        return distances + more * M * N + values + pools

    def extra_repr(self) -> str:
        m = self.stages
        return (
            f"B_i = X + h stage_i(op B_(i-1)), i = 1..{m}, {self.order}, activation={self.activation}, "
            f"kind={self.kind}, channels={self.channels}, embedding={self.embedding}, h={self.step:g}, "
            f"lambda={self.strength:g}, s={self.s:g}, normaliser={self.normaliser}, sign={self.sign}, "
            f"subsampling={self.subsampling}, dimension={self.dimension}, engine={self.engine}"
        )

    def _sizes(self, shape: tuple[int, ...]) -> tuple[int, int]:
        return math.prod(shape), math.prod(pooled_shape(shape, self.subsampling))


def _check_numbers(stages: int, subsampling: int, strength: float, step: float) -> None:
    for name, given, smallest in (("stages", stages, 1), ("subsampling", subsampling, 1)):
        if given < smallest:
            raise ValueError(f"PIDEBlock({name}={given}): at least {smallest} is needed. Write {name}=2.")
    for name, number, example in (("strength", strength, 0.1), ("step", step, 0.06)):
        if not (math.isfinite(number) and number > 0):
            raise ValueError(f"PIDEBlock({name}={number:g}): needs a positive number. Write {name}={example}.")

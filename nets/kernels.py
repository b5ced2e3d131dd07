"""Engines of pair sums: sum_j w_ij (y_j - x_i) and sum_j w_ij y_j with or without the M x N weights in memory.

Symbols: t (B, M, e), p (B, N, e) features; w_ij = omega(t_i, p_j) / C_i; x (B, M, C), y (B, N, C) values; S the number
of times that the same weights are applied. "dense" calls the functions of `pide.operators`; the other engines compute
the same sums in another order and are tested against it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from pide.nets.pair_sums import pair_sums
from pide.nets.stored_sums import stored_sums
from pide.operators.affinity import (
    Affinity,
    DotProductAffinity,
    EmbeddedAffinity,
    GaussianAffinity,
    LogAffinity,
    PowerAffinity,
)
from pide.operators.affinity_weights import (
    affinity_weights,
    weighted_difference,
    weighted_sum,
)

_exporting: Callable[[], bool] = getattr(torch.compiler, "is_exporting", lambda: False)

Sums = Callable[[Tensor], tuple[Tensor, Tensor]]

__all__ = [
    "ENGINES",
    "PairMaps",
    "PairSizes",
    "choose_engine",
    "full_precision",
    "pair_maps",
    "single",
]

ENGINES = ("auto", "dense", "associative", "attention", "chunked", "stored")

_STORED_PAIRS = 1 << 18
"""Pairs per image up to which "auto" stores weights that are applied more than once: 1 MB of float32 per image."""


class PairSizes(NamedTuple):
    """M positions, N pooled positions, e embedded channels, C channels of the values, S applications."""

    positions: int
    pooled: int
    embedding: int
    channels: int
    applications: int

    @property
    def dense_operations(self) -> int:
        """Multiply-adds with the weights formed: M N (e + S C)."""
        return self.positions * self.pooled * (self.embedding + self.applications * self.channels)

    @property
    def associative_operations(self) -> int:
        """Multiply-adds of t (p^T y) for dot products: S e C (M + N)."""
        return self.applications * self.embedding * self.channels * (self.positions + self.pooled)


@dataclass(frozen=True, eq=False)
class PairMaps:
    """The two linear maps of one set of weights.

    Attributes
    ----------
    difference : callable
        x (B, M, C), y (B, N, C) -> sum_j w_ij (y_j - x_i).
    total : callable
        y (B, N, C) -> sum_j w_ij y_j.
    """

    difference: Callable[[Tensor, Tensor], Tensor]
    total: Callable[[Tensor], Tensor]


def choose_engine(engine: str, affinity: Affinity, normaliser: str, sizes: PairSizes) -> str:
    """The engine that "auto" stands for, or the given one when it can do this affinity.

    Notes
    -----
    "auto": "associative" for dot products where its multiply-adds are fewer, "attention" for exponentials normalised by
    rows; for powers and logarithms "stored", the weights kept once, where they are applied more than once and an image
    has at most 2^18 pairs, and "chunked" otherwise; "dense" for the rest.

    Raises
    ------
    ValueError
        For an unknown engine, and one that cannot do this affinity.
    """
    if engine not in ENGINES:
        raise ValueError(f"engine={engine!r}: there are {', '.join(map(repr, ENGINES))}. Write one of them.")
    able = _engine_of(affinity, normaliser)
    if engine == "auto":
        if able == "associative" and sizes.associative_operations >= sizes.dense_operations:
            return "dense"
        if able == "chunked" and sizes.applications > 1 and sizes.positions * sizes.pooled <= _STORED_PAIRS:
            return "stored"
        return able
    engines = {"dense": ("dense",), "chunked": ("dense", "chunked", "stored")}.get(able, ("dense", able))
    if engine not in engines:
        others = " or ".join(map(repr, engines))
        raise ValueError(
            f"engine={engine!r} cannot compute {type(affinity).__name__} with normaliser={normaliser!r}. "
            f"Write engine={others}."
        )
    return engine


def pair_maps(
    engine: str,
    affinity: Affinity,
    t: Tensor,
    p: Tensor,
    normaliser: str,
    *,
    sign: int = 1,
    applications: int = 1,
) -> PairMaps:
    """The maps by an engine that `choose_engine` named, times a sign; "stored" is told how often they are applied.

    `torch.export` records "dense" in place of "chunked" and "stored": a graph of torch's own operations, for batches of
    any size, that forms the weights.
    """
    if engine in ("chunked", "stored") and _exporting():
        engine = "dense"
    if normaliser == "count" and engine in _SUMS:
        sums = _SUMS[engine](affinity, t, p, sign / p.shape[1], applications)
        return _by_sums(sums, normaliser)
    if engine in _SUMS:
        sums = _SUMS[engine](affinity, t, p, 1.0 / p.shape[1], applications)
        maps = _by_sums(sums, normaliser)
    else:
        maps = _MAPS[engine](affinity, t, p, normaliser)
    if sign > 0:
        return maps
    return PairMaps(lambda x, y: -maps.difference(x, y), lambda y: -maps.total(y))


def single(x: Tensor) -> Tensor:
    """Half precision in float32, other dtypes as they are: distances and long sums need it."""
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


def full_precision(x: Tensor) -> Any:
    """Context without autocast on the device of x; the meta device has none."""
    return nullcontext() if x.device.type == "meta" else torch.autocast(x.device.type, enabled=False)


def _engine_of(affinity: Affinity, normaliser: str) -> str:
    """The engine besides "dense" that can do an affinity without embeddings of its own; "dense" when there is none."""
    if affinity.theta is not None or affinity.phi is not None:
        return "dense"
    if isinstance(affinity, DotProductAffinity):
        return "associative"
    if isinstance(affinity, (EmbeddedAffinity, GaussianAffinity)) and normaliser == "rows":
        return "attention"
    if isinstance(affinity, PowerAffinity) and _are_numbers(affinity.exponent, affinity.factor):
        return "chunked"
    if isinstance(affinity, LogAffinity) and _are_numbers(affinity.slope, affinity.gauge):
        return "chunked"
    return "dense"


def _are_numbers(*values: Any) -> bool:
    return all(isinstance(value, (int, float)) for value in values)


def _dense(affinity: Affinity, t: Tensor, p: Tensor, normaliser: str) -> PairMaps:
    w = affinity_weights(affinity, t, p, normaliser)
    return PairMaps(lambda x, y: weighted_difference(w, x, y), lambda y: weighted_sum(w, y))


def _associative(affinity: Any, t: Tensor, p: Tensor, scale: float, applications: int) -> Sums:
    """t (p^T y) and t (sum_j p_j), without the product t p^T."""
    t = t * (affinity.factor * scale)
    degree = t @ p.sum(dim=1).unsqueeze(-1)
    return lambda y: (t @ (p.mT @ y), degree)


def _chunked(affinity: Any, t: Tensor, p: Tensor, scale: float, applications: int) -> Sums:
    scaled = _times(scale, affinity)
    return lambda y: pair_sums(scaled, t, p, y)


def _stored(affinity: Any, t: Tensor, p: Tensor, scale: float, applications: int) -> Sums:
    return stored_sums(_times(scale, affinity), t, p, applications)


def _times(scale: float, affinity: Any) -> PowerAffinity | LogAffinity:
    """scale omega, which costs nothing where weights are made."""
    found: PowerAffinity | LogAffinity
    if isinstance(affinity, PowerAffinity):
        found = replace(affinity, factor=scale * affinity.factor)
    else:
        found = replace(affinity, slope=scale * affinity.slope, gauge=scale * affinity.gauge)
    return found


def _by_sums(sums: Sums, normaliser: str) -> PairMaps:
    """The maps from y -> (sum_j omega_ij y_j / N, sum_j omega_ij / N)."""

    def difference(x: Tensor, y: Tensor) -> Tensor:
        total, degree = sums(y)
        change = torch.addcmul(total, -degree, x)
        return change if normaliser == "count" else _quotient(change, degree)

    def total(y: Tensor) -> Tensor:
        values, degree = sums(y)
        return values if normaliser == "count" else _quotient(values, degree)

    return PairMaps(difference, total)


def _quotient(values: Tensor, degree: Tensor) -> Tensor:
    """values / degree, and 0 where the degree is 0, with finite gradients there."""
    empty = degree == 0
    return torch.where(
        empty,
        torch.zeros_like(values),
        values / torch.where(empty, torch.ones_like(degree), degree),
    )


def _attention(affinity: EmbeddedAffinity | GaussianAffinity, t: Tensor, p: Tensor, normaliser: str) -> PairMaps:
    """Softmax of t.p by the fused kernel of torch, padded to one head size, which that kernel needs on the CPU.

    A Gaussian is a softmax too: -|t - p|^2 / width^2 and (2 t.p - |p|^2) / width^2 differ by a number per row.
    """
    if isinstance(affinity, GaussianAffinity):
        centre = p.mean(dim=1, keepdim=True)
        t, p, scale = t - centre, p - centre, 1.0 / affinity.width**2
        p = torch.cat([p, -scale * p.square().sum(dim=-1, keepdim=True)], dim=-1)
        t = functional.pad(2.0 * scale * t, (0, 1), value=1.0)
    else:
        t = affinity.factor * t

    def total(y: Tensor) -> Tensor:
        size = max(t.shape[-1], y.shape[-1])
        q, k, v = (functional.pad(z, (0, size - z.shape[-1])).unsqueeze(1) for z in (t, p, y))
        return functional.scaled_dot_product_attention(q, k, v, scale=1.0).squeeze(1)[..., : y.shape[-1]]

    return PairMaps(lambda x, y: total(y) - x, total)


_MAPS: dict[str, Callable[..., PairMaps]] = {
    "dense": _dense,
    "attention": _attention,
}
_SUMS: dict[str, Callable[..., Sums]] = {
    "associative": _associative,
    "chunked": _chunked,
    "stored": _stored,
}
"""Engines by y -> (sum_j omega_ij y_j, sum_j omega_ij), from omega times a number."""

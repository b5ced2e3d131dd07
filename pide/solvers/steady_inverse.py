"""Approximate inverses of M = A or -A >= 0 for steady problems: transforms on the bounding box, scaled level by level.

Symbols: t(k) symbol of M on the box; F sine or cosine transform; kappa killing beyond that of the full box; h spacing;
S_l shell of frequencies around 1/(w h), w = 2^l, the S_l adding up to 1; P_l interpolation from spacing w h to h.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import array_api_compat
import numpy as np
import scipy.fft
from numpy.typing import NDArray

from pide.arrays import Array, as_float, device_key, like, namespace, to_host
from pide.operators.algebra import Multiple, Sum
from pide.operators.base import Operator
from pide.operators.diagonalisation import Diagonalisation
from pide.operators.nonlocal_operator import NonlocalOperator
from pide.operators.transforms import cosine_transform, inverse_cosine_transform, sine_transform
from pide.quadrature.weights import LatticeWeights
from pide.spaces.grid import Grid

__all__ = ["MultilevelInverse", "steady_inverse"]

Field = NDArray[np.float64]
_MULTILEVEL_GROWTH = 1.1
"""Exponent of |k| above which one level needs more and more iterations as h -> 0: 2 s > 1."""


@dataclass(frozen=True, eq=False)
class _Level:
    """r -> W F^{-1}[S/t] F W r on its lattice."""

    weight: Field
    inverse: Field


@dataclass(frozen=True, eq=False)
class MultilevelInverse:
    """r -> W_0 T_0 W_0 r + V sum_{l > 0} P_l W_l T_l W_l P_l^T V r, T_l = F^{-1} [S_l / t] F: symmetric, near M^{-1}.

    Parameters
    ----------
    space : Grid
    levels : sequence of _Level
        The finest first; each lattice after it has every second node of the one before.
    basis : {"sine", "cosine"}
    damping : array or None
        V, on the finest lattice; None with a single level.

    Notes
    -----
    One level with W = 1 is the tau preconditioner. On a domain smaller than its box that one lets z jump to 0 at the
    boundary, which costs (k h)^{1-2s} of energy at tangential frequency k, so that for s > 1/2 iterations grow like
    h^{1/2-s}. Here the shell of frequency 1/(w h) is damped over a width w h, by W_l = (b_l / (b_l + kappa))^{1/2} with
    b_l = t(1/(w h)), because kappa grows like (distance)^{-2s}; V is W_1 on the finest lattice, where kappa contains
    the boundary correction. W_0 = (mean t / M_ii)^{1/2} contains the correction and variable coefficients. Coarse
    lattices add 1/(2^n - 1) to the cost of the finest one.

    To a relative residual of 1e-8 on the unit disc with boundary correction, s = 0.75, conjugate gradients take 14, 16
    steps at 127, 255 nodes per axis, 17 at 511; 22, 28, 33 with the tau preconditioner.
    """

    space: Grid
    levels: tuple[_Level, ...]
    basis: Literal["sine", "cosine"]
    damping: Field | None = None
    _cache: dict[Any, list[Array]] = field(default_factory=dict, repr=False)

    def __call__(self, r: Array) -> Array:
        """Apply to a field (..., *space.shape), any namespace."""
        n = self.space.dimension
        V, *factors = self._factors(r)
        finest = _padded(r, self.levels[0].weight.shape)
        fields, coarse = [finest], V * finest if len(self.levels) > 1 else finest
        for _ in self.levels[1:]:
            coarse = _coarsened(coarse, n)
            fields.append(coarse)
        z = self._solved(fields[-1], factors[-2:])
        for number in range(len(fields) - 2, -1, -1):
            z = _refined(z, fields[number].shape[-n:])
            z = (V * z if number == 0 else z) + self._solved(fields[number], factors[2 * number : 2 * number + 2])
        return self.space.restricted(z[(..., *(slice(0, count) for count in self.space.shape))])

    def _solved(self, v: Array, factors: list[Array]) -> Array:
        """W T W v on one lattice."""
        weight, inverse = factors
        return weight * self._transformed(weight * v, inverse)

    def _transformed(self, v: Array, inverse: Array) -> Array:
        n = self.space.dimension
        if self.basis == "sine":
            return sine_transform(sine_transform(v, n) * inverse, n)
        return inverse_cosine_transform(cosine_transform(v, n) * inverse, n)

    def _factors(self, r: Array) -> list[Array]:
        """V and the weight and inverse of every level, like r."""
        key = device_key(r)
        if key not in self._cache:
            fields = [np.ones(1) if self.damping is None else self.damping]
            fields += [f for level in self.levels for f in (level.weight, level.inverse)]
            self._cache[key] = [like(f, r) for f in fields]
        return self._cache[key]


def steady_inverse(M: Operator) -> tuple[Callable[[Array], Array] | None, str]:
    """Approximate inverse of M >= 0 and its name; None where neither a symbol nor a cheap diagonal is known.

    Where M kills constants the approximate inverse maps them to multiples of themselves and is positive on them too.
    """
    model = _constant_coefficients(M)
    if M.space.periodic:
        symbol = model.symbol()
        if symbol is not None:
            return _fourier_inverse(M, symbol), "Fourier modes of the constant-coefficient operator"
    elif "kills_constants" in M.claims:
        symbol = model.cosine_symbol()
        if symbol is not None:
            level = _Level(_scaling(M, symbol) if model is not M else _ones(M), 1.0 / _lifted(symbol))
            return MultilevelInverse(M.space, (level,), "cosine"), "cosine transforms on the bounding box"
    else:
        inverse = _sine_inverse(M, model)
        if inverse is not None:
            count = len(inverse.levels)
            return inverse, f"sine transforms on the bounding box, {f'{count} levels' if count > 1 else 'one level'}"
    if type(M).diagonal is Operator.diagonal or not float(M.diagonal()[M.space.inside].min()) > 0.0:
        return None, "none"
    return _Scaling(M.space, 1.0 / np.where(M.space.inside, M.diagonal(), 1.0)), "diagonal"


@dataclass(frozen=True)
class _Rates:
    """Terms factor * A of a sum of operators with constant coefficients, given by lattice weights."""

    terms: tuple[tuple[float, NonlocalOperator, LatticeWeights], ...]

    @classmethod
    def of(cls, M: Operator) -> _Rates | None:
        """The terms of M, or None when one of them is of another kind."""
        if isinstance(M, Multiple):
            inner = cls.of(M.operator)
            return None if inner is None else cls(tuple((M.factor * c, A, weights) for c, A, weights in inner.terms))
        if isinstance(M, Sum):
            parts = [part for part in map(cls.of, M.terms) if part is not None]
            return cls(tuple(t for part in parts for t in part.terms)) if len(parts) == len(M.terms) else None
        if isinstance(M, NonlocalOperator) and M.weights is not None and M.coefficient is None:
            return cls(((1.0, M, M.weights),))
        return None

    def excess_killing(self, space: Grid) -> Field:
        """kappa - kappa_box >= 0: what the domain kills beyond what its bounding box does."""
        total = np.zeros(space.shape)
        for factor, A, weights in self.terms:
            box = as_float(weights.rate) - to_host(A.convolution(like(np.ones(space.shape), weights.octant)))
            total += abs(factor * A.scale) * np.maximum(to_host(A.killing) - box, 0.0)
        return total * space.inside

    def symbol(self, shape: tuple[int, ...]) -> Field:
        """sum_j beta_j (cos(j . theta) - 1) with its sign, theta = pi k / (N + 1), for a box of any number of nodes."""
        total = np.zeros(shape)
        for factor, A, weights in self.terms:
            octant = to_host(weights.octant)[tuple(slice(0, n + 1) for n in shape)]
            padding = [(0, n + 2 - extent) for n, extent in zip(shape, octant.shape, strict=True)]
            hat = scipy.fft.dctn(np.pad(octant, padding), type=1)[(slice(1, -1),) * len(shape)]
            total += factor * A.scale * (hat - as_float(weights.rate))
        return total


def _sine_inverse(M: Operator, model: Operator) -> MultilevelInverse | None:
    """One level on a box, or where the symbol grows at most like |k|; else one per octave; None without a symbol."""
    space, rates = M.space, _Rates.of(M)
    if rates is None or space.count == space.size:
        symbol = model.dirichlet_symbol()
        return None if symbol is None else _single_level(M, symbol)
    symbol = rates.symbol(tuple(_fast_nodes(count) for count in space.shape))
    growth = math.log2(_symbol_at(symbol, space.spacing, 1.0) / _symbol_at(symbol, space.spacing, 4.0)) / 2.0
    octaves = int(math.log2(min(space.shape) / 3.0))
    if growth < _MULTILEVEL_GROWTH or octaves < 1:
        return _single_level(M, symbol)
    return _octave_levels(M, symbol, rates.excess_killing(space), octaves)


def _single_level(M: Operator, symbol: Field) -> MultilevelInverse:
    weight = _padded(_scaling(M, symbol), symbol.shape)
    return MultilevelInverse(M.space, (_Level(weight, _normalised(1.0 / symbol)),), "sine")


def _octave_levels(M: Operator, symbol: Field, excess: Field, octaves: int) -> MultilevelInverse:
    shape, spacing = symbol.shape, M.space.spacing
    widths = [2.0 ** (number + 1) for number in range(octaves)]
    k2 = _squared_frequencies(shape, spacing)
    low = [1.0 / (1.0 + k2 * (w * max(spacing)) ** 2) for w in widths]
    levels = [_Level(_padded(_scaling(M, symbol), shape), _normalised((1.0 - low[0]) / symbol))]
    kappa, inside = _padded(excess, shape), _padded(_ones(M), shape)
    b = _symbol_at(symbol, spacing, widths[0])
    damping = inside * np.sqrt(b / (b + kappa))
    for number, w in enumerate(widths):
        shell = low[number] - low[number + 1] if number + 1 < octaves else low[number]
        kappa, inside = (u[(slice(1, None, 2),) * u.ndim] for u in (kappa, inside))
        resolved = (shell / symbol)[tuple(slice(0, count) for count in inside.shape)]
        b = _symbol_at(symbol, spacing, w)
        levels.append(_Level(inside * np.sqrt(b / (b + kappa)), _normalised(resolved)))
    return MultilevelInverse(M.space, tuple(levels), "sine", damping)


def _fast_nodes(count: int) -> int:
    """N >= count whose N + 1 is 16 m with a fast transform length m, so that lattices nest four times."""
    return 16 * int(scipy.fft.next_fast_len(-(-(count + 1) // 16), real=True)) - 1 if count >= 64 else count


def _padded(u: Array, shape: tuple[int, ...]) -> Array:
    """u with zeros appended along its last axes."""
    xp, n = namespace(u), len(shape)
    for axis, count in zip(range(-n, 0), shape, strict=True):
        missing = count - u.shape[axis]
        if missing > 0:
            extent = list(u.shape)
            extent[axis] = missing
            zeros = xp.zeros(tuple(extent), dtype=u.dtype, device=array_api_compat.device(u))
            u = xp.concat([u, zeros], axis=axis)
    return u


def _constant_coefficients(M: Operator) -> Operator:
    """M with its coefficient replaced by 1, for a symbol; M itself otherwise."""
    if isinstance(M, Multiple):
        inner = _constant_coefficients(M.operator)
        return M if inner is M.operator else Multiple(M.factor, inner)
    if isinstance(M, NonlocalOperator) and M.coefficient is not None:
        return replace(M, coefficient=None)
    return M


def _scaling(M: Operator, symbol: Field) -> Field:
    """(mean t / M_ii)^{1/2} inside, 0 outside; 1 where the diagonal is not cheap or not positive."""
    inside = M.space.inside
    if type(M).diagonal is Operator.diagonal:
        return _ones(M)
    diagonal = M.diagonal()
    positive = inside & (diagonal > 0)
    return np.where(positive, np.sqrt(float(symbol.mean()) / np.where(positive, diagonal, 1.0)), 1.0 * inside)


def _ones(M: Operator) -> Field:
    return np.asarray(M.space.inside, dtype=np.float64)


def _normalised(inverse: Field) -> Field:
    """With the factor of two sine transforms on its own lattice."""
    return np.asarray(inverse / math.prod(2.0 * (count + 1) for count in inverse.shape))


def _lifted(symbol: Field) -> Field:
    """The symbol with its zeros replaced by the smallest positive value, so that it has an inverse."""
    positive = symbol > 1e-13 * float(symbol.max())
    return np.where(positive, symbol, float(symbol[positive].min()) if positive.any() else 1.0)


def _squared_frequencies(shape: tuple[int, ...], spacing: tuple[float, ...]) -> Field:
    axes = (np.pi * np.arange(1, n + 1) / ((n + 1) * h) for n, h in zip(shape, spacing, strict=True))
    return np.asarray(sum(np.meshgrid(*(k**2 for k in axes), indexing="ij", sparse=True)))


def _symbol_at(symbol: Field, spacing: tuple[float, ...], width: float) -> float:
    """t at the frequency 1 / (width h) along the axis of the largest spacing."""
    axis = int(np.argmax(spacing))
    index = [0] * symbol.ndim
    index[axis] = max(round((symbol.shape[axis] + 1) / (np.pi * width)), 1) - 1
    return float(symbol[tuple(index)])


def _coarsened(u: Array, dimension: int) -> Array:
    """P^T u / 2^n: weights 1/4, 1/2, 1/4 per axis around every second node."""
    xp = namespace(u)
    for axis in range(-dimension, 0):
        u = xp.moveaxis(u, axis, -1)
        if u.shape[-1] % 2 == 0:
            u = xp.concat([u, xp.zeros_like(u[..., :1])], axis=-1)
        u = xp.moveaxis(0.5 * u[..., 1::2] + 0.25 * (u[..., 0:-1:2] + u[..., 2::2]), -1, axis)
    return u


def _refined(u: Array, shape: tuple[int, ...]) -> Array:
    """P u: linear interpolation per axis, 0 beyond the ends."""
    xp = namespace(u)
    for axis, count in zip(range(-len(shape), 0), shape, strict=True):
        u = xp.moveaxis(u, axis, -1)
        zero = xp.zeros_like(u[..., :1])
        between = 0.5 * (xp.concat([zero, u], axis=-1) + xp.concat([u, zero], axis=-1))
        pairs = xp.stack([between[..., :-1], u], axis=-1)
        pairs = xp.reshape(pairs, (*u.shape[:-1], 2 * u.shape[-1]))
        u = xp.moveaxis(xp.concat([pairs, between[..., -1:]], axis=-1)[..., :count], -1, axis)
    return u


def _fourier_inverse(M: Operator, symbol: Field) -> Callable[[Array], Array]:
    modes = Diagonalisation(M.space, _lifted(symbol))
    weight = _Scaling(M.space, _scaling(M, symbol))
    return lambda r: weight(modes.apply(lambda t: 1.0 / t, weight(r), key="inverse"))


@dataclass(frozen=True, eq=False)
class _Scaling:
    """r -> c r, restricted to the domain."""

    space: Grid
    factor: Field
    _cache: dict[Any, Array] = field(default_factory=dict, repr=False)

    def __call__(self, r: Array) -> Array:
        key = device_key(r)
        if key not in self._cache:
            self._cache[key] = like(self.factor * self.space.inside, r)
        return self._cache[key] * r

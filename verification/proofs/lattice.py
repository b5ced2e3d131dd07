"""Certificates of lattice operators without their matrix: signs of the weights, degrees, circulant embedding, engine.

Symbols: beta_j weight of offset j, sigma symbol of the embedding circulant, N nodes per axis, J largest listed offset.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pide.verification.proofs.convolution import indicator_sums, power_lengths
from pide.verification.proofs.exact import exact_sum
from pide.verification.proofs.models import DiffusionMatrix, Field, digest
from pide.verification.proofs.rounding import U, down, gamma, lower, up, upper
from pide.verification.proofs.rowsums import degrees
from pide.verification.proofs.structural import Witness, first_entry, negativity
from pide.verification.proofs.symbol import absolute_sum, enclosed, symbol_enclosure

__all__ = [
    "DENSE",
    "Lattice",
    "circulant_bounds",
    "diagonal_bounds",
    "embeds",
    "gershgorin_bound",
    "lattice_conditions",
]

_LARGEST_TRANSFORM = 1 << 21
"""Padded size up to which the degrees of a curved domain are enclosed: four reference transforms, 2 CPU s."""

DENSE = 4096
"""Up to this many nodes the matrix is built where nothing cheaper decides."""


@dataclass(frozen=True, eq=False)
class Lattice:
    """c L of even lattice weights on the inside nodes of a box or of a torus, c = scale > 0.

    Parameters
    ----------
    octant : array
        beta_j for j_a >= 0; those beyond N_a - 1 do not act on a box.
    inside : array of bool, shape N
    periodic : bool
    killing, degree : arrays, shape N
        kappa and the stored degrees of L.
    coefficient : array or None
        a > 0: w_ij = beta times the geometric or arithmetic mean of a_i, a_j.
    spectrum : array or None, rfftn layout of `lengths`
        The engine's stored transform of the weights; None for stencils.
    engine_octant : array or None
        The stencil's own weights.
    lengths : tuple of int
        Transform lengths of the engine, or of the embedding that bounds the spectrum.
    scale, spectral_bound, rate_bound : float
    apply : callable or None
        The operator's own floating-point apply of A, compared with the reference by the claim "apply".
    sign : int
        -1 where A = -c L.
    """

    octant: Field
    inside: NDArray[np.bool_]
    periodic: bool
    killing: Field
    degree: Field
    lengths: tuple[int, ...]
    coefficient: Field | None = None
    mean: str = "geometric"
    spectrum: Field | None = None
    engine_octant: Field | None = None
    scale: float = 1.0
    spectral_bound: float | None = None
    rate_bound: float | None = None
    apply: Callable[[Field], Field] | None = None
    sign: int = 1
    name: str = "lattice operator"

    @property
    def acting(self) -> Field:
        """The weights that act between nodes of the lattice."""
        shape = self.inside.shape
        return self.octant if self.periodic else self.octant[tuple(slice(0, n) for n in shape)]

    @property
    def wraps(self) -> bool:
        """Whether several listed offsets join the same two nodes of the torus."""
        pairs = zip(self.octant.shape, self.inside.shape, strict=True)
        return self.periodic and any(2 * (extent - 1) >= n for extent, n in pairs)

    @property
    def counts_pairs(self) -> bool:
        """Whether the number of pairs of nodes at each offset is a product of lengths."""
        return self.coefficient is None and not self.wraps and (self.full or self.periodic)

    @property
    def count(self) -> int:
        """Inside nodes."""
        return int(np.count_nonzero(self.inside))

    @property
    def full(self) -> bool:
        """Whether every lattice node is inside."""
        return bool(self.inside.all())

    @cached_property
    def digest(self) -> str:
        """SHA-256 of everything the statements are about."""
        optional = (x for x in (self.coefficient, self.spectrum, self.engine_octant) if x is not None)
        numbers = np.array([self.scale, *self.lengths])
        return digest(self.octant, self.inside, self.killing, self.degree, numbers, *optional)

    @cached_property
    def symbol(self) -> tuple[Field, float] | None:
        """(sigma, bound of its error) at the frequencies of `lengths`, or None where no proof reaches."""
        return symbol_enclosure(self.acting, self.lengths)

    @cached_property
    def symbol_range(self) -> tuple[float, float] | None:
        """Bounds of the eigenvalues of K, a = 1: those of a circulant whose lengths keep offsets apart."""
        if self.symbol is not None and embeds(self):
            return enclosed(*self.symbol)
        if self.periodic:
            return None
        enclosure = symbol_enclosure(self.acting, power_lengths(self.inside.shape, self.acting.shape))
        return None if enclosure is None else enclosed(*enclosure)

    @cached_property
    def degrees(self) -> tuple[Field, Field] | None:
        """(lower, upper) bounds of the exact degrees at all nodes, or None where no proof reaches."""
        if self.coefficient is not None:
            return _matrix_degrees(self)
        if self.periodic:
            d = exact_sum(self.octant * multiplicity(self.octant.shape))
            shape = self.inside.shape
            return np.full(shape, lower(d)), np.full(shape, upper(d))
        if self.full:
            return box_degrees(self.acting, self.inside.shape)
        if self.count <= DENSE:
            return _matrix_degrees(self)
        lengths = power_lengths(self.inside.shape, self.acting.shape)
        return indicator_sums(self.acting, self.inside) if math.prod(lengths) <= _LARGEST_TRANSFORM else None

    @cached_property
    def matrix(self) -> DiffusionMatrix | None:
        """The rates between inside nodes, for up to `DENSE` of them and no offset listed twice."""
        if self.count > DENSE or self.wraps:
            return None
        nodes = np.argwhere(self.inside)
        offsets = np.abs(nodes[:, None, :] - nodes[None, :, :])
        if self.periodic:
            offsets = np.minimum(offsets, np.array(self.inside.shape) - offsets)
        listed = np.all(offsets < np.array(self.octant.shape), axis=-1)
        place = tuple(np.moveaxis(np.where(listed[..., None], offsets, 0), -1, 0))
        W = np.where(listed, self.octant[place], 0.0)
        if self.coefficient is not None:
            a = self.coefficient[self.inside]
            product = np.sqrt(a[:, None] * a[None, :]) if self.mean == "geometric" else (a[:, None] + a[None, :]) / 2
            W = W * product
        spectral = None if self.spectral_bound is None else float(down(self.spectral_bound / self.scale))
        claimed = self.spectral_bound if self.scale == 1.0 else spectral
        return DiffusionMatrix(W, None, self.killing[self.inside], claimed, name=self.name)


def multiplicity(shape: tuple[int, ...]) -> Field:
    """c_j: 2 for every nonzero component of the offset."""
    total = np.ones(())
    for extent in shape:
        total = np.multiply.outer(total, np.where(np.arange(extent) == 0, 1.0, 2.0))
    return total


def embeds(model: Lattice) -> bool:
    """Whether the transform lengths keep all offsets between nodes apart, so that K is a part of the circulant."""
    if model.periodic:
        return model.lengths == model.inside.shape
    needed = (n + e - 1 for n, e in zip(model.inside.shape, model.acting.shape, strict=True))
    return all(length >= least for length, least in zip(model.lengths, needed, strict=True))


def box_degrees(octant: Field, shape: tuple[int, ...]) -> tuple[Field, Field]:
    """Bounds of d_i = sum of beta_{i - k} over the nodes k of a full box, by sums that do not cancel.

    With H(p) = sum over 0 <= j <= p of beta_j, halved for every zero component, d_i is the sum of H over the 2^n
    choices of i_a or N_a - 1 - i_a. H is summed in blocks of about sqrt(N): chains of 2 sqrt(N) additions per axis.
    """
    half = octant * (multiplicity(octant.shape) / 2.0**octant.ndim)
    padded = np.pad(half, [(0, n - e) for n, e in zip(shape, octant.shape, strict=True)])
    chain = 2**octant.ndim
    total, absolute = padded, np.abs(padded)
    for axis in range(octant.ndim):
        total, absolute = _running(total, axis), _running(absolute, axis)
        chain += 2 * math.isqrt(shape[axis]) + 8
    ways = [(slice(None), slice(None, None, -1))] * octant.ndim
    d = sum((total[index] for index in itertools.product(*ways)), np.zeros(shape))
    size = sum((absolute[index] for index in itertools.product(*ways)), np.zeros(shape))
    error = up(up(gamma(chain) * size) / down(1 - gamma(chain)))
    return np.asarray(down(d - error)), np.asarray(up(d + error))


def _running(x: Field, axis: int) -> Field:
    """Cumulative sums along an axis in blocks."""
    y = np.moveaxis(x, axis, 0)
    size = y.shape[0]
    block = math.isqrt(size - 1) + 1 if size > 1 else 1
    blocks = -(-size // block)
    y = np.concatenate([y, np.zeros((blocks * block - size, *y.shape[1:]))]).reshape(blocks, block, *y.shape[1:])
    inner = np.cumsum(y, axis=1)
    before = np.concatenate([np.zeros((1, *inner.shape[2:])), np.cumsum(inner[:, -1], axis=0)[:-1]])
    out = (inner + before[:, None]).reshape(blocks * block, *y.shape[2:])[:size]
    return np.moveaxis(out, 0, axis)


def _matrix_degrees(model: Lattice) -> tuple[Field, Field] | None:
    if model.matrix is None:
        return None
    low, high = degrees(model.matrix)
    if model.coefficient is not None:
        # means of coefficients and their products with beta are rounded at most four times
        low, high = down(low * (1 - 8 * U)), up(high * (1 + 8 * U))
    fields = np.zeros((2, *model.inside.shape))
    fields[0][model.inside], fields[1][model.inside] = low, high
    return fields[0], fields[1]


def lattice_conditions(model: Lattice) -> dict[str, Witness | None]:
    """Witness of the failure of each condition of `structural`, None where it holds.

    Symmetry needs no comparison: both directions of a pair read the same, finite entry of the octant.
    """
    return {
        "symmetric": None,
        "nonnegative": _negative_offset(model),
        "killing": negativity(model.killing, "kappa"),
        "no killing": first_entry(model.killing != 0, model.killing, "kappa"),
    }


def _negative_offset(model: Lattice) -> Witness | None:
    """An offset between two inside nodes with a negative weight; unknown where images or the domain could undo it."""
    if model.coefficient is not None and not np.all(model.coefficient[model.inside] > 0):
        return {"kind": "unknown", "reason": "the coefficient is not positive"}
    negative = np.argwhere(~(model.acting >= 0))
    negative = negative[negative.any(axis=1)]
    if not len(negative):
        return None
    for j in negative[:64]:
        here = tuple(slice(0, n - k) for n, k in zip(model.inside.shape, j, strict=True))
        there = tuple(slice(k, None) for k in j)
        joined = all(k < n for n, k in zip(model.inside.shape, j, strict=True))
        if joined and not model.wraps and (model.inside[here] & model.inside[there]).any():
            return {"kind": "offset", "j": [int(k) for k in j], "beta": float(model.acting[tuple(j)]).hex()}
    return {"kind": "unknown", "reason": "negative weights that may join no two nodes"}


def diagonal_bounds(model: Lattice) -> tuple[float, float, bool]:
    """(least lower, largest upper bound of d + kappa, whether both exact and stored degrees are meant)."""
    kappa, stored = model.killing[model.inside], model.degree[model.inside]
    if model.degrees is None:
        return float(down(stored + kappa).min()), float(up(stored + kappa).max()), False
    low, high = (d[model.inside] for d in model.degrees)
    least = down(np.minimum(low, stored) + kappa).min()
    return float(least), float(up(np.maximum(high, stored) + kappa).max()), True


def gershgorin_bound(model: Lattice) -> float:
    """Upper bound of max(d + kappa + sum_j |w_ij|) over exact and stored degrees; inf where degrees are unknown."""
    if model.degrees is None or model.acting.min(initial=0.0) < 0:
        whole = absolute_sum(model.acting)
        return math.inf if model.coefficient is not None else float(up(diagonal_bounds(model)[1] + whole))
    high = model.degrees[1][model.inside]
    largest = np.maximum(high, model.degree[model.inside])
    return float(up(up(largest + high) + model.killing[model.inside]).max())


def circulant_bounds(model: Lattice) -> tuple[float, float]:
    """(lower, upper) bound of the eigenvalues of -L: min(d + kappa) - max sigma and max(d + kappa) - min sigma.

    A coefficient with geometric means multiplies sigma's range, which contains 0, by at most max a.
    """
    if model.symbol_range is None or (model.coefficient is not None and model.mean == "arithmetic"):
        return -math.inf, math.inf
    least, most, _ = diagonal_bounds(model)
    low, high = model.symbol_range
    if model.coefficient is not None:
        amplification = float(up(model.coefficient.max() * (1 + 8 * U)))
        low, high = float(down(min(low, 0.0) * amplification)), float(up(max(high, 0.0) * amplification))
    return float(down(least - high)), float(up(most - low))

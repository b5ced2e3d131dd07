"""Direct application of short stencils in difference form, which does not cancel."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from pide.arrays import Array, is_numpy, namespace, to_host
from pide.operators.toeplitz import spectrum_of

__all__ = ["StencilConvolution"]


@dataclass(frozen=True, eq=False)
class StencilConvolution:
    """K v(x) = sum_j beta_j v(x + z_j) by shifted views; cost O(number of nonzero weights x nodes).

    Parameters
    ----------
    octant : array, shape (J_1 + 1, ..., J_n + 1), unit 1/time
        Weights for nonnegative offsets.
    shape : tuple of int
        Nodes per axis of the fields.
    periodic : bool
        Whether offsets wrap around (torus) or leave the lattice (box).
    """

    octant: Array
    shape: tuple[int, ...]
    periodic: bool
    _cache: dict[Any, Array] = field(default_factory=dict, init=False, repr=False)

    @property
    def engine(self) -> str:
        return f"stencil of {self.neighbours} neighbours"

    @property
    def neighbours(self) -> int:
        """Number of offsets with a nonzero weight."""
        offsets = np.argwhere(to_host(self.octant) != 0.0)
        return int(np.sum(2 ** np.count_nonzero(offsets[offsets.any(axis=1)], axis=1)))

    @cached_property
    def _offsets(self) -> tuple[tuple[int, ...], ...]:
        """Nonnegative offsets j with beta_j != 0."""
        return tuple(tuple(int(k) for k in j) for j in np.argwhere(to_host(self.octant) != 0.0) if j.any())

    @property
    def self_weight(self) -> float:
        """beta at offset zero; 0 as long as no offset reaches a full period."""
        return 0.0

    @cached_property
    def spectrum_range(self) -> tuple[float, float]:
        """Smallest and largest value of the transform of the weights on an embedding torus, widened for rounding."""
        octant = to_host(self.octant)
        embedding = self.shape if self.periodic else tuple(n + j for n, j in zip(self.shape, octant.shape, strict=True))
        values = to_host(spectrum_of(octant, embedding))
        slack = 8 * np.finfo(np.float64).eps * np.log2(max(values.size, 2)) * float(np.abs(values).max(initial=0.0))
        return float(values.min()) - slack, float(values.max()) + slack

    def __call__(self, v: Array) -> Array:
        """K v; v : array, shape (..., *shape)."""
        halo = self._halo(v)
        return self._sum(v, lambda pair, weight: weight * sum(self._view(halo, j) for j in pair))

    def difference(self, v: Array, inside: Array | None) -> Array:
        """sum_j beta_j chi(x + z_j) (v(x + z_j) - v(x)), chi the indicator `inside` (None: every lattice node)."""
        halo = self._halo(v)
        if inside is None and self.periodic:
            return self._sum(v, lambda pair, weight: weight * (sum(self._view(halo, j) for j in pair) - len(pair) * v))
        xp = namespace(v)
        chi = self._halo(xp.ones_like(v) if inside is None else inside)

        def term(pair: tuple[tuple[int, ...], ...], weight: Array) -> Array:
            return weight * sum(self._view(chi, j) * (self._view(halo, j) - v) for j in pair)

        return self._sum(v, term)

    def _sum(self, v: Array, term: Any) -> Array:
        total: Array = namespace(v).zeros_like(v)
        for j in self._offsets:
            signs = itertools.product(*((1, -1) if k else (1,) for k in j))
            images = tuple(tuple(s * k for s, k in zip(sign, j, strict=True)) for sign in signs)
            total = total + term(images, self._weight(j, v))
        return total

    def _weight(self, j: tuple[int, ...], v: Array) -> Array:
        if is_numpy(self.octant):
            return float(self.octant[j])
        return namespace(self.octant, v).astype(self.octant[j], v.dtype)

    def _halo(self, v: Array) -> Array:
        """v enlarged by J_a nodes on each side: periodic images on the torus, zeros on a box."""
        xp = namespace(v)
        n = len(self.shape)
        for axis in range(-n, 0):
            reach = self.octant.shape[axis] - 1
            low = (..., slice(0, reach), *(slice(None),) * (-axis - 1))
            high = (..., slice(v.shape[axis] - reach, None), *(slice(None),) * (-axis - 1))
            before, after = (v[high], v[low]) if self.periodic else (v[low] * 0.0, v[high] * 0.0)
            v = xp.concat([before, v, after], axis=axis)
        return v

    def _view(self, halo: Array, j: tuple[int, ...]) -> Array:
        reach = (extent - 1 for extent in self.octant.shape)
        window = (slice(r + k, r + k + n) for r, k, n in zip(reach, j, self.shape, strict=True))
        return halo[(..., *window)]

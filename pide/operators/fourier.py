"""Fourier multipliers on the torus: A v = F^{-1}[m(k) F v]."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pide.arrays import Array, device_key, fft_of, is_numpy, like, namespace, to_host
from pide.operators.base import Operator
from pide.spaces.grid import Grid

__all__ = ["FourierMultiplier", "wavenumbers"]


@dataclass(frozen=True, eq=False, repr=False)
class FourierMultiplier(Operator):
    """A v = F^{-1}[m(k) F v] at the resolved wavenumbers k of a torus grid.

    Parameters
    ----------
    space : Grid on a torus
    multiplier : array, rfftn layout of space.shape, real or complex, unit 1/time
        m(k); torch tensors keep their gradients.

    Notes
    -----
    Exact on every resolved mode, hence of spectral order for smooth data. It is not monotone: no sign of the
    implied weights, no maximum principle and no Markov rows are claimed. At the Nyquist wavenumber, which stands for
    +k and -k at once, the real part of m is used. Cost: one real FFT pair.
    """

    space: Grid
    multiplier: Array
    claims: frozenset[str]
    notes: tuple[str, ...] = ()
    load: Array | None = None
    _cache: dict[Any, Array] = field(default_factory=dict, init=False, repr=False)

    def apply(self, u: Array) -> Array:
        xp = namespace(u)
        fft = fft_of(xp)
        n = self.space.dimension
        V = fft.rfft(u, axis=-1)
        for axis in range(-2, -n - 1, -1):
            V = fft.fft(V, axis=axis)
        V = V * self._multiplier_like(u)
        for axis in range(-n, -1):
            V = fft.ifft(V, axis=axis)
        return fft.irfft(V, n=self.space.shape[-1], axis=-1)

    @property
    def adjoint(self) -> Operator:
        if "self_adjoint" in self.claims:
            return self
        xp = namespace(self.multiplier)
        return replace(self, multiplier=xp.conj(self.multiplier))

    def spectral_bound(self) -> float:
        return float(np.abs(self._host()).max()) * (1 + 4 * np.finfo(np.float64).eps)

    def symbol(self) -> NDArray[np.float64] | None:
        m = self._host()
        return None if np.iscomplexobj(m) else m

    def diagonal(self) -> NDArray[np.float64]:
        impulse = np.zeros(self.space.shape)
        impulse[(0,) * self.space.dimension] = 1.0
        return np.full(self.space.shape, self.apply(impulse)[(0,) * self.space.dimension])

    def _host(self) -> NDArray[Any]:
        return to_host(self.multiplier)

    def _multiplier_like(self, u: Array) -> Array:
        if not is_numpy(self.multiplier):
            return namespace(self.multiplier, u).astype(self.multiplier, u.dtype)
        key = device_key(u)
        if key not in self._cache:
            m = self.multiplier
            if np.iscomplexobj(m):
                xp = namespace(u)
                imaginary = xp.astype(like(m.imag, u), xp.result_type(u.dtype, xp.complex64))
                self._cache[key] = like(m.real, u) + 1j * imaginary
            else:
                self._cache[key] = like(m, u)
        return self._cache[key]


def wavenumbers(grid: Grid) -> tuple[NDArray[np.float64], ...]:
    """Angular wavenumbers k_a = 2 pi j / L_a in the rfftn layout, one broadcastable array per axis."""
    axes = []
    for axis, (count, h) in enumerate(zip(grid.shape, grid.spacing, strict=True)):
        frequency = np.fft.rfftfreq if axis == grid.dimension - 1 else np.fft.fftfreq
        axes.append(2 * math.pi * frequency(count, d=h))
    return tuple(np.meshgrid(*axes, indexing="ij", sparse=True))

"""Lattice convolutions K v(x) = sum_j beta_j v(x + z_j) by the FFT, on a box (Toeplitz) or a torus (circulant)."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from types import ModuleType
from typing import Any

import numpy as np
import scipy.fft

from pide.arrays import Array, device_key, fft_of, is_numpy, like, namespace, to_host

__all__ = ["FourierConvolution", "circulant", "spectrum_of", "toeplitz"]

_SLAB_BYTES = 1 << 20
"""Working set of one slab of the first axis; chosen to stay in the second-level cache."""


@dataclass(frozen=True, eq=False)
class FourierConvolution:
    """K v = F^{-1}[spectrum . F v], restricted to the lattice, with F the real FFT of size `padded`.

    Parameters
    ----------
    shape : tuple of int
        Nodes per axis of the fields.
    padded : tuple of int
        Transform length per axis: at least N + J for a box, N for a torus.
    spectrum : array, real, the rfftn layout of `padded`, unit 1/time
        Transform of the even weights, hence real.
    workers : int or None
        Threads for scipy.fft; other namespaces decide for themselves.

    Notes
    -----
    Only the N nonzero rows are transformed along the last axis, and the first axis is transformed in slabs with
    the spectrum applied inside the slab, so that the fully padded array is never stored. Cost O(M log M), M the
    padded size. The error is |fl(K v) - K v| <= C u log2(M) max|spectrum| |v| in the l2 norm, with C of order 10
    (Higham 2002, ch. 24); it is not componentwise.
    """

    shape: tuple[int, ...]
    padded: tuple[int, ...]
    spectrum: Array
    workers: int | None = None
    _cache: dict[Any, Array] = field(default_factory=dict, init=False, repr=False)

    def __call__(self, v: Array) -> Array:
        """K v; v : array, shape (..., *shape)."""
        spectrum = self._spectrum_like(v)
        if is_numpy(v):
            return self._apply_numpy(v, spectrum)
        xp = namespace(v)
        return self._apply_generic(v, spectrum, xp, fft_of(xp))

    @property
    def engine(self) -> str:
        return f"fft, padded to {' x '.join(map(str, self.padded))}"

    @property
    def self_weight(self) -> float:
        """beta at offset zero: not 0 only where images of a node fall on the node itself."""
        return float(np.mean(_full_spectrum(self._host_spectrum, self.padded)))

    @cached_property
    def spectrum_range(self) -> tuple[float, float]:
        """Smallest and largest spectrum value widened by the rounding of its own FFT; they enclose eigenvalues of K."""
        values = self._host_spectrum
        slack = 8 * np.finfo(np.float64).eps * np.log2(max(values.size, 2)) * float(np.abs(values).max(initial=0.0))
        return float(values.min()) - slack, float(values.max()) + slack

    @cached_property
    def _host_spectrum(self) -> np.ndarray[Any, np.dtype[Any]]:
        return to_host(self.spectrum)

    def _spectrum_like(self, v: Array) -> Array:
        if is_numpy(self.spectrum):
            key = device_key(v)
            if key not in self._cache:
                self._cache[key] = like(self.spectrum, v)
            return self._cache[key]
        xp = namespace(self.spectrum, v)
        return xp.astype(self.spectrum, v.dtype)

    def _apply_generic(self, v: Array, spectrum: Array, xp: ModuleType, fft: ModuleType) -> Array:
        n = len(self.shape)
        V = fft.rfft(v, n=self.padded[-1], axis=-1)
        for axis in range(-2, -n - 1, -1):
            V = fft.fft(V, n=self.padded[axis], axis=axis)
        V = V * spectrum
        for axis in range(-n, -1):
            V = fft.ifft(V, axis=axis)
            V = V[(..., slice(0, self.shape[axis]), *(slice(None),) * (-axis - 1))]
        return fft.irfft(V, n=self.padded[-1], axis=-1)[..., : self.shape[-1]]

    def _apply_numpy(self, v: Array, spectrum: Array) -> Array:
        apply = (self._line, self._plane, self._volume)[len(self.shape) - 1]
        batch = v.shape[: v.ndim - len(self.shape)]
        if not batch:
            return apply(v, spectrum)
        out = np.empty_like(v)
        for index in np.ndindex(*batch):
            out[index] = apply(v[index], spectrum)
        return out

    def _line(self, v: Array, spectrum: Array) -> Array:
        V = scipy.fft.rfft(v, n=self.padded[0], workers=self.workers)
        V *= spectrum
        return scipy.fft.irfft(V, n=self.padded[0], workers=self.workers, overwrite_x=True)[: self.shape[0]]

    def _plane(self, v: Array, spectrum: Array) -> Array:
        V = scipy.fft.rfft(v, n=self.padded[1], axis=1, workers=self.workers)
        V = self._first_axis(V, spectrum)
        return scipy.fft.irfft(V, n=self.padded[1], axis=1, workers=self.workers)[:, : self.shape[1]]

    def _volume(self, v: Array, spectrum: Array) -> Array:
        n0, n1, n2 = self.shape
        m1, m2 = self.padded[1:]
        kind = np.complex64 if v.dtype == np.float32 else np.complex128
        V = np.empty((n0, m1, m2 // 2 + 1), dtype=kind)
        for i in range(n0):
            rows = scipy.fft.rfft(v[i], n=m2, axis=1, workers=self.workers)
            V[i] = scipy.fft.fft(rows, n=m1, axis=0, workers=self.workers, overwrite_x=True)
        V = self._first_axis(V, spectrum)
        out = np.empty_like(v)
        for i in range(n0):
            rows = scipy.fft.ifft(V[i], axis=0, workers=self.workers, overwrite_x=True)[:n1]
            out[i] = scipy.fft.irfft(rows, n=m2, axis=1, workers=self.workers)[:, :n2]
        return out

    def _first_axis(self, V: Array, spectrum: Array) -> Array:
        """Transform, multiply and transform back along axis 0, slab by slab of axis 1, in place."""
        m0, n0 = self.padded[0], self.shape[0]
        row_bytes = m0 * V[0, :1].nbytes
        width = max(1, _SLAB_BYTES // row_bytes)
        for start in range(0, V.shape[1], width):
            slab = (slice(None), slice(start, start + width))
            W = scipy.fft.fft(V[slab], n=m0, axis=0, workers=self.workers)
            W *= spectrum[slab]
            V[slab] = scipy.fft.ifft(W, axis=0, workers=self.workers, overwrite_x=True)[:n0]
        return V


def toeplitz(octant: Array, shape: tuple[int, ...], workers: int | None = None) -> FourierConvolution:
    """Convolution on a box: padded so that the weights never wrap onto the lattice.

    Parameters
    ----------
    octant : array, shape (J_1 + 1, ..., J_n + 1)
        Weights for nonnegative offsets; offsets beyond N_a - 1 cannot couple two nodes and are dropped.
    shape : tuple of int
        Nodes per axis.
    """
    octant = octant[tuple(slice(0, nodes) for nodes in shape)]
    padded = tuple(
        scipy.fft.next_fast_len(nodes + extent - 1, real=True)
        for nodes, extent in zip(shape, octant.shape, strict=True)
    )
    return FourierConvolution(shape, padded, spectrum_of(octant, padded), workers)


def circulant(octant: Array, shape: tuple[int, ...], workers: int | None = None) -> FourierConvolution:
    """Convolution on a torus; offsets beyond half a period are wrapped, that is summed over their images."""
    return FourierConvolution(shape, shape, spectrum_of(octant, shape), workers)


def spectrum_of(octant: Array, lengths: tuple[int, ...]) -> Array:
    """Real rfftn of the even, `lengths`-periodic sequence whose nonnegative offsets are `octant`."""
    w = octant
    for axis, length in enumerate(lengths):
        w = _wrap(w, axis, length)
    xp = namespace(w)
    fft = fft_of(xp)
    W = fft.rfft(w, axis=-1)
    for axis in range(-2, -len(lengths) - 1, -1):
        W = fft.fft(W, axis=axis)
    return xp.real(W)


def _wrap(w: Array, axis: int, length: int) -> Array:
    """Even periodic extension of one axis: entry k becomes the sum of w_|k + m length| over the images m."""
    xp = namespace(w)
    extent = w.shape[axis]
    k = np.arange(length)
    images = (extent - 1 + length - 1) // length
    total: Array = 0.0
    for m in range(-images, images + 1):
        offset = np.abs(k + m * length)
        listed = offset < extent
        if not listed.any():
            continue
        index = like(np.where(listed, offset, 0), w)
        mask = like(listed.astype(np.float64), w)
        mask = xp.reshape(mask, (1,) * axis + (length,) + (1,) * (w.ndim - axis - 1))
        total = total + xp.take(w, index, axis=axis) * mask
    return total


def _full_spectrum(spectrum: Array, padded: tuple[int, ...]) -> Array:
    """rfftn layout extended to all frequencies of the last axis by evenness of the spectrum."""
    m = padded[-1]
    frequency = np.arange(m)
    return np.take(spectrum, np.minimum(frequency, m - frequency), axis=-1)

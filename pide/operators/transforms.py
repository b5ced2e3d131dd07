"""Sine and cosine transforms over the last axes: scipy.fft on NumPy, real FFTs of extensions in other namespaces."""

from __future__ import annotations

import math

import numpy as np
import scipy.fft

from pide.arrays import Array, fft_of, is_numpy, like, namespace

__all__ = [
    "cosine_transform",
    "half_sine_transform",
    "inverse_cosine_transform",
    "inverse_half_sine_transform",
    "sine_transform",
]


def sine_transform(u: Array, dimension: int) -> Array:
    """DST-I: 2 sum_j u_j sin(pi (j + 1)(k + 1) / (N + 1)) per axis; applied twice it multiplies by 2 (N + 1)."""
    if is_numpy(u):
        return scipy.fft.dstn(u, type=1, axes=list(range(-dimension, 0)))
    for axis in range(-dimension, 0):
        u = _sine(u, axis)
    return u


def cosine_transform(u: Array, dimension: int) -> Array:
    """DCT-II: 2 sum_j u_j cos(pi k (j + 1/2) / N) per axis."""
    if is_numpy(u):
        return scipy.fft.dctn(u, type=2, axes=list(range(-dimension, 0)))
    for axis in range(-dimension, 0):
        u = _cosine(u, axis)
    return u


def inverse_cosine_transform(u: Array, dimension: int) -> Array:
    """Inverse of `cosine_transform`."""
    if is_numpy(u):
        return scipy.fft.idctn(u, type=2, axes=list(range(-dimension, 0)))
    for axis in range(-dimension, 0):
        u = _inverse_cosine(u, axis)
    return u


def half_sine_transform(u: Array, dimension: int) -> Array:
    """DST-II: 2 sum_j u_j sin(pi (k + 1)(j + 1/2) / N) per axis."""
    if is_numpy(u):
        return scipy.fft.dstn(u, type=2, axes=list(range(-dimension, 0)))
    return _reversed(cosine_transform(_alternating(u, dimension), dimension), dimension)


def inverse_half_sine_transform(u: Array, dimension: int) -> Array:
    """Inverse of `half_sine_transform`."""
    if is_numpy(u):
        return scipy.fft.idstn(u, type=2, axes=list(range(-dimension, 0)))
    return _alternating(inverse_cosine_transform(_reversed(u, dimension), dimension), dimension)


def _alternating(u: Array, dimension: int) -> Array:
    """(-1)^j u_j per axis: turns sines at half nodes into cosines of the reversed frequencies."""
    for axis in range(1, dimension + 1):
        signs = np.where(np.arange(u.shape[-axis]) % 2 == 0, 1.0, -1.0)
        u = u * like(signs.reshape(-1, *(1,) * (axis - 1)), u)
    return u


def _reversed(u: Array, dimension: int) -> Array:
    return namespace(u).flip(u, axis=tuple(range(-dimension, 0)))


def _sine(u: Array, axis: int) -> Array:
    """Imaginary part of the FFT of the odd extension, of length 2 (N + 1)."""
    xp = namespace(u)
    u = xp.moveaxis(u, axis, -1)
    zero = xp.zeros_like(u[..., :1])
    spectrum = fft_of(xp).rfft(xp.concat([zero, u, zero, -xp.flip(u, axis=-1)], axis=-1), axis=-1)
    return xp.moveaxis(-xp.imag(spectrum)[..., 1 : u.shape[-1] + 1], -1, axis)


def _cosine(u: Array, axis: int) -> Array:
    """FFT of the even extension, of length 2 N, turned by half a node."""
    xp = namespace(u)
    u = xp.moveaxis(u, axis, -1)
    spectrum = fft_of(xp).rfft(xp.concat([u, xp.flip(u, axis=-1)], axis=-1), axis=-1)[..., : u.shape[-1]]
    cosine, sine = _half_node(u)
    return xp.moveaxis(cosine * xp.real(spectrum) + sine * xp.imag(spectrum), -1, axis)


def _inverse_cosine(u: Array, axis: int) -> Array:
    xp = namespace(u)
    u = xp.moveaxis(u, axis, -1)
    cosine, sine = _half_node(u)
    spectrum = cosine * u + 1j * xp.astype(sine * u, xp.result_type(u.dtype, xp.complex64))
    spectrum = xp.concat([spectrum, xp.zeros_like(spectrum[..., :1])], axis=-1)
    extended = fft_of(xp).irfft(spectrum, n=2 * u.shape[-1], axis=-1)
    return xp.moveaxis(extended[..., : u.shape[-1]], -1, axis)


def _half_node(u: Array) -> tuple[Array, Array]:
    """cos and sin of pi k / (2 N), k < N."""
    angle = math.pi * np.arange(u.shape[-1]) / (2 * u.shape[-1])
    return like(np.cos(angle), u), like(np.sin(angle), u)

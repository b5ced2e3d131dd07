"""Fourier symbols of spatial nonlocal operators on a periodic lattice of unit spacing, for many parameters at once.

Symbols: N_a pixels per axis; k_a = 2 pi j / N_a wavenumbers in the rfftn layout; s orders; delta horizons; all symbols
are eigenvalues >= 0 of a positive semidefinite operator with kernel the constants.
"""

from __future__ import annotations

import math

import numpy as np

from pide.arrays import Array, like, namespace
from pide.continuum.domains import Torus
from pide.operators.fourier import wavenumbers
from pide.operators.torus import modulus, power
from pide.spaces.grid import Grid

__all__ = ["fractional_symbols", "horizon_symbols", "pixel_grid"]


def pixel_grid(shape: tuple[int, ...]) -> Grid:
    """The torus of these pixels, spacing 1."""
    return Torus(tuple(float(count) for count in shape)).grid(*shape)


def fractional_symbols(s: Array, shape: tuple[int, ...], scheme: str = "lattice") -> Array:
    """(sum_a 4 sin^2(k_a / 2))^s or |k|^{2s}, shape (C, *rfftn layout).

    Parameters
    ----------
    s : array, shape (C,)
        Orders in (0, 1], not checked; gradients pass.
    shape : tuple of int
    scheme : {"lattice", "fourier"}
        "lattice" is the power of the discrete Laplacian, whose exponential is a Markov matrix; "fourier" is exact on
        every resolved mode and not monotone.

    Raises
    ------
    ValueError
        For an unknown scheme.
    """
    if scheme not in ("lattice", "fourier"):
        raise ValueError(f"scheme={scheme!r}: there are 'lattice' and 'fourier'. Write scheme='lattice'.")
    grid = pixel_grid(shape)
    exponent = namespace(s).reshape(s, (-1, *(1 for _ in shape)))
    if scheme == "fourier":
        return power(modulus(grid), 2.0 * exponent)
    return power(np.asarray(sum(4.0 * np.sin(k / 2) ** 2 for k in wavenumbers(grid))), exponent)


def horizon_symbols(delta: Array, shape: tuple[int, ...], reach: int) -> Array:
    """sum_z w_z (1 - cos k.z) of w_z = c (1 - |z|^2 / delta^2)_+, z != 0, shape (C, *rfftn layout).

    Parameters
    ----------
    delta : array, shape (C,)
        Horizons in pixels, > 1 and at most `reach` + 1; gradients pass, and are continuous where pixels enter.
    shape : tuple of int
    reach : int
        Largest offset along an axis that is summed.

    Notes
    -----
    c makes sum_z w_z z_a^2 = 2 on the lattice, so that the operator tends to -Delta as delta tends to 1. Offsets beyond
    half a period are summed over their images. Weights are >= 0: the exponential is a Markov matrix.
    """
    xp, n = namespace(delta), len(shape)
    offsets = np.stack(np.meshgrid(*[np.arange(reach + 1.0)] * n, indexing="ij"))
    squares = np.sum(offsets**2, axis=0)
    # Octants stand for all signs: 2 for every axis with an offset.
    copies = np.where(squares > 0, 2.0 ** np.sum(offsets > 0, axis=0), 0.0)
    wide = xp.reshape(delta, (-1, *(1,) * n))
    profile = 1.0 - like(squares, delta) / wide**2
    w = like(copies, delta) * xp.where(profile > 0, profile, xp.zeros_like(profile))
    axes = tuple(range(1, n + 1))
    moment = xp.sum(w * like(offsets[0] ** 2, delta), axis=axes, keepdims=True)
    w = 2.0 * w / moment
    total = xp.sum(w, axis=axes, keepdims=True)
    for count, half in zip(shape, [False] * (n - 1) + [True], strict=True):
        k = 2 * math.pi * (np.fft.rfftfreq(count) if half else np.fft.fftfreq(count))
        cosines = like(np.cos(np.outer(np.arange(reach + 1.0), k)), delta)
        w = xp.tensordot(w, cosines, axes=((1,), (0,)))
    return total - w

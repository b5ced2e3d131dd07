"""The tau preconditioner: functions of the matrix that the sine transform DST-I diagonalises.

With S the DST-I on the bounding box and lambda the symbol of L sampled at theta = pi k / (N + 1), k = 1..N, per axis:
T = S lambda S^{-1}, the spectral operator that L resembles (for (-Delta)^s on a box, its spectral namesake).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from pide.arrays import Array, device_key, fft_of, is_numpy, like, namespace
from pide.spaces.grid import Grid

__all__ = ["TauInverse", "sine_transform"]


@dataclass(frozen=True, eq=False)
class TauInverse:
    """r -> R (I - tau T)^{-1} R^T r, R the restriction to the domain: close to (I - tau L)^{-1}, symmetric and positive.

    Parameters
    ----------
    space : Grid
    symbol : array, shape space.shape, unit 1/time
        lambda, from `Operator.dirichlet_symbol` of the generator.
    tau : float, unit of time

    Raises
    ------
    ValueError
        When 1 - tau lambda is not positive everywhere.

    References
    ----------
    Bini, Di Benedetto 1990; Huang, Shen 2024.
    """

    space: Grid
    symbol: NDArray[np.float64]
    tau: float
    _cache: dict[Any, Array] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if float((1.0 - self.tau * self.symbol).min()) <= 0.0:
            raise ValueError(
                f"TauInverse(tau={self.tau:g}): 1 - tau lambda must be positive. Give the symbol of a generator <= 0."
            )

    def __call__(self, r: Array) -> Array:
        """Apply to a field (..., *space.shape), any namespace; two sine transforms."""
        n = self.space.dimension
        return self.space.restricted(sine_transform(sine_transform(r, n) * self._factor(r), n))

    def _factor(self, r: Array) -> Array:
        """1 / (1 - tau lambda), with the normalisation of the two transforms."""
        key = device_key(r)
        if key not in self._cache:
            volume = np.prod([2.0 * (count + 1) for count in self.space.shape])
            self._cache[key] = like(1.0 / (volume * (1.0 - self.tau * self.symbol)), r)
        return self._cache[key]


def sine_transform(u: Array, dimension: int) -> Array:
    """DST-I over the last axes: 2 sum_j u_j sin(pi j k / (N + 1)) per axis; its square is 2 (N + 1).

    scipy.fft on NumPy; elsewhere the imaginary part of the FFT of the odd extension, of length 2 (N + 1) per axis.
    """
    axes = range(-dimension, 0)
    if is_numpy(u):
        return scipy.fft.dstn(u, type=1, axes=list(axes))
    for axis in axes:
        u = _odd_transform(u, axis)
    return u


def _odd_transform(u: Array, axis: int) -> Array:
    xp = namespace(u)
    u = xp.moveaxis(u, axis, -1)
    zero = xp.zeros_like(u[..., :1])
    spectrum = fft_of(xp).rfft(xp.concat([zero, u, zero, -xp.flip(u, axis=-1)], axis=-1), axis=-1)
    return xp.moveaxis(-xp.imag(spectrum)[..., 1 : u.shape[-1] + 1], -1, axis)

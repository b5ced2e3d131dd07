"""Spatial nonlocal diffusion of feature maps by its exact exponential, with learnable order, horizon and time.

Symbols: X features (B, C, *shape); c channel; A_c >= 0 the operator of a channel on the pixels, by its Fourier symbol;
t_c time; s_c order; delta_c horizon.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pide.nets.kernels import full_precision, single
from pide.nets.layers.constraints import Bounded, Positive
from pide.nets.layers.convolutions import check_dimension
from pide.nets.layers.feature_maps import check_choices, check_map
from pide.operators.fourier import FourierMultiplier
from pide.operators.pixel_symbols import fractional_symbols, horizon_symbols, pixel_grid

__all__ = ["SpectralDiffusion"]

_KINDS = ("fractional", "horizon")
_BOUNDARIES = ("mirrored", "periodic")
_SCHEMES = ("lattice", "fourier")


class SpectralDiffusion(nn.Module):
    """X_c -> exp(-t_c A_c) X_c for each channel, A_c = (-Delta)^{s_c} or a diffusion with horizon delta_c, on pixels.

    Parameters
    ----------
    channels : int
        C.
    kind : {"fractional", "horizon"}
        (-Delta)^s, or the weights c (1 - |z|^2 / delta^2)_+ of pixels at offset z, second moment as -Delta.
    s : float
        First s, in (0, 1); learnable.
    horizon : float
        First delta in pixels, in (1, largest_horizon); learnable.
    time : float
        First t > 0, in pixels^{2 s} or pixels^2; learnable.
    largest_horizon : int
        delta stays below it.
    scheme : {"lattice", "fourier"}
        Of "fractional", see `pide.operators.pixel_symbols.fractional_symbols`.
    boundary : {"mirrored", "periodic"}
        "mirrored" reflects the map at its outer edges, twice the pixels per axis.
    dimension : int
        Axes of the feature map: 1, 2 or 3.

    Notes
    -----
    The exponential is exact to rounding for every t, so no step is too large. The mean of every channel is kept, energy
    and variance do not grow, and layers compose: times add. With "lattice" and "horizon" the step is a Markov matrix,
    so no new extrema; not so "fourier". Nothing depends on the size of the map but the wavenumbers: one layer serves
    all sizes. Cost: one FFT pair per channel, and its symbol once per forward pass.

    Raises
    ------
    ValueError
        For unknown options, parameters out of range, inputs of another shape.
    """

    def __init__(
        self,
        channels: int,
        kind: str = "fractional",
        *,
        s: float = 0.5,
        horizon: float = 2.5,
        time: float = 0.5,
        largest_horizon: int = 8,
        scheme: str = "lattice",
        boundary: str = "mirrored",
        dimension: int = 2,
    ) -> None:
        super().__init__()
        check_dimension("SpectralDiffusion", dimension)
        _check(kind, scheme, boundary, channels, largest_horizon)
        self.channels, self.kind, self.dimension = channels, kind, dimension
        self.scheme, self.boundary, self.largest_horizon = scheme, boundary, largest_horizon
        self.positive = Positive()
        self.range = Bounded(0.0, 1.0) if kind == "fractional" else Bounded(1.0, float(largest_horizon))
        first = s if kind == "fractional" else horizon
        self.raw_shape = nn.Parameter(self.range.right_inverse(torch.full((channels,), float(first))))
        self.raw_time = nn.Parameter(self.positive.right_inverse(torch.full((channels,), float(time))))

    @property
    def time(self) -> Tensor:
        """t_c > 0, shape (C,)."""
        time: Tensor = self.positive(self.raw_time)
        return time

    @property
    def s(self) -> Tensor:
        """s_c in (0, 1), shape (C,), of "fractional".

        Raises
        ------
        ValueError
            For "horizon".
        """
        return self._parameter("fractional", "s")

    @property
    def horizon(self) -> Tensor:
        """delta_c in (1, largest_horizon), shape (C,), of "horizon".

        Raises
        ------
        ValueError
            For "fractional".
        """
        return self._parameter("horizon", "horizon")

    def forward(self, x: Tensor) -> Tensor:
        """exp(-t A) X; x : tensor, shape (B, C, *shape)."""
        check_map("SpectralDiffusion", x, self.channels, self.dimension, 1)
        if x.shape[0] == 0:
            return x  # torch has no FFT of an empty batch
        with full_precision(x):
            return self.diffused(single(x)).to(x.dtype)

    def diffused(self, x: Tensor) -> Tensor:
        """exp(-t A) X in the precision of x, at least float32."""
        shape = tuple(x.shape[2:])
        axes = tuple(range(2, x.dim()))
        if self.boundary == "mirrored":
            for axis in axes:
                x = torch.cat([x, x.flip(axis)], dim=axis)
        grid = pixel_grid(tuple(x.shape[2:]))
        step = FourierMultiplier(grid, self.multiplier(tuple(x.shape[2:])), frozenset())
        y: Tensor = step.apply(x.contiguous())
        for axis, count in zip(axes, shape, strict=True):
            y = y.narrow(axis, 0, count)
        return y

    def multiplier(self, shape: tuple[int, ...]) -> Tensor:
        """exp(-t_c A_c(k)), shape (C, *rfftn layout), for a periodic map of this shape."""
        if self.kind == "fractional":
            symbols = fractional_symbols(self.s, shape, self.scheme)
        else:
            symbols = horizon_symbols(self.horizon, shape, self.largest_horizon)
        return torch.exp(-self.time.reshape(-1, *(1,) * len(shape)) * symbols)

    def extra_repr(self) -> str:
        operator = "(-Delta)^s" if self.kind == "fractional" else "L_delta"
        low, high = (float(value) for value in torch.aminmax(self.range(self.raw_shape.detach())))
        name = "s" if self.kind == "fractional" else "delta"
        return (
            f"exp(-t {operator}) X, channels={self.channels}, {name} in [{low:.3g}, {high:.3g}], scheme={self.scheme}, "
            f"boundary={self.boundary}, dimension={self.dimension}"
        )

    def _parameter(self, kind: str, name: str) -> Tensor:
        if self.kind != kind:
            raise ValueError(f"SpectralDiffusion(kind={self.kind!r}) has no {name}. Write kind={kind!r}.")
        value: Tensor = self.range(self.raw_shape)
        return value


def _check(kind: str, scheme: str, boundary: str, channels: int, largest_horizon: int) -> None:
    check_choices(
        "SpectralDiffusion",
        ("kind", kind, _KINDS),
        ("scheme", scheme, _SCHEMES),
        ("boundary", boundary, _BOUNDARIES),
    )
    if channels < 1:
        raise ValueError(f"SpectralDiffusion(channels={channels}): at least 1 is needed. Write channels=32.")
    if largest_horizon < 2:
        raise ValueError(
            f"SpectralDiffusion(largest_horizon={largest_horizon}): at least 2 pixels are needed. Write 8."
        )

"""Radial kernels given by a function."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np
from numpy.typing import NDArray

from pide.arrays import Array, namespace, to_host
from pide.continuum.constants import sphere_area
from pide.continuum.kernels.base import Kernel
from pide.continuum.kernels.panels import adaptive_panels, decay_radius, panel_rule, refine_panels, tail_integrals
from pide.continuum.kernels.parameters import on_host, positive_horizon
from pide.continuum.kernels.spherical import deficit

__all__ = ["Radial"]

Reals = NDArray[np.float64]

_LARGEST_PHASE = 1e5
"""Of k r in the symbol: two hundred thousand nodes for each wave number."""


@final
@dataclass(frozen=True, eq=False, init=False, repr=False)
class Radial(Kernel):
    """gamma(r) = C f(r) for r < delta, with a function f of the caller.

    Parameters
    ----------
    f : callable
        f(r) for arrays r > 0 of any shape, NumPy and every other namespace in which the kernel is to be used.
    horizon : float, unit length
        delta > 0. With math.inf, r^{n+1} f(r) must decay fast; see Raises.
    singularity : float
        a >= 0, a < n + 2: f(r) r^a is smooth at 0. Kept as the field `exponent`, because `singularity` is a method.
    normalise : None (default), "laplacian" or "mass"

    Notes
    -----
    Moments and symbol by quadrature in NumPy: product integration of r^{n+1-a} on the first panel, Gauss-Legendre
    on adaptively bisected panels elsewhere, relative accuracy about 1e-12 when f is piecewise smooth. The
    symbol costs O(k delta) evaluations per wave number and refines the panels of the moments to the wave length.
    `nonnegative` is f >= 0 on 400 sampled radii, which is evidence, not proof.

    Raises
    ------
    ValueError
        If f returns another shape, is not finite on (0, delta), or is more singular than stated; for an infinite
        horizon if the moments have not converged at 1e4 times the scale of the kernel; if singularity >= n + 2; for
        a symbol at k * horizon > 1e5.

    >>> round(Radial(lambda r: 1 - r, horizon=1.0).mass(dimension=1), 12)
    1.0
    """

    f: Callable[[Array], Array]
    horizon: float
    exponent: float
    normalise: str | None

    def __init__(
        self,
        f: Callable[[Array], Array],
        horizon: float,
        singularity: float = 0.0,
        normalise: str | None = None,
    ) -> None:
        if not callable(f):
            raise TypeError(f"Radial(f={type(f).__name__}): needs a function of the distance. Write lambda r: ...")
        horizon = positive_horizon(horizon, "Radial", infinite=True)
        self._store(f=f, horizon=horizon, exponent=float(singularity), normalise=normalise)
        self._check_normalise()
        if not self.exponent >= 0:
            raise ValueError(f"Radial(singularity={self.exponent:g}): needs a >= 0 with f(r) r^a smooth at 0.")
        self._check_values()

    def __repr__(self) -> str:
        name = getattr(self.f, "__name__", type(self.f).__name__)
        return f"Radial({name}, horizon={self.horizon!r}, singularity={self.exponent!r}, normalise={self.normalise!r})"

    @property
    def nonnegative(self) -> bool:
        return bool(np.all(to_host(self.f(self._sample())) >= 0))

    def check_dimension(self, dimension: int) -> None:
        Kernel.check_dimension(self, dimension)
        if self.exponent >= dimension + 2:
            raise ValueError(
                f"{self!r}: needs singularity < n + 2 = {dimension + 2} in dimension {dimension}, because "
                "int r^2 gamma dz diverges at 0. Write a smaller singularity for an f that is less singular."
            )

    def _regular(self, r: Array, dimension: int) -> Array:
        if self.exponent == 0:
            return self.f(r)
        xp = namespace(r)
        step = 1e-6 * min(self.horizon, 1.0)
        positive = r > 0
        inside = xp.where(positive, r, xp.full_like(r, step))
        twice = xp.full_like(r, 2 * step)
        values = self.f(inside) * inside**self.exponent
        at_zero = 2 * values - self.f(twice) * twice**self.exponent
        return xp.where(positive, values, at_zero)

    def _singularity(self, dimension: int) -> float:
        return self.exponent

    def _length(self, dimension: int) -> float:
        edges = self._panels(dimension)
        return float(max(np.min(np.diff(edges)), edges[-1] / 16) / 4)

    def _mass(self, dimension: int) -> float:
        if self.exponent >= dimension:
            return math.inf
        r, w = panel_rule(self._panels(dimension), dimension - 1 - self.exponent)
        return float(sphere_area(dimension) * (w @ self._regular(r, dimension)))

    def _second_moment(self, dimension: int) -> float:
        r, w = panel_rule(self._panels(dimension), dimension + 1 - self.exponent)
        return float(sphere_area(dimension) / dimension * (w @ self._regular(r, dimension)))

    def _tail_mass(self, radius: Array, dimension: int) -> Array:
        edges = self._panels(dimension)

        def values(radii: Reals) -> Reals:
            inside = np.where(radii > 0, np.minimum(radii, edges[-1]), edges[-1])
            tails = tail_integrals(lambda r: r ** (dimension - 1) * self.f(r), edges, inside)
            return np.where(radii > 0, sphere_area(dimension) * tails, self._mass(dimension))

        return on_host(values, radius)

    def _symbol(self, k: Array, dimension: int) -> Array:
        edges, power = self._panels(dimension), dimension + 1 - self.exponent
        phase = float(np.max(to_host(k), initial=0.0)) * edges[-1]
        if phase > _LARGEST_PHASE:
            raise ValueError(
                f"{self!r}: the symbol at k with k * horizon = {phase:.3g} needs too many nodes; the limit is "
                f"{_LARGEST_PHASE:g}. Use a kernel with a closed form, or discretise instead of scheme='fourier'."
            )

        def values(q: Reals) -> Reals:
            r, w = panel_rule(refine_panels(edges, float(q[-1])), power)
            w = w * self._regular(r, dimension)
            return np.asarray([-sphere_area(dimension) * x**2 * (deficit(x * r, dimension) @ w) for x in q])

        return on_host(values, k)

    def _panels(self, dimension: int) -> Reals:
        """Panels that resolve the integrands of the moments, computed once per dimension."""
        if dimension not in self._resolved:
            end = self.horizon if math.isfinite(self.horizon) else decay_radius(self.f, dimension)
            if end is None:
                raise ValueError(
                    f"{self!r}: r^{dimension + 1} f(r) does not decay within 1e4 times the scale of the kernel. "
                    "Give a finite horizon, or use PowerLaw, Fractional or Tempered, whose tails are known."
                )
            b = dimension - self.exponent
            powers = (b - 1, b + 1) if b > 0 else (b + 1,)
            self._resolved[dimension] = adaptive_panels(lambda r: self._regular(r, dimension), powers, end)
        return self._resolved[dimension]

    @cached_property
    def _resolved(self) -> dict[int, Reals]:
        return {}

    def _sample(self) -> Reals:
        """Radii at which values are inspected: 200 spread evenly and 200 towards 0, or 400 over twelve decades."""
        if math.isinf(self.horizon):
            return np.geomspace(1e-6, 1e6, 400)
        return self.horizon * np.concatenate([np.linspace(0.0025, 0.9975, 200), np.geomspace(1e-6, 0.99, 200)])

    def _check_values(self) -> None:
        r = self._sample()
        values = self.f(r)
        if getattr(values, "shape", None) != r.shape:
            raise ValueError(
                f"{self!r}: f returned shape {getattr(values, 'shape', ())} for radii of shape {r.shape}. "
                "Write f with array operations, f(r) = ones_like(r) for a constant."
            )
        finite = np.isfinite(to_host(values))
        if not finite.all():
            raise ValueError(
                f"{self!r}: f is not finite at r = {r[np.argmin(finite)]:.3g}. "
                "Give an f that is finite for 0 < r < horizon; a pole at 0 is declared by singularity=a."
            )
        self._check_singularity()

    def _check_singularity(self) -> None:
        """Refuse an f that grows faster than r^-a over the decade next to 0."""
        near = np.asarray([1e-8, 1e-7]) * min(self.horizon, 1.0)
        inner, outer = np.abs(to_host(self.f(near))) * near**self.exponent
        if inner > 1.05 * outer > 0:
            steeper = self.exponent + math.log10(inner / outer)
            raise ValueError(
                f"{self!r}: f(r) r^{self.exponent:g} grows like r^{self.exponent - steeper:.2g} as r -> 0, "
                f"so f is more singular than stated. Write singularity={steeper:.3g}."
            )

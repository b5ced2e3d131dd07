"""General two-point kernels omega(x, y)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

from pide.arrays import Array, namespace
from pide.continuum.kernels.parameters import positive_horizon

__all__ = ["TwoPoint"]

_SAMPLE = 48
"""Points on each side at which symmetry is tested."""


@final
@dataclass(frozen=True)
class TwoPoint:
    """L v(x) = int omega(x, y) (v(y) - v(x)) dy with a kernel omega given by the user.

    Parameters
    ----------
    f : callable
        f(x, y) -> omega, where x and y are tuples of n coordinate arrays that broadcast against each other;
        for the operator to be dissipative omega >= 0.
    horizon : float, unit length, optional
        omega is taken as 0 where the Euclidean distance |x - y| >= horizon; None: no cutoff.
    symmetric : bool
        Whether omega(x, y) = omega(y, x). It is tested on a sample; with False the claims that need symmetry
        are withheld.

    Notes
    -----
    omega is used as written (no normalisation). Values at x = y cancel in v(y) - v(x) and are set to 0, so that
    kernels singular on the diagonal may be given; their quadrature is then first order at best.

    >>> import numpy as np
    >>> w = TwoPoint(lambda x, y: x[0] * y[0])
    >>> w.matrix((np.array([1.0, 2.0]),), (np.array([3.0, 4.0]),))
    array([[3., 4.],
           [6., 8.]])
    """

    f: Callable[[tuple[Array, ...], tuple[Array, ...]], Array]
    horizon: float | None = None
    symmetric: bool = True

    def __post_init__(self) -> None:
        if not callable(self.f):
            raise TypeError(f"TwoPoint(f={type(self.f).__name__}): needs a function f(x, y) of two points.")
        if self.horizon is not None:
            object.__setattr__(self, "horizon", positive_horizon(self.horizon, "TwoPoint"))

    def matrix(self, x: Sequence[Array], y: Sequence[Array]) -> Array:
        """omega(x_i, y_j) for all pairs of two lists of points.

        Parameters
        ----------
        x, y : sequences of n arrays, shapes (N,) and (M,), unit length
            Coordinates of the points, one array per axis.

        Returns
        -------
        array, shape (N, M)
            0 where x_i = y_j and beyond the horizon.

        Raises
        ------
        ValueError
            If f returns another shape or values that are not finite, or is not symmetric although
            `symmetric=True`.
        """
        columns, rows = tuple(c[:, None] for c in x), tuple(c[None, :] for c in y)
        xp = namespace(*x, *y)
        shape = (x[0].shape[0], y[0].shape[0])
        values = self._evaluate(columns, rows, shape)
        square = sum((a - b) ** 2 for a, b in zip(columns, rows, strict=True))
        keep = (square > 0) if self.horizon is None else (square > 0) & (square < self.horizon**2)
        values = xp.where(keep, values, xp.zeros_like(values))
        if not bool(xp.all(xp.isfinite(values))):
            raise ValueError(
                f"{self._name()}: omega(x, y) is not finite at some x != y. "
                "Regularise the singularity, or give a radial kernel with its exponent: Radial(f, singularity=a)."
            )
        if self.symmetric:
            self._check_symmetry(x, y)
        return values

    def _evaluate(self, x: tuple[Array, ...], y: tuple[Array, ...], shape: tuple[int, int]) -> Array:
        values = self.f(x, y)
        given = tuple(getattr(values, "shape", ()))
        if len(given) > 2 or any(a not in (1, b) for a, b in zip(given[::-1], shape[::-1], strict=False)):
            raise ValueError(
                f"{self._name()}: f returned shape {given} for x of shape {(shape[0], 1)} and y of shape "
                f"{(1, shape[1])}: it must broadcast to {shape}. Write f from x[0], y[0], ... by broadcasting."
            )
        xp = namespace(*x, *y)
        template = xp.zeros_like(x[0] + y[0])
        return template + (xp.astype(values, template.dtype) if hasattr(values, "dtype") else values)

    def _check_symmetry(self, x: Sequence[Array], y: Sequence[Array]) -> None:
        """Compare omega(x, y) with omega(y, x) on a sample of pairs spread over the lists."""
        p = tuple(c[:: max(1, c.shape[0] // _SAMPLE)] for c in x)
        q = tuple(c[:: max(1, c.shape[0] // _SAMPLE)] for c in y)
        shape = (p[0].shape[0], q[0].shape[0])
        there = self._evaluate(tuple(c[:, None] for c in p), tuple(c[None, :] for c in q), shape)
        back = self._evaluate(tuple(c[None, :] for c in q), tuple(c[:, None] for c in p), shape)
        xp = namespace(there)
        finite = xp.isfinite(there) & xp.isfinite(back)
        there, back = (xp.where(finite, v, xp.zeros_like(v)) for v in (there, back))
        tolerance = 1e3 * float(xp.finfo(there.dtype).eps) * (abs(there) + abs(back))
        different = abs(there - back) > tolerance
        if bool(xp.any(different)):
            worst = int(xp.argmax(xp.astype(xp.reshape(different, (-1,)), xp.int64)))
            one, other = (float(xp.reshape(v, (-1,))[worst]) for v in (there, back))
            raise ValueError(
                f"{self._name()}: omega(x, y) = {one:.6g} but omega(y, x) = {other:.6g} at a sampled pair. "
                "Write symmetric=False, or the mean (omega(x, y) + omega(y, x)) / 2."
            )

    def _name(self) -> str:
        horizon = "" if self.horizon is None or math.isinf(self.horizon) else f", horizon={self.horizon:g}"
        return f"TwoPoint({getattr(self.f, '__name__', 'f')}{horizon}, symmetric={self.symmetric})"

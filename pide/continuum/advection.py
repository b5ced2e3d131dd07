"""Transport by a velocity field: -b . grad u."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pide.arrays import Array
from pide.continuum.operators import ContinuumOperator

__all__ = ["Advection"]


@dataclass(frozen=True)
class Advection(ContinuumOperator):
    """A v(x) = -b(x) . grad v(x): u_t = A u carries u along with velocity b.

    Parameters
    ----------
    b : tuple of numbers or callables b_a(*x), one per axis, unit length/time
        A number stands for a constant component; in one dimension a bare number or callable will do.
    scheme : {"auto", "upwind", "central", "fourier"}
        What "auto" means in `on` and `solve`; "auto" itself is "upwind".

    Notes
    -----
    On functions A generates the path that runs *against* b, x' = -b(x); its adjoint moves densities,
    p_t = div(b p). Schemes on grids: "upwind" (default; first order, monotone), "central" (second order, no sign of its
    weights) and, for constant b on a torus, "fourier" (spectral order).

    Raises
    ------
    TypeError, ValueError
        For components that are neither finite numbers nor callable.

    Examples
    --------
    >>> import numpy as np, pide
    >>> grid = pide.Torus((2 * np.pi,)).grid(16)
    >>> A = Advection((3.0,)).on(grid, scheme="fourier")
    >>> bool(np.allclose(A(np.sin(grid.axes[0])), -3 * np.cos(grid.axes[0])))
    True
    """

    b: tuple[float | Callable[..., Array], ...]
    scheme: str = "auto"

    def __post_init__(self) -> None:
        if not isinstance(self.b, (tuple, list)):
            object.__setattr__(self, "b", (self.b,))
        object.__setattr__(self, "b", tuple(_component(c) for c in self.b))
        if not self.b:
            raise ValueError("Advection(()): a velocity has one component per axis. Write Advection((1.0, 0.0)).")

    @property
    def definiteness(self) -> int:
        """0: transport neither gains nor loses energy by a sign of its own."""
        return 0

    def __mul__(self, factor: Any) -> ContinuumOperator:
        """The factor goes into b: an upwind scheme needs to know from where the transport comes."""
        if not isinstance(factor, (int, float)):
            return NotImplemented
        return replace(self, b=tuple(_scaled(factor, c) for c in self.b))

    __rmul__ = __mul__

    @property
    def is_constant(self) -> bool:
        """Whether all components are numbers."""
        return not any(callable(c) for c in self.b)

    def check_dimension(self, dimension: int) -> None:
        """Raise unless there is one component per axis.

        Raises
        ------
        ValueError
        """
        if len(self.b) != dimension:
            example = ", ".join(["1.0"] * dimension) + ("," if dimension == 1 else "")
            raise ValueError(
                f"Advection with {len(self.b)} components in dimension {dimension}: needed is one per axis. "
                f"Write Advection(({example}))."
            )


def _scaled(factor: float, c: float | Callable[..., Array]) -> float | Callable[..., Array]:
    return (lambda *x: factor * c(*x)) if callable(c) else factor * c


def _component(c: object) -> float | Callable[..., Array]:
    if callable(c):
        return c
    if isinstance(c, bool) or not isinstance(c, (int, float, np.number)):
        raise TypeError(
            f"Advection with a component of type {type(c).__name__}: needed is a number or a function of the "
            "coordinates. Write Advection((1.0, lambda x, y: x))."
        )
    if not math.isfinite(c):
        raise ValueError(f"Advection with a component {c}: a velocity is finite. Write Advection((1.0,)).")
    return float(c)

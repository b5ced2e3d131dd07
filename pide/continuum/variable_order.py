"""The fractional Laplacian whose order depends on position."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pide.arrays import Array
from pide.continuum.operators import ContinuumOperator

__all__ = ["VariableOrderLaplacian"]


@dataclass(frozen=True)
class VariableOrderLaplacian(ContinuumOperator):
    """A v(x) = p.v. int c_{n,r} (v(x) - v(y)) / |x - y|^{n + 2 r} dy with the mean order r = (s(x) + s(y)) / 2.

    Parameters
    ----------
    s : callable s(*x)
        Order at each point of the domain, 0 < s < 1.

    Notes
    -----
    The mean of the orders makes the kernel symmetric: A is self-adjoint and >= 0. Other authors take s(x) alone, which
    is neither. With `Zero()` a jump out of the domain has the order of its start, so that s need not be known outside;
    with constant s this is `FractionalLaplacian`. With `Reflecting()` there are no such jumps.

    Raises
    ------
    TypeError
        When s is not callable.

    Examples
    --------
    >>> import numpy as np, pide
    >>> A = VariableOrderLaplacian(lambda x: 0.5 + 0.2 * np.tanh(x)).on(pide.Interval(-1, 1).grid(16), pide.Zero())
    >>> A.definiteness
    1
    """

    s: Callable[..., Array]

    def __post_init__(self) -> None:
        if not callable(self.s):
            raise TypeError(
                f"VariableOrderLaplacian(s={self.s!r}): a function of the coordinates is needed. For one order write "
                "FractionalLaplacian(s=0.5)."
            )

    @property
    def definiteness(self) -> int:
        """+1."""
        return 1

"""Operators on fields of zero mean: data that have a mean are refused, or projected on request."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pide.arrays import Array, like, namespace, real_dtype_name, to_host
from pide.operators.base import Operator
from pide.spaces.grid import Grid

__all__ = ["ZeroMeanOperator"]

_ROUNDING = 1024.0
"""Allowed |sum v| in units of u (1 + log2 N) sum |v|, the rounding of a pairwise sum.

The margin is for the rounding of the data themselves and for the tails of smooth densities cut at the boundary.
"""


@dataclass(frozen=True, eq=False, repr=False)
class ZeroMeanOperator(Operator):
    """A on fields with sum v = 0; with project=True P A P on all fields, P v = v - mean v.

    Parameters
    ----------
    inner : Operator
        A.
    project : bool
        Whether to project.
    reason : str
        Why the mean matters; part of the error message.

    Notes
    -----
    `operator(v)` checks the mean; `apply(v)`, for inner loops, does not.
    """

    inner: Operator
    project: bool
    reason: str
    claims: frozenset[str]
    notes: tuple[str, ...] = ()
    load: Array | None = None

    @property
    def space(self) -> Grid:  # type: ignore[override]
        return self.inner.space

    def __call__(self, u: Array) -> Array:
        """A u or P A P u; see `Operator.__call__`.

        Raises
        ------
        ValueError
            Unless u has zero mean up to rounding, or project=True.
        """
        self.space.check_field(u, "u")
        if not self.project:
            self._check_mean(u)
        return self.apply(u)

    def apply(self, u: Array) -> Array:
        return self._centred(self.inner.apply(self._centred(u))) if self.project else self.inner.apply(u)

    def diagonal(self) -> NDArray[np.float64]:
        """A_ii; of P A P by its matrix."""
        return Operator.diagonal(self) if self.project else self.inner.diagonal()

    def spectral_bound(self) -> float:
        """That of A, P being an orthogonal projection."""
        return self.inner.spectral_bound()

    def symbol(self) -> NDArray[np.float64] | None:
        return self.inner.symbol()

    def _centred(self, u: Array) -> Array:
        mean = self.space.mean(u)
        mean = namespace(u).reshape(mean, (*mean.shape, *(1,) * self.space.ndim))
        return self.space.restricted(u - mean)

    def _check_mean(self, u: Array) -> None:
        xp = namespace(u)
        axes: Any = tuple(range(-self.space.ndim, 0))
        root = self.space.root_masses
        u = u if root is None else u * like(root**2 / np.mean(root**2), u)
        total = np.abs(to_host(xp.sum(u, axis=axes)))
        size = to_host(xp.sum(xp.abs(u), axis=axes))
        roundoff = float(np.finfo(real_dtype_name(u)).eps) / 2
        if np.any(total > _ROUNDING * roundoff * (1 + math.log2(self.space.count)) * size):
            worst = float(np.max(total)) / self.space.count
            raise ValueError(
                f"u has mean {worst:.3g}: {self.reason}. Subtract the mean, u = grid.restricted(u - grid.mean(u)), or "
                "write project=True in the potential to have it subtracted from u and from the result."
            )

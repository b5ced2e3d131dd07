"""Waves: u_tt = L u + q, L the member of {A, -A} that is <= 0."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from pide.continuum.problems import SemidefiniteProblem

__all__ = ["Wave"]


@dataclass(frozen=True, eq=False)
class Wave(SemidefiniteProblem):
    """u_tt = L u + q with L the member of {A, -A} that is <= 0, u = u0 and u_t = v0 at t = 0.

    Parameters
    ----------
    operator, domain, initial, exterior, source
        See `Problem`. The operator must be semidefinite: `NonlocalDiffusion` (peridynamics), `FractionalLaplacian`,
        `Laplacian`, and sums and multiples of one sign.
    velocity : callable f(*x), array of the shape of the initial data, or number
        v0.

    Notes
    -----
    The energy |u_t|^2/2 + <-L u, u>/2 is constant in time without source; `Result.total_energy` is its curve.

    Raises
    ------
    ValueError
        When neither A nor -A is known to be <= 0, or the exterior condition is missing or does not fit the domain.
    TypeError
        When the operator, the domain or the source is of another kind.

    Examples
    --------
    >>> import numpy as np, pide
    >>> string = pide.Torus((2 * np.pi,))
    >>> wave = Wave(pide.Laplacian(), string, initial=np.cos, velocity=0.0)
    >>> energy = pide.solve(wave, on=string.grid(32), until=1.0).total_energy
    >>> bool(abs(energy - energy[0]).max() < 1e-14)
    True
    """

    velocity: Any = field(default=0.0, kw_only=True)

    _advice: ClassVar[str] = (
        ": u_tt = A u would grow. Use operators of one sign, such as Laplacian() - FractionalLaplacian(s=0.5)."
    )

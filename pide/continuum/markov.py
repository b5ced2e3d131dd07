"""Jump processes: a generator Q on functions, and the master equation of their densities."""

from __future__ import annotations

from dataclasses import dataclass

from pide.continuum.exterior import Reflecting, Value
from pide.continuum.problems import Problem

__all__ = ["MarkovJump"]


@dataclass(frozen=True, eq=False)
class MarkovJump(Problem):
    """The master equation p_t = Q* p of a jump process with generator Q f(x) = int w(x, y) (f(y) - f(x)) dy.

    Parameters
    ----------
    operator : ContinuumOperator
        Q, or -Q where the operator is >= 0 (`FractionalLaplacian`). Rates need not be symmetric: `TwoPoint` kernels
        with `symmetric=False` and upwind `Advection` are allowed; w(x, y) is the rate of jumps from x to y.
    domain : Domain
    initial : callable f(*x), array of shape (..., *grid.shape), or number
        Density p0 >= 0.
    exterior : Reflecting, Zero or None
        None and `Reflecting()`: jumps out of the domain do not happen, and mass is conserved. `Zero()`: they end the
        path, and mass is lost. On a torus there is no exterior.

    Notes
    -----
    On a grid Q has rows that sum to 0 (to -kappa with `Zero`) and P(t) = e^{tQ} rows that sum to 1; both act on
    functions. `solve` evolves the density by the adjoint in the inner product of the grid. Paths are sampled by
    `pide.solvers.paths.sample_paths`; matrices, stationary densities and time reversal are in `pide.solvers.jumps`.
    `Advection(b)` in Q makes paths drift with velocity -b: f(x) = E[u(x_t)] solves the transport equation.

    Raises
    ------
    ValueError
        For `Value` data, sources, and a missing or unsuitable domain or operator.

    Examples
    --------
    >>> import pide
    >>> line = pide.Interval(0, 1)
    >>> MarkovJump(pide.FractionalLaplacian(s=0.5), line, initial=1.0).exterior
    Reflecting()
    """

    def __post_init__(self) -> None:
        if self.exterior is None and not getattr(self.domain, "periodic", True):
            object.__setattr__(self, "exterior", Reflecting())
        super().__post_init__()
        if isinstance(self.exterior, Value):
            raise ValueError(
                "MarkovJump(exterior=Value(g)): a path outside the domain has no value g. Write Reflecting() to keep "
                "paths inside, or Zero() to end them."
            )
        if self.source is not None:
            raise ValueError(
                "MarkovJump(source=...): a master equation has no source. Leave it out, or use Evolution(A, domain, "
                "initial=..., source=...)."
            )

    @property
    def sign(self) -> int:
        """-1 where the operator is >= 0, else +1: Q = sign A."""
        return -1 if self.operator.definiteness > 0 else 1

    @property
    def reaction_term(self) -> None:
        """None: the master equation is linear."""
        return None

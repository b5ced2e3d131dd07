"""Exponentials by projection on Krylov spaces: Lanczos for self-adjoint generators, Arnoldi for the others."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from pide.solvers.projection import Segment, Target, require_affine
from pide.solvers.stepper import Flow, Report, Stepper, Trajectory

__all__ = ["Arnoldi", "Exponential", "Lanczos"]


class Exponential(Stepper):
    """u(t) by projection on one Krylov space for all output times; restarted in time when it has grown too large."""

    max_vectors: int

    @property
    @abstractmethod
    def _symmetric(self) -> bool:
        """Whether the method needs, and uses, that L is self-adjoint."""

    def integrate(self, flow: Flow, times: Sequence[float], tol: float, report: Report) -> Trajectory:
        require_affine(self, flow)
        if self._symmetric and not flow.is_self_adjoint:
            raise ValueError(f"{self}: the generator is not claimed self-adjoint. Write stepper=Arnoldi().")
        sign, span = math.copysign(1.0, times[-1]), abs(times[-1]) or 1.0
        states = [flow.initial for t in times if t == 0]
        u, now, vectors, restarts, estimate = flow.initial, 0.0, 0, 0, 0.0
        while len(states) < len(times):
            segment = Segment(flow, Target.of(flow, u), sign, tol, span)
            taus = [abs(t - now) for t in times[len(states) :]]
            space, done = segment.grow(taus[-1], self._symmetric, self.max_vectors, report)
            reach = taus[-1] if done else segment.reach(space, taus[-1], self)
            states += [segment.state(space, tau) for tau in taus if tau <= reach]
            vectors, estimate = vectors + len(space.vectors), estimate + segment.error(space, reach)
            if len(states) < len(times):
                u, now, restarts = segment.state(space, reach), now + sign * reach, restarts + 1
        notes = {"restarts": f"{restarts}, after {self.max_vectors} vectors each"} if restarts else {}
        return Trajectory(states, vectors, estimate, notes)


@dataclass(frozen=True)
class Lanczos(Exponential):
    """u(t) = e^{t L} u0 (or u0 + t phi_1(t L)(L u0 + b)) on the Krylov space of u0, for self-adjoint L.

    Parameters
    ----------
    max_vectors : int
        Size at which the space is restarted from a later state; each vector is one field in memory.

    Notes
    -----
    Error bound: see `KrylovSpace.error`; checked at the last time, relative to |u(t)|. Applies: about
    sqrt(rho t log(1/tol)) for rho t >> 1, rho the spectral radius. Every output time uses the same space. Runs
    backward in time for bounded generators. Gradients do not pass.

    References
    ----------
    Hochbruck, Lubich 1997; Saad 1992.
    """

    max_vectors: int = 300

    @property
    def _symmetric(self) -> bool:
        return True


@dataclass(frozen=True)
class Arnoldi(Exponential):
    """As `Lanczos`, for generators that are not self-adjoint; the error is estimated, not bounded.

    Parameters
    ----------
    max_vectors : int
        Size at which the space is restarted; each vector is one field in memory, and work grows with its square.
    """

    max_vectors: int = 80

    @property
    def _symmetric(self) -> bool:
        return False

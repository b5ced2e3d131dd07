"""Exponentials by projection on Krylov spaces: Lanczos for self-adjoint generators, Arnoldi for the others."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pide.arrays import Array, namespace
from pide.errors import NotConverged
from pide.solvers.krylov import KrylovSpace, grow
from pide.solvers.rows import as_rows, dots
from pide.solvers.stepper import Flow, Report, Stepper, Trajectory

__all__ = ["Arnoldi", "Exponential", "Lanczos", "Target", "progress_towards", "require_affine"]


@dataclass(frozen=True, eq=False)
class Target:
    """What an exponential method computes: u(tau) = offset + tau drift + tau^k phi_k(tau L) v, with k = 0 or 1.

    Without load it is e^{tau L} u0; with load b it is u0 + tau phi_1(tau L) (L u0 + b). Where L kills constants and
    conserves mass, the mean of u0 (of L u0 + b) is split off exactly, as the offset (the drift): the Krylov space then
    consists of fields without mass, and mass is conserved to rounding however early the iteration stops.
    """

    k: int
    v: Array
    offset: Array | None
    drift: Array | None
    norm: NDArray[np.float64]
    roundoff: float

    @classmethod
    def of(cls, flow: Flow, u: Array) -> Target:
        """Target of the flow from the state u, as rows (B, N)."""
        rows = as_rows(u, flow.dimension)
        norm, roundoff = np.sqrt(dots(rows, rows)), float(namespace(rows).finfo(rows.dtype).eps)
        v = rows if flow.load is None else as_rows(flow.rate(u, 0.0), flow.dimension)
        mean = flow.mean_part(v)
        if flow.load is None:
            return cls(0, v if mean is None else v - mean, mean, None, norm, roundoff)
        return cls(1, v if mean is None else v - mean, rows, mean, norm, roundoff)

    def norm_of(
        self, space: KrylovSpace, c: NDArray[np.float64], overlap: NDArray[np.float64], tau: float
    ) -> NDArray[np.float64]:
        """|u(tau)| from its coordinates; `overlap` holds <offset, v_j>. At least the rounding level of the start."""
        squares = np.einsum("bi,bi->b", c, c)
        if self.offset is not None:
            squares = squares + dots(self.offset, self.offset) + 2 * np.einsum("bi,bi->b", overlap, c)
            if self.drift is not None:
                squares = squares + 2 * tau * dots(self.offset, self.drift) + tau**2 * dots(self.drift, self.drift)
        largest = np.maximum(self.norm, space.norm)
        return np.asarray(np.maximum(np.sqrt(np.maximum(squares, 0.0)), self.roundoff * largest))

    def state(self, combined: Array, tau: float) -> Array:
        """offset + tau drift + combined."""
        total = combined if self.offset is None else self.offset + combined
        return total if self.drift is None else total + tau * self.drift


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
        shape, sign = flow.initial.shape, math.copysign(1.0, times[-1])
        growth = _growth(flow, sign)
        states: list[Array] = []
        u, now, vectors, restarts, estimate = flow.initial, 0.0, 0, 0, 0.0
        while len(states) < len(times):
            run = _Run(self, flow, u, sign, growth, tol, abs(times[-1]) or 1.0, report)
            taus = [sign * (t - now) for t in times[len(states) :]]
            reach = run.to(taus)
            states += [namespace(u).reshape(run.at(tau), shape) for tau in taus if tau <= reach * (1 + 1e-12)]
            vectors, estimate = vectors + len(run.space.vectors), estimate + run.estimate
            if len(states) < len(times):
                u, now, restarts = namespace(u).reshape(run.at(reach), shape), now + sign * reach, restarts + 1
        notes = {"restarts": f"{restarts}, after {self.max_vectors} vectors each"} if restarts else {}
        return Trajectory(states, vectors, estimate, notes)


class _Run:
    """One Krylov space, from the state u at time 0, with the bookkeeping of its error."""

    def __init__(
        self,
        stepper: Exponential,
        flow: Flow,
        u: Array,
        sign: float,
        growth: float,
        tol: float,
        span: float,
        report: Report,
    ) -> None:
        self.stepper, self.flow, self.sign, self.growth, self.tol = stepper, flow, sign, growth, tol
        self.span, self.report, self.u = span, report, u
        self.target = Target.of(flow, u)
        self.overlap = np.zeros((len(self.target.norm), 0))

    def to(self, taus: Sequence[float]) -> float:
        """Grow until the last of `taus` is accurate; return how far in time the space reaches."""

        def accept(space: KrylovSpace) -> bool:
            self._extend_overlap(space)
            self.estimate = self._relative(space, taus[-1])
            self.report(1 - (taus[-1] / self.span) * (1 - progress_towards(self.estimate, self.tol)))
            return self.estimate <= self.tol * taus[-1] / self.span

        self.space, done = grow(
            self._apply,
            self.target.v,
            symmetric=self.stepper._symmetric,
            accept=accept,
            max_vectors=self.stepper.max_vectors,
        )
        return taus[-1] if done else self._reach(taus[-1])

    def at(self, tau: float) -> Array:
        """u(tau) as rows; backward in time tau counts positively and L has changed its sign."""
        if tau == 0.0:
            return as_rows(self.u, self.flow.dimension)
        factor = self.sign if self.target.k else 1.0
        return self.target.state(factor * self.space.combine(self.target.k, tau), self.sign * tau)

    def _apply(self, rows: Array) -> Array:
        xp, shape = namespace(rows), self.flow.initial.shape
        return self.sign * as_rows(self.flow.apply(xp.reshape(rows, shape)), self.flow.dimension)

    def _relative(self, space: KrylovSpace, tau: float) -> float:
        c = space.coefficients(self.target.k, tau)
        signed = c * (self.sign if self.target.k else 1.0)
        norm = self.target.norm_of(space, signed, self.overlap, self.sign * tau)
        error = space.error(self.target.k, tau, self.growth)
        return float(np.max(np.divide(error, norm, out=np.zeros_like(error), where=error > 0)))

    def _extend_overlap(self, space: KrylovSpace) -> None:
        if self.target.offset is not None:
            new = [dots(self.target.offset, v) for v in space.vectors[self.overlap.shape[1] :]]
            self.overlap = np.concatenate([self.overlap, np.stack(new, axis=1)], axis=1)

    def _reach(self, tau: float) -> float:
        """Largest fraction 0.8^j of tau for which the space is accurate enough.

        Raises
        ------
        NotConverged
            When there is none above 1e-9 tau.
        """
        for j in range(1, 93):
            reach = tau * 0.8**j
            self.estimate = self._relative(self.space, reach)
            if self.estimate <= self.tol * reach / self.span:
                return reach
        raise NotConverged(
            f"{self.stepper}: estimated error {self.estimate:.1e} with {len(self.space.vectors)} vectors, "
            f"wanted {self.tol:.1e}. Increase max_vectors, or write stepper=ShiftInvertLanczos() or Chebyshev()."
        )


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


def require_affine(stepper: Stepper, flow: Flow) -> None:
    """Raise unless the equation is u_t = L u + b.

    Raises
    ------
    ValueError
        For reactions and time-dependent sources.
    """
    if not flow.is_affine:
        raise ValueError(
            f"{stepper} solves u_t = L u + b with constant b; this problem has a reaction or a time-dependent source. "
            "Write stepper=ETD(), or RungeKutta4(dt=...)."
        )


def progress_towards(error: float, tol: float) -> float:
    """Fraction of the digits that are there."""
    if error <= tol:
        return 1.0
    return max(0.0, min(1.0, math.log(min(error, 1.0)) / math.log(tol))) if 0 < tol < 1 else 0.0


def _growth(flow: Flow, sign: float) -> float:
    """g with |e^{s sign L}| <= e^{s g} for s >= 0; an estimate of it when nothing is claimed."""
    if flow.generator.definiteness * sign < 0:
        return 0.0
    try:
        return float(flow.generator.spectral_bound()) if flow.is_self_adjoint else 0.0
    except NotImplementedError:
        return 0.0

"""Projection of u_t = L u + b on one Krylov space: what is computed, how far in time it reaches, how accurately."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pide.arrays import Array, namespace
from pide.errors import NotConverged
from pide.solvers.krylov import KrylovSpace, grow
from pide.solvers.rows import dots
from pide.solvers.stepper import Flow, Report, Stepper

__all__ = ["Segment", "Target", "growth_bound", "progress_towards", "require_affine"]

_SHRINK = 0.8
_SHORTEST = 1e-9


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
        rows = flow.rows(u)
        norm, roundoff = np.sqrt(dots(rows, rows)), float(namespace(rows).finfo(rows.dtype).eps)
        v = rows if flow.load is None else flow.rows(flow.rate(u, 0.0))
        mean = flow.mean_rows(v)
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


@dataclass(frozen=True, eq=False)
class Segment:
    """A stretch of time covered by one Krylov space of sign L; backward in time sign = -1 and tau counts positively.

    Parameters
    ----------
    flow : Flow
    target : Target
        u(tau) from the state at the start of the segment.
    sign : float
        +1 forward, -1 backward.
    tol : float
        Relative error allowed over `span`; a segment of length tau is allowed tol tau / span.
    span : float
        Length of the whole run.
    """

    flow: Flow
    target: Target
    sign: float
    tol: float
    span: float
    _overlaps: list[NDArray[np.float64]] = field(default_factory=list)

    def grow(self, tau: float, symmetric: bool, max_vectors: int, report: Report) -> tuple[KrylovSpace, bool]:
        """Space accurate at tau, or as large as allowed; and which of the two."""

        def accept(space: KrylovSpace) -> bool:
            error = self.error(space, tau)
            report(1 - (tau / self.span) * (1 - progress_towards(error, self.tol)))
            return error <= self.tol * tau / self.span

        return grow(self._apply, self.target.v, symmetric=symmetric, accept=accept, max_vectors=max_vectors)

    def reach(self, space: KrylovSpace, tau: float, stepper: Stepper) -> float:
        """Largest 0.8^j tau for which the space is accurate enough.

        Raises
        ------
        NotConverged
            When there is none above 1e-9 tau.
        """
        for j in range(1, math.ceil(math.log(_SHORTEST) / math.log(_SHRINK))):
            shorter = tau * _SHRINK**j
            if self.error(space, shorter) <= self.tol * shorter / self.span:
                return shorter
        raise NotConverged(
            f"{stepper}: estimated error {self.error(space, tau):.1e} with {len(space.vectors)} vectors, "
            f"wanted {self.tol:.1e}. Increase max_vectors, or write stepper=ShiftInvertLanczos() or Chebyshev()."
        )

    def error(self, space: KrylovSpace, tau: float) -> float:
        """Bound of the error relative to |u(tau)|, the largest of the batch."""
        target = self.target
        c = space.coefficients(target.k, tau) * self._factor
        size = target.norm_of(space, c, self._overlap(space), self.sign * tau)
        bound = space.error(target.k, tau, growth_bound(self.flow, self.sign))
        return float(np.max(np.divide(bound, size, out=np.zeros_like(bound), where=bound > 0)))

    def state(self, space: KrylovSpace, tau: float) -> Array:
        """u(tau), shape (..., *grid.shape)."""
        rows = self.target.state(self._factor * space.combine(self.target.k, tau), self.sign * tau)
        return self.flow.fields(rows)

    @property
    def _factor(self) -> float:
        """tau phi_1(tau L) changes its sign with tau when L has changed its own."""
        return self.sign if self.target.k else 1.0

    def _apply(self, rows: Array) -> Array:
        return self.sign * self.flow.rows(self.flow.apply(self.flow.fields(rows)))

    def _overlap(self, space: KrylovSpace) -> NDArray[np.float64]:
        """<offset, v_j>, shape (B, m), each computed once; empty without offset."""
        if self.target.offset is None:
            return np.zeros((len(self.target.norm), 0))
        self._overlaps.extend(dots(self.target.offset, v) for v in space.vectors[len(self._overlaps) :])
        return np.stack(self._overlaps[: len(space.vectors)], axis=1)


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


def growth_bound(flow: Flow, sign: float) -> float:
    """g with |e^{s sign L}| <= e^{s g} for s >= 0; an estimate of it when nothing is claimed."""
    if not flow.is_self_adjoint or flow.generator.definiteness * sign < 0:
        return 0.0
    lower, upper = flow.spectrum
    return max(upper, 0.0) if sign > 0 else max(-lower, 0.0)

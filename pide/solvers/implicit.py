"""Implicit one-step methods: backward Euler, Crank-Nicolson, and an implicit-explicit Runge-Kutta method."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from pide.arrays import Array, namespace
from pide.operators.diagonalisation import Diagonalisation
from pide.solvers.explicit import require_energy_decay
from pide.solvers.linear import conjugate_gradients
from pide.solvers.preconditioners import TransformInverse, preconditioner
from pide.solvers.stepper import Flow, OneStep

__all__ = ["IMEX", "BackwardEuler", "CrankNicolson"]

_INNER_MARGIN = 0.1


@dataclass(frozen=True, eq=False)
class _Resolvent:
    """(I - tau L)^{-1}: by Fourier modes where they diagonalise L, else by conjugate gradients."""

    flow: Flow
    diagonal: Diagonalisation | None
    preconditioners: dict[float, TransformInverse | None] = field(default_factory=dict)

    def __call__(self, tau: float, b: Array, start: Array, tol: float) -> Array:
        """x with |b - (I - tau L) x| <= tol |b|, from the guess `start`; with the mean of b where L conserves mass."""
        if self.diagonal is not None:
            return self.diagonal.apply(lambda z: 1.0 / (1.0 - tau * z), b, key=tau)
        flow = self.flow
        floor = 20 * float(namespace(b).finfo(b.dtype).eps)
        inverse = self._preconditioner(tau)
        solution = conjugate_gradients(
            lambda rows: rows - tau * flow.rows(flow.apply(flow.fields(rows))),
            flow.rows(b),
            dimension=1,
            precondition=None if inverse is None else lambda rows: flow.rows(inverse(flow.fields(rows))),
            tol=max(_INNER_MARGIN * tol, floor),
            start=flow.rows(start),
        )
        flow.tally["inner iterations"] += solution.iterations
        x = flow.fields(solution.x)
        gain = flow.mean_part(b - x)
        return x if gain is None else x + gain

    def _preconditioner(self, tau: float) -> TransformInverse | None:
        if tau not in self.preconditioners:
            self.preconditioners[tau] = preconditioner(self.flow.generator, tau)
        return self.preconditioners[tau]


class _Implicit(OneStep):
    """A method that solves with I - tau L."""

    explicit_reaction = False

    def prepare(self, flow: Flow) -> _Resolvent:
        require_energy_decay(self, flow)
        if flow.reaction is not None and not self.explicit_reaction:
            raise ValueError(f"{self} does not take reactions. Write stepper=IMEX(dt={self.dt:g}) or ETD().")
        return _Resolvent(flow, flow.generator.diagonalisation())


@dataclass(frozen=True)
class BackwardEuler(_Implicit):
    """(I - dt L) u' = u + dt (b + q(t + dt)), first order, |u'| <= |u| for every dt (L-stable).

    Parameters
    ----------
    dt : float, unit of time

    Notes
    -----
    Inner solves: preconditioned conjugate gradients to a tenth of tol dt / t, or one FFT pair on the torus. Monotone:
    the maximum principle holds for every dt, up to the inner tolerance.
    """

    dt: float

    def step(self, context: _Resolvent, u: Array, t: float, tau: float, tol: float) -> Array:
        return context(tau, u + tau * context.flow.forcing(u, t + tau), u, tol)


@dataclass(frozen=True)
class CrankNicolson(_Implicit):
    """(I - dt/2 L) y = u + dt/2 (b + (q(t) + q(t + dt))/2), u' = 2 y - u: second order, |u'| <= |u| for every dt.

    Parameters
    ----------
    dt : float, unit of time

    Notes
    -----
    Stable but not damping: components with dt |lambda| >> 1 change sign at each step and hardly decay, so rough data
    want small steps, `BackwardEuler` or an exponential method. Inner solves as in `BackwardEuler`.
    """

    dt: float

    def step(self, context: _Resolvent, u: Array, t: float, tau: float, tol: float) -> Array:
        flow = context.flow
        forcing = 0.5 * (flow.forcing(u, t) + flow.forcing(u, t + tau))
        return 2.0 * context(0.5 * tau, u + 0.5 * tau * forcing, u, tol) - u


@dataclass(frozen=True)
class IMEX(_Implicit):
    """Second-order implicit-explicit Runge-Kutta method ARS(2,2,2): L implicit and L-stable, b + q + f explicit.

    Parameters
    ----------
    dt : float, unit of time

    Notes
    -----
    With g = 1 - 1/sqrt 2, e = 1 - 1/(2 g), N = b + q + f: (I - g dt L) v = u + g dt N(u, t);
    (I - g dt L) u' = u + (1 - g) dt L v + dt (e N(u, t) + (1 - e) N(v, t + g dt)). L v comes from the first solve
    without an apply. The step is limited by the reaction, and that limit is not certified.

    References
    ----------
    Ascher, Ruuth, Spiteri 1997.
    """

    dt: float
    explicit_reaction = True

    def step(self, context: _Resolvent, u: Array, t: float, tau: float, tol: float) -> Array:
        g = 1.0 - 1.0 / math.sqrt(2.0)
        e = 1.0 - 1.0 / (2.0 * g)
        flow = context.flow
        now = flow.forcing(u, t)
        v = context(g * tau, u + g * tau * now, u, tol)
        rate = (v - u) / (g * tau) - now
        later = flow.forcing(v, t + g * tau)
        return context(g * tau, u + (1.0 - g) * tau * rate + tau * (e * now + (1.0 - e) * later), v, tol)

"""Exponential time differencing: the linear part exactly, reactions and sources by a fourth-order Runge-Kutta rule.

N(u, t) = b + q(t) + f(u, t); P_d(k, tau) = tau^k phi_k(tau L) d, by Fourier modes or on the Krylov space of d.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from pide.arrays import Array
from pide.errors import NotConverged
from pide.solvers.krylov import KrylovSpace, grow
from pide.solvers.phi import phi
from pide.solvers.projection import growth_bound
from pide.solvers.rows import detached, norms
from pide.solvers.stepper import Flow, Report, Stepper, Trajectory

__all__ = ["ETD"]

PhiAction = Callable[[int, float], Array]
"""(k, tau) -> tau^k phi_k(tau L) d."""

_KRYLOV_MARGIN = 0.1
_MAX_VECTORS = 200
_SHORTEST = 1e-9


@dataclass(frozen=True)
class ETD(Stepper):
    """u_t = L u + N(u, t) by Krogstad's fourth-order exponential Runge-Kutta method.

    Parameters
    ----------
    dt : float or None, unit of time
        Fixed step (shortened evenly to meet the output times); None: steps are halved and doubled so that the estimated
        error stays below tol.

    Notes
    -----
    With P_1 for L u + N_1 and P_i for N_i - N_1, stages at t, t + dt/2, t + dt/2, t + dt:
    u_2 = u + P_1(1, dt/2); u_3 = u_2 + (4/dt) P_2(2, dt/2); u_4 = u + P_1(1, dt) + (2/dt) P_3(2, dt);
    u' = u + P_1(1, dt) + (2 P_2 + 2 P_3 - P_4)(2, dt)/dt + 4 (P_4 - P_2 - P_3)(3, dt)/dt^2.
    Order 4 for smooth data, 3 in the worst stiff case (Hochbruck and Ostermann 2005). The linear part is exact to
    rounding where Fourier modes diagonalise it, to a tenth of tol on Krylov spaces otherwise; there gradients do not
    pass.
    Steps are compared with two half steps, and the latter kept; the estimate is their difference / 15, summed over
    time, relative to |u|. A step size is not a stability bound here, the stiffness of N remains.

    Raises
    ------
    NotConverged
        When no step above 1e-9 of the time span is accurate enough, as at the blow-up of a solution.

    References
    ----------
    Krogstad 2005; Hochbruck, Ostermann 2010.
    """

    dt: float | None = None

    def integrate(self, flow: Flow, times: Sequence[float], tol: float, report: Report) -> Trajectory:
        if times[-1] < 0:
            raise ValueError(f"{self} runs forward in time only. Without reaction and source write stepper=Lanczos().")
        if self.dt is not None and not 0 < self.dt < math.inf:
            raise ValueError(f"{self}: dt must be a positive number. Write ETD(dt=0.01), or ETD() to have it chosen.")
        actions = _actions(flow, tol / max(times[-1], np.finfo(np.float64).tiny))
        march = self._chosen if self.dt is None else self._fixed
        states, u, t, steps, estimate = [], flow.initial, 0.0, 0, 0.0
        h = times[-1] / 8 if self.dt is None else self.dt
        for target in times:
            u, h, count, error = march(flow, actions, u, t, target, h, tol / max(times[-1], 1e-300))
            t, steps, estimate = target, steps + count, estimate + error
            states.append(u)
            report(t / times[-1] if times[-1] else 1.0)
        return Trajectory(states, steps, estimate if self.dt is None else None)

    def _fixed(
        self, flow: Flow, actions: _Actions, u: Array, t: float, target: float, h: float, tol: float
    ) -> tuple[Array, float, int, float]:
        count = math.ceil((target - t) / h * (1 - 1e-12))
        for k in range(count):
            tau = (target - t) / count
            u = _step(flow, actions, u, t + k * tau, tau)
        return u, h, count, 0.0

    def _chosen(
        self, flow: Flow, actions: _Actions, u: Array, t: float, target: float, h: float, tol: float
    ) -> tuple[Array, float, int, float]:
        steps, total, shortest = 0, 0.0, _SHORTEST * target
        while t < target:
            last = target - t <= h * (1 + 1e-9)  # the remainder that rounding of t leaves is no step of its own
            tau = target - t if last else h
            coarse = _step(flow, actions, u, t, tau)
            fine = _step(flow, actions, _step(flow, actions, u, t, tau / 2), t + tau / 2, tau / 2)
            error = _difference(flow, coarse, fine) / 15.0
            if error <= tol * tau:
                u, t, steps, total = fine, target if last else t + tau, steps + 2, total + error
                h = max(h, 2 * tau) if error < tol * tau / 40 else h
                continue
            h = tau / 2
            if h < shortest:
                raise NotConverged(
                    f"{self}: at t={t:.6g} no step above {shortest:.1e} is accurate to tol. The solution may blow up: "
                    "stop earlier (until=...), take a larger tol, or look at the reaction's sign."
                )
        return u, h, steps, total


def _step(flow: Flow, actions: _Actions, u: Array, t: float, h: float) -> Array:
    """One step of Krogstad's method."""
    n1 = flow.forcing(u, t)
    p1 = actions(flow.apply(u) + n1, h, u)
    a = u + p1(1, 0.5 * h)
    d2 = flow.forcing(a, t + 0.5 * h) - n1
    p2 = actions(d2, h, u)
    b = a + (4.0 / h) * p2(2, 0.5 * h)
    p3 = actions(flow.forcing(b, t + 0.5 * h) - n1, h, u)
    base = u + p1(1, h)
    c = base + (2.0 / h) * p3(2, h)
    p4 = actions(flow.forcing(c, t + h) - n1, h, u)
    second = 2.0 * p2(2, h) + 2.0 * p3(2, h) - p4(2, h)
    third = p4(3, h) - p2(3, h) - p3(3, h)
    return base + second / h + (4.0 / h**2) * third


_Actions = Callable[[Array, float, Array], PhiAction]
"""(d, longest tau, state for scale) -> the phi action of d."""


def _actions(flow: Flow, tol: float) -> _Actions:
    """Phi actions of the generator: by Fourier modes where possible, else on Krylov spaces.

    `tol` is the relative error allowed per unit of time.
    """
    diagonal = None if flow.carries_parameter_gradients() else flow.generator.diagonalisation()
    if diagonal is not None:
        return lambda d, h, u: lambda k, tau: diagonal.apply(lambda z: tau**k * phi(k, tau * z), d, key=(k, tau))
    return lambda d, h, u: _krylov_action(flow, d, h, u, _KRYLOV_MARGIN * tol * h)


def _krylov_action(flow: Flow, d: Array, h: float, u: Array, tol: float) -> PhiAction:
    """Phi action on the Krylov space of d, accurate to tol |u| for all tau <= h."""
    growth = growth_bound(flow, 1.0)
    mean = flow.mean_part(d)
    rest = d if mean is None else d - mean
    scale = norms(flow.rows(u)) + h * norms(flow.rows(d))

    def accept(space: KrylovSpace) -> bool:
        errors = [4.0 * h ** (1 - k) * space.error(k, h, growth) for k in (1, 2, 3)]
        return bool(np.all(np.stack(errors) <= tol * scale))

    space, done = grow(
        lambda rows: flow.rows(flow.apply(flow.fields(rows))),
        flow.rows(rest),
        symmetric=flow.is_self_adjoint,
        accept=accept,
        max_vectors=_MAX_VECTORS,
    )
    if not done:
        raise NotConverged(
            f"ETD: {_MAX_VECTORS} Krylov vectors do not resolve a step of {h:g}. "
            "Take a smaller dt, a larger tol, or stepper=IMEX(dt=...), which solves implicitly."
        )

    def action(k: int, tau: float) -> Array:
        part = flow.fields(space.combine(k, tau))
        return part if mean is None else part + tau**k / math.factorial(k) * mean

    return action


def _difference(flow: Flow, a: Array, b: Array) -> float:
    """Largest |a - b| / |b| of the batch."""
    gap, size = (norms(flow.rows(detached(v))) for v in (a - b, b))
    return float(np.max(np.divide(gap, size, out=np.zeros_like(gap), where=gap != 0)))

"""Explicit one-step methods with certified steps: forward Euler and the classical Runge-Kutta method."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pide.arrays import Array
from pide.solvers.stepper import Flow, OneStep, refuse_large_step

__all__ = ["REAL_AXIS_LIMIT", "ForwardEuler", "RungeKutta4"]

REAL_AXIS_LIMIT = 2.785293563405282
"""Largest x with |1 - x + x^2/2 - x^3/6 + x^4/24| <= 1: the root of x^3 - 4 x^2 + 12 x - 24."""


@dataclass(frozen=True)
class ForwardEuler(OneStep):
    """u' = u + dt (L u + b + q + f), first order.

    Parameters
    ----------
    dt : float, unit of time
    guarantee : {"energy", "maximum_principle"}
        "energy": |u'| <= |u| for dt <= 2 / lambda_max. "maximum_principle": values stay between the extremes of u (and
        0 where the exterior kills) for dt <= 1 / max(d + kappa).

    Notes
    -----
    Both bounds concern the linear part; sources and reactions enter explicitly and are not certified.

    Raises
    ------
    StepTooLarge
        When dt exceeds the bound.
    ValueError
        When the generator does not have the claim that the guarantee rests on.
    """

    dt: float
    guarantee: Literal["energy", "maximum_principle"] = "energy"

    def prepare(self, flow: Flow) -> Flow:
        claims = flow.generator.claims
        if self.guarantee == "energy":
            require_energy_decay(self, flow)
            refuse_large_step(self, self.dt, 2.0 / flow.generator.spectral_bound(), "2 / lambda_max (energy decay)")
        elif self.guarantee == "maximum_principle":
            if "maximum_principle" not in claims or flow.generator.definiteness > 0:
                raise ValueError(f"{self}: the generator does not claim maximum_principle. Write guarantee='energy'.")
            bound = "1 / max(d + kappa) (maximum principle)"
            refuse_large_step(self, self.dt, 1.0 / flow.generator.rate_bound(), bound)
        else:
            raise ValueError(f"{self}: guarantee is 'energy' or 'maximum_principle'. Leave it out for 'energy'.")
        return flow

    def step(self, flow: Flow, u: Array, t: float, tau: float, tol: float) -> Array:
        return u + tau * flow.rate(u, t)


@dataclass(frozen=True)
class RungeKutta4(OneStep):
    """The classical Runge-Kutta method, fourth order.

    Parameters
    ----------
    dt : float, unit of time

    Notes
    -----
    |u'| <= |u| for self-adjoint L <= 0 and dt <= 2.7853 / lambda_max, the end of the stability region on the real axis;
    the bound concerns the linear part.

    Raises
    ------
    StepTooLarge
        When dt exceeds the bound.
    ValueError
        When the generator is not claimed self-adjoint and <= 0.
    """

    dt: float

    def prepare(self, flow: Flow) -> Flow:
        require_energy_decay(self, flow)
        largest = REAL_AXIS_LIMIT / flow.generator.spectral_bound()
        refuse_large_step(self, self.dt, largest, "2.7853 / lambda_max (energy decay)")
        return flow

    def step(self, flow: Flow, u: Array, t: float, tau: float, tol: float) -> Array:
        k1 = flow.rate(u, t)
        k2 = flow.rate(u + 0.5 * tau * k1, t + 0.5 * tau)
        k3 = flow.rate(u + 0.5 * tau * k2, t + 0.5 * tau)
        k4 = flow.rate(u + tau * k3, t + tau)
        return u + (tau / 6.0) * (k1 + 2.0 * k2 + 2.0 * k3 + k4)


def require_energy_decay(stepper: OneStep, flow: Flow) -> None:
    """Raise unless the generator is claimed self-adjoint and <= 0.

    Raises
    ------
    ValueError
    """
    if not flow.is_dissipative:
        raise ValueError(
            f"{stepper}: its bound needs a self-adjoint generator <= 0, and this one does not claim to be. "
            "Write stepper='auto', Lanczos() for u_t = L u, or ETD() with a reaction."
        )

"""Honest flows, waves and steady solves: what the checks of dynamics must pass."""

from __future__ import annotations

from pide.continuum.domains import Interval, Torus
from pide.continuum.exterior import Reflecting, Zero
from pide.continuum.kernels import Gaussian, Linear
from pide.continuum.operators import FractionalLaplacian, NonlocalDiffusion
from pide.continuum.problems import Evolution, Heat
from pide.continuum.stationary import Stationary
from pide.continuum.wave import Wave
from pide.solvers.explicit import ForwardEuler, RungeKutta4
from pide.solvers.implicit import BackwardEuler
from pide.solvers.lanczos import Lanczos
from pide.verification.flows import FlowMap, SolverMap, WaveMap, flow_of, heat_flow, solver_of, wave_of
from pide.verification.honest import honest

__all__: list[str] = []

SEGMENT = Interval(0, 1)
REFLECTING = NonlocalDiffusion(Gaussian(width=0.3)).on(SEGMENT.grid(32), exterior=Reflecting())
KILLED = NonlocalDiffusion(Linear(horizon=0.3)).on(SEGMENT.grid(32), exterior=Zero())


@honest
def reflecting_flow() -> FlowMap:
    return flow_of(REFLECTING, Lanczos(), 0.08)


@honest
def killed_flow() -> FlowMap:
    return flow_of(KILLED, Lanczos(), 0.08)


@honest
def euler_flow() -> FlowMap:
    step = 1.0 / REFLECTING.rate_bound()
    return flow_of(REFLECTING, ForwardEuler(step), 4 * step, 0.0, 1, lambda k: ForwardEuler(step / k))


@honest
def runge_kutta_flow() -> FlowMap:
    step = 0.5 / REFLECTING.rate_bound()
    return flow_of(REFLECTING, RungeKutta4(step), 4 * step, 1e-2, 4, lambda k: RungeKutta4(step / k))


@honest
def implicit_flow() -> FlowMap:
    step = 1.0 / KILLED.rate_bound()
    return flow_of(KILLED, BackwardEuler(step), 4 * step, 1e-9, 1, lambda k: BackwardEuler(step / k))


@honest
def heat() -> FlowMap:
    torus = Torus((1.0,))
    return heat_flow(Heat(FractionalLaplacian(s=0.5), torus, initial=0.0), torus.grid(32), 0.05)


@honest
def evolution() -> FlowMap:
    problem = Evolution(-1.0 * FractionalLaplacian(s=0.5), SEGMENT, initial=0.0, exterior=Zero())
    return heat_flow(problem, SEGMENT.grid(32), 0.05, Lanczos())


@honest
def wave() -> WaveMap:
    torus = Torus((1.0,))
    return wave_of(Wave(FractionalLaplacian(s=0.75), torus, initial=0.0), torus.grid(32), 0.5)


@honest
def stationary() -> SolverMap:
    problem = Stationary(FractionalLaplacian(s=0.5), SEGMENT, source=0.0, exterior=Zero())
    return solver_of(problem, SEGMENT.grid(40), scheme="lattice")


@honest
def stationary_reflecting() -> SolverMap:
    problem = Stationary(NonlocalDiffusion(Gaussian(width=0.3)), SEGMENT, source=0.0, exterior=Reflecting())
    return solver_of(problem, SEGMENT.grid(40))

"""Mutants of flows, waves and solvers: signs, steps, mass, symmetry, residuals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from pide.arrays import Array
from pide.verification import honest_cloud_flows as _on_clouds
from pide.verification import honest_flows as _on_grids
from pide.verification.flows import FlowMap, SolverMap, WaveMap
from pide.verification.mutants import mutant
from pide.verification.subject import Subject

__all__: list[str] = []
del _on_clouds, _on_grids  # imported so that what the mutants are built from is known

Field = NDArray[np.float64]
REFLECTING, KILLED, EULER, HEAT, EVOLUTION = "reflecting flow", "killed flow", "euler flow", "heat", "evolution"


def advancing(flow: FlowMap, change: Callable[[Array, Array], Array]) -> FlowMap:
    """The flow with E(t) v replaced by change(v, E(t) v)."""
    return replace(flow, advance=lambda v, t: change(v, flow.advance(v, t)))


def matrix_of(subject: Subject) -> Field:
    """The matrix of L on a subject whose nodes are all inside."""
    return subject.generator(np.eye(subject.size), "float64").T


def uphill(flow: FlowMap) -> FlowMap:
    """exp(-t L)."""
    L = matrix_of(flow.operator)
    return replace(flow, advance=lambda v, t: v @ scipy.linalg.expm(-t * L).T)


@mutant("heat flows uphill", HEAT, "flow_energy", "flow_variance", "flow_generator", "flow_positive")
def heat_uphill(flow: FlowMap) -> FlowMap:
    return uphill(flow)


@mutant("evolution of the opposite sign", EVOLUTION, "flow_energy", "flow_generator", "flow_contracts")
def evolution_uphill(flow: FlowMap) -> FlowMap:
    return uphill(flow)


@mutant("wave of the opposite sign", "wave", "wave_energy")
def wave_uphill(wave: WaveMap) -> WaveMap:
    L = matrix_of(wave.operator)
    n = len(L)

    def advance(u: Array, v: Array, t: float) -> tuple[Array, Array]:
        both = scipy.linalg.expm(t * np.block([[np.zeros((n, n)), np.eye(n)], [-L, np.zeros((n, n))]]))
        state = both @ np.concatenate([u, v])
        return state[:n], state[n:]

    return replace(wave, advance=advance)


@mutant("steady problem of the opposite sign", "stationary", "residual", "solution_sign")
def stationary_sign(solver: SolverMap) -> SolverMap:
    return replace(solver, solve=lambda f: -solver.solve(f))


@mutant("Taylor polynomial for the exponential", REFLECTING, "flow_semigroup", "flow_positive")
def taylor(flow: FlowMap) -> FlowMap:
    L = matrix_of(flow.operator).T

    def advance(v: Array, t: float) -> Array:
        once = v @ L.astype(v.dtype)
        return v + t * once + t**2 / 2 * (once @ L.astype(v.dtype))

    return replace(flow, advance=advance)


@mutant("steps of half the length", EULER, "flow_generator", "flow_order", "flow_equilibrium")
def half_steps(flow: FlowMap) -> FlowMap:
    def halved(f: FlowMap) -> FlowMap:
        return replace(f, advance=lambda v, t: f.advance(v, t / 2))

    refined = flow.refined
    assert refined is not None
    return replace(halved(flow), refined=lambda k: halved(refined(k)))


@mutant("order claimed too high", EULER, "flow_order")
def order_too_high(flow: FlowMap) -> FlowMap:
    return replace(flow, order=2)


@mutant("mass lost at 1e-6", REFLECTING, "flow_mass", "flow_rows")
def mass_lost(flow: FlowMap) -> FlowMap:
    return advancing(flow, lambda v, w: (1 - 1e-6) * w)


@mutant("mass gained at 1e-6", KILLED, "flow_semigroup")
def mass_gained(flow: FlowMap) -> FlowMap:
    return advancing(flow, lambda v, w: (1 + 1e-6) * w)


@mutant("flow without detailed balance", REFLECTING, "flow_reversible")
def unbalanced(flow: FlowMap) -> FlowMap:
    weight = 1 + 1e-6 * np.linspace(-1, 1, flow.operator.size)
    return advancing(flow, lambda v, w: w * weight.astype(w.dtype))


@mutant("overshoot", REFLECTING, "flow_contracts", "flow_positive")
def overshoot(flow: FlowMap) -> FlowMap:
    return advancing(flow, lambda v, w: w - 0.4 * (v - w))


@mutant("variance from the mean", REFLECTING, "flow_variance")
def variance_created(flow: FlowMap) -> FlowMap:
    ramp = 1e-4 * np.linspace(-1, 1, flow.operator.size)
    return advancing(flow, lambda v, w: w + ramp.astype(w.dtype) * np.mean(v, axis=-1, keepdims=True))


@mutant("flow of half the time", REFLECTING, "flow_equilibrium", "flow_generator")
def half_time(flow: FlowMap) -> FlowMap:
    return replace(flow, advance=lambda v, t: flow.advance(v, t / 2))


@mutant("damped wave", "wave", "wave_energy")
def damped(wave: WaveMap) -> WaveMap:
    def advance(u: Array, v: Array, t: float) -> tuple[Array, Array]:
        x, y = wave.advance(u, v, t)
        return x, 0.999 * y

    return replace(wave, advance=advance)


@mutant("velocity returned with the opposite sign", "wave", "wave_reversible")
def velocity_sign(wave: WaveMap) -> WaveMap:
    def advance(u: Array, v: Array, t: float) -> tuple[Array, Array]:
        x, y = wave.advance(u, v, t)
        return x, -y

    return replace(wave, advance=advance)


@mutant("iterations stopped early", "stationary", "residual")
def stopped_early(solver: SolverMap) -> SolverMap:
    return replace(solver, solve=lambda f: solver.solve(f) * (1 + 1e-6))


@mutant("mean removed from the solution", "stationary", "residual", "solution_sign")
def mean_removed(solver: SolverMap) -> SolverMap:
    def solve(f: Array) -> Array:
        u = solver.solve(f)
        return u - np.mean(u)

    return replace(solver, solve=solve)

"""u_tt = L u + b + q(t) with L <= 0: exactly by Fourier modes, by Chebyshev expansion, and by Stoermer-Verlet.

Symbols: Z = -L >= 0 with eigenvalues z, v = u_t, tau or dt time step, rho certified bound of z.
With c = cos(t sqrt z), s = sin(t sqrt z)/sqrt z, d = (1 - cos(t sqrt z))/z,
u(t) = c u0 + s v0 + d b and v(t) = -z s u0 + c v0 + s b.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from pide.arrays import Array, namespace, to_host
from pide.operators.diagonalisation import Diagonalisation
from pide.solvers.rows import detached
from pide.solvers.stepper import Flow, Report, Stepper, Trajectory, refuse_large_step

__all__ = ["StormerVerlet", "chebyshev_wave", "exact_wave", "require_wave"]

Reals = NDArray[np.float64]
_FRACTION = 0.5
"""Default step of Stoermer-Verlet as a fraction of its bound: E(t)/E(0) then stays within [3/4, 4/3]."""


@dataclass(frozen=True)
class StormerVerlet(Stepper):
    """v' = v + dt/2 a(u), u' = u + dt v', v'' = v' + dt/2 a(u'), a(u) = L u + b + q(t): second order, reversible.

    Parameters
    ----------
    dt : float or None, unit of time
        At most 2/sqrt(rho); None: half of that. Steps are shortened evenly so that every output time is met.

    Notes
    -----
    One apply per step. Without source, |v|^2/2 + <Z u, u>/2 - dt^2/8 |Z u|^2 is conserved to rounding, so that with
    theta = dt^2 rho / 4 the energy stays within [1 - theta, 1/(1 - theta)] times its start for ever. The phase of a
    mode with frequency w errs by about w^3 dt^2 t / 24; `tol` does not control it. Runs backward in time, and
    gradients pass.

    Raises
    ------
    StepTooLarge
        When dt exceeds 2/sqrt(rho), beyond which the highest mode grows.
    ValueError
        For a problem other than Wave, or a generator not claimed self-adjoint and <= 0.

    References
    ----------
    Hairer, Lubich, Wanner 2003.
    """

    dt: float | None = None

    def integrate(self, flow: Flow, times: Sequence[float], tol: float, report: Report) -> Trajectory:
        u, v = flow.initial, require_wave(self, flow)
        rho = flow.generator.spectral_bound()
        largest = 2.0 / math.sqrt(rho) if rho > 0 else math.inf
        if self.dt is not None:
            if not 0 < self.dt < math.inf:
                raise ValueError(f"{self}: dt must be a positive number. Write StormerVerlet() to have it chosen.")
            refuse_large_step(self, self.dt, largest, "2 / sqrt(lambda_max)")
        dt = _FRACTION * largest if self.dt is None else self.dt
        a, t, steps = flow.rate(u, 0.0), 0.0, 0
        energies = [energy(flow, u, v, a)]
        states, velocities = [], []
        for target in times:
            count = math.ceil(abs(target - t) / dt * (1 - 1e-12))
            tau = (target - t) / max(count, 1)
            for k in range(count):
                v = v + 0.5 * tau * a
                u = u + tau * v
                a = flow.rate(u, t + (k + 1) * tau)
                v = v + 0.5 * tau * a
                energies.append(energy(flow, u, v, a))
                report(abs((t + (k + 1) * tau) / times[-1]))
            t, steps = target, steps + count
            states.append(u)
            velocities.append(v)
        notes = {"dt": f"{dt:.4g}, {dt / largest:.3g} of the bound 2 / sqrt(lambda_max)"}
        notes |= drift_note(flow, energies, "every step")
        return Trajectory(states, steps, None, notes, velocities)


def energy(flow: Flow, u: Array, v: Array, a: Array) -> Reals:
    """(E, sum of the sizes of its parts), E = |v|^2/2 + <Z u, u>/2 - <b, u>, from a = L u + b; shape (2, batch)."""
    inner, load = flow.generator.space.inner, flow.load
    u, v, a = detached(u), detached(v), detached(a)
    work = inner(u, namespace(u).zeros_like(u) if load is None else namespace(u).zeros_like(u) + detached(load))
    kinetic, elastic = inner(v, v), work - inner(a, u)
    parts = (0.5 * kinetic, 0.5 * elastic, -work)
    values = np.stack([to_host(namespace(u).asarray(part)).astype(np.float64) for part in parts])
    return np.stack([values.sum(axis=0), np.abs(values).sum(axis=0)])


def drift_note(flow: Flow, energies: Sequence[Reals], where: str) -> dict[str, str]:
    """What the record says of the energy's drift from its first value, relative to its parts at the start."""
    if flow.source is not None:
        return {"energy drift": "not measured: a time-dependent source does work"}
    values, sizes = np.stack(energies, axis=1)
    scale = np.where(sizes[0] > 0, sizes[0], sizes.max(axis=0))
    gap = np.abs(values - values[0]).max(axis=0)
    drift = float(np.max(np.divide(gap, scale, out=np.zeros_like(gap), where=gap > 0)))
    return {"energy drift": f"max |E(t) - E(0)| / |E(0)| = {drift:.2e}, seen at {where}"}


def exact_wave(stepper: Stepper, flow: Flow, diagonal: Diagonalisation, times: Sequence[float]) -> Trajectory:
    """States and velocities by Fourier modes; no error but rounding."""
    v0 = require_wave(stepper, flow)
    states, velocities = [], []
    for t in times:
        functions = [lambda z, f=f, t=t: f(np.maximum(-z, 0.0), t) for f in (_cosine, _sine, _versine, _restoring)]
        c, s, d, r = functions
        u, v = (diagonal.apply(f, flow.initial) + diagonal.apply(g, v0) for f, g in ((c, s), (r, c)))
        if flow.load is not None:
            u, v = u + diagonal.apply(d, flow.load), v + diagonal.apply(s, flow.load)
        states.append(u if t else flow.initial)
        velocities.append(v if t else v0)
    return Trajectory(states, len(times), 0.0, _drift_of(flow, states, velocities), velocities)


def chebyshev_wave(stepper: Stepper, flow: Flow, times: Sequence[float], tol: float, report: Report) -> Trajectory:
    """States and velocities by Chebyshev polynomials of Z on [0, rho].

    Notes
    -----
    cos(t sqrt z) is entire in z: about |t| sqrt(rho)/2 terms, each one apply, as many as Stoermer-Verlet takes at the
    limit of its stability, give full accuracy. |T_k| <= 1, so the tails of the coefficients bound the errors:
    |error of u| <= tol (|u0| + |t| |v0| + t^2 |b| / 2), and those of v by tol (|u0|/|t| + |v0| + |t| |b|).
    """
    v0 = require_wave(stepper, flow)
    xp, rho = namespace(flow.initial), float(flow.generator.spectral_bound()) or 1.0
    parts = [flow.initial, v0] + ([] if flow.load is None else [xp.zeros_like(flow.initial) + flow.load])
    start = xp.stack(parts)
    span = max(abs(t) for t in times)
    coefficients = np.stack([_coefficients(t, rho, span) for t in times])
    count = _terms(coefficients, [abs(t) for t in times], tol)
    previous, current = None, start
    states = [xp.zeros_like(flow.initial) for _ in times]
    velocities = list(states)
    for k in range(count):
        if k == 1:
            previous, current = current, _reflected(flow, current, rho)
        elif k > 1:
            previous, current = current, 2.0 * _reflected(flow, current, rho) - previous
        x, y, *b = (current[j, ...] for j in range(len(parts)))
        for i, (c, s, d, r) in enumerate(coefficients[:, :, k].tolist()):
            u, v = c * x + s * y, r * x + c * y
            states[i] = states[i] + (u + d * b[0] if b else u)
            velocities[i] = velocities[i] + (v + s * b[0] if b else v)
        report((k + 1) / count)
    states = [flow.initial if t == 0 else u for t, u in zip(times, states, strict=True)]
    velocities = [v0 if t == 0 else v for t, v in zip(times, velocities, strict=True)]
    return Trajectory(states, count, None, _drift_of(flow, states, velocities), velocities)


def require_wave(stepper: Stepper, flow: Flow) -> Array:
    """The initial velocity.

    Raises
    ------
    ValueError
        When the flow is not of second order, or its generator is not claimed self-adjoint and <= 0.
    """
    if flow.velocity is None:
        raise ValueError(f"{stepper} is for Wave problems; this one is of first order in time. Write stepper='auto'.")
    if not flow.is_dissipative:
        raise ValueError(
            f"{stepper}: u_tt = L u needs a self-adjoint generator <= 0, and this one does not claim to be. "
            "Leave transport and non-symmetric rates out."
        )
    return flow.velocity


def _reflected(flow: Flow, w: Array, rho: float) -> Array:
    """(2 Z / rho - 1) w, whose spectrum lies in [-1, 1]."""
    return (-2.0 / rho) * flow.apply(w) - w


def _coefficients(t: float, rho: float, span: float) -> Reals:
    """Chebyshev coefficients on [0, rho] of c, s, d and -z s, shape (4, terms)."""
    x = span * math.sqrt(rho)
    count = math.ceil(0.5 * x + 12.0 * x ** (1 / 3) + 40.0)
    angle = math.pi * (np.arange(2 * count) + 0.5) / (2 * count)
    z = rho * np.cos(angle / 2) ** 2
    a = scipy.fft.dct(np.stack([f(z, t) for f in (_cosine, _sine, _versine, _restoring)]), axis=1) / (2 * count)
    a[:, 0] *= 0.5
    return np.asarray(a[:, :count])


def _terms(coefficients: Reals, times: Sequence[float], tol: float) -> int:
    """Number of terms after which every tail is below tol times 1, |t|, t^2/2 and 1/|t|."""
    tails = np.cumsum(np.abs(coefficients[:, :, ::-1]), axis=2)[:, :, ::-1]
    scales = np.asarray([[1.0, t, 0.5 * t * t, 1.0 / t] if t else [math.inf] * 4 for t in times])
    return int(np.max(np.sum(tails > tol * scales[:, :, None], axis=2)))


def _drift_of(flow: Flow, states: Sequence[Array], velocities: Sequence[Array]) -> dict[str, str]:
    pairs = [(flow.initial, flow.velocity), *zip(states, velocities, strict=True)]
    return drift_note(flow, [energy(flow, u, v, flow.rate(u, 0.0)) for u, v in pairs], "the output times")


def _cosine(z: Reals, t: float) -> Reals:
    return np.asarray(np.cos(t * np.sqrt(z)))


def _sine(z: Reals, t: float) -> Reals:
    return np.asarray(t * np.sinc(t * np.sqrt(z) / math.pi))


def _versine(z: Reals, t: float) -> Reals:
    return np.asarray(0.5 * t**2 * np.sinc(0.5 * t * np.sqrt(z) / math.pi) ** 2)


def _restoring(z: Reals, t: float) -> Reals:
    return np.asarray(-np.sqrt(z) * np.sin(t * np.sqrt(z)))

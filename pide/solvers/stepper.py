"""The two nouns of time integration: the flow u_t = L u + b + q(t) + f(u, t) on a grid, and steppers that follow it.

Symbols: L generator, b constant load, q source, f reaction, rho bound of |lambda|_max, tau or dt time step.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any

from pide.arrays import Array, namespace
from pide.errors import StepTooLarge
from pide.operators.base import Operator
from pide.solvers.rows import as_rows
from pide.solvers.spectrum import spectral_interval

__all__ = ["Flow", "OneStep", "Report", "Stepper", "Trajectory", "refuse_large_step"]

Report = Callable[[float], None]
"""Takes the completed fraction of a run, for the progress bar."""


@dataclass(frozen=True, eq=False)
class Flow:
    """u_t = L u + b + q(t) + f(u, t), u(0) = u0, on the fields of a grid; u_tt for waves, with u_t(0) = v0.

    Parameters
    ----------
    generator : Operator
        L.
    initial : array, shape (..., *grid.shape)
        u0; its namespace, dtype and device are those of the run.
    load : array or None, shape grid.shape
        b, in the namespace of u0.
    source : callable or None
        q(t), a field.
    reaction : callable or None
        f(u, t), a field.
    velocity : array or None, shape of u0
        v0 for waves, None for equations of first order in time.
    tally : Counter
        "applies" counts applications of L; steppers add counts of their own.
    """

    generator: Operator
    initial: Array
    load: Array | None = None
    source: Callable[[float], Array] | None = None
    reaction: Callable[[Array, float], Array] | None = None
    velocity: Array | None = None
    tally: Counter[str] = field(default_factory=Counter)

    @property
    def dimension(self) -> int:
        """Number of trailing axes of a field."""
        return self.generator.space.ndim

    def rows(self, u: Array) -> Array:
        """M^(1/2) u as rows (B, N): L is symmetric in their Euclidean products when it is in those of the space."""
        return as_rows(self.generator.space.rescaled(u), self.dimension)

    def fields(self, rows: Array) -> Array:
        """Inverse of `rows`, in the shape of the initial data."""
        u = namespace(rows).reshape(rows, self.initial.shape)
        return self.generator.space.rescaled(u, inverse=True)

    @property
    def is_affine(self) -> bool:
        """Whether the equation is u_t = L u + b with b constant."""
        return self.source is None and self.reaction is None

    @property
    def is_dissipative(self) -> bool:
        """Whether L is claimed self-adjoint and <= 0."""
        return self.generator.definiteness == -1 and self.is_self_adjoint

    @property
    def is_self_adjoint(self) -> bool:
        """Whether L is claimed self-adjoint."""
        return "self_adjoint" in self.generator.claims

    @cached_property
    def spectrum(self) -> tuple[float, float]:
        """Ends of an interval that holds the spectrum of a self-adjoint L."""
        return spectral_interval(self.generator)

    def apply(self, u: Array) -> Array:
        """L u, counted."""
        self.tally["applies"] += 1
        return self.generator.apply(u)

    def forcing(self, u: Array, t: float) -> Array:
        """b + q(t) + f(u, t)."""
        total = namespace(u).zeros_like(u) if self.load is None else namespace(u).zeros_like(u) + self.load
        if self.source is not None:
            total = total + self.source(t)
        return total if self.reaction is None else total + self.reaction(u, t)

    def rate(self, u: Array, t: float) -> Array:
        """L u + b + q(t) + f(u, t)."""
        v = self.apply(u)
        return v if self.is_affine and self.load is None else v + self.forcing(u, t)

    def mean_part(self, u: Array) -> Array | None:
        """Mean of u as a field constant on the domain, where L kills constants and conserves mass; None elsewhere.

        L acts on what is left without leaving it, so methods
        that treat the mean apart conserve mass to rounding, however loose their tolerance.
        """
        if not {"kills_constants", "conserves_mass"} <= self.generator.claims:
            return None
        xp, space = namespace(u), self.generator.space
        batch = tuple(u.shape[: u.ndim - space.ndim])
        means = xp.reshape(space.mean(u), (*batch, *(1,) * space.ndim))
        return space.restricted(xp.zeros_like(u) + means)

    def mean_rows(self, rows: Array) -> Array | None:
        """`mean_part` of a field given by its rows, as rows."""
        mean = self.mean_part(self.fields(rows))
        return None if mean is None else self.rows(mean)

    def carries_parameter_gradients(self) -> bool:
        """Whether L depends on tensors that require a gradient; costs one apply on tensors, nothing elsewhere."""
        if not hasattr(self.initial, "requires_grad"):
            return False
        return bool(self.apply(self.initial.detach()).requires_grad)


@dataclass(frozen=True, eq=False)
class Trajectory:
    """What a stepper returns: a state per requested time, its steps, its estimate of the error, velocities of waves."""

    states: Sequence[Array]
    steps: int
    error_estimate: float | None = None
    notes: dict[str, str] = field(default_factory=dict)
    velocities: Sequence[Array] | None = None


class Stepper(ABC):
    """A method that follows a flow; its parameters are its fields."""

    @abstractmethod
    def integrate(self, flow: Flow, times: Sequence[float], tol: float, report: Report) -> Trajectory:
        """States at `times`, sorted away from 0; relative l2 error `tol` where the method controls its error."""

    def __str__(self) -> str:
        parameters = ((f.name, getattr(self, f.name)) for f in fields(self) if f.init)  # type: ignore[arg-type]
        return f"{type(self).__name__}({', '.join(f'{name}={value}' for name, value in parameters)})"


class OneStep(Stepper):
    """A method that advances by steps of at most `dt`, shortened evenly so that every output time is met."""

    dt: float

    @abstractmethod
    def prepare(self, flow: Flow) -> Any:
        """Refuse what the method cannot do; return what `step` needs."""

    @abstractmethod
    def step(self, context: Any, u: Array, t: float, tau: float, tol: float) -> Array:
        """u(t + tau) from u(t), with inner iterations to relative tolerance `tol`."""

    def integrate(self, flow: Flow, times: Sequence[float], tol: float, report: Report) -> Trajectory:
        if not (math.isfinite(self.dt) and self.dt > 0):
            raise ValueError(f"{self}: dt must be a positive number. Write {type(self).__name__}(dt=0.01).")
        if times[-1] < 0:
            raise ValueError(f"{self} runs forward in time only. For until < 0 write stepper='auto' or Lanczos().")
        context = self.prepare(flow)
        u, t, states, steps = flow.initial, 0.0, [], 0
        for target in times:
            count = math.ceil((target - t) / self.dt * (1 - 1e-12))
            tau = (target - t) / max(count, 1)
            for k in range(count):
                u = self.step(context, u, t + k * tau, tau, tol * tau / times[-1])
                report((t + (k + 1) * tau) / times[-1])
            t, steps = target, steps + count
            states.append(u)
        return Trajectory(states, steps)


def refuse_large_step(stepper: Stepper, dt: float, largest: float, bound: str) -> None:
    """Raise StepTooLarge when dt exceeds the largest certified step.

    Raises
    ------
    StepTooLarge
        Naming the bound and the largest allowed dt.
    """
    if dt > largest * (1 + 1e-12):
        raise StepTooLarge(
            f"{stepper}: dt={dt:g} exceeds the bound {bound} = {largest:.6g}. "
            f"Write {type(stepper).__name__}(dt={_round_down(largest):g}) or smaller, or stepper='auto'.",
            largest,
        )


def _round_down(x: float) -> float:
    """x rounded down to four digits."""
    if x <= 0 or not math.isfinite(x):
        return x
    unit = 10.0 ** (math.floor(math.log10(x)) - 3)
    return math.floor(x / unit) * unit

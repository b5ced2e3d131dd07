"""Plans of nonequispaced Fourier transforms: finufft or ducc0 on the host, cufinufft on a device.

    gather   f -> sum_k f_k e^{i k x_j}, scatter its adjoint q -> sum_j q_j e^{-i k x_j}, -M/2 <= k < M/2 per axis.

Symbols: x_j phases of the points, f modes of shape (M_1, ..., M_n), q complex strengths of shape (N,).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import array_api_compat
import numpy as np
from numpy.typing import NDArray

from pide.arrays import Array, as_float, is_numpy, like, namespace

__all__ = ["FourierPlan", "fourier_plan", "takes_fields"]

Floats = NDArray[np.float64]

_ADJOINT = 1e-12
"""Largest |<P q, f> - <q, P* f>| relative to |f|^2, f = P q, that counts as rounding."""


class FourierPlan(ABC):
    """Both transforms of fixed points, one the adjoint of the other to rounding, whatever their accuracy."""

    @abstractmethod
    def gather(self, modes: Array) -> Array:
        """Complex values at the points, shape (N,)."""

    @abstractmethod
    def scatter(self, strengths: Array) -> Array:
        """Complex modes, shape (M_1, ..., M_n)."""

    def placed(self, v: Array) -> FourierPlan:
        """The plan for arrays of the library and device of `v`.

        Raises
        ------
        TypeError
            Where there is none.
        """
        raise TypeError(f"{type(self).__name__} on {namespace(v).__name__}: write engine='nufft', which has both.")


def fourier_plan(phases: Floats, modes: tuple[int, ...], tol: float, backend: str) -> FourierPlan:
    """Plan on the host.

    Parameters
    ----------
    phases : array, shape (N, n)
    modes : tuple of int
        M per axis, even.
    tol : float
    backend : {"finufft", "ducc0"}

    Raises
    ------
    ImportError
        Without the library of the backend.
    """
    return _PLANS[backend](phases, modes, tol)


def takes_fields(v: Array) -> bool:
    """Whether cufinufft takes `v`: arrays on a device, but those of torch, whose gradients it would drop."""
    host = is_numpy(v) or "cpu" in str(array_api_compat.device(v)).lower()
    return not (host or array_api_compat.is_torch_array(v))


@dataclass(frozen=True, eq=False)
class _Finufft(FourierPlan):
    """One type 2 plan of finufft; its adjoint execution is the transform of type 1."""

    plan: Any
    points: tuple[Floats, ...]
    modes: tuple[int, ...]
    tol: float

    def gather(self, modes: Array) -> Array:
        return self.plan.execute(modes)

    def scatter(self, strengths: Array) -> Array:
        return self.plan.execute_adjoint(strengths)

    def placed(self, v: Array) -> FourierPlan:
        return _cufinufft(self.points, self.modes, self.tol, v)


def _finufft(phases: Floats, modes: tuple[int, ...], tol: float) -> FourierPlan:
    try:
        import finufft
    except ImportError as error:
        raise ImportError(
            "engine='nufft' needs finufft. Write pip install \"pide-operators[cloud]\", or engine='dense'."
        ) from error
    plan = finufft.Plan(2, modes, eps=tol, isign=1, nthreads=1, upsampfac=1.25 if tol >= 1e-8 else 2.0)
    points = tuple(np.ascontiguousarray(phase) for phase in phases.T)
    plan.setpts(*points)
    return _Finufft(plan, points, modes, tol)


@dataclass(frozen=True, eq=False)
class _Cufinufft(FourierPlan):
    """Two plans of cufinufft, of types 2 and 1, which has no adjoint execution."""

    forward: Any
    backward: Any

    def gather(self, modes: Array) -> Array:
        return self.forward.execute(modes)

    def scatter(self, strengths: Array) -> Array:
        return self.backward.execute(strengths)


def _cufinufft(points: tuple[Floats, ...], modes: tuple[int, ...], tol: float, v: Array) -> FourierPlan:
    """Plans with the same window, where `v` lives; that they are adjoint is measured on one vector."""
    try:
        import cufinufft
    except ImportError as error:
        raise ImportError(
            f"fields of {namespace(v).__name__} on a cloud with engine='nufft' need cufinufft. "
            "Write pip install cufinufft, or bring the fields to the host."
        ) from error
    moved = tuple(like(x, v) for x in points)
    plans = []
    for kind, sign in ((2, 1), (1, -1)):
        plan = cufinufft.Plan(kind, modes, eps=tol, isign=sign, dtype="complex128", upsampfac=2.0)
        plan.setpts(*moved)
        plans.append(plan)
    plan = _Cufinufft(*plans)
    gap = _asymmetry(plan, len(points[0]), v)
    if not gap <= _ADJOINT:
        raise RuntimeError(
            f"cufinufft: its transforms of types 1 and 2 are adjoint to {gap:.1e} only: mass would not be kept. "
            "Bring the fields to the host, where one plan of finufft has both."
        )
    return plan


def _asymmetry(plan: FourierPlan, count: int, v: Array) -> float:
    """|<P q, f> - <q, P* f>| / |f|^2 for a random q and f = P q."""
    xp = namespace(v)
    q = xp.astype(like(np.random.default_rng(0).standard_normal(count), v), xp.complex128)
    f = plan.scatter(q)
    size = xp.sum(xp.abs(f) ** 2)
    return as_float(xp.abs(size - xp.sum(xp.conj(q) * plan.gather(f)))) / as_float(size)


@dataclass(frozen=True, eq=False)
class _Ducc(FourierPlan):
    """One plan of ducc0 for both directions."""

    plan: Any

    def gather(self, modes: Array) -> Array:
        return self.plan.u2nu(grid=modes, forward=False)

    def scatter(self, strengths: Array) -> Array:
        return self.plan.nu2u(points=strengths, forward=True)


def _ducc(phases: Floats, modes: tuple[int, ...], tol: float) -> FourierPlan:
    try:
        import ducc0
    except ImportError as error:
        raise ImportError("engine='ducc0' needs ducc0. Write pip install ducc0, or engine='nufft'.") from error
    return _Ducc(
        ducc0.nufft.plan(
            nu2u=True,
            coord=np.ascontiguousarray(phases),
            grid_shape=modes,
            epsilon=max(tol, 1e-12),
            nthreads=1,
            periodicity=2 * math.pi,
            fft_order=False,
        )
    )


_PLANS = {"finufft": _finufft, "ducc0": _ducc}

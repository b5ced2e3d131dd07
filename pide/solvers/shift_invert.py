"""Shift-invert Lanczos: the exponential of a stiff generator from a few solves with I - gamma L.

Symbols: L <= 0 generator, gamma pole, V basis with exact images L V, H = V^T L V.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pide.arrays import Array, namespace
from pide.errors import NotConverged
from pide.solvers.krylov import KrylovSpace
from pide.solvers.linear import conjugate_gradients
from pide.solvers.preconditioners import TransformInverse, preconditioner
from pide.solvers.projection import Target, progress_towards, require_affine
from pide.solvers.rows import axpy, dots, norms, scaled
from pide.solvers.stepper import Flow, Report, Stepper, Trajectory

__all__ = ["ShiftInvertLanczos"]

_INNER_MARGIN = 0.1
_LOOSEST = 0.1
_TINY = float(np.finfo(np.float64).tiny)
_IMAGE_MARGIN = 1e-2
"""Images whose rounding would move the result by more than this part of tol are computed afresh, by one apply."""


@dataclass(frozen=True)
class ShiftInvertLanczos(Stepper):
    """u(t) = e^{t L} u0 (or u0 + t phi_1(t L)(L u0 + b)) on the space spanned by v, (I - gamma L)^{-1} v, ...

    Parameters
    ----------
    pole : float
        gamma / t, t the last output time when it is the only one; with earlier ones t is t_max^{2/3} t_min^{1/3}.
    max_vectors : int

    Notes
    -----
    The solves are conjugate gradients with the tau preconditioner; a solve with residual r gives L x = (x - v +
    r)/gamma without another apply, so H = V^T L V is the exact projection however loose the solve is. The inner
    tolerance may therefore grow as the outer error falls, tol/(10 error) (van den Eshof and Hochbruck 2006). The number
    of vectors hardly depends on the spectral radius. The error is estimated from the change between successive spaces,
    the largest over the output times, relative to |u(t)|; it is no bound. Forward in time, L self-adjoint and <= 0.
    Gradients do not pass.

    References
    ----------
    van den Eshof, Hochbruck 2006; Moret, Novati 2004.
    """

    pole: float = 0.1
    max_vectors: int = 80

    def integrate(self, flow: Flow, times: Sequence[float], tol: float, report: Report) -> Trajectory:
        require_affine(self, flow)
        if times[-1] < 0 or not flow.is_dissipative:
            raise ValueError(f"{self} runs forward with a self-adjoint generator <= 0. Write stepper=Lanczos().")
        taus = [t for t in times if t > 0]
        states = [flow.initial] * (len(times) - len(taus))
        if not taus:
            return Trajectory(states, 0, 0.0)
        target = Target.of(flow, flow.initial)
        basis = _Basis.start(flow, target)
        changes = _Changes()
        gamma = self.pole * taus[-1] ** (2 / 3) * taus[0] ** (1 / 3)
        inverse = preconditioner(flow.generator, gamma)
        while True:
            space = basis.space(target)
            error = changes.update(space, target, basis.overlap(target), taus)
            report(progress_towards(error, tol))
            if error <= tol or not np.any(space.beta):
                break
            if len(basis.vectors) >= self.max_vectors:
                raise NotConverged(
                    f"{self}: estimated error {error:.1e} with {self.max_vectors} vectors, wanted {tol:.1e}. "
                    "Increase max_vectors, ask for output times within a factor of 1000, or write stepper=Lanczos()."
                )
            inner = max(_INNER_MARGIN * tol / min(error, 1.0), _floor(flow))
            basis.extend(flow, gamma, inverse, inner, _IMAGE_MARGIN * tol / taus[-1])
        for tau in taus:
            states.append(flow.fields(target.state(space.combine(target.k, tau), tau)))
        return Trajectory(states, len(basis.vectors), min(error, 1.0), {"inner iterations": _listed(basis.iterations)})


@dataclass(frozen=True, eq=False)
class _Basis:
    """Orthonormal vectors with their images under L; grows by appending."""

    vectors: list[Array]
    images: list[Array]
    projected: list[list[NDArray[np.float64]]] = field(default_factory=list)
    rounding: list[NDArray[np.float64]] = field(default_factory=list)
    iterations: list[int] = field(default_factory=list)
    beta: list[NDArray[np.float64]] = field(default_factory=list)

    @classmethod
    def start(cls, flow: Flow, target: Target) -> _Basis:
        basis = cls([], [])
        norm = norms(target.v)
        basis.append(scaled(_inverse(norm), target.v), None, flow)
        basis.beta.append(norm)
        basis.rounding.append(np.zeros_like(norm))
        return basis

    def append(self, v: Array, image: Array | None, flow: Flow) -> None:
        if image is None:
            image = flow.rows(flow.apply(flow.fields(v)))
        self.vectors.append(v)
        self.images.append(image)
        self.projected.append(
            [0.5 * (dots(w, image) + dots(v, Lw)) for w, Lw in zip(self.vectors, self.images, strict=True)]
        )

    def extend(
        self, flow: Flow, gamma: float, inverse: TransformInverse | None, tol: float, largest_rounding: float
    ) -> None:
        """Append (I - gamma L)^{-1} of the last vector, orthogonalised twice, with its image."""
        v = self.vectors[-1]
        solution = conjugate_gradients(
            lambda rows: rows - gamma * flow.rows(flow.apply(flow.fields(rows))),
            v,
            dimension=1,
            precondition=None if inverse is None else lambda rows: flow.rows(inverse(flow.fields(rows))),
            tol=min(tol, _LOOSEST),
        )
        self.iterations.append(solution.iterations)
        x, r = solution.x, solution.residual
        image = (x - v + r) / gamma
        mean = flow.mean_rows(x)
        x = x if mean is None else x - mean
        size = norms(x)
        rounding = _epsilon(x) * size / gamma
        for _ in range(2):
            for w, Lw, error in zip(self.vectors, self.images, self.rounding, strict=True):
                c = -dots(w, x)
                x, image = axpy(c, w, x), axpy(c, Lw, image)
                rounding = rounding + np.abs(c) * error
        norm = norms(x)
        norm = np.where(norm > 100 * _epsilon(x) * size, norm, 0.0)
        self.beta.append(norm)
        rounding = rounding * _inverse(norm)
        fresh = bool(np.any(rounding > largest_rounding))
        self.rounding.append(np.zeros_like(norm) if fresh else rounding)
        self.append(scaled(_inverse(norm), x), None if fresh else scaled(_inverse(norm), image), flow)

    def space(self, target: Target) -> KrylovSpace:
        """The projected problem; `beta` only says whether the space is exhausted."""
        m = len(self.vectors)
        H = np.zeros((len(self.beta[0]), m, m))
        for j, column in enumerate(self.projected):
            for i, h in enumerate(column):
                H[:, i, j] = H[:, j, i] = h
        return KrylovSpace(self.vectors, H, self.beta[-1], self.beta[0], True)

    def overlap(self, target: Target) -> NDArray[np.float64]:
        """<offset, v_j>, shape (B, m); empty without offset."""
        if target.offset is None:
            return np.zeros((len(target.norm), 0))
        return np.stack([dots(target.offset, v) for v in self.vectors], axis=1)


@dataclass(frozen=True, eq=False)
class _Changes:
    """Error of the newest coordinates from how they changed: d max(1, q / (1 - q)), q the rate of convergence.

    As long as the slowest Ritz value still moves by more than 1/t the space may have missed all that survives until t,
    and small changes mean nothing: the error is then 1. `coordinates` holds those of every output time in the last
    space, `history` the relative changes, shape (T, B), `slowest` the slowest Ritz values.
    """

    coordinates: list[NDArray[np.float64]] = field(default_factory=list)
    history: list[NDArray[np.float64]] = field(default_factory=list)
    slowest: list[NDArray[np.float64]] = field(default_factory=list)

    def update(self, space: KrylovSpace, target: Target, overlap: NDArray[np.float64], taus: Sequence[float]) -> float:
        """Estimate for the space, the largest over times and batch; 1 for the first space."""
        new = [space.coefficients(target.k, tau) for tau in taus]
        change = []
        for tau, c, old in zip(taus, new, self.coordinates, strict=False):
            size = np.maximum(target.norm_of(space, c, overlap, tau), _TINY)
            change.append(np.linalg.norm(c - np.pad(old, ((0, 0), (0, c.shape[1] - old.shape[1]))), axis=1) / size)
        self.coordinates[:] = new
        self.slowest.append(space.slowest())
        if not change:
            return 1.0 if np.any(space.norm > 0) else 0.0
        self.history.append(np.stack(change))
        d = self.history[-1]
        if np.any(taus[-1] * np.abs(self.slowest[-1] - self.slowest[-2]) > 1.0):
            return 1.0
        rate = np.full_like(d, 0.9)
        if len(self.history) > 2:
            one, two = _quotient(d, self.history[-2]), np.sqrt(_quotient(d, self.history[-3]))
            rate = np.clip(np.maximum(one, two), 0.0, 0.95)
        return float(np.max(d * np.maximum(1.0, rate / (1.0 - rate))))


def _quotient(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.divide(a, b, out=np.zeros_like(a), where=b > 0)


def _inverse(a: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.divide(1.0, a, out=np.zeros_like(a), where=a > 0)


def _epsilon(x: Array) -> float:
    return float(namespace(x).finfo(x.dtype).eps)


def _floor(flow: Flow) -> float:
    """Loosest residual that rounding lets conjugate gradients reach."""
    return 20 * _epsilon(flow.initial)


def _listed(iterations: list[int]) -> str:
    return ", ".join(map(str, iterations))

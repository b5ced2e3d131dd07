"""Which stepper "auto" takes, and why. Symbols: rho bound of |lambda|_max, t the longest time."""

from __future__ import annotations

import math

import numpy as np

from pide.arrays import Array
from pide.solvers.chebyshev import Chebyshev
from pide.solvers.diagonal import DiagonalGenerator
from pide.solvers.etd import ETD
from pide.solvers.exact import Exact
from pide.solvers.lanczos import Arnoldi, Lanczos
from pide.solvers.preconditioners import has_preconditioner
from pide.solvers.shift_invert import ShiftInvertLanczos
from pide.solvers.stepper import Flow, Stepper

__all__ = ["choose"]

STIFF = 400.0
"""rho t above which shift-invert Lanczos needs fewer applies: measured on boxes of 31 to 511 nodes, s = 0.25 to 0.9."""

MEMORY = 2 << 30
"""Bytes that stored Krylov vectors may take before the three vectors of Chebyshev are preferred."""


def choose(flow: Flow, span: float, tol: float) -> tuple[Stepper, str]:
    """Stepper for the flow until |t| = |span|, and the reason in words.

    Exact where Fourier modes diagonalise L; ETD with reactions or time-dependent sources; Arnoldi without
    self-adjointness; Chebyshev for gradients and where Krylov vectors exceed 2 GiB; shift-invert Lanczos for
    rho |t| > 400 where a transform preconditioner exists; Lanczos otherwise.
    """
    diagonal = DiagonalGenerator.of(flow.generator) is not None
    if not flow.is_affine:
        how = "exact on Fourier modes" if diagonal else "on Krylov spaces"
        return ETD(), f"reaction or time-dependent source; linear part {how}, steps chosen to tol"
    if flow.carries_parameter_gradients():
        return Chebyshev(), "gradients with respect to the operator's parameters"
    if diagonal:
        return Exact(), "Fourier modes diagonalise the generator"
    if not flow.is_self_adjoint:
        return Arnoldi(), "the generator is not self-adjoint"
    if getattr(flow.initial, "requires_grad", False):
        return Chebyshev(), "gradients with respect to the initial data"
    return _projection(flow, flow.generator.spectral_bound() * abs(span), span, tol)


def _projection(flow: Flow, stiffness: float, span: float, tol: float) -> tuple[Stepper, str]:
    words = f"rho |t| = {stiffness:.3g}"
    invertible = span > 0 and flow.is_dissipative and has_preconditioner(flow.generator)
    field = _bytes(flow.initial)
    vectors = 10.0 + math.sqrt(2.0 * stiffness * math.log(1.0 / tol))
    if stiffness > STIFF and invertible and 40 * field <= MEMORY:
        return ShiftInvertLanczos(), f"{words} > {STIFF:g}, transform preconditioner"
    if min(vectors, Lanczos().max_vectors) * field > MEMORY:
        return Chebyshev(), f"{words}: about {vectors:.0f} Krylov vectors would exceed {MEMORY >> 30} GiB"
    if stiffness > STIFF:
        return Lanczos(), f"{words} > {STIFF:g}, without preconditioner" if span > 0 else f"{words}, backward in time"
    return Lanczos(), f"{words} <= {STIFF:g}"


def _bytes(u: Array) -> int:
    return int(np.prod(u.shape)) * (4 if "float32" in str(u.dtype) else 8)

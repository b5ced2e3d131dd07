"""Which stepper "auto" takes, and why. Symbols: rho bound of |lambda|_max, t the last time."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from pide.arrays import Array
from pide.solvers.chebyshev import Chebyshev
from pide.solvers.etd import ETD
from pide.solvers.exact import Exact
from pide.solvers.lanczos import Arnoldi, Lanczos
from pide.solvers.preconditioners import has_preconditioner
from pide.solvers.shift_invert import ShiftInvertLanczos
from pide.solvers.stepper import Flow, Stepper

__all__ = ["choose"]

MEMORY = 2 << 30
"""Bytes that stored Krylov vectors may take before the three vectors of Chebyshev are preferred."""


def choose(flow: Flow, times: Sequence[float], tol: float) -> tuple[Stepper, str]:
    """Stepper for the flow at the given times, and the reason in words.

    Exact where Fourier modes diagonalise L; ETD with reactions or time-dependent sources; Arnoldi without
    self-adjointness; Chebyshev for gradients and where Krylov vectors exceed 2 GiB; else Lanczos or, where a transform
    preconditioner exists, shift-invert Lanczos, whichever is expected to need fewer applies.
    """
    diagonal = flow.generator.diagonalisation() is not None
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
    return _projection(flow, times, tol)


def _projection(flow: Flow, times: Sequence[float], tol: float) -> tuple[Stepper, str]:
    stiffness = flow.generator.spectral_bound() * abs(times[-1])
    words, field = f"rho |t| = {stiffness:.3g}", _bytes(flow.initial)
    lanczos, inverted = 0.8 * math.sqrt(stiffness * math.log(1.0 / tol)) + 4.0, _shift_invert_applies(flow, times, tol)
    if inverted < lanczos and 40 * field <= MEMORY:
        return ShiftInvertLanczos(), f"{words}, about {inverted:.0f} applies against {lanczos:.0f} by Lanczos"
    if min(lanczos, Lanczos().max_vectors) * field > MEMORY:
        return Chebyshev(), f"{words}: about {lanczos:.0f} Krylov vectors would exceed {MEMORY >> 30} GiB"
    return Lanczos(), f"{words}, about {lanczos:.0f} applies" + (
        f" against {inverted:.0f} by shift-invert" if math.isfinite(inverted) else ""
    )


def _shift_invert_applies(flow: Flow, times: Sequence[float], tol: float) -> float:
    """Applies expected of shift-invert Lanczos; infinite where it cannot run.

    Nine per digit on boxes, 2.2 times as many on other domains, a third more for each decade between the first output
    time and the last: fitted to measured counts, s = 0.5 to 0.9, 127 to 512 nodes per axis.
    """
    positive = [t for t in times if t > 0]
    if not positive or not flow.is_dissipative or not has_preconditioner(flow.generator):
        return math.inf
    grid = flow.generator.space
    decades = math.log10(positive[-1] / positive[0])
    return 9.0 * math.log10(1.0 / tol) * (1.0 + 0.35 * decades) * (1.0 if grid.count == grid.size else 2.2)


def _bytes(u: Array) -> int:
    return int(np.prod(u.shape)) * (4 if "float32" in str(u.dtype) else 8)

"""Exact exponential of a generator that Fourier modes diagonalise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pide.solvers.diagonal import DiagonalGenerator
from pide.solvers.lanczos import require_affine
from pide.solvers.phi import phi
from pide.solvers.stepper import Flow, Report, Stepper, Trajectory

__all__ = ["Exact"]


@dataclass(frozen=True)
class Exact(Stepper):
    """u(t) = F^{-1}[e^{lambda t} F u0 + t phi_1(lambda t) F b], lambda the eigenvalues of the generator on the torus.

    Notes
    -----
    No error but rounding; one FFT pair per output time (two with a load), no applies. Runs backward in time for bounded
    generators. Gradients pass to u0, not to parameters of the generator, whose eigenvalues are taken on the host.
    """

    def integrate(self, flow: Flow, times: Sequence[float], tol: float, report: Report) -> Trajectory:
        require_affine(self, flow)
        diagonal = DiagonalGenerator.of(flow.generator)
        if diagonal is None:
            raise ValueError(
                f"{self}: Fourier modes do not diagonalise this generator; that needs a torus and constant "
                "coefficients. Write stepper='auto'."
            )
        if flow.carries_parameter_gradients():
            raise ValueError(f"{self} would lose the gradient of the operator's parameters. Write stepper=Chebyshev().")
        states = []
        for done, t in enumerate(times, 1):
            u = diagonal.apply(lambda z, t=t: np.exp(t * z), flow.initial) if t else flow.initial
            if flow.load is not None and t:
                u = u + diagonal.apply(lambda z, t=t: t * phi(1, t * z), flow.load)
            states.append(u)
            report(done / len(times))
        return Trajectory(states, len(times), 0.0)

"""Exact exponential of a generator that Fourier modes, sines or cosines diagonalise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pide.arrays import Array
from pide.operators.diagonalisation import Diagonalisation
from pide.solvers.phi import phi
from pide.solvers.projection import require_affine
from pide.solvers.stepper import Flow, Report, Stepper, Trajectory
from pide.solvers.wave import exact_wave

__all__ = ["Exact"]


@dataclass(frozen=True)
class Exact(Stepper):
    """u(t) = F^{-1}[e^{lambda t} F u0 + t phi_1(lambda t) F b], lambda the eigenvalues of the generator.

    F is the Fourier transform on a torus, the sine or cosine transform for spectral fractional Laplacians on boxes.

    For waves u(t) = F^{-1}[cos(w t) F u0 + sin(w t)/w F v0 + (1 - cos(w t))/w^2 F b], w = sqrt(-lambda).

    Notes
    -----
    No error but rounding; one FFT pair per output time (two with a load), no applies. Runs backward in time for bounded
    generators. Gradients pass to u0, not to parameters of the generator, whose eigenvalues are taken on the host.
    """

    def integrate(self, flow: Flow, times: Sequence[float], tol: float, report: Report) -> Trajectory:
        require_affine(self, flow)
        diagonal = flow.generator.diagonalisation()
        if diagonal is None:
            raise ValueError(
                f"{self}: no fast transform diagonalises this generator; that needs a torus and constant "
                "coefficients, or a SpectralFractionalLaplacian on a box. Write stepper='auto'."
            )
        if flow.carries_parameter_gradients():
            raise ValueError(f"{self} would lose the gradient of the operator's parameters. Write stepper=Chebyshev().")
        if flow.velocity is not None:
            return exact_wave(self, flow, diagonal, times)
        return Trajectory([_state(flow, diagonal, t) if t else flow.initial for t in times], len(times), 0.0)


def _state(flow: Flow, diagonal: Diagonalisation, t: float) -> Array:
    u = diagonal.apply(lambda z: phi(0, t * z), flow.initial)
    return u if flow.load is None else u + diagonal.apply(lambda z: t * phi(1, t * z), flow.load)

"""Solvers: steppers with certified bounds, exponentials, linear solves, and `solve`, which drives them."""

from pide.solvers.linear import LinearSolution, conjugate_gradients
from pide.solvers.record import Record
from pide.solvers.steppers import (
    ETD,
    IMEX,
    Arnoldi,
    BackwardEuler,
    Chebyshev,
    CrankNicolson,
    Exact,
    ForwardEuler,
    Lanczos,
    RungeKutta4,
    ShiftInvertLanczos,
    Stepper,
    StormerVerlet,
    Uniformisation,
)

__all__ = [
    "ETD",
    "IMEX",
    "Arnoldi",
    "BackwardEuler",
    "Chebyshev",
    "CrankNicolson",
    "Exact",
    "ForwardEuler",
    "Lanczos",
    "LinearSolution",
    "Record",
    "RungeKutta4",
    "ShiftInvertLanczos",
    "Stepper",
    "StormerVerlet",
    "Uniformisation",
    "conjugate_gradients",
]

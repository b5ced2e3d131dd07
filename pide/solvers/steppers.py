"""All steppers under one roof, and how `solve` finds them by name."""

from __future__ import annotations

import difflib

from pide.solvers.chebyshev import Chebyshev
from pide.solvers.etd import ETD
from pide.solvers.exact import Exact
from pide.solvers.explicit import ForwardEuler, RungeKutta4
from pide.solvers.implicit import IMEX, BackwardEuler, CrankNicolson
from pide.solvers.lanczos import Arnoldi, Lanczos
from pide.solvers.shift_invert import ShiftInvertLanczos
from pide.solvers.stepper import Flow, OneStep, Stepper
from pide.solvers.uniformisation import Uniformisation
from pide.solvers.wave import StormerVerlet

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
    "OneStep",
    "RungeKutta4",
    "ShiftInvertLanczos",
    "Stepper",
    "StormerVerlet",
    "Uniformisation",
    "check_wave_stepper",
    "checked_stepper",
    "wave_stepper",
]

_WITHOUT_STEP = {
    kind.__name__: kind
    for kind in (Exact, Lanczos, Arnoldi, ShiftInvertLanczos, Chebyshev, ETD, StormerVerlet, Uniformisation)
}
_WITH_STEP = {kind.__name__: kind for kind in (ForwardEuler, RungeKutta4, BackwardEuler, CrankNicolson, IMEX)}


def checked_stepper(stepper: object) -> Stepper | None:
    """The stepper meant: itself, its name when it needs no step, or None for "auto".

    Raises
    ------
    ValueError
        For an unknown name, with the nearest known one, and for the name of a method that needs a step.
    TypeError
        For anything else.
    """
    if isinstance(stepper, Stepper):
        return stepper
    if isinstance(stepper, type) and issubclass(stepper, Stepper):
        raise TypeError(f"stepper={stepper.__name__} is the class. Write stepper={stepper.__name__}({_step(stepper)}).")
    if not isinstance(stepper, str):
        raise TypeError(f"stepper={type(stepper).__name__}: write stepper='auto', Lanczos(), or RungeKutta4(dt=0.01).")
    if stepper == "auto":
        return None
    if stepper in _WITHOUT_STEP:
        return _WITHOUT_STEP[stepper]()
    if stepper in _WITH_STEP:
        raise ValueError(f"stepper={stepper!r} needs a time step. Write stepper={stepper}(dt=0.01).")
    known = ["auto", *_WITHOUT_STEP, *_WITH_STEP]
    lower = {name.lower(): name for name in known}
    near = difflib.get_close_matches(stepper.lower().replace("_", "").replace("-", ""), lower, 1, 0.5)
    hint = f"Did you mean {lower[near[0]]!r}? " if near else ""
    raise ValueError(f"stepper={stepper!r}: {hint}Choose from {', '.join(known)}.")


def check_wave_stepper(asked: Stepper) -> None:
    """Raise unless the method solves equations of second order in time.

    Raises
    ------
    ValueError
    """
    if not isinstance(asked, (Exact, Chebyshev, StormerVerlet)):
        raise ValueError(
            f"stepper={asked} is for equations of first order in time. For a Wave write stepper='auto', Exact(), "
            "Chebyshev() or StormerVerlet()."
        )


def wave_stepper(flow: Flow) -> tuple[Stepper, str]:
    """The most accurate stepper for a wave that applies, and why."""
    if flow.source is not None:
        return StormerVerlet(), "time-dependent source"
    if not flow.carries_parameter_gradients() and flow.generator.diagonalisation() is not None:
        return Exact(), "Fourier modes diagonalise the generator"
    return Chebyshev(), "cos(t sqrt(-L)) is entire in L: about |t| sqrt(lambda_max) / 2 terms"


def _step(kind: type[Stepper]) -> str:
    return "dt=0.01" if issubclass(kind, OneStep) else ""

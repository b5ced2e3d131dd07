"""The record of a run: what was chosen, what it cost, with which versions, where and when."""

from __future__ import annotations

import importlib.metadata
import platform
import sys
from dataclasses import dataclass, field

__all__ = ["Record", "machine", "versions"]


@dataclass(frozen=True)
class Record:
    """What a solve did.

    Attributes
    ----------
    stepper : str
        Name and parameters of the stepper that ran.
    applies : int
        Applications of the generator, a batch counting once.
    steps : int
        Time steps, or vectors of the Krylov space.
    choices : dict of str to str
        Every choice made for the caller, with its reason.
    error_estimate : float or None
        Estimated relative l2 error of the last state, None where the method has no estimate.
    versions : dict of str to str
    machine, started : str
        Platform; UTC time in ISO format.
    cpu_seconds : float
        Processor time of this process, all threads.
    seed : int or None
        None: no random numbers were used.
    settings : dict
        Arguments of `solve`.
    history : tuple of float
        Steady problems: relative residual before and after each iteration, the largest of a batch.
    residuals : tuple of float
        Eigenvalue problems: |A phi - lambda phi| of every pair, |phi| = 1. The discrete operator has an eigenvalue
        within this distance of lambda.
    """

    stepper: str
    applies: int
    steps: int
    choices: dict[str, str]
    error_estimate: float | None
    versions: dict[str, str]
    machine: str
    started: str
    cpu_seconds: float
    seed: int | None = None
    settings: dict[str, str | float | int] = field(default_factory=dict)
    history: tuple[float, ...] = ()
    residuals: tuple[float, ...] = ()


def versions(library: str) -> dict[str, str]:
    """Versions of Python, of this package, and of the array libraries in use; `library` is that of the state."""
    import pide

    names = {"numpy", "scipy", library.removeprefix("array_api_compat.").split(".")[0]}
    found = {"python": platform.python_version(), "pide": pide.__version__}
    for name in sorted(names):
        module = sys.modules.get(name)
        found[name] = str(getattr(module, "__version__", None) or importlib.metadata.version(name))
    return found


def machine() -> str:
    """Operating system and processor."""
    return f"{platform.platform()}, {platform.machine()}"

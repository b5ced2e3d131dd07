"""Exceptions that a caller may want to catch by name; everything else is ValueError or TypeError."""

from __future__ import annotations

__all__ = ["CaseError", "IllPosedError", "NotConverged", "StepTooLarge"]


class StepTooLarge(ValueError):
    """A time step above the certified bound of the stepper."""

    def __init__(self, message: str, largest: float) -> None:
        super().__init__(message)
        self.largest = largest


class IllPosedError(ValueError):
    """A problem that has no continuous dependence on its data, such as backward diffusion by a singular kernel."""


class NotConverged(RuntimeError):
    """An iteration that did not reach its tolerance; the message carries the residual and the remedy."""


class CaseError(ValueError):
    """A case file with an unknown key, a wrong value or a missing input."""

"""What a check is: a named statement, the trials that measure it, and the exceptions that end one early."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from pide.claims import CLAIMS
from pide.verification.sources import hypotheses_of, reference_of

__all__ = ["CHECKS", "Check", "NotApplicableError", "NotCheckableError", "SubjectError", "Trial", "measures", "ordered"]

ORIGINS = {
    "E": "exact",
    "T": "theorem in u and the size",
    "L": "theorem plus a stated accuracy of the FFT or BLAS",
    "A": "asymptotic, estimated from a family of grids",
}


class NotCheckableError(Exception):
    """The subject does not expose what this check needs."""


class NotApplicableError(Exception):
    """The check does not apply to this subject; the reason is the message."""


class SubjectError(Exception):
    """The subject raised, or returned something that is no finite real field of the right shape."""


@dataclass(frozen=True)
class Trial:
    """One measurement: it agrees with the statement when measured <= bound."""

    measured: float
    bound: float
    sample: str

    @property
    def excess(self) -> float:
        """measured / bound, the quantity that orders trials from best to worst."""
        if self.measured <= self.bound:
            return self.measured / self.bound if self.bound > 0 else 0.0
        return self.measured / self.bound if self.bound > 0 else float("inf")


Measure = Callable[[Any, Any], Iterator[Trial]]


@dataclass(frozen=True)
class Check:
    """A statement about a subject and the generator of trials that measures it.

    Parameters
    ----------
    name : str
        A claim of `pide.claims.CLAIMS`, or the name of a property every operator must have.
    statement, derivation : str
        What is asserted, and how the bound follows.
    origin : str
        "E", "T", "L" or "A", see `ORIGINS`.
    measure : callable (subject, draws) -> iterator of Trial
    kind : str
        "operator", "family", "flow", "wave" or "solver".
    diagnose : callable (subject, draws) -> str, optional
        Words about a failure: what the defect looks like.
    """

    name: str
    statement: str
    derivation: str
    origin: str
    measure: Measure
    kind: str = "operator"
    diagnose: Callable[[Any, Any], str] | None = None

    @property
    def hypotheses(self) -> str:
        """Under which the statement is a theorem."""
        return hypotheses_of(self.name)

    @property
    def reference(self) -> str:
        """Where the theorem is."""
        return reference_of(self.name)

    @property
    def claimed_only(self) -> bool:
        """Whether the check belongs to a claim; the others hold for every operator."""
        return self.name in CLAIMS


CHECKS: dict[str, Check] = {}
"""All checks by name; filled when `pide.verification.claims` is imported."""


def ordered() -> list[str]:
    """Names of all checks in the order of a report: claims as in their vocabulary, then other properties."""
    return [name for name in CLAIMS if name in CHECKS] + [name for name in CHECKS if name not in CLAIMS]


def measures(
    name: str,
    *,
    origin: str,
    derivation: str,
    statement: str | None = None,
    kind: str = "operator",
    diagnose: Callable[[Any, Any], str] | None = None,
) -> Callable[[Measure], Measure]:
    """Register a generator of trials as the check called `name`."""
    if origin not in ORIGINS:
        raise ValueError(f"origin={origin!r}: needs one of {', '.join(ORIGINS)}.")
    if name in CHECKS:
        raise ValueError(f"name={name!r}: this check exists. Choose another name.")

    def register(measure: Measure) -> Measure:
        text = CLAIMS[name].statement if statement is None else statement
        CHECKS[name] = Check(name, text, derivation, origin, measure, kind, diagnose)
        return measure

    return register

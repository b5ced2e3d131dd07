"""A discretisation as a subject: one operator per spacing, each spacing half the one before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from pide.verification.adapters import as_subject
from pide.verification.subject import Subject

__all__ = ["Family", "Limit", "family"]


@dataclass(frozen=True, eq=False)
class Limit:
    """A number q(A_h) that tends to a known one, |q(A_h) - exact| = O(h^order).

    Parameters
    ----------
    name : str
        What is measured, in words.
    measure : callable Subject -> float
    exact : float
        From a closed form.
    order : float
        Stated order; 0 where only convergence is stated.
    """

    name: str
    measure: Callable[[Subject], float]
    exact: float
    order: float


@dataclass(frozen=True, eq=False)
class Family:
    """Operators A_h on h, h/2, h/4, ... of one continuum operator; claims about h -> 0 are checked on it.

    Parameters
    ----------
    name : str
    subjects : tuple of Subject, coarsest first
    spacings : tuple of float, optional
        h of each member.
    limits : tuple of Limit
        Numbers that the members must tend to.
    """

    kind: ClassVar[str] = "family"

    name: str
    subjects: tuple[Subject, ...]
    spacings: tuple[float, ...] = ()
    limits: tuple[Limit, ...] = ()

    @property
    def claims(self) -> frozenset[str]:
        """What every member claims."""
        return frozenset.intersection(*(subject.claims for subject in self.subjects))


def family(
    build: Callable[[Any], Any], levels: Sequence[Any], name: str = "family",
    spacings: Sequence[float] = (), limits: Sequence[Limit] = (),
) -> Family:
    """Family of `build(level)` over the levels, coarsest first.

    Examples
    --------
    >>> import numpy as np
    >>> len(family(lambda n: np.zeros((n, n)), (2, 4)).subjects)
    2
    """  # fmt: skip
    if not levels:
        raise ValueError("levels is empty: give at least four, such as (16, 32, 64, 128).")
    subjects = tuple(as_subject(build(level)) for level in levels)
    return Family(name, subjects, tuple(spacings), tuple(limits))

"""A discretisation as a subject: one operator per spacing, each spacing half the one before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pide.verification.adapters import as_subject
from pide.verification.subject import Subject

__all__ = ["Family", "family"]


@dataclass(frozen=True, eq=False)
class Family:
    """Operators A_h on h, h/2, h/4, ... of one continuum operator; claims about h -> 0 are checked on it.

    Parameters
    ----------
    name : str
    subjects : tuple of Subject, coarsest first
    """

    name: str
    subjects: tuple[Subject, ...]

    @property
    def claims(self) -> frozenset[str]:
        """What every member claims."""
        return frozenset.intersection(*(subject.claims for subject in self.subjects))


def family(build: Callable[[Any], Any], levels: Sequence[Any], name: str = "family") -> Family:
    """Family of `build(level)` over the levels, coarsest first.

    Examples
    --------
    >>> import numpy as np
    >>> len(family(lambda n: np.zeros((n, n)), (2, 4)).subjects)
    2
    """
    if not levels:
        raise ValueError("levels is empty: give at least four, such as (16, 32, 64, 128).")
    return Family(name, tuple(as_subject(build(level)) for level in levels))

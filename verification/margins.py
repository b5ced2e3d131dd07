"""Margins: how far below its bound a check measures an honest operator, and how far above it a wrong one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pide.verification.checking import check, validate_names
from pide.verification.honest import HONEST
from pide.verification.mutants import MUTANTS
from pide.verification.report import FAILS, HOLDS, Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Margin", "draw_margins", "margins"]

_RANGE = (1e-8, 1e16)


@dataclass(frozen=True)
class Margin:
    """One check on an honest operator and on a wrong one that is built from it.

    Parameters
    ----------
    claim, mutant : str
    honest, wrong : Row
        The rows of the check; `excess` is their quotient measured / bound.
    """

    claim: str
    mutant: str
    honest: Row
    wrong: Row

    @property
    def separates(self) -> bool:
        """The honest operator holds, the wrong one fails."""
        return self.honest.verdict == HOLDS and self.wrong.verdict == FAILS


def margins(cases: Mapping[str, str], seed: int = 0, samples: int = 8) -> list[Margin]:
    """Margins of checks, each on a mutant and on the honest operator that the mutant is built from.

    Parameters
    ----------
    cases : mapping claim -> name of a mutant of `MUTANTS`
    seed, samples : int
        As for `check`.

    Raises
    ------
    ValueError
        For unknown claims or mutants.

    Examples
    --------
    >>> [m.separates for m in margins({"self_adjoint": "row-normalised"})]
    [True]
    """
    validate_names(cases)
    unknown = sorted(set(cases.values()) - MUTANTS.keys())
    if unknown:
        raise ValueError(f"cases name {unknown}: no such mutants. Choose from pide.verification.MUTANTS.")
    return [_margin(claim, name, seed, samples) for claim, name in cases.items()]


def draw_margins(axes: Axes, found: Sequence[Margin]) -> None:
    """measured / bound of honest (circles) and wrong operators (crosses) on a logarithmic axis; 1 is the bound.

    Numbers outside [1e-8, 1e16], 0, infinity, and rows in which the operator raised are drawn at the ends.
    """
    rows = range(len(found))
    honest, wrong = [excess(m.honest) for m in found], [excess(m.wrong) for m in found]
    axes.hlines(rows, honest, wrong, color="0.85", zorder=1)
    axes.plot(honest, rows, "o", color="C0", label="honest")
    axes.plot(wrong, rows, "X", color="C1", label="wrong")
    axes.axvline(1.0, color="0.4", linewidth=1)
    axes.set_yticks(rows, [m.claim for m in found], fontsize="small")
    names = axes.secondary_yaxis("right")
    names.set_yticks(rows, [m.mutant for m in found], fontsize="small")
    names.tick_params(length=0)
    axes.set(xscale="log", xlabel="measured / bound", xlim=(_RANGE[0] / 3, _RANGE[1] * 3))
    axes.set_ylim(len(found) - 0.5, -0.5)
    axes.legend(frameon=False, fontsize="small", loc="lower left", bbox_to_anchor=(0, 1), ncols=2)


def excess(row: Row) -> float:
    """measured / bound within the range of the picture; its upper end where nothing finite was measured."""
    low, high = _RANGE
    if row.measured is None or row.bound is None or not math.isfinite(row.measured):
        return high
    if row.bound <= 0:
        return low if row.measured <= row.bound else high
    return min(max(row.measured / row.bound, low), high)


def _margin(claim: str, name: str, seed: int, samples: int) -> Margin:
    wrong = MUTANTS[name]
    targets = (HONEST[wrong.base](), wrong.subject())
    honest, dead = (check(target, claims=[claim], seed=seed, samples=samples)[claim] for target in targets)
    return Margin(claim, name, honest, dead)

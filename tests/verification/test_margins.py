"""Margins of checks: honest operators below the bound, wrong ones above it, and their picture."""

from __future__ import annotations

import math

import pytest
from matplotlib.figure import Figure

from pide.verification import Row
from pide.verification.margins import draw_margins, excess, margins

CASES = {"self_adjoint": "row-normalised", "linear": "raises", "deterministic": "not deterministic"}


def test_every_case_separates() -> None:
    found = margins(CASES)
    assert [m.claim for m in found] == list(CASES)
    assert all(m.separates for m in found)
    assert all(excess(m.honest) <= 1 < excess(m.wrong) for m in found)


def test_a_mutant_that_the_check_does_not_see_is_not_separated() -> None:
    """Scaling the rows breaks symmetry, and leaves the operator linear."""
    (margin,) = margins({"linear": "row-normalised"})
    assert not margin.separates


@pytest.mark.parametrize(
    ("measured", "bound", "expected"),
    [
        (2.0, 1.0, 2.0), (0.0, 1.0, 1e-8), (0.0, 0.0, 1e-8), (-1.0, 0.0, 1e-8), (1.0, 0.0, 1e16), (math.nan, 1.0, 1e16),
        (None, None, 1e16),
    ],
)
def test_excess(measured: float | None, bound: float | None, expected: float) -> None:
    assert excess(Row("linear", "holds", measured, bound)) == expected


def test_the_picture_shows_every_case() -> None:
    figure = Figure()
    axes = figure.subplots()
    draw_margins(axes, margins(CASES))
    assert [text.get_text() for text in axes.get_yticklabels()] == list(CASES)
    honest, wrong = (line.get_xdata() for line in axes.lines[:2])
    assert max(honest) <= 1 < min(wrong)
    assert axes.get_xscale() == "log"


def test_unknown_names_say_where_the_known_ones_are() -> None:
    with pytest.raises(ValueError, match=r"no such mutants. Choose from pide.verification.MUTANTS"):
        margins({"linear": "no such"})
    with pytest.raises(ValueError, match="no such checks"):
        margins({"no such": "raises"})

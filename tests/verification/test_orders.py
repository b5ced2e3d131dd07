"""Observed orders of known sequences, their uncertainty, and what has no order."""

from __future__ import annotations

import pytest

from pide.verification import observed_order


def test_an_exact_power_has_its_order_without_uncertainty():
    result = observed_order((0.4, 0.2, 0.1, 0.05), lambda h: 7 * h**1.5)
    assert result.order == pytest.approx(1.5, abs=1e-12)
    assert result.uncertainty <= 1e-12


def test_a_second_term_shows_in_the_uncertainty():
    result = observed_order((0.4, 0.2, 0.1), lambda h: h**2 * (1 + h))
    assert abs(result.order - 2.0) <= result.uncertainty < 0.25
    assert f"order {result.order:.2f} +- {result.uncertainty:.2f}" in str(result)


@pytest.mark.parametrize(
    ("spacings", "errors", "remedy"),
    [
        ((0.2, 0.1), (1.0, 0.25), "at least three spacings"),
        ((0.4, 0.2, 0.1), (1.0, 0.25), "as many errors as spacings"),
        ((0.1, 0.2, 0.4), (1.0, 2.0, 3.0), "from coarse to fine"),
        ((0.4, 0.2, 0.1), (1.0, 0.5, 0.0), "Use coarser grids"),
    ],
)
def test_what_has_no_order(spacings, errors, remedy):
    with pytest.raises(ValueError, match=remedy):
        observed_order(spacings, errors)

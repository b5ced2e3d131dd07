"""Observed orders of known sequences, their uncertainty, and what has no order."""

from __future__ import annotations

import numpy as np
import pytest

import pide
from pide.quadrature.compatible import compatible_weights
from pide.verification import compatibility_table, observed_order


def test_an_exact_power_has_its_order_without_uncertainty():
    result = observed_order(lambda h: 7 * h**1.5, (0.4, 0.2, 0.1, 0.05))
    assert result.order == pytest.approx(1.5, abs=1e-12)
    assert result.uncertainty <= 1e-12


def test_a_second_term_shows_in_the_uncertainty():
    result = observed_order(lambda h: h**2 * (1 + h), (0.4, 0.2, 0.1))
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
        observed_order(errors, spacings)


def test_the_compatible_scheme_reaches_the_local_limit_at_every_ratio(tmp_path):
    """Constant kernel in 2-D, mode (1, 2): distance of the symbol from -|k|^2, order 2 also for delta = h."""
    k = 2 * np.pi * np.array([1.0, 2.0])

    def distance(delta, h):
        weights = compatible_weights(pide.kernels.Constant(horizon=delta), (h, h), (8, 8)).octant
        j = h * np.arange(weights.shape[0])
        fold = np.where(np.arange(weights.shape[0]) > 0, 2.0, 1.0)
        waves = np.outer(np.cos(k[0] * j), np.cos(k[1] * j)) - 1
        return abs(float(np.sum(weights * np.outer(fold, fold) * waves) / (k @ k) + 1))

    table = compatibility_table(distance, (0.1, 0.05, 0.025))
    assert min(table.orders) > 1.8
    assert "delta/h=1" in str(table)
    figure = table.plot(tmp_path / "table.png")
    assert (tmp_path / "table.png").stat().st_size > 0
    axes = figure.axes[0]
    assert (axes.get_xscale(), axes.get_yscale(), len(axes.lines)) == ("log", "log", 6)


def test_the_picture_of_an_order_carries_the_slope(tmp_path):
    figure = observed_order(lambda h: h**2, (0.4, 0.2, 0.1)).plot(tmp_path / "order.png")
    assert "order 2.00" in figure.axes[0].get_legend().get_texts()[0].get_text()


def test_a_scheme_that_is_not_compatible_is_seen():
    """Renormalised midpoint weights cut at the horizon keep an error of order one at fixed delta / h."""
    table = compatibility_table(lambda delta, h: delta**2 + 0.1 * h / delta, (0.1, 0.05, 0.025))
    assert max(table.orders) < 0.5

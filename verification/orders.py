"""Observed orders of convergence: error ~ C h^p over a family of grids, with the uncertainty of p."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["ObservedOrder", "observed_order"]


@dataclass(frozen=True)
class ObservedOrder:
    """Order p of error(h) ~ C h^p.

    Parameters
    ----------
    spacings, errors : tuple of float
        h from coarse to fine, and the error at each.
    order : float
        Least-squares slope of log error against log h.
    uncertainty : float
        |order - p_m| + 1.5 |p_m - p_{m-1}|, p_m and p_{m-1} the slopes over the last two pairs of spacings.
    """

    spacings: tuple[float, ...]
    errors: tuple[float, ...]
    order: float
    uncertainty: float

    def __str__(self) -> str:
        lines = [f"{'h':>10} {'error':>10} {'slope':>6}"]
        slopes = ["", *(f"{p:.2f}" for p in slopes_of(self.spacings, self.errors))]
        rows = zip(self.spacings, self.errors, slopes, strict=True)
        lines += [f"{h:>10.3g} {error:>10.2e} {slope:>6}" for h, error, slope in rows]
        return "\n".join([*lines, f"order {self.order:.2f} +- {self.uncertainty:.2f}"])


def slopes_of(spacings: Sequence[float], errors: Sequence[float]) -> list[float]:
    """Slopes of log error against log h between neighbours."""
    return [float(p) for p in np.diff(np.log(errors)) / np.diff(np.log(spacings))]


def observed_order(spacings: Sequence[float], errors: Sequence[float] | Callable[[float], float]) -> ObservedOrder:
    """Order of convergence over a family of spacings.

    Parameters
    ----------
    spacings : sequence of float, strictly decreasing
    errors : sequence of float, or callable h -> error
        Positive errors; signed ones belong in absolute value.

    Notes
    -----
    The uncertainty is the drift of the slope; a large one says that the asymptotic range has not been reached, or that
    roundoff has.

    Raises
    ------
    ValueError
        For fewer than three spacings, spacings that do not decrease, or errors that are not positive and finite.

    Examples
    --------
    >>> round(observed_order((0.4, 0.2, 0.1), lambda h: 3 * h**2).order, 6)
    2.0
    """
    values = [errors(h) for h in spacings] if callable(errors) else list(errors)
    if len(spacings) < 3 or len(values) != len(spacings):
        counts = f"{len(spacings)} spacings and {len(values)} errors"
        raise ValueError(f"{counts}: at least three spacings are needed, and as many errors as spacings.")
    if not np.all(np.diff(spacings) < 0):
        raise ValueError(f"spacings {tuple(spacings)}: they must decrease. Sort them from coarse to fine.")
    if not all(np.isfinite(error) and error > 0 for error in values):
        raise ValueError("errors must be positive and finite: an error 0 has no order. Use coarser grids.")
    order = float(np.polyfit(np.log(spacings), np.log(values), 1)[0])
    *_, before, last = slopes_of(spacings, values)
    uncertainty = abs(order - last) + 1.5 * abs(last - before)
    return ObservedOrder(tuple(map(float, spacings)), tuple(map(float, values)), order, uncertainty)

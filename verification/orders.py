"""Observed orders of convergence: error ~ C h^p over a family of grids, with the uncertainty of p."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

__all__ = ["CompatibilityTable", "ObservedOrder", "compatibility_table", "observed_order"]


if TYPE_CHECKING:
    from matplotlib.figure import Figure


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

    def plot(self, path: str | Path | None = None) -> Figure:
        """Error against h on logarithmic axes with the fitted slope; written to `path` when one is given."""
        return _log_log({f"order {self.order:.2f} +- {self.uncertainty:.2f}": (self.spacings, self.errors)}, "h", path)


@dataclass(frozen=True)
class CompatibilityTable:
    """Distances to the local limit as horizon and spacing shrink together.

    Parameters
    ----------
    horizons : tuple of float
        delta from large to small.
    ratios : tuple of float
        delta / h.
    errors : tuple of tuple of float
        errors[i][j] at horizons[i] and h = horizons[i] / ratios[j].
    orders : tuple of float
        Slope of log error against log delta at each fixed ratio; a scheme is asymptotically compatible when all are
        positive, also at ratio 1 (Tian and Du 2014).
    """

    horizons: tuple[float, ...]
    ratios: tuple[float, ...]
    errors: tuple[tuple[float, ...], ...]
    orders: tuple[float, ...]

    def __str__(self) -> str:
        head = f"{'delta':>10}" + "".join(f"  delta/h={ratio:<6g}" for ratio in self.ratios)
        rows = [
            f"{delta:>10.3g}" + "".join(f"{error:>16.2e}" for error in row)
            for delta, row in zip(self.horizons, self.errors, strict=True)
        ]
        return "\n".join([head, *rows, f"{'order':>10}" + "".join(f"{order:>16.2f}" for order in self.orders)])

    def plot(self, path: str | Path | None = None) -> Figure:
        """Error against delta on logarithmic axes, one line per delta / h; written to `path` when one is given."""
        columns = zip(self.ratios, self.orders, zip(*self.errors, strict=True), strict=True)
        lines = {f"delta/h = {ratio:g}, order {order:.2f}": (self.horizons, column) for ratio, order, column in columns}
        return _log_log(lines, "delta", path)


def compatibility_table(
    family: Callable[[float, float], float], horizons: Sequence[float], ratios: Sequence[float] = (1.0, 2.0, 4.0)
) -> CompatibilityTable:
    """Errors against the local limit for delta -> 0 with delta / h fixed.

    Parameters
    ----------
    family : callable (delta, h) -> error
        Distance of the nonlocal discrete problem from the local continuum one, positive.
    horizons : sequence of float, strictly decreasing
    ratios : sequence of float
        delta / h.

    Raises
    ------
    ValueError
        For fewer than three horizons, horizons that do not decrease, or errors that are not positive and finite.

    Examples
    --------
    >>> table = compatibility_table(lambda delta, h: delta**2 + h**2, (0.4, 0.2, 0.1))
    >>> [round(order, 6) for order in table.orders]
    [2.0, 2.0, 2.0]
    """
    columns = [observed_order([family(delta, delta / ratio) for delta in horizons], horizons) for ratio in ratios]
    rows = tuple(zip(*(column.errors for column in columns), strict=True))
    return CompatibilityTable(
        tuple(map(float, horizons)), tuple(map(float, ratios)), rows, tuple(column.order for column in columns)
    )


def _log_log(
    lines: Mapping[str, tuple[Sequence[float], Sequence[float]]], abscissa: str, path: str | Path | None
) -> Figure:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.0, 3.8), layout="constrained")
    axes = figure.subplots()
    for marker, (label, (x, y)) in zip("osd^vx+*" * len(lines), lines.items(), strict=False):
        axes.loglog(x, y, marker=marker, linestyle="none")
        slope, level = np.polyfit(np.log(x), np.log(y), 1)
        axes.loglog(x, np.exp(level) * np.asarray(x) ** slope, color=axes.lines[-1].get_color(), label=label)
    axes.set_xlabel(abscissa)
    axes.set_ylabel("error")
    axes.grid(True, which="both", alpha=0.3)
    axes.legend()
    if path is not None:
        figure.savefig(path, dpi=150)
    return figure


def slopes_of(spacings: Sequence[float], errors: Sequence[float]) -> list[float]:
    """Slopes of log error against log h between neighbours."""
    return [float(p) for p in np.diff(np.log(errors)) / np.diff(np.log(spacings))]


def observed_order(family: Sequence[float] | Callable[[float], float], spacings: Sequence[float]) -> ObservedOrder:
    """Order of convergence of a family of problems over spacings.

    Parameters
    ----------
    family : callable h -> error, or sequence of float
        Solves the problem at spacing h and returns its error; or the errors themselves, in the order of the spacings.
        Positive; signed errors belong in absolute value.
    spacings : sequence of float, strictly decreasing

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
    >>> round(observed_order(lambda h: 3 * h**2, (0.4, 0.2, 0.1)).order, 6)
    2.0
    """
    values = [family(h) for h in spacings] if callable(family) else list(family)
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

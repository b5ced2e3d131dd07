"""Result: what a solve returns, with the quantities that the theory speaks about."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from pide.arrays import Array, namespace, to_host
from pide.labels import Labels

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

    from pide.solvers.two_grid import ErrorEstimate

__all__ = ["Result"]


@dataclass(frozen=True, eq=False)
class Result:
    """States u(t_0), ..., u(t_T) of a problem, the operator that moved them, and the record of the run.

    Parameters
    ----------
    problem : Problem
        The continuum problem that was solved.
    operator : Operator
        The discrete generator L of u_t = L u + ..., for steady problems A itself; `operator.space` is the grid.
    times : array, shape (T,), unit of time
        A steady problem has one state, at time 0; eigenmodes are numbered 1, 2, ...
    states : array, shape (T, ..., *grid.shape)
        In the namespace, dtype and device of the initial data.
    record : Record
        Stepper, choices, counts, versions, machine, seed.
    labels : Labels
        Names and units for pictures and files.
    values : array, shape (T,), or None
        Eigenvalues that belong to the states.
    velocities : array of the shape of the states, or None
        u_t of waves.

    Notes
    -----
    The curves `mass`, `energy`, `variance`, `dirichlet_energy` have shape (T, ...): they are computed in the
    namespace of the states and returned as NumPy arrays. With m the masses and N the nodes inside the domain,
    mass = sum m u, energy = sum m u^2, variance = sum m (u - mean)^2 / sum m, and
    dirichlet_energy = |<L u, u>|/2 = 1/4 sum_ij m_i m_j w_ij (u_i - u_j)^2 + 1/2 sum_i m_i kappa_i u_i^2.
    Inhomogeneous exterior data (`operator.load`) is not part of the quadratic form.
    """

    problem: Any
    operator: Any
    times: NDArray[np.float64]
    states: Array
    record: Any
    labels: Labels = field(default_factory=Labels)
    values: NDArray[np.float64] | None = None
    velocities: Array | None = None

    def __repr__(self) -> str:
        shape = "x".join(str(count) for count in self.operator.space.shape)
        if self.is_steady:
            return f"Result({self.record.stepper}: grid {shape}, {self.record.applies} applies)"
        return (
            f"Result({self.record.stepper}: {len(self.times)} times in [{self.times[0]:g}, {self.times[-1]:g}], "
            f"grid {shape}, {self.record.applies} applies)"
        )

    @property
    def is_steady(self) -> bool:
        """Whether the problem has no time: the states are a steady solution or eigenmodes."""
        return not hasattr(self.problem, "initial")

    @property
    def final(self) -> Array:
        """State at the last time, shape (..., *grid.shape)."""
        return self.states[-1, ...]

    @property
    def mass(self) -> NDArray[np.float64]:
        """<1, u> over time."""
        ones = namespace(self.states).ones_like(self.states[0, ...])
        return self._over_time(lambda u: self.operator.space.inner(ones, u))

    @property
    def energy(self) -> NDArray[np.float64]:
        """|u|_m^2 over time."""
        return self._over_time(lambda u: self.operator.space.inner(u, u))

    @property
    def variance(self) -> NDArray[np.float64]:
        """m-weighted variance over the nodes inside the domain, over time."""
        return self._over_time(self.operator.space.variance)

    @property
    def dirichlet_energy(self) -> NDArray[np.float64]:
        """-<L u, u>/2 over time, <A u, u>/2 where A >= 0; one apply per time."""
        half = 0.5 if self.operator.definiteness > 0 else -0.5
        return self._over_time(lambda u: half * self.operator.space.inner(self.operator.apply(u), u))

    @property
    def total_energy(self) -> NDArray[np.float64]:
        """|u_t|_m^2/2 - <L u, u>/2 of a wave over time; one apply per time.

        Raises
        ------
        ValueError
            For problems of first order in time.
        """
        if self.velocities is None:
            raise ValueError(
                f"total_energy of {type(self.problem).__name__}: only waves have a kinetic energy. "
                "Write dirichlet_energy, or energy for |u|^2."
            )
        moving = replace(self, states=self.velocities)
        return 0.5 * moving.energy + self.dirichlet_energy

    def _over_time(self, functional: Any) -> NDArray[np.float64]:
        xp = namespace(self.states)
        values = [functional(self.states[i, ...]) for i in range(self.states.shape[0])]
        return to_host(xp.stack([xp.asarray(value) for value in values])).astype(np.float64)

    def error_estimate(self, direction: Literal["coarsen", "refine"] = "coarsen") -> ErrorEstimate:
        """Estimated relative l2 error of the last state, from solutions on two other grids; an estimate, not a bound.

        `pide.solvers.two_grid.estimate_error` states the method and takes an order.

        Raises
        ------
        TypeError, ValueError
            For problems other than Stationary and Heat, steppers other than "auto", array data, and grids that cannot
            be coarsened.
        """
        from pide.solvers.two_grid import estimate_error

        settings = self.record.settings
        if settings.get("stepper", "auto") != "auto":
            raise ValueError(
                f"error_estimate of a solution by {settings['stepper']}: errors in time are not estimated. "
                "Write solve(..., stepper='auto')."
            )
        return estimate_error(
            self.problem,
            on=self.operator.space,
            until=settings.get("until"),
            direction=direction,
            tol=settings["tol"],
            scheme=settings["scheme"],
            solution=self.final,
        )

    def plot(self, path: str | Path | None = None) -> Figure:
        """Figure of states and curves; written to `path` (.png, .pdf, .svg) when given."""
        from pide.plotting import overview, write_figure

        figure = overview(self)
        if path is not None:
            write_figure(figure, path)
        return figure

    def movie(self, path: str | Path, fps: int = 10, style: str = "plain") -> Path:
        """Write the states as a movie, one frame per time: .gif by Pillow, .mp4 by imageio-ffmpeg.

        `style` is "plain", "gray", or "relief" for a landscape lit from the north-west.
        """
        from pide.movies import write_movie

        return write_movie(self, path, fps, style)

    def to_xarray(self) -> xr.Dataset:
        """Labelled dataset with coordinates, units, curves and the run record."""
        from pide.files import to_xarray

        return to_xarray(self)

    def save(self, path: str | Path) -> Path:
        """Write netCDF (.nc), whole or not at all; an existing file is replaced. `pide.load` reads it."""
        from pide.files import save

        return save(self, path)

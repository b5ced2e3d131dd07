"""Fast summation over pairs by nonequispaced FFTs: near pairs by differences, the smooth rest by Fourier series.

Symbols: k = k_N + k_F the split kernel (`pide.quadrature.kernel_split`), R its radius, w_ij = k_N(|x_i - x_j|), m
masses, F the far field (`pide.operators.far_field`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pide.arrays import Array, like, namespace
from pide.operators.far_field import FarField, far_field, mode_counts, periods
from pide.operators.fourier_plans import takes_fields
from pide.operators.near_field import NearField, cell_order, compiled, near_field
from pide.operators.padded_rows import PaddedRows
from pide.operators.pair_sum import CorrectedPairSum, PairSum
from pide.quadrature.kernel_split import RadialForm, SplitKernel, split

__all__ = ["ClusteredError", "NonequispacedSum", "nonequispaced_sum", "split_radius"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_BLOCK = 512
_NEIGHBOURS = {1: 20.0, 2: 60.0, 3: 200.0}
"""Wanted near neighbours: more cost memory, fewer cost modes."""
_MOST = 1000.0
"""Near neighbours per point beyond which a cloud counts as clustered."""
_SAFETY = 4 / 3
"""Sampled errors of the far field are taken to be larger by this factor."""
_SAMPLE = 20000
"""Points at which far weights are looked at."""
_SMALLEST = 1e-12
_AIM = 0.4
"""Errors of the far weights that a refinement aims at, in units of what keeps them positive."""
_MISSES = {1: 0.005, 2: 0.3, 3: 0.5}
_DECAY = 2.0
"""R is at most so many decay lengths of an exponential."""


@dataclass(frozen=True, eq=False)
class NonequispacedSum(PairSum):
    """k_ij = k(|x_i - x_j|) of a kernel that can be split.

    Parameters
    ----------
    masses : array, shape (N,)
    near : NearField, PaddedRows or None
        Of the points in the order `order`; rows on a device; None for smooth kernels.
    far : FarField
        Of the points in the order `order`.
    order, ranks : int arrays, shape (N,)
        The order in which the points are stored, and its inverse.
    tol : float
    words : str

    Notes
    -----
    sum_j k_ij m_j (v_j - v_i) = sum_j w_ij m_j (v_j - v_i) + (F m v)_i - (F m)_i v_i: the near pairs do not cancel, and
    the degree of the far field comes from the same transforms. The error is measured, not proved
    (docs/benchmarks/clouds). CuPy fields are summed on their device, near pairs from rows padded to the longest one;
    what the host found, the tolerance at which sampled weights are positive included, is taken over unsampled.
    """

    masses: Array
    near: NearField | PaddedRows | None
    far: FarField
    order: Array
    ranks: Array
    tol: float
    words: str

    @property
    def error(self) -> float:
        return 2 * self.tol

    @property
    def notes(self) -> tuple[str, ...]:
        return (self.words,)

    def product(self, v: Array) -> Array:
        return self._in_order(v, self._product)

    def difference(self, v: Array) -> Array:
        return self._in_order(v, self._difference)

    def corrected(self, correction: Any) -> PairSum:
        if not isinstance(self.near, NearField):
            return CorrectedPairSum(self, correction)
        return replace(self, near=self.near.corrected(correction[self.order][:, self.order]))

    def placed(self, v: Array) -> PairSum:
        if not takes_fields(v):
            return super().placed(v)
        near = self.near.placed(v) if isinstance(self.near, NearField) else self.near
        moved = {name: like(getattr(self, name), v) for name in ("masses", "order", "ranks")}
        return replace(self, near=near, far=self.far.placed(v), **moved)

    def _product(self, v: Array) -> Array:
        q = self._sorted_masses * v
        far = self.far(q) - self.far.own * q
        return far if self.near is None else far + _each(self.near.product, v)

    def _difference(self, v: Array) -> Array:
        # constants are 0 here, whatever their value, and smaller fields lose less to rounding
        xp = namespace(v)
        v = v - (xp.max(v, axis=-1, keepdims=True) + xp.min(v, axis=-1, keepdims=True)) / 2
        far = self.far(self._sorted_masses * v) - self._far_degree * v
        return far if self.near is None else far + _each(self.near.difference, v)

    @cached_property
    def _sorted_masses(self) -> Array:
        return namespace(self.masses).take(self.masses, self.order, axis=0)

    @cached_property
    def _far_degree(self) -> Array:
        return self.far(self._sorted_masses[None, :])[0, :]

    def _in_order(self, v: Array, act: Any) -> Array:
        xp = namespace(v)
        flat = xp.reshape(v, (-1, v.shape[-1]))
        result = act(xp.take(flat, self.order, axis=-1))
        return xp.reshape(xp.take(result, self.ranks, axis=-1), v.shape)


def nonequispaced_sum(
    points: Floats,
    masses: Floats,
    form: RadialForm,
    tol: float,
    *,
    purpose: str = "rates",
    backend: str = "finufft",
    neighbours: float | None = None,
) -> NonequispacedSum:
    """The fast sum of a kernel over the pairs of a cloud.

    Parameters
    ----------
    points : array, shape (N, n), unit length
    masses : array, shape (N,)
    form : RadialForm
    tol : float
        Accuracy of the transform and of the split kernel, 1e-12 to 1e-2; see the notes.
    purpose : {"rates", "potential"}
        "rates": the far field is refined, and raised by a constant of at most tol/4 times its mean, until the weights
        of two extreme points are positive; those of the others are not looked at. "potential": it is left as it is.
    backend : {"finufft", "ducc0"}
    neighbours : float, optional
        Near neighbours per point that the radius of the split aims at.

    Notes
    -----
    `tol` bounds no error of A v by itself: errors of far weights are about `tol` times the l2 norm of the Fourier
    coefficients, near weights are exact to rounding. Relative to A v in the l2 norm the tests find at most 2 `tol`,
    which is what `error` states, for random and smooth fields on uniform clouds and on clusters, and for fields that
    are constant in each cluster. Where A v is far smaller than sum_j |k_ij| m_j |v_j - v_i| its error can be larger.

    Raises
    ------
    ImportError
        Without the library of the backend, or numba.
    """
    radius = split_radius(points, form, tol, neighbours)
    order, near = np.arange(len(points)), None
    if radius > 0:
        order, starts, counts = cell_order(points, radius)
    points, sorted_masses = points[order], masses[order]
    if purpose == "rates":
        kernel, far, inner = _far(points, form, radius, tol, backend)
    else:
        kernel, inner = split(form, radius, tol), tol
        far = far_field(points, kernel, tol, backend)
    if radius > 0:
        near = near_field(points, sorted_masses, (starts, counts), radius, _near_weight(kernel))
    ranks = np.empty_like(order)
    ranks[order] = np.arange(len(order))
    return NonequispacedSum(masses, near, far, order, ranks, tol, _words(backend, tol, inner, far, near))


def _words(backend: str, tol: float, inner: float, far: FarField, near: NearField | None) -> str:
    modes = " x ".join(map(str, far.multipliers.shape))
    where = "no near field" if near is None else f"{near.neighbours:.0f} near neighbours per point"
    refined = f" (far field {inner:.1g} to keep weights positive)" if inner < tol else ""
    return f"engine: nufft ({backend}), tol {tol:g}{refined}, {modes} modes, {where}"


class ClusteredError(ValueError):
    """The near field of a cloud holds too many pairs, or the far field too many modes."""


def split_radius(points: Floats, form: RadialForm, tol: float, neighbours: float | None = None) -> float:
    """R that holds the wanted number of neighbours; 0 for a smooth kernel.

    Notes
    -----
    R begins with that of points which fill their bounding box, and shrinks where they do not, as long as the modes of
    the far field stay affordable.

    Raises
    ------
    ClusteredError
        If no radius gives both a thin near field and an affordable far field.
    """
    extent = np.maximum(np.ptp(points, axis=0), 1e-12)
    count, n = points.shape
    affordable = 64 * count + (1 << 20)
    if form.kind == "gaussian":
        needed = _modes(extent, form, 0.0, tol)
        if needed > affordable:
            raise ClusteredError(
                f"engine='nufft': a Gaussian of width {form.width:.3g} on a cloud of extent {extent.max():.3g} needs "
                f"{needed:.1e} modes for {count} points. Write engine='tree', or 'dense'."
            )
        return 0.0
    wanted = neighbours or _NEIGHBOURS[n]
    ball = math.pi ** (n / 2) / math.gamma(n / 2 + 1)
    R = float((wanted * np.prod(extent) / (ball * count)) ** (1 / n))
    R = min(R, _DECAY / form.rate) if form.rate > 0 else R
    near = _mean_neighbours(points, R)
    while near > 2 * wanted and _modes(extent, form, R / 1.25, tol) <= affordable:
        R /= 1.25
        near = _mean_neighbours(points, R)
    if near > _MOST or _modes(extent, form, R, tol) > affordable:
        raise ClusteredError(
            f"engine='nufft': the cloud is clustered, its near field has {near:.0f} neighbours per point (at most "
            f"{_MOST:.0f}). Write engine='tree', or engine='dense' for a sum over all pairs."
        )
    return R


def _modes(extent: Floats, form: RadialForm, radius: float, tol: float) -> float:
    """Number of modes of the far field."""
    return float(np.prod(np.array(mode_counts(extent, split(form, radius, tol)), dtype=np.float64)))


def _mean_neighbours(points: Floats, radius: float) -> float:
    """Estimate of the mean number of points within R: those of a cell of edge R, in the volume of the ball."""
    n = points.shape[1]
    cells = np.floor((points - points.min(axis=0)) / radius).astype(np.int64)
    widths = cells.max(axis=0) + 1
    if np.prod(widths.astype(np.float64)) > 2.0**62:
        return math.inf
    _, counts = np.unique(np.ravel_multi_index(tuple(cells.T), tuple(widths)), return_counts=True)
    ball = math.pi ** (n / 2) / math.gamma(n / 2 + 1)
    return float(ball * (counts.astype(np.float64) ** 2).sum() / len(points)) - 1


def _far(
    points: Floats, form: RadialForm, radius: float, tol: float, backend: str
) -> tuple[SplitKernel, FarField, float]:
    """(split kernel, far field, its tolerance) for rates: refined, and raised, until sampled weights are positive."""
    few = points[_spread(points)]
    beyond, exact = _sampled_pairs(few, form, radius)
    allowed = tol / 4 * float(exact.sum()) / max(exact.size, 1)
    inner = _first_guess(few, split(form, radius, tol), tol, float(exact.min(initial=math.inf)) + allowed / 2)
    while True:
        kernel = split(form, radius, inner)
        trial = far_field(few, kernel, inner, backend)
        error = _SAFETY * np.abs(trial(_unit(few))[beyond] - exact)
        excess = float(np.max(error / (exact + allowed / 2), initial=0.0))
        if excess <= 1 or inner <= _SMALLEST:
            far = far_field(points, kernel, inner, backend, trial.multipliers)
            return kernel, far.raised(2 * float(np.max(error - exact, initial=0.0))), inner
        inner = max(_SMALLEST, inner * max(_AIM / excess, 1e-2))


def _first_guess(points: Floats, kernel: SplitKernel, tol: float, smallest: float) -> float:
    """The tolerance at which the sample is likely to find no weight below 0; the sample decides.

    Errors of the weights are about tol times the l2 norm of the multipliers, k_F(0) (R^n / prod L)^{1/2} up to a
    factor: uniform points of a box have 0.005, 0.3 and 0.5 in dimensions 1, 2 and 3, or more.
    """
    n = points.shape[1]
    share = kernel.radius**n / float(np.prod(periods(np.ptp(points, axis=0), kernel)))
    excess = tol * _MISSES[n] * abs(kernel.far_at_zero) * math.sqrt(share) / smallest
    return max(_SMALLEST, tol * min(1.0, _AIM / excess)) if excess > 1 else tol


def _spread(points: Floats) -> Integers:
    """Some of the points, with those that make the bounding box and the two at the ends of its diagonal."""
    ends = (points.argmin(axis=0), points.argmax(axis=0), _ends(points))
    return np.unique(np.concatenate([np.arange(0, len(points), max(1, len(points) // _SAMPLE)), *ends]))


def _ends(points: Floats) -> Integers:
    """The two points at the ends of the diagonal of the bounding box."""
    diagonal = points.sum(axis=1)
    return np.array([int(diagonal.argmin()), int(diagonal.argmax())])


def _sampled_pairs(points: Floats, form: RadialForm, radius: float) -> tuple[Any, Floats]:
    """(which, k) of the pairs of the two extreme points with all others, beyond R."""
    square = ((points[_ends(points)][:, None] - points[None]) ** 2).sum(axis=-1)
    beyond = square > radius**2
    return beyond, form(square[beyond])


def _unit(points: Floats) -> Floats:
    """Unit strengths of the two extreme points, shape (2, N)."""
    unit = np.zeros((2, len(points)))
    unit[[0, 1], _ends(points)] = 1.0
    return unit


def _near_weight(kernel: SplitKernel) -> Callable[[Floats], Floats]:
    """k_N as a function of y."""

    def weight(square: Floats) -> Floats:
        far = compiled(_series)(square * (2 / kernel.radius**2) - 1, kernel.coefficients)
        return np.asarray(kernel.form(square) - far)

    return weight


def _series(z: Any, coefficients: Any) -> Any:
    """sum_k c_k T_k(z) by Clenshaw's recurrence, in blocks that stay in the cache."""
    total = np.empty(z.size)
    one, two = np.empty(_BLOCK), np.empty(_BLOCK)
    for first in range(0, z.size, _BLOCK):
        size = min(_BLOCK, z.size - first)
        one[:] = 0.0
        two[:] = 0.0
        for k in range(coefficients.size - 1, 0, -1):
            for p in range(size):
                next_one = coefficients[k] + 2 * z[first + p] * one[p] - two[p]
                two[p] = one[p]
                one[p] = next_one
        for p in range(size):
            total[first + p] = coefficients[0] + z[first + p] * one[p] - two[p]
    return total


def _each(act: Any, v: Array) -> Array:
    return namespace(v).stack([act(v[k, :]) for k in range(v.shape[0])])

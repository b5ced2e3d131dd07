"""(-Delta)^s u = f in a ball, u = 0 outside, for smooth f: exact inversion in the basis of Jacobi and Zernike.

With y = (x - c)/R, orthonormal harmonics Y_{l,m} and orthonormal Jacobi polynomials p_k of exponents (s, l + n/2 - 1),

    f = sum c_{k,l,m} Q_{k,l,m}(y),   Q_{k,l,m} = |y|^l p_k(2|y|^2 - 1) Y_{l,m}(y/|y|),
    u = R^{2s} (1 - |y|^2)^s_+ sum (c_{k,l,m} / mu_{k,l}) Q_{k,l,m}.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaln

from pide.continuum.constants import check_order, sphere_area
from pide.continuum.domains import Ball, Domain, Interval
from pide.continuum.exact import jacobi_multiplier, torsion_maximum
from pide.errors import NotConverged
from pide.quadrature.harmonics import spherical_coefficients, spherical_harmonics, spherical_rule
from pide.quadrature.jacobi import gauss_jacobi, orthonormal_jacobi

__all__ = ["ZernikeSolution", "zernike_solve"]

Floats = NDArray[np.float64]

_LARGEST = {1: 1024, 2: 512, 3: 128}
"""Where the search for the degree stops, per dimension: a few seconds of work at most."""

_CHECKS = {1: 100, 2: 300, 3: 1000}
_STEPS = (0.8191725133961645, 0.6710436067037893, 0.5497004779019703)
"""Points of the residual: the additive sequence of Roberts in three dimensions, powers of 1/1.2207440846."""

_BLOCK = 4096


@dataclass(frozen=True, eq=False)
class ZernikeSolution:
    """u = R^{2s} (1 - |y|^2)^s_+ sum_{k,l,m} (c_{k,l,m} / mu_{k,l}) Q_{k,l,m}(y), y = (x - c)/R; call it at points.

    Attributes
    ----------
    ball : Ball
    s : float
    degree : int
        Largest total degree l + 2k of the expansion.
    coefficients : tuple of arrays
        c for l = 0, 1, ...: shape (number of k, number of m). Those below rounding are left out.
    largest : float
        max |f| over all points where f was sampled.
    residual : float
        max |f - (-Delta)^s u| over 100, 300, 1000 points of the ball (n = 1, 2, 3), relative to `largest`. As
        (-Delta)^s u is the expansion itself, this is the residual of the equation in the continuum.
    tail : float
        Norm of the coefficients of the highest eighth of the degrees, relative to that of all. What the expansion cuts
        off is smaller than this when f is analytic on the closed ball, since coefficients then decay geometrically.

    Examples
    --------
    >>> disc = Ball(radius=1.0, dimension=2)
    >>> solution = zernike_solve(lambda x, y: 1.0 + x, 0.5, disc)
    >>> round(float(solution(0.0, 0.0)) * math.pi / 2, 12)
    1.0
    """

    ball: Ball
    s: float
    degree: int
    coefficients: tuple[Floats, ...]
    largest: float
    residual: float
    tail: float

    def __call__(self, *x: ArrayLike) -> Floats:
        """u(x), 0 outside the ball.

        Parameters
        ----------
        *x : arrays that broadcast against each other, one per axis

        Notes
        -----
        Cost per point: about half the square of the degree, in n = 3 a sixth of its cube.
        """
        y, shape = self._local(x)
        divided = tuple(c / mu[:, None] for c, mu in zip(self.coefficients, self._multipliers, strict=True))
        r2 = np.sum(y**2, axis=0)
        inside = r2 < 1.0
        values = np.zeros(r2.shape)
        values[inside] = self._scale * (1.0 - r2[inside]) ** self.s * _evaluate(divided, y[:, inside], self.s)
        return values.reshape(shape)

    def image(self, *x: ArrayLike) -> Floats:
        """(-Delta)^s u at points of the closed ball, the polynomial that stands for f; NaN outside, where it is not."""
        y, shape = self._local(x)
        values = np.full(y.shape[1], np.nan)
        inside = np.sum(y**2, axis=0) <= 1.0 + 8 * np.finfo(np.float64).eps
        values[inside] = _evaluate(self.coefficients, y[:, inside], self.s)
        return values.reshape(shape)

    @property
    def error_estimate(self) -> float:
        """max |error of u|, estimated: max |f - (-Delta)^s u| times the maximum of the torsion function.

        The comparison principle bounds the error at x by the torsion function at x times the largest residual over the
        ball; it is an estimate because the residual is sampled. Rounding is not in it.
        """
        return torsion_maximum(self.ball, self.s) * self.residual * self.largest

    @property
    def energy(self) -> float:
        """<u, (-Delta)^s u> = int u f dx = R^{n+2s} sum c^2 / mu."""
        terms = zip(self.coefficients, self._multipliers, strict=True)
        return self._volume_scale * math.fsum(float(np.sum(c**2 / mu[:, None])) for c, mu in terms)

    @property
    def integral(self) -> float:
        """int u dx = R^{n+2s} c_{0,0} / (mu_{0,0} Q_{0,0}); only the constant contributes."""
        if not self.coefficients or not self.coefficients[0].size:
            return 0.0
        constant = _first(0, self.s, self.ball.dimension) / math.sqrt(sphere_area(self.ball.dimension))
        return self._volume_scale * float(self.coefficients[0][0, 0] / self._multipliers[0][0]) / constant

    @property
    def _scale(self) -> float:
        return math.pow(self.ball.radius, 2 * self.s)

    @property
    def _volume_scale(self) -> float:
        return self._scale * self.ball.radius**self.ball.dimension

    @property
    def _multipliers(self) -> list[Floats]:
        n = self.ball.dimension
        return [jacobi_multiplier(np.arange(len(c)), ell, self.s, n) for ell, c in enumerate(self.coefficients)]

    def _local(self, x: tuple[ArrayLike, ...]) -> tuple[Floats, tuple[int, ...]]:
        if len(x) != self.ball.dimension:
            raise TypeError(
                f"a solution on {self.ball!r} called with {len(x)} coordinate arrays: needed are "
                f"{self.ball.dimension}. Write solution(*grid.coordinates)."
            )
        arrays = np.broadcast_arrays(*(np.asarray(c, dtype=np.float64) for c in x))
        centre = np.asarray(self.ball.centre)[:, None]
        return (np.stack([c.ravel() for c in arrays]) - centre) / self.ball.radius, arrays[0].shape


def zernike_solve(
    f: Callable[..., Any] | float, s: float, domain: Domain, *, degree: int | None = None, tol: float = 1e-12
) -> ZernikeSolution:
    """Solve (-Delta)^s u = f in a ball, u = 0 outside, to near rounding for f smooth up to the boundary.

    Parameters
    ----------
    f : callable f(*x), or number
        Called with coordinate arrays of points in the ball.
    s : float
        0 < s < 1.
    domain : Ball or Interval
    degree : int or None
        Largest total degree of the expansion. None doubles it from 8 until `residual` and `tail` are at most `tol`.
    tol : float

    Returns
    -------
    ZernikeSolution

    Notes
    -----
    f is sampled at (degree/2) Gauss-Jacobi radii times a rule on the sphere; its coefficients are divided by
    mu_{k,l} = 4^s Gamma(1+s+k) Gamma(n/2+l+s+k) / (k! Gamma(n/2+l+k)), which is exact. The only error is that of the
    expansion of f: geometric in the degree for f analytic on the closed ball, algebraic for f of finite smoothness.
    Rounding reaches the residual at the boundary multiplied by about degree^{(n+1)/2+s}, and u by degree^{-2s} less.

    Raises
    ------
    ValueError
        For s outside (0, 1), and f with NaN or infinite values.
    TypeError
        For other domains, complex f, and s that is an array.
    NotConverged
        When the largest degree tried leaves a residual or a tail above `tol`: f is not smooth enough.

    References
    ----------
    dyda2017: B. Dyda, A. Kuznetsov, M. Kwasnicki, Fractional Laplace operator and Meijer G-function, Theorem 3.
    """
    if not isinstance(s, (int, float)):
        raise TypeError(f"zernike_solve(s={type(s).__name__}): expansions have no gradient in s. Pass s=float(s).")
    check_order(s, "zernike_solve")
    ball = _as_ball(domain)
    if degree is not None:
        if isinstance(degree, bool) or not isinstance(degree, int) or degree < 0:
            raise ValueError(f"zernike_solve(degree={degree!r}): a whole number >= 0 is needed. Write degree=32.")
        return _expand(f, s, ball, degree)
    degree = 8
    while True:
        solution = _expand(f, s, ball, degree)
        if max(solution.residual, solution.tail) <= tol:
            return solution
        if 2 * degree > _LARGEST[ball.dimension]:
            raise NotConverged(
                f"zernike_solve: residual {solution.residual:.1e} of max |f|, tail {solution.tail:.1e} at degree "
                f"{degree}, wanted {tol:.1e}. The expansion converges fast for f smooth up to the boundary only. Give "
                "a larger tol, or degree= to accept what it reaches, or solve on a grid."
            )
        degree *= 2


def _as_ball(domain: Domain) -> Ball:
    if isinstance(domain, Interval):
        return Ball(radius=0.5 * (domain.b - domain.a), dimension=1, centre=(0.5 * (domain.a + domain.b),))
    if isinstance(domain, Ball):
        return domain
    raise TypeError(
        f"zernike_solve on {type(domain).__name__}: the basis is that of an Interval or a Ball. "
        "On other domains solve on a grid, with scheme='auto'."
    )


def _expand(f: Callable[..., Any] | float, s: float, ball: Ball, degree: int) -> ZernikeSolution:
    n = ball.dimension
    directions, _ = spherical_rule(n, degree)
    t, weights = gauss_jacobi(degree // 2 + 1, s, n / 2 - 1)
    r = np.sqrt(0.5 * (1 + t))
    values = _sampled(f, ball, np.stack([np.outer(r, d) for d in directions]))
    # (1-t)^s (1+t)^{n/2-1} dt / M is n-ball measure (1-r^2)^s r^{n-1} dr up to the factor B(s+1, n/2) / 2.
    radial = weights * 0.5 * math.exp(betaln(s + 1, n / 2))
    coefficients = []
    for ell, angular in enumerate(spherical_coefficients(values, n, degree)):
        rows = orthonormal_jacobi((degree - ell) // 2 + 1, s, ell + n / 2 - 1, t, _first(ell, s, n) * r**ell)
        coefficients.append((rows * radial) @ angular)
    largest = float(np.max(np.abs(values)))
    tail = _tail(coefficients, degree)
    kept = tuple(_without_noise(coefficients))
    y = _check_points(n)
    reference = _sampled(f, ball, y)
    residual = float(np.max(np.abs(_evaluate(kept, y, s) - reference)))
    scale = max(largest, float(np.max(np.abs(reference))))
    return ZernikeSolution(ball, s, degree, kept, scale, residual / scale if scale else 0.0, tail)


def _sampled(f: Callable[..., Any] | float, ball: Ball, y: Floats) -> Floats:
    """f at c + R y, y of shape (n, ...)."""
    centre = np.asarray(ball.centre).reshape(-1, *(1,) * (y.ndim - 1))
    values = np.asarray(f(*(centre + ball.radius * y)) if callable(f) else f)
    if values.dtype.kind not in "fiub":
        raise TypeError(f"the source has dtype {values.dtype}: a real function of the coordinates is needed.")
    try:
        values = np.broadcast_to(values, y.shape[1:]).astype(np.float64)
    except ValueError:
        raise ValueError(
            f"the source gave shape {values.shape} at coordinate arrays of shape {y.shape[1:]}: needed is one value "
            "per point. scheme='zernike' samples f at its own points, so write a function, not an array."
        ) from None
    if not np.all(np.isfinite(values)):
        raise ValueError(
            "the source is NaN or infinite at points of the ball: a function smooth up to the boundary is needed. "
            "For a singular source solve on a grid."
        )
    return np.asarray(values)


def _evaluate(coefficients: tuple[Floats, ...], y: Floats, s: float) -> Floats:
    """sum c_{k,l,m} Q_{k,l,m}(y) at points y of shape (n, N), in blocks of points."""
    if not coefficients:
        return np.zeros(y.shape[1])
    return np.concatenate(
        [
            _evaluate_block(coefficients, y[:, start : start + _BLOCK], s)
            for start in range(0, max(y.shape[1], 1), _BLOCK)
        ]
    )


def _evaluate_block(coefficients: tuple[Floats, ...], y: Floats, s: float) -> Floats:
    n, r = len(y), np.sqrt(np.sum(y**2, axis=0))
    first = np.zeros(n)
    first[0] = 1.0
    directions = tuple(np.where(r > 0, c / np.where(r > 0, r, 1.0), e) for c, e in zip(y, first, strict=True))
    t, total = 2 * r**2 - 1, np.zeros(r.shape)
    harmonics = spherical_harmonics(directions, len(coefficients) - 1)
    for ell, (c, Y) in enumerate(zip(coefficients, harmonics, strict=True)):
        if c.size:
            rows = orthonormal_jacobi(len(c), s, ell + n / 2 - 1, t, _first(ell, s, n) * r**ell)
            total += np.sum((rows.T @ c) * Y, axis=1)
    return total


def _first(ell: int, s: float, n: int) -> float:
    """Constant that makes r^l p_k(2r^2 - 1) orthonormal for (1-r^2)^s r^{n-1} dr: (2 / B(s+1, l+n/2))^{1/2}."""
    return math.exp(0.5 * (math.log(2.0) - float(betaln(s + 1, ell + n / 2))))


def _tail(coefficients: list[Floats], degree: int) -> float:
    squares = np.zeros(degree + 1)
    for ell, c in enumerate(coefficients):
        squares[ell::2][: len(c)] += np.sum(c**2, axis=1)
    total = float(np.sum(squares))
    window = max(2, degree // 8)
    return math.sqrt(float(np.sum(squares[-window:])) / total) if total else 0.0


def _without_noise(coefficients: list[Floats]) -> list[Floats]:
    """Coefficients below the unit roundoff of the largest, which are rounding errors, as 0, and cut off at the ends."""
    floor = np.finfo(np.float64).eps * max(float(np.max(np.abs(c), initial=0.0)) for c in coefficients)
    kept = []
    for c in coefficients:
        c = np.where(np.abs(c) > floor, c, 0.0)
        used = np.flatnonzero(np.any(c != 0, axis=1))
        kept.append(c[: used[-1] + 1 if used.size else 0])
    while kept and not kept[-1].size:
        kept.pop()
    return kept


def _check_points(n: int) -> Floats:
    """Points of the open unit ball, most of them near the boundary, where expansions converge last; shape (n, N)."""
    a, b, c = np.modf(0.5 + np.outer(_STEPS, np.arange(1, _CHECKS[n] + 1)))[0]
    r, z, phi = a**0.125, 2 * b - 1, 2 * math.pi * c
    if n == 1:
        return np.asarray((r * np.sign(z))[None])
    if n == 2:
        return np.asarray(r * np.stack([np.cos(phi), np.sin(phi)]))
    sine = np.sqrt(1 - z**2)
    return np.asarray(r * np.stack([sine * np.cos(phi), sine * np.sin(phi), z]))

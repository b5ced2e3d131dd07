"""Closed forms for the fractional Laplacian: what numerical solutions are compared with.

Balls are the unit ball of R^n unless a domain is given; r = |x|; everything is float64 NumPy, accurate to about 1e-13
relative to the largest value unless a function says otherwise.

torsion_function       (-Delta)^s u = 1 in an interval, ball or ellipsoid, u = 0 outside
ball_power_image       (-Delta)^s (1 - r^2)^p_+, inside and outside
jacobi_multiplier      (-Delta)^s [(1 - r^2)^s_+ V P_k] = mu V P_k in the ball, V a solid harmonic
gaussian_image         (-Delta)^s e^{-r^2} on R^n
algebraic_image        (-Delta)^s (1 + r^2)^{-a} on R^n
heat_kernel            e^{-t (-Delta)^s} delta on R^n
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import scipy.integrate
from numpy.typing import ArrayLike, NDArray
from scipy.special import eval_jacobi, gamma, gammaln, hyp1f1, hyp2f1, rgamma

from pide.continuum.constants import check_order, fractional_constant
from pide.continuum.domains import Ball, Domain, Interval
from pide.continuum.domains_ellipsoid import Ellipsoid

__all__ = [
    "algebraic_image",
    "ball_power_image",
    "gaussian_image",
    "heat_kernel",
    "jacobi_multiplier",
    "jacobi_radial",
    "torsion_function",
    "torsion_integral",
    "torsion_maximum",
]

Floats = NDArray[np.float64]

_TERMS = 400
"""Terms of the series of the heat kernel; where it converges usefully, fewer than 200 are above rounding."""

_SERIES_ERROR = 1e-9
"""Largest relative rounding error of a heat kernel series that is returned."""


def torsion_function(domain: Domain, s: float) -> Callable[..., Floats]:
    """u(x) = K (1 - sum_i ((x_i - c_i)/a_i)^2)^s_+, which solves (-Delta)^s u = 1 in the domain and vanishes outside.

    Parameters
    ----------
    domain : Interval, Ball or Ellipsoid
    s : float
        0 < s < 1.

    Returns
    -------
    callable
        u(*x), an array of the common shape of the coordinates. It is the mean time at which a stable process started
        at x leaves the domain.

    References
    ----------
    getoor1961: R. Getoor, First passage times for symmetric stable processes in space. For ellipsoids, with
    K = torsion_maximum: abatangelo2021: N. Abatangelo, S. Jarohs, A. Saldana, Fractional Laplacians on ellipsoids.

    Examples
    --------
    >>> u = torsion_function(Ball(radius=1.0, dimension=3), 0.5)
    >>> float(u(0.0, 0.0, 0.6))
    0.4
    """
    axes, centre = _axes(domain)
    peak = torsion_maximum(domain, s)

    def u(*x: ArrayLike) -> Floats:
        squares = [((np.asarray(c) - c0) / a) ** 2 for c, c0, a in zip(x, centre, axes, strict=True)]
        return np.asarray(peak * np.maximum(1.0 - sum(squares), 0.0) ** s)

    return u


def torsion_maximum(domain: Domain, s: float) -> float:
    """K = Gamma(n/2) / (4^s Gamma(1+s) Gamma(n/2+s) M), M the mean of (sum_i theta_i^2 / a_i^2)^s over unit vectors.

    >>> round(torsion_maximum(Interval(-1, 1), 0.5), 12)
    1.0
    """
    check_order(s, "torsion_maximum")
    axes, _ = _axes(domain)
    half = len(axes) / 2
    constant = math.gamma(half) / (4**s * math.gamma(1 + s) * math.gamma(half + s))
    return float(constant / _mean_power(sorted(a**-2 for a in axes), s))


def torsion_integral(domain: Domain, s: float) -> float:
    """int u dx = K pi^{n/2} Gamma(1+s) / Gamma(n/2+1+s) a_1 ... a_n, also the energy <u, (-Delta)^s u>."""
    axes, _ = _axes(domain)
    half = len(axes) / 2
    volume = math.pi**half * math.gamma(1 + s) / math.gamma(half + 1 + s) * math.prod(axes)
    return float(torsion_maximum(domain, s) * volume)


def ball_power_image(r: ArrayLike, p: float, s: float, dimension: int) -> Floats:
    """(-Delta)^s (1 - |x|^2)^p_+ at |x| = r, p > -1.

    Notes
    -----
    Inside, 4^s Gamma(s+n/2) Gamma(p+1) / (Gamma(n/2) Gamma(p+1-s)) 2F1(s+n/2, s-p; n/2; r^2), a polynomial in r^2 when
    p - s is an integer >= 0; outside, -c_{n,s} r^{-n-2s} pi^{n/2} Gamma(p+1)/Gamma(p+1+n/2)
    2F1(n/2+s, 1+s; p+1+n/2; r^{-2}). For p <= 2 s the image is infinite at r = 1, p = s excepted.

    References
    ----------
    dyda2012: B. Dyda, Fractional calculus for power functions and eigenvalues of the fractional Laplacian, Theorem 1.

    Examples
    --------
    >>> round(float(ball_power_image(0.3, 0.5, 0.5, dimension=1)), 12)
    1.0
    """
    check_order(s, "ball_power_image")
    if p <= -1:
        raise ValueError(f"ball_power_image(p={p:g}): (1 - r^2)^p is integrable for p > -1 only. Give such a p.")
    r, half = np.asarray(r, dtype=np.float64), dimension / 2
    factor = 4**s * gamma(s + half) * gamma(p + 1) * rgamma(half) * rgamma(p + 1 - s)
    values = factor * hyp2f1(s + half, s - p, half, np.minimum(r, 1.0) ** 2)
    outside = r > 1
    far = r[outside]
    tail = -fractional_constant(dimension, s) * math.pi**half * gamma(p + 1) * rgamma(p + 1 + half)
    values = np.array(values)
    values[outside] = tail * far ** (-dimension - 2 * s) * hyp2f1(half + s, 1 + s, p + 1 + half, far**-2.0)
    return values


def jacobi_multiplier(k: ArrayLike, degree: int, s: float, dimension: int) -> Floats:
    """mu_{k,l} = 4^s Gamma(1+s+k) Gamma(n/2+l+s+k) / (k! Gamma(n/2+l+k)), l the degree of the harmonic.

    (-Delta)^s [(1 - |x|^2)^s_+ V_l(x) P_k^{(s, n/2+l-1)}(2|x|^2 - 1)] = mu_{k,l} V_l P_k in the unit ball, V_l a solid
    harmonic of degree l. The factor (1 - |x|^2)^s stands on one side only: these are not Dirichlet eigenvalues.

    References
    ----------
    dyda2017: B. Dyda, A. Kuznetsov, M. Kwasnicki, Fractional Laplace operator and Meijer G-function, Theorem 3.

    >>> round(float(jacobi_multiplier(0, 0, 0.5, dimension=1)), 12)
    1.0
    """
    check_order(s, "jacobi_multiplier")
    k, q = np.asarray(k, dtype=np.float64), degree + dimension / 2
    return np.asarray(4**s * np.exp(gammaln(1 + s + k) - gammaln(1 + k) + gammaln(q + s + k) - gammaln(q + k)))


def jacobi_radial(r: ArrayLike, k: int, degree: int, s: float, dimension: int) -> Floats:
    """P_k^{(s, n/2+l-1)}(2 r^2 - 1), l the degree, in the normalisation P_k(1) = Gamma(k+s+1) / (k! Gamma(s+1))."""
    return np.asarray(eval_jacobi(k, s, dimension / 2 + degree - 1, 2 * np.asarray(r, dtype=np.float64) ** 2 - 1))


def gaussian_image(r: ArrayLike, s: float, dimension: int, width: float = 1.0) -> Floats:
    """(-Delta)^s e^{-|x|^2/w^2} = w^{-2s} 4^s Gamma(n/2+s)/Gamma(n/2) 1F1(n/2+s; n/2; -r^2/w^2) at |x| = r, s > -n/2.

    Negative s give the Riesz potential (-Delta)^{-|s|}. The decay is algebraic, like r^{-n-2s}.

    References
    ----------
    kwasnicki2017: M. Kwasnicki, Ten equivalent definitions of the fractional Laplace operator.
    """
    half = dimension / 2
    if s <= -half:
        raise ValueError(f"gaussian_image(s={s:g}): (-Delta)^s of a Gaussian needs s > -n/2 = {-half:g}.")
    r = np.asarray(r, dtype=np.float64) / width
    return np.asarray((4 / width**2) ** s * gamma(half + s) / gamma(half) * hyp1f1(half + s, half, -(r**2)))


def algebraic_image(r: ArrayLike, a: float, s: float, dimension: int) -> Floats:
    """(-Delta)^s (1 + |x|^2)^{-a}, a > 0.

    = 4^s Gamma(a+s) Gamma(n/2+s) / (Gamma(a) Gamma(n/2)) 2F1(a+s, n/2+s; n/2; -r^2)

    References
    ----------
    dyda2017: B. Dyda, A. Kuznetsov, M. Kwasnicki, Fractional Laplace operator and Meijer G-function.
    """
    check_order(s, "algebraic_image")
    half, square = dimension / 2, np.asarray(r, dtype=np.float64) ** 2
    constant = 4**s * gamma(a + s) * gamma(half + s) / (gamma(a) * gamma(half))
    # Pfaff's transformation takes the argument -r^2 to r^2 / (1 + r^2) < 1.
    series = hyp2f1(half - a - s, half + s, half, square / (1 + square))
    return np.asarray(constant * (1 + square) ** (-half - s) * series)


def heat_kernel(r: ArrayLike, t: float, s: float, dimension: int) -> Floats:
    """Density p(x, t) with Fourier transform e^{-t |k|^{2s}}, at |x| = r, 0 < s <= 1.

    Notes
    -----
    p = t^{-n/2s} q(r t^{-1/2s}). s = 1: q = (4 pi)^{-n/2} e^{-r^2/4}; s = 1/2: the Poisson kernel
    q = Gamma((n+1)/2) / (pi (1 + r^2))^{(n+1)/2}. Otherwise convergent series in r^2 (s > 1/2) or r^{-2s} (s < 1/2);
    they alternate, so they are refused where cancellation leaves fewer than nine digits.

    Raises
    ------
    ValueError
        For s outside (0, 1], t <= 0, and points where a series has lost its digits.

    References
    ----------
    blumenthalgetoor1960: R. Blumenthal, R. Getoor, Some theorems on stable processes.

    Examples
    --------
    >>> round(float(heat_kernel(0.0, 1.0, 0.5, dimension=1)) * math.pi, 12)
    1.0
    """
    if not 0 < s <= 1 or t <= 0:
        raise ValueError(f"heat_kernel(t={t:g}, s={s:g}): needed are t > 0 and 0 < s <= 1.")
    half = dimension / 2
    x: Floats = np.asarray(r, dtype=np.float64) * t ** (-0.5 / s)
    if s == 1.0:
        q = (4 * math.pi) ** -half * np.exp(-(x**2) / 4)
    elif s == 0.5:
        q = math.gamma(half + 0.5) * (math.pi * (1 + x**2)) ** (-half - 0.5)
    else:
        q = _near_series(x, s, half) if s > 0.5 else _far_series(x, s, half)
    return np.asarray(t ** (-half / s) * q)


def _near_series(r: Floats, s: float, half: float) -> Floats:
    """1 / (s (4 pi)^{n/2}) sum_{m>=0} (-1)^m Gamma((n/2+m)/s) / (m! Gamma(n/2+m)) (r/2)^{2m}."""
    m = np.arange(float(_TERMS))
    log_factors = gammaln((half + m) / s) - gammaln(m + 1) - gammaln(half + m)
    return np.asarray(_series(log_factors, (-1.0) ** m, r / 2, 2.0 * m) / (s * (4 * math.pi) ** half))


def _far_series(r: Floats, s: float, half: float) -> Floats:
    """pi^{-n/2} r^{-n} sum_{m>=1} (-1)^m (r/2)^{-2sm} Gamma(n/2+sm) / (m! Gamma(-sm)), and the value at r = 0."""
    m = np.arange(1.0, _TERMS)
    # 1 / Gamma(-x) = -sin(pi x) Gamma(1+x) / pi
    log_factors = gammaln(half + s * m) - gammaln(m + 1) + gammaln(1 + s * m)
    factors = (-1.0) ** (m + 1) * np.sin(math.pi * np.fmod(s * m, 2.0)) / math.pi
    away = np.where(r > 0, r, 1e9)
    at_zero = math.gamma(half / s) / (s * (4 * math.pi) ** half * math.gamma(half))
    series = _series(log_factors, factors, away / 2, -2.0 * s * m)
    return np.asarray(np.where(r > 0, math.pi**-half * away ** (-2 * half) * series, at_zero))


def _series(log_factors: Floats, factors: Floats, x: Floats, powers: Floats) -> Floats:
    """sum_m factor_m e^{log_factor_m} x^{power_m}, refused where rounding leaves fewer than nine digits."""
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        exponents = log_factors + np.where(powers == 0.0, 0.0, powers * np.log(x)[..., None])
        terms = np.exp(exponents) * factors
        total, size = np.sum(terms, axis=-1), np.sum(np.abs(terms), axis=-1)
    unit = np.finfo(np.float64).eps
    kept = (size * unit * 8 <= _SERIES_ERROR * np.abs(total)) & (np.abs(terms[..., -1]) <= unit * np.abs(total))
    if not np.all(kept):
        raise ValueError(
            f"heat_kernel: at {int(np.count_nonzero(~kept))} of {kept.size} points the series keeps fewer than nine "
            "digits. For s > 1/2 take smaller r t^(-1/2s), for s < 1/2 larger."
        )
    return np.asarray(total)


def _axes(domain: Domain) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Semi-axes and centre of an interval, a ball or an ellipsoid."""
    if isinstance(domain, Interval):
        return (0.5 * (domain.b - domain.a),), (0.5 * (domain.a + domain.b),)
    if isinstance(domain, Ball):
        return (domain.radius,) * domain.dimension, domain.centre or ()
    if isinstance(domain, Ellipsoid):
        return domain.semiaxes, domain.centre or ()
    raise TypeError(
        f"torsion function of a {type(domain).__name__}: closed forms are known for Interval, Ball and Ellipsoid. "
        "Elsewhere solve Stationary(FractionalLaplacian(s), domain, source=1.0)."
    )


def _mean_power(c: list[float], s: float) -> float:
    """Mean of (sum_i c_i theta_i^2)^s over unit vectors, c ascending.

    On the circle it is c_2^s 2F1(-s, 1/2; 1; 1 - c_1/c_2); on the sphere the mean over the height of such circles.
    """
    if c[0] == c[-1]:
        return math.pow(c[0], s)
    if len(c) == 2:
        return float(c[1] ** s * hyp2f1(-s, 0.5, 1.0, 1 - c[0] / c[1]))

    def circle(z: float) -> float:
        low, high = ((1 - z * z) * v + z * z * c[0] for v in c[1:])
        return float(high**s * hyp2f1(-s, 0.5, 1.0, 1 - low / high))

    return float(scipy.integrate.quad(circle, 0.0, 1.0, epsabs=0.0, epsrel=1e-13, limit=200)[0])

"""Constants of the fractional Laplacian and of its inverse, as functions of dimension n and order s.

    c_{n,s}  = 4^s Gamma(n/2 + s) / (pi^{n/2} |Gamma(-s)|)        (-Delta)^s,    0 < s < 1
    c_{n,-s} = Gamma(n/2 - s) / (4^s pi^{n/2} Gamma(s))           (-Delta)^{-s}, 0 < s < n/2
    c_n      = 1 / ((4 pi)^{n/2} Gamma(n/2))                      (-Delta)^{-n/2}, logarithmic kernel

An array `s` gives an array of its namespace; in torch the result is differentiable in s.
"""

from __future__ import annotations

import math

import numpy as np
import scipy.special

from pide.arrays import Array, like, namespace, to_host

__all__ = ["check_order", "fractional_constant", "logarithm_constant", "riesz_constant", "sphere_area"]


def sphere_area(dimension: int) -> float:
    """Surface |S^{n-1}| = 2 pi^{n/2} / Gamma(n/2) of the unit sphere in R^n: 2, 2 pi, 4 pi.

    >>> sphere_area(1)
    2.0
    """
    half = dimension / 2
    return 2.0 if dimension == 1 else float(2.0 * math.pi**half / math.gamma(half))


def fractional_constant(dimension: int, s: float | Array) -> Array:
    """Constant c_{n,s} = 4^s Gamma(n/2 + s) / (pi^{n/2} |Gamma(-s)|) of (-Delta)^s.

    Parameters
    ----------
    dimension : int
        n >= 1.
    s : float or array
        Order, 0 < s < 1.

    Notes
    -----
    Evaluated as s (1 - s) 4^s Gamma(n/2 + s) / (pi^{n/2} Gamma(2 - s)), which has no pole on [0, 1].

    Raises
    ------
    ValueError
        If s is outside (0, 1).

    References
    ----------
    M. Kwasnicki, Ten equivalent definitions of the fractional Laplace operator, Fract. Calc. Appl. Anal. 20 (2017).

    >>> round(fractional_constant(1, 0.5) * math.pi, 12)
    1.0
    """
    check_order(s, "fractional_constant")
    half = dimension / 2
    exponent = log_gamma(half + s) - log_gamma(2 - s) + s * math.log(4)
    return s * (1 - s) * exponential(exponent) * math.pi**-half


def riesz_constant(dimension: int, s: float | Array) -> Array:
    """Constant c_{n,-s} = Gamma(n/2 - s) / (4^s pi^{n/2} Gamma(s)) of the Riesz potential (-Delta)^{-s}.

    Parameters
    ----------
    dimension : int
        n >= 1.
    s : float or array
        Order, 0 < s < n/2.

    Raises
    ------
    ValueError
        If s is outside (0, n/2).

    References
    ----------
    E. M. Stein, Singular Integrals and Differentiability Properties of Functions (1970), chapter V.
    """
    half = dimension / 2
    values = to_host(s) if not isinstance(s, (int, float)) else np.asarray(s)
    if not bool(np.all((values > 0) & (values < half))):
        raise ValueError(
            f"riesz_constant(dimension={dimension}, s={_show(s)}): (-Delta)^-s needs 0 < s < n/2 = {half:g}. "
            "At s = n/2 the kernel is logarithmic: use logarithm_constant(dimension)."
        )
    return exponential(log_gamma(half - s) - log_gamma(s) - s * math.log(4)) * math.pi**-half


def logarithm_constant(dimension: int) -> float:
    """Constant c_n = 1 / ((4 pi)^{n/2} Gamma(n/2)): (-Delta)^{-n/2} v = c_n int -2 log|x - y| v(y) dy, int v = 0.

    References
    ----------
    P. R. Stinga, User's guide to the fractional Laplacian and the method of semigroups (2019).
    """
    half = dimension / 2
    return float((4.0 * math.pi) ** -half / math.gamma(half))


def check_order(s: float | Array, owner: str) -> None:
    """Refuse orders outside (0, 1), naming `owner` in the message.

    Raises
    ------
    ValueError
        If some entry of s is not strictly between 0 and 1.
    """
    values = np.asarray(s) if isinstance(s, (int, float)) else to_host(s)
    if not bool(np.all((values > 0) & (values < 1))):
        raise ValueError(
            f"{owner}(s={_show(s)}): (-Delta)^s needs 0 < s < 1. If you meant the order alpha = 2 s, pass s=alpha/2."
        )


def log_gamma(x: float | Array) -> Array:
    """log Gamma(x) for x > 0; differentiable in namespaces that have `lgamma` (torch)."""
    if isinstance(x, (int, float)):
        return math.lgamma(x)
    xp = namespace(x)
    return xp.lgamma(x) if hasattr(xp, "lgamma") else like(np.asarray(scipy.special.gammaln(to_host(x))), x)


def exponential(x: float | Array) -> Array:
    """exp(x) of a number or of an array of any namespace."""
    return math.exp(x) if isinstance(x, (int, float)) else namespace(x).exp(x)


def _show(s: float | Array) -> str:
    if isinstance(s, (int, float)):
        return f"{s:g}"
    values = to_host(s)
    return f"{float(values):g}" if values.ndim == 0 else f"array of shape {values.shape}"

"""The four kernels of partial integro-differential blocks (Bohn, Griebel and Kannan 2021, equations 4.4 to 4.6).

Symbols: n dimension of the image, not of the features; r distance of embedded features; lambda strength; s order;
gamma Euler's constant; c_{n,s}, c_{n,-s}, c_n the constants of pide.continuum.constants.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pide.arrays import Array
from pide.continuum.constants import fractional_constant, logarithm_constant, riesz_constant
from pide.operators.affinity import Affinity, DotProductAffinity, LogAffinity, PowerAffinity
from pide.operators.affinity_weights import weighted_difference, weighted_sum

__all__ = ["LOG_FORMS", "PIDE_KINDS", "SIGNS", "pide_affinity", "pide_form", "pide_term"]

PIDE_KINDS = ("diffusion", "fractional", "inverse_fractional", "log")
LOG_FORMS = ("program", "equation")
SIGNS = ("paper", "dissipative")


def pide_affinity(
    kind: str,
    *,
    strength: Any,
    s: Any = 0.5,
    dimension: int = 2,
    log_form: str = "program",
    distances: str = "products",
) -> Affinity:
    """omega of a kind.

    Parameters
    ----------
    kind : {"diffusion", "fractional", "inverse_fractional", "log"}
        lambda t.p; lambda c_{n,s} r^{-(n + 2 s)}; lambda c_{n,-s} r^{-(n - 2 s)}; the logarithm below.
    strength : number
        lambda.
    s : number
        0 < s < 1 for "fractional", 0 < s < n/2 for "inverse_fractional"; the other two have no use for it.
    dimension : int
        n.
    log_form : {"program", "equation"}
        lambda c_n (-2 log r - gamma) of the authors' program, or -2 lambda log r - gamma of equation 4.6.
    distances : {"differences", "products"}

    Notes
    -----
    n is the dimension of the image though r is a distance of features, as published. The gauge gamma, lambda and the
    scale of the embedding change the result of "log" on values whose sum is not 0.

    Raises
    ------
    ValueError
        For an unknown kind or form, and s out of range.
    """
    if kind not in PIDE_KINDS:
        raise ValueError(f"kind={kind!r}: there are {', '.join(map(repr, PIDE_KINDS))}. Write one of them.")
    if log_form not in LOG_FORMS:
        raise ValueError(f"log_form={log_form!r}: there are {', '.join(map(repr, LOG_FORMS))}. Write one of them.")
    if kind == "diffusion":
        return DotProductAffinity(factor=strength)
    if kind == "fractional":
        factor = strength * _number(fractional_constant(dimension, s))
        return PowerAffinity(exponent=dimension + 2 * s, factor=factor, distances=distances)
    if kind == "inverse_fractional":
        factor = strength * _number(riesz_constant(dimension, s))
        return PowerAffinity(exponent=dimension - 2 * s, factor=factor, distances=distances)
    if log_form == "program":
        factor = strength * logarithm_constant(dimension)
        return LogAffinity(slope=2.0 * factor, gauge=float(np.euler_gamma) * factor, distances=distances)
    return LogAffinity(slope=2.0 * strength, gauge=float(np.euler_gamma), distances=distances)


def pide_form(kind: str, sign: str = "paper") -> tuple[str, int]:
    """("difference" or "total", +1 or -1): which sum of `affinity_weights` a stage adds, and its sign.

    Parameters
    ----------
    kind : {"diffusion", "fractional", "inverse_fractional", "log"}
    sign : {"paper", "dissipative"}
        "paper": sum w_ij (y_j - x_i) for "diffusion"; sum w_ij (x_i - y_j), which is +(-Delta)^s and anti-diffusive,
        for "fractional"; +sum w_ij y_j for the other two. "dissipative": sum w_ij (y_j - x_i) for the first two and
        -sum w_ij y_j for the other two.

    Raises
    ------
    ValueError
        For an unknown kind or sign.
    """
    if kind not in PIDE_KINDS:
        raise ValueError(f"kind={kind!r}: there are {', '.join(map(repr, PIDE_KINDS))}. Write one of them.")
    if sign not in SIGNS:
        raise ValueError(f"sign={sign!r}: there are {', '.join(map(repr, SIGNS))}. Write one of them.")
    if kind == "diffusion":
        return "difference", 1
    if kind == "fractional":
        return "difference", -1 if sign == "paper" else 1
    return "total", 1 if sign == "paper" else -1


def pide_term(kind: str, w: Array, x: Array, y: Array, sign: str = "paper") -> Array:
    """What a stage adds, before its convolution, with the sign of `pide_form`: shape (..., M, C).

    Parameters
    ----------
    kind, sign : see `pide_form`
    w : array, shape (..., M, N)
        Weights of that kind, `affinity_weights`.
    x, y : arrays, shapes (..., M, C) and (..., N, C)
        Values at the positions and at the pooled positions.
    """
    form, factor = pide_form(kind, sign)
    total = weighted_sum(w, y) if form == "total" else weighted_difference(w, x, y)
    return total if factor > 0 else -total


def _number(constant: Any) -> Any:
    """NumPy scalars as Python floats, which take the dtype of the arrays they meet; arrays keep their gradients."""
    return float(constant) if isinstance(constant, (float, np.floating)) else constant

"""Outward rounding: floats that are certainly above or below what they stand for.

Symbols: u = 2^-53 unit roundoff, eta = 2^-1074 the smallest positive double, g_k = k u / (1 - k u).
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np

__all__ = ["ETA", "IEEE", "U", "down", "gamma", "lower", "up", "upper"]

U = 2.0**-53
ETA = 2.0**-1074
IEEE = "IEEE 754 binary64, round to nearest, gradual underflow (no flush to zero)"


def up(x: Any) -> Any:
    """The next double above x: at least the exact result of one operation that was rounded to x."""
    return np.nextafter(x, np.inf)


def down(x: Any) -> Any:
    """The next double below x."""
    return np.nextafter(x, -np.inf)


def gamma(k: float) -> float:
    """A double that is at least g_k, infinite where k u > 0.1."""
    return float(up(up(k * U) / down(1.0 - k * U))) if k * U <= 0.1 else math.inf


def upper(x: Fraction) -> float:
    """The smallest double >= x, or its neighbour."""
    y = float(x)
    return y if Fraction(y) >= x else float(up(y))


def lower(x: Fraction) -> float:
    """The largest double <= x, or its neighbour."""
    y = float(x)
    return y if Fraction(y) <= x else float(down(y))

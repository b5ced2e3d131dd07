"""C2 and C3: enclosures of the degrees and upper bounds of the rates and of the spectrum from them.

fl(sum_j w_ij m_j) in any order differs from d_i by at most g_{N+1} sum_j |w_ij| m_j (Higham 2002, (3.5)); rows that
decide a maximum are summed again without rounding.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from pide.verification.certificate import ASSUMED, PROVED, REFUTED, UNDECIDED, VERIFIED, Certificate, Hypothesis
from pide.verification.proofs.models import DiffusionMatrix, Field
from pide.verification.proofs.rounding import ETA, IEEE, down, gamma, lower, up, upper

__all__ = ["absolute_row_sums", "degrees", "gershgorin", "largest", "rate_bound", "row_sums"]

_ROWS = 512
_EXACT = 64
_BLAS = "sums and products of BLAS in any order, with or without fused multiply-add"


def degrees(model: DiffusionMatrix) -> tuple[Field, Field]:
    """(lower, upper) bounds of the exact degrees d_i."""
    sums, absolute = _sums(model)
    g = gamma(model.size + 2)
    # |fl - exact| <= g |w| m, and |w| m <= fl(|w| m) / (1 - g); eta covers products that underflow
    error = up(up(g * absolute) / down(1 - g)) + 2 * model.size * ETA
    return down(sums - up(error)), up(sums + up(error))


def absolute_row_sums(model: DiffusionMatrix) -> Field:
    """Upper bounds of sum_j |w_ij| m_j."""
    _, absolute = _sums(model)
    return np.asarray(up(up(absolute / down(1 - gamma(model.size + 2))) + 2 * model.size * ETA))


def _sums(model: DiffusionMatrix) -> tuple[Field, Field]:
    if model.sparse:
        return model.weights @ model.m, abs(model.weights) @ model.m
    if model.weights.min() >= 0:
        sums = model.weights.sum(axis=1) if model.unit_masses else model.weights @ model.m
        return sums, sums
    sums, absolute = np.empty(model.size), np.empty(model.size)
    for start in range(0, model.size, _ROWS):
        block = model.weights[start : start + _ROWS]
        sums[start : start + _ROWS] = block @ model.m
        absolute[start : start + _ROWS] = np.abs(block) @ model.m
    return sums, absolute


def row_sums(model: DiffusionMatrix, stored: Field | None) -> Certificate:
    """C2: every exact degree lies in an interval; with the stored degrees of the operator, their largest error."""
    low, high = degrees(model)
    width = float(up((high - low).max()))
    if stored is None:
        words = "d_i = sum_j w_ij m_j lies in a known interval for every i; bound: the largest width"
        bound = width
    else:
        words = "|stored d_i - d_i| <= bound for the exact row sums d_i"
        bound = float(up(np.maximum(up(high - stored), up(stored - low)).max()))
    verdict = PROVED if np.isfinite(bound) else UNDECIDED
    method = f"C2: sums with g_k, k = {model.size + 2}"
    return Certificate("row_sums", words, verdict, "matrix", method, bound=bound, direction="<=", slack=width,
                       trusted=(IEEE, _BLAS))  # fmt: skip


def largest(model: DiffusionMatrix, factor: int) -> tuple[float, float, int]:
    """(lower, upper bound, row) of max_i (factor d_i + kappa_i), factor 1 or 2.

    The rows whose upper bound exceeds the best lower bound are summed exactly, up to a limit.
    """
    low, high = degrees(model)
    low, high = down(factor * low + model.kappa), up(factor * high + model.kappa)
    best = int(np.argmax(low))
    near = np.flatnonzero(high >= low[best])
    if near.size == 0 or not np.isfinite(high).all():
        return -np.inf, np.inf, best
    if near.size > _EXACT:
        return float(low[best]), float(high.max()), best
    exact = {int(i): factor * model.degree(int(i)) + Fraction(float(model.kappa[i])) for i in near}
    best = max(exact, key=lambda i: exact[i])
    return lower(exact[best]), upper(exact[best]), best


def rate_bound(model: DiffusionMatrix) -> Certificate:
    """max_i (d_i + kappa_i) <= the claimed bound, or the proved bound where none is claimed."""
    low, high, row = largest(model, 1)
    claimed = model.rate_bound
    words = "max_i (d_i + kappa_i) <= bound: the largest step of the maximum principle is at least 1/bound"
    method = "C2: row sums, exact where they decide"
    bound = high if claimed is None else claimed
    if high <= bound:
        return Certificate("rate_bound", words, PROVED, "matrix", method, bound=bound, direction="<=",
                           slack=bound - high, trusted=(IEEE, _BLAS))  # fmt: skip
    exact = model.degree(row) + Fraction(float(model.kappa[row]))
    if exact > Fraction(bound):
        witness = {"kind": "rate", "i": row, "d_i + kappa_i": str(exact), "claimed": bound.hex()}
        return Certificate("rate_bound", words, REFUTED, "matrix", method, bound=bound, direction="<=",
                           slack=bound - low, witness=witness, trusted=(IEEE,))  # fmt: skip
    return Certificate("rate_bound", words, UNDECIDED, "matrix", method, bound=bound, direction="<=",
                       slack=bound - high)  # fmt: skip


def gershgorin(model: DiffusionMatrix) -> tuple[float, Hypothesis, str]:
    """(upper bound of lambda_max(-L), its hypothesis, method): C3a, or the smaller C3b where k(0) is known and needed.

    C3a: max_i (d_i + kappa_i + sum_j |w_ij| m_j) by Gershgorin's discs. C3b: with W_0 = w + k(0) I >= 0, the kernel's
    matrix, -L = D + kappa + k(0) M - W_0 M, and W_0 M is similar to a positive semidefinite matrix, so that
    lambda_max <= max_i (d_i + kappa_i + m_i k(0)).
    """
    if model.values.size == 0 or model.values.min() >= 0:
        bound = largest(model, 2)[1]
    else:
        bound = float(up(up(degrees(model)[1] + model.kappa) + absolute_row_sums(model)).max())
    sufficient = model.spectral_bound is not None and bound <= model.spectral_bound
    if model.kernel_at_zero is not None and not sufficient:
        kernel = float(up(up(degrees(model)[1] + model.kappa) + up(model.m * model.kernel_at_zero)).max())
        if kernel < bound:
            words = "the kernel is positive definite and its values at the nodes are the weights"
            return kernel, Hypothesis(words, ASSUMED), "C3b: max(d + kappa + m k(0))"
    return bound, Hypothesis("d are the exact row sums", VERIFIED), "C3a: Gershgorin, max(2 d + kappa)"

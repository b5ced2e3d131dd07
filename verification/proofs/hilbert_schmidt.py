"""C6: enclosure of the Hilbert-Schmidt norm (sum_ij m_i m_j w_ij^2)^{1/2} of the kernel part."""

from __future__ import annotations

import math

import numpy as np

from pide.verification.certificate import PROVED, UNDECIDED, VERIFIED, Certificate, Hypothesis
from pide.verification.proofs.models import DiffusionMatrix
from pide.verification.proofs.rounding import ETA, IEEE, down, gamma, up

__all__ = ["enclosed_root", "hilbert_schmidt_norm"]

_ROWS = 512


def hilbert_schmidt_norm(model: DiffusionMatrix, claimed: float | None = None) -> Certificate:
    """sum_ij m_i m_j w_ij^2 of positive terms: relative error at most g_k with k = N + 4 per row and N for the rows."""
    total = 0.0
    if model.sparse:
        squares = model.weights.multiply(model.weights)
        total = float(model.m @ (squares @ model.m))
    else:
        for start in range(0, model.size, _ROWS):
            block = model.weights[start : start + _ROWS]
            rows = np.einsum("ij,ij,j->i", block, block, model.m, optimize=False)
            total += float(rows @ model.m[start : start + _ROWS])
    g = gamma(2 * model.size + 8)
    tiny = float(model.size) ** 2 * ETA * max(1.0, float(model.m.max())) ** 2 * 4
    return enclosed_root(float(down(total / up(1 + g))) - tiny, float(up(total / down(1 - g))) + tiny, claimed)


def enclosed_root(low: float, high: float, claimed: float | None) -> Certificate:
    """The certificate from bounds of the squared norm."""
    words = "(sum_ij m_i m_j w_ij^2)^{1/2} <= bound, within slack of it"
    method = "C6: sums of positive terms with g_k"
    if not math.isfinite(high):
        return Certificate("hilbert_schmidt_norm", words, UNDECIDED, "matrix", method)
    lower, upper = float(down(math.sqrt(max(low, 0.0)))), float(up(math.sqrt(high)))
    agrees = claimed is None or lower <= claimed <= upper
    hypotheses = () if claimed is None else (Hypothesis("the claimed norm lies in the enclosure", VERIFIED),)
    return Certificate("hilbert_schmidt_norm", words, PROVED if agrees else UNDECIDED, "matrix", method, bound=upper,
                       direction="<=", slack=float(up(upper - max(lower, 0.0))), hypotheses=hypotheses,
                       trusted=(IEEE,))  # fmt: skip

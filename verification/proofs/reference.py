"""The link between a certificate and an apply: our own FFT apply with a proven error, and what an engine adds to it.

Symbols: K convolution, c = d + kappa with the stored degrees d.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from scipy.sparse.linalg import LinearOperator, cg

from pide.verification.certificate import REFUTED, UNDECIDED, VERIFIED, Certificate, Hypothesis
from pide.verification.estimate import convolution_error
from pide.verification.proofs.convolution import convolved, power_lengths, transformed
from pide.verification.proofs.lattice import Lattice
from pide.verification.proofs.models import Field
from pide.verification.proofs.rounding import IEEE, U, down, up

__all__ = ["apply_link", "comparison_bound", "reference_apply"]

_DRAWS = 2
_ITERATIONS = 500


def reference_apply(model: Lattice, v: Field) -> tuple[Field, float] | None:
    """(L v with the stored degrees, bound of its Euclidean error), or None where transforms are no powers of two.

    Notes
    -----
    K v is `convolved`; subtracting c v rounds at most three times. The restriction to inside nodes increases no error.
    """
    lengths = model.inside.shape if model.periodic else power_lengths(model.inside.shape, model.acting.shape)
    if model.coefficient is not None or any(n & (n - 1) for n in lengths):
        return None
    inner = np.where(model.inside, v, 0.0)
    norm = float(np.linalg.norm(inner)) * (1 + v.size * U)
    product = convolved(model.acting, transformed(inner, lengths), v.shape, norm)
    if product is None:
        return None
    y, error = product
    c = model.degree + model.killing
    rounding = 4 * U * (float(np.abs(y).max()) * math.sqrt(v.size) + float(np.abs(c).max()) * norm)
    return np.where(model.inside, y - c * inner, 0.0), float(up(error + rounding))


def comparison_bound(model: Lattice) -> float:
    """A lower bound of lambda_min(-L) with the stored degrees, kappa of any sign, by one positive field; -inf if none.

    Notes
    -----
    For w >= 0 and phi > 0 (Barta 1937)

        <-L v, v> = sum_i (-L phi)_i / phi_i v_i^2 + 1/2 sum_ij w_ij phi_i phi_j (v_i / phi_i - v_j / phi_j)^2,

    hence lambda_min(-L) >= min_i (-L phi)_i / phi_i. phi is an approximate solution of -L phi = 1 by conjugate
    gradients with the operator's own apply; -L phi is then evaluated by `reference_apply` with its proven error.
    """
    apply = model.apply
    if apply is None or model.coefficient is not None or not np.all(model.acting >= 0):
        return -math.inf

    def minus_L(x: Field) -> Field:
        v = np.zeros(model.inside.shape)
        v[model.inside] = x.ravel()
        return np.asarray(apply(v))[model.inside] * (-model.sign / model.scale)

    operator = LinearOperator((model.count, model.count), matvec=minus_L, dtype=np.float64)
    with np.errstate(all="ignore"):
        solution, _ = cg(operator, np.ones(model.count), rtol=1e-3 / math.sqrt(model.count), maxiter=_ITERATIONS)
    phi = np.zeros(model.inside.shape)
    phi[model.inside] = solution
    reference = reference_apply(model, phi) if np.all(solution > 0) and np.all(np.isfinite(solution)) else None
    if reference is None:
        return -math.inf
    quotients = down(down(-reference[0][model.inside] - reference[1]) / solution)
    return float(down(quotients.min()))


def apply_link(model: Lattice) -> Certificate:
    """|fl(L v) - L v| <= bound |v| of the operator's own apply on seeded fields: tested, never PROVED.

    The bound is the largest measured ratio with the proven error of the reference on top. Errors that certainly exceed
    the engine's error model are REFUTED.
    """
    words = "|fl(L v) - L v| <= bound |v| for the apply of the engine"
    method = f"tested against the reference FFT on {_DRAWS} seeded fields"
    undecided = Certificate("apply", words, UNDECIDED, "matrix", method)
    allowed = 2 * convolution_error(model.inside.shape, U, periodic=False) * float(np.abs(model.degree).max())
    allowed += 8 * U * float(np.abs(model.killing).max())
    worst, certain, proved = 0.0, 0.0, 0.0
    for seed in range(_DRAWS):
        v = np.where(model.inside, np.random.default_rng(seed).standard_normal(model.inside.shape), 0.0)
        reference = reference_apply(model, v)
        if reference is None or model.apply is None:
            return undecided
        size = float(np.linalg.norm(v))
        difference = (
            float(np.linalg.norm(np.asarray(model.apply(v)) * (model.sign / model.scale) - reference[0])) / size
        )
        proved = max(proved, reference[1] / size)
        worst = max(worst, difference + reference[1] / size)
        certain = max(certain, difference - reference[1] / size)
    link = Hypothesis(f"the reference apply errs by at most {proved:.3g} |v|", VERIFIED)
    tested = Hypothesis("the bound holds for all v", "tested")
    measured = replace(undecided, bound=worst * model.scale, direction="<=", hypotheses=(link, tested), trusted=(IEEE,))
    if certain <= 4 * allowed:
        return measured
    witness = {"kind": "apply", "seeds": _DRAWS, "error at least": certain.hex(), "model": allowed.hex()}
    return replace(measured, verdict=REFUTED, witness=witness)

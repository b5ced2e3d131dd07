"""The link between a certificate and an apply: our own FFT apply with a proven error, and what an engine adds to it.

Symbols: K convolution, c = d + kappa with the stored degrees d.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from pide.verification.certificate import REFUTED, UNDECIDED, VERIFIED, Certificate, Hypothesis
from pide.verification.estimate import convolution_error
from pide.verification.proofs.convolution import convolved, power_lengths, transformed
from pide.verification.proofs.lattice import Lattice
from pide.verification.proofs.models import Field
from pide.verification.proofs.rounding import IEEE, U, up

__all__ = ["apply_link", "reference_apply"]

_DRAWS = 2


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

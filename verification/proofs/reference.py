"""The link between a certificate and an apply: our own FFT apply with a proven error, and what an engine adds to it.

Symbols: K convolution, sigma symbol of the embedding, f relative error of one reference transform, c = d + kappa.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pide.verification.certificate import REFUTED, UNDECIDED, VERIFIED, Certificate, Hypothesis
from pide.verification.estimate import convolution_error
from pide.verification.proofs.lattice import Lattice, embeds
from pide.verification.proofs.models import Field
from pide.verification.proofs.rounding import IEEE, U, up
from pide.verification.proofs.symbol import fourier, fourier_error

__all__ = ["apply_link", "reference_apply"]

_DRAWS = 2


def reference_apply(model: Lattice, v: Field) -> tuple[Field, float] | None:
    """(L v with the stored degrees, bound of its Euclidean error), or None where transforms are no powers of two.

    Notes
    -----
    K v = F^-1 sigma F v with `fourier`: each transform has the relative error f, the product with the real sigma u, and
    sigma itself the error E of its enclosure, so that |error| <= ((2 f + f^2 + 3 u) max|sigma| + E) |v|; subtracting
    c v rounds at most three times. The result is restricted to the inside nodes, which no error increases.
    """
    embedded = replace(model, lengths=_powers(model))
    if model.coefficient is not None or not embeds(embedded) or embedded.symbol is None:
        return None
    values, error = embedded.symbol
    n = v.ndim
    V = np.zeros(embedded.lengths, dtype=np.complex128)
    V[tuple(slice(0, k) for k in v.shape)] = np.where(model.inside, v, 0.0)
    V = _along_axes(V) * _full(values, embedded.lengths)
    y = np.conj(_along_axes(np.conj(V))).real / V.size
    c = model.degree + model.killing
    out = np.where(model.inside, y[tuple(slice(0, k) for k in v.shape)] - c * v, 0.0)
    f = sum(fourier_error(length) for length in embedded.lengths) * (1 + 1e-9)
    largest = float(np.abs(values).max()) + error
    factor = (2 * f + f * f + 3 * U) * largest + error + 4 * U * (largest + float(np.abs(c).max()))
    return out, float(up(factor * (1 + 1e-9) * np.linalg.norm(v) * (1 + v.size * U * n)))


def _powers(model: Lattice) -> tuple[int, ...]:
    """Lengths of the reference transforms: the torus itself, or the next power of two that keeps offsets apart."""
    if model.periodic:
        powers = all(n & (n - 1) == 0 for n in model.inside.shape)
        return model.inside.shape if powers else (0,) * model.inside.ndim
    pairs = zip(model.inside.shape, model.acting.shape, strict=True)
    return tuple(1 << (n + extent - 2).bit_length() for n, extent in pairs)


def _along_axes(V: NDArray[np.complex128]) -> NDArray[np.complex128]:
    for axis in range(V.ndim):
        V = np.moveaxis(fourier(np.ascontiguousarray(np.moveaxis(V, axis, 0))), 0, axis)
    return V


def _full(values: Field, lengths: tuple[int, ...]) -> Field:
    """The symbol at all frequencies from those up to half of each length."""
    for axis, length in enumerate(lengths):
        k = np.arange(length)
        values = np.take(values, np.minimum(k, length - k), axis=axis)
    return values


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

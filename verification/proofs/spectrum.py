"""Operators given by their symbol on a torus: stored doubles are the eigenvalues, most claims are comparisons."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from pide.verification.certificate import PROVED, REFUTED, UNDECIDED, VERIFIED, Certificate, Hypothesis
from pide.verification.proofs.diffusions import unknown
from pide.verification.proofs.models import Field, digest
from pide.verification.proofs.rounding import IEEE, down, up, upper
from pide.verification.proofs.structural import Witness, first_entry
from pide.verification.proofs.symbol import cosine_symbol

__all__ = ["Spectrum", "spectrum_certificate"]

_LARGEST = 1 << 12
_METHOD = "C5: comparison of the stored eigenvalues"
_REAL = Hypothesis("the symbol is real and finite", VERIFIED)


@dataclass(frozen=True, eq=False)
class Spectrum:
    """-L = c F^-1 [s_0 - s_k] F on a torus, with s_k the stored doubles and c = scale > 0.

    Parameters
    ----------
    values : array, rfftn layout of `shape`
        s_k.
    origin : float
        s_0 subtracted exactly: the value at k = 0 for image sums, 0 for Fourier multipliers.
    shape : tuple of int
    degree : array or None
        Stored degrees, used by bounds that cover what the operator does with them.
    sign : int
        -1 where the operator is A = -c L.
    """

    values: Field
    origin: float
    shape: tuple[int, ...]
    degree: Field | None = None
    scale: float = 1.0
    spectral_bound: float | None = None
    rate_bound: float | None = None
    sign: int = 1
    name: str = "multiplier"

    @property
    def digest(self) -> str:
        """SHA-256 of the symbol."""
        optional = () if self.degree is None else (self.degree,)
        return digest(self.values, np.array([self.origin, self.scale, *self.shape]), *optional)

    @property
    def has_rates(self) -> bool:
        """Whether s_k are transformed weights, with the degree s_0."""
        return self.degree is not None


def spectrum_certificate(model: Spectrum, claim: str) -> Certificate:
    """The certificate of one claim of an operator given by its symbol."""
    if not np.isfinite(model.values).all():
        return Certificate(claim, "the symbol is finite", REFUTED, "matrix", _METHOD,
                           witness=first_entry(~np.isfinite(model.values), model.values, "symbol"))  # fmt: skip
    if claim in ("self_adjoint", "translation_invariant"):
        words = "<L u, v> = <u, L v>" if claim == "self_adjoint" else "L commutes with lattice translations"
        return Certificate(claim, words, PROVED, "matrix", "C5: a real multiplier", hypotheses=(_REAL,))
    if claim in ("kills_constants", "conserves_mass"):
        return _at_zero(model, claim)
    if claim in ("negative_semidefinite", "positive_semidefinite", "energy_decay", "variance_decay"):
        return _definite(model, claim)
    if claim == "spectral_bound":
        return _spectral_bound(model)
    if claim == "rate_bound" and model.degree is not None:
        return _rate_bound(model, model.degree)
    if claim in ("nonnegative_rates", "maximum_principle", "markov", "sub_markov") and model.has_rates:
        return _rates(model, claim)
    return unknown(claim)


def _at_zero(model: Spectrum, claim: str) -> Certificate:
    words = "L 1 = 0" if claim == "kills_constants" else "<1, L v> = 0"
    value = float(model.values.flat[0])
    if value == model.origin:
        return Certificate(claim, words, PROVED, "matrix", _METHOD)
    witness = {"kind": "mode", "k": [0] * len(model.shape), "s_k": value.hex(), "s_0": model.origin.hex()}
    return Certificate(claim, words, REFUTED, "matrix", _METHOD, witness=witness)


def _definite(model: Spectrum, claim: str) -> Certificate:
    """s_k <= s_0 for every k."""
    words = "<-L v, v> >= 0: every eigenvalue s_0 - s_k is nonnegative"
    if claim == "variance_decay" and not _at_zero(model, "kills_constants").proved:
        return Certificate(claim, words, UNDECIDED, "matrix", f"{_METHOD}; L 1 is not 0")
    bad = model.values > model.origin
    if not bad.any():
        return Certificate(claim, words, PROVED, "matrix", _METHOD, hypotheses=(_REAL,))
    index = np.unravel_index(int(np.argmax(model.values)), model.values.shape)
    witness = {"kind": "mode", "k": [int(k) for k in index], "s_k": float(model.values[index]).hex(),
               "s_0": model.origin.hex()}  # fmt: skip
    return Certificate(claim, words, REFUTED, "matrix", _METHOD, witness=witness)


def _spectral_bound(model: Spectrum) -> Certificate:
    """max |s_0 - s_k| <= the claimed bound, also with the stored degrees in place of s_0."""
    words = "|lambda| <= bound for every eigenvalue of L"
    low, high = Fraction(float(model.values.min())), Fraction(float(model.values.max()))
    origins = {Fraction(model.origin)}
    if model.degree is not None:
        origins |= {Fraction(float(model.degree.max())), Fraction(float(model.degree.min()))}
    exact = max(max(abs(o - low), abs(o - high)) for o in origins) * Fraction(model.scale)
    bound = upper(exact) if model.spectral_bound is None else model.spectral_bound
    if exact <= Fraction(bound):
        return Certificate("spectral_bound", words, PROVED, "matrix", _METHOD, bound=bound, direction="<=",
                           slack=float(Fraction(bound) - exact), hypotheses=(_REAL,))  # fmt: skip
    witness: Witness = {"kind": "eigenvalue", "largest |lambda|": str(exact), "claimed": bound.hex()}
    return Certificate("spectral_bound", words, REFUTED, "matrix", _METHOD, bound=bound, direction="<=",
                       slack=float(Fraction(bound) - exact), witness=witness)  # fmt: skip


def _rate_bound(model: Spectrum, degree: Field) -> Certificate:
    words = "max(s_0, stored degrees) <= bound: the step of the maximum principle is at least 1/bound"
    exact = max(Fraction(model.origin), Fraction(float(degree.max()))) * Fraction(model.scale)
    bound = upper(exact) if model.rate_bound is None else model.rate_bound
    verdict = PROVED if exact <= Fraction(bound) else UNDECIDED
    return Certificate("rate_bound", words, verdict, "matrix", _METHOD, bound=bound, direction="<=",
                       slack=float(Fraction(bound) - exact))  # fmt: skip


def _rates(model: Spectrum, claim: str) -> Certificate:
    """Signs of the weights, the inverse transform of a symbol even in every axis, with a proven error."""
    words = "the weights F^-1 s are >= 0 for all offsets but 0"
    method = "C5: inverse cosine transform with proven cosines"
    octant = _even_octant(model.values, model.shape)
    if octant is None or max(model.shape) > _LARGEST:
        return Certificate(claim, words, UNDECIDED, "matrix", f"{method}; symbol not even, or lengths out of reach")
    sums, error = cosine_symbol(octant, model.shape)
    others = sums.ravel()[1:]
    if np.all(down(others - error) >= 0):
        return Certificate(claim, words, PROVED, "matrix", method, hypotheses=(_REAL,), trusted=(IEEE,))
    below = up(sums + error) < 0
    below.flat[0] = False
    if not below.any():
        return Certificate(claim, words, UNDECIDED, "matrix", f"{method}: some weights are 0 within its error")
    index = np.unravel_index(int(np.argmax(below)), below.shape)
    witness = {"kind": "weight", "offset": [int(k) for k in index],
               "N beta_j at most": float(up(sums[index] + error)).hex()}  # fmt: skip
    return Certificate(claim, words, REFUTED, "matrix", method, witness=witness)


def _even_octant(values: Field, shape: tuple[int, ...]) -> Field | None:
    """The frequencies 0..N_a/2, halved where a frequency is its own mirror, or None unless even bit for bit.

    The cosine transform counts every k_a > 0 twice, as +k_a and -k_a; k_a = N_a/2 stands for both and counts once.
    """
    for axis, n in enumerate(shape[:-1]):
        k = np.arange(n)
        if not np.array_equal(values, np.take(values, (-k) % n, axis=axis)):
            return None
    octant = values[(*(slice(0, n // 2 + 1) for n in shape[:-1]), slice(None))]
    for axis, n in enumerate(shape):
        if n % 2 == 0:
            weight = np.ones(n // 2 + 1)
            weight[-1] = 0.5
            octant = octant * weight.reshape([-1 if a == axis else 1 for a in range(octant.ndim)])
    return np.asarray(octant)

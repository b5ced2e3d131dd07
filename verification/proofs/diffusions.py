"""Which proof answers which claim of a matrix of rates, and of a matrix as it is."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from pide.verification.certificate import ASSUMED, PROVED, REFUTED, UNDECIDED, VERIFIED, Certificate, Hypothesis
from pide.verification.proofs.cholesky import (
    CONVENTIONAL,
    LARGEST,
    extreme_pair,
    factorises,
    integer_direction,
    largest_eigenvalue,
    semidefinite,
    smallest_eigenvalue,
    spectral_gap,
)
from pide.verification.proofs.exact import definiteness, exact_form, exact_sum, negative_vector
from pide.verification.proofs.hilbert_schmidt import hilbert_schmidt_norm
from pide.verification.proofs.models import DiffusionMatrix, Field, SquareMatrix
from pide.verification.proofs.rounding import IEEE, U, gamma, up
from pide.verification.proofs.rowsums import gershgorin, rate_bound, row_sums
from pide.verification.proofs.structural import STRUCTURAL, conditions, kernel_dimension, structural

__all__ = ["diffusion_certificate", "infinite", "square_certificate", "unknown"]

_ENERGY = {"negative_semidefinite", "positive_semidefinite", "energy_decay", "variance_decay"}
_EXACT = 40
"""Up to this many unknowns definiteness is decided by exact elimination."""


def diffusion_certificate(
    model: DiffusionMatrix, claim: str, claimed: float | None = None, stored: Field | None = None
) -> Certificate:
    """The certificate of one claim of a diffusion given by its rates.

    Parameters
    ----------
    claimed : float, optional
        Bound to prove for the eigenvalue claims, instead of one near the estimate.
    stored : array, optional
        Degrees that the operator stores, for "row_sums".
    """
    if not model.finite:
        return infinite(claim)
    if claim in STRUCTURAL:
        certificate = structural(claim, conditions(model), "C1: comparison of all entries")
        undecided = certificate.verdict == UNDECIDED and claim in _ENERGY
        return with_spectrum(model, certificate) if undecided else certificate
    if claim == "spectral_bound":
        return spectral_bound(model)
    proofs = {
        "row_sums": lambda: row_sums(model, stored),
        "rate_bound": lambda: rate_bound(model),
        "kernel_dimension": lambda: kernel_dimension(model),
        "hilbert_schmidt_norm": lambda: hilbert_schmidt_norm(model),
        "smallest_eigenvalue": lambda: smallest_eigenvalue(model, claimed),
        "spectral_gap": lambda: spectral_gap(model, claimed),
        "largest_eigenvalue": lambda: largest_eigenvalue(model, claimed),
    }
    return proofs[claim]() if claim in proofs else unknown(claim)


def unknown(claim: str) -> Certificate:
    """For claims that no proof here reaches."""
    return Certificate(claim, "no proof of this claim exists for this kind of subject", UNDECIDED, "matrix", "none")


def infinite(claim: str) -> Certificate:
    """For numbers that are NaN or infinite."""
    return Certificate(claim, "weights and kappa are finite", UNDECIDED, "matrix", "NaN or infinity among the numbers")


def with_spectrum(model: DiffusionMatrix, certificate: Certificate) -> Certificate:
    """Energy claims of signed operators: -L >= 0 by Cholesky; a negative form refutes energy decay as well."""
    if certificate.claim == "variance_decay" and conditions(model)["no killing"] is not None:
        return certificate
    proof = semidefinite(model, certificate.claim)
    if proof.verdict == UNDECIDED:
        return replace(proof, statement=certificate.statement, method=f"{certificate.method}; {proof.method}")
    return replace(proof, statement=certificate.statement)


def spectral_bound(model: DiffusionMatrix) -> Certificate:
    """lambda_max(-L) <= the claimed bound: by Gershgorin or the kernel, else by Cholesky, which also refutes."""
    bound, hypothesis, method = gershgorin(model)
    claimed = bound if model.spectral_bound is None else model.spectral_bound
    words = "lambda_max(-L) <= bound: explicit steps tau <= 2/bound let the energy fall"
    symmetric = conditions(model)["symmetric"] is None
    if bound <= claimed:
        level = "model" if hypothesis.status == ASSUMED else "matrix"
        words = words if symmetric else "|lambda| <= bound for every eigenvalue of L"
        return Certificate("spectral_bound", words, PROVED, level, method, bound=claimed, direction="<=",
                           slack=claimed - bound, hypotheses=(hypothesis,),
                           trusted=(IEEE,))  # fmt: skip
    return replace(largest_eigenvalue(model, claimed), claim="spectral_bound")


def square_certificate(model: SquareMatrix, claim: str) -> Certificate:
    """The certificate of one claim of a matrix as it is."""
    if not np.isfinite(model.entries).all():
        return infinite(claim)
    if claim == "self_adjoint":
        return _symmetric(model)
    if claim in ("kills_constants", "conserves_mass"):
        return _sums(model, claim)
    if claim in ("positive_semidefinite", "negative_semidefinite"):
        return _definite(model, claim)
    if claim == "nonnegative_rates":
        return _rates(model)
    if claim == "spectral_bound":
        return _norm(model)
    return unknown(claim)


def _symmetric(model: SquareMatrix) -> Certificate:
    A = model.entries
    words = "a_ij and a_ji are the same double for all i, j"
    different = A != A.T
    if not different.any():
        return Certificate("self_adjoint", words, PROVED, "matrix", "C1: comparison of all entries")
    i, j = map(int, np.argwhere(different)[0])
    witness = {"kind": "pair", "i": i, "j": j, "w_ij": float(A[i, j]).hex(), "w_ji": float(A[j, i]).hex()}
    if not model.sampled:
        return Certificate("self_adjoint", words, REFUTED, "matrix", "C1: comparison of all entries", witness=witness)
    error = float(up(np.abs(A - A.T).max()))
    return Certificate("self_adjoint", "|a_ij - a_ji| <= bound", UNDECIDED, "matrix", "C1: comparison of all entries",
                       bound=error, direction="<=", hypotheses=(_SAMPLED,))  # fmt: skip


_SAMPLED = Hypothesis("the matrix is what floating-point applies to unit impulses returned", ASSUMED)


def _sums(model: SquareMatrix, claim: str) -> Certificate:
    """Exact row sums (columns for mass)."""
    A = model.entries if claim == "kills_constants" else model.entries.T
    name = "row" if claim == "kills_constants" else "column"
    words = f"every {name} sums to exactly 0"
    worst, value = -1, Fraction(0)
    for i in range(model.size):
        total = exact_sum(A[i])
        if abs(total) > abs(value):
            worst, value = i, total
    method = "C2: exact sums"
    if worst < 0:
        return Certificate(claim, words, PROVED, "matrix", method)
    witness = {"kind": name, "i": worst, "sum": str(value)}
    verdict = UNDECIDED if model.sampled else REFUTED
    return Certificate(claim, words, verdict, "matrix", method, bound=float(up(abs(float(value)))), direction="<=",
                       witness=witness)  # fmt: skip


def _rates(model: SquareMatrix) -> Certificate:
    """Off-diagonal entries of L = A or -A >= 0 and exact row sums <= 0 (the killing)."""
    A = model.sign * model.entries
    words = f"{'' if model.sign > 0 else '-'}a_ij >= 0 for i != j and row sums -kappa_i <= 0"
    bad = ~(A >= 0)
    np.fill_diagonal(bad, False)
    method = "C1, C2: comparison of entries and exact sums"
    if bad.any():
        i, j = map(int, np.argwhere(bad)[0])
        witness: dict[str, Any] = {"kind": "entry", "i": i, "j": j, "w_ij": float(A[i, j]).hex()}
        return Certificate("nonnegative_rates", words, REFUTED, "matrix", method, witness=witness)
    for i in range(model.size):
        total = exact_sum(A[i])
        if total > 0:
            witness = {"kind": "rates", "i": i, "sum": str(total)}
            return Certificate("nonnegative_rates", words, REFUTED, "matrix", method, witness=witness)
    return Certificate("nonnegative_rates", words, PROVED, "matrix", method)


def _norm(model: SquareMatrix) -> Certificate:
    """|lambda| <= max_i sum_j |a_ij|."""
    sums = np.abs(model.entries).sum(axis=1)
    bound = float(up(sums.max() * (1 + 2 * gamma(model.size + 2))))
    claimed = bound if model.spectral_bound is None else model.spectral_bound
    verdict = PROVED if bound <= claimed else UNDECIDED
    return Certificate("spectral_bound", "|lambda| <= bound for every eigenvalue", verdict, "matrix",
                       "C3a: largest absolute row sum", bound=claimed, direction="<=", slack=claimed - bound,
                       trusted=(IEEE,))  # fmt: skip


def _definite(model: SquareMatrix, claim: str) -> Certificate:
    """The sign of v^T A v: Cholesky of A + A^T, a vector of integers, or exact elimination of small matrices."""
    sign = 1.0 if claim == "positive_semidefinite" else -1.0
    words = f"v^T A v {'>=' if sign > 0 else '<='} 0 for all v"
    A = sign * model.entries
    assumed = (_SAMPLED,) if model.sampled else ()
    symmetric = bool(np.array_equal(A, A.T))
    form = A if symmetric else A + A.T
    error = 0.0 if symmetric else float(up(U * np.abs(form).sum(axis=1).max() * (1 + 4 * gamma(model.size))))
    if model.size <= LARGEST and factorises(np.array(form, order="C"), error):
        return Certificate(claim, words, PROVED, "matrix", "C4a: Cholesky with Rump's bound",
                           hypotheses=(Hypothesis("symmetric part taken", VERIFIED), *assumed),
                           trusted=CONVENTIONAL)  # fmt: skip
    if symmetric and model.size <= _EXACT and definiteness(A)[0]:
        rank = definiteness(A)[1]
        return Certificate(claim, f"{words}; rank {rank}", PROVED, "matrix", "C7: elimination in integers",
                           hypotheses=assumed)  # fmt: skip
    witness = _negative_witness(A, form, sign, exact=symmetric and model.size <= _EXACT)
    verdict = UNDECIDED if witness is None else REFUTED
    method = "Cholesky does not decide it" if witness is None else "exact quadratic form of a rational vector"
    return Certificate(claim, words, verdict, "matrix", method, witness=witness, hypotheses=assumed)


def _negative_witness(A: Field, form: Field, sign: float, *, exact: bool) -> dict[str, Any] | None:
    """v with v^T A v < 0 as integers from an approximate eigenvector, or as fractions from exact elimination."""
    z = integer_direction(extreme_pair(form, np.ones(A.shape[0]), largest=False)[1])
    value = exact_form(A, z)
    vector = [str(int(x)) for x in z]
    if value >= 0 and exact:
        rational = negative_vector(A)
        if rational is None:
            return None
        vector = [str(x) for x in rational]
        value = fraction_form(A, list(rational))
    if value >= 0:
        return None
    return {"kind": "vector", "form": "v^T A v" if sign > 0 else "-v^T A v", "v": vector, "value": str(value)}


def fraction_form(A: Field, v: list[Fraction]) -> Fraction:
    """v^T A v for fractions."""
    return sum(
        (a * Fraction(float(entry)) * b for a, row in zip(v, A, strict=True) for b, entry in zip(v, row, strict=True)),
        Fraction(0),
    )

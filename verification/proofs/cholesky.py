"""C4: eigenvalue bounds by one floating-point Cholesky factorisation (Rump 2006), and witnesses where they fail.

`docs/explanation/certificates` derives the bound: if a Cholesky factorisation of the symmetric B in floating point runs
to completion, then lambda_min(B) >= -c with c = sum_j g_{j+2}/(1 - g_{j+2}) b_jj plus underflow.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any, Literal

import numpy as np
from scipy.linalg import eigh
from scipy.linalg.lapack import dpotrf
from scipy.sparse.linalg import ArpackError, LinearOperator, eigsh

from pide.verification.certificate import PROVED, REFUTED, UNDECIDED, VERIFIED, Certificate, Hypothesis
from pide.verification.proofs.models import DiffusionMatrix, Field
from pide.verification.proofs.rounding import ETA, IEEE, U, down, gamma, up
from pide.verification.proofs.rowsums import degrees
from pide.verification.proofs.structural import conditions

__all__ = [
    "CONVENTIONAL",
    "definite",
    "extreme_pair",
    "factorises",
    "integer_direction",
    "largest_eigenvalue",
    "semidefinite",
    "smallest_eigenvalue",
    "spectral_gap",
]

CONVENTIONAL = (
    IEEE,
    "LAPACK dpotrf on a conventional BLAS: products summed in any order, FMA and multiplication by the rounded "
    "reciprocal pivot allowed; no Strassen, no reduced precision (TF32, split bfloat16)",
)
LARGEST = 6000
"""Largest N that is factorised: 288 MB."""

_DENSE_EIGENPROBLEM = 600
_SLACKS = (1e-9, 1e-7, 1e-5)
_GRAIN = 1 << 20


def factorises(B: Field, error: float = 0.0) -> bool:
    """Whether Cholesky proves X > 0 for every symmetric X with |X - B|_2 <= error.

    Parameters
    ----------
    B : array, shape (N, N), symmetric bit for bit
        Overwritten.
    error : float

    Notes
    -----
    True is a proof; False says nothing. The diagonal is lowered by c + error, rounded down, before the factorisation.
    """
    diagonal = np.diagonal(B).copy()
    if not np.all(np.isfinite(diagonal)) or diagonal.min() <= 0 or not np.isfinite(error):
        return False
    lowered = down(diagonal - up(cholesky_defect(diagonal) + error))
    if lowered.min() <= 0:
        return False
    np.fill_diagonal(B, lowered)
    R, info = dpotrf(B.T, lower=1, overwrite_a=1, clean=0)
    # a NaN or an infinity anywhere in a column reaches its diagonal, which not every LAPACK tests
    return bool(info == 0 and np.all(np.isfinite(np.diagonal(R))))


def cholesky_defect(diagonal: Field) -> float:
    """c of the module's formula, rounded up: |R^T R - B|_2 <= c for the computed R."""
    size = diagonal.size
    if gamma(size + 2) > 0.1:
        return float("inf")
    k = np.arange(1, size + 1) + 2.0
    g = up(up(k * U) / down(1.0 - 2.0 * k * U))
    total = up(float(np.sum(up(g * diagonal))) * (1.0 + 2.0 * gamma(size)))
    underflow = 4.0 * size * (size + 2.0 + float(diagonal.max())) * ETA
    return float(up(up(total) + up(underflow)))


def stiffness(model: DiffusionMatrix, *, above: bool) -> tuple[Field, float]:
    """(S, e): S <= M (-L) up to an error of norm e (>= for `above`), with M (-L) the exact stiffness matrix.

    The diagonal m_i (d_i + kappa_i) is rounded down (up), which changes the form in the safe direction; the products
    m_i w_ij m_j have two roundings each, and |E|_2 <= max_i sum_j |E_ij|.
    """
    W = model.weights.toarray() if model.sparse else model.weights
    S = np.negative(W)
    error = 0.0
    if not model.unit_masses:
        S *= model.m[:, None]
        S *= model.m[None, :]
        S = np.tril(S, -1)
        S += S.T
        row = float(np.abs(S).sum(axis=1).max())
        error = float(up(up(gamma(2) * row) * (1 + 4 * gamma(model.size)))) + 2 * model.size * ETA
    low, high = degrees(model)
    d = up(up(high + model.kappa) * model.m) if above else down(down(low + model.kappa) * model.m)
    np.fill_diagonal(S, d)
    return S, error


def smallest_eigenvalue(model: DiffusionMatrix, claimed: float | None = None) -> Certificate:
    """C4a: lambda_min(-L) >= bound, by Cholesky of S - bound M; by default the bound lies just below the estimate."""
    words = "lambda_min(-L) >= bound: |exp(tL) v| <= exp(-bound t) |v|"
    return _shifted(model, "smallest_eigenvalue", words, "C4a: Cholesky of M (-L - bound)", claimed, rank_one=False)


def spectral_gap(model: DiffusionMatrix, claimed: float | None = None) -> Certificate:
    """C4b: lambda_2(-L) >= bound, by Cholesky of S + alpha m m^T - bound M (Courant and Fischer, <1, v> = 0)."""
    words = "lambda_2(-L) >= bound: for kappa = 0, Var(exp(tL) v) <= exp(-2 bound t) Var(v)"
    return _shifted(model, "spectral_gap", words, "C4b: Cholesky of M (-L - bound) + alpha m m^T", claimed,
                    rank_one=True)  # fmt: skip


def _shifted(
    model: DiffusionMatrix, claim: str, words: str, method: str, claimed: float | None, *, rank_one: bool
) -> Certificate:
    undecided = Certificate(claim, words, UNDECIDED, "matrix", method, bound=claimed, direction=">=")
    if model.size > LARGEST or conditions(model)["symmetric"] is not None:
        return undecided
    S, error = stiffness(model, above=False)
    if not np.isfinite(S).all():
        return undecided
    alpha = float(np.diagonal(S).max()) / float(model.m.sum()) ** 2 * model.size if rank_one else 0.0
    scale = float(np.max(np.diagonal(S) / model.m))
    if claimed is None:
        estimate = float(extreme_pair(S + alpha * np.outer(model.m, model.m), model.m, largest=False)[0])
        trials = [estimate - slack * max(scale, abs(estimate)) for slack in _SLACKS]
    else:
        trials = [claimed]
    hypotheses = (Hypothesis("w is symmetric bit for bit", VERIFIED),)
    for bound in trials:
        B = S.copy() if len(trials) > 1 else S
        extra = error
        if rank_one:
            extra += _add_rank_one(B, alpha, model.m)
        np.fill_diagonal(B, down(np.diagonal(B) - up(bound * model.m)))
        if factorises(B, extra):
            return Certificate(claim, words, PROVED, "matrix", method, bound=bound, direction=">=",
                               hypotheses=hypotheses, trusted=CONVENTIONAL)  # fmt: skip
    return undecided


def _add_rank_one(B: Field, alpha: float, m: Field) -> float:
    """Adds alpha m m^T in place; returns a bound of the norm of the rounding errors (three per entry)."""
    update = np.outer(alpha * m, m)
    update = np.tril(update)
    update += np.tril(update, -1).T
    row = float((np.abs(B) + update).sum(axis=1).max())
    B += update
    return float(up(gamma(4) * row * (1 + 4 * gamma(m.size))))


def largest_eigenvalue(model: DiffusionMatrix, claimed: float | None = None) -> Certificate:
    """C4c: lambda_max(-L) <= bound, by Cholesky of bound M - S; without a claim the bound lies just above the estimate.

    When a claimed bound is not proved, an approximate eigenvector v of small integers is tried as a witness of
    <(bound + L) v, v> < 0, evaluated exactly.
    """
    words = "lambda_max(-L) <= bound: explicit steps tau <= 2/bound let the energy fall"
    method = "C4c: Cholesky of M (bound + L)"
    undecided = Certificate("largest_eigenvalue", words, UNDECIDED, "matrix", method, bound=claimed, direction="<=")
    if model.size > LARGEST or conditions(model)["symmetric"] is not None:
        return undecided
    S, error = stiffness(model, above=True)
    if not np.isfinite(S).all():
        return undecided
    estimate, v = extreme_pair(S, model.m, largest=True)
    trials = [claimed] if claimed is not None else [estimate + slack * abs(estimate) for slack in _SLACKS]
    for bound in trials:
        B = np.negative(S)
        np.fill_diagonal(B, down(down(bound * model.m) - np.diagonal(S)))
        if factorises(B, error):
            slack = float(bound - estimate)
            return Certificate("largest_eigenvalue", words, PROVED, "matrix", method, bound=bound, direction="<=",
                               slack=slack, hypotheses=(Hypothesis("w is symmetric bit for bit", VERIFIED),),
                               trusted=CONVENTIONAL)  # fmt: skip
    if claimed is None or estimate <= claimed:
        return undecided
    witness = quotient_witness(model, v, claimed)
    if witness is None:
        return undecided
    return Certificate("largest_eigenvalue", words, REFUTED, "matrix", "exact Rayleigh quotient", bound=claimed,
                       direction="<=", slack=float(claimed - estimate), witness=witness)  # fmt: skip


def quotient_witness(model: DiffusionMatrix, v: Field, claimed: float) -> dict[str, Any] | None:
    """v of integers with claimed <v, v> - <-L v, v> < 0, exactly; None when this v does not show it."""
    z = integer_direction(v)
    squares = sum((Fraction(float(m)) * Fraction(float(x)) ** 2 for m, x in zip(model.m, z, strict=True)), Fraction(0))
    value = Fraction(claimed) * squares - model.energy(z)
    if value >= 0:
        return None
    return {"kind": "vector", "form": "claimed <v, v> - <-L v, v>", "shift": str(Fraction(claimed)),
            "v": [str(int(x)) for x in z], "value": str(value)}  # fmt: skip


def integer_direction(v: Field) -> Field:
    """v scaled to integers of at most 21 bits."""
    return np.asarray(np.rint(v / np.abs(v).max() * _GRAIN))


def definite(A: Field, sign: int) -> bool:
    """Whether Cholesky proves sign * A > 0, A symmetric bit for bit."""
    return A.shape[0] <= LARGEST and factorises(np.array(sign * A, order="C"))


def extreme_pair(S: Field, m: Field, *, largest: bool) -> tuple[float, Field]:
    """Approximate extreme eigenpair of S v = lambda M v: an estimate, never part of a proof."""
    size = m.size
    if size <= _DENSE_EIGENPROBLEM:
        index = size - 1 if largest else 0
        values, vectors = eigh(S, np.diag(m), subset_by_index=[index, index])
        return float(values[0]), np.asarray(vectors[:, 0])
    root = np.sqrt(m)
    operator = LinearOperator((size, size), matvec=lambda x: (S @ (x.ravel() / root)) / root, dtype=np.float64)
    start = np.random.default_rng(0).standard_normal(size)
    which: Literal["LA", "SA"] = "LA" if largest else "SA"
    try:
        values, vectors = eigsh(operator, k=1, which=which, v0=start, ncv=80, tol=1e-6, maxiter=2000)
    except ArpackError:
        product = start
        for _ in range(50):
            product = S @ product if largest else product
            product = product / np.linalg.norm(product)
        return float(product @ S @ product / (product @ (m * product))), product
    return float(values[0]), np.asarray(vectors[:, 0] / root)


def semidefinite(model: DiffusionMatrix, claim: str) -> Certificate:
    """-L >= 0 where signs do not prove it: C4b with L 1 = 0, else C4a with bound 0, else a witness of <-L v, v> < 0."""
    words = "<-L v, v> >= 0 for all v"
    failed = conditions(model)
    undecided = Certificate(claim, words, UNDECIDED, "matrix", "C4a, C4b: Cholesky does not decide it")
    if failed["symmetric"] is not None or model.size > LARGEST:
        return undecided
    conservative = failed["no killing"] is None
    proof = spectral_gap(model) if conservative and model.size > 1 else smallest_eigenvalue(model)
    if proof.proved and proof.bound is not None and proof.bound >= 0:
        kernel = (Hypothesis("kappa = 0, so that L 1 = 0 for the exact row sums", VERIFIED),) if conservative else ()
        return replace(proof, claim=claim, statement=words, bound=0.0, hypotheses=(*proof.hypotheses, *kernel))
    S, _ = stiffness(model, above=True)
    if not np.isfinite(S).all():
        return undecided
    z = integer_direction(extreme_pair(S, model.m, largest=False)[1])
    value = model.energy(z)
    if value >= 0:
        return undecided
    witness = {"kind": "vector", "form": "energy", "v": [str(int(x)) for x in z], "value": str(value)}
    return replace(undecided, verdict=REFUTED, method="exact quadratic form of a vector of integers", witness=witness)

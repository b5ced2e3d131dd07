"""Properties of the spectrum, from the matrix that the apply itself defines: signs, kernel, claimed bounds.

Symbols: A_ij from impulses, S = M^{1/2} A M^{-1/2} symmetrised, N nodes, lambda_max largest eigenvalue of -L.
An eigenvalue of S computed by LAPACK is off by at most N g_{N+10} |S|, and S itself by sqrt(N) E(1) from the apply.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import scipy.sparse
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from pide.verification.claim import NotApplicableError, NotCheckableError, Trial, measures
from pide.verification.estimate import DOUBLE, gamma
from pide.verification.samples import Draws, Sample, extreme_vector
from pide.verification.subject import Subject, arithmetic, guarded, inner, norm

Field = NDArray[np.float64]
LARGEST = 256
"""Largest number of unknowns whose matrix is formed by impulses; one batch of applies, N^2 values."""


def symmetrised(subject: Subject, draws: Draws) -> Field:
    """(S + S^T) / 2 of L, N x N, from one batch of impulses."""
    if subject.size > LARGEST:
        raise NotCheckableError(f"{subject.size} unknowns: the matrix is formed up to {LARGEST}")
    impulses = np.zeros((subject.size, *subject.masses.shape))
    impulses[(np.arange(subject.size), *np.nonzero(subject.inside))] = 1.0
    columns = subject.generator(impulses, draws.dtype)[:, subject.inside]
    root = np.sqrt(subject.masses[subject.inside])
    S = columns.T * root[:, None] / root[None, :]
    return np.asarray((S + S.T) / 2)


def eigenvalue_error(subject: Subject, draws: Draws, S: Field) -> float:
    """Bound of the error of an eigenvalue of S."""
    errors = subject.errors(draws.dtype)
    apply = math.sqrt(subject.size) * (errors.energy(1.0) + errors.maximum(subject.ones))
    return subject.size * gamma(subject.size + 10, DOUBLE) * float(np.linalg.norm(S)) + apply


def most_positive(subject: Subject, draws: Draws, sign: int) -> Iterator[Sample]:
    """The field of largest sign <A v, v> / |v|^2, an eigenvector of the symmetric part; none for large subjects."""
    if subject.size > LARGEST:
        return
    S = symmetrised(subject, draws) * (-1.0 if subject.sign > 0 else 1.0)
    _, modes = np.linalg.eigh(sign * S)
    v = np.zeros(subject.masses.shape)
    v[subject.inside] = modes[:, -1] / np.sqrt(subject.masses[subject.inside])
    yield Sample("extreme of the symmetric part", draws.round(v / np.abs(v).max()))


@measures(
    "eigenvalues_of_one_sign", origin="L", statement="all eigenvalues of L are <= 0",
    derivation="N g_{N+10} |S| of LAPACK + sqrt(N) (E(1) + E_max(1)) of the apply, over |S|",
)  # fmt: skip
def eigenvalues_of_one_sign(subject: Subject, draws: Draws) -> Iterator[Trial]:
    if not {"negative_semidefinite", "positive_semidefinite"} & subject.claims:
        raise NotApplicableError("no sign is claimed")
    if "self_adjoint" not in subject.claims:
        raise NotApplicableError("self_adjoint is not claimed")
    S = symmetrised(subject, draws)
    size = float(np.linalg.norm(S)) or 1.0
    largest = float(np.linalg.eigvalsh(S)[-1])
    yield Trial(max(largest, 0.0) / size, eigenvalue_error(subject, draws, S) / size, "largest eigenvalue of L")


@measures(
    "conditionally_positive", origin="L", statement="<A v, v> >= 0 for fields of zero mean",
    derivation="as for eigenvalues_of_one_sign, of P A P with P the projection onto zero mean",
)  # fmt: skip
def conditionally_positive(subject: Subject, draws: Draws) -> Iterator[Trial]:
    if not subject.facts.positive_on_zero_mean:
        raise NotApplicableError("not stated for the subject")
    S = symmetrised(subject, draws) * (-1.0 if subject.sign > 0 else 1.0)
    root = np.sqrt(subject.masses[subject.inside])
    q = (root / np.linalg.norm(root))[:, None]
    P = S - q @ (q.T @ S)
    P = P - (P @ q) @ q.T
    size = float(np.linalg.norm(S))
    lowest = float(np.linalg.eigvalsh((P + P.T) / 2)[0])
    yield Trial(max(-lowest, 0.0) / size, 4 * eigenvalue_error(subject, draws, S) / size, "smallest on zero mean")


@measures(
    "kernel_dimension", origin="L", statement="dim ker L = number of components of {w > 0} without killing",
    derivation="0: number of eigenvalues below the error bound of eigenvalues_of_one_sign, minus the components",
)  # fmt: skip
def kernel_dimension(subject: Subject, draws: Draws) -> Iterator[Trial]:
    if "nonnegative_rates" not in subject.claims or "self_adjoint" not in subject.claims:
        raise NotApplicableError("nonnegative symmetric rates are not claimed")
    S = symmetrised(subject, draws)
    _, rates = subject.rate_rows(draws, "kernel_dimension")
    graph = scipy.sparse.csr_matrix((rates > subject.rates_error).astype(np.int8))
    count, labels = connected_components(graph, directed=False)
    killing = np.zeros(subject.size) if subject.killing is None else subject.killing[subject.inside]
    free = sum(not np.any(killing[labels == k] > 0) for k in range(count))
    error = eigenvalue_error(subject, draws, S)
    values = np.abs(np.linalg.eigvalsh(S))
    slowest = float(np.sort(values)[min(free, values.size - 1)])
    if free < values.size and slowest <= 4 * error:
        raise NotCheckableError(f"the eigenvalue {slowest:.1e} is not told from 0 in {draws.dtype}")
    yield Trial(abs(float(np.count_nonzero(values <= 4 * error)) - free), 0.0, f"{free} free of {count} components")


@measures(
    "spectral_bound_holds", origin="T", statement="spectral_bound >= lambda_max, and above 2 / lambda_max energy grows",
    derivation="Ritz value <Zv, v>/|v|^2 - bound <= E(v)/|v| + E_max(1), over the bound; growth: 0 violations",
)  # fmt: skip
def spectral_bound_holds(subject: Subject, draws: Draws) -> Iterator[Trial]:
    if "energy_decay" not in subject.claims or "self_adjoint" not in subject.claims:
        raise NotApplicableError("no self-adjoint generator <= 0")
    bound = float(guarded(subject.need("spectral_bound")))
    errors = subject.errors(draws.dtype)
    v = draws.round(extreme_vector(
        lambda x: subject.generator(draws.round(x), draws.dtype), subject.masses, draws.generator("spectral_bound")
    ))  # fmt: skip
    size = norm(subject, v)
    image = subject.generator(v, draws.dtype)
    ritz = -inner(subject, image, v) / size**2
    rounding = (errors.energy(size) / size + errors.maximum(subject.ones)) / (bound or 1.0) + arithmetic()
    ratio = ritz / (bound or 1.0)
    yield Trial(max(ratio - 1.0, 0.0), rounding, f"Ritz value, {ratio:.4f} of the bound")
    if ritz > 0 and 1e3 * rounding < 1:
        grown = norm(subject, v + 2.1 / ritz * image) / size
        yield Trial(float(grown <= 1.0), 0.0, f"growth {grown:.3f} at 1.05 times the true limit")


@measures(
    "rate_bound_holds", origin="T", statement="rate_bound >= max(d + kappa), d summed from the rates",
    derivation="E_max(1) of the apply that made the bound + g_{N+24}, over the bound",
)  # fmt: skip
def rate_bound_holds(subject: Subject, draws: Draws) -> Iterator[Trial]:
    if "nonnegative_rates" not in subject.claims:
        raise NotApplicableError("nonnegative rates are not claimed")
    bound = float(guarded(subject.need("rate_bound")))
    rows, rates = subject.rate_rows(draws, "rate_bound_holds")
    killing = np.zeros(subject.size) if subject.killing is None else subject.killing[subject.inside]
    largest = float(np.max(np.array([math.fsum(row) for row in rates.tolist()]) + killing[rows]))
    slack = subject.errors("float64").maximum(subject.ones) + 3 * subject.size * subject.rates_error
    rounding = slack / (bound or 1.0) + gamma(subject.size + 24, DOUBLE)
    ratio = largest / (bound or 1.0)
    yield Trial(max(ratio - 1.0, 0.0), rounding, f"max(d + kappa), {ratio:.4f} of the bound")


@measures(
    "m_matrix", origin="L", statement="-L has entries <= 0 off the diagonal and row sums kappa > 0",
    derivation="entries of the apply: E_max(e_j) over |A|; row sums: 0, signs of fsum of diagonal and rates",
)  # fmt: skip
def m_matrix(subject: Subject, draws: Draws) -> Iterator[Trial]:
    if "nonnegative_rates" not in subject.claims or not subject.has_killing:
        raise NotApplicableError("no killing, so row sums are 0")
    rows, rates = subject.rate_rows(draws, "m_matrix")
    killing = subject.need("killing")[subject.inside][rows]
    yield Trial(max(0.0, -float(np.min(rates, initial=0.0))), subject.rates_error, "off-diagonal entries, from rates")
    everywhere = bool(np.all(killing > 0))
    yield Trial(float(np.count_nonzero(killing < 0)), 0.0, "row sums kappa >= 0")
    errors = subject.errors(draws.dtype)
    ones = subject.generator(subject.ones, draws.dtype)[subject.inside][rows]
    slack = errors.maximum(subject.ones)
    decided = killing > 2 * slack
    yield Trial(float(np.count_nonzero((ones >= 0) & decided)), 0.0, f"-L 1 > 0 at {int(decided.sum())} nodes")
    if everywhere:
        margin = float(np.min(-ones / killing))
        yield Trial(max(0.0, 0.5 - margin), 2 * slack / float(killing.min()), f"min -L 1 / kappa = {margin:.6f}")

"""Which proof answers which claim of a lattice operator, by signs of weights and by the circulant that contains it."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
from scipy.ndimage import label

from pide.verification.certificate import PROVED, REFUTED, UNDECIDED, VERIFIED, Certificate, Hypothesis
from pide.verification.proofs.diffusions import diffusion_certificate, infinite, unknown
from pide.verification.proofs.exact import exact_dot
from pide.verification.proofs.hilbert_schmidt import enclosed_root
from pide.verification.proofs.lattice import (
    Lattice,
    circulant_bounds,
    diagonal_bounds,
    embeds,
    gershgorin_bound,
    lattice_conditions,
    multiplicity,
)
from pide.verification.proofs.models import Field
from pide.verification.proofs.reference import apply_link, comparison_bound
from pide.verification.proofs.rounding import IEEE, U, down, lower, up, upper
from pide.verification.proofs.structural import STRUCTURAL, structural
from pide.verification.proofs.symbol import absolute_sum

__all__ = ["lattice_certificate"]

_ENERGY = {"negative_semidefinite", "positive_semidefinite", "energy_decay", "variance_decay"}
_SIGNS = "C1: signs of the lattice weights; both directions of a pair read one entry"
_CIRCULANT = "C5: circulant embedding, symbol by proven cosines or the reference FFT"
_COMPARISON = "comparison with a positive field: min (-L phi) / phi, evaluated by the reference FFT"
_STORED = Hypothesis("the bound covers the exact row sums and the stored degrees", VERIFIED)
_ONLY_STORED = Hypothesis("the degrees are those that the operator stores", VERIFIED)


def lattice_certificate(model: Lattice, claim: str, claimed: float | None = None) -> Certificate:
    """The certificate of one claim of a lattice operator."""
    if not (np.isfinite(model.octant).all() and np.isfinite(model.killing).all() and np.isfinite(model.degree).all()):
        return infinite(claim)
    if claim in STRUCTURAL:
        certificate = structural(claim, lattice_conditions(model), _SIGNS)
        return energy(model, certificate) if certificate.verdict == UNDECIDED and claim in _ENERGY else certificate
    proofs = {
        "row_sums": row_sums,
        "rate_bound": rate_bound,
        "spectral_bound": spectral_bound,
        "kernel_dimension": kernel_dimension,
        "hilbert_schmidt_norm": hilbert_schmidt_norm,
        "symbol": symbol,
        "engine": engine,
        "apply": apply_link,
        "translation_invariant": translation_invariant,
    }
    if claim in proofs:
        return proofs[claim](model)
    if claim in ("smallest_eigenvalue", "spectral_gap", "largest_eigenvalue"):
        return eigenvalue(model, claim, claimed)
    return unknown(claim)


def energy(model: Lattice, certificate: Certificate) -> Certificate:
    """-L >= 0 although some sign fails: by the symbol of the circulant, else by Cholesky of a small matrix."""
    claim, conditions = certificate.claim, lattice_conditions(model)
    if conditions["symmetric"] is not None or (claim == "variance_decay" and conditions["no killing"] is not None):
        return certificate
    smallest = circulant_bounds(model)[0]
    if smallest >= 0 or _symbol_vanishes_only_at_zero(model):
        return replace(certificate, verdict=PROVED, method=_CIRCULANT, witness=None, trusted=(IEEE,))
    if model.matrix is not None and model.coefficient is None:
        proof = diffusion_certificate(model.matrix, claim)
        return replace(proof, statement=certificate.statement)
    if model.matrix is None and comparison_bound(model) >= 0:
        return replace(certificate, verdict=PROVED, method=_COMPARISON, witness=None, trusted=(IEEE,),
                       hypotheses=(_ONLY_STORED,))  # fmt: skip
    return replace(certificate, method=f"{certificate.method}; {_CIRCULANT} gives lambda_min >= {smallest:.3g}")


def _symbol_vanishes_only_at_zero(model: Lattice) -> bool:
    """On a torus without killing -L has the eigenvalue 0 exactly at k = 0; whether all others are proved positive."""
    if not model.periodic or model.symbol_range is None or model.symbol is None or model.coefficient is not None:
        return False
    if np.any(model.killing < 0) or model.degrees is None:
        return False
    values, error = model.symbol
    others = values.ravel()[1:]
    return bool(np.all(down(float(model.degrees[0].flat[0]) - up(others + error)) > 0))


def row_sums(model: Lattice) -> Certificate:
    """|stored d_i - d_i| <= bound over the inside nodes."""
    words = "|stored d_i - d_i| <= bound for the exact sums d_i of the weights"
    if model.degrees is None:
        return Certificate("row_sums", words, UNDECIDED, "matrix", "C2: the domain is too large for its shape")
    low, high = (d[model.inside] for d in model.degrees)
    kept = model.degree[model.inside]
    bound = float(up(np.maximum(up(high - kept), up(kept - low)).max())) * model.scale
    return Certificate("row_sums", words, PROVED, "matrix", "C2: sums of weights without cancellation", bound=bound,
                       direction="<=", slack=float(up((high - low).max())) * model.scale, trusted=(IEEE,))  # fmt: skip


def _judged(model: Lattice, claim: str, words: str, proved: float, claimed: float | None, method: str) -> Certificate:
    """PROVED when the proved bound, scaled and rounded up, is at most the claimed one."""
    scaled = float(up(proved * model.scale)) if model.scale != 1.0 else proved
    bound = scaled if claimed is None else claimed
    verdict = PROVED if scaled <= bound < float("inf") else UNDECIDED
    method = method if verdict == PROVED else f"{method}: it proves only {scaled!r}"
    scope = _STORED if diagonal_bounds(model)[2] else _ONLY_STORED
    return Certificate(claim, words, verdict, "matrix", method, bound=bound, direction="<=", slack=bound - scaled,
                       hypotheses=(scope,), trusted=(IEEE,))  # fmt: skip


def rate_bound(model: Lattice) -> Certificate:
    """max(d + kappa) <= the operator's own bound."""
    words = "max_i (d_i + kappa_i) <= bound: the largest step of the maximum principle is at least 1/bound"
    largest = diagonal_bounds(model)[1]
    certificate = _judged(model, "rate_bound", words, largest, model.rate_bound, "C2: bounded degrees")
    least = _exact_rate(model)
    if certificate.proved or least is None or Fraction(float(certificate.bound or 0.0)) >= least[0]:
        return certificate
    value, index = least
    witness = {"kind": "stored rate", "index": index, "scale (degree + killing)": str(value)}
    return replace(certificate, verdict=REFUTED, witness=witness, method="exact sum of stored degree and killing")


def _exact_rate(model: Lattice) -> tuple[Fraction, list[int]] | None:
    """scale (stored d_i + kappa_i) at the node of the largest one, exactly."""
    total = np.where(model.inside, model.degree + model.killing, -np.inf)
    index = np.unravel_index(int(np.argmax(total)), total.shape)
    value = Fraction(float(model.degree[index])) + Fraction(float(model.killing[index]))
    return value * Fraction(model.scale), [int(k) for k in index]


def spectral_bound(model: Lattice) -> Certificate:
    """lambda_max(-L) <= the operator's own bound, kappa included."""
    words = "lambda_max(-L) <= bound: explicit steps tau <= 2/bound let the energy fall"
    gershgorin, embedding = gershgorin_bound(model), circulant_bounds(model)[1]
    method = "C3a: Gershgorin, max(2 d + kappa)" if gershgorin <= embedding else _CIRCULANT
    certificate = _judged(model, "spectral_bound", words, min(gershgorin, embedding), model.spectral_bound, method)
    if certificate.proved or model.matrix is None or model.coefficient is not None:
        return certificate
    proof = diffusion_certificate(model.matrix, "spectral_bound")
    return certificate if proof.verdict == UNDECIDED else replace(proof, bound=certificate.bound)


def eigenvalue(model: Lattice, claim: str, claimed: float | None) -> Certificate:
    """Eigenvalue bounds: Cholesky of a small matrix, the circulant of a large one."""
    if model.matrix is not None and model.coefficient is None and model.scale == 1.0:
        return diffusion_certificate(model.matrix, claim, claimed)
    if claim == "largest_eigenvalue":
        bound = min(gershgorin_bound(model), circulant_bounds(model)[1])
        return _judged(model, claim, "lambda_max(-L) <= bound", bound, claimed, _CIRCULANT)
    if claim == "spectral_gap":
        return Certificate(claim, "lambda_2(-L) >= bound", UNDECIDED, "matrix", "C4b: the matrix is too large")
    embedded, compared = circulant_bounds(model)[0], comparison_bound(model)
    smallest, method = max((embedded, _CIRCULANT), (compared, _COMPARISON))
    bound = float(down(smallest * model.scale)) if claimed is None else claimed
    verdict = PROVED if -np.inf < bound <= float(down(smallest * model.scale)) else UNDECIDED
    return Certificate(claim, "lambda_min(-L) >= bound", verdict, "matrix", method, bound=bound, direction=">=",
                       hypotheses=(_ONLY_STORED,), trusted=(IEEE,))  # fmt: skip


def kernel_dimension(model: Lattice) -> Certificate:
    """dim ker L from faces between nodes when nearest neighbours have positive weights; else from the small matrix."""
    conditions = lattice_conditions(model)
    words, method = "dim ker L = number of components of {w > 0} without killing", "C1b: components of the domain"
    undecided = Certificate("kernel_dimension", words, UNDECIDED, "matrix", method)
    if any(conditions[name] is not None for name in ("symmetric", "nonnegative", "killing")):
        return undecided
    n = model.inside.ndim
    units = [tuple(int(a == b) for a in range(n)) for b in range(n)]
    neighbours = all(e > 1 for e in model.acting.shape) and all(model.acting[j] > 0 for j in units)
    if neighbours and label(model.inside)[1] == 1:
        dimension = int(conditions["no killing"] is None)
        return replace(undecided, verdict=PROVED, statement=f"dim ker L = {dimension}: one component",
                       bound=float(dimension), direction="=", slack=0.0, trusted=("scipy.ndimage.label",))  # fmt: skip
    return undecided if model.matrix is None else diffusion_certificate(model.matrix, "kernel_dimension")


def hilbert_schmidt_norm(model: Lattice) -> Certificate:
    """sum over offsets of beta_j^2 times the number of pairs, exactly, on full boxes and tori; else by the matrix."""
    if not model.counts_pairs:
        if model.matrix is None:
            return Certificate("hilbert_schmidt_norm", "(sum w^2 m m)^{1/2} <= bound", UNDECIDED, "matrix", "C6")
        proof = diffusion_certificate(model.matrix, "hilbert_schmidt_norm")
        if model.scale == 1.0 or proof.bound is None or proof.slack is None:
            return proof
        return replace(proof, bound=float(up(proof.bound * model.scale)), slack=float(up(proof.slack * model.scale)))
    beta = model.acting
    pairs = multiplicity(beta.shape)
    for axis, (extent, n) in enumerate(zip(beta.shape, model.inside.shape, strict=True)):
        numbers = np.full(extent, float(n)) if model.periodic else float(n) - np.arange(extent)
        shape = [1] * beta.ndim
        shape[axis] = extent
        pairs = pairs * numbers.reshape(shape)
    squared = exact_dot(beta, beta, pairs) * Fraction(model.scale) ** 2
    proof = enclosed_root(lower(squared), upper(squared), None)
    return replace(proof, method="C6: exact sum over offsets of beta^2 times the number of pairs")


def symbol(model: Lattice) -> Certificate:
    """Every value of the symbol of the embedding circulant, to a known error."""
    words = "|computed - exact| <= bound for the symbol of the weights at every frequency of the embedding"
    if model.symbol is None:
        return Certificate("symbol", words, UNDECIDED, "matrix", f"{_CIRCULANT}; lengths {model.lengths} out of reach")
    values, error = model.symbol
    low, high = float(down(values.min() - error)), float(up(values.max() + error))
    words += f"; it lies in [{low:.17g}, {high:.17g}]"
    return Certificate("symbol", words, PROVED, "matrix", _CIRCULANT, bound=error, direction="<=", trusted=(IEEE,))


def engine(model: Lattice) -> Certificate:
    """|K_engine - K|_2 <= bound: the engine's stored numbers against the weights, before its own rounding."""
    if model.engine_octant is not None:
        return _stencil_engine(model)
    words = "no weight wraps onto the lattice, and |K of the stored spectrum - K|_2 <= bound"
    if not embeds(model):
        witness = {"kind": "lengths", "lengths": list(model.lengths), "nodes": list(model.inside.shape),
                   "largest offsets": [e - 1 for e in model.acting.shape]}  # fmt: skip
        return Certificate("engine", words, REFUTED, "matrix", "comparison of lengths", witness=witness)
    if model.symbol is None or model.spectrum is None:
        return Certificate("engine", words, UNDECIDED, "matrix", f"{_CIRCULANT}; lengths {model.lengths} out of reach")
    values, error = _mirrored(model.symbol[0], model.lengths), model.symbol[1]
    deviation = np.abs(model.spectrum - values)
    bound = float(up(deviation.max() + error))
    # 64 u per factor of two of the transform is what an FFT of stored weights may lose
    allowed = error + 64 * U * np.log2(max(2, model.spectrum.size)) * absolute_sum(model.acting)
    if bound <= 2 * allowed:
        return Certificate("engine", words, PROVED, "matrix", _CIRCULANT, bound=bound * model.scale, direction="<=",
                           trusted=(IEEE,))  # fmt: skip
    index = np.unravel_index(int(np.argmax(deviation)), deviation.shape)
    witness = {"kind": "spectrum", "k": [int(k) for k in index], "stored": float(model.spectrum[index]).hex(),
               "exact within": float(up(error)).hex(), "of": float(values[index]).hex()}  # fmt: skip
    return Certificate("engine", words, REFUTED, "matrix", _CIRCULANT, bound=bound * model.scale, direction="<=",
                       witness=witness)  # fmt: skip


def _stencil_engine(model: Lattice) -> Certificate:
    words = "the stencil applies exactly the weights"
    mine, own = model.acting, np.asarray(model.engine_octant)
    common = tuple(slice(0, min(a, b)) for a, b in zip(mine.shape, own.shape, strict=True))
    same = np.array_equal(mine[common], own[common]) and np.count_nonzero(mine) == np.count_nonzero(own)
    witness = None if same else {"kind": "stencil", "nonzeros": [int(np.count_nonzero(x)) for x in (mine, own)]}
    return Certificate("engine", words, PROVED if same else REFUTED, "matrix", "C1: comparison of all entries",
                       bound=0.0 if same else None, direction="<=", witness=witness)  # fmt: skip


def _mirrored(values: Field, lengths: tuple[int, ...]) -> Field:
    """The symbol of nonnegative frequencies in the rfftn layout of these lengths."""
    for axis, length in enumerate(lengths[:-1]):
        k = np.arange(length)
        values = np.take(values, np.minimum(k, length - k), axis=axis)
    return values


def translation_invariant(model: Lattice) -> Certificate:
    """Weights that depend on the offset alone, constant killing, on a torus."""
    words = "L commutes with lattice translations"
    constant = model.coefficient is None and bool(np.all(model.killing == model.killing.flat[0]))
    verdict = PROVED if model.periodic and constant else UNDECIDED
    method = "C1: one table of weights for all nodes of a torus, kappa constant"
    return Certificate("translation_invariant", words, verdict, "matrix", method)

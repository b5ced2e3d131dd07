"""Proofs about the exact numbers of an operator: structure, sums, factorisations, symbols, trajectories."""

from pide.verification.proofs.models import DiffusionMatrix, SquareMatrix
from pide.verification.proofs.structural import STRUCTURAL

__all__ = ["STATEMENTS", "DiffusionMatrix", "SquareMatrix"]

STATEMENTS: dict[str, str] = {name: statement for name, (statement, _) in STRUCTURAL.items()} | {
    "translation_invariant": "L commutes with lattice translations",
    "row_sums": "the degrees d_i lie within a bound of the stored ones",
    "rate_bound": "max_i (d_i + kappa_i) is at most the operator's rate_bound",
    "spectral_bound": "lambda_max(-L) is at most the operator's spectral_bound",
    "kernel_dimension": "dim ker L",
    "hilbert_schmidt_norm": "(sum_ij m_i m_j w_ij^2)^{1/2}",
    "smallest_eigenvalue": "lambda_min(-L) >= bound",
    "spectral_gap": "lambda_2(-L) >= bound",
    "largest_eigenvalue": "lambda_max(-L) <= bound",
    "symbol": "the symbol of the weights to a known error",
    "apply": "|fl(L v) - L v| <= bound |v|: tested against the reference FFT, never PROVED",
    "engine": "the engine's stored numbers are those of the weights",
}
"""What can be certified, with its statement; L is the member of {A, -A} that is claimed to be <= 0."""

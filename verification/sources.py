"""Hypotheses under which each checked statement is a theorem, and where the theorem is."""

from __future__ import annotations

from pide.claims import CLAIMS

__all__ = ["SOURCES", "hypotheses_of", "reference_of"]

HIGHAM = "Higham, Accuracy and Stability of Numerical Algorithms (2002)"
SENETA = "Seneta, Non-negative Matrices and Markov Chains (1981)"
VARGA = "Varga, Matrix Iterative Analysis (2000)"
DU = "Du, Nonlocal Modeling, Analysis, and Computation (2019)"
STEIN = "Stein, Singular Integrals (1970)"
PARLETT = "Parlett, The Symmetric Eigenvalue Problem (1998)"
HAIRER = "Hairer, Lubich and Wanner, Geometric Numerical Integration (2006)"
ODES = "Hairer and Wanner, Solving ODEs II (1996)"
BOHN = "Bohn, Griebel and Kannan (2021)"
PAZY = "Pazy, Semigroups of Linear Operators (1983)"

_RATES = "w symmetric, w >= 0, kappa >= 0"
_FLOW = "exp(t L), or a stepper with the stated error; L with "
_ALWAYS = "none: every operator"

SOURCES: dict[str, tuple[str, str]] = {
    "linear": (_ALWAYS, f"{HIGHAM}, section 3.1"),
    "self_adjoint": ("", f"{HIGHAM}, section 3.5"),
    "adjoint": ("", f"{HIGHAM}, section 3.5"),
    "nonnegative_rates": ("", DU),
    "kills_constants": ("", DU),
    "conserves_mass": ("", DU),
    "negative_semidefinite": ("", DU),
    "positive_semidefinite": ("", DU),
    "energy_decay": ("", HAIRER),
    "variance_decay": ("", SENETA),
    "maximum_principle": ("", f"{VARGA}, chapter 8"),
    "markov": ("", SENETA),
    "sub_markov": ("", SENETA),
    "bounded_generator": ("", f"{PAZY}, theorem 1.2"),
    "hilbert_schmidt": ("", "Reed and Simon, Functional Analysis (1980), theorem VI.23"),
    "translation_invariant": ("", f"{STEIN}, chapter II"),
    "preserves_dtype": (_ALWAYS, "the array API standard, type promotion"),
    "deterministic": (_ALWAYS, "definition"),
    "keeps_input": (_ALWAYS, "definition"),
    "batch_invariant": (_ALWAYS, f"{HIGHAM}, theorem 24.2"),
    "chunk_invariant": (_ALWAYS, f"{HIGHAM}, theorem 24.2"),
    "thread_invariant": (_ALWAYS, f"{HIGHAM}, theorem 24.2"),
    "symmetric_rates": ("self_adjoint is claimed, rates are exposed", DU),
    "degree_matches_killing": ("kappa is exposed", DU),
    "degree_sums_rates": ("rates and degrees are exposed", f"{HIGHAM}, section 4.2"),
    "green_identity": (_RATES, DU),
    "fast_equals_dense": ("rates are exposed", f"{HIGHAM}, theorem 24.2"),
    "support": ("a finite reach is exposed", "Tian and Du, SIAM J. Numer. Anal. 51 (2013)"),
    "zero_outside": ("the lattice has nodes outside the domain", "definition of a restriction"),
    "eigenvalues_of_one_sign": ("a sign and self_adjoint are claimed; up to 256 unknowns", PARLETT),
    "conditionally_positive": ("stated for the kernel", "Wendland, Scattered Data Approximation (2005)"),
    "kernel_dimension": (_RATES, "Chung, Spectral Graph Theory (1997)"),
    "spectral_bound_holds": ("L self-adjoint and <= 0", PARLETT),
    "rate_bound_holds": (_RATES, f"{VARGA}, chapter 1"),
    "m_matrix": (f"{_RATES}, kappa > 0", f"{VARGA}, chapter 3"),
    "symbol": ("torus, constant coefficients", f"{STEIN}, chapter V"),
    "lattice_symbol": ("weights decrease beyond the listed ones", "Ciaurri et al., Adv. Math. 330 (2018)"),
    "second_moment": ("finite horizon, all weights listed", "Tian and Du, SIAM J. Numer. Anal. 51 (2013)"),
    "scaling": ("homogeneous kernel and domain", f"{STEIN}, chapter V"),
    "isotropic": ("radial kernel, constant coefficient", "definition"),
    "powers_add": ("torus, one discretisation, zero mean for negative orders", f"{PAZY}, section 2.6"),
    "order_limits": ("torus", f"{PAZY}, section 2.6"),
    "cell_averages": ("one dimension, Galerkin weights", "Fubini's theorem"),
    "refuses_mean": ("the potential is defined for zero mean only", f"{STEIN}, chapter V"),
    "volume_constraint": ("data given outside, finite horizon", DU),
    "forms_compare": ("rates and killing at most those of the other operator", DU),
    "jacobian_transposed": ("differentiable at the point, both modes supplied", "definition of the transpose"),
    "agrees_with_partner": ("another discretisation with the same values is known", "definition"),
    "stationary_density": ("rates symmetric in a known density", SENETA),
    "tends_to_limit": ("a closed form and an order are stated", "Roache, Verification and Validation (1998)"),
    "flow_positive": (_FLOW + "w >= 0", SENETA),
    "flow_rows": (_FLOW + "w >= 0, kappa >= 0", SENETA),
    "flow_mass": (_FLOW + "1^T M L = 0", SENETA),
    "flow_energy": (_FLOW + "L self-adjoint and <= 0", f"{PAZY}, theorem 4.3"),
    "flow_variance": (_FLOW + "L self-adjoint, <= 0 and L 1 = 0", f"{PAZY}, theorem 4.3"),
    "flow_contracts": (_FLOW + _RATES, SENETA),
    "flow_reversible": (_FLOW + "L self-adjoint", SENETA),
    "flow_semigroup": (_FLOW + "L <= 0", f"{PAZY}, chapter 1"),
    "flow_generator": (_FLOW + "L self-adjoint and <= 0", f"{PAZY}, theorem 2.4"),
    "flow_equilibrium": (_FLOW + "one component, kappa = 0", SENETA),
    "flow_order": ("one-step method of a stated order", "Hairer, Norsett and Wanner, Solving ODEs I (1993)"),
    "finite_where_points_coincide": ("features of moderate size", "definition"),
    "same_embedding_symmetric": ("one embedding of both arguments, a normaliser that keeps symmetry", "definition"),
    "blocks_agree": (_ALWAYS, f"{HIGHAM}, section 4.2"),
    "block_definition": ("stages that restart from the input, rates exposed", f"{BOHN}, (4.1)"),
    "block_system": ("two stages, L linear", f"{BOHN}, (4.2)"),
    "block_energy": ("L self-adjoint and <= 0, h lambda_max up to the limit of R", f"{ODES}, section IV.11"),
    "layer_matches_operator": ("a map by pide's operators is given", f"{HIGHAM}, section 1.6"),
    "layer_equivariant": ("stated: no positions enter", "definition"),
    "layer_batch_independent": ("no statistics of the batch", "definition"),
    "layer_preserves_dtype": (_ALWAYS, "the array API standard, type promotion"),
    "layer_finite": (_ALWAYS, "definition"),
    "layer_single_precision": (_ALWAYS, f"{HIGHAM}, section 1.6"),
    "layer_gradient": ("differentiable at the drawn points", "Griewank and Walther, Evaluating Derivatives (2008)"),
    "layer_non_expansive": ("stated: affinity frozen, L self-adjoint in d", "|(I - l W) z|^2 expanded"),
    "wave_energy": ("L self-adjoint and <= 0, no source", HAIRER),
    "wave_reversible": ("L self-adjoint and <= 0, no source", HAIRER),
    "residual": ("A u = f is solvable", f"{HIGHAM}, section 7.1"),
    "solution_sign": (f"{_RATES}, kappa > 0", f"{VARGA}, chapter 3"),
}
"""(hypotheses, reference) by check; empty hypotheses are those of the claim of the same name."""


def hypotheses_of(name: str) -> str:
    """What the statement of a check presupposes; checks of a user's own are not listed and say nothing."""
    listed = SOURCES.get(name, ("", ""))[0]
    return listed if listed or name not in CLAIMS else CLAIMS[name].hypotheses


def reference_of(name: str) -> str:
    """Where the theorem behind a check is."""
    return SOURCES.get(name, ("", ""))[1]

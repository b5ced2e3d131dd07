"""From what a user has to a `Subject`: pide operators, dense and sparse matrices, subjects themselves."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray
from scipy.sparse.linalg import LinearOperator

from pide.arrays import Array, to_host
from pide.operators.affinity_blocked import BlockedAffinity
from pide.operators.algebra import Multiple, Sum
from pide.operators.anchors import AnchorDiffusion
from pide.operators.base import Operator
from pide.operators.nonlocal_operator import NonlocalOperator
from pide.operators.pairs import PairOperator
from pide.operators.potentials import ConvolutionOperator
from pide.operators.spectral import SineCosineMultiplier
from pide.operators.stencil import StencilConvolution
from pide.operators.summed import SummedDiffusion
from pide.operators.zero_mean import ZeroMeanOperator
from pide.verification.estimate import DOUBLE, ROUNDOFF, ErrorModel, convolution_error, gamma, transform_error
from pide.verification.rates import Rows, hilbert_schmidt_squared, lattice_rates
from pide.verification.subject import Subject, direct_sum

__all__ = ["as_subject", "dense_diffusion", "matrix_subject"]

Field = NDArray[np.float64]


def as_subject(subject: Any) -> Subject:
    """`subject` as a `Subject`.

    Parameters
    ----------
    subject : Subject, pide operator, NumPy matrix, SciPy sparse matrix or LinearOperator
        Matrices act on the last axis, with unit masses and without claims.

    Raises
    ------
    TypeError
        For anything else.
    """
    if isinstance(subject, Subject):
        return subject
    if isinstance(subject, Operator):
        return _from_operator(subject)
    if isinstance(subject, LinearOperator):
        return linear_operator_subject(subject)
    if scipy.sparse.issparse(subject) or (isinstance(subject, np.ndarray) and subject.ndim == 2):
        return matrix_subject(subject)
    raise TypeError(
        f"subject is a {type(subject).__name__}: needed is a pide operator, a Subject or a matrix. "
        "Write pide.as_operator(f, on=grid, claims={'linear'}) for a function."
    )


def matrix_subject(matrix: Any, claims: frozenset[str] = frozenset(), name: str = "matrix") -> Subject:
    """A square matrix as a black box on R^N with the Euclidean inner product; its adjoint is the transpose."""
    if matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"matrix of shape {matrix.shape}: a square one is needed. Check the order of the axes.")
    transpose = matrix.T

    def apply(v: Array) -> Array:
        return v @ transpose.astype(v.dtype)

    def adjoint(v: Array) -> Array:
        return v @ matrix.astype(v.dtype)

    return Subject(name, apply, np.ones(matrix.shape[0]), claims, adjoint=adjoint)


def linear_operator_subject(operator: LinearOperator, name: str = "linear operator") -> Subject:
    """A square SciPy LinearOperator as a black box on R^N; its adjoint is `rmatvec`."""
    size = operator.shape[0]
    if operator.shape[1] != size:
        raise ValueError(f"LinearOperator of shape {operator.shape}: a square one is needed. Pass a map of R^N to R^N.")

    def acting(A: LinearOperator) -> Callable[[Array], Array]:
        return lambda v: np.asarray((A @ v.reshape(-1, size).T).T.reshape(v.shape))

    return Subject(name, acting(operator), np.ones(size), adjoint=acting(operator.H))


def dense_diffusion(
    weights: Field, masses: Field, killing: Field | None = None, claims: frozenset[str] | None = None,
    name: str = "dense diffusion",
) -> Subject:
    """(L v)_i = sum_j w_ij m_j (v_j - v_i) - kappa_i v_i by direct sums: the honest double of every other operator.

    Parameters
    ----------
    weights : array, shape (N, N), unit 1/(time mass)
        w symmetric, nonnegative, zero diagonal.
    masses : array, shape (N,)
    killing : array, shape (N,), unit 1/time, optional
    claims : frozenset of str, optional
        By default everything that these hypotheses imply.
    """  # fmt: skip
    kappa = np.zeros(masses.size) if killing is None else killing
    K = weights * masses[None, :]
    degree = np.array([math.fsum(row) for row in K.tolist()])

    def apply(v: Array) -> Array:
        out: Array = v @ K.T.astype(v.dtype) - (degree + kappa).astype(v.dtype) * v
        return out

    implied = {"linear", "self_adjoint", "adjoint", "nonnegative_rates", "negative_semidefinite", "energy_decay",
               "maximum_principle", "sub_markov"}  # fmt: skip
    if not kappa.any():
        implied |= {"kills_constants", "conserves_mass", "variance_decay", "markov"}
    return Subject(
        name=name,
        apply=apply,
        masses=masses,
        claims=frozenset(implied) if claims is None else claims,
        sign=-1,
        model=direct_sum(np.abs(K).sum(1), kappa, masses.size),
        adjoint=apply,
        rates=lambda rows: K[rows],
        degree=degree,
        killing=kappa,
        spectral_bound=lambda: float(np.nextafter(np.max(2 * degree + kappa), np.inf)),
        rate_bound=lambda: float(np.nextafter(np.max(degree + kappa), np.inf)),
        kernel_norm=lambda: math.sqrt(float(masses @ (weights**2) @ masses)),
    )


def _from_operator(operator: Operator) -> Subject:
    """A pide operator with the structure that its kind exposes."""
    common = Subject(
        name=type(operator).__name__,
        apply=operator.apply,
        masses=np.where(operator.space.inside, operator.space.cell_volume, 0.0),
        claims=operator.claims,
        sign=operator.definiteness,
        model=_bounded_model(operator),
        adjoint=_adjoint(operator),
        spectral_bound=_available(operator.spectral_bound),
        rate_bound=_available(operator.rate_bound),
        periodic=operator.space.periodic,
        description="; ".join((repr(operator.space), *operator.notes)),
    )
    if isinstance(operator, Sum):
        return _with_terms(common, [as_subject(term) for term in operator.terms])
    if isinstance(operator, Multiple) and operator.factor < 0 and not operator.definiteness:
        return common  # A without a sign is the generator itself, and a negative multiple of it is none
    exposed = _multiplied(operator)
    if isinstance(exposed, NonlocalOperator):
        return _with_lattice(common, exposed)
    if isinstance(exposed, PairOperator):
        return _with_pairs(common, exposed)
    if isinstance(exposed, SummedDiffusion):
        return _with_sums(common, exposed, abs(operator.factor) if isinstance(operator, Multiple) else 1.0)
    if isinstance(exposed, AnchorDiffusion | BlockedAffinity):
        return _with_rows(common, exposed, abs(operator.factor) if isinstance(operator, Multiple) else 1.0)
    if isinstance(exposed, ZeroMeanOperator) and not exposed.project:
        exposed = exposed.inner
    if isinstance(exposed, SineCosineMultiplier):
        return _with_modes(common, exposed, abs(operator.factor) if isinstance(operator, Multiple) else 1.0)
    if isinstance(exposed, ConvolutionOperator):
        return replace(common, octant=np.asarray(to_host(exposed.octant), dtype=np.float64))
    return common


def _multiplied(operator: Operator) -> Operator:
    """The operator whose rates are those of a multiple c A: the sign of c is no matter of the rates."""
    if not isinstance(operator, Multiple):
        return operator
    inner, c = operator.operator, abs(operator.factor)
    if isinstance(inner, SummedDiffusion | AnchorDiffusion | BlockedAffinity | SineCosineMultiplier):
        return inner
    if isinstance(inner, NonlocalOperator):
        return replace(inner, scale=c * inner.scale)
    if isinstance(inner, PairOperator):
        return replace(inner, rates=c * inner.rates, killing=c * inner.killing)
    return operator


def _with_lattice(common: Subject, operator: NonlocalOperator) -> Subject:
    """Lattice weights and the rates between nodes; image sums expose only the rates of their symbol."""
    scale, weights = abs(operator.scale), operator.weights
    structured = replace(
        common,
        model=_lattice_model(operator),
        rates=lattice_rates(operator),
        degree=scale * (operator.degree - _self_rate(operator)),
        killing=scale * np.asarray(to_host(operator.killing), dtype=np.float64),
    )
    if weights is None:
        return replace(structured, rates_error=_rates_error(operator))
    return replace(
        structured,
        reach=weights.support,
        octant=scale * np.asarray(to_host(weights.octant), dtype=np.float64),
        kernel_norm=lambda: math.sqrt(hilbert_schmidt_squared(operator)),
    )


def _with_modes(common: Subject, operator: SineCosineMultiplier, factor: float) -> Subject:
    """Rates -factor A_ij by products of eigenvectors, each of which sums N numbers."""

    def rates(numbers: NDArray[Any]) -> Field:
        entries = -factor * operator.rows(numbers)
        entries[np.arange(len(numbers)), numbers] = 0.0
        return entries

    size = sum(operator.space.shape)
    error = factor * gamma(4 * size + 20, DOUBLE) * operator.spectral_bound()
    degree, killing = factor * operator.degree, factor * operator.killing
    return replace(common, rates=rates, rates_error=error, degree=degree, killing=killing)


def _self_rate(operator: NonlocalOperator) -> Field | float:
    """What the images of a node on a torus contribute to its own degree; v_i - v_i = 0, so it is no rate."""
    if not operator.space.periodic:
        return 0.0
    own = operator.convolution.self_weight
    return own if operator.coefficient is None else own * operator.coefficient


def _rates_error(operator: NonlocalOperator) -> float:
    """|F^-1 s - beta| <= f |beta|_2 with f the FFT's factor and |beta|_2 <= max |s|."""
    largest = max(map(abs, operator.convolution.spectrum_range))
    a = 1.0 if operator.coefficient is None else float(np.max(operator.coefficient))
    return 2 * abs(operator.scale) * a * largest * transform_error(operator.space.shape, DOUBLE, periodic=True)


def _with_pairs(common: Subject, operator: PairOperator) -> Subject:
    """Pair rates, dense or sparse."""
    sparse = scipy.sparse.issparse(operator.rates)
    terms = int(np.diff(operator.rates.tocsr().indptr).max()) if sparse else operator.space.count
    row_sums = np.asarray(abs(operator.rates).sum(axis=1), dtype=np.float64).ravel()

    def rates(rows: Rows) -> Field:
        return np.asarray(operator.rates.tocsr()[rows].toarray() if sparse else operator.rates[rows], dtype=np.float64)

    return replace(
        common,
        model=direct_sum(row_sums, operator.killing, terms),
        degree=operator.degree,
        killing=np.asarray(operator.space.expand(operator.killing)),
        rates=rates,
        kernel_norm=lambda: math.sqrt(float((abs(operator.rates) ** 2).sum())),
    )


def _with_sums(common: Subject, operator: SummedDiffusion, factor: float) -> Subject:
    """Fast sums over pairs: the weights that the summation really applies, by unit vectors, to its rounding error.

    A spread of at most 4096 products, two transforms of unknown size and the near pairs: g_4096 and the FFT's factor.
    Degrees are not exposed: they contain the error of the sum at i = j, which differences cancel.
    """
    sums, count = operator.sums, operator.space.count
    scale = factor * float(np.max(2 * np.abs(operator.degree) + operator.killing))

    def model(dtype: str) -> ErrorModel:
        u = ROUNDOFF[dtype]
        error = gamma(4096 + count, DOUBLE) + convolution_error((count,), DOUBLE, periodic=False) + gamma(4, u)
        return ErrorModel(error, scale, True, u, "fast sum in float64, normwise: g_{4096 + N} max(2 d + kappa)")

    def rates(rows: Rows) -> Field:
        return np.asarray(factor * sums.rows(rows) * sums.masses[None, :], dtype=np.float64)

    return replace(
        common,
        model=model,
        rates=rates,
        rates_error=model("float64").factor * scale,
        killing=factor * operator.killing,
    )


def _with_rows(common: Subject, operator: AnchorDiffusion | BlockedAffinity, factor: float) -> Subject:
    """Affinities that are applied without being stored: their entries, formed from the factors or row by row."""
    entries = _anchored(operator) if isinstance(operator, AnchorDiffusion) else _blocked(operator)

    def rates(rows: Rows) -> Field:
        K = factor * entries(rows)
        K[np.arange(len(K)), np.arange(operator.space.count)[rows]] = 0.0
        return K

    sums = factor * np.abs(entries(np.arange(operator.space.count))).sum(axis=1)
    terms = 2 * operator.space.count + 64
    return replace(
        common,
        model=direct_sum(sums, np.zeros_like(sums), terms),
        rates=rates,
        rates_error=gamma(terms, DOUBLE) * float(sums.max(initial=0.0)),
        killing=operator.killing,
    )


def _anchored(operator: AnchorDiffusion) -> Callable[[Rows], Field]:
    """C diag(1 / lambda) C^T diag(mu), diagonal included."""
    C = operator.assignment if isinstance(operator.assignment, np.ndarray) else operator.assignment.toarray()
    per_anchor = 1.0 / (C.T @ operator.masses)
    return lambda rows: np.asarray((C[rows] * per_anchor) @ C.T * operator.masses)


def _blocked(operator: BlockedAffinity) -> Callable[[Rows], Field]:
    """l_i omega(X_i, X_j) r_j, diagonal included."""
    omega, X = operator.rows.affinity, operator.rows.features
    return lambda rows: np.asarray(operator.left[rows, None] * omega(X[rows], X) * operator.right)


def _with_terms(common: Subject, terms: list[Subject]) -> Subject:
    """A sum of operators of one sign: rates, degrees and killings add."""
    known = all(term.rates is not None and term.killing is not None for term in terms)
    if not known or len({term.sign for term in terms}) != 1:
        return common

    def rates(rows: Rows) -> Field:
        return np.asarray(sum(term.need("rates")(rows) for term in terms))

    return replace(
        common,
        rates=rates,
        rates_error=sum(term.rates_error for term in terms),
        degree=np.asarray(sum(term.need("degree") for term in terms)),
        killing=np.asarray(sum(term.need("killing") for term in terms)),
    )


def _available(bound: Callable[[], float]) -> Callable[[], float] | None:
    """The bound, or None where the operator knows none; one that raises otherwise is the row's to report."""
    try:
        bound()
    except NotImplementedError:
        return None
    except Exception:  # an operator of the user's may raise anything
        return bound
    return bound


def _adjoint(operator: Operator) -> Callable[[Array], Array] | None:
    try:
        return operator.adjoint.apply
    except NotImplementedError:
        return None


def _lattice_model(operator: NonlocalOperator) -> Callable[[str], ErrorModel]:
    """Two FFTs of the padded size, or a direct sum over the stencil; |A| <= 2 a_max sum beta + max kappa."""
    convolution = operator.convolution
    largest = max(map(abs, convolution.spectrum_range))
    a = 1.0 if operator.coefficient is None else float(np.max(operator.coefficient[operator.space.inside]))
    scale = abs(operator.scale) * (2 * a * largest + float(np.max(to_host(operator.killing), initial=0.0)))

    def model(dtype: str) -> ErrorModel:
        u = ROUNDOFF[dtype]
        if isinstance(convolution, StencilConvolution):
            work = 2 * int(np.prod([2 * extent - 1 for extent in convolution.octant.shape])) + 12
            return ErrorModel(gamma(work, u), scale, False, u, f"stencil: g_{work} max(2 d + kappa)")
        factor = convolution_error(convolution.padded, u, periodic=True)
        return ErrorModel(factor, scale, True, u, "FFT, normwise: (2 transforms + g_12) (2 sum beta + max kappa)")

    return model


def _bounded_model(operator: Operator) -> Callable[[str], ErrorModel] | None:
    """An operator that certifies its spectral bound b: FFT of any engine, |A| <= 3 b since d + kappa <= b."""
    bound = _available(operator.spectral_bound)
    if bound is None:
        return None
    shape = operator.space.shape

    def model(dtype: str) -> ErrorModel:
        u, scale = ROUNDOFF[dtype], 3 * bound()
        factor = max(convolution_error(shape, u, periodic=p) for p in (False, operator.space.periodic))
        return ErrorModel(factor, scale, True, u, "FFT of unknown size, normwise, times 3 spectral bounds")

    return model

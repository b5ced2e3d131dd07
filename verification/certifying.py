"""`certify`: proofs of the claims of an operator for its exact numbers, with witnesses where they are false."""

from __future__ import annotations

import platform
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import scipy
import scipy.sparse

from pide.arrays import to_host
from pide.operators.algebra import Multiple
from pide.operators.base import Operator
from pide.operators.fourier import FourierMultiplier
from pide.operators.nonlocal_operator import NonlocalOperator
from pide.operators.pairs import PairOperator
from pide.operators.spectral import SineCosineMultiplier
from pide.operators.stencil import StencilConvolution
from pide.verification.adapters import as_subject
from pide.verification.certificate import (
    ASSUMED,
    REFUTED,
    UNDECIDED,
    Certificate,
    CertificateError,
    Certificates,
    Hypothesis,
)
from pide.verification.claim import SubjectError
from pide.verification.proofs import STATEMENTS
from pide.verification.proofs.convolution import power_lengths
from pide.verification.proofs.diffusions import diffusion_certificate, square_certificate
from pide.verification.proofs.embedding import lattice_certificate
from pide.verification.proofs.lattice import Lattice
from pide.verification.proofs.models import DiffusionMatrix, SquareMatrix, digest
from pide.verification.proofs.spectrum import Spectrum, spectrum_certificate
from pide.verification.proofs.structural import STRUCTURAL
from pide.verification.proofs.trajectory import trajectory
from pide.verification.proofs.witnesses import witness_stands
from pide.verification.subject import Subject

__all__ = ["certify", "certify_states", "rechecked"]

Model = DiffusionMatrix | Lattice | SquareMatrix | Spectrum

_LARGEST_SAMPLED = 2000
_LARGEST_RATES = 8000
"""Largest N for which the rates of a subject are formed: 512 MB."""

_DEFAULT = ("row_sums", "rate_bound", "spectral_bound", "kernel_dimension", "hilbert_schmidt_norm")
_LINK = Hypothesis("the code of the operator applies these numbers; its rounding is the claim 'apply'", ASSUMED)
_DISAGREEMENT = 1e-9
"""Relative difference of an apply from its rates that no order of float64 summation explains at these sizes."""

_EIGENVALUES = ("smallest_eigenvalue", "spectral_gap", "largest_eigenvalue")


def certify(
    subject: Any, claims: Iterable[str] | None = None, *, bounds: Mapping[str, float] | None = None
) -> Certificates:
    """Prove or refute claims of a discrete operator for the exact numbers that it stores.

    Parameters
    ----------
    subject : pide operator, DiffusionMatrix, Subject that exposes rates, square array or sparse matrix
        A matrix is taken as it is; `DiffusionMatrix(weights, masses, killing)` is a diffusion with these weights.
    claims : iterable of str, optional
        Names of `pide.claims.CLAIMS` or of `pide.verification.proofs.STATEMENTS`. By default what the operator claims,
        with its bounds, its degrees and, for lattice operators, its engine; for a diffusion matrix every statement
        about signs.
    bounds : dict of str to float, optional
        Bounds to prove for "smallest_eigenvalue", "spectral_gap" and "largest_eigenvalue"; by default one near an
        estimate is sought.

    Returns
    -------
    Certificates

    Notes
    -----
    Floating-point applies are not what is proved: a certificate speaks of the stored weights, masses, killing, degrees
    and spectra in exact arithmetic. Cost: O(N^2) for a matrix, O(N^3 / 3) for eigenvalue claims, one transform for a
    lattice operator.

    Raises
    ------
    ValueError
        For unknown claims, and for subjects without claims when none are named.
    TypeError
        For anything that is not an operator.

    Examples
    --------
    >>> import numpy as np
    >>> from pide.verification.proofs.models import DiffusionMatrix
    >>> certify(DiffusionMatrix(np.ones((3, 3))), ["kernel_dimension"])["kernel_dimension"].verdict
    'PROVED'
    """
    model = model_of(subject)
    names = _default_claims(subject, model) if claims is None else _listed(claims)
    unknown = sorted(set(names) - set(STATEMENTS))
    if unknown:
        raise ValueError(f"claims={unknown}: no such statements. Choose from {', '.join(sorted(STATEMENTS))}.")
    if not names:
        raise ValueError(f"{model.name}: it claims nothing. Name what to prove, such as claims=['self_adjoint'].")
    wanted = dict(bounds or {})
    mark = model.digest
    found = tuple(_finished(mark, lambda n=name: _prove(model, n, wanted.get(n))) for name in names)
    if isinstance(subject, (Operator, Subject)):
        found = tuple(replace(c, hypotheses=(*c.hypotheses, _LINK)) for c in found)
    if isinstance(subject, Subject) and isinstance(model, DiffusionMatrix):
        found += tuple(_finished(mark, lambda c=c: c) for c in _contradictions(subject, model))
    return Certificates(model.name, found, {"claims": list(names), "bounds": wanted}, subject)


def certify_states(states: Any, masses: Any = None, claims: Iterable[str] = ("energy_decay",)) -> Certificates:
    """Exact signs of the changes of energy ("energy_decay") or variance ("variance_decay") along given states.

    Parameters
    ----------
    states : Result of `pide.solve`, or array, shape (T, ..., N)
    masses : array, optional
        m_i; those of the result's grid, or 1.
    """
    if hasattr(states, "states") and hasattr(states, "operator"):
        space = states.operator.space
        values = np.asarray(to_host(space.compress(states.states)), dtype=np.float64)
        weights = np.full(space.count, space.cell_volume)
    else:
        values = np.asarray(states, dtype=np.float64)
        weights = np.ones(values.shape[-1]) if masses is None else np.asarray(masses, dtype=np.float64)
    if values.ndim != 2 or values.shape[0] < 2 or values.shape[1:] != weights.shape:
        raise ValueError(f"states of shape {values.shape}: needed are T >= 2 states of {weights.size} values, (T, N).")
    names = tuple(claims)
    wrong = sorted(set(names) - {"energy_decay", "variance_decay"})
    if wrong or not names:
        raise ValueError(f"claims={wrong}: states have 'energy_decay' and 'variance_decay'.")
    mark = digest(values, weights)
    found = tuple(_finished(mark, lambda n=name: trajectory(values, weights, n)) for name in names)
    return Certificates("trajectory", found, {"claims": list(names), "trajectory": True}, (values, weights))


def rechecked(certificates: Certificates, subject: Any) -> Certificates:
    """`Certificates.recheck`."""
    if subject is None:
        raise ValueError("recheck: certificates from a file carry no subject. Write certificates.recheck(subject).")
    arguments = dict(certificates.arguments)
    if arguments.pop("trajectory", False):
        states = subject if isinstance(subject, tuple) else (subject, None)
        again = certify_states(*states, **arguments)
    else:
        eigenvalues = (c for c in certificates if c.claim in _EIGENVALUES and c.proved)
        proved = {c.claim: c.bound for c in eigenvalues if c.bound is not None}
        again = certify(subject, arguments["claims"], bounds={**arguments["bounds"], **proved})
    for old, new in zip(certificates, again, strict=True):
        if old.digest != new.digest:
            raise CertificateError(f"{old.claim}: the subject has other numbers, SHA-256 {new.digest[:12]}...")
        if old.verdict != new.verdict:
            raise CertificateError(f"{old.claim}: {old.verdict} before, {new.verdict} now")
        refuted = old.verdict == REFUTED and "trajectory" not in certificates.arguments
        if refuted and not witness_stands(model_of(subject), old):
            raise CertificateError(f"{old.claim}: the witness does not refute it")
    return again


def model_of(subject: Any) -> Model:
    """The exact object behind a subject."""
    if isinstance(subject, (DiffusionMatrix, Lattice, SquareMatrix, Spectrum)):
        return subject
    if isinstance(subject, Operator):
        return _of_operator(subject)
    if isinstance(subject, Subject):
        return _of_subject(subject)
    if scipy.sparse.issparse(subject):
        matrix: Any = subject
        return SquareMatrix(np.asarray(matrix.toarray(), dtype=np.float64))
    if isinstance(subject, np.ndarray) and subject.ndim == 2:
        return SquareMatrix(subject)
    raise TypeError(
        f"subject is a {type(subject).__name__}: needed is a pide operator, a DiffusionMatrix or a matrix. "
        "Write DiffusionMatrix(weights, masses, killing) for your own rates."
    )


def _of_operator(operator: Operator) -> Model:
    if isinstance(operator, Multiple) and operator.factor != 0:
        model = _multiple(operator)
        if model is not None:
            return model
    if isinstance(operator, NonlocalOperator):
        return _lattice(operator) if operator.weights is not None else _image_sums(operator)
    if isinstance(operator, PairOperator):
        return DiffusionMatrix(operator.rates, None, operator.killing, operator.spectral_bound(),
                               operator.rate_bound(), name="PairOperator")  # fmt: skip
    if isinstance(operator, FourierMultiplier) and operator.symbol() is not None:
        sign = -1 if operator.definiteness > 0 else 1
        return Spectrum(sign * np.asarray(operator.symbol()), 0.0, operator.space.shape,
                        spectral_bound=operator.spectral_bound(), sign=sign, name=repr(operator))  # fmt: skip
    if isinstance(operator, SineCosineMultiplier):
        sign = -1 if operator.definiteness > 0 else 1
        return Spectrum(sign * np.asarray(to_host(operator.multiplier)), 0.0, operator.space.shape,
                        spectral_bound=operator.spectral_bound(), sign=sign, name=repr(operator))  # fmt: skip
    subject = as_subject(operator)
    return _of_subject(subject) if subject.rates is not None else _sampled(operator)


def _multiple(operator: Multiple) -> Model | None:
    """The model of A with the factor as its scale, where it has one."""
    model, factor = _of_operator(operator.operator), operator.factor
    spectral, rate = operator.spectral_bound, operator.rate_bound
    sign = 1
    if isinstance(model, (Lattice, Spectrum)):
        sign = model.sign if factor > 0 else -model.sign
    if isinstance(model, Lattice):
        scale = abs(factor) * model.scale
        return replace(
            model, scale=scale, apply=operator.apply, sign=sign, spectral_bound=spectral(), rate_bound=rate()
        )
    if isinstance(model, Spectrum) and model.has_rates:
        scale = abs(factor) * model.scale
        return replace(model, scale=scale, sign=sign, spectral_bound=spectral(), rate_bound=rate())
    return None


def _lattice(operator: NonlocalOperator) -> Lattice:
    weights, engine = operator.weights, operator.convolution
    assert weights is not None
    octant, shape = np.asarray(to_host(weights.octant), dtype=np.float64), operator.space.shape
    spectrum = own = None
    if isinstance(engine, StencilConvolution):
        acting = tuple(min(e, n) for e, n in zip(octant.shape, shape, strict=True))
        lengths = shape if operator.space.periodic else power_lengths(shape, acting)
        own = np.asarray(to_host(engine.octant), dtype=np.float64)
    else:
        lengths = engine.padded
        spectrum = np.asarray(to_host(engine.spectrum), dtype=np.float64)
    return Lattice(
        octant=octant,
        inside=operator.space.inside,
        periodic=operator.space.periodic,
        killing=np.asarray(to_host(operator.killing), dtype=np.float64),
        degree=operator.degree,
        lengths=tuple(lengths),
        coefficient=operator.coefficient,
        mean=operator.mean,
        spectrum=spectrum,
        engine_octant=own,
        scale=abs(float(operator.scale)),
        spectral_bound=operator.spectral_bound(),
        rate_bound=operator.rate_bound(),
        apply=operator.apply,
        sign=1 if operator.scale > 0 else -1,
        name=repr(operator),
    )


def _image_sums(operator: NonlocalOperator) -> Model:
    """Symbols on the torus; with a coefficient only the sampled matrix is left."""
    engine = operator.convolution
    if operator.coefficient is not None or isinstance(engine, StencilConvolution):
        return _sampled(operator)
    values = np.asarray(to_host(engine.spectrum), dtype=np.float64)
    return Spectrum(values, float(values.flat[0]), operator.space.shape, operator.degree, abs(float(operator.scale)),
                    operator.spectral_bound(), operator.rate_bound(), 1 if operator.scale > 0 else -1,
                    repr(operator))  # fmt: skip


def _sampled(operator: Operator) -> SquareMatrix:
    if operator.space.count > _LARGEST_SAMPLED:
        raise ValueError(
            f"{type(operator).__name__} with {operator.space.count} unknowns exposes neither rates nor a symbol; up to "
            f"{_LARGEST_SAMPLED} its matrix is formed. Take a coarser grid, or certify the terms one by one."
        )
    try:
        bound: float | None = operator.spectral_bound()
    except NotImplementedError:
        bound = None
    name, sign = f"{type(operator).__name__}.to_dense()", -1 if operator.definiteness > 0 else 1
    return SquareMatrix(operator.to_dense(), bound, sampled=True, name=name, sign=sign)


def _of_subject(subject: Subject) -> DiffusionMatrix:
    rates = subject.rates
    if rates is None:
        raise ValueError(f"{subject.name}: it exposes no rates. Give a matrix, or DiffusionMatrix(weights, masses).")
    if subject.size > _LARGEST_RATES:
        raise ValueError(
            f"{subject.name} with {subject.size} unknowns: the rates of up to {_LARGEST_RATES} are formed. "
            "Take a coarser grid, or certify the terms of a sum one by one."
        )
    masses = subject.masses[subject.inside]
    if np.any(masses != masses[0]):
        raise ValueError(
            f"{subject.name}: the rates w m of unequal masses are rounded, so that the symmetry of w is lost. "
            "Write DiffusionMatrix(weights, masses, killing)."
        )
    kappa = None if subject.killing is None else subject.killing[subject.inside]
    spectral, rate = (None if f is None else float(f()) for f in (subject.spectral_bound, subject.rate_bound))
    sign = -1 if subject.sign > 0 else 1
    return DiffusionMatrix(rates(np.arange(subject.size)), None, kappa, spectral, rate, sign=sign, name=subject.name)


def _listed(claims: Iterable[str]) -> tuple[str, ...]:
    return (claims,) if isinstance(claims, str) else tuple(claims)


def _default_claims(subject: Any, model: Model) -> tuple[str, ...]:
    """What the subject claims and a proof exists for, and what belongs to its kind."""
    own = getattr(subject, "claims", None)
    signs = {"self_adjoint", "nonnegative_rates", "kills_constants", "conserves_mass", "negative_semidefinite",
             "energy_decay", "variance_decay", "maximum_principle", "markov", "sub_markov"}  # fmt: skip
    if own is None and isinstance(model, DiffusionMatrix):
        own = signs if not model.kappa.any() else signs - {
            "kills_constants", "conserves_mass", "variance_decay", "markov"}  # fmt: skip
    own = set(own or ())
    claimed = tuple(name for name in (*STRUCTURAL, "translation_invariant") if name in own)
    if isinstance(model, Lattice):
        reached = model.counts_pairs or model.matrix is not None
        return (*claimed, "engine", *(n for n in _DEFAULT if reached or n != "hilbert_schmidt_norm"))
    if isinstance(model, DiffusionMatrix):
        return (*claimed, *_DEFAULT)
    if isinstance(model, Spectrum):
        return (*claimed, "spectral_bound", *(("rate_bound",) if model.has_rates else ()))
    return claimed


def _prove(model: Model, claim: str, claimed: float | None) -> Certificate:
    opposite = {"positive_semidefinite": 1, "negative_semidefinite": -1}.get(claim, 0)
    if not isinstance(model, SquareMatrix) and model.sign == opposite:
        words = f"the operator is {'L' if model.sign > 0 else '-L'} with L <= 0 to be shown"
        return Certificate(claim, words, UNDECIDED, "matrix", "none: ask for the other sign")
    if isinstance(model, Lattice):
        return lattice_certificate(model, claim, claimed)
    if isinstance(model, DiffusionMatrix):
        return diffusion_certificate(model, claim, claimed)
    if isinstance(model, Spectrum):
        return spectrum_certificate(model, claim)
    return square_certificate(model, claim)


def _contradictions(subject: Subject, model: DiffusionMatrix) -> tuple[Certificate, ...]:
    """A refuted "apply" where the subject's apply is far from its own rates, so that a wrong apply never passes."""
    v = np.where(subject.inside, np.random.default_rng(0).standard_normal(subject.inside.shape), 0.0)
    inner = v[subject.inside]
    expected = model.sign * (model.weights @ (model.m * inner) - (model.weights @ model.m + model.kappa) * inner)
    scale = float(np.max(2 * abs(model.weights) @ model.m + abs(model.kappa))) * float(np.linalg.norm(inner))
    allowed = _DISAGREEMENT * scale + 2 * subject.rates_error * subject.size * float(np.linalg.norm(inner))
    words = "the apply agrees with the rates on a seeded field"
    try:
        error = float(np.linalg.norm(subject.evaluate(v, "float64")[subject.inside] - expected))
    except SubjectError as failure:
        return (Certificate("apply", words, UNDECIDED, "matrix", f"the subject {failure}"),)
    if error <= allowed:
        return ()
    witness = {"kind": "apply", "error at least": error.hex(), "model": allowed.hex()}
    return (Certificate("apply", words, REFUTED, "matrix", "one apply against the matrix", witness=witness),)


def _finished(mark: str, proof: Any) -> Certificate:
    """The certificate with its digest, versions and cost."""
    start = time.process_time()
    # overflow makes bounds infinite or NaN, which prove nothing: no comparison with them holds
    with np.errstate(all="ignore"):
        certificate: Certificate = proof()
    cost = time.process_time() - start
    return replace(certificate, digest=mark, versions=_versions(), cpu_seconds=cost)


@cache
def _versions() -> dict[str, str]:
    import pide

    blas = scipy.__config__.show(mode="dicts")["Build Dependencies"]["lapack"]
    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "pide": pide.__version__,
        "lapack": f"{blas.get('name')} {blas.get('version')}",
        "machine": platform.machine(),
    }

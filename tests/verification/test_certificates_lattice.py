"""Certificates of lattice operators: proven cosines, embeddings and degrees, pide's own bounds, and wrong operators."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pide
from pide import kernels
from pide.operators.toeplitz import spectrum_of
from pide.quadrature.weights import LatticeWeights
from pide.verification import strategies
from pide.verification.certifying import certify, model_of
from pide.verification.proofs.convolution import indicator_sums
from pide.verification.proofs.lattice import box_degrees
from pide.verification.proofs.models import DiffusionMatrix
from pide.verification.proofs.reference import comparison_bound, reference_apply
from pide.verification.proofs.symbol import circle, cosine_symbol, fourier, fourier_error, fourier_symbol
from pide.verification.proofs.witnesses import witness_stands

BOX = pide.Box(((0.0, 1.0), (0.0, 0.7)))


def box_operator(exterior=None, kernel=None, **options):
    kernel = kernels.Constant(horizon=0.25) if kernel is None else kernel
    operator = pide.NonlocalDiffusion(kernel, **options)
    return operator.on(BOX.grid(20, 14), exterior=pide.Zero() if exterior is None else exterior)


@pytest.mark.parametrize("length", [1, 2, 3, 5, 8, 12, 30, 97, 256, 1000])
def test_the_circle_is_correct_to_half_a_unit_in_the_last_place(length):
    """cos^2 + sin^2 = 1 and w_k w_l = w_{k+l} to the stated error, in exact arithmetic; library cosines nearby."""
    w = circle(length)
    tolerance = Fraction(1, 2**54) * (1 + Fraction(1, 2**30))
    k = np.arange(length)
    angles = -2 * np.pi * k / length
    assert np.abs(w - np.exp(1j * angles)).max() < 1e-14
    for i in range(0, length, max(1, length // 20)):
        c, s = Fraction(float(w[i].real)), Fraction(float(w[i].imag))
        assert abs(c * c + s * s - 1) <= 4 * tolerance
        for j in range(0, length, max(1, length // 10)):
            x, y = Fraction(float(w[j].real)), Fraction(float(w[j].imag))
            product = w[(i + j) % length]
            assert abs(c * x - s * y - Fraction(float(product.real))) <= 6 * tolerance
    assert w[0] == 1
    if length % 4 == 0:
        assert w[length // 4] == -1j


@given(st.integers(0, 9), st.integers(0, 1000))
def test_reference_transform_errs_by_less_than_its_bound(bits, seed):
    """Inverse after forward transform, and Parseval's identity evaluated exactly."""
    n = 2**bits
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(n) + 1j * rng.standard_normal(n)
    X = fourier(x)
    f = fourier_error(n)
    direct = np.array([np.sum(x * circle(n)[(k * np.arange(n)) % n]) for k in range(n)])
    assert np.linalg.norm(X - direct) <= (f + 4 * n * 2.0**-53) * np.linalg.norm(X)
    assert f < 4e-15
    with pytest.raises(ValueError, match="Pad with zeros"):
        fourier(np.zeros(3))


@pytest.mark.parametrize(("shape", "lengths"), [((7,), (16,)), ((7,), (5,)), ((5, 4), (12, 9)), ((3, 4, 2), (6, 8, 5))])
def test_symbols_against_direct_sums(shape, lengths):
    octant = np.random.default_rng(0).random(shape)
    values, error = cosine_symbol(octant, lengths)
    full = spectrum_of(octant, lengths)[tuple(slice(0, n // 2 + 1) for n in lengths)]
    assert values.shape == full.shape
    assert np.abs(values - full).max() <= error + 1e-13
    assert error < 1e-13 * np.abs(values).max()


def test_long_symbols_by_the_reference_transform():
    octant = np.random.default_rng(0).random(300)
    for length in (128, 256, 1024):
        wide, error = fourier_symbol(octant, length)
        direct, other = cosine_symbol(octant, (length,))
        assert np.abs(wide - direct).max() <= error + other


@pytest.mark.parametrize("shape", [(1,), (9,), (50,), (6, 5), (4, 3, 5)])
def test_box_degrees_enclose_exact_sums(shape):
    rng = np.random.default_rng(0)
    octant = rng.standard_normal(tuple(max(1, n - 1) for n in shape)) * 10.0 ** rng.integers(-5, 5)
    low, high = box_degrees(octant, shape)
    nodes = list(np.ndindex(*shape))
    for i in nodes:
        exact = Fraction(0)
        for k in nodes:
            j = tuple(abs(a - b) for a, b in zip(i, k, strict=True))
            if all(a < e for a, e in zip(j, octant.shape, strict=True)):
                exact += Fraction(float(octant[j]))
        assert Fraction(float(low[i])) <= exact <= Fraction(float(high[i]))
    assert (high - low).max() < 1e-12 * np.abs(octant).sum()


@pytest.mark.parametrize("kernel", [kernels.Gaussian(width=0.3), kernels.Fractional(0.7)], ids=("smooth", "singular"))
def test_degrees_on_curved_domains_are_accurate_to_the_last_places(kernel):
    """Rounding the convolution of the leading part to multiples of q leaves no trace of the transform's error."""
    grid = pide.Ball(radius=1.0, dimension=2).grid(spacing=2 / 24)
    model = model_of(pide.NonlocalDiffusion(kernel).on(grid, exterior=pide.Reflecting()))
    low, high = indicator_sums(model.acting, model.inside)
    nodes = np.argwhere(model.inside)
    for row in range(0, len(nodes), 11):
        i, exact = tuple(nodes[row]), model.matrix.degree(row)
        assert Fraction(float(low[i])) <= exact <= Fraction(float(high[i]))
    assert (high - low).max() < 4e-15 * high.max()


@settings(max_examples=40)
@given(strategies.operators())
def test_claims_and_bounds_of_honest_operators_are_proved(operator):
    """pide's own spectral_bound and rate_bound among them, killing included."""
    found = certify(operator)
    assert found.claims("REFUTED") == ()
    for claim in ("rate_bound", "spectral_bound", "self_adjoint"):
        assert found[claim].proved, found
    assert set(found.claims("UNDECIDED")) <= {"hilbert_schmidt_norm", "nonnegative_rates", "maximum_principle",
                                              "markov", "sub_markov"}  # fmt: skip


@pytest.mark.parametrize("exterior", [pide.Zero(), pide.Reflecting()])
@pytest.mark.parametrize(
    "kernel", [kernels.Constant(horizon=0.25), kernels.Gaussian(width=0.1), kernels.Fractional(0.4)]
)
def test_lattice_certificates_agree_with_those_of_the_matrix(exterior, kernel):
    operator = box_operator(exterior, kernel)
    lattice = model_of(operator)
    matrix = DiffusionMatrix(lattice.matrix.weights, None, lattice.killing.ravel())
    found = certify(operator, ["spectral_bound", "hilbert_schmidt_norm", "kernel_dimension", "row_sums"])
    found.raise_if_failed()
    sharp = certify(matrix, ["largest_eigenvalue", "hilbert_schmidt_norm", "kernel_dimension"])
    assert sharp["largest_eigenvalue"].bound <= found["spectral_bound"].bound
    assert sharp["kernel_dimension"].bound == found["kernel_dimension"].bound
    norms = [f["hilbert_schmidt_norm"] for f in (found, sharp)]
    assert abs(norms[0].bound - norms[1].bound) <= norms[0].slack + norms[1].slack
    dense = operator.to_dense()
    assert np.linalg.eigvalsh(-(dense + dense.T) / 2)[-1] <= found["spectral_bound"].bound


def test_the_reference_apply_matches_the_exact_matrix():
    operator = box_operator()
    model = model_of(operator)
    v = np.random.default_rng(0).integers(-3, 4, (20, 14)).astype(float)
    y, bound = reference_apply(model, v)
    W, c = model.matrix.weights, (model.degree + model.killing).ravel()
    flat = v.ravel()
    for i in range(0, flat.size, 37):
        terms = zip(W[i].tolist(), flat.tolist(), strict=True)
        exact = sum((Fraction(w) * Fraction(x) for w, x in terms), Fraction(0)) - Fraction(c[i]) * Fraction(flat[i])
        assert abs(Fraction(float(y.ravel()[i])) - exact) <= Fraction(bound)
    assert bound < 1e-9


def test_the_link_to_the_fft_is_tested_and_never_proved():
    operator = box_operator()
    for subject in (operator, -2.5 * operator):
        link = certify(subject, ["apply"])["apply"]
        assert link.verdict == "UNDECIDED"
        assert 0 < link.bound < 1e-9
        assert [h.status for h in link.hypotheses] == ["verified", "tested", "assumed"]
    wrong = replace(model_of(operator), apply=lambda v: operator.apply(v) * (1 + 1e-9))
    assert certify(wrong, ["apply"])["apply"].verdict == "REFUTED"


def mutated(operator, **changes):
    return replace(operator, **changes)


def with_octant(operator, octant):
    old = operator.weights
    return mutated(operator, weights=LatticeWeights(octant, old.rate, old.support, old.notes))


def test_a_negative_weight_is_refuted_by_its_offset():
    operator = box_operator()
    octant = operator.weights.octant.copy()
    octant[1, 2] = -1e-3
    found = certify(with_octant(operator, octant), ["nonnegative_rates", "engine", "energy_decay"])
    assert found["nonnegative_rates"].witness == {"kind": "offset", "j": [1, 2], "beta": (-1e-3).hex()}
    assert found["engine"].verdict == "REFUTED"
    assert found["energy_decay"].proved


def test_wrong_padding_and_another_spectrum_are_refuted_by_the_engine():
    operator = box_operator(kernel=kernels.Gaussian(width=0.1))
    engine = operator.convolution
    shifted = engine.spectrum.copy()
    shifted[3, 4] *= 1 + 1e-7
    transposed = replace(engine, spectrum=np.roll(engine.spectrum, 1, axis=0))
    short = replace(engine, padded=tuple(n - 3 for n in engine.padded))
    for wrong in (replace(engine, spectrum=shifted), transposed, short):
        model = replace(model_of(operator), spectrum=wrong.spectrum, lengths=wrong.padded)
        certificate = certify(model, ["engine"])["engine"]
        assert certificate.verdict == "REFUTED"
        assert witness_stands(model, certificate)
    assert certify(operator, ["engine"])["engine"].proved


@pytest.mark.parametrize("side", [20, 120])
def test_bounds_that_forget_the_killing_are_not_proved(side):
    """kappa lost from both bounds, on a grid with a matrix and on one without."""
    grid = pide.Box(((0.0, 1.0), (0.0, 1.0))).grid(side, side)
    operator = pide.FractionalLaplacian(0.3).on(grid, exterior=pide.Zero(), scheme="lattice")
    model = model_of(operator)
    free = replace(operator, killing=np.zeros(grid.shape))
    wrong = replace(model, rate_bound=free.rate_bound() * 0.9, spectral_bound=free.rate_bound() * 0.5)
    found = certify(wrong, ["rate_bound", "spectral_bound"])
    assert found["rate_bound"].verdict == "REFUTED"
    assert not found["spectral_bound"].proved
    assert witness_stands(wrong, found["rate_bound"])
    assert certify(model, ["rate_bound", "spectral_bound"]).passed


def test_negative_killing_refutes_the_maximum_principle_and_leaves_the_energy_to_the_spectrum():
    """As after a boundary correction with kappa + D < 0."""
    operator = pide.FractionalLaplacian(0.3).on(BOX.grid(20, 14), exterior=pide.Zero(), scheme="lattice")
    killing = operator.killing.copy()
    killing[3, 4] = -1e-3
    found = certify(mutated(operator, killing=killing), ["nonnegative_rates", "maximum_principle", "energy_decay",
                                                         "smallest_eigenvalue"])  # fmt: skip
    assert found.claims("REFUTED") == ("nonnegative_rates", "maximum_principle")
    assert found["nonnegative_rates"].witness["index"] == [3, 4]
    assert found["energy_decay"].proved
    assert found["smallest_eigenvalue"].bound > 0
    killing[3, 4] = -100.0
    lost = certify(mutated(operator, killing=killing), ["energy_decay"])["energy_decay"]
    assert lost.verdict == "REFUTED"
    assert Fraction(lost.witness["value"]) < 0


def test_a_positive_field_bounds_the_smallest_eigenvalue_of_any_size():
    """Barta's bound lies below the truth, survives negative killing, and finds nothing on an indefinite operator."""
    operator = pide.FractionalLaplacian(0.4).on(BOX.grid(20, 14), exterior=pide.Zero(), scheme="lattice")
    truth = float(np.linalg.eigvalsh(operator.to_dense())[0])
    assert 0.7 * truth < comparison_bound(model_of(operator)) < truth
    fine = pide.FractionalLaplacian(0.4).on(BOX.grid(90, 63), exterior=pide.Zero(), scheme="lattice")
    killing = fine.killing.copy()
    killing[3, 4] = -1e-3
    found = certify(mutated(fine, killing=killing), ["energy_decay", "smallest_eigenvalue", "maximum_principle"])
    assert found.claims("PROVED") == ("energy_decay", "smallest_eigenvalue")
    assert 0.7 * truth < found["smallest_eigenvalue"].bound < 1.1 * truth
    killing[3, 4] = -1e3
    assert certify(mutated(fine, killing=killing), ["energy_decay"])["energy_decay"].verdict == "UNDECIDED"
    reflecting = pide.NonlocalDiffusion(kernels.Constant(horizon=0.2)).on(BOX.grid(20, 14), exterior=pide.Reflecting())
    assert comparison_bound(model_of(reflecting)) <= 0


def test_symbols_on_the_torus():
    grid = pide.Torus((1.0, 1.0)).grid(16, 12)
    honest = pide.FractionalLaplacian(0.4).on(grid, scheme="fourier")
    certify(honest).raise_if_failed()
    wrong = replace(honest, multiplier=honest.multiplier - 0.5)
    found = certify(wrong, ["kills_constants", "positive_semidefinite", "energy_decay"])
    assert set(found.claims("REFUTED")) == {"kills_constants", "positive_semidefinite", "energy_decay"}
    assert found["energy_decay"].witness["k"] == [0, 0]
    lattice = pide.FractionalLaplacian(0.4).on(grid, scheme="lattice")
    certify(lattice).raise_if_failed()
    model = model_of(lattice)
    negative = replace(model, values=model.values[::-1].copy())
    assert not certify(negative, ["nonnegative_rates"])["nonnegative_rates"].proved
    low = replace(model, spectral_bound=0.9 * lattice.spectral_bound())
    assert certify(low, ["spectral_bound"])["spectral_bound"].verdict == "REFUTED"


def test_recheck_of_operators_and_another_operator():
    operator = box_operator()
    found = certify(operator)
    found.recheck()
    with pytest.raises(AssertionError, match="other numbers"):
        found.recheck(box_operator(kernel=kernels.Constant(horizon=0.26)))


def test_operators_without_structure_are_sampled():
    grid = pide.Interval(0, 1).grid(16)
    kernel = kernels.Gaussian(width=0.2)
    operator = pide.NonlocalDiffusion(kernel).on(grid, exterior=pide.Reflecting())
    square = operator @ operator
    found = certify(square, ["self_adjoint", "spectral_bound"])
    assert found["self_adjoint"].verdict == "UNDECIDED"
    assert found["self_adjoint"].bound < 1e-9 * found["spectral_bound"].bound
    total = operator + pide.Laplacian().on(grid, exterior=pide.Reflecting())
    assert certify(total, "energy_decay").passed
    large = pide.NonlocalDiffusion(kernel).on(pide.Interval(0, 1).grid(2500), exterior=pide.Reflecting())
    with pytest.raises(ValueError, match="Take a coarser grid"):
        certify(large @ large, ["self_adjoint"])
    grid = pide.Interval(0, 1).grid(9000)
    term = pide.Laplacian().on(grid, exterior=pide.Reflecting())
    with pytest.raises(ValueError, match="one by one"):
        certify(term + 2.0 * term, ["energy_decay"])


@pytest.mark.slow
def test_a_million_nodes():
    grid = pide.Box(((0.0, 1.0), (0.0, 1.0))).grid(1024, 1024)
    operator = pide.FractionalLaplacian(0.4).on(grid, exterior=pide.Zero(), scheme="lattice")
    found = certify(operator)
    found.raise_if_failed()
    assert sum(certificate.cpu_seconds for certificate in found) < 5


def test_the_other_sign_is_never_proved():
    """For A = L <= 0 the claim A >= 0 is false however good -L is."""
    grid = pide.Torus((1.0,)).grid(16)
    laplacian = pide.Laplacian().on(grid, scheme="fourier")
    subjects = (box_operator(), laplacian, model_of(box_operator()).matrix, box_operator(pide.Reflecting()))
    for subject in subjects:
        found = certify(subject, ["negative_semidefinite", "positive_semidefinite"])
        assert found.claims("PROVED") == ("negative_semidefinite",)
    opposite = certify(-1.0 * box_operator(), ["negative_semidefinite", "positive_semidefinite"])
    assert opposite.claims("PROVED") == ("positive_semidefinite",)

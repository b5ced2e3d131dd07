"""The structure that proofs rest on: symmetric nonnegative rates, L 1 = -kappa, and what follows from them.

Drawn by hypothesis over kernel x exterior x domain x n. kappa = 0 (torus, reflecting): constants, mass, variance and
Markov rows. kappa != 0 (zero exterior, data): energy, sub-Markov rows, min(0, min v) <= v' <= max(0, max v); there the
first list is false, and tested to be unclaimed. Matrices are the operator's own; truth is their eigenvalues and signs.
"""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given, settings
from hypothesis import strategies as st

import pide
from pide.verification import check, strategies

ROUNDOFF = {"float64": 2.0**-53, "float32": 2.0**-24}
CONSERVATIVE = {"kills_constants", "conserves_mass", "variance_decay", "markov"}
COMMON = {"linear", "self_adjoint", "adjoint", "nonnegative_rates", "energy_decay", "maximum_principle", "sub_markov"}


def killed(operator):
    return bool(np.any(operator.killing != 0))


def kappa_is_zero_by_definition(operator):
    return isinstance(operator.exterior, (pide.Periodic, pide.Reflecting))


def generator_matrix(operator):
    """L <= 0 in the order of `grid.compress`."""
    return -operator.definiteness * operator.to_dense()


def ones(operator, dtype="float64"):
    return operator.space.inside.astype(dtype)


def slack(operator, dtype="float64"):
    """Rounding of one entry of an apply, in units of the rates: 40 log2(4 N) per axis for the FFTs, N for sums."""
    grid = operator.space
    work = 40 * sum(np.log2(4 * n) for n in grid.shape) + grid.count + 20
    return work * ROUNDOFF[dtype] * 3 * operator.spectral_bound() * np.sqrt(grid.count)


operators = strategies.operators()


KERNELS = {
    "constant": lambda n: pide.kernels.Constant(horizon=0.3),
    "linear": lambda n: pide.kernels.Linear(horizon=0.3),
    "gaussian": lambda n: pide.kernels.Gaussian(width=0.2),
    "exponential": lambda n: pide.kernels.Exponential(length=0.2),
    "power_law": lambda n: pide.kernels.PowerLaw(exponent=n + 0.5, horizon=0.4),
    "fractional": lambda n: pide.kernels.Fractional(s=0.4),
    "tempered": lambda n: pide.kernels.Tempered(s=0.6, rate=2.0),
    "truncated": lambda n: pide.kernels.TruncatedFractional(s=0.75, horizon=0.3),
    "radial": lambda n: pide.kernels.Radial(lambda r: 1.0 / (1.0 + r**2), horizon=0.35),
}
EXTERIORS = {
    "periodic": pide.Periodic(),
    "zero": pide.Zero(),
    "reflecting": pide.Reflecting(),
    "value": pide.Value(lambda *x: 1.0 + x[0], extent=0.2),
}
COUNTS = {1: (18,), 2: (9, 8), 3: (5, 6, 5)}
SLOW = {(kernel, "periodic", 3) for kernel in ("exponential", "fractional", "tempered")}
"""The explicit sum over 3-D images of a slowly decaying kernel takes seconds."""



CASES = [
    pytest.param(kernel, exterior, n, marks=[pytest.mark.slow] if (kernel, exterior, n) in SLOW else [])
    for kernel in (*KERNELS, "lattice power", "local") for exterior in EXTERIORS for n in COUNTS
]  # fmt: skip


@pytest.mark.parametrize(("kernel", "exterior", "n"), CASES)
def test_every_kernel_exterior_and_dimension_has_its_structure(kernel, exterior, n):
    sides = (1.0, 1.25, 1.0)[:n]
    domain = pide.Torus(sides) if exterior == "periodic" else pide.Box(tuple((0.0, side) for side in sides))
    if kernel == "lattice power":
        continuum = pide.FractionalLaplacian(s=0.7)
    elif kernel == "local":
        continuum = pide.Laplacian()
    else:
        gamma = KERNELS[kernel](n)
        continuum = pide.NonlocalDiffusion(gamma, images=exterior == "periodic" and gamma.horizon > 0.5)
    scheme = "lattice" if kernel == "lattice power" else "auto"
    operator = continuum.on(domain.grid(*COUNTS[n]), exterior=EXTERIORS[exterior], scheme=scheme)
    assert (operator.claims >= CONSERVATIVE) == (exterior in ("periodic", "reflecting"))
    assert killed(operator) == (exterior in ("zero", "value"))
    for dtype in ROUNDOFF:
        check(operator, dtype=dtype, samples=3).raise_if_failed()


@pytest.mark.parametrize("s", [0.25, 0.5, 0.75])
@pytest.mark.parametrize("domain", [pide.Interval(-1, 1), pide.Ball(radius=1.0, dimension=2)])
def test_the_boundary_correction_keeps_what_it_claims(domain, s):
    """D enters kappa: symmetric, energy decays, and nonnegative rates are claimed exactly when kappa + D >= 0."""
    grid = domain.grid(40)
    operator = pide.FractionalLaplacian(s=s).on(grid, exterior=pide.Zero(), scheme="corrected")
    assert operator.claims >= {"self_adjoint", "positive_semidefinite", "energy_decay"}
    signed = {"nonnegative_rates", "maximum_principle", "sub_markov"}
    assert operator.claims & signed == (signed if operator.killing.min() >= 0 else set())
    values = np.linalg.eigvalsh(operator.to_dense())
    assert values[0] > 0
    assert values[-1] <= operator.spectral_bound()
    for dtype in ROUNDOFF:
        check(operator, dtype=dtype).raise_if_failed()


@given(operators)
def test_every_claim_is_made_that_the_structure_implies(operator):
    assert operator.claims >= COMMON
    assert (operator.claims >= CONSERVATIVE) == kappa_is_zero_by_definition(operator)
    assert kappa_is_zero_by_definition(operator) or not operator.claims & CONSERVATIVE
    assert operator.definiteness != 0


@settings(max_examples=40)
@given(operators, st.integers(0, 1000))
def test_every_claim_holds_in_both_precisions(operator, seed):
    for dtype in ROUNDOFF:
        check(operator, dtype=dtype, seed=seed, samples=4).raise_if_failed()


@given(operators)
def test_rates_are_nonnegative_symmetric_and_killing_is_nonnegative(operator):
    if operator.weights is not None:
        assert operator.weights.octant.min() >= 0.0
        assert operator.weights.octant.flat[0] == 0.0
    assert operator.killing.min() >= 0.0
    off_diagonal = generator_matrix(operator)
    np.fill_diagonal(off_diagonal, 0.0)
    assert off_diagonal.min() >= -slack(operator)
    assert np.abs(off_diagonal - off_diagonal.T).max() <= slack(operator)


@given(operators)
def test_a_constant_is_mapped_to_minus_kappa_bit_for_bit(operator):
    for dtype in ROUNDOFF:
        image = -operator.definiteness * operator(ones(operator, dtype))
        assert image.dtype == np.dtype(dtype)
        assert np.array_equal(image, -(abs(operator.scale) * operator.killing.astype(dtype)))


@given(operators)
def test_the_degree_comes_from_the_same_apply(operator):
    degree = operator.convolution(ones(operator)) if operator.coefficient is None else operator.degree
    assert np.array_equal(operator.degree, np.where(operator.space.inside, degree, 0.0))


@given(operators)
def test_the_spectrum_lies_between_the_certified_bound_and_zero(operator):
    values = np.linalg.eigvalsh(generator_matrix(operator))
    assert values[-1] <= slack(operator)
    assert -values[0] <= operator.spectral_bound() * (1 + 1e-12)
    if kappa_is_zero_by_definition(operator):
        assert abs(values[-1]) <= slack(operator)


@given(operators)
def test_a_step_at_the_certified_bound_is_sub_markov(operator):
    rate = operator.rate_bound()
    assert np.all(abs(operator.scale) * (operator.degree + operator.killing) <= rate)
    P = np.eye(operator.space.count) + generator_matrix(operator) / (rate or 1.0)
    allowed = slack(operator) / (rate or 1.0)
    assert P.min() >= -allowed
    rows = P.sum(axis=1)
    assert rows.max() <= 1 + operator.space.count * allowed
    if kappa_is_zero_by_definition(operator):
        assert np.abs(rows - 1).max() <= operator.space.count * allowed


@given(operators, st.data())
def test_green_s_identity_from_weights_alone(operator, data):
    v = data.draw(strategies.fields(operator.space))
    x = operator.space.compress(v)
    rates = generator_matrix(operator)
    np.fill_diagonal(rates, 0.0)
    form = 0.5 * np.sum(rates * (x[:, None] - x[None, :]) ** 2)
    form += np.sum(abs(operator.scale) * operator.space.compress(operator.killing) * x**2)
    value = operator.definiteness * np.sum(x * operator.space.compress(operator(v)))
    assert value == pytest.approx(form, abs=slack(operator) * np.sum(x**2) * operator.space.count)


@given(operators)
def test_the_diagonal_is_minus_degree_minus_killing(operator):
    diagonal = operator.space.compress(operator.diagonal())
    assert np.abs(diagonal - np.diag(operator.to_dense())).max() <= slack(operator)


@given(operators, st.data())
def test_fields_stay_zero_outside_and_batches_are_maps(operator, data):
    grid = operator.space
    batch = np.stack([data.draw(strategies.fields(grid)) for _ in range(3)])
    images = operator(batch)
    assert images.shape == batch.shape
    assert not images[:, ~grid.inside].any()
    for v, image in zip(batch, images, strict=True):
        assert np.abs(operator(v) - image).max() <= slack(operator) * np.abs(v).max()


@settings(max_examples=20)
@given(operators, st.data())
def test_one_operator_in_every_namespace(operator, data):
    strict = pytest.importorskip("array_api_strict")
    torch = pytest.importorskip("torch")
    for dtype in ROUNDOFF:
        v = data.draw(strategies.fields(operator.space, dtype))
        expected = operator(v)
        tensor = operator(torch.asarray(v))
        assert tensor.dtype == getattr(torch, dtype)
        foreign = operator(strict.asarray(v, device=strict.Device("device1")))
        assert foreign.device == strict.Device("device1")
        host = np.asarray(foreign.to_device(strict.Device("CPU_DEVICE")))
        allowed = slack(operator, dtype) * np.abs(v).max()
        assert np.abs(tensor.numpy() - expected).max() <= allowed
        assert np.abs(host - expected).max() <= allowed


@settings(max_examples=12)
@given(strategies.operators(dimension=1), st.data())
def test_gradients_with_respect_to_the_field(operator, data):
    torch = pytest.importorskip("torch")
    v = torch.asarray(data.draw(strategies.fields(operator.space)), dtype=torch.float64).requires_grad_()
    scale = operator.spectral_bound()
    inside = torch.asarray(operator.space.inside.astype(float))
    assert torch.autograd.gradcheck(lambda u: operator(u * inside) / scale, (v,))


@settings(max_examples=12)
@given(operators, st.data())
def test_the_gradient_of_the_energy_is_the_adjoint(operator, data):
    """d/du <A u, v> = A* v, and A* = A."""
    torch = pytest.importorskip("torch")
    u, v = (torch.asarray(data.draw(strategies.fields(operator.space))) for _ in range(2))
    u.requires_grad_()
    operator.space.inner(operator(u), v).backward()
    expected = operator.space.cell_volume * operator(v.numpy())
    allowed = operator.space.cell_volume * slack(operator) * float(v.abs().max())
    gradient = np.where(operator.space.inside, u.grad.numpy(), 0.0)
    assert np.abs(gradient - expected).max() <= allowed


def test_variance_and_mass_are_really_lost_under_a_zero_exterior():
    """u = 1 on (-1, 1), s = 1/2: by t = 0.1 the variance rises from 0 above 0.015 and the mass falls."""
    grid = pide.Interval(-1, 1).grid(64)
    operator = pide.FractionalLaplacian(s=0.5).on(grid, exterior=pide.Zero(), scheme="lattice")
    u = scipy.linalg.expm(-0.1 * operator.to_dense()) @ np.ones(64)
    assert not operator.claims & CONSERVATIVE
    assert float(grid.variance(u)) > 0.015
    assert u.mean() < 0.9
    assert np.mean(u**2) < 1.0


def test_leaving_killing_out_would_give_a_false_bound():
    """Restricted (-Delta)^{1/2} on three nodes: 2 max d = 1.70 < lambda_max = 1.83 in units of h^{-1}."""
    grid = pide.Interval(0, 4).grid(3, nodes="interior")
    operator = pide.FractionalLaplacian(s=0.5).on(grid, exterior=pide.Zero(), scheme="lattice")
    largest = np.linalg.eigvalsh(operator.to_dense())[-1]
    assert largest == pytest.approx(1.83, abs=0.005)
    assert 2 * operator.degree.max() == pytest.approx(1.70, abs=0.005)
    assert operator.spectral_bound() >= largest

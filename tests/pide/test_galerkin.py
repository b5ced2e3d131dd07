"""Weights of potentials against closed forms, the two-scale relation, quadrature and the transform of the kernel."""

import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import j0

from pide.continuum.constants import logarithm_constant, riesz_constant
from pide.continuum.domains import Ball, Box, Interval
from pide.continuum.operators import FractionalLaplacian
from pide.continuum.potentials import LogPotential, RieszPotential
from pide.operators.toeplitz import toeplitz
from pide.quadrature.galerkin import galerkin_weights, hat_rule, symbol_floor
from pide.quadrature.truncated import truncated_symbol

ENTRIES = json.loads((Path(__file__).parents[1] / "reference" / "potentials.json").read_text())["entries"]
ORDERS = {1: (0.01, 0.25, 0.49), 2: (0.05, 0.5, 0.95), 3: (0.05, 0.5, 1.0, 1.45)}
SPACINGS = {1: [(0.7,)], 2: [(1.0, 1.0), (0.3, 0.1)], 3: [(0.5, 0.5, 0.5), (0.2, 0.2, 0.5)]}
CASES = [
    (potential, spacing)
    for n in (1, 2, 3)
    for potential in (*map(RieszPotential, ORDERS[n]), LogPotential())
    for spacing in SPACINGS[n]
]


def second_difference(F, h, j):
    """beta_j = (F((j+1) h) - 2 F(j h) + F((j-1) h)) / h where F'' is the kernel."""
    x = np.abs(np.arange(-1, j + 2)) * h
    return (F(x[2:]) - 2 * F(x[1:-1]) + F(x[:-2])) / h


@pytest.mark.parametrize("s", ORDERS[1])
def test_closed_form_of_riesz_weights_in_1d(s):
    h, c = 0.7, riesz_constant(1, s)
    exact = second_difference(lambda x: c * x ** (2 * s + 1) / (2 * s * (2 * s + 1)), h, 20)
    weights = galerkin_weights(RieszPotential(s), (h,), (20,))
    assert np.abs(weights - exact).max() <= 1e-13 * exact.max()


def test_closed_form_of_logarithmic_weights_in_1d():
    h = 0.7

    def twice_integrated(x):
        logarithm = np.log(np.where(x > 0, x, 1.0))
        return logarithm_constant(1) * (-(x**2) * (logarithm - 1.5) - np.euler_gamma * x**2 / 2)

    exact = second_difference(twice_integrated, h, 20)
    assert np.abs(galerkin_weights(LogPotential(), (h,), (20,)) - exact).max() <= 1e-13 * exact.max()


def test_self_cell_of_the_logarithm_in_the_plane():
    """The geometric mean distance in a unit square: mean log|x - y| = log(2)/3 + pi/3 - 25/12 (Maxwell 1872)."""
    mean = math.log(2) / 3 + math.pi / 3 - 25 / 12
    weight = galerkin_weights(LogPotential(), (1.0, 1.0), (0, 0))[0, 0]
    assert weight == pytest.approx(logarithm_constant(2) * (-2 * mean - np.euler_gamma), rel=1e-14)


def test_self_cells_of_the_inverse_distance():
    """Mean of 1/|x - y| over pairs of points of a unit square, 4 log(1 + sqrt 2) + 4 (1 - sqrt 2)/3, and of a cube."""
    root = math.sqrt(2)
    square = 4 * math.log(1 + root) + 4 * (1 - root) / 3
    cube = (1 + root - 2 * math.sqrt(3)) / 5 - math.pi / 3 + math.log((1 + root) * (2 + math.sqrt(3)))
    weight = galerkin_weights(RieszPotential(0.5), (1.0, 1.0), (2, 2))[0, 0]
    assert weight == pytest.approx(square / (2 * math.pi), rel=1e-14)
    weight = galerkin_weights(RieszPotential(1.0), (1.0, 1.0, 1.0), (2, 2, 2))[0, 0, 0]
    assert weight == pytest.approx(2 * cube / (4 * math.pi), rel=1e-14)


@pytest.mark.parametrize(("potential", "spacing"), CASES, ids=str)
def test_two_scale_relation(potential, spacing):
    """The hat of spacing 2h is sum_e 2^{-|e|} phi_{2j + e}, e in {-1, 0, 1}^n, and k(2 z) is known from k(z)."""
    n = len(spacing)
    reach = {1: 40, 2: 25, 3: 9}[n]
    weights = galerkin_weights(potential, spacing, (2 * reach + 1,) * n)
    total = np.zeros((reach + 1,) * n)
    for e in itertools.product((-1, 0, 1), repeat=n):
        places = np.ix_(*(np.abs(2 * np.arange(reach + 1) + k) for k in e))
        total += 0.5 ** sum(map(abs, e)) * weights[places]
    half = weights[(slice(reach + 1),) * n]
    if isinstance(potential, LogPotential):
        coarse = 2**n * (half - 2 * math.log(2) * logarithm_constant(n) * math.prod(spacing))
    else:
        coarse = 2 ** (2 * potential.s) * half
    assert np.abs(total - coarse).max() <= 2e-13 * np.abs(weights).max()


@pytest.mark.parametrize(("potential", "spacing"), CASES, ids=str)
def test_cell_pair_integrals(potential, spacing):
    """Offsets that are not neighbours: tensor Gauss rules of 16 points on each of the 2^n cells."""
    n = len(spacing)
    g, w = np.polynomial.legendre.leggauss(16)
    weights = galerkin_weights(potential, spacing, (19,) * n)
    for j in [(2, 0, 0), (3, 2, 1), (7, 1, 0), (8, 0, 0), (9, 8, 7), (5, 19, 3)]:
        x, dx = [], []
        for h, k in zip(spacing, j, strict=False):
            t = np.concatenate([(g - 1) / 2, (g + 1) / 2])
            x.append((k + t) * h)
            dx.append(h * np.tile(w / 2, 2) * (1 - np.abs(t)))
        r = np.sqrt(sum(a**2 for a in np.meshgrid(*x, indexing="ij", sparse=True)))
        exact = potential.kernel(r, n)
        for along in reversed(dx):
            exact = exact @ along
        assert abs(weights[j[:n]] - exact) <= 1e-13 * np.abs(weights).max()


@given(
    shape=st.lists(st.integers(0, 14), min_size=2, max_size=3).filter(lambda reach: math.prod(reach) < 400),
    s=st.floats(0.02, 0.98),
)
@settings(max_examples=12)
def test_swaps_of_axes_bit_for_bit(shape, s):
    reach = tuple(shape)
    weights = galerkin_weights(RieszPotential(s), (0.1,) * len(reach), reach)
    swapped = galerkin_weights(RieszPotential(s), (0.1,) * len(reach), reach[::-1])
    assert np.array_equal(weights, swapped.transpose())
    block = weights[(slice(min(reach) + 1),) * len(reach)]
    assert all(np.array_equal(block, block.transpose(p)) for p in itertools.permutations(range(len(reach))))


def test_swaps_of_the_equal_axes_only():
    weights = galerkin_weights(LogPotential(), (0.2, 0.5, 0.2), (9, 4, 9))
    assert np.array_equal(weights, weights.transpose(2, 1, 0))
    assert weights[1, 0, 0] != weights[0, 1, 0]


@pytest.mark.parametrize("q", [1, 2, 5, 10])
def test_hat_rule_is_exact(q):
    t, w = hat_rule(q)
    for p in range(2 * q):
        exact = 0.0 if p % 2 else 2 / ((p + 1) * (p + 2))
        assert w @ t**p == pytest.approx(exact, abs=1e-15)


@pytest.mark.parametrize("entry", [e for e in ENTRIES if e["id"].startswith("selfcell")], ids=lambda e: e["id"])
def test_potential_of_a_cell_at_its_centre(entry):
    """Unit cell as N^n nodes of density 1, N odd: the weights sum to the mean near the centre, by Richardson."""
    n, exact = entry["dimension"], float(entry["values"][0])
    potential = RieszPotential(float(entry["parameters"]["s"])) if "riesz" in entry["id"] else LogPotential()
    values = []
    for N in (27, 81):
        weights = galerkin_weights(potential, (1 / N,) * n, (N // 2,) * n)
        for _ in range(n):
            weights = 2 * weights.sum(axis=0) - weights[0]
        values.append(weights)
    limit = (9 * values[1] - values[0]) / 8
    if isinstance(potential, LogPotential):
        limit = (limit / logarithm_constant(n) + np.euler_gamma) / 2
    assert abs(limit - exact) <= 1e-6 * exact
    assert abs(values[0] - exact) <= 30 * abs(values[1] - exact)


@pytest.mark.parametrize("potential", [RieszPotential(0.2), RieszPotential(0.45), LogPotential()], ids=str)
@pytest.mark.parametrize("domain", [Interval(-1, 1), Box(((0, 1), (0, 2))), Ball(radius=1.0, dimension=2)], ids=str)
def test_eigenvalues_stay_above_the_floor(potential, domain):
    """On zero-mean fields for the logarithm; the spacing spoils nothing. Not by a factor 2^n above it either."""
    n = domain.dimension
    grid = domain.grid(*(40,) if n == 1 else (13, 17))
    dense = potential.on(grid).to_dense()
    basis = np.eye(grid.count)
    if isinstance(potential, LogPotential):
        basis = np.linalg.svd(np.ones((1, grid.count)))[2][1:].T
    smallest = np.linalg.eigvalsh(basis.T @ dense @ basis)[0]
    floor = symbol_floor(potential, grid.spacing)
    assert floor <= smallest <= 2 ** (n + 1) * floor


@pytest.mark.parametrize("potential", [RieszPotential(0.25), LogPotential()], ids=str)
def test_zero_self_cell_is_indefinite(potential):
    """The mutant of the "safe divide": trace 0, and no positivity on zero-mean fields."""
    grid = Box(((0, 1), (0, 1))).grid(12, 12)
    octant = galerkin_weights(potential, grid.spacing, (11, 11)).copy()
    basis = np.linalg.svd(np.ones((1, grid.count)))[2][1:].T
    smallest = []
    for weights in (octant, np.where(np.indices(octant.shape).sum(axis=0) > 0, octant, 0.0)):
        dense = toeplitz(weights, grid.shape)(np.eye(grid.count).reshape(-1, 12, 12)).reshape(grid.count, -1)
        smallest.append(np.linalg.eigvalsh(basis.T @ dense @ basis)[0])
    assert smallest[0] > 0
    assert smallest[1] < -0.1 * octant[0, 0]


def test_bad_lattices_are_refused():
    with pytest.raises(ValueError, match=r"reach=\[n - 1 for n in grid.shape\]"):
        galerkin_weights(LogPotential(), (1.0, -1.0), (3, 3))
    with pytest.raises(ValueError, match=r"Pass spacing=grid.spacing"):
        galerkin_weights(LogPotential(), (1.0,), (3, 3))


def test_weights_are_differentiable_in_s():
    torch = pytest.importorskip("torch")
    s = torch.tensor(0.6, dtype=torch.float64, requires_grad=True)
    for spacing, reach in (((0.5, 0.5), (10, 9)), ((0.5, 0.2), (9, 2))):
        weights = galerkin_weights(RieszPotential(s), spacing, reach)
        plain = galerkin_weights(RieszPotential(0.6), spacing, reach)
        assert np.allclose(weights.detach().numpy(), plain, rtol=1e-13)
        random = torch.from_numpy(np.random.default_rng(3).standard_normal(plain.shape))
        assert torch.autograd.gradcheck(
            lambda s, h=spacing, J=reach, v=random: (galerkin_weights(RieszPotential(s), h, J) * v).sum(), (s,)
        )


MEAN_WAVE = {1: np.cos, 2: j0, 3: lambda x: np.sinc(x / np.pi)}


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("x", [0.0, 3.5, 20.0, 44.9, 45.1, 150.0])
def test_transform_of_the_truncated_kernel(n, x):
    """|S^{n-1}| int_0^L k r^{n-1} f(k r) dr by adaptive quadrature with the algebraic weight split off."""
    area, L = {1: 2.0, 2: 2 * math.pi, 3: 4 * math.pi}[n], 1.7
    for s in ORDERS[n]:
        wave = MEAN_WAVE[n]
        rest = quad(lambda t, wave=wave: wave(x * t), 0, 1, weight="alg", wvar=(2 * s - 1, 0), limit=300)[0]
        exact = riesz_constant(n, s) * area * L ** (2 * s) * rest
        value = truncated_symbol(RieszPotential(s), np.array([x / L]), L, n)[0]
        assert value == pytest.approx(exact, rel=1e-9, abs=1e-11 * L ** (2 * s) * riesz_constant(n, s))
    raw = quad(lambda r: r ** (n - 1) * (-2 * math.log(r) - np.euler_gamma) * wave(x * r / L), 0, L, limit=300)[0]
    value = truncated_symbol(LogPotential(), np.array([x / L]), L, n)[0]
    assert value == pytest.approx(logarithm_constant(n) * area * raw, rel=1e-7, abs=1e-9)


def test_truncated_symbol_is_for_potentials():
    with pytest.raises(TypeError, match="write RieszPotential"):
        truncated_symbol(FractionalLaplacian(0.5), np.ones(1), 1.0, 1)

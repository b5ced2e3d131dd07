"""Statements of the two papers on nonlocal networks that fail as written, as counterexamples with closed-form numbers.

B: Bohn, Griebel, Kannan (2021). T: Tao, Sun, Du, Liu (2018). Numbers in parentheses are equations there.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import scipy.linalg

import pide
from pide.continuum.constants import logarithm_constant, riesz_constant
from pide.operators.affinity import GaussianAffinity, normalised
from pide.verification import HONEST, MUTANTS, check, dense_diffusion
from pide.verification.honest import power_family

LEAVES = 8


def star():
    """W of a centre joined to eight leaves."""
    W = np.zeros((LEAVES + 1, LEAVES + 1))
    W[0, 1:] = W[1:, 0] = 1.0
    return W


def test_plain_energy_grows_under_row_normalised_diffusion_and_the_degree_weighted_one_falls():
    """B (3.4): D^-1 W - I is not self-adjoint; centre 1, leaves 1/2: rates +3 and -4."""
    W = star()
    d = W.sum(1)
    v = np.r_[1.0, np.full(LEAVES, 0.5)]
    Lv = W @ v / d - v
    assert 2 * v @ Lv == 3.0
    assert 2 * (d * v) @ Lv == -4.0


def test_division_by_the_degree_of_the_column_does_not_keep_constants():
    """B below (4.2), T (23)-(24): columns of W D^-1 sum to one, its rows to 8 and 1/8."""
    W = star()
    columns, rows = W / W.sum(0)[None, :], W / W.sum(1)[:, None]
    assert columns.sum(0).tolist() == [1.0] * 9
    assert columns.sum(1).tolist() == [8.0] + [0.125] * LEAVES
    assert rows.sum(1).tolist() == [1.0] * 9


@pytest.mark.parametrize(("s", "mode"), [(0.5, 1), (0.5, 4), (0.25, 3)])
def test_adding_the_fractional_laplacian_is_anti_diffusion(s, mode):
    """B (4.4): X + h (-Delta)^s X multiplies a mode by 1 + h |k|^{2s}, X - h (-Delta)^s X by 1 - h |k|^{2s}."""
    grid = pide.Torus((1.0,)).grid(32)
    A = pide.FractionalLaplacian(s=s).on(grid, scheme="fourier")
    x, h = grid.sample(lambda x: np.cos(2 * np.pi * mode * x)), 0.01
    symbol = (2 * math.pi * mode) ** (2 * s)
    assert grid.norm(x + h * A(x)) / grid.norm(x) == pytest.approx(1 + h * symbol, rel=1e-12)
    assert grid.norm(x - h * A(x)) / grid.norm(x) == pytest.approx(1 - h * symbol, rel=1e-12)


def test_the_reverse_flow_fails_every_claim_of_decay():
    honest = HONEST["heat"]()
    assert check(honest).passed
    rows = check(MUTANTS["heat flows uphill"].subject())
    assert {"flow_energy", "flow_variance"} <= {row.claim for row in rows.rows if row.verdict == "FAILS"}


def test_a_dot_product_kernel_amplifies():
    """B (3.2) with theta = phi: positions +1 and -1 have w_12 = -1, so that L (1, -1) = +2 (1, -1)."""
    theta = np.array([1.0, -1.0])
    w = np.outer(theta, theta)
    L = w - np.diag(w.sum(1))
    assert (L @ theta).tolist() == (2 * theta).tolist()
    report = check(dense_diffusion(w - np.diag(np.diag(w)), np.ones(2)))
    assert report["nonnegative_rates"].verdict == "FAILS"
    assert report["negative_semidefinite"].verdict == "FAILS"


def test_different_embeddings_are_not_self_adjoint():
    """theta != phi: w_12 = theta_1 phi_2 = 2 and w_21 = theta_2 phi_1 = 3."""
    w = np.array([[0.0, 2.0], [3.0, 0.0]])
    L = w - np.diag(w.sum(1))
    assert np.ones(2) @ L @ np.array([1.0, 0.0]) == 1.0
    report = check(dense_diffusion(w, np.ones(2)))
    assert {report[name].verdict for name in ("self_adjoint", "conserves_mass", "symmetric_rates")} == {"FAILS"}


def test_the_logarithm_of_a_density_with_a_mean_depends_on_the_unit_of_length():
    """B (3.9): lengths times 2 add -2 c_1 log 2 int v to the potential, nothing when int v = 0."""
    one, two = (pide.LogPotential().on(pide.Interval(0, L).grid(16)) for L in (1, 2))
    v = np.linspace(0.0, 1.0, 16) ** 2
    change = two.apply(v) / 2 - one.apply(v)
    expected = -2 * float(logarithm_constant(1)) * math.log(2) * v.sum() / 16
    assert np.allclose(change, expected, rtol=1e-11)
    centred = v - v.mean()
    assert np.abs(two(centred) / 2 - one(centred)).max() <= 1e-13


@pytest.mark.parametrize("s", [0.1, 0.3, 0.45])
def test_a_zero_self_cell_makes_the_riesz_potential_indefinite_and_loses_h_to_the_2s(s):
    """The "safe divide": two cells have eigenvalues +-w; the lost entry is 2 c h^{2s} / (2s (2s + 1))."""
    grid = pide.Interval(0, 1).grid(20)
    octant = pide.RieszPotential(s=s).on(grid).octant
    lost = 2 * float(riesz_constant(1, s)) * 0.05 ** (2 * s) / (2 * s * (2 * s + 1))
    assert octant[0] == pytest.approx(lost, rel=1e-12)
    matrix = scipy.linalg.toeplitz(octant)
    assert np.linalg.eigvalsh(matrix)[0] > 0
    values = np.linalg.eigvalsh(matrix - octant[0] * np.eye(20))
    assert values.sum() == pytest.approx(0.0, abs=1e-10)
    assert values[0] < 0
    pair = scipy.linalg.toeplitz([0.0, octant[1]])
    assert np.linalg.eigvalsh(pair) == pytest.approx([-octant[1], octant[1]])


@pytest.mark.parametrize(("stages", "limit"), [(1, 2.0), (2, 1.0), (3, 1.35321), (4, 1.0), (5, 1.21486), (6, 1.0)])
def test_stages_that_restart_from_the_input_are_stable_up_to_h_lambda(stages, limit):
    """B_i = X + h L B_{i-1} is R(z) = 1 + z + ... + z^m: stable for h lambda <= 2, 1, 1.353, 1, 1.215, 1."""
    roots = [x for sign in (1, -1) for x in np.roots([(-1.0) ** k for k in range(stages, 0, -1)] + [1.0 - sign])]
    real = sorted(x.real for x in roots if abs(x.imag) < 1e-9 and x.real > 1e-6)
    assert real[0] == pytest.approx(limit, abs=1e-5)
    L = -2.0 * np.array([[1.0, -1.0], [-1.0, 1.0]]) / 4.0  # eigenvalue -1 on (1, -1)
    x = np.array([1.0, -1.0])
    for h, stable in ((limit * 0.999, True), (limit * 1.001, False)):
        b = x
        for _ in range(stages):
            b = x + h * (L @ b)
        assert (np.linalg.norm(b) <= np.linalg.norm(x)) == stable


def test_variance_grows_from_zero_under_zero_exterior():
    """u = 1 on (-1, 1), s = 1/2: the variance goes from 0 to 0.023 by t = 0.1, while the energy falls."""
    line = pide.Interval(-1, 1)
    problem = pide.Heat(pide.FractionalLaplacian(s=0.5), line, initial=1.0, exterior=pide.Zero())
    result = pide.solve(problem, on=line.grid(256), times=[0.0, 0.05, 0.1])
    assert result.variance[0] == pytest.approx(0.0, abs=1e-28)
    ratios = [(k - 0.5) / (k + 1.5) for k in range(1, 256)]
    weights = -np.cumprod([4 / (3 * math.pi), *ratios[:-1]]) * 128  # h^-1, h = 2 / 256
    matrix = scipy.linalg.toeplitz([4 / math.pi * 128, *weights])
    exact = scipy.linalg.expm(-0.1 * matrix) @ np.ones(256)
    assert result.variance[2] == pytest.approx(np.var(exact), rel=0.08)
    assert result.variance[2] == pytest.approx(0.0233, abs=5e-4)
    assert np.all(np.diff(result.energy) < 0)
    assert "variance_decay" not in result.operator.claims


def test_gershgorin_without_killing_is_no_bound():
    """Restricted (-Delta)^{1/2} on three nodes: max 2 d = 1.70 < lambda_max."""
    first, second = 4 / (3 * math.pi), 4 / (15 * math.pi)
    matrix = scipy.linalg.toeplitz([4 / math.pi, -first, -second])
    grid = pide.Interval(0, 3).grid(3)
    operator = pide.FractionalLaplacian(s=0.5).on(grid, exterior=pide.Zero(), scheme="lattice")
    assert np.allclose(operator.to_dense(), matrix, rtol=1e-12)
    largest = np.linalg.eigvalsh(matrix)[-1]
    assert 2 * (2 * first) == pytest.approx(1.70, abs=5e-3)
    assert largest > 2 * (2 * first)
    assert operator.spectral_bound() >= largest


def test_features_cannot_decrease_when_the_activation_comes_last():
    """B, published order conv -> BN -> ReLU: B = X + h ReLU(...) >= X, so positive data gain energy and mean."""
    x = np.array([1.0, 2.0, 4.0])
    for sign in (1.0, -1.0):
        L = sign * (np.ones((3, 3)) / 3 - np.eye(3))
        b = x + 0.1 * np.maximum(L @ x, 0)
        assert np.all(b >= x)
        assert b @ b > x @ x
        assert b.mean() > x.mean()


def test_zero_mean_is_a_steady_state_of_the_original_block_for_a_constant_affinity():
    """T after (28), "the only steady state is 0": sum_j omega_ij Z_j = 0 for omega = 1 and Z of zero mean."""
    z = np.array([3.0, -1.0, -2.0])
    assert (np.ones((3, 3)) @ z).tolist() == [0.0, 0.0, 0.0]


def test_symmetry_and_unit_rows_together_need_a_symmetric_scaling():
    """T (11), omega_ij = omega_ji, and (12), sum_j omega_ij = 1: division by row sums keeps only the second."""
    x = np.linspace(0.0, 1.0, 6)[:, None] ** 2
    omega = GaussianAffinity(width=0.3)(x)
    rows, scaled = normalised(omega, "rows"), normalised(omega, "sinkhorn")
    assert np.allclose(rows.sum(1), 1.0, atol=1e-14)
    assert np.abs(rows - rows.T).max() > 0.05
    assert np.abs(rows.sum(0) - 1.0).max() > 0.05
    assert np.abs(scaled.sum(1) - 1.0).max() <= 1e-12
    assert np.abs(scaled - scaled.T).max() <= 1e-15
    c = np.sqrt(np.diag(scaled) / np.diag(omega))
    assert np.allclose(scaled, c[:, None] * omega * c[None, :], rtol=1e-13)


def test_not_every_affinity_has_a_symmetric_scaling():
    """The star: leaves need c_0 c_i = 1, so that the row of the centre sums to 8."""
    sums = normalised(star(), "sinkhorn").sum(1)
    assert np.abs(sums - 1.0).max() > 0.5
    assert np.allclose(sums[1:], sums[1])


def test_bounded_is_not_hilbert_schmidt():
    """T section 4: r^{-3/4} is integrable on an interval, its square is not; both numbers under h -> h/2."""
    members = power_family(0.75).subjects
    norms = [subject.kernel_norm() ** 2 for subject in members]
    rates = [float(np.max(subject.degree)) for subject in members]
    growth = [b / a for a, b in pairwise(np.diff(norms))]
    shrink = [b / a for a, b in pairwise(np.diff(rates))]
    assert growth[-1] == pytest.approx(2**0.5, rel=0.05)
    assert shrink[-1] == pytest.approx(2**-0.25, rel=0.05)


def test_the_generator_itself_is_never_hilbert_schmidt():
    """L = K - d: the diagonal adds sum_i d_i^2 ~ N d^2, so |L|_F^2 doubles with N while that of K converges."""
    members = HONEST["gaussian family"]().subjects
    part = [s.kernel_norm() ** 2 for s in members]
    diagonal = [float(np.sum(s.degree**2)) for s in members]
    assert diagonal[-1] / diagonal[-2] == pytest.approx(2.0, rel=0.05)
    assert part[-1] / part[-2] < 1.1


def test_the_inverse_transform_of_a_power_has_a_factor_two_pi():
    """B below (3.7): (-Delta)^{-s} exp(-x^2/2) at 0 is 2^-s Gamma(1/2 - s) / sqrt(pi), not (2 pi)^{2s} times that."""
    s, grid = 0.2, pide.Interval(-9, 9).grid(361)
    value = pide.RieszPotential(s=s).on(grid)(grid.sample(lambda x: np.exp(-(x**2) / 2)))[180]
    exact = 2**-s * math.gamma(0.5 - s) / math.sqrt(math.pi)
    assert value == pytest.approx(exact, rel=1e-3)
    assert (2 * math.pi) ** (2 * s) * exact > 2 * value

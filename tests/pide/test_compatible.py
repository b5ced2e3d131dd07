"""Compatible weights: against adaptive integration, symbols, moments, supports and tails in closed form."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.integrate import dblquad, quad
from scipy.special import erf

from pide import kernels
from pide.quadrature.compatible import compatible_weights
from pide.quadrature.tail import mass_outside_box

FINITE = [
    kernels.Constant(horizon=0.37),
    kernels.Linear(horizon=0.37),
    kernels.PowerLaw(exponent=0.5, horizon=0.37),
    kernels.TruncatedFractional(s=0.3, horizon=0.37),
    kernels.TruncatedFractional(s=0.95, horizon=0.37),
]
INFINITE = [
    kernels.Gaussian(width=0.2),
    kernels.Exponential(length=0.1),
    kernels.Fractional(s=0.5),
    kernels.Tempered(s=0.8, rate=3.0),
]
SMOOTH = [
    kernels.Constant(horizon=0.2),
    kernels.Linear(horizon=0.2),
    kernels.Gaussian(width=0.08),
    kernels.TruncatedFractional(s=0.4, horizon=0.2, normalise="laplacian"),
]


def named(kernel):
    return type(kernel).__name__


def multiplicity(shape):
    """Number of offsets (+-j_1, ..., +-j_n)."""
    return 2.0 ** np.sum(np.indices(shape) > 0, axis=0)


def symbol(weights, spacing, wave):
    """sum_j beta_j (cos(k . z_j) - 1), offsets that are not listed entering through the rate."""
    j = np.indices(weights.octant.shape)
    phase = np.prod([np.cos(k * h * j_a) for k, h, j_a in zip(wave, spacing, j, strict=True)], axis=0)
    return np.sum(multiplicity(weights.octant.shape) * weights.octant * phase) - weights.rate


def second_moments(weights, spacing):
    counted = multiplicity(weights.octant.shape) * weights.octant
    return [np.sum(counted * (h * j) ** 2) for h, j in zip(spacing, np.indices(counted.shape), strict=True)]


@pytest.mark.parametrize("kernel", FINITE + INFINITE, ids=named)
def test_line_against_adaptive_integration(kernel):
    """W(z) = |z| and phi_j W gamma / W(z_j) on either side of z_j."""
    h = 0.1
    weights = compatible_weights(kernel, (h,), (6,))
    a = kernel.singularity(1)
    for j in range(1, len(weights.octant)):

        def integrand(z, j=j):
            return max(1 - abs(z / h - j), 0) * z * float(kernel.profile(z, 1)) / (j * h)

        end = min((j + 1) * h, kernel.horizon)
        if j == 1:  # phi_1 = z / h: the algebraic weight takes z^(2 - a)
            first = min(h, kernel.horizon)
            expected = quad(
                lambda z: float(kernel.regular_part(z, 1)) / h**2, 0, first, weight="alg", wvar=(2 - a, 0), epsabs=1e-13
            )[0]
        else:
            first = min(j * h, end)
            expected = quad(integrand, (j - 1) * h, first, epsabs=1e-14)[0]
        expected += quad(integrand, first, end, epsabs=1e-14)[0]
        assert_allclose(weights.octant[j], expected, rtol=1e-11)


@pytest.mark.parametrize("kernel", [FINITE[1], FINITE[3], INFINITE[2]], ids=named)
@pytest.mark.parametrize("j", [(1, 1), (2, 3), (0, 3), (3, 2)])
def test_plane_against_adaptive_integration(kernel, j):
    spacing = (0.1, 0.1)
    weights = compatible_weights(kernel, spacing, (5, 5))
    total = 0.0
    for cell in {(j[0] - a, j[1] - b) for a in (0, 1) for b in (0, 1)} - {(-1, 2), (-1, 3)}:
        total += _cell_integral(kernel, spacing, cell, j)
    z = np.array(j) * spacing
    expected = total * 2 ** j.count(0) * np.sum(z) / np.sum(z**2)
    assert_allclose(weights.octant[j], expected, rtol=1e-8)


def _cell_integral(kernel, spacing, cell, j):
    """int phi_j W gamma over one cell, in polar coordinates on the cell at the origin."""
    (x0, y0), (x1, y1) = (
        (c * h for c, h in zip(corner, spacing, strict=True)) for corner in (cell, [c + 1 for c in cell])
    )

    def integrand(x, y):
        hat = math.prod(1 - abs(z / h - k) for z, h, k in zip((x, y), spacing, j, strict=True))
        r = math.hypot(x, y)
        return hat * r**2 / (x + y) * float(kernel.profile(r, 2))

    if cell == (0, 0):

        def radial(r, phi):
            return r * integrand(r * math.cos(phi), r * math.sin(phi))

        halves = [
            dblquad(radial, a, b, 1e-12, lambda phi, f=f: x1 / f(phi), epsabs=0, epsrel=1e-10)[0]
            for a, b, f in ((0, math.pi / 4, math.cos), (math.pi / 4, math.pi / 2, math.sin))
        ]
        return sum(halves)
    delta = kernel.horizon
    if math.hypot(x0, y0) >= delta:
        return 0.0
    breaks = [math.sqrt(max(delta**2 - y**2, 0)) for y in (y1, y0)] if math.isfinite(delta) else []
    ends = sorted({x0, x1, *(min(max(b, x0), x1) for b in breaks)})

    def top(x):
        return min(y1, math.sqrt(max(delta**2 - x**2, 0))) if math.isfinite(delta) else y1

    return sum(
        dblquad(lambda y, x: integrand(x, y), a, b, y0, lambda x: max(top(x), y0), epsabs=1e-14, epsrel=1e-10)[0]
        for a, b in pairwise(ends)
    )


@pytest.mark.parametrize("j", [(1, 1, 1), (2, 0, 3), (2, 2, 2), (3, 3, 1)])
def test_space_against_a_fine_midpoint_rule(j):
    h, delta, m = 0.1, 0.37, 80
    kernel = kernels.Linear(horizon=delta)
    weights = compatible_weights(kernel, (h,) * 3, (4,) * 3)
    axes = [(np.arange(-m, m) + 0.5) / m * h + k * h for k in j]
    x, y, z = np.meshgrid(*axes, indexing="ij", sparse=True)
    r = np.sqrt(x**2 + y**2 + z**2)
    hats = [1 - np.abs(axis / h - k) for axis, k in zip(axes, j, strict=True)]
    density = r**2 / (np.abs(x) + np.abs(y) + np.abs(z)) * kernel(r, 3)
    total = np.einsum("ijk,i,j,k->", density, *hats) * (h / m) ** 3
    assert_allclose(weights.octant[j], total * sum(j) / (sum(k**2 for k in j) * h), rtol=5e-4)


@pytest.mark.parametrize("kernel", SMOOTH, ids=named)
@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("ratios", [(1.0, 1.0, 1.0), (1.0, 0.7, 0.5)], ids=["equal", "unequal"])
def test_symbol_converges_with_order_two(kernel, n, ratios):
    wave = 2 * np.pi * np.array([1.0, 2.0, 1.0])[:n]
    exact = kernel.symbol(float(np.linalg.norm(wave)), n)
    errors = []
    for h in (0.04, 0.02, 0.01) if n < 3 else (0.1, 0.05, 0.025):
        spacing = tuple(h * ratio for ratio in ratios[:n])
        weights = compatible_weights(kernel, spacing, tuple(math.ceil(0.4 / a) for a in spacing))
        errors.append(abs(symbol(weights, spacing, wave) / exact - 1))
    rates = np.log2(np.array(errors[:-1]) / errors[1:])
    assert np.all(rates > 1.85)
    assert errors[-1] < 2e-2


def test_symbol_of_the_constant_kernel_in_the_plane():
    """Relative errors at mode (1, 2), computed by an independent subdivision rule."""
    wave, k = 2 * np.pi * np.array([1.0, 2.0]), 2 * np.pi * math.sqrt(5)
    for delta, expected in ((0.2, (7.5e-2, 1.9e-2, 4.7e-3, 1.2e-3)), (0.05, (5.4e-3, 1.3e-3, 3.3e-4, 8.1e-5))):
        kernel = kernels.Constant(horizon=delta)
        for m, error in zip((2, 4, 8, 16), expected, strict=True):
            spacing = (delta / m,) * 2
            computed = symbol(compatible_weights(kernel, spacing, (m, m)), spacing, wave)
            assert_allclose(1 - computed / kernel.symbol(k, 2), error, rtol=0.03)


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("m", [1, 2, 4])
@pytest.mark.parametrize("ratios", [(1.0, 1.0, 1.0), (1.0, 0.6, 0.3)], ids=["equal", "unequal"])
def test_asymptotically_compatible(n, m, ratios):
    """With delta = m h fixed in h, the symbol tends to -|k|^2 as delta -> 0, with order two."""
    wave = 2 * np.pi * np.array([1.0, 2.0, 1.0])[:n]
    errors = []
    for delta in (0.05, 0.025, 0.0125):
        spacing = tuple(delta / m * ratio for ratio in ratios[:n])
        weights = compatible_weights(kernels.Constant(horizon=delta), spacing, (4 * m,) * n)
        errors.append(abs(symbol(weights, spacing, wave) / -np.sum(wave**2) - 1))
    assert np.all(np.array(errors[:-1]) > 3.6 * np.array(errors[1:]))
    assert errors[-1] < 5e-3


@pytest.mark.parametrize("kernel", FINITE, ids=named)
@pytest.mark.parametrize("spacing", [(0.1,), (0.1, 0.1), (0.1, 0.1, 0.1), (0.1, 0.04), (0.1, 0.08, 0.03), (0.9, 0.5)])
def test_second_moments_are_exact(kernel, spacing):
    n = len(spacing)
    weights = compatible_weights(kernel, spacing, (20,) * n)
    assert_allclose(second_moments(weights, spacing), kernel.second_moment(n), rtol=1e-12)
    assert_allclose(np.sum(multiplicity(weights.octant.shape) * weights.octant), weights.rate, rtol=1e-14)


@pytest.mark.parametrize("spacing", [(0.1,), (0.1, 0.1), (0.1, 0.07), (0.1, 0.1, 0.1), (0.1, 0.06, 0.08)])
@pytest.mark.parametrize("delta", [0.03, 0.1, 0.3, 0.35, 0.1 * math.sqrt(2) + 1e-9])
def test_support_is_every_offset_with_a_cell_in_the_ball(spacing, delta):
    n = len(spacing)
    weights = compatible_weights(kernels.Constant(horizon=delta), spacing, (14,) * n)
    j = np.indices((15,) * n)
    nearest = [h * np.maximum(j_a - 1, 0) for h, j_a in zip(spacing, j, strict=True)]
    expected = sum(z**2 for z in nearest) < (delta * (1 - 1e-10)) ** 2
    expected[(0,) * n] = False
    found = np.zeros((15,) * n, dtype=bool)
    found[tuple(slice(s) for s in weights.octant.shape)] = weights.octant > 0
    assert np.array_equal(found, expected)
    assert weights.support == tuple(int(k[expected].max()) for k in j)
    assert any("unresolved" in note for note in weights.notes) == (delta < 2 * max(spacing))


@given(
    st.sampled_from(FINITE + INFINITE),
    st.lists(st.floats(0.03, 0.5), min_size=1, max_size=3),
    st.integers(1, 7),
    st.booleans(),
)
def test_nonnegative_and_symmetric_bit_for_bit(kernel, spacing, reach, equal):
    n = len(spacing)
    spacing = (spacing[0],) * n if equal else tuple(spacing)
    weights = compatible_weights(kernel, spacing, tuple(reach + a for a in range(n)))
    assert weights.octant.flat[0] == 0
    assert np.all(weights.octant >= 0)
    assert np.sum(multiplicity(weights.octant.shape) * weights.octant) <= weights.rate * (1 + 1e-14)
    if equal and n > 1:
        common = weights.octant[(slice(min(weights.octant.shape)),) * n]
        for a in range(n - 1):
            assert np.array_equal(common, np.swapaxes(common, a, a + 1))


@pytest.mark.parametrize("kernel", INFINITE, ids=named)
@pytest.mark.parametrize("n", [1, 2, 3])
def test_listed_weights_do_not_depend_on_the_reach(kernel, n):
    """Full hats at the edge of the list; the rate changes by O(h^2 / R^2) of the tail only."""
    few, many = (compatible_weights(kernel, (0.1,) * n, (J,) * n) for J in (4, 12))
    assert_allclose(few.octant, many.octant[(slice(5),) * n], rtol=1e-13, atol=1e-16 * many.rate)
    tail = mass_outside_box(kernel, (0.5,) * n)
    assert abs(few.rate - many.rate) < 0.02 * tail
    assert few.support is None
    assert any(note.startswith("tail") for note in few.notes)


@pytest.mark.parametrize("kernel", FINITE, ids=named)
def test_horizon_beyond_the_reach(kernel):
    spacing = (0.05, 0.1)
    part, whole = (compatible_weights(kernel, spacing, reach) for reach in ((3, 5), (8, 4)))
    assert part.support == whole.support == (8, 4)
    assert part.octant.shape == (4, 5)
    assert_allclose(part.octant[2:, 2:], whole.octant[2:4, 2:], rtol=0.02)
    assert_allclose(part.rate, whole.rate, rtol=0.02)
    line, longer = (compatible_weights(kernel, (0.1,), (J,)) for J in (2, 4))
    assert np.array_equal(line.octant, longer.octant[:3])
    assert_allclose(line.rate, longer.rate, rtol=0.02)


@pytest.mark.parametrize("widths", [(0.3,), (0.3, 0.2), (0.05, 0.4), (0.3, 0.2, 0.25), (0.1, 0.5, 0.2)])
def test_mass_of_a_gaussian_outside_a_box(widths):
    kernel = kernels.Gaussian(width=0.2, normalise="mass")
    inside = math.prod(erf(L / 0.2) for L in widths)
    assert_allclose(mass_outside_box(kernel, widths), 1 - inside, rtol=1e-12)


def test_mass_of_a_ball_outside_a_box():
    """Segments of the disc, caps of the ball: delta < L sqrt(2), so that they do not meet."""
    disc, ball = (kernels.Constant(horizon=0.3, normalise=None) for _ in range(2))
    sides = (0.25, 0.28, 0.4)
    segments = sum(2 * (0.09 * math.acos(L / 0.3) - L * math.sqrt(0.09 - L**2)) for L in sides[:2])
    caps = sum(2 * math.pi * (0.3 - L) ** 2 * (0.6 + L) / 3 for L in sides[:2])
    assert_allclose(mass_outside_box(disc, sides[:2]), segments, rtol=1e-12)
    assert_allclose(mass_outside_box(ball, sides), caps, rtol=1e-12)


PARAMETERS = [
    ("width", 0.23, lambda p: kernels.Gaussian(width=p)),
    ("truncated s", 0.6, lambda p: kernels.TruncatedFractional(s=p, horizon=0.37)),
    ("tempered s", 0.4, lambda p: kernels.Tempered(s=p, rate=2.0)),
    ("fractional s", 0.93, lambda p: kernels.Fractional(s=p)),
]


@pytest.mark.parametrize(("name", "value", "make"), PARAMETERS, ids=[row[0] for row in PARAMETERS])
@pytest.mark.parametrize("spacing", [(0.1,), (0.1, 0.1), (0.1, 0.06), (0.1, 0.1, 0.1)])
def test_gradient_in_kernel_parameters(name, value, make, spacing):
    torch = pytest.importorskip("torch")
    reach = (5,) * len(spacing)
    p = torch.tensor(value, dtype=torch.float64, requires_grad=True)
    weights, plain = compatible_weights(make(p), spacing, reach), compatible_weights(make(value), spacing, reach)
    assert_allclose(weights.octant.detach().numpy(), plain.octant, rtol=1e-12, atol=1e-15 * plain.rate)
    signs = np.cos(np.arange(plain.octant.size)).reshape(plain.octant.shape)

    def total(weights, signs):
        return (weights.octant * signs).sum() + weights.rate

    total(weights, torch.asarray(signs)).backward()
    d = 1e-4
    values = [total(compatible_weights(make(value + k * d), spacing, reach), signs) for k in (-2, -1, 1, 2)]
    assert_allclose(p.grad.item(), np.dot(values, [1, -8, 8, -1]) / (12 * d), rtol=1e-8)


def test_weights_of_equal_kernels_are_shared_and_read_only():
    first = compatible_weights(kernels.Gaussian(width=0.2), (0.1, 0.1), (4, 4))
    assert compatible_weights(kernels.Gaussian(width=0.2), [0.1, 0.1], [4, 4]) is first
    with pytest.raises(ValueError, match="read-only"):
        first.octant[1, 1] = 0.0


def test_sign_changing_kernel_says_when_moments_are_left_alone():
    kernel = kernels.Radial(lambda r: 1 - 2.61 * r, horizon=0.5)
    weights = compatible_weights(kernel, (0.1, 0.03), (20, 20))
    assert any(note.startswith("not asymptotically compatible") for note in weights.notes)


@pytest.mark.parametrize(
    ("spacing", "reach", "remedy"),
    [
        ((0.1, 0.1), (4,), "one reach per axis"),
        ((0.1,) * 4, (4,) * 4, "one, two or three of each"),
        ((0.1, 0.0), (4, 4), "positive finite spacings"),
        ((0.1,), (0,), r"Write reach=\(1, ...\)"),
    ],
)
def test_refused(spacing, reach, remedy):
    with pytest.raises(ValueError, match=remedy):
        compatible_weights(kernels.Gaussian(width=0.2), spacing, reach)

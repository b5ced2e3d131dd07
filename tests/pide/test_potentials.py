"""Potentials on grids against closed forms, their laws on the torus, positivity, namespaces and messages."""

import json
import math
from pathlib import Path

import array_api_strict
import numpy as np
import pytest
from scipy.special import dawsn, exp1, gamma, hyp1f1, hyp2f1

from pide import verification
from pide.continuum.constants import logarithm_constant, riesz_constant
from pide.continuum.domains import Ball, Box, Interval, Torus
from pide.continuum.domains_implicit import Mask
from pide.continuum.exterior import Reflecting, Zero
from pide.continuum.operators import FractionalLaplacian
from pide.continuum.potentials import LogPotential, RieszPotential

ENTRIES = json.loads((Path(__file__).parents[1] / "reference" / "potentials.json").read_text())["entries"]
HALF = 8 / math.sqrt(2)
"""Half-width of the box in which exp(-r^2) = exp(-r^2 / 2 sigma^2) has sigma = half-width / 8."""


def riesz_gauss(n, s, r):
    return 4.0**-s * gamma(n / 2 - s) / gamma(n / 2) * hyp1f1(n / 2 - s, n / 2, -(r**2))


def riesz_ball(n, s, r):
    inside = 4.0**-s * gamma(n / 2 - s) / (gamma(n / 2) * gamma(1 + s))
    inside = inside * hyp2f1(n / 2 - s, -s, n / 2, np.minimum(r, 1.0) ** 2)
    far = np.maximum(r, 1.0)
    volume = math.pi ** (n / 2) / gamma(1 + n / 2)
    outside = riesz_constant(n, s) * far ** (2 * s - n) * volume * hyp2f1(n / 2 - s, 1 - s, 1 + n / 2, far**-2.0)
    return np.where(r < 1, inside, outside)


def log_density(n, r):
    """-(1/2) (exp(-r^2))'' for n = 1, -Delta exp(-r^2) for n = 2, 3."""
    return {1: 1 - 2 * r**2, 2: 4 * (1 - r**2), 3: 6 - 4 * r**2}[n] * np.exp(-(r**2))


def log_potential(n, r):
    if n == 1:
        return (1 - 2 * r * dawsn(r)) / math.sqrt(math.pi)
    return np.exp(-(r**2)) if n == 2 else 0.5 / gamma(1.5) * hyp1f1(1.0, 1.5, -(r**2))


FORMULAS = {
    "riesz.gauss": lambda n, s, r: riesz_gauss(n, s, r),
    "riesz.ball": lambda n, s, r: riesz_ball(n, s, r),
    "log.n": lambda n, s, r: log_potential(n, r),
}
CLOSED = [(e, f) for e in ENTRIES for prefix, f in FORMULAS.items() if e["id"].startswith(prefix)]


@pytest.mark.parametrize(("entry", "formula"), CLOSED, ids=lambda x: x["id"] if isinstance(x, dict) else "")
def test_formulas_of_this_file(entry, formula):
    """What the tests below take for the truth at every node agrees with the reference values."""
    r, values = np.array(entry["points"], dtype=float), np.array(entry["values"], dtype=float)
    assert np.allclose(formula(entry["dimension"], float(entry["parameters"]["s"]), r), values, rtol=1e-12)


def centred(n, count):
    """Grid of count^n cells over the box, and the distance from its middle."""
    domain = Interval(-HALF, HALF) if n == 1 else Box(((-HALF, HALF),) * n)
    grid = domain.grid(*(count,) * n)
    return grid, np.sqrt(sum(x**2 for x in grid.coordinates))


GAUSSIANS = [(1, 0.05), (1, 0.25), (1, 0.45), (2, 0.05), (2, 0.5), (2, 0.95), (3, 0.25), (3, 1.0), (3, 1.45)]


@pytest.mark.parametrize(("n", "s"), GAUSSIANS)
def test_spectral_riesz_of_a_gaussian(n, s):
    """64 points per axis, sigma = 1/8 of the half-width: at most 1e-10 of the largest value at every node."""
    grid, r = centred(n, 64)
    exact = riesz_gauss(n, s, r)
    u = RieszPotential(s).on(grid, scheme="spectral")(np.exp(-(r**2)))
    assert np.abs(u - exact).max() <= 2e-11 * exact.max()


@pytest.mark.parametrize("n", [1, 2, 3])
def test_spectral_logarithm(n):
    grid, r = centred(n, 64)
    u = LogPotential().on(grid, scheme="spectral")(log_density(n, r))
    assert np.abs(u - log_potential(n, r)).max() <= 1e-11


def test_spectral_on_cells_that_are_not_cubes():
    grid = Box(((-HALF, HALF), (-7, 5))).grid(75, 64)
    r = np.hypot(*grid.coordinates)
    u = RieszPotential(0.5).on(grid, scheme="spectral")(np.exp(-(r**2)))
    assert np.abs(u - riesz_gauss(2, 0.5, r)).max() <= 1e-10


def test_gauge_of_the_logarithm():
    """c_n int (-2 log|x - y| - gamma) v dy for a density of mass pi: apply does not ask for the mean."""
    entry = next(e for e in ENTRIES if e["id"] == "log.raw.n2")
    raw = {"0": math.pi * np.euler_gamma}
    raw |= {p: -math.pi * (2 * math.log(float(p)) + exp1(float(p) ** 2)) for p in entry["points"][1:]}
    assert list(raw.values()) == pytest.approx([float(value) for value in entry["values"]], rel=1e-13)
    grid, r = centred(2, 64)
    u = LogPotential().on(grid, scheme="spectral").apply(np.exp(-(r**2)))
    exact = -math.pi * (2 * np.log(r) + exp1(r**2) + np.euler_gamma) * logarithm_constant(2)
    assert np.abs(u - exact).max() <= 1e-11


def orders(errors, counts):
    return -np.diff(np.log(errors)) / np.diff(np.log(counts))


@pytest.mark.parametrize(("n", "s"), GAUSSIANS)
def test_galerkin_is_second_order(n, s):
    """The next term is h^{2 + 2s}, so that the order is approached slowly for small s."""
    counts = (32, 64, 128) if n < 3 else (16, 24, 36)
    errors = []
    for count in counts:
        grid, r = centred(n, count)
        exact = riesz_gauss(n, s, r)
        errors.append(float(grid.norm(RieszPotential(s).on(grid)(np.exp(-(r**2))) - exact) / grid.norm(exact)))
    first, last = orders(errors, counts)
    assert last == pytest.approx(2, abs=0.25 if n < 3 else 0.35)
    assert abs(last - 2) < max(abs(first - 2), 0.05)
    assert errors[-1] < (2e-3 if n < 3 else 4e-2)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_galerkin_logarithm_is_second_order(n):
    counts = (32, 64, 128) if n < 3 else (16, 24, 36)
    errors = []
    for count in counts:
        grid, r = centred(n, count)
        v = log_density(n, r)
        errors.append(np.abs(LogPotential().on(grid)(v - grid.mean(v)) - log_potential(n, r)).max())
    assert orders(errors, counts)[-1] == pytest.approx(2, abs=0.2 if n < 3 else 0.5)


@pytest.mark.parametrize("s", [0.05, 0.25, 0.45])
def test_indicator_of_an_interval_exactly(s):
    """Constants are piecewise constant: A 1 is the cell mean of the closed-form potential, whatever h."""
    grid = Interval(-1, 1).grid(37)
    u = RieszPotential(s).on(grid)(np.ones(37))
    x, h, c = grid.axes[0], grid.spacing[0], riesz_constant(1, s)

    def integral(x):
        """Of sign(y) |y|^{2s} / (2s), whose difference at x + 1 and x - 1 is the potential."""
        return c * np.abs(x) ** (2 * s + 1) / (2 * s * (2 * s + 1))

    a, b = x - h / 2, x + h / 2
    exact = (integral(b + 1) - integral(a + 1) - integral(b - 1) + integral(a - 1)) / h
    assert np.abs(u - exact).max() <= 1e-13 * exact.max()


@pytest.mark.parametrize(("n", "s"), [(2, 0.25), (2, 0.5), (2, 0.95), (3, 0.5), (3, 1.25)])
def test_indicator_of_a_ball(n, s):
    """The staircase of the ball and the kink at its boundary leave order 1 or more in L2 over a family of grids."""
    counts = np.array([24, 36, 54, 81, 120] if n == 2 else [12, 18, 27, 40])
    errors = []
    for count in counts:
        grid = Box(((-1.5, 1.5),) * n).grid(*(int(count),) * n)
        r = np.sqrt(sum(x**2 for x in grid.coordinates))
        exact = riesz_ball(n, s, r)
        errors.append(float(grid.norm(RieszPotential(s).on(grid)((r < 1) * 1.0) - exact) / grid.norm(exact)))
    slope = -np.polyfit(np.log(counts), np.log(errors), 1)[0]
    assert slope >= min(0.9, s + 0.4)
    assert errors[-1] < 0.05


def test_a_domain_is_a_part_of_its_box():
    """On a disc and on a mask A is the principal submatrix of the operator of the bounding lattice."""
    disc = Ball(radius=1.0, dimension=2).grid(14)
    mask = Mask(disc.inside.copy(), spacing=disc.spacing[0]).grid()
    box = Box(((0, 14 * disc.spacing[0]),) * 2).grid(14, 14)
    v = disc.expand(np.random.default_rng(0).standard_normal(disc.count))
    whole = RieszPotential(0.4).on(box)(v)
    for grid in (disc, mask):
        u = RieszPotential(0.4).on(grid)(v)
        assert np.abs(u - np.where(disc.inside, whole, 0.0)).max() <= 1e-14 * np.abs(whole).max()
        assert not u[~grid.inside].any()


def torus_field(grid, seed=0):
    v = np.random.default_rng(seed).standard_normal(grid.shape)
    v -= v.mean()
    return v - v.mean()


TORI = [Torus((1.0,)).grid(30), Torus((1.0, 2.0)).grid(12, 15), Torus((1.0, 1.0, 1.0)).grid(6, 6, 8)]


@pytest.mark.parametrize("grid", TORI, ids=lambda grid: f"n={grid.dimension}")
@pytest.mark.parametrize("s", [0.1, 0.3, 0.49])
def test_inverse_pair_on_the_torus(grid, s):
    v = torus_field(grid)
    A, B = FractionalLaplacian(s).on(grid, scheme="fourier"), RieszPotential(s).on(grid)
    for w in (A(B(v)), B.apply(A(v))):
        assert np.abs(w - v).max() <= 1e-13 * np.abs(v).max()


@pytest.mark.parametrize("grid", TORI, ids=lambda grid: f"n={grid.dimension}")
def test_semigroup_and_limits_on_the_torus(grid):
    n, v = grid.dimension, torus_field(grid)
    a, b = 0.13, 0.31
    once = RieszPotential(a + b).on(grid)(v)
    twice = RieszPotential(a).on(grid).apply(RieszPotential(b).on(grid)(v))
    assert np.abs(once - twice).max() <= 1e-14 * np.abs(v).max()
    assert np.abs(RieszPotential(1e-12).on(grid)(v) - v).max() <= 1e-10
    logarithmic = LogPotential().on(grid)(v)
    assert np.abs(RieszPotential(n / 2 - 1e-9).on(grid)(v) - logarithmic).max() <= 1e-7 * np.abs(logarithmic).max()


def test_scaling():
    """Lengths doubled: 2^{2s} times the potential, on the torus and, for any domain, entry by entry."""
    for s in (0.2, 0.45):
        small, large = Torus((1.0,)).grid(30), Torus((2.0,)).grid(30)
        v = torus_field(small)
        ratio = RieszPotential(s).on(large)(v) / RieszPotential(s).on(small)(v)
        assert np.allclose(ratio, 2 ** (2 * s), rtol=1e-11)
        small, large = Interval(0, 1).grid(30), Interval(0, 2).grid(30)
        ratio = RieszPotential(s).on(large).to_dense() / RieszPotential(s).on(small).to_dense()
        assert np.allclose(ratio, 2 ** (2 * s), rtol=1e-11)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_riesz_tends_to_the_logarithm_on_zero_mean_data(n):
    """c_{n,-s} (r^{2s-n} - 1) -> -2 c_n log r: the difference falls like n/2 - s."""
    grid = (Interval(0, 1) if n == 1 else Box(((0, 1),) * n)).grid(*(8,) * n)
    v = torus_field(grid)
    limit = LogPotential(project=True).on(grid)(v)
    gaps = [
        np.abs(RieszPotential(n / 2 - gap, project=True).on(grid)(v) - limit).max() / np.abs(limit).max()
        for gap in (1e-3, 1e-4)
    ]
    assert gaps[1] < 1e-3
    assert gaps[0] / gaps[1] == pytest.approx(10, rel=0.05)


def test_riesz_tends_to_the_identity():
    grid, r = centred(1, 64)
    v = np.exp(-(r**2))
    for scheme in ("galerkin", "spectral"):
        assert np.abs(RieszPotential(1e-6).on(grid, scheme=scheme)(v) - v).max() < 2e-5


def test_nothing_special_at_one_half():
    """s = 1/2 and s = 1 in R^3 lie between their neighbours to second order."""
    grid, r = centred(3, 12)
    v = np.exp(-(r**2))
    for s in (0.5, 1.0):
        left, middle, right = (RieszPotential(s + d).on(grid)(v) for d in (-1e-3, 0.0, 1e-3))
        assert np.abs(left + right - 2 * middle).max() < 3e-5 * np.abs(middle).max()


PLANE = Ball(radius=1.0, dimension=2).grid(13)
OPERATORS = {
    "galerkin, riesz": lambda: RieszPotential(0.6).on(PLANE),
    "galerkin, riesz, not hilbert-schmidt": lambda: RieszPotential(0.3).on(PLANE),
    "galerkin, riesz projected": lambda: RieszPotential(0.2, project=True).on(Interval(-1, 1).grid(40)),
    "galerkin, log": lambda: LogPotential().on(PLANE),
    "galerkin, log projected": lambda: LogPotential(project=True).on(PLANE),
    "spectral, riesz": lambda: RieszPotential(0.7).on(Box(((0, 1), (0, 2))).grid(9, 11), scheme="spectral"),
    "fourier, riesz": lambda: RieszPotential(0.7).on(TORI[1]),
    "fourier, log": lambda: LogPotential().on(TORI[2]),
}


@pytest.mark.parametrize("name", OPERATORS)
def test_claims_hold(name):
    A = OPERATORS[name]()
    assert {"linear", "self_adjoint", "adjoint"} <= A.claims
    assert ("hilbert_schmidt" in A.claims) == (
        name not in ("galerkin, riesz, not hilbert-schmidt", "galerkin, riesz projected")
    )
    assert ("positive_semidefinite" in A.claims) == (name not in ("galerkin, log", "spectral, riesz"))
    verification.check(A, samples=6).raise_if_failed()
    values = np.linalg.eigvalsh(A.to_dense())
    assert max(-values[0], values[-1]) <= A.spectral_bound() * (1 + 1e-14)
    assert A.spectral_bound() <= 3 * max(-values[0], values[-1])
    if "positive_semidefinite" in A.claims:
        assert values[0] >= -A.space.count * np.finfo(float).eps * values[-1]
    assert np.allclose(A.diagonal()[A.space.inside], np.diag(A.to_dense()), rtol=1e-12)


def test_unprojected_logarithm_is_indefinite():
    """Why it does not claim to be positive: on the disc of radius 1 in the gauge -gamma the constants are negative."""
    A = LogPotential().on(Ball(radius=2.0, dimension=2).grid(13))
    one = A.space.inside * 1.0
    assert A.space.inner(A.apply(one), one) < 0


def test_a_wrong_claim_dies():
    """The check of positive_semidefinite kills the operator with a zero self cell."""
    from dataclasses import replace

    from pide.operators.toeplitz import toeplitz

    A = RieszPotential(0.25).on(PLANE)
    octant = A.octant.copy()
    octant[0, 0] = 0.0
    mutant = replace(A, octant=octant, convolution=toeplitz(octant, PLANE.shape))
    assert not verification.check(mutant, claims=["positive_semidefinite"]).passed


def test_projection_removes_both_means():
    grid = Interval(0, 1).grid(20)
    v = torus_field(grid)
    projected, plain = LogPotential(project=True).on(grid), LogPotential().on(grid)
    u = projected(v + 3.0)
    assert grid.mean(u) == pytest.approx(0, abs=1e-15)
    w = plain(v)
    assert np.abs(u - (w - grid.mean(w))).max() <= 1e-14 * np.abs(w).max() + 1e-15
    torus = TORI[0]
    assert np.allclose(RieszPotential(0.3, project=True).on(torus)(torus_field(torus) + 5.0).mean(), 0, atol=1e-14)


def test_gauge_is_free_of_the_unit_of_length():
    """With project=True lengths in metres or kilometres differ by the factor 1000^n only, also in the bound."""
    metres = LogPotential(project=True).on(Interval(0, 1000).grid(20))
    kilometres = LogPotential(project=True).on(Interval(0, 1).grid(20))
    assert np.allclose(metres.to_dense(), 1000 * kilometres.to_dense(), rtol=1e-9, atol=1e-12)
    assert metres.spectral_bound() == pytest.approx(1000 * kilometres.spectral_bound(), rel=1e-9)


DEVICES = [array_api_strict.Device("CPU_DEVICE"), array_api_strict.Device("device1")]


@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.parametrize("device", DEVICES, ids=str)
def test_strict_namespace_and_device(name, device):
    A = OPERATORS[name]()
    v = A.space.expand(np.random.default_rng(1).standard_normal((2, A.space.count)))
    v = v - np.where(A.space.inside, A.space.mean(v).reshape(2, *(1,) * A.space.dimension), 0.0)
    u = A(array_api_strict.asarray(v, device=device))
    assert u.device == device
    back = np.asarray(array_api_strict.asarray(u, device=DEVICES[0]))
    assert np.abs(back - A(v)).max() <= 1e-13 * np.abs(back).max()


@pytest.mark.parametrize("name", OPERATORS)
def test_float32_and_gradients_in_torch(name):
    torch = pytest.importorskip("torch")
    A = OPERATORS[name]()
    v = A.space.expand(np.random.default_rng(1).standard_normal(A.space.count))
    v = v - np.where(A.space.inside, A.space.mean(v), 0.0)
    single = A(torch.from_numpy(v.astype(np.float32)))
    assert single.dtype == torch.float32
    assert np.abs(single.numpy() - A(v)).max() <= 1e-5 * np.abs(A(v)).max()
    u = torch.from_numpy(v[None]).requires_grad_(True)
    random = torch.from_numpy(np.random.default_rng(2).standard_normal(v.shape))
    assert torch.autograd.gradcheck(lambda u: (A.apply(u) * random).sum(), (u,))


@pytest.mark.parametrize("grid", [Interval(-1, 1).grid(12), Box(((0, 1), (0, 2))).grid(5, 4), TORI[0]], ids=str)
@pytest.mark.parametrize("project", [False, True])
def test_gradients_in_s(grid, project):
    torch = pytest.importorskip("torch")
    s = torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
    v = torch.from_numpy(torus_field(grid))
    assert torch.autograd.gradcheck(lambda s: RieszPotential(s, project).on(grid)(v).sin().sum(), (s,))


def test_multiples_and_sums_of_potentials():
    """They need no exterior condition either, the density being zero outside."""
    grid = Interval(0, 1).grid(20)
    v = torus_field(grid)
    A, B = RieszPotential(0.2), RieszPotential(0.4)
    expected = 2 * A.on(grid)(v) + B.on(grid)(v)
    assert np.allclose((2 * A + B).on(grid)(v), expected, rtol=1e-13)
    mixed = (A + FractionalLaplacian(0.5)).on(grid, exterior=Zero(), scheme="lattice")
    assert np.allclose(mixed(v), A.on(grid)(v) + FractionalLaplacian(0.5).on(grid, Zero(), "lattice")(v), rtol=1e-13)


LINE, SQUARE = Interval(0, 1).grid(8), Box(((0, 1), (0, 1))).grid(8, 8)
REFUSED = {
    "s = n/2": (lambda: RieszPotential(0.5).on(LINE), r"0 < s < n/2 = 0.5. At s = n/2 .* write LogPotential\(\)"),
    "s > n/2": (lambda: RieszPotential(1.2).on(SQUARE), r"in dimension 2.* pass s=alpha/2"),
    "s > n/2 on a torus": (lambda: RieszPotential(0.7).on(TORI[0]), r"write LogPotential"),
    "s = 0": (lambda: RieszPotential(0.0), r"needs 0 < s < n/2. Pass s > 0"),
    "s < 0": (lambda: RieszPotential(-0.5), r"write FractionalLaplacian\(s=0.5\)"),
    "s = nan": (lambda: RieszPotential(math.nan), r"Pass s > 0"),
    "s an array": (lambda: RieszPotential(np.array([0.1, 0.2])), r"s is one number. Pass s=s\[0\]"),
    "mean, log": (lambda: LogPotential().on(LINE)(np.ones(8)), r"u has mean 1: .*gauge.*grid.mean\(u\).*project=True"),
    "mean, torus": (lambda: RieszPotential(0.3).on(TORI[0])(np.ones(30)), r"on a torus only .*grid.mean\(u\)"),
    "mean in a batch": (lambda: LogPotential().on(LINE)(np.eye(8)[:3] - 1 / 8 + 1e-9), r"u has mean 1e-09"),
    "exterior": (lambda: RieszPotential(0.3).on(LINE, Reflecting()), r"zero outside the domain. Leave exterior out"),
    "engine": (lambda: RieszPotential(0.3).on(LINE, engine="stencil"), r"Leave engine out"),
    "scheme": (lambda: RieszPotential(0.3).on(LINE, scheme="galerkn"), r"Did you mean 'galerkin'\?"),
    "fourier off the torus": (lambda: RieszPotential(0.3).on(LINE, scheme="fourier"), r"Leave scheme out"),
    "galerkin on the torus": (
        lambda: RieszPotential(0.3).on(TORI[0], scheme="galerkin"),
        r"a torus has scheme='fourier'",
    ),
    "spectral on a disc": (lambda: RieszPotential(0.3).on(PLANE, scheme="spectral"), r"Write scheme='galerkin'"),
    "spectral with a tensor": (
        lambda: RieszPotential(np.asarray(0.3)).on(LINE, scheme="spectral"),
        r"Write s=float\(s\)",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_messages_tell_what_to_write(name):
    make, message = REFUSED[name]
    with pytest.raises(ValueError, match=message):
        make()


def test_data_with_the_mean_subtracted_pass():
    """Also in float32, with a mean far larger than the rest, and sampled functions whose tails are cut."""
    grid = Interval(0, 1).grid(999)
    v = np.random.default_rng(0).standard_normal(999) + 3.0
    for dtype in (np.float64, np.float32):
        w = v.astype(dtype)
        LogPotential().on(grid)(w - grid.mean(w))
    grid, r = centred(1, 64)
    LogPotential().on(grid)(log_density(1, r))

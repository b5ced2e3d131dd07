"""What discrete potentials claim, refuse and say: positivity, projections, namespaces, gradients, messages."""

import math
from dataclasses import replace

import array_api_strict
import numpy as np
import pytest

from pide import verification
from pide.continuum.domains import Ball, Box, Interval, Torus
from pide.continuum.exterior import Reflecting, Zero
from pide.continuum.operators import FractionalLaplacian
from pide.continuum.potentials import LogPotential, RieszPotential
from pide.continuum.problems import Heat
from pide.operators.toeplitz import toeplitz
from pide.solvers.solve import solve


def torus_field(grid, seed=0):
    v = np.random.default_rng(seed).standard_normal(grid.shape)
    v -= v.mean()
    return v - v.mean()


TORI = [Torus((1.0,)).grid(30), Torus((1.0, 2.0)).grid(12, 15), Torus((1.0, 1.0, 1.0)).grid(6, 6, 8)]


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
    assert {"linear", "self_adjoint", "adjoint", "bounded_generator"} <= A.claims
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
    "log in time": (
        lambda: solve(Heat(LogPotential(), LINE.domain, initial=lambda x: x, exterior=Zero()), on=LINE, until=1.0),
        r"does not keep the mean. Write LogPotential\(project=True\)",
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
    grid = Interval(-5.65, 5.65).grid(64)
    x = grid.axes[0]
    LogPotential().on(grid)((1 - 2 * x**2) * np.exp(-(x**2)))


def test_heat_flow_by_potentials():
    """u_t = -A u: a mode of the torus decays by exp(-t |k|^{-2s}), also for the logarithm; on domains energy falls."""
    grid = Torus((1.0,)).grid(20)
    for A, rate in ((RieszPotential(0.3), (2 * math.pi) ** -0.6), (LogPotential(), 1 / (2 * math.pi))):
        heat = Heat(A, grid.domain, initial=lambda x: np.sin(2 * math.pi * x))
        energy = solve(heat, on=grid, until=2.0).energy
        assert energy[-1] / energy[0] == pytest.approx(math.exp(-4 * rate), rel=1e-12)
    heat = Heat(LogPotential(project=True), LINE.domain, initial=lambda x: np.cos(math.pi * x), exterior=Zero())
    result = solve(heat, on=LINE, until=1.0)
    assert np.all(np.diff(result.energy) < 0)
    assert np.allclose(result.mass, result.mass[0], atol=1e-12)

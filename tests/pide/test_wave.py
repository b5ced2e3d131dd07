"""Waves: closed forms on the torus, Stoermer-Verlet's order, bound and conserved quantity, Chebyshev against dense."""

import re

import numpy as np
import pytest
import scipy.linalg

import pide
from pide import files, kernels
from pide.continuum.wave import Wave
from pide.errors import StepTooLarge
from pide.solvers.steppers import StormerVerlet

DISC = pide.Ball(radius=1.0, dimension=2)
HALF = pide.FractionalLaplacian(s=0.5)


def bump(*x):
    return np.exp(-4 * sum(c**2 for c in x)) * (1 + x[0])


def dense_wave(L, u, v, t, load=None):
    """u(t), v(t) by the eigenvectors of the dense matrix."""
    z, Q = scipy.linalg.eigh(-L.to_dense())
    w = np.sqrt(z)
    u, v = Q.T @ L.space.compress(u), Q.T @ L.space.compress(v)
    b = 0 if load is None else Q.T @ L.space.compress(load)
    rest = b / z
    at = (u - rest) * np.cos(w * t) + v * np.sin(w * t) / w + rest
    moving = -(u - rest) * w * np.sin(w * t) + v * np.cos(w * t)
    return L.space.expand(Q @ at), L.space.expand(Q @ moving)


@pytest.mark.parametrize("dimension", [1, 2])
def test_standing_and_travelling_waves_on_the_torus(dimension):
    """u = cos(k.x - w t), w = |k|^s, solves u_tt = -(-Delta)^s u; the exact stepper with the fourier scheme."""
    torus = pide.Torus((2 * np.pi,) * dimension)
    grid = torus.grid(16)
    phase = lambda *x: 3 * x[0] - 2 * x[-1] * (dimension > 1)  # noqa: E731
    w = (9 + 4 * (dimension > 1)) ** 0.375
    wave = Wave(
        pide.FractionalLaplacian(s=0.75), torus,
        initial=lambda *x: np.cos(phase(*x)), velocity=lambda *x: w * np.sin(phase(*x)),
    )  # fmt: skip
    result = pide.solve(wave, on=grid, times=[0.0, 0.7, 40.0], scheme="fourier")
    assert result.record.stepper == "Exact()"
    for t, u, v in zip(result.times, result.states, result.velocities, strict=True):
        np.testing.assert_allclose(u, np.cos(phase(*grid.coordinates) - w * t), atol=1e-12)
        np.testing.assert_allclose(v, w * np.sin(phase(*grid.coordinates) - w * t), atol=1e-12)
    expected = 0.5 * w**2 * (2 * np.pi) ** dimension
    np.testing.assert_allclose(result.total_energy, expected, rtol=1e-13)


def test_the_mean_moves_uniformly_and_constant_forces_accelerate():
    """The mode k = 0: u = 1 + 2 t + 3 t^2 / 2."""
    torus = pide.Torus((1.0,))
    for stepper in (pide.Exact(), pide.Chebyshev(), StormerVerlet()):
        wave = Wave(pide.Laplacian(), torus, initial=1.0, velocity=2.0, source=3.0)
        result = pide.solve(wave, on=torus.grid(8), times=[0.5, 2.0], stepper=stepper, tol=1e-10)
        np.testing.assert_allclose(result.states[:, 0], [1 + 1 + 3 / 8, 1 + 4 + 6], rtol=1e-10)
        np.testing.assert_allclose(result.velocities[:, 3], [3.5, 8.0], rtol=1e-10)


@pytest.mark.parametrize("exterior", [pide.Zero(), pide.Value(lambda x, y: 1 + x, extent=0.5)], ids=["zero", "value"])
@pytest.mark.parametrize("t", [0.3, 30.0, -2.0])
def test_chebyshev_against_eigenvectors(exterior, t):
    grid = DISC.grid(13)
    wave = Wave(HALF, DISC, initial=bump, velocity=lambda x, y: x * y, exterior=exterior)
    result = pide.solve(wave, on=grid, times=[t], tol=1e-9)
    assert result.record.stepper == "Chebyshev()"
    u0, v0 = grid.sample(bump), grid.sample(lambda x, y: x * y)
    u, v = dense_wave(result.operator, u0, v0, t, result.operator.load)
    np.testing.assert_allclose(result.final, u, atol=1e-9 * (1 + t * t))
    np.testing.assert_allclose(result.velocities[-1], v, atol=1e-8 * (1 + abs(t)))
    assert result.record.applies < 0.5 * abs(t) * np.sqrt(result.operator.spectral_bound()) + 40


def test_stormer_verlet_converges_with_order_two_and_conserves_its_own_energy():
    grid = DISC.grid(13)
    wave = Wave(HALF, DISC, initial=bump, velocity=0.0, exterior=pide.Zero())
    exact = pide.solve(wave, on=grid, until=3.0, tol=1e-11).final
    largest = 2 / np.sqrt(HALF.on(grid, exterior=pide.Zero(), scheme="lattice").spectral_bound())
    errors = []
    coarse = 0.5 / np.ceil(0.5 / (0.4 * largest))
    for tau in (coarse, coarse / 2, coarse / 4):
        result = pide.solve(wave, on=grid, times=np.linspace(0, 3, 7), stepper=StormerVerlet(dt=tau))
        errors.append(grid.norm(result.final - exact))
        correction = np.asarray([tau**2 / 8 * grid.inner(a, a) for a in map(result.operator.apply, result.states)])
        modified = result.total_energy - correction
        np.testing.assert_allclose(modified, modified[0], rtol=1e-13)
    np.testing.assert_allclose(np.log2(np.divide(errors[:-1], errors[1:])), 2.0, atol=0.05)


def test_energy_stays_within_the_stated_factors_for_ever():
    """Rough data at the default step, half of the bound: [3/4, 4/3]; the record reports what was seen."""
    square = pide.Box(((0, 1), (0, 1)))
    start = np.random.default_rng(3).standard_normal((9, 9))
    wave = Wave(pide.NonlocalDiffusion(kernels.Constant(horizon=0.3)), square, initial=start, exterior=pide.Zero())
    result = pide.solve(wave, on=square.grid(9), times=np.linspace(0, 50, 101), stepper=StormerVerlet())
    ratio = result.total_energy / result.total_energy[0]
    assert 0.75 <= ratio.min() < 0.99
    assert 1.0 <= ratio.max() <= 4 / 3
    reported = float(re.search(r"= (\S+),", result.record.choices["energy drift"]).group(1))
    assert np.abs(ratio - 1).max() <= reported * 1.01 <= 0.34


@pytest.mark.parametrize("stepper", [StormerVerlet(), pide.Chebyshev()], ids=str)
def test_time_is_reversible(stepper):
    grid = DISC.grid(13)
    there = pide.solve(Wave(HALF, DISC, initial=bump, exterior=pide.Zero()), on=grid, until=4.0, stepper=stepper,
                       tol=1e-12)  # fmt: skip
    turned = Wave(HALF, DISC, initial=there.final, velocity=-there.velocities[-1], exterior=pide.Zero())
    back = pide.solve(turned, on=grid, until=4.0, stepper=stepper, tol=1e-12)
    np.testing.assert_allclose(back.final, grid.sample(bump), atol=1e-11)
    rewound = Wave(HALF, DISC, initial=there.final, velocity=there.velocities[-1], exterior=pide.Zero())
    np.testing.assert_allclose(
        pide.solve(rewound, on=grid, until=-4.0, stepper=stepper, tol=1e-12).final, grid.sample(bump), atol=1e-11
    )


@pytest.mark.parametrize("stepper", [pide.Exact(), pide.Chebyshev(), StormerVerlet()], ids=str)
def test_drift_from_rest_under_a_constant_force_is_relative_to_what_moves(stepper):
    """E = |v|^2/2 + <Z u, u>/2 - <b, u> is 0 at rest and stays near 0 although its parts grow."""
    torus = pide.Torus((2 * np.pi,))
    wave = Wave(pide.Laplacian(), torus, initial=0.0, source=np.cos)
    record = pide.solve(wave, on=torus.grid(16), until=5.0, stepper=stepper, tol=1e-12).record
    assert float(re.search(r"= (\S+),", record.choices["energy drift"]).group(1)) < (
        1e-12 if stepper != StormerVerlet() else 0.05
    )
    calm = pide.solve(Wave(pide.Laplacian(), torus, initial=0.0), on=torus.grid(16), until=1.0, stepper=stepper)
    assert "= 0.00e+00" in calm.record.choices["energy drift"]


def test_steps_beyond_the_bound_are_refused_and_would_grow():
    line = pide.Interval(0, 1)
    grid = line.grid(31, nodes="interior")
    wave = Wave(pide.Laplacian(), line, initial=lambda x: np.sin(31 * np.pi * x), exterior=pide.Zero())
    with pytest.raises(StepTooLarge, match=r"dt=0.04 exceeds the bound 2 / sqrt\(lambda_max\) = 0.031.*or smaller"):
        pide.solve(wave, on=grid, until=1.0, stepper=StormerVerlet(dt=0.04))
    assert np.abs(pide.solve(wave, on=grid, until=9.0, stepper=StormerVerlet(dt=0.031)).final).max() < 1.2


def test_time_dependent_force_by_the_method_of_undetermined_coefficients():
    """u = sin(2 t) cos(x): u_tt - u_xx = -3 sin(2 t) cos(x)."""
    torus = pide.Torus((2 * np.pi,))
    wave = Wave(
        pide.Laplacian(), torus, initial=0.0, velocity=lambda x: 2 * np.cos(x),
        source=lambda x, t: -3 * np.sin(2 * t) * np.cos(x),
    )  # fmt: skip
    result = pide.solve(wave, on=torus.grid(256), until=2.0)
    assert "StormerVerlet" in result.record.stepper
    np.testing.assert_allclose(result.final, np.sin(4) * np.cos(torus.grid(256).axes[0]), atol=2e-4)
    assert "source does work" in result.record.choices["energy drift"]


def test_gradients_pass_and_batches_move_together():
    torch = pytest.importorskip("torch")
    grid = pide.Interval(-1, 1).grid(4)
    u = torch.tensor(np.random.default_rng(0).standard_normal((2, 4)), requires_grad=True)

    def final(u, stepper):
        wave = Wave(HALF, grid.domain, initial=u, exterior=pide.Zero())
        return pide.solve(wave, on=grid, until=0.7, stepper=stepper).final

    for stepper in ("auto", StormerVerlet()):
        assert torch.autograd.gradcheck(lambda u, stepper=stepper: final(u, stepper), (u,))
    alone = final(u[1].detach(), "auto")
    np.testing.assert_allclose(final(u, "auto")[1].detach().numpy(), alone.numpy(), atol=1e-13)


@pytest.mark.parametrize("stepper", ["auto", pide.Chebyshev(), StormerVerlet()], ids=str)
@pytest.mark.parametrize("domain", [pide.Torus((1.0,)), DISC], ids=["torus", "disc"])
def test_waves_stay_on_their_device(domain, stepper):
    xp = pytest.importorskip("array_api_strict")
    grid = domain.grid(7)
    exterior = None if grid.periodic else pide.Zero()
    start = grid.sample(lambda *x: 1 + x[0])
    device = xp.Device("device1")
    host, remote = (
        pide.solve(Wave(HALF, domain, initial=u, velocity=0.5, exterior=exterior), on=grid, until=0.3, stepper=stepper)
        for u in (start, xp.asarray(start, device=device))
    )
    assert remote.states.device == remote.velocities.device == device
    np.testing.assert_allclose(remote.total_energy, host.total_energy, rtol=1e-13)


def test_waves_are_saved_with_velocity_and_energy(tmp_path):
    grid = pide.Torus((1.0,)).grid(8)
    result = pide.solve(Wave(pide.Laplacian(), grid.domain, initial=lambda x: np.cos(2 * np.pi * x)), on=grid, until=1)
    data = files.load(result.save(tmp_path / "wave.nc"))
    np.testing.assert_array_equal(data["velocity"], result.velocities)
    np.testing.assert_allclose(data["total_energy"], result.total_energy)


MESSAGES = [
    (lambda wave: wave(pide.Laplacian() + pide.FractionalLaplacian(0.5)), {}, "u_tt = A u would grow"),
    (lambda wave: wave(pide.Laplacian()), {"stepper": pide.Lanczos()}, r"For a Wave write stepper='auto', Exact\(\)"),
    (lambda wave: wave(pide.Laplacian()), {"stepper": StormerVerlet(dt=-1.0)}, "dt must be a positive number"),
]


@pytest.mark.parametrize(("build", "options", "message"), MESSAGES)
def test_messages(build, options, message):
    line = pide.Interval(0, 1)
    with pytest.raises(ValueError, match=message):
        pide.solve(
            build(lambda A: Wave(A, line, initial=1.0, exterior=pide.Zero())), on=line.grid(8), until=1.0, **options
        )


def test_only_choices_made_for_the_caller_are_recorded():
    grid = pide.Torus((1.0,)).grid(8)
    wave = Wave(pide.Laplacian(), grid.domain, initial=1.0)
    assert "stepper" in pide.solve(wave, on=grid, until=1.0).record.choices
    assert "stepper" not in pide.solve(wave, on=grid, until=1.0, stepper=StormerVerlet()).record.choices


def test_first_order_problems_have_no_total_energy_and_no_verlet():
    grid = pide.Torus((1.0,)).grid(8)
    heat = pide.Heat(pide.Laplacian(), grid.domain, initial=1.0)
    with pytest.raises(ValueError, match="only waves have a kinetic energy"):
        _ = pide.solve(heat, on=grid, until=1.0).total_energy
    with pytest.raises(ValueError, match="is for Wave problems"):
        pide.solve(heat, on=grid, until=1.0, stepper=StormerVerlet())

"""Riesz and logarithmic potentials on clouds: positive definite, convergent, and the cap of their kernels."""

import math

import numpy as np
import pytest

import pide
from pide.operators.cloud_potential import capped_kernel
from pide.quadrature.kernel_split import RadialForm

pytest.importorskip("finufft")
pytest.importorskip("numba")


def points_and_masses(n, count, seed=0):
    rng = np.random.default_rng(seed + n)
    return rng.random((count, n)), rng.uniform(0.5, 1.5, count) / count


@pytest.mark.parametrize("A", [pide.RieszPotential(s=0.5), pide.LogPotential(project=True)], ids=["riesz", "log"])
@pytest.mark.parametrize("n", [2, 3])
def test_potentials_are_positive_definite_on_random_clouds(A, n):
    X, m = points_and_masses(n, 300, seed=11)
    X[1] = X[0] + 1e-6
    operator = A.on(pide.PointCloud(X, weights=m), engine="dense")
    spectrum = np.linalg.eigvalsh(operator.symmetrised() @ np.eye(300))
    least = spectrum[0] if isinstance(A, pide.RieszPotential) else spectrum[np.argsort(np.abs(spectrum))[1]]
    assert least > 0
    assert spectrum[-1] <= operator.spectral_bound()
    assert any("capped" in note for note in operator.notes)


@pytest.mark.parametrize("form", [RadialForm("power", 1.3, exponent=1.2), RadialForm("logarithm", 0.7, constant=0.2)])
@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_capped_kernel_joins_the_kernel(form, n):
    cap = capped_kernel(form, 9.0, n)
    assert cap(np.zeros(1))[0] == pytest.approx(9.0)
    assert cap(np.array([cap.radius]))[0] == pytest.approx(float(form(np.array(cap.radius**2))))
    below = cap.radius * np.linspace(0.01, 0.99, 20)
    assert np.all(cap(below) <= form(below**2))


@pytest.mark.parametrize("engine", ["dense", "nufft"])
def test_the_riesz_potential_of_the_unit_disc_converges(engine):
    # int over the disc of 1/(2 pi |y|) dy = 1 at its centre: (-Delta)^{-1/2} 1
    errors = []
    for count in (400, 3600):
        h = math.sqrt(math.pi / count)
        side = np.arange(-1, 1 + h, h)
        X = np.stack([c.ravel() for c in np.meshgrid(side, side)], axis=1)
        X = X[(X**2).sum(axis=1) < 1]
        X = X - X[np.argmin((X**2).sum(axis=1))]
        X = X[(X**2).sum(axis=1) < 0.999]
        cloud = pide.PointCloud(X, domain=pide.Ball(radius=1.0, dimension=2))
        v = pide.RieszPotential(s=0.5).on(cloud, engine=engine)(np.ones(cloud.count))
        errors.append(abs(v[np.argmin((X**2).sum(axis=1))] - 1.0))
    assert errors[1] < 0.01
    assert errors[1] < errors[0]


def test_the_logarithm_refuses_a_mean_in_the_masses():
    X, m = points_and_masses(2, 100)
    operator = pide.LogPotential().on(pide.PointCloud(X, weights=m), engine="dense")
    v = np.random.default_rng(0).standard_normal(100)
    operator(v - (m * v).sum() / m.sum())
    with pytest.raises(ValueError, match=r"has mean.*project=True"):
        operator(v + 1.0)

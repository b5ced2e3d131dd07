"""Derivatives of kernels with respect to their parameters in torch, by finite differences."""

import math

import numpy as np
import pytest

import pide
from pide import kernels

torch = pytest.importorskip("torch")

FAMILIES = {
    "Gaussian.width": (lambda p: kernels.Gaussian(p), 0.2),
    "Gaussian.width as written": (lambda p: kernels.Gaussian(p, None), 0.2),
    "Exponential.length": (lambda p: kernels.Exponential(p), 0.2),
    "Exponential.length mass": (lambda p: kernels.Exponential(p, "mass"), 0.2),
    "Tempered.rate": (lambda p: kernels.Tempered(0.5, p, "laplacian"), 2.0),
    "Tempered.s": (lambda p: kernels.Tempered(p, 2.0, "laplacian"), 0.5),
    "Fractional.s": (lambda p: kernels.Fractional(p), 0.4),
    "TruncatedFractional.s": (lambda p: kernels.TruncatedFractional(p, 0.25), 0.4),
    "TruncatedFractional.s laplacian": (lambda p: kernels.TruncatedFractional(p, 0.25, "laplacian"), 0.6),
}
in_families = pytest.mark.parametrize("name", FAMILIES)


def parameter(value):
    return torch.tensor(value, dtype=torch.float64, requires_grad=True)


@in_families
@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("method", ["__call__", "regular_part", "tail_mass"])
def test_values_are_differentiable(name, n, method):
    build, value = FAMILIES[name]
    r = torch.tensor([0.05, 0.1, 0.3], dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda p: getattr(build(p), method)(r, n), parameter(value))


@in_families
@pytest.mark.parametrize("n", [1, 2, 3])
def test_tensors_give_the_values_of_numbers(name, n):
    build, value = FAMILIES[name]
    tensor, number = build(parameter(value)), build(value)
    r = np.asarray([0.05, 0.1, 0.3])
    for method in ("__call__", "regular_part", "tail_mass"):
        values = getattr(tensor, method)(r, n)
        assert isinstance(values, torch.Tensor)
        np.testing.assert_allclose(values.detach().numpy(), getattr(number, method)(r, n), rtol=1e-13)
    assert float(torch.as_tensor(tensor.mass(n)).detach()) == pytest.approx(number.mass(n), rel=1e-13)
    assert tensor.length(n) == number.length(n)
    assert tensor.integrable(n) == number.integrable(n)


@pytest.mark.parametrize("name", ["Gaussian.width", "Exponential.length mass", "Fractional.s"])
def test_elementary_symbols_are_differentiable(name):
    build, value = FAMILIES[name]
    k = torch.tensor([0.0, 0.5, 3.0], dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda p: build(p).symbol(k, 2), parameter(value))


@pytest.mark.parametrize("name", ["Tempered.rate", "TruncatedFractional.s"])
def test_symbols_without_gradient_say_so(name):
    build, value = FAMILIES[name]
    label = name.split(".")[1]
    with pytest.raises(TypeError, match=rf"no gradient with respect to {label}. Pass {label}=float\({label}\)"):
        build(parameter(value)).symbol(np.asarray([1.0]), 1)
    plain = build(torch.tensor(value, dtype=torch.float64))
    expected = build(value).symbol(np.asarray([1.0]), 1)
    np.testing.assert_allclose(plain.symbol(np.asarray([1.0]), 1).numpy(), expected, rtol=1e-15)


def test_wave_numbers_with_gradient_are_refused_where_they_would_lose_it():
    k = parameter(2.0)
    with pytest.raises(TypeError, match="without gradient with respect to the wave number or radius: detach it"):
        kernels.Constant(0.3).symbol(k, 1)
    assert torch.autograd.gradcheck(lambda q: kernels.Gaussian(0.3).symbol(q, 1), k)


def test_array_parameters_are_listed_and_not_hashed():
    width = parameter(0.2)
    kernel = kernels.Gaussian(width)
    assert kernel.arrays[0] is width
    assert kernels.Gaussian(0.2).arrays == ()
    assert kernel == kernel
    assert kernel != kernels.Gaussian(width)
    with pytest.raises(TypeError, match="its weights are not cached"):
        hash(kernel)


@pytest.mark.parametrize(
    "build",
    [
        lambda h: kernels.Constant(h),
        lambda h: kernels.Linear(h),
        lambda h: kernels.PowerLaw(0.5, h),
        lambda h: kernels.TruncatedFractional(0.5, h),
        lambda h: kernels.Radial(np.cos, h),
        lambda h: kernels.TwoPoint(lambda x, y: x[0] * y[0], h),
    ],
)
def test_a_horizon_with_gradient_is_refused(build):
    with pytest.raises(TypeError, match=r"not smooth in the horizon.*Pass horizon=float\(horizon\)"):
        build(parameter(0.2))
    assert build(torch.tensor(0.25, dtype=torch.float64)).horizon == 0.25


def test_parameters_out_of_range_are_refused():
    with pytest.raises(ValueError, match=r"width > 0"):
        kernels.Gaussian(parameter(-1.0))
    with pytest.raises(ValueError, match=r"Fractional\(s=1.2\).* 0 < s < 1"):
        kernels.Fractional(parameter(1.2))
    assert math.isinf(kernels.Fractional(parameter(0.2)).mass(1))


def test_gradients_pass_through_sums_over_periodic_images():
    grid = pide.Torus((1.0,)).grid(16)
    v = torch.cos(torch.arange(16, dtype=torch.float64))

    def energy(width):
        L = pide.NonlocalDiffusion(kernels.Gaussian(width), images=True).on(grid)
        return grid.inner(L(v), v)

    assert torch.autograd.gradcheck(energy, parameter(0.12))

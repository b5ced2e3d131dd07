"""Layers are the operators: equal bit for bit, with exact gradients, and stable by the operator's certificate."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch

import pide
from pide.discretise import discretise
from pide.errors import StepTooLarge
from pide.nets.layers import LearnableDiffusionStep, NonlocalDiffusionStep

DISC = pide.Ball(radius=1.0, dimension=2).grid(spacing=1 / 6)
TORUS = pide.Torus((1.0,)).grid(24)
OPERATORS = {
    "fractional, torus": pide.FractionalLaplacian(s=0.6).on(pide.Torus((1.0, 1.0)).grid(8, 12)),
    "fractional, zero outside a disc": pide.FractionalLaplacian(s=0.4).on(DISC, pide.Zero()),
    "constant kernel, reflecting": pide.NonlocalDiffusion(pide.kernels.Constant(horizon=0.4)).on(
        pide.Box(((0, 1), (0, 1))).grid(10, 9), pide.Reflecting()
    ),
    "gaussian, one dimension": pide.NonlocalDiffusion(pide.kernels.Gaussian(width=0.05), images=True).on(TORUS),
}


@pytest.fixture(params=OPERATORS, ids=str)
def operator(request):
    return OPERATORS[request.param]


def features(operator, dtype=torch.float64, batch=(2, 3)):
    """Random features (B, C, *grid.shape), zero outside the domain."""
    generator = torch.Generator().manual_seed(7)
    inside = torch.tensor(operator.space.inside)
    x = torch.randn(*batch, *operator.space.shape, generator=generator, dtype=torch.float64) * inside
    return x.to(dtype)


def generator_of(operator):
    """Step that the energy certificate allows, and the sign that makes the operator nonpositive."""
    return 2.0 / operator.spectral_bound(), -operator.definiteness


def test_layer_is_the_operator_bit_for_bit(operator):
    largest, sign = generator_of(operator)
    x = features(operator)
    h = 0.5 * largest
    expected = x + sign * h * operator(x)
    assert torch.equal(NonlocalDiffusionStep(operator, h)(x), expected)


def test_layer_agrees_with_numpy(operator, dtype):
    largest, sign = generator_of(operator)
    x = features(operator, getattr(torch, dtype))
    y = NonlocalDiffusionStep(operator, 0.5 * largest)(x)
    u = x.numpy().astype(np.float64)
    expected = u + sign * 0.5 * largest * operator(u)
    tolerance = 64 * np.finfo(dtype).eps * np.abs(u).max() * np.log2(operator.space.size)
    assert y.dtype == x.dtype
    np.testing.assert_allclose(y.numpy(), expected, rtol=0, atol=tolerance)


def test_energy_does_not_grow_at_the_largest_step(operator):
    largest, _ = generator_of(operator)
    x = features(operator)
    y = NonlocalDiffusionStep(operator, largest)(x)
    before, after = (operator.space.inner(z, z).numpy() for z in (x, y))
    assert np.all(after <= before * (1 + 64 * np.finfo(float).eps))


def test_gradient_with_respect_to_the_features(operator):
    largest, _ = generator_of(operator)
    layer = NonlocalDiffusionStep(operator, 0.7 * largest)
    x = features(operator, batch=(1, 1)).requires_grad_()
    assert torch.autograd.gradcheck(layer, (x,), fast_mode=True)


def test_step_above_the_bound_is_refused_with_the_largest_one(operator):
    largest, _ = generator_of(operator)
    with pytest.raises(StepTooLarge, match="Write step=") as caught:
        NonlocalDiffusionStep(operator, 1.01 * largest)
    assert caught.value.largest == largest
    NonlocalDiffusionStep(operator, caught.value.largest)


def test_wrong_features_name_the_grid_to_make():
    layer = NonlocalDiffusionStep(OPERATORS["gaussian, one dimension"], 1e-6)
    with pytest.raises(ValueError, match=r"domain\.grid\(\*x\.shape\[2:\]\)"):
        layer(torch.zeros(1, 1, 23))


def test_an_operator_without_a_sign_is_refused():
    transport = pide.Multiplier(lambda k: 1j * k).on(TORUS)
    with pytest.raises(ValueError, match="negative_semidefinite"):
        NonlocalDiffusionStep(transport, 1e-3)


FAMILIES = {
    "order": (lambda s: pide.FractionalLaplacian(s=s), 0.5, 0.2, 0.9),
    "width": (lambda w: pide.NonlocalDiffusion(pide.kernels.Gaussian(width=w)), 0.3, 0.1, 0.6),
}


def learnable(name, step=1e-3, **changes):
    family, initial, lower, upper = FAMILIES[name]
    arguments = {"initial": initial, "lower": lower, "upper": upper, "step": step, "exterior": pide.Zero()} | changes
    return LearnableDiffusionStep(family, pide.Interval(-1, 1).grid(16), **arguments)


@pytest.mark.parametrize("name", FAMILIES)
def test_learnable_layer_is_the_operator_at_its_parameter(name):
    layer = learnable(name)
    family, initial, _, _ = FAMILIES[name]
    operator = discretise(family(initial), layer.grid, exterior=pide.Zero(), evolution=True)
    x = features(operator)
    fixed = NonlocalDiffusionStep(operator, 1e-3)(x)
    torch.testing.assert_close(layer(x), fixed, rtol=0, atol=1e-11)


@pytest.mark.parametrize("name", FAMILIES)
def test_gradient_with_respect_to_the_parameter(name):
    layer = learnable(name)
    x = torch.randn(1, 2, 16, generator=torch.Generator().manual_seed(3), dtype=torch.float64)

    def of_raw(raw):
        return torch.func.functional_call(layer, {"raw": raw}, (x,))

    assert torch.autograd.gradcheck(of_raw, (layer.raw.detach().clone().requires_grad_(),), eps=1e-6, atol=1e-7)


@pytest.mark.parametrize("name", FAMILIES)
def test_training_recovers_the_parameter(name):
    truth, layer = learnable(name), learnable(name)
    with torch.no_grad():
        layer.raw += 0.8
    x = torch.randn(4, 1, 16, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    wanted = truth(x).detach()
    optimiser = torch.optim.LBFGS(layer.parameters(), tolerance_grad=1e-14, tolerance_change=1e-16, max_iter=40)

    def loss():
        optimiser.zero_grad()
        value = 1e6 * (layer(x) - wanted).square().mean()
        value.backward()
        return value

    optimiser.step(loss)
    assert abs(float(layer.parameter.detach()) - FAMILIES[name][1]) < 1e-5


def test_parameter_stays_in_its_range_and_the_step_in_its_bound():
    layer = learnable("order")
    with torch.no_grad():
        layer.raw += 1e3
    assert float(layer.parameter.detach()) <= 0.9
    with pytest.raises(StepTooLarge):
        learnable("order", step=1.0)
    with pytest.raises(ValueError, match="lower < initial < upper"):
        learnable("order", initial=0.95)


WITHOUT_TORCH = """
import sys
sys.modules["torch"] = None
import pide
try:
    import pide.nets
except ImportError as error:
    print(error)
"""


def test_without_torch_the_error_says_what_to_install():
    done = subprocess.run([sys.executable, "-c", WITHOUT_TORCH], capture_output=True, text=True, check=True)
    assert 'pip install "pide-operators[nets]"' in done.stdout

"""Diffusion by constrained affinities, explicit and implicit: formulas, claims at any step, implicit gradients."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from pide.nets.layers import AffinityDiffusion
from pide.nets.layers.implicit import backward_euler

NORMALISERS = ("count", "rows", "sinkhorn")
METHODS = ("explicit", "implicit")
in_kinds = pytest.mark.parametrize(("normaliser", "method"), [(n, m) for n in NORMALISERS for m in METHODS])


def features(*shape, dtype=torch.float64, seed=3):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def layer_of(channels=4, normaliser="count", method="explicit", **options):
    torch.manual_seed(1)
    options = {"step": 0.6 if method == "explicit" else 7.0, "width": 1.3, **options}
    layer = AffinityDiffusion(channels, normaliser=normaliser, method=method, **options).double()
    layer.raw_step.data += torch.linspace(-0.5, 0.5, channels)
    return layer


def generator_by_hand(layer, image):
    """L of one image (C, *shape) and the weights in which it is self-adjoint, by a loop over pairs."""
    weight, bias = (z.detach().numpy() for z in (layer.theta.weight.flatten(1), layer.theta.bias))
    t = image.reshape(len(image), -1).T @ weight.T + bias
    width = float(layer.width.detach())
    omega = np.array([[np.exp(-((a - b) @ (a - b)) / width**2) for b in t] for a in t])
    m = np.ones(len(t))
    if layer.normaliser == "count":
        w = omega / len(t)
    elif layer.normaliser == "rows":
        m = omega.sum(1)
        w = omega / m[:, None]
    else:
        c = np.ones(len(t))
        for _ in range(2000):
            c = np.sqrt(c / (omega @ c))
        w = c[:, None] * omega * c
    return w - np.diag(w.sum(1)), m


@in_kinds
def test_layer_is_the_formula(normaliser, method):
    layer, x = layer_of(normaliser=normaliser, method=method), features(2, 4, 4, 3)
    y = layer(x).detach().numpy()
    steps = layer.step.detach().numpy()
    for b in range(2):
        L, _ = generator_by_hand(layer, x[b].numpy())
        for c in range(4):
            u, one = x[b, c].numpy().ravel(), np.eye(12)
            expected = u + steps[c] * L @ u if method == "explicit" else np.linalg.solve(one - steps[c] * L, u)
            np.testing.assert_allclose(y[b, c].ravel(), expected, rtol=0, atol=1e-10)


@in_kinds
@pytest.mark.parametrize("step", ["small", "large"])
def test_claims_at_any_step(normaliser, method, step):
    """No new extrema; weighted mean kept, weighted energy not grown; h close to 1 and tau = 1000 among them."""
    first = {"explicit": {"small": 0.01, "large": 0.999}, "implicit": {"small": 0.01, "large": 1e3}}[method][step]
    layer, x = layer_of(normaliser=normaliser, method=method, step=first), features(2, 4, 5, 4)
    y = layer(x).detach()
    slack = 1e-9
    assert bool((y.amax(dim=(2, 3)) <= x.amax(dim=(2, 3)) + slack).all())
    assert bool((y.amin(dim=(2, 3)) >= x.amin(dim=(2, 3)) - slack).all())
    for b in range(2):
        _, m = generator_by_hand(layer, x[b].numpy())
        u, v = x[b].reshape(4, -1).numpy(), y[b].reshape(4, -1).numpy()
        np.testing.assert_allclose(v @ m, u @ m, rtol=0, atol=slack * m.sum())
        assert np.all((v**2) @ m <= (u**2) @ m * (1 + slack))


@pytest.mark.parametrize("normaliser", ["count", "rows"])
@pytest.mark.parametrize("method", METHODS)
def test_gradients(normaliser, method):
    layer = layer_of(2, normaliser, method, dimension=1, embedding=2)
    x = features(1, 2, 5).requires_grad_()
    parameters = dict(layer.named_parameters())

    def of_everything(x, *values):
        return torch.func.functional_call(layer, dict(zip(parameters, values, strict=True)), (x,))

    inputs = (x, *(p.detach().clone().requires_grad_() for p in parameters.values()))
    assert torch.autograd.gradcheck(of_everything, inputs, atol=1e-6, rtol=1e-4)


def test_implicit_second_derivatives_are_refused():
    layer, x = layer_of(2, method="implicit", dimension=1), features(1, 2, 4).requires_grad_()
    (gradient,) = torch.autograd.grad(layer(x).square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.square().sum().backward()


def test_backward_euler_has_order_one():
    """Against exp(tau L): halving tau divides the error of one step by 4."""
    w = torch.rand(1, 8, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    w = (w + w.mT) / 16
    L = w - torch.diag_embed(w.sum(dim=-1))
    x = features(1, 8, 2)
    errors = [
        float((backward_euler(w, x, tau) - torch.linalg.matrix_exp(tau * L) @ x).norm()) for tau in (0.02, 0.01, 0.005)
    ]
    assert np.log2(errors[0] / errors[1]) == pytest.approx(2, abs=0.05)
    assert np.log2(errors[1] / errors[2]) == pytest.approx(2, abs=0.03)


@in_kinds
def test_coincident_pixels_precisions_and_empty_batches(normaliser, method):
    layer = layer_of(normaliser=normaliser, method=method)
    flat = torch.ones(1, 4, 3, 3, dtype=torch.float64, requires_grad=True)
    y = layer(flat)
    torch.testing.assert_close(y, flat, rtol=0, atol=1e-11)
    assert bool(torch.isfinite(torch.autograd.grad(y.square().sum(), flat)[0]).all())
    x = features(2, 4, 4, 4)
    single = copy.deepcopy(layer).float()
    torch.testing.assert_close(single(x.float()).double(), layer(x), rtol=0, atol=2e-4)
    torch.testing.assert_close(single(x.bfloat16().float()).double(), layer(x), rtol=0, atol=0.1)
    torch.testing.assert_close(layer(x.to(memory_format=torch.channels_last)), layer(x), rtol=0, atol=1e-11)
    if normaliser != "sinkhorn":
        assert layer(x[:0]).shape == (0, 4, 4, 4)
    other = layer_of(normaliser=normaliser, method=method, width=2.0)
    other.load_state_dict(layer.state_dict())
    assert torch.equal(other(x), layer(x))


@pytest.mark.parametrize(
    ("options", "remedy"),
    [
        ({"normaliser": "columns"}, "'count', 'rows', 'sinkhorn'"),
        ({"method": "exact"}, "'explicit', 'implicit'"),
        ({"step": 1.5}, "strictly between"),
        ({"method": "implicit", "step": -1.0}, "Start from positive"),
        ({"width": 0.0}, "Start from positive"),
        ({"channels": 3}, "Write embedding=1"),
        ({"dimension": 0}, "Write dimension=2"),
    ],
    ids=str,
)
def test_wrong_options_say_what_to_write(options, remedy):
    with pytest.raises(ValueError, match=remedy):
        AffinityDiffusion(**{"channels": 4, **options})


def test_printing_shows_the_mathematics():
    assert "(1 - tau L)^-1 X, tau > 0" in repr(AffinityDiffusion(4, method="implicit"))
    assert "X + h L X, 0 < h < 1" in repr(AffinityDiffusion(4))

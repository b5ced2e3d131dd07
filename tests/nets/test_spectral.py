"""Spatial diffusion of feature maps: the exponential of the operator that pide discretises, and what it keeps."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import scipy.linalg
import torch

import pide
from pide.nets.layers import SpectralDiffusion
from pide.operators.pixel_symbols import fractional_symbols, horizon_symbols

SHAPES = {1: (9,), 2: (6, 5), 3: (4, 3, 4)}
in_kinds = pytest.mark.parametrize("kind", ["fractional", "horizon"])


def features(*shape, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64).to(dtype)


def layer_of(channels=3, kind="fractional", **options):
    """A layer whose channels differ in order or horizon and in time."""
    layer = SpectralDiffusion(channels, kind, **options).double()
    layer.raw_shape.data += torch.linspace(-0.5, 0.7, channels)
    layer.raw_time.data += torch.linspace(0.4, -0.4, channels)
    return layer


def horizon_matrix(delta, shape, periodic):
    """A of the weights c (1 - |z|^2 / delta^2)_+, by a loop over nodes and offsets."""
    n, reach = len(shape), int(np.ceil(delta))
    offsets = [np.array(z) - reach for z in np.ndindex(*(2 * reach + 1,) * n)]
    weights = [max(0.0, 1 - z @ z / delta**2) if z.any() else 0.0 for z in offsets]
    c = 2 / sum(w * z[0] ** 2 for w, z in zip(weights, offsets, strict=True))
    size = int(np.prod(shape))
    A = np.zeros((size, size))
    for i, x in enumerate(np.ndindex(*shape)):
        for w, z in zip(weights, offsets, strict=True):
            y = np.array(x) + z
            if periodic:
                y = y % shape
            else:
                doubled = y % (2 * np.array(shape))
                y = np.where(doubled < shape, doubled, 2 * np.array(shape) - 1 - doubled)
            A[i, np.ravel_multi_index(tuple(y), shape)] -= c * w
            A[i, i] += c * w
    return A


def doubled(A, shape):
    """The operator on mirrored fields from the periodic one on the doubled lattice."""
    wide = tuple(2 * count for count in shape)
    source = np.stack(np.meshgrid(*(np.arange(2 * c) for c in shape), indexing="ij"), -1).reshape(-1, len(shape))
    folded = np.where(source < shape, source, 2 * np.array(shape) - 1 - source)
    fold = np.zeros((len(source), int(np.prod(shape))))
    fold[np.arange(len(source)), np.ravel_multi_index(tuple(folded.T), shape)] = 1
    inside = np.ravel_multi_index(tuple(np.stack(np.unravel_index(np.arange(fold.shape[1]), shape))), wide)
    return (A @ fold)[inside]


@pytest.mark.parametrize("boundary", ["periodic", "mirrored"])
@pytest.mark.parametrize("scheme", ["lattice", "fourier"])
@pytest.mark.parametrize("n", [1, 2, 3])
def test_fractional_layer_is_the_exponential_of_the_discretised_operator(n, scheme, boundary):
    layer, shape = layer_of(boundary=boundary, scheme=scheme, dimension=n), SHAPES[n]
    x = features(2, 3, *shape)
    y = layer(x).detach().numpy()
    wide = shape if boundary == "periodic" else tuple(2 * count for count in shape)
    torus = pide.Torus(tuple(map(float, wide))).grid(*wide)
    for c in range(3):
        s, t = float(layer.s[c].detach()), float(layer.time[c].detach())
        A = pide.FractionalLaplacian(s=s).on(torus, scheme=scheme).to_dense()
        A = A if boundary == "periodic" else doubled(A, shape)
        expected = x[:, c].reshape(2, -1).numpy() @ scipy.linalg.expm(-t * A).T
        np.testing.assert_allclose(y[:, c].reshape(2, -1), expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize("boundary", ["periodic", "mirrored"])
@pytest.mark.parametrize("n", [1, 2])
def test_horizon_layer_is_the_exponential_of_its_sum(n, boundary):
    layer = layer_of(kind="horizon", boundary=boundary, dimension=n, largest_horizon=4)
    x = features(2, 3, *SHAPES[n])
    y = layer(x).detach().numpy()
    for c in range(3):
        A = horizon_matrix(float(layer.horizon[c].detach()), SHAPES[n], boundary == "periodic")
        expected = x[:, c].reshape(2, -1).numpy() @ scipy.linalg.expm(-float(layer.time[c].detach()) * A).T
        np.testing.assert_allclose(y[:, c].reshape(2, -1), expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize("boundary", ["periodic", "mirrored"])
@in_kinds
def test_mean_energy_and_extrema(kind, boundary):
    layer, x = layer_of(kind=kind, boundary=boundary), features(2, 3, 7, 8)
    y = layer(x)
    rounding = 1e-14
    torch.testing.assert_close(y.mean(dim=(2, 3)), x.mean(dim=(2, 3)), rtol=0, atol=rounding)
    assert bool((y.square().sum(dim=(2, 3)) <= x.square().sum(dim=(2, 3))).all())
    assert bool((y.amax(dim=(2, 3)) <= x.amax(dim=(2, 3)) + rounding).all())
    assert bool((y.amin(dim=(2, 3)) >= x.amin(dim=(2, 3)) - rounding).all())
    assert bool((layer(torch.relu(x)) >= -rounding).all())


@in_kinds
def test_two_steps_are_one_step_of_twice_the_time(kind):
    layer, x = layer_of(kind=kind), features(1, 3, 6, 6)
    twice = copy.deepcopy(layer)
    twice.raw_time.data = twice.positive.right_inverse(2 * layer.time.detach())
    torch.testing.assert_close(layer(layer(x)), twice(x), rtol=0, atol=1e-13)


@in_kinds
def test_gradients(kind):
    layer = layer_of(2, kind, largest_horizon=3)
    x = features(1, 2, 4, 3).requires_grad_()

    def of_parameters(raw_shape, raw_time, x):
        return torch.func.functional_call(layer, {"raw_shape": raw_shape, "raw_time": raw_time}, (x,))

    inputs = (layer.raw_shape.detach().requires_grad_(), layer.raw_time.detach().requires_grad_(), x)
    assert torch.autograd.gradcheck(of_parameters, inputs)
    assert torch.autograd.gradgradcheck(of_parameters, inputs, fast_mode=True)


def test_training_finds_the_order():
    truth, layer = SpectralDiffusion(1, s=0.8, time=0.7).double(), SpectralDiffusion(1).double()
    x = features(2, 1, 12, 12)
    wanted = truth(x).detach()
    optimiser = torch.optim.LBFGS(layer.parameters(), max_iter=60, tolerance_grad=1e-12, tolerance_change=1e-14)

    def loss():
        optimiser.zero_grad()
        value = (layer(x) - wanted).square().sum()
        value.backward()
        return value

    optimiser.step(loss)
    assert abs(float(layer.s.detach()) - 0.8) < 1e-3
    assert abs(float(layer.time.detach()) - 0.7) < 1e-3


def test_symbols_in_every_namespace(namespace):
    s, delta = np.array([0.3, 0.9]), np.array([1.5, 3.2])
    k = 2 * np.pi * np.fft.fftfreq(6)[:, None], 2 * np.pi * np.fft.rfftfreq(5)
    square = 4 * np.sin(k[0] / 2) ** 2 + 4 * np.sin(k[1] / 2) ** 2
    symbols = namespace.host(fractional_symbols(namespace.asarray(s), (6, 5)))
    np.testing.assert_allclose(symbols, square ** s[:, None, None], rtol=1e-13)
    symbols = namespace.host(horizon_symbols(namespace.asarray(delta), (6, 5), 4))
    for c in range(2):
        eigenvalues = np.fft.fft2(horizon_matrix(delta[c], (6, 5), True)[0].reshape(6, 5)).real[:, :3]
        np.testing.assert_allclose(symbols[c], eigenvalues, rtol=0, atol=1e-13)


def test_precisions_memory_formats_copies_and_empty_batches():
    layer, x = layer_of().float(), features(2, 3, 6, 6, dtype=torch.float32)
    y = layer(x)
    torch.testing.assert_close(layer(x.to(memory_format=torch.channels_last)), y)
    torch.testing.assert_close(layer(x.bfloat16()).float(), y, rtol=0, atol=0.03)
    torch.testing.assert_close(copy.deepcopy(layer).double()(x.double()).float(), y, rtol=0, atol=1e-5)
    assert torch.equal(copy.deepcopy(layer)(x), y)
    assert layer(x[:0]).shape == (0, 3, 6, 6)
    other = SpectralDiffusion(3)
    other.load_state_dict(layer.state_dict())
    assert torch.equal(other(x), y)


@pytest.mark.parametrize(
    ("options", "remedy"),
    [
        ({"kind": "heat"}, "'fractional', 'horizon'"),
        ({"scheme": "exact"}, "'lattice', 'fourier'"),
        ({"boundary": "zero"}, "'mirrored', 'periodic'"),
        ({"s": 1.5}, "strictly between"),
        ({"kind": "horizon", "horizon": 9.0}, "strictly between"),
        ({"time": -1.0}, "Start from positive"),
        ({"largest_horizon": 1}, "Write 8"),
        ({"channels": 0}, "Write channels=32"),
        ({"dimension": 4}, "Write dimension=2"),
    ],
    ids=str,
)
def test_wrong_options_say_what_to_write(options, remedy):
    with pytest.raises(ValueError, match=remedy):
        SpectralDiffusion(**{"channels": 4, **options})


def test_wrong_uses_say_what_to_write():
    with pytest.raises(ValueError, match="Write kind='horizon'"):
        _ = SpectralDiffusion(4).horizon
    with pytest.raises(ValueError, match=r"needed is \(B, 4, H, W\)"):
        SpectralDiffusion(4)(torch.zeros(1, 3, 8, 8))
    with pytest.raises(ValueError, match="scheme='lattice'"):
        fractional_symbols(np.array([0.5]), (4,), "other")
    assert "exp(-t (-Delta)^s) X" in repr(SpectralDiffusion(4))

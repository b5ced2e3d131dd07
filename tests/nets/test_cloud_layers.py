"""Diffusion on clouds and graphs that come with the data: formulas, operators of pide, invariances, masks."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

import pide
from pide.nets.layers import GraphDiffusion, NonlocalDiffusionStep, PointCloudDiffusion


def random(*shape, seed=3, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def cloud_of(channels=3, **options):
    layer = PointCloudDiffusion(channels, **{"width": 0.9, **options}).double()
    layer.raw_step.data += torch.linspace(-1, 1, channels)
    return layer


@pytest.mark.parametrize("normaliser", ["rows", "count"])
@pytest.mark.parametrize("with_masses", [False, True])
def test_cloud_layer_is_the_formula(normaliser, with_masses):
    layer, x, y = cloud_of(normaliser=normaliser), random(2, 7, 3), random(2, 7, 2, seed=4)
    masses = random(2, 7, seed=5).abs() if with_masses else None
    found = layer(x, y, masses).detach().numpy()
    width, h = float(layer.width.detach()), layer.step.detach().numpy()
    for b in range(2):
        m = np.ones(7) if masses is None else masses[b].numpy()
        for i in range(7):
            omega = np.exp(-((y[b, i].numpy() - y[b].numpy()) ** 2).sum(1) / width**2) * m
            c = omega.sum() if normaliser == "rows" else m.sum()
            expected = x[b, i].numpy() + h * (omega[:, None] * (x[b].numpy() - x[b, i].numpy())).sum(0) / c
            np.testing.assert_allclose(found[b, i], expected, rtol=0, atol=1e-13)


def test_cloud_layer_is_the_operator_of_a_cloud():
    """A step of the affinity operator that `pide` builds on the host."""
    layer, x, y = cloud_of(normaliser="count"), random(1, 9, 3), random(9, 2, seed=4)
    cloud = pide.PointCloud(y.numpy(), weights=np.ones(9))
    L = pide.GaussianAffinity(width=float(layer.width.detach())).on(cloud, y.numpy(), normaliser="count")
    expected = x[0].T.numpy() + layer.step.detach().numpy()[:, None] * L(x[0].T.numpy())
    np.testing.assert_allclose(layer(x, y[None])[0].detach().numpy().T, expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize("normaliser", ["rows", "count"])
def test_cloud_layer_ignores_order_motion_and_points_of_mass_0(normaliser):
    layer, x, y = cloud_of(normaliser=normaliser), random(1, 8, 3), random(1, 8, 2, seed=4)
    m = random(1, 8, seed=5).abs()
    expected = layer(x, y, m)
    order = torch.randperm(8, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(layer(x[:, order], y[:, order], m[:, order]), expected[:, order], rtol=0, atol=1e-13)
    rotation = torch.linalg.qr(random(2, 2, seed=6))[0]
    torch.testing.assert_close(layer(x, y @ rotation + 5.0, m), expected, rtol=0, atol=1e-12)
    filled = [torch.cat([z, 50 * random(1, 2, z.shape[2], seed=7)], dim=1) for z in (x, y)]
    padded = layer(*filled, torch.cat([m, torch.zeros(1, 2, dtype=torch.float64)], dim=1))
    torch.testing.assert_close(padded[:, :8], expected, rtol=0, atol=1e-13)
    assert bool(torch.isfinite(padded).all())


@pytest.mark.parametrize("normaliser", ["rows", "count"])
def test_cloud_layer_has_no_new_extrema_and_keeps_mass(normaliser):
    layer, x, y = cloud_of(normaliser=normaliser, step=0.99), random(2, 20, 3), random(2, 20, 3, seed=4)
    m = random(2, 20, seed=5).abs()
    z = layer(x, y, m)
    assert bool((z.amax(dim=1) <= x.amax(dim=1)).all())
    assert bool((z.amin(dim=1) >= x.amin(dim=1)).all())
    if normaliser == "count":
        m = m.unsqueeze(-1)
        torch.testing.assert_close((m * z).sum(dim=1), (m * x).sum(dim=1), rtol=0, atol=1e-12)
        assert bool(((m * z**2).sum(dim=1) <= (m * x**2).sum(dim=1)).all())


@pytest.mark.parametrize("with_masses", [False, True])
@pytest.mark.parametrize("normaliser", ["rows", "count"])
def test_cloud_gradients(normaliser, with_masses):
    layer, x, y = cloud_of(2, normaliser=normaliser), random(1, 4, 2), random(1, 4, 2, seed=4)
    m = random(1, 4, seed=5).abs() if with_masses else None
    parameters = dict(layer.named_parameters())

    def of_everything(x, y, *values):
        return torch.func.functional_call(layer, dict(zip(parameters, values, strict=True)), (x, y, m))

    inputs = (x, y, *(p.detach() for p in parameters.values()))
    assert torch.autograd.gradcheck(of_everything, [z.clone().requires_grad_() for z in inputs])


def path_with_a_lonely_vertex():
    """Weighted edges of a tree of 6 vertices, and one more vertex without any."""
    edges = torch.tensor([[0, 1, 1, 3, 3], [1, 2, 3, 4, 5]])
    weights = random(5, seed=8).abs()
    adjacency = torch.zeros(7, 7, dtype=torch.float64)
    adjacency[edges[0], edges[1]] = weights
    return edges, weights, (adjacency + adjacency.mT).numpy()


@pytest.mark.parametrize("kind", ["random_walk", "combinatorial"])
def test_graph_layer_is_the_laplacian_of_pide(kind):
    edges, weights, adjacency = path_with_a_lonely_vertex()
    layer, x = GraphDiffusion(3, kind=kind).double(), random(2, 7, 3)
    layer.raw_step.data += torch.linspace(-1, 1, 3)
    found = layer(x, edges, weights).detach()
    L = pide.graph_laplacian(adjacency[:6, :6], kind)
    change = L(x[:, :6].mT.numpy()).swapaxes(1, 2)
    change = change / (1 if kind == "random_walk" else adjacency.sum(1).max())
    expected = x[:, :6].numpy() + layer.step.detach().numpy() * change
    np.testing.assert_allclose(found[:, :6].numpy(), expected, rtol=0, atol=1e-14)
    assert torch.equal(found[:, 6], x[:, 6])


def test_a_fixed_graph_is_a_diffusion_step():
    _, _, adjacency = path_with_a_lonely_vertex()
    L = pide.graph_laplacian(adjacency[:6, :6], "random_walk")
    x = random(2, 3, 6)
    layer = NonlocalDiffusionStep(L, 0.4)
    torch.testing.assert_close(layer(x), torch.as_tensor(x.numpy() + 0.4 * L(x.numpy())), rtol=0, atol=1e-14)


@pytest.mark.parametrize("kind", ["random_walk", "combinatorial"])
def test_graph_claims_and_gradients(kind):
    edges, weights, adjacency = path_with_a_lonely_vertex()
    layer, x = GraphDiffusion(2, kind=kind, step=0.99).double(), random(7, 2)
    z = layer(x, edges, weights)
    assert bool((z.amax(dim=0) <= x.amax(dim=0)).all())
    d = torch.as_tensor(adjacency.sum(1)) if kind == "random_walk" else torch.ones(7, dtype=torch.float64)
    torch.testing.assert_close(d @ z, d @ x, rtol=0, atol=1e-13)
    assert bool((d @ z**2 <= d @ x**2).all())
    inputs = (x.clone().requires_grad_(), weights.clone().requires_grad_())
    assert torch.autograd.gradcheck(lambda x, a: layer(x, edges, a), inputs)


def test_precisions_copies_and_empty_inputs():
    layer, x, y = cloud_of(), random(2, 6, 3), random(2, 6, 2, seed=4)
    single = copy.deepcopy(layer).float()
    torch.testing.assert_close(single(x.float(), y.float()).double(), layer(x, y), rtol=0, atol=1e-5)
    half = single(x.bfloat16(), y.bfloat16())
    assert half.dtype == torch.bfloat16
    assert layer(x[:0], y[:0]).shape == (0, 6, 3)
    edges, _, _ = path_with_a_lonely_vertex()
    graph = GraphDiffusion(3).double()
    assert graph(random(0, 7, 3), edges).shape == (0, 7, 3)
    assert torch.equal(graph(random(7, 3), edges[:, :0]), random(7, 3))


@pytest.mark.parametrize(
    ("call", "remedy"),
    [
        (lambda: PointCloudDiffusion(0, width=1.0), "Write channels=32"),
        (lambda: PointCloudDiffusion(3, width=-1.0), "Start from positive"),
        (lambda: PointCloudDiffusion(3, width=1.0, step=1.0), "strictly between"),
        (lambda: PointCloudDiffusion(3, width=1.0, normaliser="sum"), "'rows', 'count'"),
        (lambda: PointCloudDiffusion(3, width=1.0)(torch.zeros(1, 3, 5), torch.zeros(1, 5, 2)), r"Write x\.mT"),
        (lambda: GraphDiffusion(0), "Write channels=32"),
        (lambda: GraphDiffusion(3, kind="walk"), "'random_walk', 'combinatorial'"),
        (lambda: GraphDiffusion(3)(torch.zeros(3, 5), torch.zeros(2, 1, dtype=torch.int64)), r"Write x\.mT"),
        (lambda: GraphDiffusion(3)(torch.zeros(5, 3), torch.zeros(4, 2, dtype=torch.int64)), r"Write edges\.T"),
    ],
)
def test_wrong_uses_say_what_to_write(call, remedy):
    with pytest.raises(ValueError, match=remedy):
        call()


def test_printing_shows_the_mathematics():
    assert "exp(-|y_i - y_j|^2 / width^2) m_j (X_j - X_i) / C_i" in repr(cloud_of())
    assert "sum_j a_ij (X_j - X_i) / max d" in repr(GraphDiffusion(3, kind="combinatorial"))

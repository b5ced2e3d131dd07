"""Spectra, damping, receptive fields and stability against closed forms; figures are written and not empty."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from pide.nets import analysis, models
from pide.nets.layers import NonlocalBlock, NonlocalStage, PIDEBlock
from pide.nets.training import fit, parse_config

EPS = np.finfo(np.float64).eps
TINY = {"channels": (4, 6, 8), "blocks": 3}


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def orthogonal(size, seed=0):
    return torch.linalg.qr(random(size, size, seed=seed))[0]


# spectra


def test_a_rotation_has_real_parts_and_symmetric_eigenvalues_cos():
    c, s = np.cos(0.3), np.sin(0.3)
    found = analysis.spectrum(torch.tensor([[c, -s], [s, c]]))
    np.testing.assert_allclose([found.real_parts, found.symmetric], [[c, c], [c, c]], rtol=1e-7)


def test_real_parts_and_symmetric_parts_differ_for_a_shear():
    found = analysis.spectrum(torch.tensor([[1.0, 4.0], [0.0, 1.0]], dtype=torch.float64))
    np.testing.assert_allclose(found.real_parts, [1, 1], atol=4 * np.sqrt(EPS))
    np.testing.assert_allclose(found.symmetric, [3, -1], atol=16 * EPS)
    assert (found.positive, found.positive_real_parts) == (0.5, 1.0)


def test_top_is_by_magnitude_and_a_product_of_rank_32_may_have_64():
    Q = orthogonal(64)
    values = torch.linspace(-3.0, 2.0, 64, dtype=torch.float64)
    found = analysis.spectrum(Q @ torch.diag(values) @ Q.mT)
    expected = sorted(values.tolist(), key=lambda value: -abs(value))[:32]
    np.testing.assert_allclose(found.top(), expected, atol=1e3 * EPS)
    low_rank = analysis.spectrum(random(64, 32, seed=1) @ random(32, 64, seed=2))
    assert np.sum(np.abs(low_rank.symmetric) > 1e-10) == 64
    assert np.sum(np.abs(low_rank.real_parts) > 1e-10) == 32


def test_rounding_of_a_zero_eigenvalue_is_not_positive():
    u = random(16, 1)
    assert analysis.spectrum(u @ u.mT).positive == 1 / 16
    assert analysis.spectrum(torch.zeros(3, 3)).positive == 0.0


def test_spectra_are_those_of_the_layers_of_a_network():
    net = models.hamiltonian("digits", "fractional", stages=3, seed=0, **TINY)
    found = analysis.spectra(net)
    names = [f"units.{i}.nonlocal_block K{j}" for i in range(3) for j in (1, 2, 3)]
    assert [item.name for item in found] == names
    K = net.units[1].nonlocal_block.mixing[2].weight[:, :, 0, 0].detach().double().numpy()
    np.testing.assert_allclose(found[5].symmetric[::-1], np.linalg.eigvalsh((K + K.T) / 2), atol=1e-12)
    stage = analysis.spectra(NonlocalStage(8, sub_blocks=2))
    assert [item.name for item in stage] == ["W1", "W2"]
    block = NonlocalBlock(8)
    W = (block.outward.weight.flatten(1) @ block.inward.weight.flatten(1)).detach().double().numpy()
    np.testing.assert_allclose(np.sum(analysis.spectra(block)[0].symmetric), np.trace(W), atol=1e-5)
    assert analysis.spectra(models.resnet(((1, 8, 8), 3), 8)) == []


def test_spectra_over_a_training(tmp_path):
    nets = [models.hamiltonian("digits", "log", seed=seed, **TINY) for seed in range(3)]
    torch.save(nets[1].state_dict(), tmp_path / "plain.pt")
    torch.save({"network": nets[2].state_dict(), "epoch": 3}, tmp_path / "run.pt")
    before = {key: value.clone() for key, value in nets[0].state_dict().items()}
    found = analysis.spectra_over(nets[0], [nets[0].state_dict(), tmp_path / "plain.pt", str(tmp_path / "run.pt")])
    for net, items in zip(nets, found, strict=True):
        for item, expected in zip(items, analysis.spectra(net), strict=True):
            np.testing.assert_array_equal(item.symmetric, expected.symmetric)
    assert all(torch.equal(value, before[key]) for key, value in nets[0].state_dict().items())
    torch.save({"epoch": 3}, tmp_path / "none.pt")
    with pytest.raises(ValueError, match=r"Write torch\.save\(net\.state_dict\(\), path\)"):
        analysis.spectra_over(nets[0], [tmp_path / "none.pt"])


# damping


def doubly_stochastic(size):
    """Symmetric, rows of sum 1, eigenvalues cos(2 pi k / size): half of each neighbour on a ring."""
    eye = torch.eye(size, dtype=torch.float64)
    return (eye.roll(1, 0) + eye.roll(-1, 0)) / 2


@pytest.mark.parametrize(("form", "shift"), [("original", 0.0), ("proposed", 1.0)])
def test_flows_multiply_every_mode_by_its_factor(form, shift):
    """Z = u v^T with A v = a v, W u = w u: factor 1 + w a, or 1 + w (a - 1)."""
    size, k, w = 12, 3, 0.7
    a = np.cos(2 * np.pi * k / size)
    v = torch.cos(2 * torch.pi * k * torch.arange(size, dtype=torch.float64) / size)
    Q = orthogonal(5)
    W = Q @ torch.diag(torch.tensor([w, -0.4, 0.2, 0.0, 1.3], dtype=torch.float64)) @ Q.mT
    z = (Q[:, :1] * v)[None]
    found = analysis.nonlocal_flow(W, doubly_stochastic(size), form)(z)
    torch.testing.assert_close(found, z * (1 + w * (a - shift)), rtol=0, atol=1e3 * EPS)


def test_the_original_flow_dies_and_the_proposed_one_keeps_the_mean():
    """Eigenvalues of A in [0, 1]: W = -1/2 damps all in the original block and amplifies variation in the proposed one;
    W = 1/2 in the proposed block damps all but the mean.
    """
    A, W, x = (doubly_stochastic(9) + torch.eye(9)) / 2, torch.eye(4, dtype=torch.float64) / 2, random(1, 4, 9) + 3.0
    dying = analysis.damping(analysis.nonlocal_flow(-W, A, "original"), x, 4)
    kept = analysis.damping(analysis.nonlocal_flow(W, A, "proposed"), x, 400)
    grown = analysis.damping(analysis.nonlocal_flow(-W, A, "proposed"), x, 4)
    assert bool((dying.norm[1:] < dying.norm[:-1]).all())
    assert bool((grown.variation[1:] > grown.variation[:-1]).all())
    torch.testing.assert_close(kept.norm[-1], 3 * x.mean(2).norm() / x.norm(), rtol=1e-9, atol=0)
    assert float(kept.variation[-1]) < 1e-9


def test_the_linear_flow_is_the_layer_with_its_affinity_frozen():
    """One sub-block of a stage is Z + W (A Z - Z) with the affinity of Z itself."""
    torch.manual_seed(0)
    stage, x = NonlocalStage(6, sub_blocks=1).double(), random(1, 6, 3, 4)
    t, p = stage.pairs.embedded(x)
    A = torch.softmax(t @ p.mT, -1)
    flow = analysis.nonlocal_flow(stage.mixing_matrices()[0], A)
    torch.testing.assert_close(flow(x.flatten(2)).unflatten(2, (3, 4)), stage(x), rtol=0, atol=1e-12)


def test_damping_starts_at_one_and_refuses_unknown_forms():
    found = analysis.damping(lambda z: 0.5 * z, random(2, 3, 4, 4), 3)
    torch.testing.assert_close(found.norm, torch.tensor([1, 0.5, 0.25, 0.125], dtype=torch.float64))
    with pytest.raises(ValueError, match="Write 'original' or 'proposed'"):
        analysis.nonlocal_flow(torch.eye(2), torch.eye(3), "new")


# receptive fields


class Linear(nn.Module):
    """A convolution without activation, then the head that is looked at."""

    def __init__(self, body):
        super().__init__()
        self.body, self.head = body, nn.Identity()

    def forward(self, x):
        return self.head(self.body(x))


def test_the_receptive_field_of_a_convolution_is_its_kernel():
    body = nn.Conv2d(1, 1, 3, padding=1, bias=False).double()
    field = analysis.effective_receptive_field(Linear(body), random(2, 1, 7, 7))
    expected = np.zeros((7, 7))
    expected[2:5, 2:5] = body.weight.detach().abs()[0, 0].numpy()
    np.testing.assert_allclose(field.sensitivity, expected / expected.sum(), atol=16 * EPS)
    assert field.reach == 9 / 49


def test_radius_of_two_equal_spikes_is_half_their_distance():
    sensitivity = np.zeros((9, 9))
    sensitivity[4, 1] = sensitivity[4, 7] = 0.5
    assert analysis.ReceptiveField(sensitivity).radius == pytest.approx(3.0, abs=1e-14)


def test_a_nonlocal_block_reaches_every_pixel():
    near = Linear(nn.Conv2d(4, 4, 3, padding=1)).double()
    far = Linear(nn.Sequential(near.body, PIDEBlock(4, "fractional", subsampling=1).double()))
    x = random(1, 4, 8, 8)
    assert analysis.effective_receptive_field(near, x).reach == 9 / 64
    assert analysis.effective_receptive_field(far, x).reach == 1.0


def test_looking_does_not_change_the_network():
    net = models.hamiltonian("digits", **TINY)
    net.units[0].eval()
    modes = [module.training for module in net.modules()]
    before = {key: value.clone() for key, value in net.state_dict().items()}
    analysis.effective_receptive_field(net, torch.randn(2, 1, 8, 8))
    assert [module.training for module in net.modules()] == modes
    assert all(torch.equal(value, before[key]) for key, value in net.state_dict().items())
    assert all(p.grad is None for p in net.parameters())


def test_receptive_field_errors_say_what_to_write():
    net = models.hamiltonian("digits", **TINY)
    x = torch.zeros(1, 1, 8, 8)
    with pytest.raises(ValueError, match=r"Write a name from dict\(net\.named_modules\(\)\)"):
        analysis.effective_receptive_field(net, x, "tail")
    with pytest.raises(ValueError, match="Write the name of a layer before the pooling"):
        analysis.effective_receptive_field(net, x, "head.2")
    with pytest.raises(ValueError, match="Write the name of one that is"):
        analysis.effective_receptive_field(net, x, "units.0.before.0")


# stability


def test_bounds_of_one_to_six_stages():
    found = [analysis.stability_interval(m) for m in range(1, 7)]
    np.testing.assert_allclose(found, [2, 1, 1.353, 1, 1.215, 1], atol=5e-4)
    np.testing.assert_allclose(found[1::2] + found[:1], [1, 1, 1, 2], atol=64 * EPS)


@pytest.mark.parametrize("stages", range(1, 10))
def test_inside_the_interval_nothing_grows_and_beyond_it_something_does(stages):
    """|R| from the closed form (1 - z^(m+1)) / (1 - z)."""
    end = analysis.stability_interval(stages)
    z = -np.linspace(0, end, 1001)
    values = (1 - z ** (stages + 1)) / (1 - z)
    assert np.abs(values).max() <= 1 + 64 * stages * EPS
    beyond = -end * 1.0001
    assert abs((1 - beyond ** (stages + 1)) / (1 - beyond)) > 1
    np.testing.assert_allclose(analysis.restart_polynomial(z, stages).real, values, atol=64 * stages * EPS)


def test_stages_are_the_polynomial_of_a_linear_block():
    """PIDE blocks restart from their input: with op = mu the block multiplies by R(h mu)."""
    x, mu, h = 1.7, -3.0, 0.2
    b = x
    for _ in range(4):
        b = x + h * mu * b
    assert b / x == pytest.approx(complex(analysis.restart_polynomial(h * mu, 4)).real, abs=1e-14)


def test_the_region_of_one_stage_is_the_disc_of_forward_euler():
    z, modulus = analysis.stability_region(1, size=41)
    np.testing.assert_allclose(modulus, np.abs(1 + z), atol=1e-14)
    with pytest.raises(ValueError, match="Write stages=2"):
        analysis.stability_interval(0)


# figures


def test_one_call_draws_what_applies(tmp_path):
    net = models.hamiltonian("digits", "inverse_fractional", channels=(4,), blocks=2, seed=0)
    names = [path.name for path in analysis.figures(net, tmp_path / "bohn")]
    assert names == ["spectra.png", "damping.png", "receptive_field.png", "stability.png"]
    net = models.preresnet(((1, 8, 8), 3), 11, variant="bottleneck", nonlocal_blocks=2, seed=0)
    names = [path.name for path in analysis.figures(net, tmp_path / "tao", inputs=torch.randn(2, 1, 8, 8))]
    assert names == ["eigenvalues.png", "damping.png", "receptive_field.png"]
    assert all(path.stat().st_size > 5000 for path in tmp_path.glob("*/*.png"))


@pytest.mark.slow
def test_a_run_is_drawn_with_the_course_of_its_training(tmp_path):
    pytest.importorskip("sklearn", reason="digits come with scikit-learn")
    text = """
[data]
name = "digits"
train_images = 60
test_images = 20
[network]
name = "hamiltonian"
nonlocal_operator = "log"
channels = [4]
blocks = 2
[training]
epochs = 2
[run]
keep_every = 1
reports = false
"""
    fit(None, parse_config(text), out=tmp_path / "run", progress=False)
    names = [path.name for path in analysis.figures(tmp_path / "run", tmp_path / "figures")]
    assert names == ["spectra.png", "training.png", "damping.png", "receptive_field.png", "stability.png"]


def test_figures_of_a_network_of_your_own_need_inputs(tmp_path):
    with pytest.raises(ValueError, match=r"Write inputs=x of shape \(B, C, H, W\)"):
        analysis.figures(Linear(nn.Conv2d(1, 1, 3)), tmp_path)

"""Networks: structure, shapes, configuration, initial weights, and what torch does with modules."""

from __future__ import annotations

import copy
import math
import os

import numpy as np
import pytest
import torch
from torch import nn

from pide.nets import models
from pide.nets.data import Dataset, Images
from pide.nets.layers import HamiltonianBlock, NonlocalBlock, NonlocalStage, PIDEBlock
from pide.nets.models.shapes import SHAPES, DatasetShape, dataset_shape

OPERATORS = ("diffusion", "fractional", "inverse_fractional", "log")
TINY = {"channels": (4, 6, 8), "blocks": 3}


def images(shape, batch=2):
    return torch.randn(batch, *shape, generator=torch.Generator().manual_seed(0))


def meta(build, *arguments, **options):
    with torch.device("meta"):
        return build(*arguments, **options)


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("build", [models.hamiltonian, models.resnet44, models.preresnet20], ids=lambda f: f.__name__)
def test_scores_have_one_number_a_class_and_label(name, build):
    shape = SHAPES[name]
    with torch.device("meta"), torch.no_grad():
        scores = build(name).eval()(torch.empty(2, *shape.input_shape))
    labelled = shape.input_shape[1:] if shape.segmentation else ()
    assert scores.shape == (2, shape.classes, *labelled)


@pytest.mark.parametrize("operator", [None, *OPERATORS])
def test_hamiltonian_network_trains_on_digits(operator):
    net = models.hamiltonian("digits", operator, seed=0, **TINY)
    loss = nn.functional.cross_entropy(net(images((1, 8, 8), 4)), torch.arange(4))
    loss.backward()
    assert all(p.grad is not None and bool(torch.isfinite(p.grad).all()) for p in net.parameters())


def test_the_nonlocal_block_stands_after_the_second_block_of_each_unit():
    net = meta(models.hamiltonian, "cifar10", "fractional")
    kinds = (HamiltonianBlock, PIDEBlock)
    for unit, channels in zip(net.units, (32, 64, 112), strict=True):
        row = [type(module) for module in unit.modules() if isinstance(module, kinds)]
        assert [kind is PIDEBlock for kind in row] == [False, False, True, False, False, False, False]
        assert unit.nonlocal_block.channels == channels
        assert [kernel.shape[0] for pair in unit.kernels() for kernel in pair] == [channels // 2] * 12


def test_options_reach_the_layers():
    net = meta(
        models.hamiltonian, "stl10", "inverse_fractional",
        stages=4, step=0.15, nonlocal_step=0.03, strength=0.2, s=0.4, normaliser="rows", sign="dissipative",
        order="conv-relu-bn", activation=None, memory="reversible", eps=1e-4, momentum=0.1,
    )  # fmt: skip
    block = net.units[1].nonlocal_block
    assert (block.stages, block.step, block.strength, block.s, block.subsampling) == (4, 0.03, 0.2, 0.4, 4)
    assert (block.normaliser, block.sign, block.order, block.activation) == (
        "rows",
        "dissipative",
        "conv-relu-bn",
        None,
    )
    assert {b.step for b in net.modules() if isinstance(b, HamiltonianBlock)} == {0.15}
    assert {unit.after.memory for unit in net.units} == {"reversible"}
    norms = [m for m in net.modules() if isinstance(m, nn.BatchNorm2d)]
    assert {(m.eps, m.momentum) for m in norms} == {(1e-4, 0.1)}


@pytest.mark.parametrize(
    "build", [lambda: models.hamiltonian("cifar10", "log"), lambda: models.resnet44("cifar10")], ids=["B", "resnet"]
)
def test_published_normalisation(build):
    norms = [m for m in meta(build).modules() if isinstance(m, nn.BatchNorm2d)]
    assert {(m.eps, m.momentum) for m in norms} == {(1e-3, 0.01)}


def test_initial_weights_are_he_normal_cut_at_two_deviations():
    net = models.preresnet20("cifar10", seed=0)
    for module in net.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            w, fan = module.weight.detach().double(), module.weight[0].numel()
            # 0.8796... is the deviation of the standard normal between -2 and 2.
            assert float(w.abs().max()) <= 2 * math.sqrt(2 / fan) / 0.87962566 + 1e-6
            # |sample variance / variance - 1|: five standard errors, with kurtosis below the normal's 3.
            assert abs(float(w.square().mean()) * fan / 2 - 1) <= 5 * math.sqrt(2 / w.numel())
            assert module.bias is None or not bool(module.bias.any())


def test_a_seed_fixes_the_weights_and_leaves_the_global_generator_alone():
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    one, two = (models.hamiltonian("digits", "log", seed=3, **TINY) for _ in range(2))
    assert torch.equal(torch.rand(1), expected)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))


def nonlocal_layers(net):
    """(name of the module before, layer) for each nonlocal layer of a residual network."""
    names = list(net.blocks._modules)
    return [
        (names[i - 1], layer) for i, layer in enumerate(net.blocks) if isinstance(layer, NonlocalBlock | NonlocalStage)
    ]


def test_same_place_is_after_the_second_residual_block():
    ((before, stage),) = nonlocal_layers(meta(models.preresnet20, "cifar10", variant="bottleneck", nonlocal_blocks=4))
    assert (before, stage.sub_blocks, stage.channels) == ("stage1_block2", 4, 64)
    net = meta(models.preresnet56, "cifar100", variant="bottleneck", nonlocal_blocks=2, form="original")
    (first, one), (second, two) = nonlocal_layers(net)
    assert (first, second) == ("stage1_block2", "nonlocal_2_1")
    assert type(one) is type(two) is NonlocalBlock
    assert one.mixing_matrices()[0].shape == (64, 64)
    assert (one.inward.weight.shape[0], one.outward.weight.shape[1]) == (32, 32)


@pytest.mark.parametrize("form", ["original", "proposed"])
@pytest.mark.parametrize("depth", [20, 56])
def test_three_different_places_are_the_second_block_of_each_stage(form, depth):
    net = meta(
        models.preresnet, "cifar10", depth, variant="bottleneck", nonlocal_blocks=3, form=form, places="different"
    )
    layers = nonlocal_layers(net)
    assert [name for name, _ in layers] == [f"stage{i}_block2" for i in (1, 2, 3)]
    assert [layer.channels for _, layer in layers] == [64, 128, 256]
    assert all(layer.sub_blocks == 1 for _, layer in layers if isinstance(layer, NonlocalStage))


@pytest.mark.parametrize("variant", ["keras", "bottleneck", "basic"])
def test_segmentation_versions_keep_the_resolution(variant):
    shape = DatasetShape("small", (2, 6, 7), 5, segmentation=True, subsampling=3)
    net = models.preresnet20(shape, variant=variant, nonlocal_blocks=1)
    assert net(images((2, 6, 7))).shape == (2, 5, 6, 7)
    assert models.hamiltonian(shape, "diffusion", **TINY)(images((2, 6, 7))).shape == (2, 5, 6, 7)


def test_data_sets_in_memory_and_explicit_shapes():
    def data(name, side, dense=False):
        labels = torch.zeros((1, side, side) if dense else (1,), dtype=torch.int64)
        part = Images(torch.zeros(1, 1, side, side, dtype=torch.uint8), labels)
        return Dataset(name, part, part, tuple("0123456789"))

    assert dataset_shape(data("digits", 8)) is SHAPES["digits"]
    assert dataset_shape(data("digits", 16)).head_pool == 1
    assert dataset_shape(data("mine", 32, dense=True)) == DatasetShape(
        "mine", (1, 32, 32), 10, segmentation=True, subsampling=3
    )
    assert dataset_shape(([3, 64, 48], 7)) == DatasetShape("3x64x48", (3, 64, 48), 7, head_pool=3)
    assert models.hamiltonian(((2, 9, 11), 3), "log", **TINY)(images((2, 9, 11))).shape == (2, 3)


def test_from_config_is_the_function_of_the_name():
    net = models.from_config({"name": "hamiltonian", "nonlocal_operator": "log", "stages": 1, "seed": 2}, "digits")
    same = models.hamiltonian("digits", "log", stages=1, seed=2)
    assert all(torch.equal(a, b) for a, b in zip(net.parameters(), same.parameters(), strict=True))
    listed = models.from_config({"name": "resnet", "depth": 8, "dataset": [[1, 8, 8], 3]})
    assert listed(images((1, 8, 8))).shape == (2, 3)


@pytest.mark.parametrize(
    ("config", "remedy"),
    [
        ({"name": "hamiltonain"}, "Did you mean 'hamiltonian'"),
        ({}, "Write one of hamiltonian"),
        ({"name": "hamiltonian", "dataset": "cifar10", "stage": 2}, "Did you mean 'stages'"),
        ({"name": "preresnet20", "dataset": "cifar10", "depth": 20}, "has no key 'depth'"),
        ({"name": "resnet44", "dataset": "cifar10", "variant": "basic"}, "has no key 'variant'"),
        ({"name": "hamiltonian"}, "Write dataset = 'cifar10'"),
    ],
)
def test_configuration_errors(config, remedy):
    with pytest.raises(ValueError, match=remedy):
        models.from_config(config)


@pytest.mark.parametrize(
    ("build", "remedy"),
    [
        (lambda: models.hamiltonian("cifar"), r"Did you mean 'cifar10'\?"),
        (lambda: models.hamiltonian(((3, 8), 10)), r"Write dataset=\(\(3, 64, 64\), 10\)"),
        (lambda: models.hamiltonian("cifar10", "difusion"), "diffusion"),
        (lambda: models.hamiltonian("cifar10", channels=(3, 4)), "Write an even number, 4"),
        (lambda: models.hamiltonian("cifar10", "log", blocks=1), "Write nonlocal_after=1"),
        (lambda: models.hamiltonian("digits", channels=(2,) * 5), "need 16 pixels a side"),
        (lambda: models.resnet("cifar10", 43), "Write 38 or 44"),
        (lambda: models.preresnet20("cifar10", variant="wide"), "Write one of 'keras', 'bottleneck', 'basic'"),
        (lambda: models.preresnet("cifar10", 21), "Write 20 or 29"),
        (lambda: models.preresnet20("cifar10", nonlocal_blocks=4, places="different"), "Write places='same'"),
        (lambda: models.preresnet20("cifar10", nonlocal_blocks=1, form="new"), "Write one of 'original', 'proposed'"),
    ],
)
def test_errors_say_what_to_write(build, remedy):
    with pytest.raises(ValueError, match=remedy):
        meta(build)


@pytest.mark.parametrize("operator", [None, "fractional"])
def test_state_dict_and_deepcopy_give_the_same_network(operator):
    net = models.hamiltonian("digits", operator, **TINY).eval()
    other = models.hamiltonian("digits", operator, memory="reversible", **TINY).eval()
    other.load_state_dict(net.state_dict())
    x = images((1, 8, 8))
    assert torch.equal(other(x), net(x))
    assert torch.equal(copy.deepcopy(net)(x), net(x))


@pytest.mark.parametrize("build", [lambda: models.hamiltonian("digits", "fractional", **TINY)], ids=["hamiltonian"])
def test_channels_last(build):
    net, x = build().eval().double(), images((1, 8, 8)).double()
    expected = net(x)
    found = net.to(memory_format=torch.channels_last)(x.to(memory_format=torch.channels_last))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


def _process(rank, port, folder):
    """One of two processes: gradients of its half of the batch, averaged."""
    torch.set_num_threads(1)
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port), RANK=str(rank), WORLD_SIZE="2")
    torch.distributed.init_process_group("gloo")
    net = _without_batch_statistics()
    x = images((1, 8, 8), 4).double()[2 * rank : 2 * rank + 2]
    parallel = nn.parallel.DistributedDataParallel(net)
    parallel(x).square().mean().backward()
    if rank == 0:
        torch.save([p.grad for p in net.parameters()], f"{folder}/gradients.pt")
    torch.distributed.destroy_process_group()


def _without_batch_statistics():
    """Normalisations in evaluation mode: the loss of a batch is then the mean of the losses of its halves."""
    return models.hamiltonian("digits", "fractional", memory="reversible", seed=0, **TINY).double().eval()


@pytest.mark.slow
def test_two_processes_average_to_the_gradient_of_the_whole_batch(tmp_path):
    port = 20_000 + os.getpid() % 20_000
    torch.multiprocessing.spawn(_process, args=(port, str(tmp_path)), nprocs=2)
    net = _without_batch_statistics()
    net(images((1, 8, 8), 4).double()).square().mean().backward()
    for found, p in zip(torch.load(tmp_path / "gradients.pt"), net.parameters(), strict=True):
        np.testing.assert_allclose(found.numpy(), p.grad.numpy(), rtol=1e-9, atol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("operator", [None, *OPERATORS])
@pytest.mark.parametrize("memory", ["stored", "reversible"])
def test_export_computes_the_same(operator, memory):
    net, x = models.hamiltonian("digits", operator, memory=memory, seed=0, **TINY).eval(), images((1, 8, 8))
    with torch.no_grad():
        torch.testing.assert_close(torch.export.export(net, (x,)).module()(x), net(x))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # dynamo, of what it does itself while it traces
@pytest.mark.parametrize("memory", ["stored", "reversible"])
def test_compiled_gradients_are_the_same(memory):
    net, same = (models.hamiltonian("digits", "fractional", memory=memory, seed=0, **TINY) for _ in range(2))
    x = images((1, 8, 8), 4)
    torch.compile(net, backend="eager")(x).square().sum().backward()
    same(x).square().sum().backward()
    for p, q in zip(net.parameters(), same.parameters(), strict=True):
        torch.testing.assert_close(p.grad, q.grad)


def test_options_of_the_nonlocal_layers_of_preresnets():
    options = {"scale": True, "normalise": "layer", "initial_scale": 0.1}
    for form, count in (("original", 2), ("proposed", 1)):
        net = models.preresnet20(
            "cifar10", variant="bottleneck", nonlocal_blocks=2, form=form, nonlocal_options=options
        )
        layers = [module for module in net.modules() if isinstance(module, NonlocalBlock | NonlocalStage)]
        assert len(layers) == count
        for layer in layers:
            assert layer.pairs.factor == pytest.approx(32**-0.5)
            assert isinstance(layer.pairs.features, torch.nn.GroupNorm)
    table = {"name": "preresnet20", "variant": "basic", "nonlocal_blocks": 1, "nonlocal_options": {"scale": True}}
    assert "factor=0.354" in repr(models.from_config(table, "cifar10"))

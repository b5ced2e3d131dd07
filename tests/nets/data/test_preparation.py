"""Mean image, parts of a training set, corruptions, and the Q-tips."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

from pide.errors import CaseError
from pide.nets.data import SEVERITIES, Corruption, Dataset, Images, corrupt, fit_preprocessing, make_qtips
from pide.nets.data.qtips import local_limit, pair_class
from pide.nets.data.subsets import choose, hold_out, keep_fraction
from pide.nets.models import hamiltonian
from pide.nets.training import parse_config
from pide.nets.training.sets import prepare

GENERATOR = torch.Generator().manual_seed(3)


def some(count: int, classes: int = 4, side: int = 5) -> Images:
    pixels = torch.randint(256, (count, 3, side, side), generator=GENERATOR, dtype=torch.uint8)
    return Images(pixels, torch.arange(count) % classes)


def test_mean_image_is_that_of_the_training_set() -> None:
    train = some(50)
    preprocessing = fit_preprocessing(train)
    x = preprocessing(train.pixels, torch.float64)
    expected = train.pixels.numpy() / 255.0
    np.testing.assert_allclose(x.numpy(), expected - expected.mean(0), rtol=0, atol=1e-14)
    assert float(x.mean(0).abs().max()) < 1e-15 * 50
    plain = fit_preprocessing(train, subtract_mean=False)
    assert torch.equal(plain(train.pixels), train.pixels.float() / 255)


def test_images_of_another_size_are_refused() -> None:
    with pytest.raises(ValueError, match="Give images of that size"):
        fit_preprocessing(some(4))(torch.zeros(1, 3, 6, 5, dtype=torch.uint8))


def test_fractions_are_of_every_class_and_nested() -> None:
    images = some(400)
    tenth, fifth = keep_fraction(images, 0.1, seed=2), keep_fraction(images, 0.2, seed=2)
    assert torch.bincount(tenth.labels).tolist() == [10, 10, 10, 10]
    rows = {row.numpy().tobytes() for row in fifth.pixels}
    assert all(row.numpy().tobytes() in rows for row in tenth.pixels)
    assert not torch.equal(keep_fraction(images, 0.1, seed=3).pixels, tenth.pixels)
    assert keep_fraction(images, 1.0) is images
    with pytest.raises(ValueError, match=r"Write fraction = 0\.1"):
        keep_fraction(images, 0.0)


def test_what_is_held_out_is_not_trained_on() -> None:
    images = some(40)
    dataset = hold_out(Dataset("mine", images, images, tuple("abcd")), 0.3, seed=1)
    assert (len(dataset.train), len(dataset.validation)) == (28, 12)
    kept, held = ({row.numpy().tobytes() for row in part.pixels} for part in (dataset.train, dataset.validation))
    assert not kept & held
    with pytest.raises(ValueError, match=r"Write validation = 0\.1"):
        hold_out(dataset, 1.0)


def test_chosen_images_are_of_all_classes_where_the_set_is_sorted() -> None:
    images = some(400)
    images = images.take(images.labels.argsort())
    assert len(choose(images, 40).labels.unique()) == 4
    assert choose(images, 0) is images
    assert choose(images, 1000) is images


@pytest.mark.parametrize("kind", SEVERITIES)
def test_corruptions_grow_and_do_not_depend_on_the_batch(kind: str) -> None:
    images = some(20, side=20)
    distances = []
    for severity in range(1, 6):
        damaged = corrupt(images, Corruption(kind, severity, seed=6))
        assert torch.equal(damaged.labels, images.labels)
        first = corrupt(images.take(torch.arange(3)), Corruption(kind, severity, seed=6))
        assert torch.equal(first.pixels, damaged.pixels[:3])
        distances.append(float((damaged.pixels.float() - images.pixels.float()).square().mean()))
    assert all(a < b for a, b in pairwise(distances))


def test_noise_has_its_standard_deviation_and_occlusion_its_area() -> None:
    gray = Images(torch.full((40, 1, 30, 30), 128, dtype=torch.uint8), torch.zeros(40, dtype=torch.int64))
    noisy = corrupt(gray, Corruption("noise", 2)).pixels.double()
    sigma = np.hypot(255 * 0.04, np.sqrt(1 / 12))  # with the variance of rounding
    assert abs(float(noisy.std()) / sigma - 1) < 4.5 / np.sqrt(2 * 36_000)
    black = Images(torch.zeros(8, 1, 30, 30, dtype=torch.uint8), torch.zeros(8, dtype=torch.int64))
    covered = corrupt(black, Corruption("occlusion", 3)).pixels == 128
    assert covered.flatten(1).sum(1).tolist() == [81] * 8
    constant = corrupt(gray, Corruption("blur", 5)).pixels
    assert torch.equal(constant, gray.pixels)


def test_unknown_corruptions_are_refused() -> None:
    with pytest.raises(ValueError, match=r'Write Corruption\("noise", severity=3\)'):
        Corruption("noise", 6)


def test_qtips_show_what_their_classes_say() -> None:
    """The class of every stick, read off the picture: its two ends by their grey values."""
    levels = np.array([50.0, 85.0, 120.0, 155.0, 190.0])
    dataset = make_qtips(train=40, test=1, sticks=1, seed=8)
    for pixels, labels in zip(dataset.train.pixels[:, 0].numpy(), dataset.train.labels.numpy(), strict=True):
        stick = labels != dataset.ignored
        assert len(np.unique(labels[stick])) == 1
        values = pixels[stick].astype(float)
        ends = values[values < 207]
        types = set(np.abs(ends[:, None] - levels).argmin(1).tolist())
        assert pair_class(min(types), max(types)) == labels[stick][0]
        assert values[values >= 207].mean() == pytest.approx(225, abs=2)
        assert pixels[~stick].mean() == pytest.approx(10, abs=1)


def test_qtips_are_disjoint_and_repeatable() -> None:
    from scipy.ndimage import label

    dataset = make_qtips(train=6, test=2, sticks=3, seed=8)
    for labels in dataset.train.labels.numpy():
        assert label(labels != dataset.ignored, np.ones((3, 3)))[1] == 3
    again = make_qtips(train=3, test=2, sticks=3, seed=8)
    assert torch.equal(again.train.pixels, dataset.train.pixels[:3])
    assert not torch.equal(make_qtips(3, 2, seed=9).train.pixels, again.train.pixels)
    assert sorted(pair_class(a, b) for a in range(5) for b in range(a, 5)) == list(range(15))


def test_too_many_sticks_are_refused() -> None:
    with pytest.raises(ValueError, match=r"Write make_qtips\(1024, 256"):
        make_qtips(1, 1, sticks=7)


def test_qtips_of_fewer_types_and_smaller_pictures() -> None:
    dataset = make_qtips(train=30, test=1, sticks=1, side=32, types=2, seed=1)
    assert dataset.classes == ("0-0", "0-1", "1-1")
    assert dataset.shape == (1, 32, 32)
    for pixels, labels in zip(dataset.train.pixels[:, 0].numpy(), dataset.train.labels.numpy(), strict=True):
        stick = labels != dataset.ignored
        bright = pixels[stick][pixels[stick] < 207] > 120
        assert labels[stick][0] == (0 if not bright.any() else 2 if bright.all() else 1)
    config = parse_config('[data]\nname = "qtips"\nsticks = 1\nside = 16\ntypes = 3\ntrain_images = 2')
    assert prepare(config).dataset.shape == (1, 16, 16)
    assert len(prepare(config).dataset.classes) == 6
    with pytest.raises(CaseError, match=r"data\.side: not used by 'digits'; for qtips\. Remove it"):
        parse_config('[data]\nname = "digits"\nside = 16')


def test_the_limit_of_local_sight() -> None:
    """Nothing but the own pixel: 2/5 of a stick are ends. The whole picture: both ends. More sight never hurts."""
    assert local_limit(0, types=2) == pytest.approx(1 / 2, abs=1e-12)
    assert local_limit(0, types=5) == pytest.approx(0.4 / 5 + 0.6 * 2 / 25, abs=5e-3)
    assert local_limit(32, side=32) == 1.0
    limits = [local_limit(reach, side=32, types=3, sticks=50) for reach in (0, 2, 5, 9)]
    assert limits == sorted(limits)
    assert limits[-1] < 1.0


def test_the_sight_of_a_small_hamiltonian_network() -> None:
    """A stem and one block see 1 + 4 pixels each way: what `local_limit` is told in the experiments."""
    net = hamiltonian(((1, 21, 21), 3), channels=(4,), blocks=1, step=0.5, seed=0).eval().double()
    features = nn.Sequential(net.stem, *net.units)
    x = torch.rand(1, 1, 21, 21, dtype=torch.float64, generator=GENERATOR)
    other = x.clone()
    other[0, 0, 10, 10] += 5.0
    changed = ((features(x) - features(other)).abs().sum((0, 1)) > 0).nonzero() - 10
    assert int(changed.abs().max()) == 5

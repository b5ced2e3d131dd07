"""The training files of the papers: as the table writes them, and each builds the published network."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest
import torch

from pide.nets import models
from pide.nets.training import Config, read_config

FOLDER = Path(__file__).resolve().parents[3] / "examples" / "papers"
FILES = sorted(FOLDER.glob("*.toml"))

# Bohn et al.: ResNet-44, PreResNet-20, Hamiltonian-74, with a nonlocal operator of two stages; the paper truncates.
BOHN = {
    "cifar10": (662_826, 570_602, 508_954, 563_402),
    "cifar100": (668_676, 593_732, 670_324, 724_772),
    "stl10": (662_826, 570_602, 501_114, 555_562),
    "bdd100k": (663_476, 573_172, 493_284, 547_732),
}
TAO = {"tao-cifar10-preresnet20": 219_482, "tao-cifar100-preresnet56": 613_556}


def expected(stem: str, data: str, network: dict[str, object]) -> int:
    """Parameters of the table of Bohn et al., and what the formulas of Tao et al. add to the plain network."""
    if stem in TAO:
        return TAO[stem]
    if not stem.startswith("tao"):
        column = {"resnet44": 0, "preresnet20": 1, "hamiltonian": 2 + ("nonlocal_operator" in network)}
        more_stages = int(str(network.get("stages", 2))) - 2  # each: K of C x C with bias, and BN
        widths = (32, 64, 112)
        return BOHN[data][column[str(network["name"])]] + more_stages * sum(C * C + C + 2 * C for C in widths)
    return -1


def parameters(config: Config) -> int:
    """Parameters of the network of a training file, built without memory for them."""
    with torch.device("meta"):
        net = models.from_config(config.network, config.data.name)
    return sum(parameter.numel() for parameter in net.parameters())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_network(path: Path) -> None:
    config = read_config(path)
    count = parameters(config)
    wanted = expected(path.stem, config.data.name, config.network)
    assert count == wanted or (wanted < 0 and count > TAO["tao-cifar10-preresnet20"])


def test_original_blocks_cost_what_the_paper_prints() -> None:
    """W_Z 64 x 32 and W_g 32 x 64 a block; blocks of one kind cost the same each."""
    counts = {}
    for path in FOLDER.glob("tao-cifar10-*.toml"):
        config = read_config(path)
        if config.network.get("places") is None:
            counts[config.network.get("form"), config.network.get("nonlocal_blocks", 0)] = parameters(config)
    proposed = [counts["proposed", n + 1] - counts["proposed", n] for n in range(2, 6)]
    original = [counts["original", n + 1] - counts["original", n] for n in (2, 3)]
    assert set(proposed) == {64 * 64}
    assert len(set(original)) == 1
    assert original[0] >= 4 * 64 * 32


def test_files_are_those_of_the_table() -> None:
    written = runpy.run_path(str(FOLDER / "generate.py"))["files"]()
    assert {path.name: path.read_text() for path in FILES} == written


def test_tables_are_complete() -> None:
    stems = {path.stem for path in FILES}
    rows = ("resnet44", "preresnet20", "hamiltonian", *(f"hamiltonian-{name}" for name in NAMES))
    assert {f"bohn-{data}-{row}" for data in BOHN for row in rows} <= stems
    counts = [("original", n) for n in (2, 3, 4)] + [("proposed", n) for n in (2, 3, 4, 5, 6)]
    assert {f"tao-{data}-{form}-{n}" for data in ("cifar10", "cifar100") for form, n in counts} <= stems


NAMES = ("diffusion", "fractional", "inverse-fractional", "log")


def test_conventions_of_the_papers() -> None:
    bohn = read_config(FOLDER / "bohn-stl10-hamiltonian-log.toml")
    tao = read_config(FOLDER / "tao-cifar10-proposed-3.toml")
    assert (bohn.decay.kernels, bohn.decay.nonlocal_kernels, bohn.decay.others) == (5e-4, 2e-4, 0.0)
    assert (bohn.decay.smoothness, bohn.training.batch, bohn.data.pad, bohn.data.flip) == (1e-8, 50, 12, True)
    assert [bohn.training.schedule.at(epoch, 200) for epoch in (0, 1, 80)] == pytest.approx([0.01, 0.1, 0.01])
    assert 2 * tao.decay.kernels == 2 * tao.decay.others == 1e-4
    assert (tao.training.epochs, tao.training.batch, tao.data.pad) == (164, 128, 4)

"""Parameters and multiply-adds of every published network, ours beside the published ones.

    python docs/_scripts/network_counts.py

writes docs/benchmarks/networks.md. Nothing is trained or run: the networks are counted on torch's meta device.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import nn

from pide.nets import models
from pide.nets.analysis import count_parameters, multiply_adds

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))

from stamp import stamp  # noqa: E402

PAGE = ROOT / "docs" / "benchmarks" / "networks.md"
COMMAND = "python docs/_scripts/network_counts.py"
OPERATORS = {
    "diffusion": "$L$",
    "fractional": r"$(-\Delta)^{1/2}$",
    "inverse_fractional": r"$(-\Delta)^{-1/2}$",
    "log": r"$(-\Delta)^{-1}$",
}
DATASETS = {"cifar10": "CIFAR-10", "cifar100": "CIFAR-100", "stl10": "STL-10", "bdd100k": "BDD100K"}
SIZES = {
    "hamiltonian": (508_954, 670_324, 501_114, 493_284),
    "nonlocal": (563_402, 724_772, 555_562, 547_732),
    "resnet44": (662_826, 668_676, 662_826, 663_476),
    "preresnet20": (570_602, 593_732, 570_602, 573_172),
}
"""Parameters, by data set in the order of DATASETS."""
TOTALS = {
    None: 159_636_581,
    "diffusion": 192_956_357,
    "fractional": 193_410_045,
    "inverse_fractional": 193_241_757,
    "log": 193_661_085,
}
"""Multiply-adds of Table 4 of Bohn, Griebel and Kannan, for CIFAR-10."""
HEAD = """# Counts of the published networks

{stamp}

Parameters are numbers that training changes. Multiply-adds are those of one sample: *core* counts convolutions,
transposed convolutions and matrix products, *with elementwise work* is the counting of Table 4 of {{cite:t}}`bohn2021`,
see [Multiply-adds](../explanation/networks.md#multiply-adds). A dash stands where we know of no published number. The
papers print fewer digits; here are all of them.
"""
COLUMNS = ("network", "parameters", "published", "core", "with elementwise work", "published")


@dataclass(frozen=True)
class Network:
    """A published network: how to build it, and what was published of it."""

    title: str
    build: Callable[[], nn.Module]
    shape: tuple[int, ...]
    parameters: int | None = None
    total: int | None = None
    countings: tuple[str, ...] = ("core", "published")

    def row(self) -> str:
        """A row of the table."""
        with torch.device("meta"):
            net = self.build()
        counts = {counting: multiply_adds(net, self.shape, counting) for counting in self.countings}
        cells = (count_parameters(net), self.parameters, counts["core"], counts.get("published"), self.total)
        return f"| {self.title} | {' | '.join(map(spaced, cells))} |"


def spaced(count: int | None) -> str:
    """Digits in threes; a dash for nothing."""
    return "–" if count is None else f"{count:,}".replace(",", " ")


def of_bohn(place: int, dataset: str) -> Iterator[Network]:
    """The networks of Bohn, Griebel and Kannan on one data set."""
    shape = models.SHAPES[dataset].input_shape
    small = dataset == "cifar10"
    published = {name: sizes[place] for name, sizes in SIZES.items()}
    for name, title in (("resnet44", "ResNet-44"), ("preresnet20", "PreResNet-20, with biases")):
        yield Network(title, partial(getattr(models, name), dataset), shape, published[name])
    total = TOTALS[None] if small else None
    yield Network("Hamiltonian-74", partial(models.hamiltonian, dataset), shape, published["hamiltonian"], total)
    for operator, symbol in OPERATORS.items():
        total = TOTALS[operator] if small else None
        yield Network(
            f"Hamiltonian-74 with {symbol}", partial(models.hamiltonian, dataset, operator), shape,
            published["nonlocal"], total,
        )  # fmt: skip
    for operator, symbol in OPERATORS.items():
        yield Network(
            f"Hamiltonian-74 with {symbol}, four stages",
            partial(models.hamiltonian, dataset, operator, stages=4), shape,
        )  # fmt: skip


def of_tao() -> Iterator[Network]:
    """The networks of Tao, Sun, Du and Liu."""
    for depth, dataset in ((20, "cifar10"), (56, "cifar100")):
        shape = models.SHAPES[dataset].input_shape

        build = partial(models.preresnet, dataset, depth, variant="bottleneck")
        title = f"PreResNet-{depth} on {DATASETS[dataset]}"
        yield Network(title, build, shape)
        for form, most in (("original", 4), ("proposed", 6)):
            for count in range(2, most + 1):
                words = f"{title}, {count} {form} blocks"
                made = partial(build, nonlocal_blocks=count, form=form)
                yield Network(words, made, shape, countings=("core",))


def page() -> Iterator[str]:
    """The lines of the page."""
    yield HEAD.format(stamp=stamp(COMMAND, ("numpy", "torch")))
    for place, (dataset, title) in enumerate(DATASETS.items()):
        sides = " x ".join(map(str, models.SHAPES[dataset].input_shape))
        yield f"## {title}, {sides}\n"
        yield from table(of_bohn(place, dataset))
    yield "## Networks of {cite:t}`tao2018`\n"
    yield "Bottlenecks without biases; the counting of elementwise work was never applied to these nonlocal blocks.\n"
    yield from table(of_tao())


def table(networks: Iterator[Network]) -> Iterator[str]:
    """A table with one row per network."""
    yield f"| {' | '.join(COLUMNS)} |"
    yield "|---" * len(COLUMNS) + "|"
    for network in networks:
        yield network.row()
    yield ""


def main() -> None:
    PAGE.write_text("\n".join(page()), encoding="utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()

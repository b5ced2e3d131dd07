"""Time and memory of nonlocal layers: the sums by each engine, and a training step of a network of the papers.

    python benchmarks/layers.py [--quick] [--large] [--write]

CPU seconds of one thread, the least of some runs; memory is the growth of the resident set in a process of its own,
forward and backward. One image, 32 embedded channels, M positions with M others. `--large` adds M = 14400, 160 x 90
pixels, without the engines that hold M^2 numbers; `--write` puts the tables into docs/benchmarks/; `--quick` measures
everything once in this process, on small maps.
"""

from __future__ import annotations

import argparse
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MKL_NUM_THREADS", "1")

import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch
from stamp import stamp
from torch.nn import functional

from pide.nets.kernels import pair_maps
from pide.nets.models import hamiltonian
from pide.operators.affinity import Affinity, DotProductAffinity, EmbeddedAffinity, LogAffinity, PowerAffinity

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks" / "layers.md"
EMBEDDING = 32
Case = tuple[Affinity, str, int, tuple[str, ...]]
POWERS = ("dense", "stored", "chunked")
AFFINITIES: dict[str, Case] = {
    "dot": (DotProductAffinity(), "count", 64, ("dense", "associative")),
    "gaussian": (EmbeddedAffinity(), "rows", 64, ("dense", "attention")),
    "block": (EmbeddedAffinity(), "rows", EMBEDDING, ("dense", "attention")),
    "power": (PowerAffinity(exponent=3.0, distances="products"), "count", 64, POWERS),
    "log": (LogAffinity(distances="products"), "count", 64, POWERS),
}
"""Affinity, normaliser, channels of the values, engines; "block" is the Gaussian with the values of a NonlocalBlock."""
OPERATORS = (None, "diffusion", "fractional")
WHOLE = ("dense", "stored")
"""Engines that hold M^2 numbers, for maps of at most LARGEST_WHOLE positions."""
LARGEST_WHOLE = 4096


def sums(name: str, engine: str, size: int) -> tuple[float, float]:
    """CPU seconds (forward, backward) of one sum_j w_ij (y_j - x_i)."""
    affinity, normaliser, channels, _ = AFFINITIES[name]
    generator = torch.Generator().manual_seed(0)
    t, p = (0.5 * torch.randn(1, size, EMBEDDING, generator=generator) for _ in range(2))
    x, g = (torch.randn(1, size, channels, generator=generator) for _ in range(2))
    for z in (t, p, x):
        z.requires_grad_()
    began = time.process_time()
    y = pair_maps(engine, affinity, t, p, normaliser).difference(x, x)
    between = time.process_time()
    y.backward(g)
    return between - began, time.process_time() - between


def measured(name: str, engine: str, size: int, repeats: int) -> str:
    """ "forward backward megabytes" of this process, after a warm start on 64 positions."""
    sums(name, engine, 64)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    first = sums(name, engine, size)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    runs = [first, *(sums(name, engine, size) for _ in range(repeats - 1))]
    forward, backward = (min(run[k] for run in runs) for k in (0, 1))
    return f"{forward:.6f} {backward:.6f} {grown:.1f}"


def in_process(*arguments: str) -> list[float]:
    """The numbers that this script prints when it is called with these arguments."""
    done = subprocess.run(
        [sys.executable, __file__, *arguments], capture_output=True, text=True, check=True, env=os.environ
    )
    return [float(word) for word in done.stdout.split()]


def here(*arguments: str) -> list[float]:
    """The same numbers, measured in this process."""
    return [float(word) for word in answer(arguments).split()]


def sum_rows(sizes: list[int], repeats: int, asked: Callable[..., list[float]]) -> Iterator[str]:
    yield "| affinity | values | engine | M | forward s | backward s | memory MB | time of dense / this |"
    yield "|---|---|---|---|---|---|---|---|"
    for size in sizes:
        for name, (_, _, channels, engines) in AFFINITIES.items():
            dense = 0.0
            for engine in engines if size <= LARGEST_WHOLE else (each for each in engines if each not in WHOLE):
                forward, backward, memory = asked("--sums", name, engine, str(size), "--repeats", str(repeats))
                dense = forward + backward if engine == "dense" else dense
                ratio = f"{dense / (forward + backward):.1f}" if dense else "–"
                kind = "gaussian" if name == "block" else name
                times = f"{forward:.4f} | {backward:.4f} | {memory:.0f}"
                yield f"| {kind} | {channels} | {engine} | {size} | {times} | {ratio} |"


def training_step(operator: str | None, batch: int, layout: str) -> Callable[[], float]:
    """CPU seconds of one step of stochastic gradient descent of Hamiltonian-74 on 32 x 32 pixels."""
    torch.manual_seed(0)
    memory = torch.channels_last if layout == "channels_last" else torch.contiguous_format
    net = hamiltonian("cifar10", nonlocal_operator=operator).to(memory_format=memory)
    optimiser = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
    x, labels = torch.randn(batch, 3, 32, 32).to(memory_format=memory), torch.randint(0, 10, (batch,))

    def step() -> float:
        began = time.process_time()
        optimiser.zero_grad()
        functional.cross_entropy(net(x), labels).backward()
        optimiser.step()
        return time.process_time() - began

    return step


def step_rows(batch: int, repeats: int, asked: Callable[..., list[float]]) -> Iterator[str]:
    yield "| operator | layout | CPU s of a step | plain = 1 |"
    yield "|---|---|---|---|"
    for layout in ("contiguous", "channels_last"):
        plain = 0.0
        for operator in OPERATORS:
            name = "none" if operator is None else operator
            (seconds,) = asked("--step", name, layout, str(batch), "--repeats", str(repeats))
            plain = plain or seconds
            yield f"| {name} | {layout} | {seconds:.2f} | {seconds / plain:.2f} |"


def page(sizes: list[int], batch: int, repeats: int, quick: bool) -> Iterator[str]:
    asked = here if quick else in_process
    yield f"A training step of Hamiltonian-74, batch {batch}, 32 x 32 pixels:"
    yield ""
    yield from step_rows(batch, repeats, asked)
    yield ""
    yield "Sums over pairs, one image, 32 embedded channels, forward and backward; beyond 4096 positions without the"
    yield "engines that hold all weights:"
    yield ""
    yield from sum_rows(sizes, repeats, asked)
    yield ""
    large = " --large" if max(sizes) > LARGEST_WHOLE else ""
    command = f"python benchmarks/layers.py{large} --write --repeats {repeats}"
    yield f"Seconds are CPU seconds, the least of {repeats}. {stamp(command, ('numpy', 'torch'))}"


def parsed(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--sums", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--step", nargs=3, help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def answer(arguments: Sequence[str] | None = None) -> str:
    """The numbers asked for by --sums or --step; nothing without them."""
    asked = parsed(arguments)
    if asked.sums:
        name, engine, size = asked.sums
        return measured(name, engine, int(size), asked.repeats)
    if asked.step:
        operator, layout, batch = asked.step
        step = training_step(None if operator == "none" else operator, int(batch), layout)
        return f"{min(step() for _ in range(asked.repeats))}"
    return ""


def main() -> None:
    torch.set_num_threads(1)
    arguments = parsed()
    if arguments.sums or arguments.step:
        print(answer())
        return
    sizes = [256] if arguments.quick else [1024, 4096, *([14400] if arguments.large else [])]
    batch, repeats = (2, 1) if arguments.quick else (100, arguments.repeats)
    lines = []
    for line in page(sizes, batch, repeats, arguments.quick):
        print(line, flush=True)
        lines.append(line)
    if arguments.write:
        PAGE.write_text("\n".join(["# Layers: time and memory", "", *lines]) + "\n")


if __name__ == "__main__":
    main()

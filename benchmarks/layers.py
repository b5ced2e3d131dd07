"""Time and memory of nonlocal layers: the sums by each engine, and a training step of a network of the papers.

    python benchmarks/layers.py [--quick] [--large] [--write]

CPU seconds of one thread, the least of some runs; memory is the growth of the resident set in a process of its own,
forward and backward. One image, 32 embedded channels, 64 channels of values, M positions with M others. `--large` adds
M = 14400, 160 x 90 pixels; `--write` puts the tables into docs/benchmarks/.
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
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch.nn import functional

from pide.nets.kernels import pair_maps
from pide.nets.models import hamiltonian
from pide.operators.affinity import Affinity, DotProductAffinity, EmbeddedAffinity, LogAffinity, PowerAffinity

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks" / "layers.md"
EMBEDDING, CHANNELS = 32, 64
AFFINITIES: dict[str, tuple[Affinity, str, tuple[str, ...]]] = {
    "dot": (DotProductAffinity(), "count", ("dense", "associative")),
    "gaussian": (EmbeddedAffinity(), "rows", ("dense", "attention")),
    "power": (PowerAffinity(exponent=3.0, distances="products"), "count", ("dense", "stored", "chunked")),
    "log": (LogAffinity(distances="products"), "count", ("dense", "stored", "chunked")),
}
OPERATORS = (None, "diffusion", "fractional")


def sums(name: str, engine: str, size: int) -> tuple[float, float]:
    """CPU seconds (forward, backward) of one sum_j w_ij (y_j - x_i)."""
    affinity, normaliser, _ = AFFINITIES[name]
    generator = torch.Generator().manual_seed(0)
    t, p = (0.5 * torch.randn(1, size, EMBEDDING, generator=generator) for _ in range(2))
    x, g = (torch.randn(1, size, CHANNELS, generator=generator) for _ in range(2))
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


def sum_rows(sizes: list[int], repeats: int) -> Iterator[str]:
    yield "| affinity | engine | M | forward s | backward s | memory MB | time of dense / this |"
    yield "|---|---|---|---|---|---|---|"
    for size in sizes:
        for name, (_, _, engines) in AFFINITIES.items():
            dense = 0.0
            for engine in engines:
                forward, backward, memory = in_process("--sums", name, engine, str(size), "--repeats", str(repeats))
                dense = dense or forward + backward
                ratio = dense / (forward + backward)
                yield f"| {name} | {engine} | {size} | {forward:.4f} | {backward:.4f} | {memory:.0f} | {ratio:.1f} |"


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


def step_rows(batch: int, repeats: int) -> Iterator[str]:
    yield "| operator | layout | CPU s of a step | plain = 1 |"
    yield "|---|---|---|---|"
    for layout in ("contiguous", "channels_last"):
        plain = 0.0
        for operator in OPERATORS:
            name = "none" if operator is None else operator
            (seconds,) = in_process("--step", name, layout, str(batch), "--repeats", str(repeats))
            plain = plain or seconds
            yield f"| {name} | {layout} | {seconds:.2f} | {seconds / plain:.2f} |"


def page(sizes: list[int], batch: int, repeats: int) -> Iterator[str]:
    yield f"A training step of Hamiltonian-74, batch {batch}, 32 x 32 pixels:"
    yield ""
    yield from step_rows(batch, repeats)
    yield ""
    yield "Sums over pairs, one image, forward and backward:"
    yield ""
    yield from sum_rows(sizes, repeats)
    yield ""
    command = f"python benchmarks/layers.py --repeats {repeats}"
    yield f"PyTorch {torch.__version__}, two-core x86-64 machine, one thread, least of {repeats}: `{command}`."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--sums", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--step", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.sums:
        name, engine, size = arguments.sums
        print(measured(name, engine, int(size), arguments.repeats))
        return
    if arguments.step:
        operator, layout, batch = arguments.step
        step = training_step(None if operator == "none" else operator, int(batch), layout)
        print(min(step() for _ in range(arguments.repeats)))
        return
    sizes = [256] if arguments.quick else [1024, 4096, *([14400] if arguments.large else [])]
    batch, repeats = (2, 1) if arguments.quick else (100, arguments.repeats)
    lines = []
    for line in page(sizes, batch, repeats):
        print(line, flush=True)
        lines.append(line)
    if arguments.write:
        PAGE.write_text("\n".join(["# Layers: time and memory", "", *lines]) + "\n")


if __name__ == "__main__":
    main()

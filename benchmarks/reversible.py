"""Memory and CPU time of a training step of Hamiltonian-74, stored and reversible, one thread.

    python benchmarks/reversible.py [--batch 20] [--blocks 6 12] [--repeats 3] [--quick]

A step is one forward and one backward pass on images of 32 x 32 pixels; the ways are timed in turn with
`time.process_time`, the minimum over repeats is shown. `kept` is what the forward pass leaves for the backward pass,
counted by torch's hooks for saved tensors, parameters left out. The last column is the difference of the gradients from
the stored ones in float64, relative in norm.
"""

from __future__ import annotations

import argparse
import time

import torch
from torch import Tensor, nn

from pide.nets import models


def kept(net: nn.Module, x: Tensor) -> int:
    """Bytes that the forward pass keeps, each storage once."""
    own = {p.data_ptr() for p in net.parameters()}
    storages: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        if tensor.data_ptr() not in own:
            storages[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        net(x)
    return sum(storages.values())


def step(net: nn.Module, x: Tensor) -> list[Tensor]:
    """Gradients of the mean square of the scores."""
    net.zero_grad()
    net(x).square().mean().backward()
    return [p.grad for p in net.parameters() if p.grad is not None]


def difference(one: nn.Module, other: nn.Module, x: Tensor) -> float:
    """Norm of the difference of the gradients in float64, relative to their norm."""
    a, b = (torch.cat([g.flatten() for g in step(net.double(), x.double())]) for net in (one, other))
    return float((a - b).norm() / b.norm())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=20)
    parser.add_argument("--blocks", type=int, nargs="+", default=[6, 12])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="batch 2, three blocks, once")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.batch, arguments.blocks, arguments.repeats = 2, [3], 1
    torch.set_num_threads(1)
    x = torch.randn(arguments.batch, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    print(f"{'blocks':>6} {'memory':>10} {'kept/MB':>8} {'step/s':>7} {'difference':>10}")
    for blocks in arguments.blocks:
        nets = {
            way: models.hamiltonian("cifar10", blocks=blocks, memory=way, seed=0) for way in ("stored", "reversible")
        }
        best = dict.fromkeys(nets, float("inf"))
        for _ in range(arguments.repeats):
            for way, net in nets.items():
                start = time.process_time()
                step(net, x)
                best[way] = min(best[way], time.process_time() - start)
        sizes = {way: kept(net, x) / 1e6 for way, net in nets.items()}
        apart = {"stored": 0.0, "reversible": difference(nets["reversible"], nets["stored"], x[:2])}
        for way in nets:
            print(f"{blocks:>6} {way:>10} {sizes[way]:8.1f} {best[way]:7.3f} {apart[way]:10.1e}")


if __name__ == "__main__":
    main()

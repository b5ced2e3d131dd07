"""Several processes under `torchrun`; one process without it. Gradients are averaged over the processes by torch."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, distributed, nn

__all__ = ["Processes", "processes"]


@dataclass(frozen=True)
class Processes:
    """This process's number, and how many there are."""

    rank: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the process that writes files."""
        return self.rank == 0

    def total(self, value: Tensor) -> Tensor:
        """Sum over all processes, in place."""
        if self.count > 1:
            distributed.all_reduce(value)
        return value

    def wrap(self, net: nn.Module) -> nn.Module:
        """The network with averaged gradients; itself in one process."""
        return net if self.count == 1 else nn.parallel.DistributedDataParallel(net)

    def wait(self) -> None:
        """Until every process is here."""
        if self.count > 1:
            distributed.barrier()


@contextmanager
def processes(device: str) -> Iterator[tuple[Processes, str]]:
    """(processes, device of this one): those of `torchrun`, by gloo on CPUs and nccl on CUDA devices.

    Notes
    -----
    Batch normalisation takes the statistics of each process's share of a batch; running statistics are those of
    process 0.
    """
    if "LOCAL_RANK" not in os.environ or int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield Processes(), device
        return
    local = int(os.environ["LOCAL_RANK"])
    if device == "cuda":
        device = f"cuda:{local}"
        torch.cuda.set_device(local)
    distributed.init_process_group("nccl" if device.startswith("cuda") else "gloo")
    try:
        yield Processes(distributed.get_rank(), distributed.get_world_size()), device
    finally:
        distributed.destroy_process_group()

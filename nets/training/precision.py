"""How torch computes: its device, threads, tf32 and autocast, as [run] says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import torch

from pide.nets.training.config import Config, RunTable

__all__ = ["autocast", "check_device", "numerics"]


def check_device(device: str) -> None:
    """Raise unless torch can compute there.

    Raises
    ------
    ValueError
        If the name is unknown, or there is no such device.
    """
    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(
            f"device {device!r}: torch cannot compute there ({reason}). `pide info` lists the devices; "
            "write --set run.device=cpu."
        ) from None


def autocast(config: Config, device: torch.device) -> AbstractContextManager[Any]:
    """torch's autocast to bfloat16 where the config asks for it."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=config.run.precision == "bfloat16")


@contextmanager
def numerics(run: RunTable) -> Iterator[None]:
    """torch's threads and tf32 switches as [run] says; the old ones afterwards."""
    threads, products, convolutions = (
        torch.get_num_threads(),
        torch.backends.cuda.matmul.allow_tf32,
        torch.backends.cudnn.allow_tf32,
    )
    try:
        if run.threads:
            torch.set_num_threads(run.threads)
        allowed = run.precision == "tf32"
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = allowed
        yield
    finally:
        torch.set_num_threads(threads)
        torch.backends.cuda.matmul.allow_tf32 = products
        torch.backends.cudnn.allow_tf32 = convolutions

"""Two processes with half of every batch each do what one process does with the whole batch."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import multiprocessing, nn

from pide.nets.data.counters import uniform
from pide.nets.training import Config, fit, parse_config, to_toml

pytestmark = pytest.mark.skipif(not torch.distributed.is_available(), reason="torch was built without distributed")


def network() -> nn.Module:
    """Without batch statistics and without random numbers; its weights are written down."""
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Tanh(), nn.Flatten(), nn.Linear(144, 10)).double()
    with torch.no_grad():
        for number, parameter in enumerate(net.parameters()):
            values = torch.from_numpy(uniform(number, list(range(parameter.numel()))))
            parameter.copy_(0.2 * (values - 0.5).reshape(parameter.shape))
    return net


def train_one_of_two(rank: int, port: int, text: str, folder: str) -> None:
    """What `torchrun --nproc-per-node 2` starts."""
    import os

    names = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
    os.environ |= dict(zip(names, (str(rank), str(rank), "2", "127.0.0.1", str(port)), strict=True))
    torch.set_num_threads(1)
    fitted = fit(network(), parse_config(text), out=Path(folder) / "two")
    torch.save((fitted.net.state_dict(), fitted.scores.loss), f"{folder}/{rank}.pt")


@pytest.mark.slow
def test_two_processes(tmp_path: Path, small: Callable[..., Config]) -> None:
    config = small("run.precision=float64", "training.batch=25", "training.average=0.0", "training.clip=0.5")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    multiprocessing.start_processes(
        train_one_of_two, (port, to_toml(config), str(tmp_path)), nprocs=2, start_method="spawn"
    )
    one = fit(network(), config)
    for rank in (0, 1):
        weights, loss = torch.load(tmp_path / f"{rank}.pt", weights_only=True)
        assert loss == pytest.approx(one.scores.loss, rel=1e-12)
        for name, value in one.net.state_dict().items():
            torch.testing.assert_close(weights[name], value, rtol=0, atol=1e-13)
    start = network().state_dict()
    moved = max(float((value - start[name]).abs().max()) for name, value in one.net.state_dict().items())
    assert moved > 1e-3

"""Run folders: kill and resume, divergence, and errors that say what to do."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from pide.errors import CaseError
from pide.nets.layers import PIDEBlock
from pide.nets.training import Config, Diverged, fit, to_toml
from pide.nets.training.checkpoints import read_checkpoint, write_checkpoint
from pide.nets.training.networks import load_run
from pide.nets.training.runs import checkpoint_path, read_metrics

Small = Callable[..., Config]
Maker = Callable[[], nn.Module]


def numbers(folder: Path) -> list[dict[str, float]]:
    """Rows of metrics.csv without the times."""
    times = ("seconds", "images_per_second")
    return [{key: value for key, value in row.items() if key not in times} for row in read_metrics(folder)]


def assert_same(first: Path, second: Path) -> None:
    """Same metrics and same bits in every tensor of the last checkpoint."""
    assert numbers(first) == numbers(second)
    a, b = (read_checkpoint(checkpoint_path(folder, "last")) for folder in (first, second))
    for part in ("net", "average"):
        for name, value in a["state"][part].items():
            assert torch.equal(value, b["state"][part][name]), name
    for number, state in a["state"]["optimiser"]["state"].items():
        assert torch.equal(state["momentum_buffer"], b["state"]["optimiser"]["state"][number]["momentum_buffer"])
    assert torch.equal(a["state"]["random"]["cpu"], b["state"]["random"]["cpu"])


class _Stopped(Exception):
    """What the test raises in the middle of a step."""


def test_resume_after_several_steps(tmp_path: Path, small: Small, network: Maker) -> None:
    """Five steps an epoch; one training is cut four times, inside an epoch and where one has ended."""
    config, cut = small("run.save_seconds=0.0", "training.epochs=3"), tmp_path / "cut"
    fit(network(), config, out=tmp_path / "whole")
    for steps in (1, 3, 1, 7):
        net, calls = network(), []

        def stop(module: nn.Module, inputs: object, steps: int = steps, calls: list[bool] = calls) -> None:
            calls.append(module.training)
            if sum(calls) > steps:
                raise _Stopped

        net.register_forward_pre_hook(stop)
        with pytest.raises(_Stopped):
            fit(net, config, out=cut, resume=True)
    fit(network(), config, out=cut, resume=True)
    assert_same(tmp_path / "whole", cut)


COMMAND = "import sys; from pide.nets.cli import train; sys.exit(train(sys.argv[1:]))"


@pytest.mark.slow
def test_a_killed_process_goes_on_bit_for_bit(tmp_path: Path, small: Small) -> None:
    """SIGKILL while checkpoints are written after every step."""
    network = {"name": '"hamiltonian"', "channels": "[4, 4]", "blocks": "2", "nonlocal_operator": '"diffusion"'}
    changes = [f"network.{key}={value}" for key, value in network.items()]
    config = small(*changes, "training.epochs=6", "training.average=0.5", "run.save_seconds=0.0")
    file, run = tmp_path / "small.toml", tmp_path / "killed"
    file.write_text(to_toml(config))
    process = subprocess.Popen([sys.executable, "-c", COMMAND, str(file), "--out", str(run)])
    last = checkpoint_path(run, "last")
    while not last.exists() and process.poll() is None:
        time.sleep(0.01)
    time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    state = read_checkpoint(last)["state"]
    assert state["epoch"] < 6
    assert (state["epoch"], state["step"]) != (0, 0)
    fit(None, config, out=run, resume=True)
    fit(None, config, out=tmp_path / "whole")
    assert_same(run, tmp_path / "whole")


def test_divergence_names_the_last_good_checkpoint(tmp_path: Path, small: Small, network: Maker) -> None:
    config = small("training.schedule={ type = 'steps', rate = 1e30, warm_up = 1, warm_up_rate = 0.01 }")
    told = r"in epoch 2, .*last\.pt\. Start a new run .*training\.schedule\.rate=1e\+29"
    with pytest.raises(Diverged, match=told) as caught:
        fit(network(), config, out=tmp_path / "run")
    assert "--set training.clip=1.0" in str(caught.value)
    assert str(caught.value) in (tmp_path / "run" / "log.txt").read_text()
    content = read_checkpoint(checkpoint_path(tmp_path / "run", "last"))
    assert content["state"]["epoch"] == 1
    assert all(bool(torch.isfinite(value).all()) for value in content["network"].values())


def test_a_clipped_gradient_does_not_diverge(small: Small, network: Maker) -> None:
    config = small("training.schedule={ type = 'constant', rate = 1e6 }", "training.clip=1e-7")
    assert len(fit(network(), config).history) == 2


def test_a_full_disk_leaves_the_old_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = checkpoint_path(tmp_path, "last")
    path.parent.mkdir()
    write_checkpoint(path, {"a": torch.ones(3)})

    def full(self: Path, data: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    told = r"No space left.*the one before is untouched\. Free some space and write: pide train"
    with pytest.raises(OSError, match=told):
        write_checkpoint(path, {"a": torch.zeros(3)})
    monkeypatch.undo()
    assert torch.equal(read_checkpoint(path)["a"], torch.ones(3))
    assert [item.name for item in path.parent.iterdir()] == ["last.pt"]


@pytest.mark.parametrize("file", ["metrics.csv", "report.md"])
def test_a_run_goes_on_after_a_full_disk(
    tmp_path: Path, small: Small, network: Maker, monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    """Whichever file meets the full disk: what follows the last checkpoint is computed again."""
    config, out, rename = small(), tmp_path / "full", os.replace

    def full(source: Path, target: Path) -> None:
        if Path(target).name == file:
            raise OSError(errno.ENOSPC, "No space left on device")
        rename(source, target)

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match=r"No space left.*Free some space and write: pide train .*full --resume"):
        fit(network(), config, out=out)
    monkeypatch.undo()
    fit(network(), config, out=out, resume=True)
    fit(network(), config, out=tmp_path / "whole")
    assert_same(out, tmp_path / "whole")


def test_damaged_checkpoints_are_told_from_whole_ones(tmp_path: Path) -> None:
    path = tmp_path / "last.pt"
    write_checkpoint(path, {"a": torch.arange(1000.0)})
    (tmp_path / "best.pt").write_bytes(path.read_bytes())
    whole = path.read_bytes()
    damaged = bytearray(whole)
    damaged[len(whole) // 2] ^= 1
    for data in (bytes(damaged), whole[:-100], b"", b"text"):
        path.write_bytes(data)
        with pytest.raises(ValueError, match=r"damaged checkpoint .*Copy another .*over it \(best\.pt\)"):
            read_checkpoint(path)
    (tmp_path / "best.pt").unlink()
    path.unlink()
    with pytest.raises(FileNotFoundError, match="Start the run again in a new folder"):
        read_checkpoint(path)


def test_a_changed_config_is_refused(tmp_path: Path, small: Small, network: Maker) -> None:
    out = tmp_path / "run"
    fit(network(), small("training.epochs=1"), out=out)
    with pytest.raises(FileExistsError, match="Write --resume"):
        fit(network(), small("training.epochs=1"), out=out)
    with pytest.raises(CaseError, match=r"training\.epochs: 1 -> 3.*--resume; or start a new run with --out"):
        fit(network(), small("training.epochs=3"), out=out, resume=True)
    fitted = fit(network(), small("training.epochs=1", "run.save_seconds=9.0"), out=out, resume=True)
    assert len(fitted.history) == 1


def test_files_of_a_run(tmp_path: Path, small: Small, network: Maker) -> None:
    out = tmp_path / "run"
    fitted = fit(network(), small("run.keep_every=1"), out=out)
    files = {"config.toml", "environment.json", "log.txt", "metrics.csv", "report.md", "scores.json"}
    assert {path.name for path in out.iterdir()} == files | {"checkpoints"}
    kept = sorted(path.name for path in (out / "checkpoints").iterdir())
    assert kept == ["best.pt", "epoch-0001.pt", "epoch-0002.pt", "last.pt"]
    assert [row["epoch"] for row in read_metrics(out)] == [1, 2]
    assert f"{fitted.scores.accuracy:.4f}" in (out / "report.md").read_text()
    trained = load_run(out, "last", network())
    for a, b in zip(trained.net.parameters(), fitted.net.parameters(), strict=True):
        assert torch.equal(a, b)
    with pytest.raises(CaseError, match=r"network\.name: missing.*or give fit a network of your own"):
        load_run(out)
    with pytest.raises(FileNotFoundError, match=r"Copy another checkpoint of this run over it \(best\.pt, epoch-0001"):
        load_run(out, "epoch-0007", network())
    with pytest.raises(FileNotFoundError, match="Give the folder that train wrote"):
        load_run(tmp_path)


def test_the_report_of_a_network_of_your_own(tmp_path: Path, small: Small, network: Maker) -> None:
    """Also where the config names another network: what was trained is what is audited."""
    config = small("training.epochs=1", "run.reports=true", "network.name=hamiltonian")
    fit(network(), config, out=tmp_path / "plain")
    assert "Sequential has no layer that an audit knows" in (tmp_path / "plain" / "report.md").read_text()
    with pytest.raises(ValueError, match=r"load_run\(folder, net=net\)"):
        load_run(tmp_path / "plain")
    fit(nn.Sequential(PIDEBlock(1, embedding=1), network()), config, out=tmp_path / "block")
    assert "| 0 | layer_matches_operator | holds |" in (tmp_path / "block" / "report.md").read_text()


@pytest.mark.parametrize(
    "change",
    ["run.precision=bfloat16", "run.channels_last=true", "training.optimiser={ type = 'adamw' }", "run.precision=tf32"],
)
def test_other_ways_to_train(small: Small, network: Maker, change: str) -> None:
    """Each learns: the loss of the second epoch is lower than that of the first."""
    fitted = fit(network(), small(change, "training.schedule.rate=0.01"))
    first, second = (row["train_loss"] for row in fitted.history)
    assert second < first
    assert {parameter.dtype for parameter in fitted.net.parameters()} == {torch.float32}


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")
@pytest.mark.filterwarnings("ignore:.*torch.jit.script_method:DeprecationWarning")  # torch about its own code
def test_a_compiled_network_learns_the_same(small: Small, network: Maker) -> None:
    """float32 sums in another order: losses agree far better than two epochs change them. Batches of one size."""
    changes = ("training.batch=30", "training.schedule.rate=0.2")
    nets = [nn.Sequential(*(layer for layer in network() if not isinstance(layer, nn.Dropout))) for _ in range(2)]
    plain = fit(nets[0], small(*changes)).history
    compiled = fit(nets[1], small(*changes, "run.compile=true")).history
    losses = [[row["train_loss"] for row in history] for history in (plain, compiled)]
    assert losses[1] == pytest.approx(losses[0], rel=1e-3)
    assert losses[0][1] < (1 - 20 * 1e-3) * losses[0][0]


def test_the_moving_average_is_what_is_evaluated(small: Small, network: Maker) -> None:
    """One step: average = decay * initial + (1 - decay) * trained."""
    start, trained = network(), network()
    config = small("training.epochs=1", "training.batch=90", "training.average=0.75")
    averaged = fit(trained, config).net
    for a, p, q in zip(averaged.parameters(), start.parameters(), trained.parameters(), strict=True):
        torch.testing.assert_close(a, 0.75 * p + 0.25 * q, rtol=1e-6, atol=1e-7)


def test_seeds_and_generators_of_the_caller_are_left_alone(small: Small, network: Maker) -> None:
    torch.manual_seed(1)
    expected = torch.rand(2)
    torch.manual_seed(1)
    first = fit(network(), small())
    assert torch.equal(torch.rand(2), expected)
    again, other = fit(network(), small()), fit(network(), small("seed=6"))
    assert again.scores == first.scores
    assert other.scores != first.scores


def test_checkpoints_of_another_form_are_refused(tmp_path: Path, small: Small) -> None:
    """Whole files that lack an entry of ours, name other weights, or describe their data otherwise."""
    network = ("network.name=hamiltonian", "network.channels=[2]", "network.blocks=1", "training.epochs=1")
    config, out = small(*network), tmp_path / "run"
    fit(None, config, out=out)
    path = checkpoint_path(out, "last")
    ours = read_checkpoint(path)
    remedy = r"Use the version that environment\.json of its run names, or train again in a new folder\."
    write_checkpoint(path, {key: value for key, value in ours.items() if key != "sample"})
    with pytest.raises(ValueError, match=rf"last\.pt: has no entry 'sample': written by another version.*{remedy}"):
        load_run(out, "last")
    write_checkpoint(path, ours | {"shape": {"channels": 1}})
    with pytest.raises(ValueError, match=rf"describes its data with other entries than ours: .*{remedy}"):
        load_run(out, "last")
    write_checkpoint(path, ours | {"network": {f"old.{key}": value for key, value in ours["network"].items()}})
    with pytest.raises(ValueError, match=rf"weights do not fit HamiltonianNet.*{remedy}"):
        load_run(out, "last")
    for other in (
        {key: value for key, value in ours.items() if key != "state"},
        ours | {"state": {}},
        ours | {"state": ours["state"] | {"net": {"weight": torch.ones(1)}}},
        ours | {"state": ours["state"] | {"optimiser": {"state": {}, "param_groups": []}}},
    ):
        write_checkpoint(path, other)
        with pytest.raises(ValueError, match=rf"last\.pt: .*another version of pide.*{remedy}"):
            fit(None, config, out=out, resume=True)
    write_checkpoint(path, ours)
    assert len(fit(None, config, out=out, resume=True).history) == 1

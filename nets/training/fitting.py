"""Training from Python: `fit(net, config)`, what `pide train` calls."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from pide.nets.training.checkpoints import FOREIGN, read_checkpoint
from pide.nets.training.config import Config, read_config
from pide.nets.training.distributed import Processes, processes
from pide.nets.training.loop import Loop, evaluate, train
from pide.nets.training.networks import build_network, description
from pide.nets.training.precision import check_device, numerics
from pide.nets.training.progress import bar
from pide.nets.training.reporting import write_report
from pide.nets.training.runs import LAST, Diverged, checkpoint_path, log, open_run, write_metrics
from pide.nets.training.scores import Scores
from pide.nets.training.sets import Batches, prepare
from pide.nets.training.state import State, start

__all__ = ["Fitted", "fit"]


@dataclass(frozen=True, eq=False)
class Fitted:
    """A finished training.

    Parameters
    ----------
    net : nn.Module
        The network after the last epoch, in evaluation mode; the moving average of its weights where there is one.
    config : Config
    history : tuple of dict
        One row per epoch, as in metrics.csv.
    scores : Scores
        Of `net` on the test set.
    folder : Path or None
        Run folder.
    """

    net: nn.Module
    config: Config
    history: tuple[dict[str, float], ...]
    scores: Scores
    folder: Path | None


def fit(
    net: nn.Module | None,
    config: Config | str | Path,
    *,
    out: str | Path | None = None,
    resume: bool = False,
    progress: bool | None = None,
) -> Fitted:
    """Train a network on the images of a config.

    Parameters
    ----------
    net : nn.Module or None
        Your own network, (B, C, H, W) -> (B, classes) or (B, classes, H, W); it is trained in place. None builds the
        one of the config.
    config : Config, str or Path
        A file is read by `read_config`; see also `parse_config`.
    out : str or Path, optional
        Run folder; without one nothing is written.
    resume : bool
        Go on from the last checkpoint of `out`, bit for bit on CPUs with the same number of threads.
    progress : bool, optional
        Show a progress bar; by default on terminals.

    Notes
    -----
    torch's random generators are seeded with the config's seed and put back afterwards, as are its number of threads
    and its switches for tf32. Under `torchrun` the processes share every batch; see `processes`.

    Raises
    ------
    FileNotFoundError, ValueError, CaseError
        If data are missing or damaged, a checkpoint is damaged, or the config changed since the run was started.
    FileExistsError
        If `out` holds a run and `resume` is not set.
    Diverged
        If the loss or a weight stops being finite.
    """
    if not isinstance(config, Config):
        config = read_config(config)
    folder = None if out is None else Path(out)
    with processes(config.run.device) as (group, device), numerics(config.run), torch.random.fork_rng():
        check_device(device)
        torch.manual_seed(config.seed)
        batches = prepare(config, device)
        kind = torch.channels_last if config.run.channels_last else torch.contiguous_format
        own = net is not None
        net = build_network(config, batches.dataset) if net is None else net
        net.to(device, batches.dtype, memory_format=kind)  # type: ignore[call-overload]
        state = start(net, config.training.optimiser.build(net, config.decay), config.training.average, device)
        _begin(state, batches, config, folder, resume, group, device)
        with bar(state, config, batches, progress if group.first else False) as advance:
            meta = description(config, batches.dataset, batches.preprocessing)
            loop = Loop(config, batches, group, folder, meta, advance, own)
            _train(state, loop)
        state.judged.eval()
        scores = evaluate(state.judged, loop, "test")
        if loop.writes and folder is not None:
            with _resumable(folder):
                write_report(folder, state, loop, scores)
        group.wait()
    return Fitted(state.judged, config, tuple(state.history), scores, folder)


def _begin(
    state: State,
    batches: Batches,
    config: Config,
    folder: Path | None,
    resume: bool,
    group: Processes,
    device: str,
) -> None:
    """Open the run folder, in process 0 first, and restore its last checkpoint where one is to be gone on from."""
    if folder is None:
        return
    identity = batches.dataset.identity
    goes_on = open_run(folder, config, resume, identity) if group.first else False
    group.wait()
    if not group.first:
        goes_on = resume and checkpoint_path(folder, LAST).is_file()
    if goes_on:
        _restore(state, checkpoint_path(folder, LAST), device)
        if group.first and state.history:
            write_metrics(folder, state.history)
    if group.first:
        log(folder, f"{'goes on' if goes_on else 'starts'} after {state.epoch} epochs and {state.step} steps")
        log(folder, f"data: {identity or 'made here'}")


def _restore(state: State, path: Path, device: str) -> None:
    content = read_checkpoint(path, device, needs=("state",))["state"]
    try:
        state.restore(content)
    except (KeyError, RuntimeError, ValueError, AttributeError) as error:
        told = str(error).partition("\n")[0]
        raise ValueError(f"{path}: does not fit this training ({type(error).__name__}: {told}): {FOREIGN}") from None


def _train(state: State, loop: Loop) -> None:
    try:
        with _resumable(loop.folder):
            train(state, loop)
    except Diverged as error:
        if loop.writes and loop.folder is not None:
            log(loop.folder, str(error))
        raise


@contextmanager
def _resumable(folder: Path | None) -> Iterator[None]:
    """A file that cannot be written, as on a full disk, says how the run goes on."""
    try:
        yield
    except OSError as error:
        if folder is None or "--resume" in str(error):
            raise
        raise OSError(
            error.errno,
            f"{folder}: a file cannot be written ({error.strerror or error}). Free some space and write: "
            f"pide train {folder} --resume",
        ) from None

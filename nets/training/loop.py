"""The training loop. One step, on a batch of inputs x with labels q:

    minimise  -sum log p_q(x) / N  +  a h sum |(K_j - K_{j+1}) / h|^2   (decay is in the optimiser)

Symbols: N labelled images or pixels of the batch in all processes; p softmax of the network's outputs.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from pide.nets.training.checkpoints import write_checkpoint
from pide.nets.training.config import Config
from pide.nets.training.distributed import Processes
from pide.nets.training.penalties import smoothness
from pide.nets.training.precision import autocast
from pide.nets.training.runs import BEST, LAST, Diverged, checkpoint_path, log, write_metrics
from pide.nets.training.scores import Scores, Tally, cross_entropy_sum
from pide.nets.training.sets import Batches
from pide.nets.training.state import State

__all__ = ["Loop", "evaluate", "train"]

_STEPS_BETWEEN_CHECKS = 10


@dataclass(frozen=True, eq=False)
class Loop:
    """What stays the same during a training.

    Parameters
    ----------
    config : Config
    batches : Batches
    group : Processes
    folder : Path or None
        Run folder; None writes nothing.
    meta : dict
        Stored in every checkpoint beside the state: the text of the config, and what is needed to predict.
    bar : callable
        Called with (images, state) after every step.
    own : bool
        Whether the network came from the caller, not from the config.
    """

    config: Config
    batches: Batches
    group: Processes
    folder: Path | None
    meta: dict[str, Any]
    bar: Callable[[int, State], None]
    own: bool = False

    @property
    def writes(self) -> bool:
        """Whether this process writes files."""
        return self.folder is not None and self.group.first


def train(state: State, loop: Loop) -> None:
    """Advance the state to the last epoch of the config.

    Raises
    ------
    Diverged
        If the loss or a weight stops being finite.
    OSError
        If a checkpoint cannot be written.
    """
    forward: Callable[[Tensor], Tensor] = loop.group.wrap(state.net)
    if loop.config.run.compile:
        forward = torch.compile(forward)
    while state.epoch < loop.config.training.epochs:
        _run_epoch(state, loop, forward)
        _end_epoch(state, loop)


def _run_epoch(state: State, loop: Loop, forward: Callable[[Tensor], Tensor]) -> None:
    """The steps of an epoch that are not done yet."""
    table, group = loop.config.training, loop.group
    for parameters in state.optimiser.param_groups:
        parameters["lr"] = table.schedule.at(state.epoch, table.epochs)
    state.net.train()
    started = saved = time.monotonic()
    before = state.seconds
    for inputs, labels in loop.batches.training(state.epoch, state.step, group.rank, group.count):
        _step(state, loop, forward, inputs, labels)
        state.step += 1
        state.seconds = before + time.monotonic() - started
        loop.bar(group.count * len(inputs), state)
        if state.step % _STEPS_BETWEEN_CHECKS == 0:
            _check_loss(state, loop)
        if group.count == 1 and time.monotonic() - saved > loop.config.run.save_seconds:
            _save(state, loop, LAST)
            saved = time.monotonic()
    _check_loss(state, loop)


def _step(state: State, loop: Loop, forward: Callable[[Tensor], Tensor], inputs: Tensor, labels: Tensor) -> None:
    table, ignored = loop.config.training, loop.batches.dataset.ignored
    if loop.config.run.channels_last:
        inputs = inputs.contiguous(memory_format=torch.channels_last)
    with autocast(loop.config, inputs.device):
        outputs = forward(inputs)
    entropy, count = cross_entropy_sum(outputs, labels, ignored)
    everywhere = loop.group.total(count.detach().clone()).clamp(min=1)
    loss = entropy * (loop.group.count / everywhere)
    penalty = torch.zeros((), device=inputs.device)
    if loop.config.decay.smoothness:
        penalty = loop.config.decay.smoothness * smoothness(state.net)
    state.optimiser.zero_grad(set_to_none=True)
    torch.autograd.backward(loss + penalty)
    if table.clip:
        nn.utils.clip_grad_norm_(state.net.parameters(), table.clip)
    state.optimiser.step()
    state.update_average(table.average)
    right = (outputs.detach().argmax(1) == labels) & (labels != (-100 if ignored is None else ignored))
    state.sums += torch.stack([value.detach().double() for value in (entropy, count, right.sum(), penalty)])


def evaluate(net: nn.Module, loop: Loop, split: str) -> Scores:
    """Scores of a network in evaluation mode on one of the sets, over all processes."""
    group, dataset, device = loop.group, loop.batches.dataset, loop.batches.dataset.train.pixels.device
    tally = Tally(len(dataset.classes), dataset.ignored, device)
    was_training = net.training
    net.eval()
    with torch.no_grad():
        for inputs, labels in loop.batches.evaluation(split, group.rank, group.count):
            with autocast(loop.config, device):
                outputs = net(inputs)
            tally.add(outputs, labels)
    net.train(was_training)
    group.total(tally.confusion)
    group.total(tally.sums)
    return tally.scores()


def _end_epoch(state: State, loop: Loop) -> None:
    """Score, record and save."""
    sums = loop.group.total(state.sums.clone()).tolist()
    rate, seconds = state.optimiser.param_groups[0]["lr"], max(state.seconds, 1e-9)
    split, dense = loop.batches.judged, loop.batches.dataset.dense
    scores = evaluate(state.judged, loop, split)
    row = {"epoch": state.epoch + 1, "rate": rate, "train_loss": sums[0] / max(sums[1], 1)}
    row |= {"train_accuracy": sums[2] / max(sums[1], 1), "penalty": sums[3] / loop.group.count / loop.batches.count}
    row |= {f"{split}_{name}": value for name, value in scores.row(dense).items()}
    images = len(loop.batches.dataset.train)
    state.history.append(row | {"seconds": seconds, "images_per_second": images / seconds})
    state.epoch, state.step, state.seconds = state.epoch + 1, 0, 0.0
    state.sums.zero_()
    reached = scores.mean_iou if dense else scores.accuracy
    improved = reached > state.best
    state.best = reached if improved else state.best
    every = loop.config.run.keep_every
    kept = [f"epoch-{state.epoch:04d}"] if every and state.epoch % every == 0 else []
    _save(state, loop, *([BEST] if improved else []), *kept, LAST)
    if loop.writes and loop.folder is not None:
        write_metrics(loop.folder, state.history)
        log(loop.folder, "  ".join(f"{key} {value:.5g}" for key, value in row.items()))


def _save(state: State, loop: Loop, *names: str) -> None:
    """Write the state under these names, once it is certain that it is a good one."""
    bad = [name for name, value in state.net.named_parameters() if not bool(torch.isfinite(value).all())]
    if bad:
        raise Diverged(_told(state, loop, f"{bad[0]} and {len(bad) - 1} other weights are not finite"))
    if loop.writes and loop.folder is not None:
        for name in names:
            write_checkpoint(checkpoint_path(loop.folder, name), _content(state, loop))


def _content(state: State, loop: Loop) -> dict[str, Any]:
    """What a checkpoint holds; "network" are the weights to use, stored once even where they are in the state too."""
    return loop.meta | {"network": state.judged.state_dict(), "state": state.content()}


def _check_loss(state: State, loop: Loop) -> None:
    loss = float(loop.group.total(state.sums[[0, 3]].sum()))
    if not abs(loss) < float("inf"):
        raise Diverged(_told(state, loop, f"the loss is {loss}"))


def _told(state: State, loop: Loop, what: str) -> str:
    rate = state.optimiser.param_groups[0]["lr"]
    kept = "No checkpoint was written before."
    if loop.folder is not None and checkpoint_path(loop.folder, LAST).exists():
        kept = f"The last good checkpoint is {checkpoint_path(loop.folder, LAST)}."
    return (
        f"training diverged in epoch {state.epoch + 1}, step {state.step}, at rate {rate:g}: {what}. {kept} "
        f"Start a new run with a lower rate, --set training.schedule.rate={rate / 10:g}, or a bound on the gradient, "
        "--set training.clip=1.0."
    )

"""A progress bar with throughput and the time left for the whole training."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pide.nets.training.config import Config
from pide.nets.training.sets import Batches
from pide.nets.training.state import State

__all__ = ["bar"]


@contextmanager
def bar(
    state: State, config: Config, batches: Batches, progress: bool | None
) -> Iterator[Callable[[int, State], None]]:
    """A function to call with the images of every step; None shows the bar on terminals only."""
    from tqdm import tqdm

    images = len(batches.dataset.train)
    done = min(images, state.step * config.training.batch)
    with tqdm(
        total=config.training.epochs * images,
        initial=state.epoch * images + done,
        unit="img",
        unit_scale=True,
        disable=None if progress is None else not progress,
        desc="train",
        dynamic_ncols=True,
    ) as shown:

        def advance(count: int, state: State) -> None:
            shown.update(count)
            if state.history and not shown.disable:
                latest = {key: f"{value:.4g}" for key, value in state.history[-1].items() if key.endswith("accuracy")}
                shown.set_postfix({"epoch": state.epoch + 1} | latest, refresh=False)

        yield advance

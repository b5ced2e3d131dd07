"""Progress bar with time to completion; tqdm is imported only when a bar is shown."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from pide.solvers.stepper import Report

__all__ = ["progress_bar"]


@contextmanager
def progress_bar(label: str, shown: bool | None) -> Iterator[Report]:
    """A function that takes the completed fraction; None shows the bar only when standard error is a terminal."""
    if not (sys.stderr.isatty() if shown is None else shown):
        yield lambda fraction: None
        return
    from tqdm import tqdm

    layout = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}<{remaining}"
    with tqdm(total=1.0, desc=label, bar_format=layout) as bar:
        yield lambda fraction: _advance(bar, fraction)


def _advance(bar: object, fraction: float) -> None:
    gain = min(fraction, 1.0) - bar.n  # type: ignore[attr-defined]
    if gain > 0:
        bar.update(gain)  # type: ignore[attr-defined]

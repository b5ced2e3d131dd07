"""A limit of CPU time for one row of a report."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["OverBudget", "limited"]


class OverBudget(BaseException):
    """The row used up its CPU time; no Exception, so that a subject's `except Exception` does not swallow it."""


@contextmanager
def limited(seconds: float | None) -> Iterator[None]:
    """Raise OverBudget inside the block after `seconds` of CPU time of the process; None: no limit.

    Notes
    -----
    A timer of the operating system interrupts Python code between two instructions, an endless loop included; one call
    into compiled code is interrupted when it returns. It needs the main thread; elsewhere there is no limit.
    """
    if seconds is None or threading.current_thread() is not threading.main_thread():
        yield
        return

    def expired(number: int, frame: FrameType | None) -> None:
        raise OverBudget

    previous = signal.signal(signal.SIGPROF, expired)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, previous)

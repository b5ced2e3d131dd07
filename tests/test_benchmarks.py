"""The benchmarks run, and what they compare agrees."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "benchmarks"


def rows_of(*command: str) -> list[list[str]]:
    """The cells of the table that a benchmark prints."""
    path, *arguments = command
    done = subprocess.run(
        [sys.executable, str(FOLDER / path), *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return [line.split() for line in done.stdout.splitlines()[1:]]


def test_the_ways_to_apply_compute_the_same_sums():
    rows = rows_of("apply.py", "--quick", "--repeats", "1")
    assert len(rows) == 3
    assert all(float(row[-1]) < 1e-14 for row in rows)


def test_the_steppers_reach_their_tolerance():
    rows = rows_of("heat.py", "--quick")
    assert len(rows) == 6
    assert all(float(row[-1]) < 1e-6 for row in rows)

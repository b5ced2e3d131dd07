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


def test_the_boundary_correction_divides_the_error_of_the_disc_by_ten():
    rows = [row for row in rows_of("fractional_poisson.py", "--quick") if row[0] == "pide,"]
    errors = {(row[1], row[3]): float(row[4]) for row in rows}
    assert len(errors) == 6
    for s in ("0.25", "0.5", "0.75"):
        assert errors["corrected", s] < 0.1 * errors["plain", s]

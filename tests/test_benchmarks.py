"""The benchmark runs, and the three ways it times compute the same sums."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

BENCHMARK = Path(__file__).resolve().parent.parent / "benchmarks" / "apply.py"


def test_apply_benchmark_compares_equal_results():
    command = [sys.executable, str(BENCHMARK), "--quick", "--repeats", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows = done.stdout.splitlines()[1:]
    assert len(rows) == 3
    assert all(float(row.split()[-1]) < 1e-14 for row in rows)

"""What `pide bench` prints: errors that the methods must reach, whatever the times are."""

from __future__ import annotations

import pytest

from pide.bench import applies, heat_flows, steady_discs
from pide.cli import main


def _rows(lines: list[str]) -> list[list[str]]:
    return [line.split() for line in lines[1:]]


def test_applies_agree_with_direct_convolution() -> None:
    for row in _rows([line for line in applies(((64,), (16, 12), (6, 5, 4))) if "device" not in line]):
        assert float(row[-1]) < 1e-14


def test_discs_reach_the_errors_of_the_corrected_scheme() -> None:
    for unknowns, s, error, iterations, _ in _rows(list(steady_discs((32,)))):
        assert float(error) < {"0.25": 1e-2, "0.50": 5e-3, "0.75": 1e-3}[s]
        assert int(iterations) < 30
        assert int(unknowns) == pytest.approx(3.14159 * 16**2, rel=0.02)


def test_heat_flows_keep_their_tolerance() -> None:
    for row in _rows(list(heat_flows(16))):
        assert float(row[2]) < 1e-6


def test_the_command_prints_all_of_it(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pide.bench.bench", lambda quick: iter([f"quick: {quick}"]))
    assert main(["bench", "--quick"]) == 0
    assert "quick: True" in capsys.readouterr().out

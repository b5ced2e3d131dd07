"""`pide verify`: exit codes, files, and messages that say what to write."""

from __future__ import annotations

import json

import pytest

from pide.cli import main
from pide.verification.cli import load, verify

TARGET = "pide.verification.honest:interval_zero"


def test_a_passing_operator_exits_with_zero_and_writes_its_report(tmp_path, capsys):
    files = {name: tmp_path / f"report.{name}" for name in ("json", "html")}
    arguments = [TARGET, "--samples", "3", "--json", str(files["json"]), "--html", str(files["html"])]
    assert verify(arguments) == 0
    assert "passed: " in capsys.readouterr().out
    assert json.loads(files["json"].read_text())["passed"]
    assert files["html"].read_text().startswith("<table>")


def test_a_failing_claim_exits_with_one(capsys):
    assert verify([TARGET, "--claims", "kills_constants", "--samples", "2"]) == 1
    assert "NOT passed: 1 FAILS" in capsys.readouterr().out


def test_discovery_from_the_shell(capsys):
    assert verify([TARGET, "--claims", "all", "--samples", "2", "--seed", "9"]) == 0
    assert "seed 9" in capsys.readouterr().out


def test_a_row_over_its_budget_does_not_pass(tmp_path, monkeypatch, capsys):
    module = (
        "import pide\ndef endless(v):\n    while True:\n        v = v + 0.0\n"
        "def build():\n    return pide.as_operator(endless, on=pide.Torus((1.0,)).grid(8), claims={'linear'})\n"
    )
    (tmp_path / "slow_operators.py").write_text(module)
    monkeypatch.chdir(tmp_path)
    assert verify(["slow_operators:build", "--claims", "linear", "--budget", "0.05"]) == 1
    assert "needs more than 0.05 s of CPU time" in capsys.readouterr().out
    assert verify([TARGET, "--claims", "linear", "--budget", "20"]) == 0
    assert verify([TARGET, "--budget", "-1"]) == 2
    assert "Write budget=10" in capsys.readouterr().err


def test_the_kill_matrix(capsys):
    assert verify(["--mutants"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == f"{len(lines) - 1} of {len(lines) - 1} mutants die"


CASE = """
[domain]
type = "interval"
a = 0
b = 1
[grid]
counts = [32]
[operator]
type = "nonlocal_diffusion"
kernel = { type = "linear", horizon = 0.2 }
diffusivity = 0.5
[exterior]
type = "reflecting"
[initial]
field = { type = "mode", k = [3.0] }
[time]
until = 0.1
"""


def test_the_operator_of_a_case_file(tmp_path, capsys):
    path = tmp_path / "case.toml"
    path.write_text(CASE)
    assert verify([str(path), "--samples", "4"]) == 0
    assert "factor 0.5; scheme: compatible weights of Linear(horizon=0.2" in capsys.readouterr().out
    assert load(str(path)).claims >= {"markov", "conserves_mass"}


def test_the_command_is_registered(capsys):
    assert main(["verify", TARGET, "--samples", "1", "--claims", "linear"]) == 0
    assert "1 holds" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "remedy"),
    [
        ([], "write case.toml or module:object"),
        (["interval_zero"], "such as package.module:heat"),
        (["nowhere.toml"], "no such case file"),
        (["pide.verification.honest:interval_zer"], "Did you mean pide.verification.honest:interval_zero?"),
        (["pide.nowhere:x"], "No module named 'pide.nowhere'"),
        ([TARGET, "--claims", "nonsense"], "Choose from linear"),
        ([TARGET, "--dtype", "float16"], "Write dtype='float64'"),
        (["pide.verification.honest:HONEST"], "Write pide.as_operator"),
    ],
)
def test_wrong_arguments_exit_with_two_and_a_remedy(arguments, remedy, capsys):
    assert verify(arguments) == 2
    assert remedy in capsys.readouterr().err


def test_load_calls_functions_and_keeps_operators(tmp_path, monkeypatch):
    module = "import pide\nL = pide.Laplacian().on(pide.Torus((1.0,)).grid(8))\ndef build():\n    return L\n"
    (tmp_path / "my_operators.py").write_text(module)
    monkeypatch.chdir(tmp_path)
    assert load("my_operators:L") is load("my_operators:build")

"""The command line: outputs, exit codes, and messages without tracebacks."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pide import files
from pide.cli import main

CASE = """
title = "Small"
domain = { type = "box", bounds = [[0, 1], [0, 1]] }
exterior = "reflecting"
[grid]
counts = [12, 12]
[operator]
type = "nonlocal_diffusion"
kernel = { type = "constant", horizon = 0.3 }
[initial]
file = "data.npy"
[time]
until = 0.05
count = 2
[output]
movie = false
picture = false
"""
ALL = """
[compare.local]
type = "laplacian"
[verify]
samples = 2
"""


@pytest.fixture
def case(tmp_path: Path) -> Path:
    """A case file beside its data."""
    np.save(tmp_path / "data.npy", np.random.default_rng(0).random((12, 12)))
    path = tmp_path / "small.toml"
    path.write_text(CASE)
    return path


def _change(case: Path, good: str, bad: str) -> None:
    assert good in CASE
    case.write_text(CASE.replace(good, bad, 1))


def test_run_writes_everything_and_prints_the_table(case: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = case.parent / "out"
    text = CASE.replace("= false", "= true") + ALL
    case.write_text(text)
    assert main(["run", str(case), "--out", str(out), "--no-progress"]) == 0
    written = {path.name for path in out.iterdir()}
    assert written == {
        "case.toml", "movie.gif", "picture.png", "record.json", "result-local.nc", "result.nc", "summary.txt",
    }  # fmt: skip
    assert (out / "case.toml").read_text() == text
    data = files.load(out / "result.nc")
    np.testing.assert_array_equal(data["u"].values[0], np.load(case.parent / "data.npy"))
    record = json.loads((out / "record.json").read_text())
    assert record["operator"].startswith("NonlocalDiffusion(kernel=Constant(horizon=0.3")
    printed = capsys.readouterr().out
    assert printed.startswith("Small\ngrid: 12 x 12 nodes")
    assert "mass: largest relative drift" in printed
    assert "conserves_mass" in printed
    assert (out / "summary.txt").read_text() in printed


def test_an_earlier_run_is_kept_unless_told_otherwise(case: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = case.parent / "out"
    assert main(["run", str(case), "--out", str(out)]) == 0
    assert main(["run", str(case), "--out", str(out)]) == 2
    assert "Add --overwrite" in capsys.readouterr().err
    assert main(["run", str(case), "--out", str(out), "--overwrite"]) == 0


@pytest.mark.parametrize(
    ("good", "bad", "message"),
    [
        ("horizon = 0.3", "horizn = 0.3", "operator.kernel.horizn: unknown key for constant. Did you mean 'horizon'?"),
        ('"data.npy"', '"dta.npy"', "dta.npy: no such file. Did you mean 'data.npy'?"),
        ('"data.npy"', '"data.npy"\nkey = "u"', "holds one array. Leave the key out."),
        ("counts = [12, 12]", "counts = [10, 10]", "an array of shape (12, 12) on a grid of shape (10, 10)"),
        ('"data.npy"', '"data.npy"\nwindow = [[0, 5]]', "initial.window: needs 2 ranges"),
        ('"data.npy"', '"holes.npy"', "1 of 144 values are NaN or infinite"),
        ('"data.npy"', '"counts.npy"', "dtype int64, a field is real. Write convert='float'"),
        ("until = 0.05", "until = ", "small.toml: not TOML"),
    ],
)
def test_mistakes_end_with_code_2_and_one_message(
    case: Path, capsys: pytest.CaptureFixture[str], good: str, bad: str, message: str
) -> None:
    np.save(case.parent / "counts.npy", np.zeros((12, 12), dtype=np.int64))
    np.save(case.parent / "holes.npy", np.where(np.eye(12) * np.arange(12) == 5, np.nan, 1.0))
    _change(case, good, bad)
    assert main(["run", str(case), "--out", str(case.parent / "out")]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error


def test_large_steps_are_refused_with_the_largest_one(case: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _change(case, "[time]", '[solver]\nstepper = { type = "forward_euler", dt = 1.0 }\n[time]')
    assert main(["run", str(case), "--out", str(case.parent / "out")]) == 2
    assert "Write ForwardEuler(dt=" in capsys.readouterr().err


def test_unwritable_folders_are_found_before_the_work(case: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (case.parent / "taken").write_text("a file")
    assert main(["run", str(case), "--out", str(case.parent / "taken")]) == 2
    assert "cannot be created" in capsys.readouterr().err


def test_a_failed_claim_ends_with_code_1(case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pide import verification

    class Failed:
        passed = False

    monkeypatch.setattr(verification, "check", lambda *args, **keys: Failed())
    case.write_text(CASE + ALL)
    assert main(["run", str(case), "--out", str(case.parent / "out")]) == 1


def test_a_solver_that_does_not_converge_ends_with_code_3(
    case: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from pide import study
    from pide.errors import NotConverged

    def give_up(*args: object, **keys: object) -> None:
        raise NotConverged("residual 1e-2 after 500 iterations. Raise tol.")

    monkeypatch.setattr(study, "solve", give_up)
    assert main(["run", str(case), "--out", str(case.parent / "out")]) == 3
    assert "Raise tol." in capsys.readouterr().err


def test_the_same_case_gives_the_same_file_twice(case: Path) -> None:
    for name in ("a", "b"):
        assert main(["run", str(case), "--out", str(case.parent / name)]) == 0
    one, two = (files.load(case.parent / name / "result.nc") for name in ("a", "b"))
    assert one.drop_attrs().identical(two.drop_attrs())


def test_noise_is_seeded_and_measured(case: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _change(case, '"data.npy"', '"data.npy"\nnoise = { deviation = 0.1, seed = 3 }')
    assert main(["run", str(case), "--out", str(case.parent / "out")]) == 0
    noisy = files.load(case.parent / "out" / "result.nc")["u"].values[0]
    clean = np.load(case.parent / "data.npy")
    expected = 10 * np.log10(np.ptp(clean) ** 2 / np.mean((noisy - clean) ** 2))
    assert f"noisy {expected:.2f} dB" in capsys.readouterr().out
    np.testing.assert_allclose(noisy - clean, np.random.default_rng(3).normal(0, 0.1, (12, 12)), atol=1e-15)


def test_info_names_versions_and_devices(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info"]) == 0
    printed = capsys.readouterr().out
    assert f"numpy {np.__version__}" in printed
    assert "devices: cpu" in printed


def test_usage_errors_end_with_code_2() -> None:
    for arguments in ([], ["rum"], ["run"], ["run", "a.toml", "--nothing"]):
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert caught.value.code == 2


def test_a_command_whose_packages_are_missing_says_what_to_install(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Missing:
        value = "pide.nets.cli:train"

        def load(self) -> None:
            raise ImportError('pide.nets needs torch. Write: pip install "pide-operators[nets]"')

    Missing.name = "train"
    monkeypatch.setattr("pide.cli.entry_points", lambda group: [Missing()])
    assert main(["train", "x.toml"]) == 2
    assert capsys.readouterr().err == 'pide: pide.nets needs torch. Write: pip install "pide-operators[nets]"\n'


def test_a_reader_that_stops_is_no_error() -> None:
    program = "import sys; from pide.cli import main; sys.exit(main(['bench', '--quick']))"
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0

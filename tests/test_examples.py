"""Every example runs: the case files on a window of their data, the scripts as they are."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import numpy as np
import pytest

from pide import files
from pide.cli import main

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
WINDOWS = {"hillslope": "[[100, 180], [60, 124]]", "denoise": "[[200, 264], [300, 364]]"}


@pytest.mark.parametrize("path", [EXAMPLES / f"{name}.toml" for name in sorted(WINDOWS)], ids=lambda path: path.stem)
def test_case(tmp_path: Path, path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = re.sub(r"^window = .*\n", "", path.read_text(), flags=re.MULTILINE)
    text = text.replace("[initial]\n", f"[initial]\nwindow = {WINDOWS[path.stem]}\n")
    small = tmp_path / path.name
    small.write_text(re.sub(r"^count = \d+", "count = 3", text, flags=re.MULTILINE))
    assert main(["run", str(small), "--out", str(tmp_path / "out"), "--no-progress"]) == 0
    printed = capsys.readouterr().out
    drift, bound = re.search(r"relative drift (\S+), rounding bound (\S+)", printed).groups()
    assert float(drift) <= float(bound)
    data = files.load(tmp_path / "out" / "result.nc")
    assert data.sizes["time"] == 4
    assert np.all(np.diff(data["variance"].values) < 0)


def test_denoising_removes_noise(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Against local diffusion at its own best time."""
    text = (EXAMPLES / "denoise.toml").read_text().replace("[[130, 386], [250, 506]]", "[[200, 296], [300, 396]]")
    case = tmp_path / "denoise.toml"
    case.write_text(text.split("[output]")[0] + "[output]\nmovie = false\npicture = false\n")
    assert main(["run", str(case), "--out", str(tmp_path / "out")]) == 0
    noisy, nonlocal_, local = (float(ratio) for ratio in re.findall(r"(\S+) dB", capsys.readouterr().out))
    assert nonlocal_ > local > noisy + 3


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("plot_*.py")), ids=lambda path: path.stem)
def test_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    try:
        runpy.run_path(str(path), run_name="__main__")
    except SystemExit as reason:
        # Scripts on data or methods of other packages end with what to install, where these are missing.
        if "pip install" not in str(reason):
            raise
        pytest.skip(str(reason))
    assert (tmp_path / f"{path.stem.removeprefix('plot_')}.png").stat().st_size > 10_000

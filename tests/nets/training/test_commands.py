"""The commands, from a training file to predictions, and what they print when something is wrong."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pide.nets import cli
from pide.nets.data import read_dataset
from pide.nets.training import Config, to_toml
from pide.nets.training.runs import read_scores

NETWORK = ("network.name=hamiltonian", "network.channels=[4, 4]", "network.blocks=2", "network.momentum=0.1")


@pytest.fixture
def file(tmp_path: Path, small: Callable[..., Config]) -> Path:
    path = tmp_path / "small.toml"
    path.write_text(to_toml(small(*NETWORK, "network.nonlocal_operator=diffusion", "training.average=0.0")))
    return path


def test_from_a_file_to_predictions(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run"
    changes = ["--set", "run.reports=true", "--set", "data.validation=0.2", "--set", "run.keep_every=1"]
    assert cli.train([str(file), "--out", str(run), "--seed", "3", *changes]) == 0
    printed = capsys.readouterr().out
    assert "seed 3" in printed
    report = (run / "report.md").read_text()
    assert "| units.0.nonlocal_block | layer_matches_operator | holds | holds | holds | holds |" in report
    for name in ("curves.png", "spectra.png"):
        assert (run / name).stat().st_size > 5_000

    assert cli.evaluate([str(run), "--checkpoint", "last", "--corruptions"]) == 0
    rows = [line.split("|")[1:-1] for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    scores = {row[0].strip(): row[2].strip() for row in rows[2:]}
    assert len(scores) == 2 + 15
    assert scores["test"] == f"{read_scores(run)['test']['accuracy']:.4f}"

    pictures = tmp_path / "pictures"
    pictures.mkdir()
    digits = read_dataset("digits").test.pixels[:3, 0].numpy()
    for number, pixels in enumerate(digits):
        Image.fromarray(pixels).save(pictures / f"{number}.png")
    assert cli.predict([str(run), str(pictures)]) == 0
    with (run / "predictions" / "predictions.csv").open() as table:
        found = list(csv.DictReader(table))
    assert [row["file"][-5:] for row in found] == ["0.png", "1.png", "2.png"]
    assert (run / "predictions" / "predictions.png").exists()

    assert cli.audit([str(run)]) == 0
    assert "layers, seed 0" in capsys.readouterr().out
    Image.fromarray(np.zeros((9, 8), np.uint8)).save(pictures / "wrong.png")
    assert cli.predict([str(run), str(pictures / "wrong.png")]) == 2
    assert "was trained on 8 x 8" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    for name, told in (("none.png", "none.png: no such file or folder. Give"), ("empty", "empty: no pictures in it.")):
        assert cli.predict([str(run), str(tmp_path / name)]) == 2
        assert told in capsys.readouterr().err


def test_segmentation_to_masks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Classes are 'dark' and 'bright' pixels; a network learns that, and its masks show it."""
    generator = np.random.default_rng(0)
    for part, count in (("train", 24), ("test", 4)):
        for kind in ("images", "masks"):
            (tmp_path / part / kind).mkdir(parents=True)
        for number in range(count):
            bright = generator.integers(2, size=(8, 8), dtype=np.uint8)
            Image.fromarray(np.repeat((60 + 130 * bright)[..., None], 3, 2)).save(
                tmp_path / part / f"images/{number}.png"
            )
            Image.fromarray(bright).save(tmp_path / part / f"masks/{number}.png")
    file, run = tmp_path / "seg.toml", tmp_path / "run"
    file.write_text(
        f'[data]\nname = "segmentation_folder"\nfolder = "{tmp_path}"\nflip = true\n[run]\nreports = false\n'
        '[network]\nname = "hamiltonian"\nchannels = [4]\nblocks = 1\nmomentum = 0.3\n'
        '[training]\nepochs = 8\nbatch = 4\nschedule = { type = "constant", rate = 0.05 }\n'
    )
    assert cli.train([str(file), "--out", str(run)]) == 0
    assert "| class 1 |" in capsys.readouterr().out
    scores = json.loads((run / "scores.json").read_text())["test"]
    assert scores["mean_iou"] > 0.9
    assert scores["mean_iou"] != scores["soft_jaccard"]
    assert cli.predict([str(run), str(tmp_path / "test" / "images"), "--out", str(tmp_path / "out")]) == 0
    with Image.open(tmp_path / "out/masks/0.png") as found, Image.open(tmp_path / "test/masks/0.png") as truth:
        assert (np.asarray(found) == np.asarray(truth)).mean() > 0.9


def test_compare(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = []
    for seed, operator in ((1, "diffusion"), (2, "diffusion"), (1, "log")):
        runs.append(str(tmp_path / f"{operator}{seed}"))
        change = f"network.nonlocal_operator={operator}"
        assert cli.train([str(file), "--out", runs[-1], "--seed", str(seed), "--set", change]) == 0
    capsys.readouterr()
    assert cli.compare([*runs, "--out", str(tmp_path / "comparison")]) == 0
    lines = capsys.readouterr().out.splitlines()[2:]
    a, b, c = (read_scores(Path(run))["test"]["accuracy"] for run in runs)
    low, high = min(a, b), max(a, b)
    assert lines == [
        f"| nonlocal_operator diffusion | 1 2 | 2 of 2 | {(a + b) / 2:.4f} | {low:.4f} | {high:.4f} |",
        f"| nonlocal_operator log | 1 | 1 of 1 | {c:.4f} | {c:.4f} | {c:.4f} |",
    ]
    assert (tmp_path / "comparison" / "comparison.png").exists()


def test_a_disk_that_takes_no_more(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The system refuses files above a limit; with room again the run goes on, and a damaged checkpoint is refused."""
    resource = pytest.importorskip("resource", reason="limits of the system are those of POSIX")
    run, (soft, hard) = tmp_path / "run", resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
        assert cli.train([str(file), "--out", str(run)]) == 2
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    told = capsys.readouterr().err
    assert "the checkpoint of" in told
    assert f"Free some space and write: pide train {run} --resume" in told
    assert cli.train([str(run), "--resume"]) == 0
    (run / "checkpoints" / "last.pt").write_bytes(b"damaged")
    assert cli.train([str(run), "--resume"]) == 2
    assert "Copy another checkpoint of this run over it (best.pt)" in capsys.readouterr().err
    assert cli.train([str(file), "--out", str(run), "--resume", "--set", "training.epochs=9"]) == 2
    assert "training.epochs: 2 -> 9" in capsys.readouterr().err


def test_wrong_arguments(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, code, remedy in (
        ([str(tmp_path)], 2, "--resume"),
        ([str(tmp_path), "--resume"], 2, "Give the folder that train wrote"),
        ([str(tmp_path / "none.toml")], 2, "Give the path of a .toml file"),
        ([str(file), "--set", "network.nam=1"], 2, "has no key 'nam'"),
        ([str(file), "--set", "run.device=gpu"], 2, "write --set run.device=cpu"),
        ([str(file), "--set", "training.schedule.rate=1e30", "--out", str(tmp_path / "run")], 3, "lower rate"),
    ):
        assert cli.train(arguments) == code
        message = capsys.readouterr().err
        assert message.startswith("pide train: ")
        assert remedy in message

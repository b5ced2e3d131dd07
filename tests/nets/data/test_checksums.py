"""Checksums: the published ones against Debian's files, and what is said of other bytes."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import struct
from pathlib import Path

import numpy as np
import pytest

from pide.errors import CaseError
from pide.nets import cli
from pide.nets.data import checksums, read_dataset
from pide.nets.data.idx import FASHION_FOLDER
from pide.nets.training import fit, parse_config

FILES = [f"{part}-{kind}-ubyte" for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1")]


def write_idx(path: Path, array: np.ndarray) -> None:
    path.write_bytes(bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes())


def write_clothes(folder: Path, ending: str = "") -> dict[str, str]:
    """Forty images for training and four for testing; the MD5 of every IDX content by name."""
    random, sums = np.random.default_rng(2), {}
    for name, shape in zip(FILES, ((40, 28, 28), (40,), (4, 28, 28), (4,)), strict=True):
        array = random.integers(10, size=shape, dtype=np.uint8)
        write_idx(folder / name, array)
        sums[name] = hashlib.md5((folder / name).read_bytes()).hexdigest()
        if ending:
            (folder / f"{name}{ending}").write_bytes(gzip.compress((folder / name).read_bytes(), 1))
            (folder / name).unlink()
    return sums


@pytest.mark.skipif(not Path(FASHION_FOLDER).is_dir(), reason="Debian's dataset-fashion-mnist is not installed")
def test_fashion_mnist_of_debian_has_the_published_content() -> None:
    """Debian compresses the files again, so the sums of the .gz files differ and those of the contents agree."""
    for name in FILES:
        path = Path(FASHION_FOLDER) / f"{name}.gz"
        assert checksums.content_sum(path) == checksums.published_sum("fashion_mnist", path)


def test_sums_are_md5_and_every_file_has_its_own() -> None:
    found = [value for sums in checksums._SUMS.values() for value in sums.values()]
    assert all(re.fullmatch("[0-9a-f]{32}", value) for value in found)
    assert len(set(found)) == len(found) == 12 + 4 + 4 + 4 + 4


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_published_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str) -> None:
    monkeypatch.setitem(checksums._SUMS, "fashion_mnist", write_clothes(tmp_path, ending))
    assert read_dataset("fashion_mnist", str(tmp_path)).identity == "the published bytes (MD5 of 4 files)"


def test_other_bytes_are_an_error_or_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sums = write_clothes(tmp_path)
    monkeypatch.setitem(checksums._SUMS, "fashion_mnist", sums)
    path = tmp_path / "t10k-labels-idx1-ubyte"
    write_idx(path, np.array([1, 2, 3, 4], np.uint8))
    found = hashlib.md5(path.read_bytes()).hexdigest()
    told = rf"{path}: MD5 {found}, published {sums[path.name]}: not the published bytes of Fashion-MNIST\. Get the "
    with pytest.raises(ValueError, match=told + r'.*write \[data\] checksums = "report" .*re-encoded or edited copy'):
        read_dataset("fashion_mnist", str(tmp_path))
    identity = read_dataset("fashion_mnist", str(tmp_path), checksums="report").identity
    assert identity == f"not the published bytes: {path.name} has MD5 {found}, published {sums[path.name]}"
    with pytest.raises(ValueError, match='Write checksums = "verify"'):
        read_dataset("fashion_mnist", str(tmp_path), checksums="off")


def test_the_run_says_what_it_was_trained_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_clothes(tmp_path)
    text = f'[data]\nname = "fashion_mnist"\nfolder = "{tmp_path}"\n[run]\nreports = false\nthreads = 1\n'
    text += '[network]\nname = "hamiltonian"\nchannels = [2]\nblocks = 1\n[training]\nepochs = 1\n'
    with pytest.raises(ValueError, match=r"2 more of 4|3 more of 4"):
        fit(None, parse_config(text), out=tmp_path / "refused")
    assert not (tmp_path / "refused").exists()
    out = tmp_path / "run"
    fit(None, parse_config(text, changes=["data.checksums=report"]), out=out)
    assert json.loads((out / "environment.json").read_text())["data"].startswith("not the published bytes: train-")
    assert "Data: not the published bytes: train-images-idx3-ubyte has MD5" in (out / "report.md").read_text()
    assert "data: not the published bytes" in (out / "log.txt").read_text()
    assert cli.evaluate([str(out)]) == 0
    assert cli.evaluate([str(out), "--checksums", "verify"]) == 2
    assert "for evaluate --checksums report" in capsys.readouterr().err


def test_sets_without_published_sums() -> None:
    assert checksums.counted("camvid", (367, 101, 233)).endswith("are known; 367 + 101 + 233 pictures, as published")
    assert checksums.counted("camvid", (367, 101, 2)).endswith("367 + 101 + 2 pictures, published 367 + 101 + 233")
    with pytest.raises(CaseError, match=r"data\.checksums: not used by 'digits', .* Remove it"):
        parse_config('[data]\nname = "digits"\nchecksums = "report"')

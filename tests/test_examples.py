"""Every example runs: the case files on a window of their data, the scripts as they are."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import numpy as np
import pytest

import pide
from pide import files, kernels, solvers, verification
from pide.claims import CLAIMS
from pide.cli import main
from pide.continuum import exact

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


UNSHOWN = {
    "types of what functions return, which the pages use without naming them": {
        "Affinity", "Grid", "Operator", "Record", "Result", "Kernel", "Stepper", "LinearSolution", "Certificate",
        "Check", "CompatibilityTable", "Mutant", "ObservedOrder", "Report", "Row", "Subject",
        "AffinityMap", "BlockMap", "Family", "FlowMap", "LayerMap", "SolverMap", "WaveMap",
    },
    "errors that the pages do not meet": {"NotConverged", "CertificateError", "ClaimsFailedError"},
    "registers and parts of which the mutants' page shows the sum": {"HONEST", "CLOUD_BASES", "cloud_kills"},
    "ways to state a subject beside as_subject, in docs/how_to/own_claim.md and docs/tutorials": {
        "Facts", "Limit", "dense_diffusion", "heat_flow", "matrix_subject", "module_subject",
    },
    "called by solve": {"conjugate_gradients"},
}  # fmt: skip


def public_names() -> set[str]:
    """Names of operators, kernels, problems, solvers, closed forms and what verifies them."""
    modules = (pide, kernels, exact, solvers, verification, pide.errors)
    return {name for module in modules for name in getattr(module, "__all__", ()) if name != "__version__"}


@pytest.fixture(scope="module")
def shown() -> str:
    return "\n".join(path.read_text() for path in sorted(EXAMPLES.glob("plot_*.py")))


def occurs(name: str, text: str) -> bool:
    return re.search(rf"\b{name}\b", text) is not None


def test_every_public_name_has_a_page(shown: str) -> None:
    excused = set().union(*UNSHOWN.values())
    assert {name for name in public_names() - excused if not occurs(name, shown)} == set()


def test_every_layer_and_analysis_has_a_page(shown: str) -> None:
    pytest.importorskip("torch")
    from pide.nets import analysis, layers

    # Types of results, and `figures`, which draws the run folder of a training.
    unshown = {"Damping", "ReceptiveField", "Spectrum", "figures"}
    assert {name for name in {*layers.__all__, *analysis.__all__} - unshown if not occurs(name, shown)} == set()


def test_every_check_has_a_page(shown: str) -> None:
    assert {name for name in {*CLAIMS, *verification.CHECKS} if not occurs(name, shown)} == set()


def test_no_excuse_is_kept_for_a_name_that_has_a_page_or_is_gone(shown: str) -> None:
    excused = set().union(*UNSHOWN.values())
    assert {name for name in excused if occurs(name, shown) or name not in public_names()} == set()


def test_the_subjects_of_the_gallery_name_every_page_once() -> None:
    listed = re.findall(r"\bplot_(\w+)", (EXAMPLES / "GALLERY_HEADER.rst").read_text())
    assert sorted(listed) == sorted(path.stem.removeprefix("plot_") for path in EXAMPLES.glob("plot_*.py"))

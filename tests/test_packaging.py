"""The built wheel holds all three packages: the links inside pide must become folders."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import pide

ROOT = Path(__file__).resolve().parent.parent
PARTS = ("pide", "nets", "verification", "pyproject.toml", "README.md", "LICENSE")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    tree = tmp_path_factory.mktemp("tree")
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, tree / part, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, tree / part)
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index"]
    done = subprocess.run([*command, "-w", "dist", "."], cwd=tree, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (built,) = (tree / "dist").glob("*.whl")
    with zipfile.ZipFile(built) as archive:
        yield archive


def _expected() -> set[str]:
    files = {path.relative_to(ROOT).as_posix() for path in (ROOT / "pide").rglob("*.py")}
    for folder in ("nets", "verification"):
        files |= {f"pide/{path.relative_to(ROOT).as_posix()}" for path in (ROOT / folder).rglob("*.py")}
    return files


def test_wheel_holds_every_module_once(wheel):
    modules = sorted(name for name in wheel.namelist() if name.endswith(".py"))
    assert modules == sorted(_expected())


def test_wheel_is_typed_licensed_and_named(wheel):
    names = wheel.namelist()
    assert "pide/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    (metadata,) = (name for name in names if name.endswith("METADATA"))
    text = wheel.read(metadata).decode()
    assert "Name: pide-operators\n" in text
    assert "License-Expression: BSD-3-Clause\n" in text
    assert f"Version: {pide.__version__}\n" in text


def test_every_dependency_is_pinned_once():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].values()
    wanted = project["dependencies"] + [requirement for extra in extras for requirement in extra]
    names = {_canonical(requirement) for requirement in wanted} - {"pide-operators"}
    pins = [line.split("==")[0] for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line]
    pins = [_canonical(pin) for pin in pins]
    assert len(pins) == len(set(pins))
    assert names <= set(pins)


def _canonical(requirement: str) -> str:
    for mark in "<>=[;! ":
        requirement = requirement.split(mark)[0]
    return requirement.lower().replace("_", "-").replace(".", "-")


def test_command_entry_points_name_callables():
    from importlib.metadata import entry_points

    commands = [point for point in entry_points(group="pide.commands") if point.value.startswith("pide.")]
    assert commands
    assert all(callable(point.load()) for point in commands)

"""The code in the README and in the first steps runs as printed, in order, in an empty folder."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = ("README.md", "docs/first_steps.md")


def _blocks(page: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", (ROOT / page).read_text(), flags=re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("page", PAGES)
def test_code_runs(page, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    blocks = _blocks(page)
    assert blocks, f"{page} has no python block"
    names: dict[str, object] = {"__name__": "__main__"}
    for number, block in enumerate(blocks):
        exec(compile(block, f"{page}, block {number}", "exec"), names)
    printed = capsys.readouterr().out
    assert "holds" in printed
    assert "FAILS" not in printed
    named = re.findall(r'"(\w+\.(?:png|gif|nc))"', "".join(blocks))
    assert named
    assert all((tmp_path / name).stat().st_size > 0 for name in named)


def test_make_targets_and_extras_named_in_the_readme_exist():
    text = (ROOT / "README.md").read_text()
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"(?:^    |`)make ([a-z]+)", text, flags=re.MULTILINE))
    assert targets
    assert all(re.search(rf"^{target}:", makefile, flags=re.MULTILINE) for target in targets)
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(re.findall(r'"\.\[([a-z]+)\]"', text)) <= set(extras)


def test_files_and_pictures_named_in_the_pages_exist():
    for page in PAGES:
        text = (ROOT / page).read_text()
        paths = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", text)
        paths += re.findall(r"`((?:docs|examples)/[\w./]+|[A-Z]+\.(?:md|cff))`", text)
        for path in paths:
            assert (ROOT / path).exists() or (ROOT / page).parent.joinpath(path).exists(), f"{page} names {path}"

"""The code in the README and in every page of the documentation runs as printed, in order, in an empty folder."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from pide.verification import CHECKS, MUTANTS

ROOT = Path(__file__).resolve().parent.parent
PAGES = ["README.md", *(str(path.relative_to(ROOT)) for path in sorted((ROOT / "docs").rglob("*.md")))]
SKIPPED = ("docs/_build/", "docs/gallery/", "docs/reference/generated/")
PAGES = [page for page in PAGES if not page.startswith(SKIPPED)]
# Pages whose code is shown to be read: it needs a device, or data that the reader names.
TO_READ: set[str] = set()


def _blocks(page: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", (ROOT / page).read_text(), flags=re.DOTALL | re.MULTILINE)


@pytest.fixture
def _registries() -> Iterator[None]:
    """A page may register checks and mutants; the other tests must not see them."""
    kept = [(registry, dict(registry)) for registry in (CHECKS, MUTANTS)]
    yield
    for registry, before in kept:
        registry.clear()
        registry.update(before)


@pytest.mark.usefixtures("_registries")
@pytest.mark.parametrize("page", [page for page in PAGES if _blocks(page) and page not in TO_READ])
def test_code_runs(page, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    blocks = _blocks(page)
    names: dict[str, object] = {"__name__": "__main__"}
    for number, block in enumerate(blocks):
        exec(compile(block, f"{page}, block {number}", "exec"), names)
    saved = re.findall(r'(?:plot|save|movie)\("(\w+\.(?:png|gif|nc|vtu))"', "".join(blocks))
    assert all((tmp_path / name).stat().st_size > 0 for name in saved)
    if page in ("README.md", "docs/tutorials/first_steps.md"):
        printed = capsys.readouterr().out
        assert saved
        assert "holds" in printed
        assert "FAILS" not in printed


def test_make_targets_and_extras_named_in_the_readme_exist():
    text = (ROOT / "README.md").read_text()
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"(?:^    |`)make ([a-z]+)", text, flags=re.MULTILINE))
    assert targets
    assert all(re.search(rf"^{target}:", makefile, flags=re.MULTILINE) for target in targets)
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(re.findall(r'"\.\[([a-z]+)\]"', text)) <= set(extras)


@pytest.mark.parametrize("page", PAGES)
def test_files_pages_and_pictures_named_exist(page):
    text = (ROOT / page).read_text()
    linked = [target.split("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in target]
    named = re.findall(r"`((?:docs|examples|benchmarks|tests)/[\w./]+\.\w+|[A-Z]+\.(?:md|cff))`", text)
    made = {"gallery/index.rst", "imports.png"}  # by the build of the pages
    for path in [*linked, *named]:
        if not path or any(path.endswith(name) for name in made):
            continue
        assert (ROOT / path).exists() or (ROOT / page).parent.joinpath(path).exists(), f"{page} names {path}"


def test_pages_are_reached_from_the_index():
    entries = set(re.findall(r"^([a-z_]+(?:/[a-z_]+)?)$", (ROOT / "docs/index.md").read_text(), flags=re.MULTILINE))
    pages = {page.removeprefix("docs/").removesuffix(".md") for page in PAGES if page.startswith("docs/")}
    missing = pages - entries - {"index", "benchmarks/boundary"}
    assert not missing, f"not in docs/index.md: {sorted(missing)}"

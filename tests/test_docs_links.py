"""Addresses: well formed, each named in one spelling, each looked at by somebody; identifiers of papers too."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LISTED = {
    line.split()[0]: line.split(maxsplit=2)[1:]
    for line in (ROOT / "docs" / "links.txt").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
}
BIBLIOGRAPHY = (ROOT / "docs" / "references.bib").read_text(encoding="utf-8")
MADE = ("docs/_build/", "docs/gallery/", "docs/reference/generated/")
NAMED_IN = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "CITATION.cff", "pyproject.toml", "Makefile")


def sources() -> list[Path]:
    """Pages, metadata and code."""
    folders = (
        ("docs", "*.md"),
        ("docs", "*.py"),
        *((f, "*.py") for f in ("pide", "nets", "verification", "benchmarks")),
    )
    found = [path for folder, pattern in folders for path in sorted((ROOT / folder).rglob(pattern))]
    found += [*(ROOT / name for name in NAMED_IN), *sorted((ROOT / "examples").rglob("*.*"))]
    return [path for path in found if path.is_file() and not str(path.relative_to(ROOT)).startswith(MADE)]


def named() -> dict[str, str]:
    """Address -> a file that names it."""
    found = {}
    for path in sources():
        if path.suffix in (".md", ".py", ".toml", ".cff", ".rst", "") or path.name == "Makefile":
            text = path.read_text(encoding="utf-8")
            for address in re.findall(r"https?://[^\s<>\"'`)\]}|,\\]+", text):
                found[address.rstrip(".;:")] = str(path.relative_to(ROOT))
    return found


def entries() -> dict[str, dict[str, str]]:
    """Fields of the bibliography by key; braces that are nested are left as they are."""
    found = {}
    for entry in re.split(r"^@", BIBLIOGRAPHY, flags=re.MULTILINE)[1:]:
        key = entry.split("{", 1)[1].split(",", 1)[0].strip()
        assert key not in found, f"references.bib: {key} stands twice"
        fields = re.findall(r"(\w+)\s*=\s*\{((?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*)\}", entry)
        found[key] = {"kind": entry.split("{", 1)[0], **dict(fields)}
    return found


def bare(address: str) -> str:
    """An address without what may differ in its spelling."""
    return re.sub(r"^https?://(www\.)?", "", address).rstrip("/").lower()


def test_every_address_has_been_looked_at():
    missing = {address: path for address, path in named().items() if address not in LISTED}
    assert not missing, "open it, then add it to docs/links.txt with today's date"
    assert set(LISTED) == set(named()), "docs/links.txt lists addresses that nothing names"


@pytest.mark.parametrize("address", sorted({*LISTED, *named()}))
def test_addresses_are_well_formed(address):
    assert re.fullmatch(r"https?://[\w.-]+\.[a-z]{2,}(/[\w./~%#?=&+-]*)?", address)
    assert not re.search(r"example\.(com|org)|localhost|127\.0\.0\.1|your[-_]?name|username", address)
    if address.startswith("http://"):
        assert "speaks no https" in " ".join(LISTED[address])


def test_every_listed_address_says_when_and_how():
    assert all(len(words) == 2 and re.fullmatch(r"20\d\d-\d\d-\d\d", words[0]) for words in LISTED.values())


def test_addresses_have_one_spelling():
    pairs = itertools.combinations({*LISTED, *named()}, 2)
    assert not [pair for pair in pairs if bare(pair[0]) == bare(pair[1])]


def test_identifiers_of_papers_are_well_formed_and_different():
    identifiers = [entry["doi"] for entry in entries().values() if "doi" in entry]
    assert len(identifiers) > 20
    assert all(re.fullmatch(r"10\.\d{4,9}/[\w.():;/-]+", identifier) for identifier in identifiers)
    assert len({identifier.lower() for identifier in identifiers}) == len(identifiers)


@pytest.mark.parametrize(("key", "entry"), entries().items(), ids=entries())
def test_references_are_complete(key, entry):
    place = {
        "article": "journal", "inproceedings": "booktitle", "book": "publisher", "techreport": "institution",
    }[entry["kind"]]  # fmt: skip
    assert {"author", "title", "year", place} <= set(entry)
    assert 1900 < int(entry["year"]) <= 2026
    assert str(int(entry["year"]))[-2:] in key, "a key ends with its year"
    if entry["kind"] == "article":
        assert "volume" in entry
        assert "pages" in entry
    if "--" in entry.get("pages", ""):
        first, last = entry["pages"].split("--")
        assert int(first) < int(last)

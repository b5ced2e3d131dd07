"""Citations: the entries agree with the bibliography of the documentation, and follow the run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import pide
from pide import citations, kernels

BIBLIOGRAPHY = Path(__file__).resolve().parents[2] / "docs" / "references.bib"


def _entries(text: str) -> dict[str, dict[str, str]]:
    """Fields of each entry, braces and line breaks inside values taken away."""
    entries = {}
    for key, body in re.findall(r"@\w+\{(\w+),(.*?)\n\}", text, flags=re.DOTALL):
        fields = re.findall(r"(\w+)\s*=\s*\{((?:[^{}]|\{[^{}]*\})*)\}", body)
        entries[key] = {name: re.sub(r"\s+", " ", re.sub(r"[{}]", "", value)) for name, value in fields}
    return entries


def _result(operator: object, domain: pide.Torus | pide.Interval, **options: object) -> pide.Result:
    exterior = None if domain.periodic else pide.Zero()
    heat = pide.Heat(operator, domain, initial=lambda x: x, exterior=exterior)
    return pide.solve(heat, on=domain.grid(16), until=0.01, **options)


@pytest.mark.parametrize(
    ("operator", "stepper", "expected"),
    [
        (pide.FractionalLaplacian(s=0.5), pide.Lanczos(), {"kwasnicki2017", "ciaurri2018", "hochbrucklubich1997"}),
        (pide.Laplacian(), pide.CrankNicolson(dt=0.01), {"crank1947"}),
        (
            pide.NonlocalDiffusion(kernels.Tempered(s=0.3, rate=2.0)),
            pide.Chebyshev(),
            {"du2012", "tiandu2013", "du2019", "sabzikar2015", "talezer1989"},
        ),
        (pide.SpectralFractionalLaplacian(s=0.5), pide.Chebyshev(), {"servadei2014", "ciaurri2018", "talezer1989"}),
    ],
)
def test_the_run_decides_what_is_cited(operator: object, stepper: object, expected: set[str]) -> None:
    text = citations.cite(_result(operator, pide.Interval(-1, 1), stepper=stepper))
    assert set(_entries(text)) - {"pide"} == expected
    assert f"version = {{{pide.__version__}}}" in text


def test_entries_agree_with_the_bibliography_of_the_documentation() -> None:
    ours = _entries("\n".join(citations._bibtex(dict.fromkeys(citations._ENTRIES))))
    theirs = _entries(BIBLIOGRAPHY.read_text())
    shared = ours.keys() & theirs.keys()
    assert len(shared) >= 5
    for key in shared:
        for name in ("title", "journal", "volume", "pages", "year"):
            assert ours[key][name] == theirs[key][name], (key, name)

"""One spelling for each term in the prose of the pages, the docstrings and the comments."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("pide", "nets", "verification", "benchmarks", "examples", "docs")
PREFERRED = {
    r"pre-condition\w*": "precondition",
    r"time[- ]steppers?": "stepper",
    r"timesteps?": "time step",
    r"non-(?:local|negativ|positiv|symmetric|linear|uniform|equispaced)\w*": "one word: nonlocal, nonnegative",
    r"self adjoint|selfadjoint": "self-adjoint",
    r"semi-definite\w*": "semidefinite",
    r"row[- ]stochastic": "rows that sum to 1, or Markov",
    r"round-off": "roundoff",
    r"point-clouds?|pointclouds?": "point cloud",
    r"well-posedness|wellposed\w*": "well-posed",
    r"volume-constraint": "volume constraint",
    r"(?:discreti|normali|optimi|initiali|regulari|symmetri|diagonali|uniformi|summari|minimi|maximi|generali|factori"
    r"|recogni|organi|utili|visuali|quanti|seriali|vectori|parametri|parameteri)z\w*": "-ise, -isation",
    r"analyz\w+": "analyse",
    r"(?:neighbor|behavior|color|favor|honor)\w*": "-our",
    r"(?:center|fiber|meter)(?:ed|s)?": "-re",
    r"gray(?:scale)?": "grey",
    r"(?:label|cancel|model)(?:ed|ing)": "-lled, -lling",
    r"artifacts?": "artefact",
}
MADE = (
    "docs/_build/",
    "docs/gallery/",
    "docs/reference/generated/",
    "docs/reference/errors.md",
    "docs/verification_of",
)
"""Left out: what is built, and pages that quote the names of other software."""


def prose(path: Path) -> str:
    """What a reader reads: a page without its code, or the docstrings and comments of a source."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        text = re.sub(r"^```.*?^```|^    .*?$|\]\([^)]*\)|\{\w+\}`[^`]*`", " ", text, flags=re.DOTALL | re.MULTILINE)
    else:
        nodes = (ast.Module, ast.ClassDef, ast.FunctionDef)
        strings = [ast.get_docstring(node) or "" for node in ast.walk(ast.parse(text)) if isinstance(node, nodes)]
        tokens = tokenize.generate_tokens(io.StringIO(text).readline)
        text = "\n".join([*strings, *(token.string for token in tokens if token.type == tokenize.COMMENT)])
        text = re.sub(r"^\s*(?:>>>|\.\.\.).*$|^References\n-+\n.*?(?=^\w+\n-+\n|\Z)", " ", text, flags=re.M | re.S)
    return re.sub(r"`[^`]*`|https?://\S+|\w+\.\w+(?:\.\w+)*|\w*_\w+|\"[^\"]*\"", " ", text)


def sources() -> list[Path]:
    """Pages and code that people write."""
    found = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
    found += [
        path for folder in FOLDERS for ending in ("*.py", "*.md") for path in sorted((ROOT / folder).rglob(ending))
    ]
    return [path for path in found if not str(path.relative_to(ROOT)).startswith(MADE)]


@cache
def words() -> dict[str, str]:
    """Words and neighbouring pairs of them, each with a file that has it."""
    found: dict[str, str] = {}
    for path in sources():
        own = re.findall(r"(?<![=.-])\b[a-z][a-z-]*\b(?![(=])", prose(path))
        found |= dict.fromkeys([*own, *map(" ".join, pairwise(own))], str(path.relative_to(ROOT)))
    return found


@pytest.mark.parametrize(("variant", "preferred"), PREFERRED.items(), ids=[str(i) for i in range(len(PREFERRED))])
def test_terms_have_one_spelling(variant, preferred):
    found = {word: path for word, path in words().items() if re.fullmatch(variant, word)}
    assert not found, f"write {preferred}"


def test_prose_leaves_out_code_and_quotes(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("A `discretize` and a discretization.\n\n```python\ncenter = 1\n```\n")
    source = tmp_path / "source.py"
    source.write_text('"""A fibre.\n\n>>> center(1)\n"""\ncolor = "gray"  # the centre\n')
    assert "discretization" in prose(page)
    assert not re.search("discretize|center", prose(page))
    assert "fibre" in prose(source)
    assert not re.search("center|color|gray", prose(source))

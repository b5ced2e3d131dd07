"""Sphinx configuration. The build and the pages need no network: formulas become MathML, which browsers draw."""

import re
from pathlib import Path

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator

import pide
from pide.claims import CLAIMS

project = "pide"
author = "The pide developers"
copyright = "2026, The pide developers"
version = release = pide.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.viewcode",
    "sphinxcontrib.bibtex",
]
myst_enable_extensions = ["dollarmath", "deflist"]
bibtex_bibfiles = ["references.bib"]
bibtex_default_style = "plain"
autosummary_generate = True
autodoc_typehints = "none"
numpydoc_show_class_members = False
exclude_patterns = ["_build", "benchmarks/boundary.md", "reference/generated/claims.md"]
html_theme = "furo"
html_title = f"pide {release}"
html_static_path = ["_static"]
html_math_renderer = "mathml"


def inline_mathml(self: HTML5Translator, node: nodes.math) -> None:
    self.body.append(tex2mathml(node.astext()))
    raise nodes.SkipNode


def display_mathml(self: HTML5Translator, node: nodes.math_block) -> None:
    self.body.append(tex2mathml(node.astext(), as_block=True))
    raise nodes.SkipNode


def escape_formulas(app: Sphinx, kind: str, name: str, thing: object, options: object, lines: list[str]) -> None:
    """Docstrings write formulas in plain text: |x|, u*, k_. Their marks must not be read as markup."""
    in_example = False
    for i, line in enumerate(lines):
        in_example = line.lstrip().startswith(">>>") or (in_example and bool(line.strip()))
        if not in_example:
            parts = re.split(r"(``.*?``|`.*?`)", line)
            parts[::2] = [re.sub(r"([|*]|(?<=\w)_(?!\w))", r"\\\1", part) for part in parts[::2]]
            lines[i] = "".join(parts)


def write_claims(app: Sphinx) -> None:
    """The vocabulary of claims as a page, from its only source."""
    rows = [f"`{claim.name}`\n: `{claim.statement}`\n: if {claim.hypotheses}\n" for claim in CLAIMS.values()]
    folder = Path(app.srcdir) / "reference" / "generated"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "claims.md").write_text("\n".join(rows))


def setup(app: Sphinx) -> None:
    app.connect("builder-inited", write_claims)
    app.connect("autodoc-process-docstring", escape_formulas, priority=100)
    app.add_html_math_renderer("mathml", (inline_mathml, None), (display_mathml, None))

"""Sphinx configuration. The build and the pages need no network: formulas are drawn by a copy of MathJax in the pages.

MathJax comes from the package sphinx-mathjax-offline, which copies 24 MB into `_static/mathjax`. A page with formulas
loads 1.2 MB of it once (0.26 MB compressed), and the fonts that it needs. MathJax shows what it cannot read in red and
does not stop the build; `formulas.py` does.
"""

import contextlib
import importlib.util
import io
import re
import subprocess
import sys
from pathlib import Path

from sphinx.application import Sphinx

import pide
from pide.claims import CLAIMS
from pide.cli import main

sys.path.insert(0, str(Path(__file__).parent / "_scripts"))

from formulas import check_formulas  # found only now

COMMANDS = [[], ["run"], ["info"], ["bench"], ["verify"], ["train"], ["evaluate"], ["predict"], ["compare"], ["audit"]]

project = "pide"
author = "The pide developers"
copyright = "2026, The pide developers"
version = release = pide.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",
    "sphinx-mathjax-offline",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
    "sphinxcontrib.bibtex",
]
myst_enable_extensions = ["dollarmath", "deflist"]
bibtex_bibfiles = ["references.bib"]
bibtex_default_style = "plain"
autosummary_generate = True
autodoc_typehints = "none"
numpydoc_show_class_members = False
myst_heading_anchors = 3
copybutton_exclude = ".linenos, .gp, .go"
exclude_patterns = [
    "_build",
    "benchmarks/boundary.md",
    "gallery/GALLERY_HEADER.rst",
    "reference/generated/claims.md",
    "reference/generated/commands.md",
    "**/sg_execution_times.rst",
    "sg_execution_times.rst",
]
linkcheck_timeout = 20
html_theme = "furo"
html_title = f"pide {release}"
html_static_path = ["_static"]


# Examples on data that these packages ship; they are left out where the package is not installed.
NEEDED = {"plot_graph": "pygsp", "plot_surface": "nilearn"}
ABSENT = [script for script, package in NEEDED.items() if importlib.util.find_spec(package) is None]
sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    "filename_pattern": "/plot_",
    "ignore_pattern": "|".join(["papers", "experiments", *ABSENT]),
    "image_scrapers": ("gallery_pictures.move_pictures",),
    "reset_modules": (),
    "download_all_examples": False,
    "show_signature": False,
    "write_computation_times": False,
    "remove_config_comments": True,
    "plot_gallery": "True",
    "abort_on_example_error": True,
}


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


def write_commands(app: Sphinx) -> None:
    """The help of every command, as the command prints it."""
    parts = []
    for command in COMMANDS:
        text = io.StringIO()
        with contextlib.redirect_stdout(text), contextlib.suppress(SystemExit):
            main([*command, "--help"])
        parts.append(f"## `{' '.join(('pide', *command))}`\n\n```text\n{text.getvalue()}```\n")
    folder = Path(app.srcdir) / "reference" / "generated"
    (folder / "commands.md").write_text("\n".join(parts))


def draw_imports(app: Sphinx) -> None:
    """The picture of the import graph, from the source as it is."""
    subprocess.run([sys.executable, Path(app.srcdir) / "_scripts" / "imports.py"], check=True)


def setup(app: Sphinx) -> None:
    for step in (write_claims, write_commands, draw_imports):
        app.connect("builder-inited", step)
    app.connect("autodoc-process-docstring", escape_formulas, priority=100)
    app.connect("doctree-read", check_formulas)

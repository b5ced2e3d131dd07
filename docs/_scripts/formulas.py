"""Formulas that MathJax would show in red become warnings of the build."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging

logger = logging.getLogger(__name__)


@cache
def known_commands() -> frozenset[str]:
    """Names that the copy of MathJax defines."""
    copy = files("sphinx-mathjax-offline") / "static" / "mathjax" / "tex-chtml.js"
    source = copy.read_text(encoding="utf-8")
    return frozenset(re.findall(r"""[{,](?:"\\\\)?([A-Za-z]+)"?:""", source))


def faults(formula: str, known: frozenset[str]) -> list[str]:
    """What MathJax would refuse: unknown commands; numbers of { }, of left and right, of begin and end that differ."""
    words = re.sub(r"\\[^A-Za-z]", " ", formula)
    names = re.findall(r"\\([A-Za-z]+)", words)
    found = [f"\\{name} is no command of MathJax" for name in names if name not in known]
    counts = {"{": words.count("{") - words.count("}")}
    counts |= {a: names.count(a) - names.count(b) for a, b in (("left", "right"), ("begin", "end"))}
    return found + [f"{opening} without its partner" for opening, excess in counts.items() if excess]


def check_formulas(app: Sphinx, doctree: nodes.document) -> None:
    """Warn of every fault, at the line of its formula."""
    if app.builder.format == "html":
        for kind in (nodes.math, nodes.math_block):
            for node in doctree.findall(kind):
                for fault in faults(node.astext(), known_commands()):
                    logger.warning("%s: %s", node.astext()[:60], fault, location=node)

"""Draw the import graph of the packages, counted in the source: docs/_static/imports.png.

    python docs/_scripts/imports.py

Row a, column b: the number of import statements of modules of a that name modules of b, also inside functions. All but
three lie on one side of the diagonal; import-linter's configuration in pyproject.toml names those.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

ROOT = Path(__file__).resolve().parents[2]
LAYERS = (
    ("nets",),
    ("verification",),
    ("cli, cases, study",),
    ("solvers",),
    ("result, files, plotting",),
    ("discretise",),
    ("operators",),
    ("quadrature",),
    ("spaces",),
    ("continuum",),
    ("arrays, claims, errors",),
)
GROUP = {
    "nets": "nets",
    "verification": "verification",
    "solvers": "solvers",
    "discretise": "discretise",
    "operators": "operators",
    "quadrature": "quadrature",
    "spaces": "spaces",
    "continuum": "continuum",
    **dict.fromkeys(("result", "files", "plotting", "movies", "labels"), "result, files, plotting"),
    **dict.fromkeys(("arrays", "claims", "errors", "torch_bridge"), "arrays, claims, errors"),
}


def group(module: str) -> str:
    """The box a module of pide belongs to."""
    return GROUP.get(module.split(".")[1], "cli, cases, study")


def running(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those that only type checkers read."""
    if isinstance(tree, ast.If) and "TYPE_CHECKING" in ast.dump(tree.test):
        return
    yield tree
    for child in ast.iter_child_nodes(tree):
        yield from running(child)


def arrows() -> Counter[tuple[str, str]]:
    """(importing box, imported box) -> number of import statements."""
    found: Counter[tuple[str, str]] = Counter()
    for folder in ("pide", "nets", "verification"):
        for path in (ROOT / folder).rglob("*.py"):
            parts = path.relative_to(ROOT).with_suffix("").parts
            name = ".".join(parts if folder == "pide" else ("pide", *parts))
            if name == "pide.__init__" or (folder == "pide" and parts[1] in ("nets", "verification")):
                continue
            for node in running(ast.parse(path.read_text())):
                if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("pide."):
                    pair = group(name), group(node.module)
                    found[pair] += pair[0] != pair[1]
    return found


def draw(path: Path) -> None:
    """The table of counts as a picture; what lies above the diagonal would point upwards."""
    boxes = [name for row in LAYERS for name in row]
    count = arrows()
    figure = Figure(figsize=(8.0, 6.0), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    for i, a in enumerate(boxes):
        for j, b in enumerate(boxes):
            if count[a, b]:
                shade = min(1.0, 0.15 + count[a, b] / 60) if j > i else 1.0
                axes.add_patch(Rectangle((j, i), 1, 1, color="#31688e" if j > i else "#d1495b", alpha=shade, lw=0))
                axes.text(j + 0.5, i + 0.5, count[a, b], ha="center", va="center", fontsize=9)
        axes.add_patch(Rectangle((i, i), 1, 1, color="#cccccc", lw=0))
    ticks = [k + 0.5 for k in range(len(boxes))]
    axes.set_xticks(ticks, boxes, rotation=35, ha="right")
    axes.set_yticks(ticks, boxes)
    axes.set(xlim=(0, len(boxes)), ylim=(len(boxes), 0), xlabel="imported", ylabel="importing")
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    draw(ROOT / "docs" / "_static" / "imports.png")

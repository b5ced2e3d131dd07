"""Markdown tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pide.nets.training.scores import Scores

__all__ = ["score_table", "table"]


def table(rows: Sequence[Mapping[str, str]]) -> str:
    """Rows as a Markdown table; the keys of the first row are its head."""
    names = list(rows[0])
    cells = [[row.get(name, "").replace("|", "\\|") for name in names] for row in rows]
    lines = [names, ["---"] * len(names), *cells]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def score_table(scores: Mapping[str, Scores], classes: Sequence[str], dense: bool) -> str:
    """Scores by name, and for segmentation the IoU of every class."""
    numbers = [
        {"set": name, **{key.replace("_", " "): f"{value:.4f}" for key, value in item.row(dense).items()}}
        for name, item in scores.items()
    ]
    text = table(numbers)
    if dense:
        by_class = [
            {"class": label, **{name: f"{item.ious[number]:.4f}" for name, item in scores.items()}}
            for number, label in enumerate(classes)
        ]
        text += "\n\n" + table(by_class)
    return text

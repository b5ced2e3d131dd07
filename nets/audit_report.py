"""Reports of audits: a row for each statement about a layer, with its verdict and numbers."""

from __future__ import annotations

import html
import json
from dataclasses import asdict, dataclass

from pide.verification.report import Row

__all__ = ["AuditReport", "AuditRow", "LayerAudit", "judged"]

HOLDS, FAILS, NOT_NOW, WITHHELD, NOT_CHECKABLE = "holds", "FAILS", "does not hold", "withheld", "not checkable"


@dataclass(frozen=True)
class AuditRow:
    """A statement about a layer.

    Parameters
    ----------
    claim : str
    verdict : str
        "holds"; "FAILS", of a statement that the layer must satisfy; "does not hold", of one that depends on the
        weights; "withheld", with the reason; "not checkable".
    measured, bound : float or None
    words : str
    """

    claim: str
    verdict: str
    measured: float | None = None
    bound: float | None = None
    words: str = ""


@dataclass(frozen=True)
class LayerAudit:
    """The rows of one layer."""

    name: str
    kind: str
    description: str
    rows: tuple[AuditRow, ...]

    def __getitem__(self, claim: str) -> AuditRow:
        """The row of a claim.

        Raises
        ------
        KeyError
            If there is none.
        """
        for row in self.rows:
            if row.claim == claim:
                return row
        raise KeyError(f"{claim}: not in this audit. It has {', '.join(row.claim for row in self.rows)}.")


@dataclass(frozen=True)
class AuditReport:
    """The audited layers of a network."""

    layers: tuple[LayerAudit, ...]
    seed: int

    @property
    def passed(self) -> bool:
        """At least one layer was audited, and nothing that a layer must satisfy FAILS."""
        return bool(self.layers) and not any(row.verdict == FAILS for layer in self.layers for row in layer.rows)

    def __getitem__(self, name: str) -> LayerAudit:
        """The audit of the layer of that name in `model.named_modules()`; "" is the model itself.

        Raises
        ------
        KeyError
            If it was not audited.
        """
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise KeyError(f"{name!r}: not audited. There are {', '.join(repr(layer.name) for layer in self.layers)}.")

    def __str__(self) -> str:
        lines = []
        for layer in self.layers:
            lines.append(f"{layer.name or 'the model'}: {layer.kind}, {layer.description}")
            for row in layer.rows:
                numbers = " ".join(number(x) for x in (row.measured, row.bound))
                lines.append(f"  {row.claim:<26} {row.verdict:<14} {numbers:<19} {row.words}".rstrip())
        counts = [row.verdict for layer in self.layers for row in layer.rows]
        counted = ", ".join(f"{counts.count(verdict)} {verdict}" for verdict in dict.fromkeys(counts))
        state = "passed" if self.passed else "NOT passed"
        return "\n".join([*lines, f"{state}: {len(self.layers)} layers, seed {self.seed}; {counted or 'no rows'}"])

    def to_json(self) -> str:
        """The report as JSON."""
        return json.dumps({"passed": self.passed, **asdict(self)}, indent=2, allow_nan=False)

    def to_html(self) -> str:
        """One HTML table, a row for each statement."""
        head = "".join(f"<th>{word}</th>" for word in ("layer", "statement", "verdict", "measured", "bound", "words"))
        body = "".join(
            "<tr>"
            + "".join(
                f"<td>{html.escape(cell)}</td>"
                for cell in (layer.name, row.claim, row.verdict, number(row.measured), number(row.bound), row.words)
            )
            + "</tr>\n"
            for layer in self.layers
            for row in layer.rows
        )
        return f"<table>\n<tr>{head}</tr>\n{body}</table>\n"


def judged(row: Row) -> AuditRow:
    """A row of a report of `pide.verification` as one of an audit."""
    verdict = row.verdict if row.verdict in (HOLDS, FAILS) else NOT_CHECKABLE
    verdict = WITHHELD if row.verdict == "skipped" else verdict
    return AuditRow(row.claim, verdict, row.measured, row.bound, row.words)


def number(x: float | None) -> str:
    """Three digits, or nothing."""
    return "" if x is None else f"{x:.2e}" if x else "0"

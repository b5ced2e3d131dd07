"""The result of a check: rows of numbers with the bound each is compared with and how that bound was derived."""

from __future__ import annotations

import html
import json
import math
from dataclasses import asdict, dataclass
from typing import Any

from pide.verification.claim import ORIGINS

__all__ = ["ClaimsFailedError", "Report", "Row"]

HOLDS, FAILS, UNDECIDED = "holds", "FAILS", "UNDECIDED"
SKIPPED, NOT_CLAIMED, NOT_CHECKABLE, EXPECTED = "skipped", "not claimed", "not checkable", "expected failure"
OVER_BUDGET = "over budget"
COLUMNS = ("claim", "verdict", "measured", "bound", "class", "trials", "worst sample")


class ClaimsFailedError(AssertionError):
    """A report that did not pass; the message is its table."""


@dataclass(frozen=True)
class Row:
    """One claim of one subject.

    Parameters
    ----------
    claim : str
    verdict : str
        "holds", "FAILS", "UNDECIDED" (the bound says nothing at this size and dtype), "skipped", "not claimed",
        "not checkable", "over budget", or "expected failure".
    measured, bound : float or None
        Of the worst trial; the claim holds when measured <= bound for all trials.
    origin : str
        Class letter (E exact, T theorem, L theorem plus library accuracy, A asymptotic) and the derivation of `bound`.
    sample : str
        The worst sample.
    seed, trials : int
    claimed : bool
        Whether the subject claims it, or it is a property every operator must have.
    words : str
        Reason, diagnosis, or the subject's error.
    """

    claim: str
    verdict: str
    measured: float | None = None
    bound: float | None = None
    origin: str = ""
    sample: str = ""
    seed: int = 0
    trials: int = 0
    claimed: bool = True
    words: str = ""

    @property
    def ran(self) -> bool:
        """Whether trials were run and judged."""
        return self.verdict in (HOLDS, FAILS, EXPECTED)


@dataclass(frozen=True)
class Report:
    """Rows of one subject.

    Parameters
    ----------
    subject : str
    rows : tuple of Row
    seed : int
    dtype : str
    description : str
        Space, scheme and engine of the subject.
    discovery : bool
        Whether claims="all" was asked: failures of what is not claimed are then answers, not defects.
    """

    subject: str
    rows: tuple[Row, ...]
    seed: int
    dtype: str
    description: str = ""
    discovery: bool = False

    @property
    def passed(self) -> bool:
        """At least one check ran, and no claimed or requested row FAILS, is UNDECIDED or over budget."""
        judged = [row for row in self.rows if row.claimed or not self.discovery]
        bad = (FAILS, UNDECIDED, OVER_BUDGET)
        return any(row.ran for row in judged) and not any(row.verdict in bad for row in judged)

    @property
    def counts(self) -> dict[str, int]:
        """Number of rows per verdict."""
        verdicts = [row.verdict for row in self.rows]
        return {verdict: verdicts.count(verdict) for verdict in dict.fromkeys(verdicts)}

    @property
    def satisfied(self) -> frozenset[str]:
        """Names of the rows that hold."""
        return frozenset(row.claim for row in self.rows if row.verdict == HOLDS)

    def __getitem__(self, claim: str) -> Row:
        """The row of a claim.

        Raises
        ------
        KeyError
            If the report has no such row.
        """
        for row in self.rows:
            if row.claim == claim:
                return row
        raise KeyError(f"{claim}: not in this report. It has {', '.join(row.claim for row in self.rows)}.")

    def raise_if_failed(self) -> None:
        """Raise `ClaimsFailedError`, an AssertionError with the table as its message, unless `passed`."""
        if not self.passed:
            ran = any(row.ran for row in self.rows)
            raise ClaimsFailedError(str(self) if ran else f"{self}\nzero checks were run, which is a failure.")

    def __str__(self) -> str:
        table = [COLUMNS, *(_cells(row) for row in self.rows)]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        table.insert(1, tuple("-" * width for width in widths))
        lines = ["  ".join(map(str.ljust, line, widths)).rstrip() for line in table]
        return "\n".join([self.heading, *lines, *self._remarks(), self.summary])

    @property
    def heading(self) -> str:
        """Subject, dtype and seed, and on a second line what is known of the subject."""
        line = f"{self.subject}: {self.dtype}, seed {self.seed}"
        return f"{line}\n{self.description}" if self.description else line

    @property
    def summary(self) -> str:
        """Verdict counts in words."""
        counted = ", ".join(f"{count} {verdict}" for verdict, count in self.counts.items()) or "no rows"
        return f"{'passed' if self.passed else 'NOT passed'}: {counted}"

    def _remarks(self) -> list[str]:
        origins = {row.origin for row in self.rows if row.origin}
        letters = sorted({origin[0] for origin in origins})
        remarks = [f"class {letter}: {ORIGINS[letter]}" for letter in letters]
        return remarks + [f"{row.claim}: {row.words}" for row in self.rows if row.words]

    def to_json(self) -> str:
        """The report as JSON; numbers in full precision, infinities as strings."""
        content = {
            "subject": self.subject,
            "description": self.description,
            "dtype": self.dtype,
            "seed": self.seed,
            "passed": self.passed,
            "counts": self.counts,
            "rows": [{key: _plain(value) for key, value in asdict(row).items()} for row in self.rows],
        }
        return json.dumps(content, indent=2, allow_nan=False)

    def to_html(self) -> str:
        """The report as one HTML table, with derivations and words as a last column."""
        head = "".join(f"<th>{column}</th>" for column in (*COLUMNS, "derivation"))
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in (*_cells(row), _derivation(row))) + "</tr>\n"
            for row in self.rows
        )
        caption = html.escape(f"{self.heading}; {self.summary}")
        return f"<table>\n<caption>{caption}</caption>\n<tr>{head}</tr>\n{body}</table>\n"


def _cells(row: Row) -> tuple[str, ...]:
    letter = row.origin[:1]
    trials = str(row.trials) if row.trials else ""
    return row.claim, row.verdict, _number(row.measured), _number(row.bound), letter, trials, row.sample


def _derivation(row: Row) -> str:
    return "; ".join(text for text in (row.origin, row.words) if text)


def _number(x: float | None) -> str:
    return "" if x is None else f"{x:.2e}" if x else "0"


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value

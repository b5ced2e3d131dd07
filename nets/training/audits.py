"""What the nonlocal layers of a run can claim before, during and after its training."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from pide.nets.auditing import AuditReport, audit
from pide.nets.training.networks import Trained, build_network, load_run
from pide.nets.training.runs import LAST, checkpoint_path
from pide.nets.training.tables import table

__all__ = ["audit_run", "audit_table"]

BEFORE = "before"


def audit_run(folder: str | Path, seed: int = 0) -> dict[str, AuditReport]:
    """Audits of a run by name: "before" (the initial weights), the epochs that were kept, and "last".

    Parameters
    ----------
    folder : str or Path
        Run folder.
    seed : int
        Of the checks; the features are those of the image that the run's checkpoints carry.

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no checkpoint, or the network has no layer that an audit knows.
    """
    folder = Path(folder)
    last = load_run(folder, LAST)
    initial = build_network(last.config, last.shape).to(next(last.net.parameters()).dtype)
    reports = {BEFORE: audit(initial.eval(), _features(last), seed=seed)}
    kept = sorted(path.stem for path in checkpoint_path(folder, LAST).parent.glob("epoch-*.pt"))
    for name in (*kept, LAST):
        trained = load_run(folder, name)
        reports[name] = audit(trained.net, _features(trained), seed=seed)
    return reports


def _features(trained: Trained) -> Tensor:
    dtype = next(trained.net.parameters()).dtype
    return trained.preprocessing(trained.sample, dtype)


def audit_table(reports: Mapping[str, AuditReport]) -> str:
    """Markdown table: a row for every statement about every layer, a column for every moment.

    "FAILS" are statements that a layer must satisfy; "does not hold" depends on the weights; "withheld" statements are
    not made, for the reason in the last column.
    """
    rows = []
    final = list(reports.values())[-1]
    for layer in final.layers:
        for row in layer.rows:
            moments = {name: report[layer.name][row.claim].verdict for name, report in reports.items()}
            rows.append({"layer": layer.name, "statement": row.claim, **moments, "reason": row.words})
    return table(rows)

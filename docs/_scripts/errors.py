"""Write docs/reference/errors.md: every message that a test provokes in pide's own code, by module and function.

    python docs/_scripts/errors.py

Runs the fast tests that hold a `pytest.raises` and listens to it: what is listed has been raised, as a test expects.
"""

from __future__ import annotations

import ast
import re
import sys
import traceback
from collections import defaultdict
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest
from _pytest.raises import RaisesExc

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "reference" / "errors.md"
HEAD = """# Errors and what to do

Each message says what was given, what was needed and what to write. This page lists the messages that tests
provoke, by the place that raises it; numbers and names in it are those of the test. It is written by
`python docs/_scripts/errors.py`.

Exceptions with a name of their own are in `pide.errors`: `StepTooLarge` (its `.largest` is the largest certified step),
`IllPosedError`, `NotConverged`, `CaseError`. All others are `ValueError`, `TypeError`, `OSError` or `ImportError`.
"""
Place = tuple[str, str]


class Listener:
    """Collects (module, function, line) -> (exception name, message) from every `pytest.raises` that is satisfied."""

    def __init__(self) -> None:
        self.messages: dict[Place, dict[int, tuple[str, str]]] = defaultdict(dict)

    def hear(self, kind: type[BaseException], error: BaseException, tb: TracebackType | None) -> None:
        for frame in reversed(traceback.extract_tb(tb)):
            path = Path(frame.filename).resolve()
            if path.is_relative_to(ROOT) and path.relative_to(ROOT).parts[0] in ("pide", "nets", "verification"):
                place = (str(path.relative_to(ROOT)), frame.name)
                self.messages[place].setdefault(frame.lineno or 0, (kind.__name__, str(error)))
                return


def listen() -> Listener:
    """Patch pytest.raises so that a listener hears what it catches."""
    listener, original = Listener(), RaisesExc.__exit__

    def exit_and_tell(self: Any, kind: Any, error: Any, tb: Any) -> bool:
        caught = original(self, kind, error, tb)
        if caught:
            listener.hear(kind, error, tb)
        return caught

    RaisesExc.__exit__ = exit_and_tell  # type: ignore[method-assign]
    return listener


def page(listener: Listener) -> str:
    """The page in Markdown."""
    parts, module = [HEAD], ""
    for (path, _), found in sorted(listener.messages.items()):
        if path != module:
            module = path
            parts.append(f"\n## `{path}`\n")
        for _, (kind, message) in sorted(found.items()):
            parts.append(f"* **{kind}**: {_plain(message)}")
    return "\n".join(parts) + "\n"


def _plain(message: str) -> str:
    """One line, with temporary folders and addresses replaced, and nothing that Markdown would read as markup."""
    text = re.sub(r"/tmp/[\w./-]*/", "", message)
    text = re.sub(r" at 0x[0-9a-f]+", "", text)
    text = re.sub(r"\s+", " ", text).strip()
    text = text if len(text) <= 600 else text[:600] + " ..."
    return re.sub(r"([\\`*_{}\[\]<>|$])", r"\\\1", text)


def raising_tests() -> list[str]:
    """Node ids of the test functions whose code names pytest.raises."""
    found = []
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_") and "raises" in ast.unparse(node):
                found.append(f"{path}::{node.name}")
    return found


if __name__ == "__main__":
    listener = listen()
    status = pytest.main(["-q", "-m", "not slow", "-p", "no:cacheprovider", *raising_tests()])
    if status == 0:
        PAGE.write_text(page(listener), encoding="utf-8")
        print(f"wrote {PAGE.relative_to(ROOT)}: {sum(map(len, listener.messages.values()))} messages")
    sys.exit(int(status))

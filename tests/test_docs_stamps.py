"""Measured pages say by which command, when, on what and with which versions they were made."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "benchmarks"))

from stamp import insert, stamp, versions  # noqa: E402

PAGES = (
    "docs/benchmarks.md",
    "docs/benchmarks/boundary.md",
    "docs/benchmarks/convergence.md",
    "docs/benchmarks/fractional_poisson.md",
    "docs/benchmarks/clouds.md",
    "docs/benchmarks/layers.md",
    "docs/benchmarks/networks.md",
    "docs/benchmarks/peers.md",
    "docs/verification.md",
    "docs/verification_of_others.md",
)


@pytest.mark.parametrize("page", PAGES)
def test_measured_pages_say_how_they_were_made(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    commands = re.findall(r"Made by `python ([^`\s]+ ?[^`\s]*)", text)
    assert commands
    for command in commands:
        script = command.split()[-1].replace(".", "/") + ".py" if command.startswith("-m") else command.split()[0]
        assert (ROOT / script).exists(), f"{page} names {command}"
    assert re.search(r"20\d\d-\d\d-\d\d", text)
    assert re.search(r"numpy \d+\.\d+", text, re.IGNORECASE)


def test_a_stamp_has_command_date_machine_and_versions():
    text = stamp("python benchmarks/apply.py", ("numpy", "no-such-distribution"))
    assert re.fullmatch(
        r"Made by `python benchmarks/apply\.py` on 20\d\d-\d\d-\d\d, one thread of .+, \d+ cores, \w+; "
        r"Python [\d.]+\w*, numpy [\w.]+\.",
        text,
    )
    assert "no-such-distribution" not in versions(("no-such-distribution",))


def test_a_table_is_put_between_its_comments(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("Before.\n\n<!-- one -->\nold\n<!-- end of one -->\n\nAfter.\n")
    insert(page, "one", "| new \\d |")
    assert page.read_text() == "Before.\n\n<!-- one -->\n| new \\d |\n<!-- end of one -->\n\nAfter.\n"
    with pytest.raises(ValueError, match="needs one <!-- two -->"):
        insert(page, "two", "")

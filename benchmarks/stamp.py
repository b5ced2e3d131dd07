"""How a table was made: command, machine, versions, date. Every generated page and table ends with it."""

from __future__ import annotations

import platform
import re
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

USUAL = ("numpy", "scipy")


def machine() -> str:
    """Processor, where the system tells its name, and the number of its cores that this process may use."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else platform.machine()}, {max(len(names), 1)} cores, {platform.system()}"


def versions(packages: tuple[str, ...] = USUAL) -> str:
    """Python's version and those of installed distributions; others are left out."""
    found = [f"Python {platform.python_version()}"]
    for name in packages:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return ", ".join(found)


def stamp(command: str, packages: tuple[str, ...] = USUAL) -> str:
    """The paragraph that a generated page or table ends with."""
    return f"Made by `{command}` on {time.strftime('%Y-%m-%d')}, one thread of {machine()}; {versions(packages)}."


def insert(page: Path, name: str, table: str) -> None:
    """Put a table into a page, between the comments `<!-- name -->` and `<!-- end of name -->`."""
    text = page.read_text(encoding="utf-8")
    start, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    if text.count(start) != 1 or text.count(end) != 1:
        raise ValueError(f"{page}: needs one {start} and one {end}, with the table between them.")
    found = re.compile(f"{start}.*{end}", re.DOTALL)
    page.write_text(found.sub(lambda _: f"{start}\n{table}\n{end}", text), encoding="utf-8")

"""Sizes, where imports stand, and one name per module. The direction of imports is held by import-linter."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("pide", "nets", "verification")
FILE_LINES = 400
FUNCTION_LINES = 60
LAZY = {"matplotlib", "xarray", "tqdm", "netCDF4", "PIL", "zarr", "meshio", "imageio_ffmpeg", "cupy"}

# path or path::function -> the limit it has been granted, the date and the reason. Keep this list short.
EXCEPTIONS: dict[str, int] = {}


def _sources() -> list[Path]:
    files = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
    # Python 3.13 follows the two links inside pide; each file counts once, at its real place.
    return sorted({path.resolve() for path in files})


def _code_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without its docstring."""
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    if ast.get_docstring(function) is not None:
        docstring = function.body[0]
        lines -= (docstring.end_lineno or docstring.lineno) - docstring.lineno + 1
    return lines


def _sizes(path: Path) -> dict[str, tuple[int, int]]:
    """Name -> (lines, limit) of the file and of every function in it."""
    name, text = str(path.relative_to(ROOT)), path.read_text()
    sizes = {name: (len(text.splitlines()), FILE_LINES)}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            sizes[f"{name}::{node.name}"] = (_code_lines(node), FUNCTION_LINES)
    return sizes


def _top_level_imports(path: Path) -> set[str]:
    """Packages imported when the module is: outside functions and outside `if TYPE_CHECKING`."""
    found: set[str] = set()
    stack: list[ast.AST] = [ast.parse(path.read_text())]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module.split(".")[0])
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            stack.extend(node.orelse)
            continue
        stack.extend(ast.iter_child_nodes(node))
    return found


def test_sizes():
    sizes = {name: size for path in _sources() for name, size in _sizes(path).items()}
    too_long = {name: lines for name, (lines, limit) in sizes.items() if lines > EXCEPTIONS.get(name, limit)}
    assert not too_long, f"over {FILE_LINES} lines a file or {FUNCTION_LINES} a function: {too_long}"
    stale = {name for name in EXCEPTIONS if name not in sizes or sizes[name][0] <= sizes[name][1]}
    assert not stale, f"exceptions that nothing needs any more: {stale}"


@pytest.mark.parametrize("path", _sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_heavy_packages_are_imported_inside_functions(path):
    folder = path.relative_to(ROOT).parts[0]
    allowed = {"torch"} if folder == "nets" or path.name == "torch_bridge.py" else set()
    assert not _top_level_imports(path) & ((LAZY | {"torch"}) - allowed)


IMPORT_EVERYTHING = """
import importlib, json, os, pkgutil, sys
import pide
for module in pkgutil.walk_packages(pide.__path__, "pide."):
    importlib.import_module(module.name)
places = {}
for name, module in list(sys.modules.items()):
    if os.path.exists(getattr(module, "__file__", None) or ""):
        places.setdefault(os.path.realpath(module.__file__), []).append(name)
root = os.path.dirname(os.path.dirname(os.path.realpath(pide.__file__)))
print(json.dumps({path: names for path, names in places.items() if path.startswith(root + os.sep)}))
"""


def test_every_module_has_one_name():
    done = subprocess.run([sys.executable, "-c", IMPORT_EVERYTHING], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    places = {path: names for path, names in json.loads(done.stdout).items() if ".venv" not in path}
    assert not {path: names for path, names in places.items() if len(names) != 1}
    assert {name.split(".")[0] for names in places.values() for name in names} == {"pide"}
    assert {str(path) for path in _sources()} == set(places), "a source file that no import of pide reaches"


def test_links_point_to_the_top_level_folders():
    for name in ("nets", "verification"):
        link = ROOT / "pide" / name
        assert link.is_symlink(), f"{link}: not a link. Clone with: git clone -c core.symlinks=true"
        assert link.readlink() == Path("..") / name


@pytest.mark.parametrize("folder", [*FOLDERS, "tests", "examples", "benchmarks"])
def test_nobody_imports_the_folders_by_their_short_names(folder):
    for path in sorted((ROOT / folder).rglob("*.py")):
        assert not _top_level_imports(path) & {"nets", "verification"}, f"{path}: write from pide import nets"

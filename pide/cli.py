"""The command line: `pide run case.toml`, `pide info`, `pide bench`, and the commands that other packages register.

Exit codes: 0 all went well; 1 a claim failed its check; 2 a wrong case file, input or argument;
3 the solver did not reach its tolerance. Any other error is a defect and shows its traceback.
"""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import sys
from collections.abc import Sequence
from importlib.metadata import EntryPoint, PackageNotFoundError, entry_points, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pide.errors import NotConverged

if TYPE_CHECKING:
    from pide.cases import VerifyTable

__all__ = ["main"]

OK, CLAIM_FAILED, BAD_INPUT, NOT_CONVERGED = range(4)

_PACKAGES = (
    "pide-operators",
    "numpy",
    "scipy",
    "array-api-compat",
    "matplotlib",
    "xarray",
    "netCDF4",
    "pillow",
    "torch",
    "cupy-cuda13x",
    "zarr",
    "meshio",
    "imageio-ffmpeg",
)


_SUMMARIES = {
    "verify": "check what an operator claims, or prove it",
    "train": "train a network by a file",
    "evaluate": "score a trained network",
    "predict": "labels or masks of your pictures",
    "compare": "medians over seeds of several runs",
    "audit": "what the layers of a trained network can claim",
}
"""Of the commands that pide itself registers: importing them for their help would load torch."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    commands = {point.name: point for point in entry_points(group="pide.commands")}
    if arguments and arguments[0] in commands:
        try:
            command = commands[arguments[0]].load()
        except ImportError as error:
            if os.environ.get("PIDE_TRACEBACK"):
                raise
            return _complain(error, BAD_INPUT)
        return int(command(arguments[1:]) or OK)
    options = _parser(commands).parse_args(arguments)
    try:
        return int(options.command(options))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nobody reads on: no message at exit either
        return OK
    except NotConverged as error:
        return _complain(error, NOT_CONVERGED)
    except (ValueError, TypeError, OSError, ImportError) as error:
        if os.environ.get("PIDE_TRACEBACK"):
            raise
        return _complain(error, BAD_INPUT)


def _complain(error: Exception, code: int) -> int:
    print(f"pide: {error}", file=sys.stderr)
    return code


def _parser(commands: dict[str, EntryPoint]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pide",
        description="Solve and verify partial integro-differential equations.",
        epilog="Exit codes: 0 ok, 1 a claim failed, 2 wrong case or usage, 3 the solver did not converge. "
        "PIDE_TRACEBACK=1 shows where an error was raised.",
    )
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    run = subparsers.add_parser("run", help="solve a case file", description="Solve a case file and write its outputs.")
    run.add_argument("case", type=Path, help="the case, a .toml file")
    run.add_argument("--out", type=Path, metavar="DIR", help="output folder; by default out/NAME of the case file")
    run.add_argument("--overwrite", action="store_true", help="replace the files of an earlier run")
    run.add_argument("--progress", action=argparse.BooleanOptionalAction, help="progress bar; by default on terminals")
    run.set_defaults(command=_run)
    info = subparsers.add_parser("info", help="versions, devices and engines")
    info.set_defaults(command=_info)
    bench = subparsers.add_parser(
        "bench",
        help="accuracy and cost on this machine",
        description="Measure applies, steady solves and heat flows on this machine, beside SciPy and closed forms. "
        "Takes about a minute; set OMP_NUM_THREADS=1 for one thread.",
    )
    bench.add_argument("--quick", action="store_true", help="small sizes, a few seconds")
    bench.set_defaults(command=_bench)
    for name, point in sorted(commands.items()):
        subparsers.add_parser(name, help=_SUMMARIES.get(name, f"from {point.value}"), add_help=False)
    return parser


def _run(options: argparse.Namespace) -> int:
    """`pide run`: everything that can be wrong with the case and the folder is found before the work."""
    from pide.cases import read_case
    from pide.study import output_files, run_study, summary, write_study

    case = read_case(options.case)
    out = options.out or Path("out") / options.case.stem
    _prepare(out, output_files(case), options.overwrite)
    study = run_study(case, options.case.parent, options.progress)
    text, code = summary(study), OK
    print(text)
    if case.verify is not None:
        report, code = _verify(study.main.operator, case.verify)
        print(f"\n{report}")
        text += f"\n\n{report}"
    write_study(study, out, options.case.read_text(encoding="utf-8"), text)
    print(f"\nwritten to {out}: {', '.join(sorted(path.name for path in out.iterdir()))}")
    return code


def _bench(options: argparse.Namespace) -> int:
    """`pide bench`: lines as they are measured."""
    from pide.bench import bench

    print(f"{platform.processor() or platform.machine()}, Python {platform.python_version()}, numpy {version('numpy')}")
    for line in bench(options.quick):
        print(line, flush=True)
    return OK


def _prepare(out: Path, names: list[str], overwrite: bool) -> None:
    """Create the output folder; refuse to lose files, and folders that cannot be written."""
    from pide.files import writable

    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PermissionError(f"--out {out}: cannot be created ({error.strerror}). Choose another folder.") from None
    writable(out / names[0])
    present = [name for name in names if (out / name).exists()]
    if present and not overwrite:
        raise FileExistsError(f"--out {out}: holds {', '.join(present)}. Add --overwrite, or choose another folder.")


def _verify(operator: Any, table: VerifyTable) -> tuple[str, int]:
    """Report of the claims in [verify], by default all that the operator makes, and the exit code.

    `pide.verification` is loaded by name: it stands above this module and only cases that ask for it need it.
    """
    verification = importlib.import_module("pide.verification")
    claims = list(table.claims or sorted(operator.claims))
    report = verification.check(operator, claims=claims, samples=table.samples, seed=table.seed)
    return str(report), OK if report.passed else CLAIM_FAILED


def _info(options: argparse.Namespace) -> int:
    print(f"python {platform.python_version()} on {platform.platform()}, {os.cpu_count()} processors")
    for name in _PACKAGES:
        try:
            print(f"{name} {version(name)}")
        except PackageNotFoundError:
            print(f"{name} not installed")
    print(f"devices: {', '.join(['cpu', *_gpus()])}")
    print("engines: scipy.fft for NumPy, the fft of the namespace for torch and CuPy, stencil sums for short horizons")
    return OK


def _gpus() -> list[str]:
    """Names of CUDA devices as torch or CuPy see them; asked by name, so that neither is a dependency."""
    try:
        cuda = importlib.import_module("torch").cuda
        return [f"cuda:{i} {cuda.get_device_name(i)}" for i in range(cuda.device_count())]
    except ImportError:
        pass
    try:
        runtime = importlib.import_module("cupy").cuda.runtime
        return [f"cuda:{i}" for i in range(runtime.getDeviceCount())]
    except (ImportError, RuntimeError):
        return []

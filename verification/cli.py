"""`pide verify TARGET`: the report of the operator of a case or of module:object, or the kill matrix of the checks.

Exit codes as for every pide command: 0 the report passed (and every certificate is PROVED), 1 a claim failed, 2 a wrong
argument.
"""

from __future__ import annotations

import argparse
import difflib
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pide.cases import read_case
from pide.study import case_operator
from pide.verification.certifying import certify
from pide.verification.checking import check
from pide.verification.mutants import MUTANTS, kill_matrix, table
from pide.verification.report import Report

__all__ = ["verify"]

PASSED, FAILED, WRONG_ARGUMENT = 0, 1, 2


def verify(argv: Sequence[str]) -> int:
    """Run `pide verify` on the arguments after the command's name; returns the exit code."""
    options = parser().parse_args(list(argv))
    try:
        if options.mutants:
            return print_kill_matrix(options)
        if options.target is None:
            raise ValueError("no TARGET given: write case.toml or module:object, or --mutants.")
        return print_report(options)
    except (ValueError, TypeError, OSError, ImportError) as error:
        print(f"pide verify: {error}", file=sys.stderr)
        return WRONG_ARGUMENT


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    options = argparse.ArgumentParser(prog="pide verify", description="Check the claims of a discrete operator.")
    options.add_argument("target", nargs="?", metavar="TARGET", help="case.toml or module:object")
    options.add_argument("--claims", nargs="+", metavar="NAME", help="only these; 'all' asks which claims hold")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--samples", type=int, default=20, help="draws per check")
    options.add_argument("--dtype", default="float64", help="float64 or float32")
    options.add_argument("--budget", type=float, metavar="SECONDS", help="CPU time that each row may use")
    options.add_argument("--json", type=Path, metavar="FILE", help="write the report as JSON")
    options.add_argument("--html", type=Path, metavar="FILE", help="write the report as an HTML table")
    options.add_argument("--certify", action="store_true", help="also prove the claims for the exact numbers stored")
    options.add_argument("--certificates", type=Path, metavar="FILE", help="write the certificates as JSON")
    options.add_argument("--mutants", action="store_true", help="print which checks kill which wrong operators")
    return options


def print_report(options: argparse.Namespace) -> int:
    """Check the target, print the report and write it where asked."""
    claims = "all" if options.claims == ["all"] else options.claims
    subject = load(options.target)
    report: Report = check(
        subject, claims, seed=options.seed, samples=options.samples, dtype=options.dtype, budget=options.budget
    )
    print(report)
    for path, text in ((options.json, report.to_json), (options.html, report.to_html)):
        if path is not None:
            path.write_text(text(), encoding="utf-8")
    proved = print_certificates(subject, options) if options.certify or options.certificates else True
    return PASSED if report.passed and proved else FAILED


def print_certificates(subject: Any, options: argparse.Namespace) -> bool:
    """Print what is proved of the target, write it where asked; whether everything is PROVED."""
    certificates = certify(subject)
    print(certificates)
    if options.certificates is not None:
        options.certificates.write_text(certificates.to_json(), encoding="utf-8")
    return certificates.passed


def print_kill_matrix(options: argparse.Namespace) -> int:
    """Print the kill matrix; it fails when a mutant survives or escapes a check it names."""
    matrix = kill_matrix(seed=options.seed)
    print(table(matrix))
    escaped = any(not set(MUTANTS[name].killed_by) <= killers for name, killers in matrix.items())
    return FAILED if escaped else PASSED


def load(target: str) -> Any:
    """The discrete operator of "case.toml", or the object of "module:object"; functions are called without arguments.

    Raises
    ------
    ValueError
        If the case has errors, the target has no colon, or the module no such object.
    FileNotFoundError, ImportError
        If there is no such file or module.
    """
    if target.endswith(".toml"):
        return case_operator(read_case(target), Path(target).parent)
    module_name, colon, name = target.partition(":")
    if not (module_name and colon and name):
        raise ValueError(f"TARGET {target!r}: needed is case.toml or module:object, such as package.module:heat.")
    sys.path.insert(0, "")
    try:
        module = importlib.import_module(module_name)
    finally:
        sys.path.remove("")
    if not hasattr(module, name):
        near = difflib.get_close_matches(name, vars(module), 1)
        hint = f"Did you mean {module_name}:{near[0]}?" if near else "Give the name of an operator defined there."
        raise ValueError(f"TARGET {target!r}: {module_name} has no {name!r}. {hint}")
    subject = getattr(module, name)
    return subject() if callable(subject) and not hasattr(subject, "space") else subject

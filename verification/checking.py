"""check(subject): every claim measured on seeded samples and compared with a bound derived beforehand."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pide.claims import CLAIMS
from pide.verification.adapters import as_subject
from pide.verification.affinities import AffinityMap
from pide.verification.blocks import BlockMap
from pide.verification.budget import OverBudget, limited
from pide.verification.claim import CHECKS, Check, NotApplicableError, NotCheckableError, SubjectError, Trial, ordered
from pide.verification.estimate import ROUNDOFF, undecidable
from pide.verification.family import Family
from pide.verification.flows import FlowMap, SolverMap, WaveMap
from pide.verification.layers import LayerMap
from pide.verification.report import (
    EXPECTED,
    FAILS,
    HOLDS,
    NOT_CHECKABLE,
    NOT_CLAIMED,
    OVER_BUDGET,
    SKIPPED,
    UNDECIDED,
    Report,
    Row,
)
from pide.verification.samples import Draws
from pide.verification.subject import Subject

__all__ = ["check", "parametrize"]

Target = Subject | Family | FlowMap | WaveMap | SolverMap | AffinityMap | BlockMap | LayerMap
_MAPS = (Family, FlowMap, SolverMap, WaveMap, AffinityMap, BlockMap, LayerMap)


def check(
    subject: Any,
    claims: str | Iterable[str] | None = None,
    seed: int = 0,
    samples: int = 20,
    *,
    dtype: str = "float64",
    expected_failures: Mapping[str, str] | None = None,
    budget: float | None = None,
) -> Report:
    """Measure the claims of a discrete operator, of a family of them, or of what solves with them.

    Parameters
    ----------
    subject : pide operator, Subject, matrix, Family, FlowMap, WaveMap, SolverMap, AffinityMap, BlockMap or LayerMap
        See `pide.verification.adapters.as_subject`.
    claims : None, "all", or names
        None: what the subject claims, and the properties every operator must have; claims it does not make become rows
        "not claimed". "all": discovery, every check is run and failures of unclaimed ones do not fail the report.
        Names: exactly these.
    seed, samples : int
        Every draw follows from `seed`; `samples` fields per check.
    dtype : {"float64", "float32"}
        In which the subject is applied; bounds follow its unit roundoff.
    expected_failures : mapping name -> reason, optional
        Rows that may fail; one that holds instead is reported as FAILS, since the expectation is wrong.
    budget : float, unit s, optional
        CPU time that each row may use; a row that needs more is "over budget", and the report does not pass.

    Returns
    -------
    Report
        Check `passed`, or call `raise_if_failed()`. Zero checks run is a failure.

    Notes
    -----
    A black-box check sees a perturbation E with |E|_F >= 1e-7 |A|_F, not one wrong entry in a large matrix: entrywise
    statements are checked on subjects that expose weights, else the row says "not checkable". Nothing here is a proof.

    Raises
    ------
    ValueError
        For unknown names, a dtype other than the two, samples < 1, budget <= 0.

    Examples
    --------
    >>> import numpy as np
    >>> check(np.diag([-1.0, -2.0]), claims=["linear", "self_adjoint"]).passed
    True
    """
    if dtype not in ROUNDOFF:
        raise ValueError(f"dtype={dtype!r}: operators are checked in {' or '.join(ROUNDOFF)}. Write dtype='float64'.")
    if samples < 1:
        raise ValueError(f"samples={samples}: at least one draw per check is needed. Write samples=20.")
    if budget is not None and not budget > 0:
        raise ValueError(f"budget={budget}: CPU seconds per row are positive. Write budget=10, or None for no limit.")
    target = as_target(subject)
    expected = dict(expected_failures or {})
    validate_names(expected)
    draws = Draws(seed=seed, samples=samples, dtype=dtype)
    kinds = ("operator", "family") if target.kind == "operator" else (target.kind,)
    known = [name for name in ordered() if CHECKS[name].kind in kinds]
    requested = known if claims in (None, "all") else selection(claims)
    rows = []
    for name in requested:
        claimed = name in target.claims or not CHECKS[name].claimed_only
        if claims is None and not claimed:
            rows.append(Row(name, NOT_CLAIMED, seed=seed, claimed=False))
            continue
        row = run(CHECKS[name], target, draws, claimed or claims not in (None, "all"), budget)
        rows.append(expect(row, expected[name]) if name in expected else row)
    description = target.description if isinstance(target, Subject) else ""
    return Report(target.name, tuple(rows), seed, dtype, description, discovery=claims == "all")


def selection(claims: str | Iterable[str] | None) -> list[str]:
    """The requested names, validated; a single name may be given as a string."""
    names = [claims] if isinstance(claims, str) else list(claims or ())
    validate_names(names)
    return names


def validate_names(names: Iterable[str]) -> None:
    """Raise ValueError for names without a check."""
    unknown = sorted(set(names) - CHECKS.keys())
    if unknown:
        known = ", ".join(ordered())
        raise ValueError(f"claims={unknown}: no such checks. Choose from {known}, or write claims='all'.")


def as_target(subject: Any) -> Target:
    """`subject` itself if it is a family or one of the maps, else as an operator."""
    return subject if isinstance(subject, _MAPS) else as_subject(subject)


def run(check: Check, target: Target, draws: Draws, claimed: bool, budget: float | None = None) -> Row:
    """One row: the worst trial against its bound, or why there is none."""
    origin = f"{check.origin}: {check.derivation}"
    if target.kind != check.kind:
        return Row(check.name, SKIPPED, seed=draws.seed, claimed=claimed, words=_other_kind(check))
    try:
        with limited(budget):
            trials = list(check.measure(target, draws))
    except OverBudget:
        words = f"needs more than {budget:g} s of CPU time"
        return Row(check.name, OVER_BUDGET, seed=draws.seed, claimed=claimed, words=words)
    except NotApplicableError as reason:
        return Row(check.name, SKIPPED, seed=draws.seed, claimed=claimed, words=str(reason))
    except NotCheckableError as reason:
        return Row(check.name, NOT_CHECKABLE, seed=draws.seed, claimed=claimed, words=str(reason))
    except SubjectError as failure:
        return Row(check.name, FAILS, origin=origin, seed=draws.seed, claimed=claimed, words=f"the subject {failure}")
    if not trials:
        return Row(check.name, SKIPPED, seed=draws.seed, claimed=claimed, words="no samples apply")
    worst = max(trials, key=badness)
    words = check.diagnose(target, draws) if check.diagnose and verdict(worst) == FAILS else ""
    if isinstance(target, Subject) and check.origin in "TL":
        origin += f" [{target.errors(draws.dtype).words}]"
    return Row(
        check.name, verdict(worst), worst.measured, worst.bound, origin, worst.sample, draws.seed, len(trials), claimed,
        words,
    )  # fmt: skip


def badness(trial: Trial) -> tuple[int, float]:
    """Order of trials from best to worst: those that hold, then undecidable ones, then failures."""
    if math.isnan(trial.measured):
        return 2, math.inf
    return (HOLDS, UNDECIDED, FAILS).index(verdict(trial)), trial.excess


def verdict(trial: Trial) -> str:
    """HOLDS, FAILS, or UNDECIDED where the bound is infinite; a NaN fails."""
    if undecidable(trial.bound):
        return UNDECIDED
    return HOLDS if trial.measured <= trial.bound else FAILS


def expect(row: Row, reason: str) -> Row:
    """The row of an expected failure: a failure becomes EXPECTED, a claim that holds after all FAILS."""
    if row.verdict == FAILS:
        return replace(row, verdict=EXPECTED, words=f"{reason}; {row.words}" if row.words else reason)
    if row.verdict == HOLDS:
        return replace(row, verdict=FAILS, words=f"holds, although a failure was expected: {reason}")
    return row


def _other_kind(check: Check) -> str:
    if check.kind == "family":
        return "one spacing says nothing of the limit h -> 0. Write check(family(build, (16, 32, 64, 128)))"
    if check.kind == "operator":
        return "measured on operators: check(member) of a family, check(flow.operator) of a flow"
    return f"measured on subjects of kind {check.kind!r} only"


def parametrize(subjects: Sequence[Any]) -> Any:
    """pytest decorator: one test per (subject, claim) with readable ids.

    Examples
    --------
    >>> import numpy as np
    >>> @parametrize([np.eye(2)])
    ... def test_claims(subject, claim):
    ...     check(subject, claims=[claim]).raise_if_failed()
    """
    import pytest

    cases = [
        pytest.param(subject, claim, id=f"{_name(subject)}{k}-{claim}")
        for k, subject in enumerate(subjects)
        for claim in _checked(subject)
    ]
    return pytest.mark.parametrize(("subject", "claim"), cases)


def _name(subject: Any) -> str:
    return as_target(subject).name


def _checked(subject: Any) -> list[str]:
    """Names of the claims of a subject that its kind can check; linearity for an operator that claims nothing."""
    target = as_target(subject)
    known = [name for name in ordered() if CHECKS[name].kind == target.kind]
    if target.kind in ("operator", "family"):
        return [name for name in known if name in CLAIMS and name in target.claims] or ["linear"]
    return known

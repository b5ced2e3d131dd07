"""Wrong operators: each is built from an honest one and names the checks that must see the difference.

A check without a mutant that it kills is not evidence. `kill_matrix` runs every check on every mutant; the tests demand
that every mutant dies to the checks it names, that every check kills at least one, and that honest operators pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from pide.verification.checking import check
from pide.verification.honest import HONEST, Target
from pide.verification.report import FAILS

__all__ = ["CLOUD_BASES", "MUTANTS", "Mutant", "cloud_kills", "kill_matrix", "mutant", "table"]

CLOUD_BASES = {
    "dense equal masses": "cloud equal masses",
    "dense unequal masses": "cloud unequal masses",
    "dense killed": "cloud killed",
    "dense two components": "cloud two components",
    "dense nystroem": "cloud equal masses",
    "interval fractional": "cloud fractional",
    "reflecting flow": "cloud flow",
    "killed flow": "cloud killed flow",
    "euler flow": "cloud euler flow",
    "heat": "cloud heat",
    "evolution": "cloud evolution",
    "wave": "cloud wave",
    "stationary": "cloud stationary",
}
"""Targets on point clouds that stand for those on which a mutant is built; lattice mutants have none."""


@dataclass(frozen=True)
class Mutant:
    """A named wrong operator.

    Parameters
    ----------
    name : str
    base : str
        The honest operator of `HONEST` that it is built from.
    build : callable target -> target
    killed_by : tuple of str
        Checks that must fail on it.
    """

    name: str
    base: str
    build: Callable[[Any], Target]
    killed_by: tuple[str, ...]

    def subject(self) -> Target:
        """The wrong operator."""
        return self.on(self.base)

    def on(self, base: str) -> Target:
        """The same defect in another honest operator."""
        return self.build(HONEST[base]())


MUTANTS: dict[str, Mutant] = {}
"""All mutants by name; filled when `pide.verification.defects` is imported."""


def mutant(
    name: str, base: str, *killed_by: str
) -> Callable[[Callable[..., Target]], Callable[..., Target]]:
    """Register a builder as the mutant called `name`."""
    if name in MUTANTS:
        raise ValueError(f"name={name!r}: this mutant exists. Choose another name.")
    if base not in HONEST:
        raise ValueError(f"base={base!r}: no such honest operator. Choose from {', '.join(HONEST)}.")
    if not killed_by:
        raise ValueError(f"name={name!r}: a mutant names the checks that must kill it.")

    def register(build: Callable[..., Target]) -> Callable[..., Target]:
        MUTANTS[name] = Mutant(name, base, build, killed_by)
        return build

    return register


def kill_matrix(
    names: Iterable[str] | None = None, seed: int = 0, samples: int = 12
) -> dict[str, frozenset[str]]:
    """For each mutant, the checks that fail on it.

    Parameters
    ----------
    names : iterable of str, optional
        Mutants; all by default.
    seed, samples : int
        As for `check`.
    """
    chosen = MUTANTS if names is None else names
    return {name: killers_of(name, seed, samples) for name in chosen}


@cache
def killers_of(name: str, seed: int, samples: int) -> frozenset[str]:
    """Names of the claimed checks that fail on a mutant."""
    return failures(MUTANTS[name].subject(), seed, samples)


def failures(target: Target, seed: int, samples: int) -> frozenset[str]:
    """Names of the claimed checks that fail on a target."""
    report = check(target, seed=seed, samples=samples)
    return frozenset(row.claim for row in report.rows if row.verdict == FAILS)


def cloud_kills(seed: int = 0, samples: int = 12) -> dict[str, frozenset[str]]:
    """For each mutant that a point cloud can have, the checks that fail on it there."""
    named = {name: CLOUD_BASES[wrong.base] for name, wrong in MUTANTS.items() if wrong.base in CLOUD_BASES}
    return {name: failures(MUTANTS[name].on(base), seed, samples) for name, base in named.items()}


def table(matrix: dict[str, frozenset[str]]) -> str:
    """The kill matrix as text: one line per mutant, its base and its killers; demanded ones that missed are named."""
    lines = []
    for name, killers in matrix.items():
        missing = sorted(set(MUTANTS[name].killed_by) - killers)
        verdict = "dies" if killers and not missing else "SURVIVES" if not killers else f"escapes {', '.join(missing)}"
        lines.append(f"{name:<45} {MUTANTS[name].base:<22} {verdict:<10} {', '.join(sorted(killers))}".rstrip())
    dead = sum(bool(killers) for killers in matrix.values())
    return "\n".join([*lines, f"{dead} of {len(matrix)} mutants die"])

"""Blocks of restarted stages as subjects: B_i = v + h L B_{i-1}, B_0 = v, as nonlocal blocks of networks have them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from pide.arrays import Array
from pide.verification.subject import Subject

__all__ = ["LARGEST_STEPS", "BlockMap", "block_of"]

LARGEST_STEPS = {1: 2.0, 2: 1.0, 3: 1.3532099641993244, 4: 1.0, 5: 1.2148623224884245, 6: 1.0}
"""The largest x with |1 - x + x^2 - ... +- x^m| <= 1 on [0, x], by the number m of stages."""


@dataclass(frozen=True, eq=False)
class BlockMap:
    """v -> B_m.

    Parameters
    ----------
    name : str
    operator : Subject
        L is its generator; its rates are exposed.
    step : float
        h.
    stages : int
        m.
    advance : callable (v, h) -> B_m
    largest_step : callable -> float, optional
        Up to which |B_m| <= |v| in the norm of the space is stated.
    system : callable (v, w) -> (v', w'), optional
        One Verlet step of v_t = -L w, w_t = -L v for two stages: w' = w - h L v, v' = v - h L w'.

    Notes
    -----
    For two stages, `system(v, -v)[0]` is B_2 (Bohn, Griebel and Kannan 2021, (4.1) and (4.2)).
    """

    kind: ClassVar[str] = "block"

    name: str
    operator: Subject
    step: float
    stages: int
    advance: Callable[[Array, float], Array]
    largest_step: Callable[[], float] | None = None
    system: Callable[[Array, Array], tuple[Array, Array]] | None = None

    @property
    def claims(self) -> frozenset[str]:
        """Those of the operator."""
        return self.operator.claims


def block_of(operator: Subject, step: float, stages: int = 2, name: str = "restarted stages") -> BlockMap:
    """The block of a subject that is a generator L <= 0 with a certified spectral bound.

    Raises
    ------
    ValueError
        For numbers of stages without a tabulated limit.
    """
    if stages not in LARGEST_STEPS:
        raise ValueError(f"stages={stages}: limits are known for 1 to {max(LARGEST_STEPS)} stages. Write stages=2.")
    L = operator.apply

    def advance(v: Array, h: float) -> Array:
        b = v
        for _ in range(stages):
            b = v + h * L(b)
        return b

    def system(v: Array, w: Array) -> tuple[Array, Array]:
        w = w - step * L(v)
        return v - step * L(w), w

    def largest_step() -> float:
        limit: float = operator.need("spectral_bound")()
        return LARGEST_STEPS[stages] / limit

    return BlockMap(name, operator, step, stages, advance, largest_step, system if stages == 2 else None)

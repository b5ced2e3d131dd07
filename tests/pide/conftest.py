"""Results for the tests of pictures and files: forward Euler written out, on the library's operators."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest

from pide.continuum.domains import Ball, Box, Domain, Interval
from pide.continuum.exterior import Exterior, Reflecting
from pide.continuum.kernels import Constant
from pide.continuum.operators import NonlocalDiffusion
from pide.continuum.problems import Heat
from pide.labels import Labels
from pide.result import Result


@dataclass(frozen=True)
class Record:
    """The fields of a run record that files and pictures read."""

    stepper: str = "ForwardEuler(dt=0.001)"
    applies: int = 4
    choices: dict[str, str] = field(default_factory=dict)
    error_estimate: float | None = None
    versions: dict[str, str] = field(default_factory=lambda: {"pide": "0"})


DOMAINS: dict[int, tuple[Domain, int]] = {
    1: (Interval(-1, 1), 40),
    2: (Ball(radius=1.0, dimension=2), 20),
    3: (Box(((0, 1), (0, 1), (0, 1))), 8),
}


def euler(dimension: int, exterior: Exterior, labels: Labels, steps: int = 4) -> Result:
    """u_{k+1} = u_k + tau L u_k from u_0 = 1 + x_1, with tau half the bound of the maximum principle."""
    domain, count = DOMAINS[dimension]
    grid = domain.grid(count)
    problem = Heat(NonlocalDiffusion(Constant(horizon=0.3)), domain, initial=lambda *x: 1 + x[0], exterior=exterior)
    operator = problem.operator.on(grid, exterior=exterior)
    tau = 0.5 / operator.rate_bound()
    states = [grid.sample(problem.initial)]
    for _ in range(steps):
        states.append(states[-1] + tau * operator(states[-1]))
    return Result(problem, operator, tau * np.arange(steps + 1), np.stack(states), Record(), labels)


@pytest.fixture
def small_result() -> Callable[..., Result]:
    """small_result(dimension, exterior=Reflecting(), labels=Labels()): five states on a small grid."""

    def build(dimension: int, exterior: Exterior | None = None, labels: Labels | None = None) -> Result:
        return euler(dimension, exterior or Reflecting(), labels or Labels())

    return build

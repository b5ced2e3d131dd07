"""C8: the exact sign of the change of energy and variance along given states, however small the change."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np

from pide.verification.certificate import PROVED, REFUTED, Certificate
from pide.verification.proofs.exact import exact_dot, exact_sum
from pide.verification.proofs.models import Field
from pide.verification.proofs.rounding import upper

__all__ = ["energy", "trajectory", "variance"]


def energy(masses: Field, v: Field) -> Fraction:
    """sum_i m_i v_i^2, exactly."""
    return exact_dot(masses, v, v)


def variance(masses: Field, v: Field) -> Fraction:
    """sum_i m_i (v_i - mean)^2 = sum m v^2 - (sum m v)^2 / sum m, exactly."""
    return energy(masses, v) - exact_dot(masses, v) ** 2 / exact_sum(masses)


def trajectory(states: Field, masses: Field, claim: str) -> Certificate:
    """Whether energy ("energy_decay") or variance ("variance_decay") never increases from one state to the next.

    Parameters
    ----------
    states : array, shape (T, N), T >= 2
    masses : array, shape (N,)

    Notes
    -----
    The statement is about these doubles only: it holds or fails with all rounding errors of the stepper in it. The
    bound is the largest change, negative where everything decreases.
    """
    functional, words = (energy, "sum m v^2") if claim == "energy_decay" else (variance, "variance")
    values = [functional(masses, np.asarray(state, dtype=np.float64)) for state in states]
    changes = [after - before for before, after in pairwise(values)]
    worst = max(range(len(changes)), key=lambda k: changes[k])
    statement = f"{words} does not increase along {len(values)} given states"
    method = "C8: exact sums of exact products"
    bound = upper(changes[worst])
    if changes[worst] <= 0:
        return Certificate(claim, statement, PROVED, "trajectory", method, bound=bound, direction="<=")
    witness = {"kind": "change", "step": worst, "change": str(changes[worst])}
    return Certificate(claim, statement, REFUTED, "trajectory", method, bound=bound, direction="<=", witness=witness)

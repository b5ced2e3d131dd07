"""The curves of a result against sums over the dense matrix, and its pictures' and files' front doors."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pide.continuum.exterior import Exterior, Reflecting, Zero
from pide.result import Result

EPS = np.finfo(np.float64).eps


@pytest.mark.parametrize("exterior", [Reflecting(), Zero()])
@pytest.mark.parametrize("dimension", [1, 2])
def test_curves_are_the_sums_of_their_definitions(
    small_result: Callable[..., Result], dimension: int, exterior: Exterior
) -> None:
    result = small_result(dimension, exterior)
    grid = result.operator.space
    matrix, m = result.operator.to_dense(), grid.cell_volume
    jumps = matrix - np.diag(np.diag(matrix))  # w_ij m_j
    killing = -matrix.sum(axis=1)
    for i, state in enumerate(grid.compress(result.states)):
        differences = state[:, None] - state[None, :]
        dirichlet = 0.25 * m * np.sum(jumps * differences**2) + 0.5 * m * np.sum(killing * state**2)
        expected = {
            "mass": m * state.sum(),
            "energy": m * (state**2).sum(),
            "variance": state.var(),
            "dirichlet_energy": dirichlet,
        }
        for name, value in expected.items():
            assert getattr(result, name)[i] == pytest.approx(value, rel=1e3 * EPS, abs=1e3 * EPS), name


def test_theory_shows_in_the_curves(small_result: Callable[..., Result]) -> None:
    closed, open_ = small_result(2, Reflecting()), small_result(2, Zero())
    assert np.ptp(closed.mass) <= 100 * EPS * closed.mass[0]
    assert np.all(np.diff(closed.variance) < 0)
    assert np.all(np.diff(open_.energy) < 0)
    assert np.all(np.diff(open_.mass) < 0)
    assert np.all(np.diff(closed.dirichlet_energy) < 0)


def test_curves_keep_the_batch_and_follow_the_namespace(small_result: Callable[..., Result], namespace: Any) -> None:
    result = small_result(1)
    batch = np.stack([result.states, 2 * result.states], axis=1)
    moved = dataclasses.replace(result, states=namespace.asarray(batch))
    assert moved.mass.shape == (5, 2)
    np.testing.assert_allclose(moved.mass, np.stack([result.mass, 2 * result.mass], axis=1), rtol=100 * EPS)
    np.testing.assert_allclose(moved.energy[:, 1], 4 * result.energy, rtol=100 * EPS)
    np.testing.assert_allclose(moved.variance[:, 1], 4 * result.variance, rtol=1e4 * EPS)
    np.testing.assert_allclose(moved.dirichlet_energy[:, 1], 4 * result.dirichlet_energy, rtol=1e5 * EPS)


def test_final_and_repr(small_result: Callable[..., Result]) -> None:
    result = small_result(1)
    np.testing.assert_array_equal(result.final, result.states[-1])
    assert repr(result) == f"Result(ForwardEuler(dt=0.001): 5 times in [0, {result.times[-1]:g}], grid 40, 4 applies)"

"""Exterior conditions are values: compared by what they say, and refused when they say nothing."""

from __future__ import annotations

import dataclasses
import math

import pytest

from pide.continuum.exterior import Exterior, Periodic, Reflecting, Value, Zero


def test_conditions_compare_by_value():
    assert Zero() == Zero()
    assert Zero() != Reflecting()
    assert Value(math.sin, extent=1.0) == Value(math.sin, extent=1.0)
    assert Value(math.sin) != Value(math.cos)
    assert all(isinstance(e, Exterior) for e in (Zero(), Periodic(), Reflecting(), Value(math.sin)))


def test_conditions_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Value(math.sin).extent = 2.0


def test_data_must_be_a_function():
    with pytest.raises(TypeError, match=r"Write Value\(lambda x, y: x \* y\), or Zero\(\)"):
        Value(1.0)


@pytest.mark.parametrize("extent", [0.0, -1.0, math.inf, math.nan])
def test_extent_is_a_positive_length(extent):
    with pytest.raises(ValueError, match="distance beyond which g may be taken as 0"):
        Value(math.sin, extent=extent)


def test_the_abstract_condition_cannot_be_made():
    with pytest.raises(TypeError, match=r"write Zero\(\), Value\(g\), Reflecting\(\) or Periodic\(\)"):
        Exterior()

"""Schedules against the tables of the papers, epoch by epoch."""

from __future__ import annotations

import math

import pytest

from pide.nets.training import Constant, Cosine, Steps


def test_bohn() -> None:
    schedule = Steps(0.1, (80, 120, 160, 180), 0.1, warm_up=1, warm_up_rate=0.01)
    expected = [0.01] + [1e-1] * 79 + [1e-2] * 40 + [1e-3] * 40 + [1e-4] * 20 + [1e-5] * 20
    assert [schedule.at(epoch, 200) for epoch in range(200)] == pytest.approx(expected, rel=1e-12)


def test_tao() -> None:
    expected = [1e-1] * 81 + [1e-2] * 41 + [1e-3] * 42
    assert [Steps(0.1, (81, 122)).at(epoch, 164) for epoch in range(164)] == pytest.approx(expected, rel=1e-12)


def test_scaled_to_a_tenth() -> None:
    published = Steps(0.1, (80, 120, 160, 180))
    scaled = Steps(0.1, (0.4, 0.6, 0.8, 0.9), relative=True)
    assert [scaled.at(epoch, 20) for epoch in range(20)] == [published.at(10 * epoch, 200) for epoch in range(20)]


def test_cosine() -> None:
    schedule = Cosine(0.2, warm_up=2)
    assert [schedule.at(epoch, 10) for epoch in (0, 1, 2)] == pytest.approx([0.2 / 3, 0.4 / 3, 0.2])
    assert schedule.at(6, 10) == pytest.approx(0.1)
    assert schedule.at(9, 10) == pytest.approx(0.1 * (1 + math.cos(math.pi * 7 / 8)))
    assert Constant(0.3).at(5, 10) == 0.3


def test_wrong_schedules() -> None:
    for wrong in (lambda: Steps(0.1, (3, 2)), lambda: Steps(0.1, (3,), 0.0), lambda: Steps(0.1, (3,), relative=True)):
        with pytest.raises(ValueError, match=r"Write milestones = \[80, 120\]"):
            wrong()
    with pytest.raises(ValueError, match="needs rate > 0"):
        Cosine(-1.0)

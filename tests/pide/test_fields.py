"""Named initial fields at points where their values are known."""

from __future__ import annotations

import numpy as np
import pytest

from pide.fields import Ball, Bump, Mode, Uniform

X, Y = np.array([0.0, 1.0, 3.0]), np.array([0.0, 0.0, 4.0])


def test_values() -> None:
    np.testing.assert_array_equal(Uniform(2.0)(X, Y), [2, 2, 2])
    np.testing.assert_allclose(Bump((0.0, 0.0), 2.0, 3.0)(X, Y), 3 * np.exp([0, -0.25, -6.25]), rtol=1e-15)
    np.testing.assert_array_equal(Ball((0.0, 0.0), 1.0)(X, Y), [1, 0, 0])
    np.testing.assert_array_equal(Ball((0.0, 0.0), 5.1, 2.0)(X, Y), [2, 2, 2])
    np.testing.assert_allclose(Mode((np.pi, 0.5))(X, Y), [1, -1, -np.cos(2.0)], rtol=1e-14)


def test_refusals_say_what_is_needed() -> None:
    with pytest.raises(ValueError, match=r"Bump\(width=0.0\): needs width > 0"):
        Bump((0.0,), 0.0)
    with pytest.raises(ValueError, match=r"Ball\(radius=-1.0\): needs radius > 0"):
        Ball((0.0,), -1.0)
    with pytest.raises(ValueError, match=r"centre=\(0.0,\)\): needs 2 numbers"):
        Bump((0.0,), 1.0)(X, Y)
    with pytest.raises(ValueError, match=r"k=\(1.0, 2.0, 3.0\)\): needs 2 numbers"):
        Mode((1.0, 2.0, 3.0))(X, Y)

"""The error models bound what is measured, and their constants are derived, not fitted."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.fft

from pide.verification.estimate import DOUBLE, ROUNDOFF, ErrorModel, convolution_error, gamma, stage, transform_error


def test_gamma_is_higham_s_and_gives_up_above_a_tenth():
    assert gamma(10, DOUBLE) == pytest.approx(10 * DOUBLE / (1 - 10 * DOUBLE), rel=1e-15)
    assert gamma(4096**2, ROUNDOFF["float32"]) == math.inf
    assert gamma(0.1 / DOUBLE, DOUBLE) == pytest.approx(1 / 9)


@pytest.mark.parametrize("length", [8, 64, 81, 125, 210, 1024, 53, 97, 509, 1201])
def test_transform_error_bounds_the_fft_of_single_precision(length):
    """Float32 transforms against float64 ones, whose own error is 2^29 times smaller."""
    rng = np.random.default_rng(length)
    bound = transform_error((length,), ROUNDOFF["float32"], periodic=True)
    for _ in range(5):
        v = rng.standard_normal(length).astype(np.float32)
        exact = scipy.fft.rfft(v.astype(np.float64))
        error = np.linalg.norm(scipy.fft.rfft(v) - exact) / np.linalg.norm(exact)
        assert error <= bound


def test_padded_bound_covers_every_smooth_length_up_to_four_times():
    for shape in ((7,), (100,), (17, 33)):
        padded = transform_error(shape, DOUBLE, periodic=False)
        smooth = [scipy.fft.next_fast_len(2 * n, real=True) for n in shape]
        assert transform_error(smooth, DOUBLE, periodic=True) <= padded


def test_convolution_error_grows_with_the_logarithm_only():
    errors = [convolution_error((2**k,), DOUBLE, periodic=True) for k in (10, 20)]
    assert errors[1] / errors[0] < 2.1
    assert stage(2) < stage(3) < stage(5) < stage(11)


def test_error_model_norms():
    v = np.array([3.0, 4.0])
    assert ErrorModel(2.0, 10.0, True, DOUBLE, "").maximum(v) == 100.0
    assert ErrorModel(2.0, 10.0, False, DOUBLE, "").maximum(v) == 80.0
    assert ErrorModel(2.0, 10.0, False, DOUBLE, "").energy(5.0) == 100.0

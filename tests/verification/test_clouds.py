"""Fast sums on point clouds as subjects: structure to rounding at every accuracy, and what is not exposed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import pide
from pide.operators.algebra import scale
from pide.operators.dense_sum import DenseSum
from pide.operators.structure import pair_claims
from pide.operators.summed import SummedDiffusion
from pide.verification import as_subject, check


@pytest.mark.parametrize("tol", [1e-3, 1e-9])
def test_structure_of_fast_sums_does_not_depend_on_their_accuracy(tol):
    pytest.importorskip("finufft")
    points = np.random.default_rng(0).random((60, 2))
    cloud = pide.PointCloud(points, domain=pide.Box(((0.0, 1.0), (0.0, 1.0))))
    diffusion = pide.NonlocalDiffusion(pide.kernels.Gaussian(width=0.3))
    operator = diffusion.on(cloud, exterior=pide.Reflecting(), engine="nufft", tol=tol)
    assert isinstance(operator, SummedDiffusion)
    report = check(operator, samples=4)
    report.raise_if_failed()
    assert report["degree_sums_rates"].verdict == "not checkable"
    for claim in ("self_adjoint", "kills_constants", "conserves_mass", "symmetric_rates", "fast_equals_dense"):
        assert report[claim].verdict == "holds"
    product = replace(as_subject(operator), apply=lambda v: operator.sums.product(v) - operator.degree * (1 + tol) * v)
    assert check(product, claims="kills_constants", samples=4).rows[0].verdict == "FAILS"


def test_multiples_of_sums_keep_their_structure():
    points = np.random.default_rng(1).random((20, 2))
    cloud = pide.PointCloud(points, weights=0.05)
    sums = DenseSum(cloud.points, cloud.masses, lambda squares: np.exp(-squares / 0.1))
    operator = SummedDiffusion(cloud, sums, np.full(20, 0.1), pair_claims(True, True, True), sums.notes)
    for factor in (0.5, -2.0):
        subject = as_subject(scale(operator, factor))
        check(subject, samples=3).raise_if_failed()
        assert np.allclose(subject.killing, 0.1 * abs(factor))
        exact = abs(factor) * 0.05 * np.exp(-np.sum((points[0] - points[1:]) ** 2, axis=1) / 0.1)
        assert np.allclose(subject.rates(np.array([0]))[0, 1:], exact, rtol=1e-13)

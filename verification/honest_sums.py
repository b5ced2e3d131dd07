"""Honest sums that store no matrix: the tree of cubes where numba is installed, anchors, blocks; diffusion maps."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

from pide.continuum.exterior import Reflecting
from pide.continuum.kernels import Gaussian
from pide.continuum.operators import NonlocalDiffusion
from pide.operators.affinity import GaussianAffinity
from pide.operators.affinity_pairs import affinity_operator
from pide.operators.anchors import AnchorDiffusion
from pide.operators.manifold import DiffusionMap
from pide.operators.summed import SummedDiffusion
from pide.spaces.cloud import PointCloud
from pide.spaces.samples import Samples
from pide.verification.adapters import as_subject
from pide.verification.facts import Facts
from pide.verification.honest import honest
from pide.verification.subject import Subject

__all__ = ["COMPILED", "anchored_samples", "clustered_sums", "crowded_circle"]

Field = NDArray[np.float64]
COMPILED = find_spec("numba") is not None
"""Whether the tree can be built here."""

_TOLERANCE = 1e-6
_KERNEL = NonlocalDiffusion(Gaussian(width=0.6))


def clustered_cloud(count: int = 70) -> PointCloud:
    """Two clusters of `count` points each, of width 0.01 in the unit square, and a few points between them."""
    rng = np.random.default_rng(0)
    centres = np.repeat([[0.1, 0.15], [0.85, 0.8]], count, axis=0)
    points = np.concatenate([centres + 0.01 * rng.standard_normal(centres.shape), rng.random((12, 2))])
    return PointCloud(points, weights=1 / len(points))


@cache
def clustered_sums() -> SummedDiffusion:
    """A wide Gaussian over all pairs of the clustered cloud by the tree."""
    operator = _KERNEL.on(clustered_cloud(), exterior=Reflecting(), engine="tree", tol=_TOLERANCE)
    assert isinstance(operator, SummedDiffusion)
    return operator


def tree_cloud() -> Subject:
    """The tree beside the stored weights of the same cloud, which it approximates to twice its tolerance."""
    operator, subject = clustered_sums(), as_subject(clustered_sums())
    stored = as_subject(_KERNEL.on(operator.space, exterior=Reflecting(), engine="dense"))
    K = subject.need("rates")(np.arange(subject.size))  # as many sums as there are points
    facts = Facts(partner=stored, accuracy=operator.sums.error)
    return replace(subject, rates=lambda rows: K[rows], facts=facts)


if COMPILED:
    honest(tree_cloud)


def _samples(count: int = 40) -> Samples:
    """Seeded points of R^3 with unequal masses."""
    rng = np.random.default_rng(8)
    return Samples(rng.standard_normal((count, 3)), rng.uniform(0.5, 1.5, count))


@cache
def anchored_samples() -> AnchorDiffusion:
    """Gaussian affinities through eight anchors."""
    space = _samples()
    operator = affinity_operator(GaussianAffinity(width=1.5), space.points, space, anchors=8)
    assert isinstance(operator, AnchorDiffusion)
    return operator


@honest
def anchors() -> Subject:
    return as_subject(anchored_samples())


@honest
def blocked_affinity() -> Subject:
    """Rows in blocks of twelve, the last one of four; symmetric, by count."""
    space = _samples()
    return as_subject(affinity_operator(GaussianAffinity(width=1.5), space.points, space, None, block=12))


def crowded_circle() -> DiffusionMap:
    """A circle whose points crowd at one side."""
    angle = 2 * np.pi * np.arange(40) / 40
    angle = angle + 0.5 * np.sin(angle)
    return DiffusionMap(np.stack([np.cos(angle), np.sin(angle)], axis=1), epsilon=0.05)


@honest
def diffusion_map() -> Subject:
    return as_subject(crowded_circle().operator)

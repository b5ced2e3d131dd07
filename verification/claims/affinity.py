"""Affinities X -> W: finite where points coincide, symmetric for one embedding, the same in blocks of rows.

Features are moderate (at most about 4), so that exp(t . p) stays in the range of float32; some lie far from the origin,
where |a|^2 + |b|^2 - 2 a.b loses the sign of a small distance.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from pide.verification.affinities import AffinityMap
from pide.verification.claim import NotApplicableError, SubjectError, Trial, measures
from pide.verification.estimate import ROUNDOFF, gamma
from pide.verification.samples import Draws, Sample
from pide.verification.subject import call

Field = NDArray[np.float64]
POINTS = 12


def distinct(draws: Draws, channels: int, salt: str) -> Iterator[Sample]:
    """Normal features, every second time around (2, ..., 2)."""
    rng = draws.generator(salt)
    for k in range(draws.samples):
        shift = 2.0 * (k % 2)
        x = shift + 0.5 * rng.standard_normal((POINTS, channels))
        yield Sample(f"{POINTS} points {k}, {'around 2' if shift else 'around 0'}", draws.round(x))


def coincident(draws: Draws, channels: int, salt: str) -> Iterator[Sample]:
    """Features of which pairs agree, all agree, or all vanish."""
    rng = draws.generator(salt + " coincident")
    for k, sample in enumerate(distinct(draws, channels, salt)):
        x = sample.values.copy()
        if k % 3 == 0:
            x[POINTS // 2 :] = x[: POINTS // 2]
            label = "in coincident pairs"
        elif k % 3 == 1:
            x[:] = x[int(rng.integers(POINTS))]
            label = "all coincident"
        else:
            x[1:] = 0.0
            label = "all but one at 0"
        yield Sample(f"{sample.label}, {label}", x)


def weights_of(affinity: AffinityMap, x: Field) -> Field:
    """W as float64; SubjectError where a value is NaN or infinite."""
    W = call(affinity.values, x).astype(np.float64)
    if W.shape != (len(x), len(x)):
        raise SubjectError(f"returned shape {W.shape}, needed {(len(x), len(x))}")
    if not np.all(np.isfinite(W)):
        raise SubjectError(f"returned {int(np.count_nonzero(~np.isfinite(W)))} NaN or infinite values")
    return W


@measures(
    "finite_where_points_coincide", kind="affinity", origin="E",
    statement="weights of points that coincide are finite, or the points are refused where that is stated",
    derivation="0 values that are NaN or infinite",
)  # fmt: skip
def finite_where_points_coincide(affinity: AffinityMap, draws: Draws) -> Iterator[Trial]:
    for x in coincident(draws, affinity.channels, "coincident"):
        try:
            with np.errstate(all="ignore"):
                W = np.asarray(affinity.values(x.values.astype(draws.dtype)))
        except ValueError as error:
            if not affinity.refuses:
                raise SubjectError(f"raised ValueError: {error}") from error
            yield Trial(0.0, 0.0, f"{x.label}: refused")
        except Exception as error:  # a subject may raise anything: the row must say so
            raise SubjectError(f"raised {type(error).__name__}: {error}") from error
        else:
            yield Trial(float(np.count_nonzero(~np.isfinite(W))), 0.0, x.label)


@measures(
    "same_embedding_symmetric", kind="affinity", origin="E",
    statement="W_ij = W_ji where both arguments have the same embedding",
    derivation="0 for functions of differences; 2 g_{K+2} |t|^2 for dot products of length K, over the largest weight",
)  # fmt: skip
def same_embedding_symmetric(affinity: AffinityMap, draws: Draws) -> Iterator[Trial]:
    if not affinity.symmetric:
        raise NotApplicableError("two embeddings, or rows divided by their sums: no symmetry is stated")
    u = ROUNDOFF[draws.dtype]
    for x in distinct(draws, affinity.channels, "same_embedding_symmetric"):
        W = weights_of(affinity, x.values.astype(draws.dtype))
        largest = float(np.max(np.abs(W))) or 1.0
        bound = 0.0 if affinity.asymmetry is None else affinity.asymmetry(x.values, u)
        yield Trial(float(np.max(np.abs(W - W.T))) / largest, bound, x.label)


@measures(
    "blocks_agree", kind="affinity", origin="T",
    statement="rows of W taken block by block give the result of all rows at once",
    derivation="4 g_{M+16} max_i sum_j |W_ij| (|z_i| + |z_j|), over the same without g: another order of the sums",
)  # fmt: skip
def blocks_agree(affinity: AffinityMap, draws: Draws) -> Iterator[Trial]:
    if affinity.diffuse is None:
        raise NotApplicableError("the weights are not taken in blocks")
    rng, u = draws.generator("blocks_agree"), ROUNDOFF[draws.dtype]
    for x in distinct(draws, affinity.channels, "blocks_agree"):
        features = x.values.astype(draws.dtype)
        z = rng.standard_normal((POINTS, 3)).astype(draws.dtype)
        W = np.abs(weights_of(affinity, features))
        scale = 2 * float(np.max(W.sum(-1))) * float(np.max(np.abs(z))) or 1.0
        whole = _diffused(affinity, features, z, None)
        for block in (1, 5, POINTS, 2 * POINTS):
            defect = float(np.max(np.abs(_diffused(affinity, features, z, block) - whole)))
            yield Trial(defect / scale, 4 * gamma(POINTS + 16, u), f"{x.label}, blocks of {block}")


def _diffused(affinity: AffinityMap, x: Field, z: Field, block: int | None) -> Field:
    diffuse = affinity.diffuse
    assert diffuse is not None
    y = call(lambda features: diffuse(features, z, block), x)
    if y.shape != z.shape:
        raise SubjectError(f"returned shape {y.shape} in blocks of {block}, needed {z.shape}")
    return np.asarray(y, dtype=np.float64)

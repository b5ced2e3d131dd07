"""Affinities as subjects: what maps features, or points, to weights between them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from pide.arrays import Array
from pide.continuum.exterior import Reflecting
from pide.continuum.operators import NonlocalDiffusion
from pide.operators.affinity import Affinity, DotProductAffinity, EmbeddedAffinity, affinity_diffusion, normalised
from pide.operators.pairs import PairOperator
from pide.spaces.cloud import PointCloud
from pide.verification.adapters import as_subject
from pide.verification.estimate import gamma

__all__ = ["AffinityMap", "affinity_of", "cloud_weights"]

Field = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class AffinityMap:
    """X -> W with W_ij the weight between X_i and X_j.

    Parameters
    ----------
    name : str
    values : callable
        Features (M, channels) to weights (M, M), in the dtype of the features.
    channels : int
    symmetric : bool
        W_ij = W_ji is stated: both arguments have the same embedding, and the normaliser keeps symmetry.
    asymmetry : callable (X, u) -> float, optional
        By how much W_ij and W_ji may differ from rounding, relative to the largest weight; None: not at all, as for
        functions of differences.
    refuses : bool
        Points that coincide raise ValueError instead of having weights.
    diffuse : callable (X, z, block) -> array, optional
        sum_j W_ij (z_j - z_i) for z (M, K), with `block` rows of W at a time; None all of them.
    """

    kind: ClassVar[str] = "affinity"

    name: str
    values: Callable[[Array], Array]
    channels: int
    symmetric: bool = True
    asymmetry: Callable[[Field, float], float] | None = None
    refuses: bool = False
    diffuse: Callable[[Array, Array, int | None], Array] | None = None

    @property
    def claims(self) -> frozenset[str]:
        """None of the vocabulary of operators."""
        return frozenset()


def affinity_of(
    affinity: Affinity, channels: int, normaliser: str | None = None, name: str | None = None
) -> AffinityMap:
    """An affinity of features with its normaliser as a subject.

    Parameters
    ----------
    affinity : Affinity
        Its embeddings, where it has any, are NumPy arrays (K, channels).
    channels : int
    normaliser : {"rows", "count", None, "sinkhorn"}
    """

    def values(x: Array) -> Array:
        return normalised(_cast(affinity, x.dtype)(x), normaliser)

    def diffuse(x: Array, z: Array, block: int | None) -> Array:
        return affinity_diffusion(_cast(affinity, x.dtype), x, z, normaliser=normaliser, block=block)

    return AffinityMap(
        name or type(affinity).__name__,
        values,
        channels,
        affinity.symmetric and normaliser != "rows",
        _asymmetry(affinity, normaliser),
        diffuse=None if normaliser == "sinkhorn" else diffuse,
    )


def cloud_weights(continuum: NonlocalDiffusion, dimension: int) -> AffinityMap:
    """The pair rates of a nonlocal diffusion on points of equal mass; points that coincide must be refused."""

    def values(points: Array) -> Array:
        cloud = PointCloud(np.asarray(points, dtype=np.float64), weights=1.0)
        operator = continuum.on(cloud, exterior=Reflecting())
        assert isinstance(operator, PairOperator)
        return as_subject(operator).need("rates")(np.arange(cloud.count)).astype(points.dtype)

    return AffinityMap(f"cloud rates of {continuum.kernel!r}", values, dimension, refuses=True)


def _cast(affinity: Affinity, dtype: Any) -> Affinity:
    """The affinity with its embeddings in `dtype`; one embedding of both arguments stays one."""
    if affinity.theta is None:
        return affinity if affinity.phi is None else replace(affinity, phi=affinity.phi.astype(dtype))
    phi = None if affinity.symmetric or affinity.phi is None else affinity.phi.astype(dtype)
    return replace(affinity, theta=affinity.theta.astype(dtype), phi=phi)


def _asymmetry(affinity: Affinity, normaliser: str | None) -> Callable[[Field, float], float] | None:
    """Dot products of length K are summed in any order, to g_K |t|^2; "sinkhorn" multiplies by c_i, then by c_j."""
    products = isinstance(affinity, (DotProductAffinity, EmbeddedAffinity))
    if not products and normaliser != "sinkhorn":
        return None

    def bound(x: Field, u: float) -> float:
        t, _ = affinity.embedded(x, x)
        size = abs(float(getattr(affinity, "factor", 1.0))) * float(np.max(np.sum(t * t, axis=-1)))
        error = 2 * gamma(t.shape[-1] + 2, u) * size if products else 0.0
        exponent = isinstance(affinity, EmbeddedAffinity)
        relative = error if exponent else error / (float(np.max(np.abs(affinity(x)))) or 1.0)
        return relative + gamma(8, u)

    return bound

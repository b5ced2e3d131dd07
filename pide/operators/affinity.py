"""Affinities omega(X_i, X_j) of features, as pure functions of arrays of any namespace, with gradients.

Symbols: X (..., M, C) features of M points in C channels, leading axes batch; theta, phi (K, C) linear embeddings;
t_i = theta X_i, p_j = phi X_j; omega (..., M, N) affinities of M points with N points; r = |t_i - p_j|.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from pide.arrays import Array, as_float, namespace
from pide.operators.affinity_distances import squared_distances

if TYPE_CHECKING:
    from pide.operators.base import Operator
    from pide.spaces.space import Space

__all__ = [
    "NORMALISERS",
    "Affinity",
    "ConcatenationAffinity",
    "DotProductAffinity",
    "EmbeddedAffinity",
    "GaussianAffinity",
    "LogAffinity",
    "PowerAffinity",
    "affinity_diffusion",
    "normalised",
    "squared_distances",
]

NORMALISERS = ("rows", "count", None, "sinkhorn")

_SINKHORN_SWEEPS = 200


@dataclass(frozen=True, eq=False)
class Affinity(ABC):
    """omega(X_i, X_j) of features.

    Parameters
    ----------
    theta, phi : arrays (K, C) or None
        Linear embeddings of the two arguments, in the namespace of the features; None is the identity, and phi=None
        with theta given is theta, which keeps omega symmetric.
    """

    nonnegative: ClassVar[bool]

    theta: Array | None = None
    phi: Array | None = None

    @property
    def symmetric(self) -> bool:
        """Whether omega(X, Y) = omega(Y, X) for all features."""
        return self.phi is None or self.phi is self.theta

    def __call__(self, x: Array, y: Array | None = None) -> Array:
        """omega(x_i, y_j), shape (..., M, N); y = x when None."""
        return self._values(*self.embedded(x, x if y is None else y))

    def embedded(self, x: Array, y: Array) -> tuple[Array, Array]:
        """(t, p)."""
        phi = self.theta if self.phi is None else self.phi
        return _projected(x, self.theta), _projected(y, phi)

    def logarithm(self, x: Array, y: Array | None = None) -> Array | None:
        """log omega where it is a smooth function of the features, so that rows can be normalised without overflow."""
        return None

    def on(
        self,
        space: Space,
        features: Any,
        normaliser: str | None = "rows",
        neighbours: int | None = None,
        window: float | None = None,
        *,
        anchors: Any = None,
        block: int | None = None,
    ) -> Operator:
        """The affinity as an operator on a space; see `pide.operators.affinity_pairs.affinity_operator`."""
        from pide.operators.affinity_pairs import affinity_operator

        return affinity_operator(self, features, space, normaliser, neighbours, window, anchors=anchors, block=block)

    @abstractmethod
    def _values(self, t: Array, p: Array) -> Array:
        """omega from the embedded features."""


@dataclass(frozen=True, eq=False, kw_only=True)
class GaussianAffinity(Affinity):
    """omega = exp(-r^2 / width^2), r^2 computed by "differences" or "products" (`squared_distances`)."""

    nonnegative = True

    width: Any
    distances: str = "differences"

    def __post_init__(self) -> None:
        if not as_float(self.width) > 0:
            raise ValueError(f"GaussianAffinity(width={as_float(self.width):g}): needs width > 0. Write width=1.0.")

    def logarithm(self, x: Array, y: Array | None = None) -> Array | None:
        return -squared_distances(*self.embedded(x, x if y is None else y), self.distances) / self.width**2

    def _values(self, t: Array, p: Array) -> Array:
        return namespace(t, p).exp(-squared_distances(t, p, self.distances) / self.width**2)


@dataclass(frozen=True, eq=False, kw_only=True)
class DotProductAffinity(Affinity):
    """omega = factor t_i . p_j, of either sign."""

    nonnegative = False

    factor: Any = 1.0

    def _values(self, t: Array, p: Array) -> Array:
        return _times(self.factor, _dot(t, p))


@dataclass(frozen=True, eq=False, kw_only=True)
class EmbeddedAffinity(Affinity):
    """omega = exp(factor t_i . p_j); by "rows" the softmax of attention (Wang, Girshick, Gupta and He 2018)."""

    nonnegative = True

    factor: Any = 1.0

    def logarithm(self, x: Array, y: Array | None = None) -> Array | None:
        return _times(self.factor, _dot(*self.embedded(x, x if y is None else y)))

    def _values(self, t: Array, p: Array) -> Array:
        return namespace(t, p).exp(_times(self.factor, _dot(t, p)))


@dataclass(frozen=True, eq=False, kw_only=True)
class PowerAffinity(Affinity):
    """omega = factor r^-exponent, 0 at r = 0: n + 2 s for (-Delta)^s, n - 2 s for its inverse, in feature space R^n.

    Parameters
    ----------
    exponent : number or 0-d array
    factor : number or 0-d array
        Not negative.
    distances : {"differences", "products"}
        How r^2 is computed, see `squared_distances`.
    """

    nonnegative = True

    exponent: Any
    factor: Any = 1.0
    distances: str = "differences"

    def _values(self, t: Array, p: Array) -> Array:
        xp, square = namespace(t, p), squared_distances(t, p, self.distances)
        coincide = square == 0
        power = xp.where(coincide, xp.ones_like(square), square) ** (-0.5 * self.exponent)
        return _times(self.factor, xp.where(coincide, xp.zeros_like(square), power))


@dataclass(frozen=True, eq=False, kw_only=True)
class LogAffinity(Affinity):
    """omega = -slope log r - gauge, and 0 where r = 0; of either sign.

    Parameters
    ----------
    slope, gauge : numbers or 0-d arrays
    distances : {"differences", "products"}
        How r^2 is computed, see `squared_distances`.
    """

    nonnegative = False

    slope: Any = 1.0
    gauge: Any = 0.0
    distances: str = "differences"

    def _values(self, t: Array, p: Array) -> Array:
        xp, square = namespace(t, p), squared_distances(t, p, self.distances)
        coincide = square == 0
        values = -0.5 * self.slope * xp.log(xp.where(coincide, xp.ones_like(square), square)) - self.gauge
        return xp.where(coincide, xp.zeros_like(square), values)


@dataclass(frozen=True, eq=False, kw_only=True)
class ConcatenationAffinity(Affinity):
    """omega = max(0, a . t_i + b . p_j), the "concatenation" of Wang et al. 2018 with w_f = (a, b).

    Parameters
    ----------
    first, second : arrays, shape (K,)
        a and b, for K embedded channels.
    """

    nonnegative = True

    first: Array
    second: Array

    @property
    def symmetric(self) -> bool:
        return False

    def _values(self, t: Array, p: Array) -> Array:
        xp = namespace(t, p, self.first, self.second)
        pairs = xp.matmul(t, self.first[:, None]) + xp.matrix_transpose(xp.matmul(p, self.second[:, None]))
        return xp.where(pairs > 0, pairs, xp.zeros_like(pairs))


def normalised(omega: Array, normaliser: str | None) -> Array:
    """omega_ij / C_i, shape (..., M, N).

    Parameters
    ----------
    omega : array, shape (..., M, N)
    normaliser : {"rows", "count", None, "sinkhorn"}
        C_i = sum_j omega_ij; C_i = N; C_i = 1; or c_i omega_ij c_j with c such that rows sum to 1, for omega symmetric
        and >= 0 with total support.

    Notes
    -----
    "sinkhorn" iterates c <- (c / (omega c))^(1/2), until rows sum to 1 to 1e-12 (float64) or 1e-5, at most 200 times;
    the result is symmetric whether or not it has converged. Gradients pass through the iteration.

    Raises
    ------
    ValueError
        For an unknown normaliser, rows whose sum is 0, and negative affinities with "sinkhorn".

    References
    ----------
    Knight, Ruiz, Uçar 2014.
    """
    xp = namespace(omega)
    _check_normaliser(normaliser)
    if normaliser is None:
        return omega
    if normaliser == "count":
        return omega / omega.shape[-1]
    if normaliser == "rows":
        sums = xp.sum(omega, axis=-1, keepdims=True)
        if bool(xp.any(sums == 0)):
            raise ValueError("normaliser='rows': a row of affinities sums to 0. Write normaliser='count'.")
        return omega / sums
    return _sinkhorn(omega)


def affinity_diffusion(
    affinity: Affinity, x: Array, z: Array, *, normaliser: str | None = "rows", block: int | None = None
) -> Array:
    """(L z)_i = (1 / C_i) sum_j omega(x_i, x_j) (z_j - z_i).

    Parameters
    ----------
    affinity : Affinity
    x : array, shape (..., M, C)
        Features.
    z : array, shape (..., M, K)
        What diffuses: K channels at the M points; leading axes broadcast with those of x.
    normaliser : {"rows", "count", None, "sinkhorn"}
    block : int or None
        Rows of omega held at a time, for all normalisers but "sinkhorn"; None holds all of them.

    Returns
    -------
    array, shape (..., M, K)

    Notes
    -----
    Constants are mapped to 0 up to rounding, for each sign and symmetry of omega. Work O(M^2 (C + K)), memory
    O(M min(M, block)). Gradients pass to x, z and the parameters of the affinity, and are finite where points coincide.

    Raises
    ------
    ValueError
        For an unknown normaliser, shapes that do not fit, and "sinkhorn" with a block.
    """
    _check_normaliser(normaliser)
    if x.shape[-2] != z.shape[-2]:
        raise ValueError(
            f"affinity_diffusion: features of {x.shape[-2]} points and {z.shape[-2]} values. "
            "Give x of shape (..., M, C) and z of shape (..., M, K)."
        )
    if block is not None and normaliser == "sinkhorn":
        raise ValueError("normaliser='sinkhorn' needs all affinities at once. Leave block out, or write 'rows'.")
    if not affinity.symmetric and normaliser == "sinkhorn":
        raise ValueError("normaliser='sinkhorn' needs a symmetric affinity. Leave phi out, or write normaliser='rows'.")
    size = x.shape[-2]
    step = size if block is None else block
    # The embeddings are computed once: a point must coincide with itself to the bit whatever the block.
    pairs, bare = affinity.embedded(x, x), replace(affinity, theta=None, phi=None)
    parts = [_rows_applied(bare, *pairs, z, normaliser, slice(a, min(a + step, size))) for a in range(0, size, step)]
    return parts[0] if len(parts) == 1 else namespace(z).concat(parts, axis=-2)


def _rows_applied(affinity: Affinity, t: Array, p: Array, z: Array, normaliser: str | None, rows: slice) -> Array:
    """Rows of the diffusion by an affinity without embeddings, of features that are embedded already."""
    xp, t_rows, z_rows = namespace(t, z), t[..., rows, :], z[..., rows, :]
    weights = _softmax(affinity.logarithm(t_rows, p)) if normaliser == "rows" else None
    if weights is None:
        weights = normalised(affinity(t_rows, p), normaliser)
    return xp.matmul(weights, z) - xp.sum(weights, axis=-1, keepdims=True) * z_rows


def _softmax(logarithm: Array | None) -> Array | None:
    if logarithm is None:
        return None
    xp = namespace(logarithm)
    values = xp.exp(logarithm - xp.max(logarithm, axis=-1, keepdims=True))
    return values / xp.sum(values, axis=-1, keepdims=True)


def _sinkhorn(omega: Array) -> Array:
    xp = namespace(omega)
    if bool(xp.any(omega < 0)):
        raise ValueError("normaliser='sinkhorn': affinities must be >= 0. Write a Gaussian or a power affinity.")
    tolerance = 1e-12 if float(xp.finfo(omega.dtype).eps) < 1e-10 else 1e-5
    c = 1.0 / xp.sqrt(xp.sum(omega, axis=-1))
    for _ in range(_SINKHORN_SWEEPS):
        sums = c * xp.matmul(omega, c[..., None])[..., 0]
        if as_float(xp.max(xp.abs(sums - 1.0))) <= tolerance:
            break
        c = c / xp.sqrt(sums)
    return c[..., :, None] * omega * c[..., None, :]


def _projected(x: Array, matrix: Array | None) -> Array:
    return x if matrix is None else namespace(x, matrix).matmul(x, namespace(matrix).permute_dims(matrix, (1, 0)))


def _times(factor: Any, values: Array) -> Array:
    """factor values, without a multiplication by the number 1."""
    return values if isinstance(factor, (int, float)) and factor == 1 else factor * values


def _dot(t: Array, p: Array) -> Array:
    return namespace(t, p).matmul(t, namespace(p).matrix_transpose(p))


def _check_normaliser(normaliser: str | None) -> None:
    if normaliser not in NORMALISERS:
        raise ValueError(
            f"normaliser={normaliser!r}: there are {', '.join(map(repr, NORMALISERS))}. Write one of them."
        )

"""Diffusion maps: the Laplace-Beltrami operator of a manifold in R^d from points on it, whatever their density.

Symbols: x_i points, p their density, k_ij = exp(-|x_i - x_j|^2 / (4 epsilon)), q_i = sum_j k_ij,
a_ij = k_ij / (q_i q_j)^alpha, d_i = sum_j a_ij, mu eigenvalues of P = D^-1 a, lambda = -log(mu) / epsilon.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import scipy.linalg
import scipy.sparse
from numpy.typing import NDArray
from scipy.sparse.linalg import eigsh
from scipy.spatial import cKDTree

from pide.operators.pair_matrices import between, pair_matrix, pair_values, row_sums, without_diagonal
from pide.operators.pairs import PairOperator
from pide.operators.structure import pair_claims
from pide.spaces.samples import Samples

__all__ = ["DiffusionMap"]

Floats = NDArray[np.float64]

_DENSE_BYTES = 1 << 30
_SPARSE_FILL = 1 / 8
"""Up to this part of all pairs the kernel is stored as a sparse matrix."""

_WHOLE = 1500
"""Up to this many points the whole matrix is diagonalised."""

_SEED = 0


@dataclass(frozen=True, eq=False, repr=False)
class DiffusionMap:
    """The Markov matrix P = D^-1 a of points on a manifold, with a_ij = k_ij / (q_i q_j)^alpha; its spectrum and flow.

    Parameters
    ----------
    points : array, shape (N, d), or a space with points
        Points of a manifold in R^d, any d >= 1.
    epsilon : float, unit length^2
        k_ij = exp(-|x_i - x_j|^2 / (4 epsilon)), so that (P - I) / epsilon tends to the Laplacian itself.
    alpha : float
        1 removes the density p of the points: the limit is the Laplace-Beltrami operator. 1/2 gives the Fokker-Planck
        operator with invariant density p, 0 the graph Laplacian, with invariant density p^2.
    tail : float
        Kernel values below it are left out, which changes no row sum by more than N tail.

    Notes
    -----
    The bias of eigenvalues is O(epsilon) on closed manifolds; at a boundary the limit has the Neumann condition.
    Sampling adds a random error, which grows without bound as epsilon falls below the squared spacing. Eigenvalues are
    lambda = -log(mu) / epsilon, because P is close to exp(epsilon Laplacian), not to I + epsilon Laplacian: on circle
    and sphere that is a smaller bias than (1 - mu) / epsilon. A dense matrix above 1 GiB is refused. Coincident points
    are allowed and count twice.

    Raises
    ------
    ValueError
        Points that are no (N, d) array or not finite, parameters out of range, a kernel that is dense and too large.

    References
    ----------
    Coifman, Lafon 2006.

    Examples
    --------
    >>> import numpy as np
    >>> angle = 2 * np.pi * np.arange(100) / 100
    >>> circle = DiffusionMap(np.stack([np.cos(angle), np.sin(angle)], axis=1), epsilon=0.01)
    >>> (circle.eigenvalues(4).round(2) + 0.0).tolist()
    [0.0, 1.01, 1.01, 4.04]
    """

    points: Any
    epsilon: float
    alpha: float = 1.0
    tail: float = 1e-14
    _spectra: dict[int, tuple[Floats, Floats]] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "points", Samples(getattr(self.points, "points", self.points)).points)
        for name, value, fits, example in (
            ("epsilon", self.epsilon, 0 < self.epsilon < math.inf, "a few squared spacings"),
            ("alpha", self.alpha, 0 <= self.alpha <= 1, "alpha=1.0"),
            ("tail", self.tail, 0 < self.tail < 1, "tail=1e-14"),
        ):
            if not fits:
                raise ValueError(f"DiffusionMap({name}={value}): out of range. Write {example}.")

    def __repr__(self) -> str:
        count, dimension = self.points.shape
        return f"DiffusionMap({count} points in R^{dimension}, epsilon={self.epsilon:g}, alpha={self.alpha:g})"

    @property
    def reach(self) -> float:
        """(4 epsilon log(1 / tail))^(1/2): points farther apart do not interact."""
        return math.sqrt(4 * self.epsilon * math.log(1 / self.tail))

    @cached_property
    def kernel(self) -> Any:
        """a_ij with its diagonal: array (N, N), or CSR matrix where few pairs are in reach."""
        k = self._gaussian
        c = row_sums(k) ** -self.alpha
        return between(c, k, c)

    @cached_property
    def degrees(self) -> Floats:
        """d_i = sum_j a_ij, in which P is self-adjoint."""
        return row_sums(self.kernel)

    @cached_property
    def space(self) -> Samples:
        """The points with masses d_i / mean(d)."""
        return Samples(self.points, self.degrees / self.degrees.mean())

    @cached_property
    def operator(self) -> PairOperator:
        """L = (P - I) / epsilon, close to the Laplacian of the manifold and <= 0, with all claims of a diffusion."""
        flux = self.kernel / (self.epsilon * self.degrees.mean())
        rates = without_diagonal(flux, self.space.masses)
        how = "sparse" if scipy.sparse.issparse(rates) else "dense"
        notes = (
            f"diffusion map: epsilon {self.epsilon:g}, alpha {self.alpha:g}",
            f"engine: {how}, kernel values below {self.tail:g} left out",
        )
        return PairOperator(self.space, rates, np.zeros(len(self.points)), pair_claims(True, True, False), None, notes)

    def eigenvalues(self, count: int) -> Floats:
        """The `count` smallest lambda = -log(mu) / epsilon, beginning with 0; those of minus the Laplacian."""
        return self._spectrum(count)[0]

    def modes(self, count: int) -> Floats:
        """Eigenfunctions of the eigenvalues, shape (count, N), with mean square 1 in the masses of the space."""
        return self._spectrum(count)[1]

    def coordinates(self, count: int, time: float = 0.0) -> Floats:
        """The diffusion map x_i -> (e^(-lambda_k t) phi_k(x_i))_k, k = 1 .. count, shape (N, count).

        Euclidean distances of the images are, for all modes, the distances in L^2 of the densities at time t of
        diffusions that started at the points.
        """
        values, modes = self._spectrum(count + 1)
        return np.asarray((np.exp(-values * time)[:, None] * modes)[1:].T.copy())

    def volumes(self, dimension: int) -> Floats:
        """(4 pi epsilon)^(n/2) d_i, the volume of the manifold that x_i stands for, for alpha = 1; shape (N,).

        Raises
        ------
        ValueError
            For other alpha: their degrees still contain the density.
        """
        if self.alpha != 1:
            raise ValueError(f"volumes with alpha={self.alpha:g}: d_i contains the density. Write alpha=1.0.")
        return np.asarray((4 * math.pi * self.epsilon) ** (dimension / 2) * self.degrees)

    @cached_property
    def _gaussian(self) -> Any:
        """k_ij, dense or sparse."""
        points, count = self.points, len(self.points)
        tree = cKDTree(points)
        if tree.count_neighbors(tree, self.reach) <= _SPARSE_FILL * count**2:
            near = tree.query_pairs(self.reach, output_type="ndarray")
            i, j = near.T.astype(np.int64)
            squares = pair_values(lambda x, y: ((x - y) ** 2).sum(-1), points, i, j)
            return pair_matrix(np.exp(-squares / (4 * self.epsilon)), i, j, np.ones(count))
        if 8 * count**2 > _DENSE_BYTES:
            raise ValueError(
                f"DiffusionMap of {count} points: most of them are within reach {self.reach:.3g} of one another, and "
                "the dense kernel would exceed 1 GiB. Take a smaller epsilon, a larger tail, or fewer points."
            )
        squares = np.zeros((count, count))
        for column in points.T:
            squares += (column[:, None] - column[None, :]) ** 2
        return np.exp(-squares / (4 * self.epsilon))

    def _spectrum(self, count: int) -> tuple[Floats, Floats]:
        """lambda and modes."""
        size = len(self.points)
        if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= size:
            raise ValueError(f"count={count!r} of {size} points: needs an integer from 1 to {size}. Write count=6.")
        if count not in self._spectra:
            mu, vectors = self._diagonalised(count)
            floor = size * np.finfo(np.float64).eps + self.tail
            if mu[-1] <= floor:
                raise ValueError(
                    f"eigenvalue {count} of P is {mu[-1]:.1e}, below its rounding {floor:.1e}: its logarithm is noise. "
                    "Write a smaller count, or a smaller epsilon."
                )
            modes = (vectors / np.sqrt(self.degrees / self.degrees.mean())[:, None]).T * math.sqrt(size)
            largest = np.take_along_axis(modes, np.abs(modes).argmax(axis=1)[:, None], axis=1)
            self._spectra[count] = -np.log(np.minimum(mu, 1.0)) / self.epsilon, modes * np.sign(largest)
        return self._spectra[count]

    def _diagonalised(self, count: int) -> tuple[Floats, Floats]:
        """The largest eigenvalues of D^-1/2 a D^-1/2, descending, with vectors in columns."""
        size = len(self.points)
        c = self.degrees**-0.5
        S = between(c, self.kernel, c)
        if size <= max(_WHOLE, 4 * count):
            dense = S if isinstance(S, np.ndarray) else S.toarray()
            mu, vectors = scipy.linalg.eigh(dense, subset_by_index=[size - count, size - 1])
        else:
            start = np.random.default_rng(_SEED).standard_normal(size)
            mu, vectors = eigsh(S, k=count, which="LA", v0=start)
        order = np.argsort(-mu)
        return mu[order], vectors[:, order]

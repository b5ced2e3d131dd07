"""Powers of the Laplacian of a box in its sine or cosine eigenfunctions: A v = B mu^s B^{-1} v."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pide.arrays import Array, device_key, is_numpy, like, namespace, to_host
from pide.continuum.domains import Box, Interval
from pide.continuum.exterior import Exterior, Reflecting, Zero
from pide.operators.base import Operator
from pide.operators.diagonalisation import Basis, Diagonalisation, from_modes, to_modes
from pide.operators.structure import structural_claims
from pide.operators.torus import power
from pide.spaces.grid import Grid

__all__ = ["SineCosineMultiplier", "spectral_power_operator"]

_ALIGNED = 1e-9
"""Nodes count as cell centres or interior nodes when they are off by less than this fraction of h."""


@dataclass(frozen=True, eq=False, repr=False)
class SineCosineMultiplier(Operator):
    """A v = B lambda B^{-1} v, B the sines or cosines of a box.

    Parameters
    ----------
    space : Grid on a box
    multiplier : array, shape space.shape, unit 1/time
        lambda, real; torch tensors keep their gradients.
    basis : {"sine", "half_sine", "cosine"}

    Notes
    -----
    Exact on every eigenvector. Cost: one pair of transforms.
    """

    space: Grid
    multiplier: Array
    basis: Basis
    claims: frozenset[str]
    notes: tuple[str, ...] = ()
    load: Array | None = None
    _cache: dict[Any, Array] = field(default_factory=dict, init=False, repr=False)

    def apply(self, u: Array) -> Array:
        return from_modes(to_modes(u, self.space, self.basis) * self._multiplier_like(u), self.space, self.basis)

    def spectral_bound(self) -> float:
        return float(np.abs(to_host(self.multiplier)).max()) * (1 + 4 * np.finfo(np.float64).eps)

    def rate_bound(self) -> float:
        """max_i A_ii: where rates are >= 0, this is max_i (d_i + kappa_i)."""
        return float(self.diagonal().max()) * (1 + 4 * np.finfo(np.float64).eps * self.space.size)

    def diagonal(self) -> NDArray[np.float64]:
        """A_ii = sum_k lambda_k prod_a e_{k_a}(i_a)^2, axis by axis."""
        total = to_host(self.multiplier)
        for axis, count in enumerate(self.space.shape):
            squares = _eigenvectors(count, self.basis) ** 2
            total = np.moveaxis(np.tensordot(squares, total, axes=(1, axis)), 0, axis)
        return np.asarray(total)

    def rows(self, numbers: NDArray[np.intp]) -> NDArray[np.float64]:
        """Rows i of the matrix, sum_k lambda_k e_k(i) e_k(j) by products of eigenvectors; shape (rows, N).

        The entries, without a fast transform: they are what the transforms are compared with.
        """
        vectors = [_eigenvectors(count, self.basis) for count in self.space.shape]
        values, found = to_host(self.multiplier), []
        for number in numbers:
            row = values
            for axis, (E, i) in enumerate(zip(vectors, np.unravel_index(number, self.space.shape), strict=True)):
                row = np.moveaxis(np.tensordot(E * E[i], row, axes=(1, axis)), 0, axis)
            found.append(row.ravel())
        return np.asarray(found)

    @cached_property
    def killing(self) -> NDArray[np.float64]:
        """kappa = A 1, what the boundary takes; 0 where constants are eigenvectors of 0."""
        if "kills_constants" in self.claims:
            return np.zeros(self.space.shape)
        return np.asarray(replace(self, multiplier=to_host(self.multiplier)).apply(np.ones(self.space.shape)))

    @property
    def degree(self) -> NDArray[np.float64]:
        """d = A_ii - kappa_i, the sum of the rates of jumps to other nodes."""
        return self.diagonal() - self.killing

    def diagonalisation(self) -> Diagonalisation:
        return Diagonalisation(self.space, np.asarray(to_host(self.multiplier)), self.basis)

    def dirichlet_symbol(self) -> NDArray[np.float64] | None:
        return np.asarray(to_host(self.multiplier)) if self.basis == "sine" else None

    def cosine_symbol(self) -> NDArray[np.float64] | None:
        return np.asarray(to_host(self.multiplier)) if self.basis == "cosine" else None

    def _multiplier_like(self, u: Array) -> Array:
        if not is_numpy(self.multiplier):
            return namespace(self.multiplier, u).astype(self.multiplier, u.dtype)
        key = device_key(u)
        if key not in self._cache:
            self._cache[key] = like(self.multiplier, u)
        return self._cache[key]


def spectral_power_operator(
    s: Any, grid: Grid, exterior: Exterior, scheme: Literal["lattice", "fourier"]
) -> SineCosineMultiplier:
    """(-Delta_Omega)^s on a box, Dirichlet with `Zero`, Neumann with `Reflecting`.

    Raises
    ------
    ValueError
        For a domain that is no box, for `Value`, for interior nodes with `Reflecting`, and for shifted lattices.
    """
    basis = _basis(grid, exterior)
    parts = []
    for axis, (theta, h) in enumerate(zip(_angles(grid, basis), grid.spacing, strict=True)):
        mu = (2.0 * np.sin(theta / 2.0) / h) ** 2 if scheme == "lattice" else (theta / h) ** 2
        parts.append(mu.reshape(-1, *(1,) * (grid.dimension - 1 - axis)))
    eigenvalues = np.asarray(sum(parts))
    claims = structural_claims(exterior, +1)
    if scheme == "fourier":
        claims -= {"nonnegative_rates", "maximum_principle", "sub_markov", "markov"}
    condition = "zero" if isinstance(exterior, Zero) else "zero normal derivative"
    notes = (f"scheme: {scheme} power in the {basis} basis", f"condition: {condition} on the boundary", "engine: fft")
    return SineCosineMultiplier(grid, power(eigenvalues, s), basis, claims, notes)


def _basis(grid: Grid, exterior: Exterior) -> Basis:
    domain = grid.domain
    if not isinstance(domain, (Interval, Box)):
        raise ValueError(
            f"SpectralFractionalLaplacian on {type(domain).__name__}: its eigenfunctions are known on an interval, a "
            "box or a torus. Write FractionalLaplacian(s) for the integral operator on this domain."
        )
    if not isinstance(exterior, (Zero, Reflecting)):
        raise ValueError(
            f"SpectralFractionalLaplacian with exterior={type(exterior).__name__}: its condition is on the boundary. "
            "Write Zero() for v = 0 there, or Reflecting() for a normal derivative of 0."
        )
    centres, interior = _layout(grid, 0.5, 0), _layout(grid, 1.0, 1)
    if centres:
        return "half_sine" if isinstance(exterior, Zero) else "cosine"
    if interior and isinstance(exterior, Zero):
        return "sine"
    raise ValueError(
        "SpectralFractionalLaplacian: its eigenvectors are sampled at cell centres, or with Zero() at interior nodes. "
        "Write domain.grid(64), without origin=" + (", or exterior=Zero()." if interior else ".")
    )


def _layout(grid: Grid, first: float, excluded: int) -> bool:
    """Whether the nodes are a + (first + i) h with h = L / (N + excluded) on each axis."""
    return all(
        abs(lower - a - first * h) < _ALIGNED * h and abs(h * (count + excluded) - (b - a)) < _ALIGNED * (b - a)
        for (a, b), lower, h, count in zip(grid.domain.bounds, grid.lower, grid.spacing, grid.shape, strict=True)
    )


def _angles(grid: Grid, basis: Basis) -> list[NDArray[np.float64]]:
    """theta_k per axis: the eigenvectors turn by it from node to node."""
    return [_frequencies(count, basis) for count in grid.shape]


def _frequencies(count: int, basis: Basis) -> NDArray[np.float64]:
    k = np.arange(count) + (basis != "cosine")
    return np.asarray(math.pi * k / (count + (basis == "sine")))


def _eigenvectors(count: int, basis: Basis) -> NDArray[np.float64]:
    """Orthonormal eigenvectors, entry [i, k] at node i."""
    theta, i = _frequencies(count, basis), np.arange(count)[:, None]
    values = np.cos(theta * (i + 0.5)) if basis == "cosine" else np.sin(theta * (i + (1.0 if basis == "sine" else 0.5)))
    return np.asarray(values / np.linalg.norm(values, axis=0))

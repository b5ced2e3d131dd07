"""Honest affinities, blocks of stages and layers: what the checks of networks must pass, in NumPy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pide.arrays import Array
from pide.continuum.kernels import TruncatedFractional
from pide.continuum.operators import NonlocalDiffusion
from pide.operators.affinity import (
    EmbeddedAffinity,
    GaussianAffinity,
    LogAffinity,
    PowerAffinity,
    affinity_diffusion,
)
from pide.operators.graph import graph_laplacian
from pide.verification.adapters import as_subject
from pide.verification.affinities import AffinityMap, affinity_of, cloud_weights
from pide.verification.blocks import BlockMap, block_of
from pide.verification.honest import gaussian_weights, honest
from pide.verification.layers import LayerMap, Stage

__all__ = ["CHANNELS", "Diffusion", "embedding", "layer_of_diffusion", "star_graph"]

Field = NDArray[np.float64]
CHANNELS = 3


def embedding(seed: int) -> Field:
    """theta, shape (2, CHANNELS)."""
    return np.asarray(np.random.default_rng(seed).standard_normal((2, CHANNELS)) / 2)


@honest
def gaussian_affinity() -> AffinityMap:
    return affinity_of(GaussianAffinity(embedding(0), width=1.0), CHANNELS, "count")


@honest
def sinkhorn_affinity() -> AffinityMap:
    return affinity_of(GaussianAffinity(width=1.0), CHANNELS, "sinkhorn")


@honest
def power_affinity() -> AffinityMap:
    return affinity_of(PowerAffinity(exponent=3.0), CHANNELS)


@honest
def logarithm_affinity() -> AffinityMap:
    return affinity_of(LogAffinity(embedding(1)), CHANNELS)


@honest
def embedded_affinity() -> AffinityMap:
    return affinity_of(EmbeddedAffinity(embedding(2)), CHANNELS, "rows")


@honest
def symmetricembedding() -> AffinityMap:
    return affinity_of(EmbeddedAffinity(embedding(3)), CHANNELS, "count")


@honest
def cloud_rates() -> AffinityMap:
    return cloud_weights(NonlocalDiffusion(TruncatedFractional(s=0.5, horizon=2.0)), 2)


def star_graph(leaves: int = 8) -> Field:
    """Adjacency of a centre joined to its leaves."""
    W = np.zeros((leaves + 1, leaves + 1))
    W[0, 1:] = W[1:, 0] = 1.0
    return W


@honest
def restarted_block() -> BlockMap:
    """Two stages of the random walk D^-1 W - I on Gaussian weights."""
    return block_of(as_subject(graph_laplacian(gaussian_weights(), "random_walk")), 0.3, 2, "two stages, random walk")


@honest
def star_block() -> BlockMap:
    """Two stages on the star, whose largest eigenvalue 2 attains the bound."""
    return block_of(as_subject(graph_laplacian(star_graph(), "random_walk")), 0.4, 2, "two stages, star")


@honest
def three_stages() -> BlockMap:
    return block_of(as_subject(graph_laplacian(gaussian_weights())), 0.02, 3, "three stages, combinatorial")


@dataclass(frozen=True, eq=False)
class Diffusion:
    """y_i = x_i + (h / M) sum_j omega_ij W (x_j - x_i), omega_ij = exp(-|x_i - x_j|^2), with its derivatives by hand.

    Parameters
    ----------
    mixing : array, shape (C, C)
        W.
    step : float
        h.
    """

    mixing: Field
    step: float

    def __call__(self, x: Array) -> Array:
        """f(x) for x (B, C, M)."""
        return self.with_mixing(self.mixing, x)

    def with_mixing(self, W: Field, x: Array) -> Array:
        """f(x) with another W, of any shape with C^2 entries."""
        X = x.transpose(0, 2, 1)
        Z = X @ W.reshape(self.mixing.shape).T.astype(x.dtype)
        omega = self.affinity(X)
        flow = omega @ Z - omega.sum(-1, keepdims=True) * Z
        y: Array = (X + (self.step / X.shape[1]) * flow).transpose(0, 2, 1)
        return y.astype(x.dtype)

    def affinity(self, X: Array) -> Array:
        """omega for X (..., M, C)."""
        difference = X[..., :, None, :] - X[..., None, :, :]
        return np.exp(-(difference * difference).sum(-1))

    def pullback(self, x: Array, g: Array) -> Array:
        """J(x)^T g: the identity, the values z = W x, and the affinity."""
        gradient, _ = self._gradients(x, g)
        return gradient.transpose(0, 2, 1).astype(x.dtype)

    def mixing_pullback(self, x: Array, g: Array) -> Array:
        """The gradient with respect to W, in a row."""
        _, gradient = self._gradients(x, g)
        return gradient.ravel()

    def stage(self, x: Field) -> Stage:
        """The layer at the affinity of one sample x (C, M): omega is symmetric, so that d = 1."""
        omega = self.affinity(x.T)
        generator = (self.step / omega.shape[0]) * (omega - np.diag(omega.sum(-1)))
        return Stage(generator, self.mixing, np.ones(omega.shape[0]), lambda Z: Z + generator @ (Z @ self.mixing.T))

    def reference(self, x: Array) -> Array:
        """The layer by `affinity_diffusion`."""
        X = x.transpose(0, 2, 1)
        Z = X @ self.mixing.T.astype(x.dtype)
        flow = affinity_diffusion(GaussianAffinity(width=1.0), X, Z, normaliser="count")
        y: Array = (X + self.step * flow).transpose(0, 2, 1)
        return y

    def _gradients(self, x: Array, g: Array) -> tuple[Array, Array]:
        X, G = x.transpose(0, 2, 1), g.transpose(0, 2, 1)
        Z, omega, c = X @ self.mixing.T, self.affinity(X), self.step / X.shape[1]
        GZ = c * (omega.transpose(0, 2, 1) @ G - omega.sum(-1, keepdims=True) * G)
        S = c * omega * (G @ Z.transpose(0, 2, 1) - (G * Z).sum(-1, keepdims=True))
        S = -2 * (S + S.transpose(0, 2, 1))
        affine = S.sum(-1, keepdims=True) * X - S @ X
        return G + GZ @ self.mixing + affine, np.einsum("bmi,bmj->ij", GZ, X)


def layer_of_diffusion(f: Any, name: str, shape: tuple[int, ...]) -> LayerMap:
    """A `Diffusion` as a subject that exposes everything."""
    return LayerMap(
        name,
        f,
        shape,
        frozenset({"layer_equivariant", "layer_non_expansive"}),
        f.reference,
        f.pullback,
        f.mixing.ravel(),
        f.with_mixing,
        f.mixing_pullback,
        f.stage,
    )


@honest
def diffusion_layer() -> LayerMap:
    rotation = np.random.default_rng(8).standard_normal((CHANNELS, CHANNELS)) / 4
    mixing = np.eye(CHANNELS) + rotation - rotation.T
    return layer_of_diffusion(Diffusion(mixing, 0.8), "diffusion layer", (CHANNELS, 10))

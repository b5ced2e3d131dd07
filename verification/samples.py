"""Seeded draws of fields: the same seed, subject and claim give the same samples on every machine."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Draws", "Sample", "extreme_vector"]

Field = NDArray[np.float64]
_BASIS = 1 << 23
"""Largest number of values of the Lanczos basis, 64 MB."""


@dataclass(frozen=True, eq=False)
class Sample:
    """A field with the name it has in a report; float64 values that the tested dtype represents exactly."""

    label: str
    values: Field


def gaussian(rng: np.random.Generator, inside: NDArray[np.bool_]) -> Field:
    return rng.standard_normal(inside.shape)


def smooth(rng: np.random.Generator, inside: NDArray[np.bool_]) -> Field:
    phase = rng.uniform(0, 2 * np.pi)
    for axis, length in enumerate(inside.shape):
        shape = [1] * inside.ndim
        shape[axis] = length
        phase = phase + 2 * np.pi * rng.integers(0, 3) * np.arange(length).reshape(shape) / length
    return np.broadcast_to(np.cos(phase), inside.shape).copy()


def spike(rng: np.random.Generator, inside: NDArray[np.bool_]) -> Field:
    v = np.zeros(inside.shape)
    v[tuple(rng.choice(np.argwhere(inside)))] = rng.choice((-1.0, 1.0))
    return v


def far_spikes(rng: np.random.Generator, inside: NDArray[np.bool_]) -> Field:
    v = np.zeros(inside.shape)
    nodes = np.argwhere(inside)
    v[tuple(nodes[0])] = 1.0
    v[tuple(nodes[-1])] = rng.uniform(0.5, 1.0)
    return v


def alternating(rng: np.random.Generator, inside: NDArray[np.bool_]) -> Field:
    return np.where(np.indices(inside.shape).sum(0) % 2 == 0, 1.0, -1.0) * rng.uniform(0.5, 1.0)


def positive(rng: np.random.Generator, inside: NDArray[np.bool_]) -> Field:
    return rng.uniform(0.5, 1.5, inside.shape)


SHAPES: tuple[Callable[[np.random.Generator, NDArray[np.bool_]], Field], ...] = (
    gaussian, smooth, spike, positive, alternating, far_spikes,
)  # fmt: skip


@dataclass(frozen=True)
class Draws:
    """A reproducible source of samples.

    Parameters
    ----------
    seed : int
    samples : int
        Draws per check.
    dtype : str
        "float64" or "float32", the dtype in which the subject is applied.
    """

    seed: int = 0
    samples: int = 20
    dtype: str = "float64"

    def generator(self, salt: str) -> np.random.Generator:
        """Generator for one check, independent of the order in which checks run."""
        return np.random.default_rng([self.seed, zlib.crc32(salt.encode())])

    def round(self, values: Field) -> Field:
        """`values` rounded to the tested dtype, as float64."""
        return np.asarray(values.astype(self.dtype), dtype=np.float64)

    def fields(self, inside: NDArray[np.bool_], salt: str, start: int = 0) -> Iterator[Sample]:
        """`samples` fields that vanish outside the domain, cycling through six shapes and scales 2^-8 .. 2^8."""
        rng = self.generator(salt)
        for k in range(start, start + self.samples):
            shape = SHAPES[k % len(SHAPES)]
            values = np.where(inside, shape(rng, inside) * 2.0 ** rng.integers(-8, 9), 0.0)
            yield Sample(f"{shape.__name__} {k}", self.round(values))

    def gaussians(self, inside: NDArray[np.bool_], salt: str) -> Iterator[Sample]:
        """`samples` fields of independent standard normal values."""
        rng = self.generator(salt)
        for k in range(self.samples):
            yield Sample(f"gaussian {k}", self.round(np.where(inside, gaussian(rng, inside), 0.0)))

    def pairs(self, inside: NDArray[np.bool_], salt: str) -> Iterator[tuple[Sample, Sample]]:
        """Pairs (u, v) of different shapes, scales and draws."""
        return zip(self.fields(inside, salt), self.fields(inside, salt + "'", start=3), strict=True)


def extreme_vector(
    apply: Callable[[Field], Field], masses: Field, rng: np.random.Generator, steps: int = 40
) -> Field:
    """Ritz vector of the eigenvalue of largest modulus, by Lanczos in the inner product of `masses`.

    The result is a probe, not a proof: it is close to the eigenvector that a step above 2/lambda_max amplifies.
    """
    inside = masses > 0
    root = np.sqrt(masses[inside])

    def scaled(x: Field) -> Field:
        field = np.zeros(masses.shape)
        field[inside] = x / root
        return apply(field)[inside] * root

    steps = min(steps, root.size, max(10, _BASIS // root.size))
    basis = np.zeros((steps, root.size))
    images = np.zeros((steps, root.size))
    q = rng.standard_normal(root.size)
    count = 0
    for k in range(steps):
        for _ in range(2):
            q = q - basis[:k].T @ (basis[:k] @ q)
        size = np.linalg.norm(q)
        if size < 1e-12 * max(1.0, float(np.abs(images).max(initial=0.0))):
            break
        basis[k] = q / size
        images[k] = scaled(basis[k])
        q, count = images[k].copy(), k + 1
    projected = basis[:count] @ images[:count].T
    values, vectors = np.linalg.eigh((projected + projected.T) / 2)
    top = vectors[:, int(np.argmax(np.abs(values)))] @ basis[:count]
    field = np.zeros(masses.shape)
    field[inside] = top / root
    return np.asarray(field / np.abs(field).max())

"""Layers as subjects: maps of features (B, C, *positions), with the gradients and the frozen stage that they expose.

Symbols: M positions, C channels, L the generator of a stage with its affinity frozen, W its mixing of channels, d the
weights in which L is self-adjoint.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from pide.arrays import Array
from pide.verification.claim import NotCheckableError, SubjectError
from pide.verification.subject import call

__all__ = ["LAYER_STATEMENTS", "LayerMap", "Stage"]

Field = NDArray[np.float64]
LAYER_STATEMENTS = frozenset({"layer_equivariant", "layer_non_expansive"})
"""Checks that apply only to layers that state them; the others are asked of every layer."""


@dataclass(frozen=True, eq=False)
class Stage:
    """Z -> Z + (L (x) W) Z at a frozen affinity, Z of shape (M, C).

    Parameters
    ----------
    generator : array, shape (M, M)
        L, the step included.
    mixing : array, shape (C, C)
        W: (L (x) W) Z = L Z W^T.
    weights : array, shape (M,)
        d > 0 with d_i L_ij = d_j L_ji.
    advance : callable, optional
        The stage as the layer computes it.
    """

    generator: Field
    mixing: Field
    weights: Field
    advance: Callable[[Field], Field] | None = None


@dataclass(frozen=True, eq=False)
class LayerMap:
    """x -> f(x) on features, in the dtype of x.

    Parameters
    ----------
    name : str
    apply : callable
        (B, C, *positions) to an array of the same leading axis.
    shape : tuple of int
        (C, *positions) of one sample.
    states : frozenset of str
        Checks of `LAYER_STATEMENTS` that the layer makes a statement of.
    reference : callable, optional
        The same map by pide's operators.
    pullback : callable (x, g) -> array, optional
        J(x)^T g with respect to the features.
    parameters : array, shape (P,), optional
        All parameters in a row.
    parametrised : callable (parameters, x) -> f(x), optional
    parameter_pullback : callable (x, g) -> array (P,), optional
    stage : callable x -> Stage, optional
        For one sample x of shape (C, *positions): a stage of the layer at the affinity of x.
    longest_sum : int, optional
        Terms of the longest sum in f; (C + 1) (M + 1) when None, more than layers of this kind have.
    description : str
    """

    kind: ClassVar[str] = "layer"

    name: str
    apply: Callable[[Array], Array]
    shape: tuple[int, ...]
    states: frozenset[str] = frozenset()
    reference: Callable[[Array], Array] | None = None
    pullback: Callable[[Array, Array], Array] | None = None
    parameters: Field | None = None
    parametrised: Callable[[Field, Array], Array] | None = None
    parameter_pullback: Callable[[Array, Array], Array] | None = None
    stage: Callable[[Field], Stage] | None = None
    longest_sum: int | None = None
    description: str = ""

    def __post_init__(self) -> None:
        unknown = sorted(self.states - LAYER_STATEMENTS)
        if unknown:
            known = ", ".join(sorted(LAYER_STATEMENTS))
            raise ValueError(f"LayerMap(states={unknown}): no such statements. Choose from {known}.")
        if len(self.shape) < 2:
            raise ValueError(f"LayerMap(shape={self.shape}): needs channels and positions. Write shape=(C, M).")

    @property
    def claims(self) -> frozenset[str]:
        """None of the vocabulary of operators."""
        return frozenset()

    @property
    def positions(self) -> int:
        """M."""
        return int(np.prod(self.shape[1:]))

    @property
    def terms(self) -> int:
        """Terms of the longest sum."""
        return (self.shape[0] + 1) * (self.positions + 1) if self.longest_sum is None else self.longest_sum

    def evaluate(self, x: Field, dtype: str, f: Callable[[Array], Array] | None = None) -> Field:
        """fl(f(x)) in `dtype`, as float64.

        Raises
        ------
        SubjectError
            When f raises, loses a sample, or returns a complex or non-finite value.
        """
        y = call(self.apply if f is None else f, x.astype(dtype))
        if y.ndim == 0 or y.shape[0] != x.shape[0]:
            raise SubjectError(f"returned shape {y.shape} for {x.shape[0]} samples")
        if not np.isrealobj(y):
            raise SubjectError(f"returned dtype {y.dtype}, needed a real one")
        if not np.all(np.isfinite(y)):
            raise SubjectError(f"returned {int(np.count_nonzero(~np.isfinite(y)))} NaN or infinite values")
        return np.asarray(y, dtype=np.float64)

    def need(self, attribute: str) -> object:
        """The attribute, or NotCheckableError with the words of what is missing."""
        value = getattr(self, attribute)
        if value is None:
            raise NotCheckableError(f"the layer exposes no {attribute.replace('_', ' ')}")
        return value

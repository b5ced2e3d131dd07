"""Parametrisations that keep a claim through training: whatever the optimiser does to `raw`, the value has it.

Each is a module `raw -> value` with `right_inverse: value -> raw`, so that it works alone and with
`torch.nn.utils.parametrize.register_parametrization`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pide.operators.affinity import normalised

__all__ = [
    "Bounded",
    "DoublyStochastic",
    "NonexpansiveMixing",
    "Positive",
    "RowStochastic",
    "Semidefinite",
    "Symmetric",
]


class Positive(nn.Module):
    """value = log(1 + e^raw) > 0."""

    def forward(self, raw: Tensor) -> Tensor:
        return nn.functional.softplus(raw)

    def right_inverse(self, value: Tensor) -> Tensor:
        if not bool((value > 0).all()):
            raise ValueError("Positive: some value is not positive. Start from positive values.")
        return value + torch.log(-torch.expm1(-value))


class Bounded(nn.Module):
    """lower < value = lower + (upper - lower) / (1 + e^-raw) < upper.

    Parameters
    ----------
    lower, upper : float
    """

    def __init__(self, lower: float, upper: float) -> None:
        super().__init__()
        if not lower < upper:
            raise ValueError(f"Bounded({lower:g}, {upper:g}): needs lower < upper. Exchange the two.")
        self.lower, self.upper = lower, upper

    def forward(self, raw: Tensor) -> Tensor:
        return self.lower + (self.upper - self.lower) * torch.sigmoid(raw)

    def right_inverse(self, value: Tensor) -> Tensor:
        if not bool(((value > self.lower) & (value < self.upper)).all()):
            raise ValueError(
                f"Bounded({self.lower:g}, {self.upper:g}): some value lies outside. Start strictly between the two."
            )
        return torch.logit((value - self.lower) / (self.upper - self.lower))

    def extra_repr(self) -> str:
        return f"{self.lower:g} < value < {self.upper:g}"


class Symmetric(nn.Module):
    """value = (raw + raw^T) / 2, equal to its transpose bit for bit."""

    def forward(self, raw: Tensor) -> Tensor:
        return (raw + raw.mT) / 2

    def right_inverse(self, value: Tensor) -> Tensor:
        return value


class Semidefinite(nn.Module):
    """value = raw raw^T: symmetric with eigenvalues >= 0 up to rounding."""

    def forward(self, raw: Tensor) -> Tensor:
        return raw @ raw.mT

    def right_inverse(self, value: Tensor) -> Tensor:
        eigenvalues, vectors = torch.linalg.eigh(value)
        rounding = value.shape[-1] * torch.finfo(value.dtype).eps * eigenvalues.abs().amax()
        if bool((eigenvalues < -rounding).any()):
            raise ValueError("Semidefinite: a negative eigenvalue. Start from a matrix with eigenvalues >= 0.")
        root: Tensor = vectors * eigenvalues.clamp_min(0).sqrt()
        return root


class RowStochastic(nn.Module):
    """value_ij = e^raw_ij / sum_k e^raw_ik: entries > 0, rows sum to 1: a Markov matrix."""

    def forward(self, raw: Tensor) -> Tensor:
        return torch.softmax(raw, dim=-1)

    def right_inverse(self, value: Tensor) -> Tensor:
        if not bool((value > 0).all()):
            raise ValueError("RowStochastic: some entry is not positive. Start from positive entries.")
        return value.log()


class DoublyStochastic(nn.Module):
    """value = c_i e^{(raw_ij + raw_ji) / 2} c_j: symmetric, entries > 0, rows and columns sum to 1.

    Notes
    -----
    Symmetric Sinkhorn scaling of `pide.operators.affinity.normalised`; rows sum to 1 to 1e-12 in float64, 1e-5 in
    float32, unless 200 sweeps do not reach it. Gradients pass through the sweeps.
    """

    def forward(self, raw: Tensor) -> Tensor:
        symmetric = (raw + raw.mT) / 2
        value: Tensor = normalised(torch.exp(symmetric - symmetric.detach().amax()), "sinkhorn")
        return value

    def right_inverse(self, value: Tensor) -> Tensor:
        if not bool((value > 0).all()):
            raise ValueError("DoublyStochastic: some entry is not positive. Start from positive entries.")
        return value.log()


class NonexpansiveMixing(nn.Module):
    """value = W = (1 - Q) / a with Q = raw / max(1, |raw|_2), so that W + W^T - a W^T W is positive semidefinite.

    Parameters
    ----------
    largest : float
        a >= the largest eigenvalue of -L: 1 for a positive semidefinite Markov kernel minus 1, 2 for any Markov kernel.

    Notes
    -----
    A stage Z + (L x W) Z with L <= 0 self-adjoint does not expand the norm of L if and only if |1 - mu W|_2 <= 1 for
    every eigenvalue mu of -L; the norm is convex in mu, so 0 and a suffice, and 1 - a W = Q.
    """

    def __init__(self, largest: float = 2.0) -> None:
        super().__init__()
        if not largest > 0:
            raise ValueError(f"NonexpansiveMixing(largest={largest:g}): needs a positive number. Write largest=2.0.")
        self.largest = largest

    def forward(self, raw: Tensor) -> Tensor:
        q = raw / torch.linalg.matrix_norm(raw, 2).clamp_min(1.0)
        mixing: Tensor = (torch.eye(raw.shape[-1], dtype=raw.dtype, device=raw.device) - q) / self.largest
        return mixing

    def right_inverse(self, value: Tensor) -> Tensor:
        q: Tensor = torch.eye(value.shape[-1], dtype=value.dtype, device=value.device) - self.largest * value
        rounding = 1 + 8 * value.shape[-1] * torch.finfo(value.dtype).eps
        if float(torch.linalg.matrix_norm(q.detach(), 2)) > rounding:
            raise ValueError(
                f"NonexpansiveMixing: |1 - {self.largest:g} W|_2 > 1, so W expands some feature. "
                f"Start from W = {0.5 / self.largest:g} times the identity."
            )
        return q

    def extra_repr(self) -> str:
        return f"|1 - {self.largest:g} W|_2 <= 1"

"""Convolutions and batch normalisations by dimension of the feature map, and their first weights."""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor, nn

__all__ = [
    "CONVOLUTIONS",
    "NORMS",
    "Norm",
    "Pointwise",
    "batch_norm",
    "check_dimension",
    "he_truncated_",
    "pointwise",
]

Pointwise = nn.Conv1d | nn.Conv2d | nn.Conv3d
Norm = nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d

CONVOLUTIONS: dict[int, Any] = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
NORMS: dict[int, Any] = {1: nn.BatchNorm1d, 2: nn.BatchNorm2d, 3: nn.BatchNorm3d}

_TRUNCATED_DEVIATION = 0.87962566103423978
"""Standard deviation of the standard normal cut at -2 and 2."""


def pointwise(dimension: int, inputs: int, outputs: int, bias: bool = True) -> Pointwise:
    """Convolution of size 1 with truncated He normal weights and bias 0."""
    layer: Pointwise = CONVOLUTIONS[dimension](inputs, outputs, 1, bias=bias)
    he_truncated_(layer.weight, inputs)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def he_truncated_(weight: Tensor, fan_in: int) -> Tensor:
    """Normal of variance 2 / fan_in, cut at two standard deviations and rescaled to keep it (He et al. 2015)."""
    deviation = math.sqrt(2.0 / fan_in) / _TRUNCATED_DEVIATION
    return nn.init.trunc_normal_(weight, std=deviation, a=-2.0 * deviation, b=2.0 * deviation)


def batch_norm(dimension: int, channels: int) -> Norm:
    """Batch normalisation with eps 1e-3 and weight 0.01 of the new batch (0.99 of the old, Bohn et al. 2021)."""
    norm: Norm = NORMS[dimension](channels, eps=1e-3, momentum=0.01)
    return norm


def check_dimension(owner: str, dimension: int) -> None:
    """Refuse dimensions other than 1, 2 and 3.

    Raises
    ------
    ValueError
    """
    if dimension not in CONVOLUTIONS:
        raise ValueError(f"{owner}(dimension={dimension}): maps have 1, 2 or 3 axes. Write dimension=2 for images.")

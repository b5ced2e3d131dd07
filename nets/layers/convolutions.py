"""Convolutions and batch normalisations by dimension of the feature map."""

from __future__ import annotations

from typing import Any

from torch import nn

__all__ = ["CONVOLUTIONS", "NORMS", "check_dimension"]

CONVOLUTIONS: dict[int, Any] = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
NORMS: dict[int, Any] = {1: nn.BatchNorm1d, 2: nn.BatchNorm2d, 3: nn.BatchNorm3d}


def check_dimension(name: str, dimension: int) -> None:
    """Refuse a dimension that has no convolution."""
    if dimension not in CONVOLUTIONS:
        raise ValueError(f"{name}(dimension={dimension}): feature maps have 1, 2 or 3. Write dimension=2 for images.")

"""Effective receptive field: how much each input pixel moves the features at the centre (Luo et al. 2016)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pide.nets.analysis.features import inputs_of

__all__ = ["ReceptiveField", "effective_receptive_field"]


@dataclass(frozen=True, eq=False)
class ReceptiveField:
    """Sensitivity of the features at the centre to every pixel.

    Parameters
    ----------
    sensitivity : array, shape (H, W)
        Mean over samples and sum over channels of |dF_c / dX|, divided by its sum.
    """

    sensitivity: NDArray[np.float64]

    @property
    def radius(self) -> float:
        """Root of the second moment about its own centre of mass, in pixels; sqrt(2) sigma for a Gaussian."""
        i, j = np.indices(self.sensitivity.shape)
        weights = self.sensitivity
        di, dj = i - float((weights * i).sum()), j - float((weights * j).sum())
        return float(np.sqrt((weights * (di**2 + dj**2)).sum()))

    @property
    def reach(self) -> float:
        """Part of the pixels with a sensitivity above 0: what can reach the centre at all."""
        return float(np.mean(self.sensitivity > 0))


def effective_receptive_field(net: nn.Module, inputs: Tensor, layer: str = "") -> ReceptiveField:
    """|d F(X)_centre / d X| of the features F that a layer gets, averaged over inputs.

    Parameters
    ----------
    net : nn.Module
        In evaluation mode while it is looked at.
    inputs : tensor, shape (B, C, H, W)
        Of the data, or noise.
    layer : str
        Name of the module whose input is F, as in `net.named_modules()`; empty for `head`.

    Notes
    -----
    F at the centre is weighted by fixed random signs over channels, seed 0, one for each sample, so that channels do
    not cancel by accident the same way everywhere. One forward and one backward pass.

    Raises
    ------
    ValueError
        If there is no such layer, or what it gets is not a map of features.

    References
    ----------
    Luo, Li, Urtasun, Zemel 2016.
    """
    name = layer or "head"
    x = inputs.detach().requires_grad_()
    with torch.enable_grad():
        f = inputs_of(net, [name], x)[name]
        if f.ndim != 4:
            raise ValueError(
                f"the input of {name!r} has shape {tuple(f.shape)}: needed are maps (B, C, H, W). "
                "Write the name of a layer before the pooling."
            )
        centre = f[:, :, f.shape[2] // 2, f.shape[3] // 2]
        generator = torch.Generator().manual_seed(0)
        signs = torch.randint(0, 2, centre.shape, generator=generator).to(centre) * 2 - 1
        (gradient,) = torch.autograd.grad((centre * signs).sum(), x)
    total = gradient.abs().double().sum((0, 1)).cpu().numpy()
    return ReceptiveField(total / max(float(total.sum()), np.finfo(np.float64).tiny))

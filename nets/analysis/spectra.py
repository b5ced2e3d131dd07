"""Spectra of the matrices that mix channels in nonlocal layers: W = W_Z W_g of Tao et al., K_1, K_2 of Bohn et al."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pide.nets.layers import NonlocalBlock, NonlocalStage, PIDEBlock

__all__ = ["Spectrum", "spectra", "spectra_over", "spectrum"]


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Eigenvalues of one matrix W.

    Parameters
    ----------
    name : str
        Module and number of the matrix, "units.0.nonlocal_block K1".
    symmetric : array, shape (C,), descending
        Of (W + W^T) / 2.
    real_parts : array, shape (C,), descending
        Real parts of those of W.
    """

    name: str
    symmetric: NDArray[np.float64]
    real_parts: NDArray[np.float64]

    def top(self, count: int = 32) -> NDArray[np.float64]:
        """The `count` eigenvalues of the symmetric part that are largest in magnitude, largest first.

        W of rank e has a symmetric part of rank up to 2 e, so that count = e need not show all of them.
        """
        order = np.argsort(-np.abs(self.symmetric), kind="stable")
        return self.symmetric[order][:count]

    @property
    def positive(self) -> float:
        """Fraction of the eigenvalues of the symmetric part above rounding of the largest in magnitude."""
        return _positive(self.symmetric)

    @property
    def positive_real_parts(self) -> float:
        """Fraction of the real parts above rounding of the largest in magnitude."""
        return _positive(self.real_parts)


def spectrum(W: Tensor, name: str = "W") -> Spectrum:
    """Spectrum of a matrix, in float64.

    Parameters
    ----------
    W : tensor, shape (C, C)
    name : str
    """
    w = W.detach().double().cpu().numpy()
    symmetric = np.linalg.eigvalsh((w + w.T) / 2)[::-1]
    return Spectrum(name, symmetric, np.sort(np.linalg.eigvals(w).real)[::-1])


def spectra(net: nn.Module) -> list[Spectrum]:
    """Spectra of every nonlocal layer of a network, in order: K_i of PIDE blocks, W_i of the others.

    Examples
    --------
    >>> from pide.nets import models
    >>> [s.name for s in spectra(models.hamiltonian("digits", "diffusion"))][:3]
    ['units.0.nonlocal_block K1', 'units.0.nonlocal_block K2', 'units.1.nonlocal_block K1']
    """
    found = []
    for name, module in net.named_modules():
        letter, matrices = _matrices(module)
        found += [spectrum(W, f"{name} {letter}{i}".strip()) for i, W in enumerate(matrices, start=1)]
    return found


def spectra_over(net: nn.Module, checkpoints: Iterable[Mapping[str, Any] | str | Path]) -> list[list[Spectrum]]:
    """Spectra of a network at the checkpoints of a training: one list for each.

    Parameters
    ----------
    net : nn.Module
        Of the architecture; it is copied, not changed.
    checkpoints : iterable of mapping or path
        State dicts, files that hold one, or files of a training run, which hold it under "network".

    Raises
    ------
    ValueError
        If a file holds no state dict.
    """
    copied = copy.deepcopy(net)
    found = []
    for checkpoint in checkpoints:
        copied.load_state_dict(_state(checkpoint))
        found.append(spectra(copied))
    return found


def _matrices(module: nn.Module) -> tuple[str, list[Tensor]]:
    """Their letter in the papers, and the matrices themselves."""
    if isinstance(module, PIDEBlock):
        return "K", [convolution.get_parameter("weight").flatten(1) for convolution in module.mixing]
    if isinstance(module, NonlocalBlock | NonlocalStage):
        return "W", module.mixing_matrices()
    return "", []


def _state(checkpoint: Mapping[str, Any] | str | Path) -> Mapping[str, Any]:
    if not isinstance(checkpoint, Mapping):
        checkpoint = torch.load(checkpoint, map_location="cpu", weights_only=True)
    for key in ("network", "model", "state_dict"):
        if isinstance(checkpoint, Mapping) and isinstance(checkpoint.get(key), Mapping):
            return _state(checkpoint[key])
    if not isinstance(checkpoint, Mapping) or not all(isinstance(value, Tensor) for value in checkpoint.values()):
        raise ValueError("this checkpoint holds no state dict of tensors. Write torch.save(net.state_dict(), path).")
    return checkpoint


def _positive(values: NDArray[np.float64]) -> float:
    rounding = len(values) * np.finfo(np.float64).eps * float(np.abs(values).max(initial=0.0))
    return float(np.mean(values > rounding)) if len(values) else 0.0

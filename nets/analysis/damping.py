"""What nonlocal blocks in a row do to a signal: the original one damps it to zero, the proposed one to a constant.

Symbols: Z features at M positions (M, C); A affinity with rows of sum 1 (M, M); W mixing of the channels (C, C).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["FORMS", "Damping", "damping", "nonlocal_flow"]

FORMS = ("original", "proposed")


@dataclass(frozen=True, eq=False)
class Damping:
    """Sizes of the features before the first block and after every block.

    Parameters
    ----------
    norm : tensor, shape (blocks + 1,)
        |Z| relative to the first, over positions and channels.
    variation : tensor, shape (blocks + 1,)
        |Z - mean over positions| relative to the first |Z|: 0 for a constant in space.
    """

    norm: Tensor
    variation: Tensor


def damping(block: Callable[[Tensor], Tensor], x: Tensor, blocks: int) -> Damping:
    """Norm and variation of x, block(x), block(block(x)), ...

    Parameters
    ----------
    block : callable or nn.Module
        Keeps the shape of its argument.
    x : tensor, shape (B, C, *positions)
    blocks : int
        Number of applications.

    Notes
    -----
    The block is taken in the mode it is in; a batch normalisation in training mode renews its statistics every time.
    """
    norms, variations = [], []
    with torch.no_grad():
        for step in range(blocks + 1):
            x = block(x) if step else x
            positions = x.flatten(2)
            norms.append(positions.norm())
            variations.append((positions - positions.mean(2, keepdim=True)).norm())
    first = norms[0].clamp_min(torch.finfo(norms[0].dtype).tiny)
    return Damping(torch.stack(norms) / first, torch.stack(variations) / first)


def nonlocal_flow(W: Tensor, affinity: Tensor, form: str = "proposed") -> Callable[[Tensor], Tensor]:
    """One linear nonlocal block, Z + (A Z) W^T ("original") or Z + (A Z - Z) W^T ("proposed"), of a fixed affinity.

    Parameters
    ----------
    W : tensor, shape (C, C)
    affinity : tensor, shape (M, M)
        A, with rows of sum 1.
    form : {"original", "proposed"}

    Returns
    -------
    callable
        (B, C, M) -> (B, C, M), for `damping`.

    Notes
    -----
    The proposed block keeps constants whatever W is, the original one multiplies them by 1 + W. With a symmetric A of
    eigenvalues a in [-1, 1] and W of real eigenvalues w, the factors are 1 + w a and 1 + w (a - 1): the original block
    damps every mode with -2 < w a < 0, so positive and negative w damp different modes; the proposed block damps all
    but constants for w > 0, small enough, and amplifies for w < 0.

    Raises
    ------
    ValueError
        If the form is unknown.

    References
    ----------
    Tao, Sun, Du, Liu 2018.
    """
    if form not in FORMS:
        raise ValueError(f"nonlocal_flow(form={form!r}): unknown. Write 'original' or 'proposed'.")

    def block(z: Tensor) -> Tensor:
        mixed = z @ affinity.mT
        return z + W @ (mixed if form == "original" else mixed - z)

    return block

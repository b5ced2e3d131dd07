"""One step of backward Euler as a layer's forward pass: stable for every step, gradients by the implicit function.

Symbols: w (B, M, M) symmetric weights >= 0; d_i = sum_j w_ij; L Z = w Z - d Z <= 0; tau > 0 step; X, Z
values (B, M, C).
"""

from __future__ import annotations

import torch
from torch import Tensor

from pide.solvers.linear import conjugate_gradients
from pide.torch_bridge import implicit_solution

__all__ = ["backward_euler"]


def backward_euler(w: Tensor, x: Tensor, time: Tensor | float, *, scale: Tensor | None = None) -> Tensor:
    """Z with q_i Z_i - tau sum_j w_ij (Z_j - Z_i) = q_i X_i, shape (B, M, C).

    Parameters
    ----------
    w : tensor, shape (B, M, M)
        Symmetric and >= 0; neither is checked.
    x : tensor, shape (B, M, C), float32 or float64
    time : number, 0-d tensor, or tensor of shape (C,)
        tau >= 0, each channel its own.
    scale : tensor, shape (B, M), or None
        q > 0; None is 1. With q_i = sum_j w_ij the step is that of the row-normalised generator.

    Notes
    -----
    By conjugate gradients (`pide.solvers.linear`), each channel of each image a system of its own, to a relative
    residual of 1e-6 in float32 and 1e-12 in float64. For every tau the q-weighted energy does not grow, sum_i q_i Z_i
    is that of X, and no new extrema appear, up to that residual; order 1 in tau. The iterations grow as the root of the
    condition number, at most 1 + 2 tau max d / q. Gradients pass to w, x, time and scale at the cost of one more solve,
    without the iteration in memory; second derivatives are refused by torch.

    Raises
    ------
    NotConverged
        When 500 iterations do not reach the residual.
    """
    degree = w.sum(dim=-1).unsqueeze(1)
    q = torch.ones_like(degree) if scale is None else scale.unsqueeze(1)
    tau = torch.as_tensor(time, dtype=x.dtype, device=x.device).reshape(-1, 1)

    def apply(z: Tensor) -> Tensor:
        return q * z - tau * (z @ w - degree * z)

    def solve(f: Tensor) -> Tensor:
        tol = 1e-12 if x.dtype == torch.float64 else 1e-6
        diagonal = (q + tau * degree).detach()
        found: Tensor = conjugate_gradients(
            apply,
            f.detach(),
            dimension=1,
            precondition=lambda r: r / diagonal,
            tol=tol,
            advice="Write float64 features, or a shorter time.",
        ).x
        return found

    columns = x.mT.contiguous()
    solution = implicit_solution(apply, q * columns, solve)
    return solution.mT

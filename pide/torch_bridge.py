"""Gradients of linear solves on torch by implicit differentiation. The only module of pide that imports torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.autograd.function import once_differentiable

__all__ = ["implicit_solution"]


class _ImplicitSolve(torch.autograd.Function):
    """r -> A^{-1} r with backward g -> A^{-T} g, where the forward value is taken to be 0.

    At r = f - A(theta) u* with u* the solution, dr = df - dA u*, and A^{-1} dr is the differential of the solution.
    """

    @staticmethod
    def forward(ctx: Any, r: torch.Tensor, solve_adjoint: Callable[[torch.Tensor], torch.Tensor]) -> torch.Tensor:
        ctx.solve_adjoint = solve_adjoint
        return torch.zeros_like(r)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        return ctx.solve_adjoint(gradient), None


def implicit_solution(
    apply: Callable[[torch.Tensor], torch.Tensor],
    f: torch.Tensor,
    solve: Callable[[torch.Tensor], torch.Tensor],
    solve_adjoint: Callable[[torch.Tensor], torch.Tensor] | None = None,
) -> torch.Tensor:
    """Solution u of A(theta) u = f that carries gradients with respect to f and theta, at one more solve each way.

    Parameters
    ----------
    apply : callable
        v -> A(theta) v, differentiable by torch in the parameters theta.
    f : tensor
        Right-hand side.
    solve : callable
        g -> A^{-1} g, to be called without gradients.
    solve_adjoint : callable or None
        g -> A^{-T} g; `solve` when None, for self-adjoint A.

    Returns
    -------
    tensor
        u, the value of solve(f).

    Notes
    -----
    With w = A^{-T} (dJ/du): dJ/df = w and dJ/dtheta = -<w, (dA/dtheta) u>. Nothing of the iteration is stored. The
    gradient is as accurate as the two solves. Second derivatives are refused by torch.

    References
    ----------
    Christianson 1994.
    """
    # Operators keep what they compute once, such as their degree: the first application must see the graph of theta.
    apply(torch.zeros_like(f))
    with torch.no_grad():
        u = solve(f.detach())
    attach: Callable[..., torch.Tensor] = _ImplicitSolve.apply
    return u + attach(f - apply(u), solve if solve_adjoint is None else solve_adjoint)

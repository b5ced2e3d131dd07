"""Hamiltonian blocks: symplectic Verlet steps of Y' = f1(Z), Z' = -f2(Y), which can be run backwards.

Symbols: U features (B, k, ...); K convolution of 3 points a side, b its bias; f(U) = K^T relu(BN(K U + b)) + b;
Y, Z the two halves of the channels, k = C/2 each; h the step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from pide.nets.layers.convolutions import CONVOLUTIONS, NORMS, check_dimension

__all__ = ["HamiltonianBlock", "HamiltonianChain", "SymmetricForce"]

MEMORY = ("stored", "reversible")
_TRANSPOSED: dict[int, Callable[..., Tensor]] = {
    1: functional.conv_transpose1d,
    2: functional.conv_transpose2d,
    3: functional.conv_transpose3d,
}


class SymmetricForce(nn.Module):
    """f(U) = K^T relu(BN(K U + b)) + b with one kernel K and one bias b, each used twice.

    Parameters
    ----------
    channels : int
        k, those of U.
    eps, momentum : float
        Of the batch normalisation.
    dimension : {1, 2, 3}
        Of the feature map.

    Notes
    -----
    K^T is the transposed convolution with the same weights and padding 1, the exact adjoint of U -> K U. Without BN and
    b the Jacobian K^T diag(relu') K is symmetric and positive semidefinite; with BN in training it is neither, because
    the statistics couple the samples. Cost: 2 (3^n) k^2 multiply-adds a position.
    """

    def __init__(self, channels: int, *, eps: float = 1e-3, momentum: float = 0.01, dimension: int = 2) -> None:
        super().__init__()
        check_dimension("SymmetricForce", dimension)
        self.dimension = dimension
        self.convolution = CONVOLUTIONS[dimension](channels, channels, 3, padding=1)
        self.norm = NORMS[dimension](channels, eps=eps, momentum=momentum)

    def forward(self, u: Tensor) -> Tensor:
        """f(U); u : tensor, shape (B, k, *positions)."""
        return self._transposed(self.norm(self.convolution(u)))

    def again(self, u: Tensor, training: bool) -> Tensor:
        """f(U) once more, in the mode it was first evaluated in: the running statistics stay as they are."""
        norm = self.norm
        mean, variance = (None, None) if training else (norm.running_mean, norm.running_var)
        v = functional.batch_norm(
            self.convolution(u), mean, variance, norm.weight, norm.bias, mean is None, 0.0, norm.eps
        )
        return self._transposed(v)

    def _transposed(self, v: Tensor) -> Tensor:
        K = self.convolution
        return _TRANSPOSED[self.dimension](functional.relu(v), K.weight, K.bias, padding=1)


class HamiltonianBlock(nn.Module):
    """One Verlet step: Y <- Y + h f1(Z), then Z <- Z - h f2(Y).

    Parameters
    ----------
    channels : int
        C, even; the first half of the channels is Y, the second Z.
    step : float
        h.
    memory : {"stored", "reversible"}
        "reversible": the backward pass recomputes the activations from the block's output, so that nothing but this
        output is kept; one more evaluation of f1 and f2, and gradients that differ by rounding only.
    eps, momentum : float
        Of the batch normalisations.
    dimension : {1, 2, 3}

    Notes
    -----
    The step is symplectic whatever f1 and f2 are gradients of, so it neither damps nor amplifies volumes; it does not
    preserve |x|. Its inverse is exact in exact arithmetic: Z = Z' + h f2(Y'), Y = Y' - h f1(Z). Running statistics are
    updated once a step in both modes. "reversible" has first derivatives only; torch refuses second ones. A chain
    stores one output for all its blocks: `HamiltonianChain`.

    Raises
    ------
    ValueError
        If `channels` is odd, `memory` unknown, or the features have other channels.
    """

    def __init__(
        self,
        channels: int,
        *,
        step: float = 0.06,
        memory: str = "stored",
        eps: float = 1e-3,
        momentum: float = 0.01,
        dimension: int = 2,
    ) -> None:
        super().__init__()
        if channels < 2 or channels % 2:
            raise ValueError(
                f"HamiltonianBlock(channels={channels}): Y and Z are the halves of the channels. "
                f"Write an even number, {channels + channels % 2 or 2} for example."
            )
        _check_memory("HamiltonianBlock", memory)
        self.channels, self.step, self.memory = channels, step, memory
        self.first = SymmetricForce(channels // 2, eps=eps, momentum=momentum, dimension=dimension)
        self.second = SymmetricForce(channels // 2, eps=eps, momentum=momentum, dimension=dimension)

    def forward(self, x: Tensor) -> Tensor:
        """Y' and Z' in the channels; x : tensor, shape (B, C, *positions)."""
        return _run((self,), x, self.memory)

    def inverse(self, x: Tensor) -> Tensor:
        """Input whose output is x, to rounding, with the normalisations in their present mode.

        In training mode batch statistics are those of the reconstructed features; nothing is updated.
        """
        y, z = _halves(self, x)
        z = z + self.step * self.second.again(y, self.training)
        y = y - self.step * self.first.again(z, self.training)
        return torch.cat((y, z), 1)

    def advance(self, y: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        """(Y', Z') of (Y, Z), each of shape (B, C/2, *positions)."""
        y = y + self.step * self.first(z)
        return y, z - self.step * self.second(y)

    def kernels(self) -> tuple[Tensor, Tensor]:
        """K of f1 and of f2, each of shape (k, k, 3, ...)."""
        return self.first.convolution.weight, self.second.convolution.weight

    def extra_repr(self) -> str:
        return f"Y + h f1(Z), Z - h f2(Y), channels={self.channels}, step={self.step:g}, memory={self.memory!r}"


class HamiltonianChain(nn.Sequential):
    """Hamiltonian blocks in a row; with memory="reversible" one output is stored for all of them.

    Parameters
    ----------
    blocks : iterable of HamiltonianBlock
        All with the same channels; their own `memory` is not looked at.
    memory : {"stored", "reversible"}

    Notes
    -----
    Stored activations grow with the number of blocks; reversible ones do not. Rounding of the reconstruction grows
    with the number of blocks, at h Lip(f) a step.
    """

    def __init__(self, blocks: Iterable[HamiltonianBlock], *, memory: str = "stored") -> None:
        super().__init__(*blocks)
        _check_memory("HamiltonianChain", memory)
        self.memory = memory

    def forward(self, x: Tensor) -> Tensor:
        """x through all blocks; shape (B, C, *positions)."""
        return _run(cast(Sequence[HamiltonianBlock], tuple(self)), x, self.memory)

    def extra_repr(self) -> str:
        return f"memory={self.memory!r}"


def _check_memory(name: str, memory: str) -> None:
    if memory not in MEMORY:
        raise ValueError(f"{name}(memory={memory!r}): unknown. Write one of {', '.join(map(repr, MEMORY))}.")


def _halves(block: HamiltonianBlock, x: Tensor) -> tuple[Tensor, Tensor]:
    if x.shape[1] != block.channels:
        raise ValueError(
            f"features with {x.shape[1]} channels: this HamiltonianBlock has {block.channels}. "
            f"Write HamiltonianBlock({x.shape[1]}), or change the channels by a convolution first."
        )
    y, z = x.chunk(2, 1)
    return y, z


def _run(blocks: Sequence[HamiltonianBlock], x: Tensor, memory: str) -> Tensor:
    if not blocks:
        return x
    if memory == "reversible" and torch.is_grad_enabled():
        parameters = [p for block in blocks for p in block.parameters()]
        out: Tensor = _Reversible.apply(x, blocks, *parameters)  # type: ignore[no-untyped-call]
        return out
    return _through(blocks, x)


def _through(blocks: Sequence[HamiltonianBlock], x: Tensor) -> Tensor:
    y, z = _halves(blocks[0], x)
    for block in blocks:
        y, z = block.advance(y, z)
    return torch.cat((y, z), 1)


class _Reversible(torch.autograd.Function):
    """Output of a chain of blocks; the backward pass walks the chain back from its output."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, blocks: Sequence[HamiltonianBlock], *parameters: Tensor) -> Tensor:
        ctx.blocks = [(block, block.first.norm.training, block.second.norm.training) for block in blocks]
        kind = x.device.type
        ctx.autocast = kind, torch.is_autocast_enabled(kind), torch.get_autocast_dtype(kind)
        out = _through(blocks, x)
        ctx.save_for_backward(out)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        (out,) = ctx.saved_tensors
        y, z = out.chunk(2, 1)
        gy, gz = gradient.chunk(2, 1)
        kind, enabled, dtype = ctx.autocast
        found: list[Tensor | None] = []
        with torch.autocast(kind, dtype=dtype, enabled=enabled):
            for block, first, second in reversed(ctx.blocks):
                h = block.step
                f2, g, of_second = _pullback(block.second, y, -h * gz, second)
                z, gy = z + h * f2, gy + g
                f1, g, of_first = _pullback(block.first, z, h * gy, first)
                y, gz = y - h * f1, gz + g
                found = [*of_first, *of_second, *found]
        return torch.cat((gy, gz), 1), None, *found


def _pullback(f: SymmetricForce, u: Tensor, v: Tensor, training: bool) -> tuple[Tensor, Tensor, list[Tensor | None]]:
    """f(u), J_u^T v and the gradients of <f(u), v> with respect to the parameters (None where frozen)."""
    parameters = list(f.parameters())
    wanted = [p for p in parameters if p.requires_grad]
    with torch.enable_grad():
        u = u.detach().requires_grad_()
        value = f.again(u, training)
    of_u, *found = torch.autograd.grad(value, [u, *wanted], v.to(value.dtype))
    gradients = iter(found)
    return value.detach(), of_u, [next(gradients) if p.requires_grad else None for p in parameters]

"""Parameters and multiply-adds of networks, counted as the papers count them.

The published counting is that of a profiler of flops, halved: 2 for a multiply-add, 1 for an elementwise product,
quotient, difference, power, logarithm, summand or bias, the window for every output of a pooling, and 2 for every
number of a kernel, which its initialiser draws. Batch normalisation, ReLU and the additions of residuals are free.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from pide.nets.layers import HamiltonianBlock, HamiltonianChain, SymmetricForce

__all__ = ["COUNTINGS", "count_parameters", "multiply_adds", "operations"]

COUNTINGS = ("core", "published", "executed")

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
_POOLS = (nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d, nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d)
_ADAPTIVE = (nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d)


def count_parameters(net: nn.Module) -> int:
    """Numbers that training changes; means and variances of batch normalisations are not among them.

    Examples
    --------
    >>> from torch import nn
    >>> count_parameters(nn.Conv2d(3, 32, 3))
    896
    """
    return sum(p.numel() for p in net.parameters() if p.requires_grad)


def multiply_adds(net: nn.Module, input_shape: tuple[int, ...], counting: str = "core") -> int:
    """Multiply-adds of one forward pass of one sample.

    Parameters
    ----------
    net : nn.Module
        Not run: a copy on torch's meta device is, in evaluation mode.
    input_shape : tuple of int
        Of a sample, (channels, height, width).
    counting : {"core", "published", "executed"}
        "core": convolutions, transposed convolutions and matrix products. "published": with elementwise work, as the
        module's head says. "executed": the products torch runs, by its own counter, which sees what an associative
        product saves.

    Notes
    -----
    "core" and "published" see modules: convolutions, linear layers, poolings, and layers with a method
    `pair_operations(shape, counting)`. Products written in the forward method of a module of your own are seen by
    "executed" only. Published totals are halves of flops, rounded down. Pair kernels count as if every weight were
    formed, whatever way the layer takes.

    Raises
    ------
    ValueError
        If the counting is unknown, or a module has matrices that "core" and "published" do not know how to count.

    References
    ----------
    Bohn, Griebel, Kannan 2021.

    Examples
    --------
    >>> from pide.nets import models
    >>> multiply_adds(models.hamiltonian("cifar10"), (3, 32, 32))
    158483968
    """
    if counting not in COUNTINGS:
        raise ValueError(f"counting={counting!r}: unknown. Write one of {', '.join(map(repr, COUNTINGS))}.")
    if counting == "executed":
        return _executed(net, input_shape)
    rows = operations(net, input_shape, elementwise=counting == "published")
    return sum(row[0] for row in rows.values()) + sum(row[1] for row in rows.values()) // 2


def operations(net: nn.Module, input_shape: tuple[int, ...], *, elementwise: bool = True) -> dict[str, tuple[int, int]]:
    """Module name -> (multiply-adds, elementwise operations) of one forward pass of one sample, in order of first use.

    See `multiply_adds`; published totals are the sum of the first plus half the sum of the second. Without
    `elementwise` the second are 0: the blocks of Wang et al. and Tao et al. have no published count of theirs.
    """
    copied = _on_meta(net)
    _refuse_unknown(copied)
    found: dict[str, tuple[int, int]] = {}
    for name, module in copied.named_modules():
        if _counted(module):
            module.register_forward_hook(_recorder(name, found, elementwise))
    with torch.no_grad():
        copied(torch.empty((1, *input_shape), device="meta"))
    return found


def _recorder(name: str, found: dict[str, tuple[int, int]], elementwise: bool) -> Callable[[nn.Module, Any, Any], None]:
    def record(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        x = inputs[0]
        if hasattr(module, "pair_operations"):
            shape = tuple(x.shape[2:])
            pair_operations: Any = module.pair_operations
            products = pair_operations(shape, "core")
            elements = _elements(module, shape, products) if elementwise else 0
        else:
            products, elements = _RULES[type(module)](module, x, output)
            elements = elements if elementwise else 0
        before = found.get(name)
        if before is None:
            found[name] = products, elements + _drawn(module) * elementwise
        else:
            found[name] = before[0] + products, before[1] + elements

    return record


def _convolution(module: Any, x: Tensor, y: Tensor) -> tuple[int, int]:
    positions = y.numel() // y.shape[1]
    return positions * module.weight.numel(), y.numel() * (module.bias is not None)


def _transposed(module: Any, x: Tensor, y: Tensor) -> tuple[int, int]:
    positions = x.numel() // x.shape[1]
    return positions * module.weight.numel(), y.numel() * (module.bias is not None)


def _linear(module: Any, x: Tensor, y: Tensor) -> tuple[int, int]:
    rows = y.numel() // module.out_features
    return rows * module.weight.numel(), y.numel() * (module.bias is not None)


def _pool(module: Any, x: Tensor, y: Tensor) -> tuple[int, int]:
    size = module.kernel_size
    window = torch.Size(size if isinstance(size, tuple) else (size,) * (y.ndim - 2)).numel()
    return 0, window * y.numel()


def _adaptive_pool(module: Any, x: Tensor, y: Tensor) -> tuple[int, int]:
    return 0, x.numel()


def _force(module: SymmetricForce, x: Tensor, y: Tensor) -> tuple[int, int]:
    """The transposed convolution and the second addition of b; K itself is a module of its own."""
    return x.numel() // x.shape[1] * module.convolution.weight.numel(), y.numel()


def _verlet(module: HamiltonianBlock, x: Tensor, y: Tensor) -> tuple[int, int]:
    """Two products with h and one difference on half of the channels."""
    return 0, 3 * (x.numel() // 2)


def _chain(module: HamiltonianChain, x: Tensor, y: Tensor) -> tuple[int, int]:
    """Its blocks are not called one by one."""
    return 0, len(module) * 3 * (x.numel() // 2)


def _elements(module: Any, shape: tuple[int, ...], products: int) -> int:
    """Elementwise operations of a layer of pairs, which tells them, or half of them with its products."""
    if hasattr(module, "elementwise_operations"):
        return int(module.elementwise_operations(shape))
    return 2 * (int(module.pair_operations(shape, "published")) - products)


_RULES: dict[type[nn.Module], Callable[[Any, Tensor, Tensor], tuple[int, int]]] = {
    **dict.fromkeys(_CONVOLUTIONS, _convolution),
    **dict.fromkeys(_TRANSPOSED, _transposed),
    **dict.fromkeys(_POOLS, _pool),
    **dict.fromkeys(_ADAPTIVE, _adaptive_pool),
    nn.Linear: _linear,
    SymmetricForce: _force,
    HamiltonianBlock: _verlet,
    HamiltonianChain: _chain,
}


def _counted(module: nn.Module) -> bool:
    return hasattr(module, "pair_operations") or type(module) in _RULES


def _drawn(module: nn.Module) -> int:
    """2 for every number of a kernel."""
    return 2 * module.weight.numel() if isinstance(module, (*_CONVOLUTIONS, *_TRANSPOSED, nn.Linear)) else 0


def _refuse_unknown(net: nn.Module) -> None:
    inside = [name for name, module in net.named_modules() if hasattr(module, "pair_operations")]
    for name, module in net.named_modules():
        matrices = [key for key, p in module.named_parameters(recurse=False) if p.ndim > 1]
        if matrices and not _counted(module) and not any(name.startswith(f"{layer}.") or not layer for layer in inside):
            raise ValueError(
                f"{name or 'the network'} is a {type(module).__name__} with {', '.join(matrices)}: no rule counts it. "
                "Write counting='executed', or give the module a method pair_operations(shape, counting)."
            )


def _executed(net: nn.Module, input_shape: tuple[int, ...]) -> int:
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        _on_meta(net)(torch.empty((1, *input_shape), device="meta"))
    return int(counter.get_total_flops()) // 2


def _on_meta(net: nn.Module) -> nn.Module:
    return copy.deepcopy(net).to("meta").float().eval()

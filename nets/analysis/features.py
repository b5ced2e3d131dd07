"""What the modules of a network get as inputs, in evaluation mode."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from torch import Tensor, nn

__all__ = ["evaluating", "inputs_of"]


@contextmanager
def evaluating(net: nn.Module) -> Iterator[None]:
    """The network in evaluation mode; every module is set back to its own mode afterwards."""
    modes = {module: module.training for module in net.modules()}
    net.eval()
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode


def inputs_of(net: nn.Module, names: Iterable[str], x: Tensor) -> dict[str, Tensor]:
    """Name of a module -> the first argument of its last call in net(x).

    Parameters
    ----------
    net : nn.Module
    names : iterable of str
        As in `net.named_modules()`.
    x : tensor, shape (B, C, *positions)

    Raises
    ------
    ValueError
        If there is no such module, or it is not called.
    """
    modules, found, handles = dict(net.named_modules()), {}, []

    def keep(name: str) -> None:
        def hook(_: nn.Module, arguments: tuple[Tensor, ...]) -> None:
            found[name] = arguments[0]

        handles.append(modules[name].register_forward_pre_hook(hook))

    names = list(names)
    for name in names:
        if name not in modules:
            raise ValueError(f"the network has no module {name!r}. Write a name from dict(net.named_modules()).")
    try:
        for name in names:
            keep(name)
        with evaluating(net):
            net(x)
    finally:
        for handle in handles:
            handle.remove()
    for name in names:
        if name not in found:
            raise ValueError(f"module {name!r} is not called in the forward pass. Write the name of one that is.")
    return found

"""torch modules as subjects: a module maps fields to fields, automatic differentiation gives its Jacobian.

A module that takes (B, C, *grid.shape) is seen with one channel. torch is never imported here: a module exists only
where torch has been.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pide.arrays import Array, to_host
from pide.operators.interop import as_operator
from pide.spaces.grid import Grid
from pide.verification.adapters import as_subject
from pide.verification.facts import Facts
from pide.verification.layers import LayerMap, Stage
from pide.verification.subject import Subject

__all__ = ["module_layer", "module_subject"]


def module_subject(
    module: Any, on: Grid, claims: Iterable[str] = (), *, channel: bool = True, name: str | None = None
) -> Subject:
    """A torch module as a subject on a grid, with the adjoint and the Jacobian that automatic differentiation gives.

    Parameters
    ----------
    module : torch.nn.Module
        Acts on tensors (B, 1, *on.shape), or (B, *on.shape) without channel.
    on : Grid
    claims : iterable of str
        What the module asserts, from `pide.claims.CLAIMS`.
    channel : bool
        Whether the module expects a channel axis.

    Notes
    -----
    The adjoint of a linear module is J(0)^T, by `torch.func.vjp`; masses of a grid are equal, so that it is the adjoint
    in the inner product of the space. The checks see copies of the module in the dtype of the field, made once.

    Raises
    ------
    TypeError
        For anything but a torch module.
    """
    torch = _torch_of(module, "as_operator(f, on=grid)")

    @cache
    def in_dtype(dtype: Any) -> Callable[[Any], Any]:
        return _fields(deepcopy(module).to(dtype), on, channel)

    def forward(u: Any) -> Any:
        return in_dtype(u.dtype)(u)

    def cast(v: Array) -> Any:
        return torch.from_numpy(np.ascontiguousarray(v))

    def pushforward(x: Array, v: Array) -> Array:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # torch's own, while it loads its rules for jvp
            return to_host(torch.func.jvp(forward, (cast(x),), (cast(v),))[1])

    def pullback(x: Array, v: Array) -> Array:
        return to_host(torch.func.vjp(forward, cast(x))[1](cast(v))[0])

    def adjoint(v: Array) -> Array:
        return pullback(np.zeros_like(v), v)

    def apply(v: Array) -> Array:
        with torch.no_grad():
            return to_host(forward(cast(v)))

    subject = as_subject(as_operator(apply, on, adjoint, claims))
    facts = Facts(on.spacing, pushforward=pushforward, pullback=pullback)
    return replace(subject, name=name or type(module).__name__, facts=facts)


def module_layer(
    module: Any,
    shape: tuple[int, ...],
    *,
    states: Iterable[str] = (),
    reference: Callable[[Array], Array] | None = None,
    stage: Callable[[NDArray[np.float64]], Stage] | None = None,
    name: str | None = None,
) -> LayerMap:
    """A torch module on features (B, *shape) as a layer, with the gradients that automatic differentiation gives.

    Parameters
    ----------
    module : torch.nn.Module
        In the mode, training or evaluation, in which it is to be checked.
    shape : tuple of int
        (C, *positions).
    states : iterable of str
        "layer_equivariant", "layer_non_expansive": what the layer makes a statement of.
    reference, stage : callables, optional
        See `LayerMap`.

    Notes
    -----
    The checks see copies of the module in the dtype of the features, made once; the module itself does not change.

    Raises
    ------
    TypeError
        For anything but a torch module.
    """
    adapted = _Adapted(_torch_of(module, "LayerMap(name, f, shape)"), module, {})
    double = adapted.parameters(adapted.in_dtype(np.dtype(np.float64))).values()
    flat = np.concatenate([np.zeros(0), *(to_host(value.detach()).ravel() for value in double)])
    return LayerMap(
        name or type(module).__name__, adapted.apply, shape, frozenset(states), reference, adapted.pullback, flat,
        adapted.parametrised, adapted.parameter_pullback, stage, _longest_sum(double, shape), repr(module),
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Adapted:
    """A module on NumPy arrays, by copies of it in the dtype of the features, made once."""

    torch: Any
    module: Any
    copies: dict[Any, Any]

    def in_dtype(self, dtype: Any) -> Any:
        if dtype not in self.copies:
            single = dtype == np.dtype(np.float32)
            self.copies[dtype] = deepcopy(self.module).to(self.torch.float32 if single else self.torch.float64)
        return self.copies[dtype]

    def tensor(self, x: Array) -> Any:
        return self.torch.from_numpy(np.array(x, order="C"))

    def parameters(self, copy: Any) -> dict[str, Any]:
        return {key: value for key, value in copy.named_parameters() if value.requires_grad}

    def apply(self, x: Array) -> Array:
        with self.torch.no_grad():
            return to_host(self.in_dtype(x.dtype)(self.tensor(x)))

    def parametrised(self, values: Array, x: Array) -> Array:
        copy, moved, start = self.in_dtype(x.dtype), {}, 0
        for key, value in self.parameters(copy).items():
            part = self.tensor(values[start : start + value.numel()])
            moved[key], start = part.reshape(value.shape).to(value.dtype), start + value.numel()
        with self.torch.no_grad():
            return to_host(self.torch.func.functional_call(copy, moved, self.tensor(x)))

    def pullback(self, x: Array, g: Array) -> Array:
        return self._gradients(x, g, lambda copy, leaf: [leaf])[0]

    def parameter_pullback(self, x: Array, g: Array) -> Array:
        parts = self._gradients(x, g, lambda copy, leaf: list(self.parameters(copy).values()))
        return np.concatenate([d.ravel() for d in parts])

    def _gradients(self, x: Array, g: Array, wanted: Callable[[Any, Any], list[Any]]) -> list[Any]:
        copy, leaf = self.in_dtype(x.dtype), self.tensor(x).requires_grad_()
        inputs, y = wanted(copy, leaf), copy(leaf)
        out = self.torch.autograd.grad(y, inputs, self.tensor(g.astype(x.dtype)), allow_unused=True)
        return [
            np.zeros(tuple(v.shape)) if d is None else to_host(d.detach()) for v, d in zip(inputs, out, strict=True)
        ]


def _longest_sum(parameters: Iterable[Any], shape: tuple[int, ...]) -> int:
    """Inputs of one output of every weight, one after the other, plus a sum over positions and one over channels."""
    inputs = sum(value.numel() // max(1, value.shape[0]) if value.ndim > 1 else 2 for value in parameters)
    return inputs + int(np.prod(shape[1:])) + 2 * shape[0] + 64


def _torch_of(module: Any, alternative: str) -> Any:
    """The torch package, if `module` is one of its modules."""
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(module, torch.nn.Module):
        kind = type(module).__name__
        raise TypeError(f"module is a {kind}: needed is a torch module. For a function write {alternative}.")
    return torch


def _fields(module: Callable[[Any], Any], on: Grid, channel: bool) -> Callable[[Any], Any]:
    """The module on tensors (..., *on.shape)."""

    def f(u: Any) -> Any:
        flat = u.reshape(-1, *((1,) if channel else ()), *on.shape)
        return module(flat).reshape(u.shape)

    return f

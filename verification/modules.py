"""torch modules as subjects: a module maps fields to fields, automatic differentiation gives its Jacobian.

A module that takes (B, C, *grid.shape) is seen with one channel. torch is never imported here: a module exists only
where torch has been.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from pide.arrays import Array, to_host
from pide.operators.interop import as_operator
from pide.spaces.grid import Grid
from pide.verification.adapters import as_subject
from pide.verification.facts import Facts
from pide.verification.subject import Subject

__all__ = ["module_subject"]


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
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(module, torch.nn.Module):
        kind = type(module).__name__
        raise TypeError(f"module is a {kind}: needed is a torch module. For a function write as_operator(f, on=grid).")

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


def _fields(module: Callable[[Any], Any], on: Grid, channel: bool) -> Callable[[Any], Any]:
    """The module on tensors (..., *on.shape)."""

    def f(u: Any) -> Any:
        flat = u.reshape(-1, *((1,) if channel else ()), *on.shape)
        return module(flat).reshape(u.shape)

    return f

"""pide.nets: torch modules made of the same operators that `pide` solves with and `pide.verification` checks.

Public names are imported on first use.
"""

from __future__ import annotations

import importlib
from typing import Any

try:
    import torch  # noqa: F401
except ModuleNotFoundError as error:
    if error.name != "torch":
        raise
    raise ImportError('pide.nets needs torch. Write: pip install "pide-operators[nets]"') from error

_HOME = {"AuditReport": "auditing", "audit": "auditing", "fit": "training"}
_MODULES = ("analysis", "data", "layers", "models", "training")

__all__ = sorted([*_HOME, *_MODULES])


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        value: Any = importlib.import_module(f"pide.nets.{name}")
    elif name in _HOME:
        value = getattr(importlib.import_module(f"pide.nets.{_HOME[name]}"), name)
    else:
        raise AttributeError(f"module 'pide.nets' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__

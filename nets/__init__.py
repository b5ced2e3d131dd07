"""pide.nets: torch modules made of the same operators that `pide` solves with and `pide.verification` checks."""

try:
    import torch  # noqa: F401
except ImportError as error:
    raise ImportError('pide.nets needs torch. Write: pip install "pide-operators[nets]"') from error

from pide.nets import layers

__all__ = ["layers"]

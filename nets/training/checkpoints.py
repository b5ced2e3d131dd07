"""Checkpoints: whole or absent, checked when read, and never more trusted than data."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from pide.files import atomic

__all__ = ["FOREIGN", "read_checkpoint", "write_checkpoint"]

FOREIGN = (
    "written by another version of pide or by another program. Use the version that environment.json of its run names, "
    "or train again in a new folder."
)
"""The end of a message about a checkpoint that is whole and of another form than ours."""


def write_checkpoint(path: Path, content: dict[str, Any]) -> None:
    """Write tensors and plain values; an older file stays until the new one is on the disk.

    Raises
    ------
    OSError
        If the disk is full or refuses the file; the older checkpoint is then untouched.
    """
    buffer = io.BytesIO()
    torch.save(content, buffer)
    try:
        with atomic(path) as draft:
            draft.write_bytes(buffer.getbuffer())
    except OSError as error:
        needed = buffer.tell() / 2**20
        raise OSError(
            error.errno,
            f"{path}: the checkpoint of {needed:.1f} MiB was not written ({error.strerror or error}); the one before "
            f"is untouched. Free some space and write: pide train {path.parent.parent} --resume",
        ) from None


def read_checkpoint(path: Path, device: str = "cpu", needs: Sequence[str] = ()) -> dict[str, Any]:
    """Content of a checkpoint, its tensors on a device; no code in it is run.

    Parameters
    ----------
    path : Path
    device : str
    needs : sequence of str
        Entries that it must have.

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no such file, a byte of it is wrong, or an entry is missing.
    """
    others = [item.name for item in path.parent.glob("*.pt") if item.name != path.name] if path.parent.is_dir() else []
    remedy = (
        f"Copy another checkpoint of this run over it ({', '.join(sorted(others))})."
        if others
        else "Start the run again in a new folder."
    )
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such checkpoint. {remedy}")
    data = path.read_bytes()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            damaged = archive.testzip()
        if damaged is not None:
            raise zipfile.BadZipFile(f"checksum of {damaged}")
        content = torch.load(io.BytesIO(data), map_location=device, weights_only=True)
    except Exception as error:  # whatever a damaged file makes zipfile and torch raise
        raise ValueError(f"{path}: damaged checkpoint ({type(error).__name__}). {remedy}") from None
    if not isinstance(content, dict):
        raise ValueError(f"{path}: not a checkpoint of pide. {remedy}")
    missing = [name for name in needs if name not in content]
    if missing:
        raise ValueError(f"{path}: has no entry {missing[0]!r}: {FOREIGN}")
    return content

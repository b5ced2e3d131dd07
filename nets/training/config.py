"""Training files: one experiment written down as TOML, read into frozen dataclasses.

    seed  [data] [network] [training] [decay] [run]

Keys that do not exist, values of a wrong type and combinations that make no sense are reported together, each with its
path in the file and what to write instead.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from pide.errors import CaseError
from pide.nets.data.catalogue import DATASETS, HALVED, SUMMED
from pide.nets.data.checksums import Policy
from pide.nets.data.corruptions import Corruption
from pide.nets.training.optimisers import SGD, AdamW, Optimiser
from pide.nets.training.penalties import Decay
from pide.nets.training.schedules import Constant, Cosine, Schedule, Steps
from pide.tables import structure, table_text

__all__ = ["Config", "DataTable", "RunTable", "TrainingTable", "flattened", "parse_config", "read_config", "to_toml"]


@dataclass(frozen=True)
class DataTable:
    """[data]: which images, how many of them, and what is done to them before the network.

    Parameters
    ----------
    name : str
        One of `pide.nets.data.DATASETS`.
    folder : str
        Where the published files are.
    checksums : {"verify", "report"}
        Files that are not the published ones are an error, or are named in environment.json and report.md.
    fraction : float
        Part of every class of the training set that is used.
    validation : float
        Part of the training set that is held out; 0 holds nothing out.
    train_images, test_images : int
        Use so many only, drawn at random, the same for every seed; 0 uses all. Q-tips are made in these numbers.
    halvings : int, optional
        How often every second row and column is dropped (segmentation only).
    ignored : int, optional
        Mask value that does not count (segmentation_folder only).
    sticks, side, types : int, optional
        Of the pictures that `make_qtips` draws (qtips only).
    mean : bool
        Subtract the per-pixel mean image of the training images used.
    pad : int, pixels
        Zero-pad and crop.
    flip : bool
        Mirror at random.
    corruption : Corruption, optional
        Damage to the test and validation images.
    """

    name: str = ""
    folder: str = ""
    checksums: Policy = "verify"
    fraction: float = 1.0
    validation: float = 0.0
    train_images: int = 0
    test_images: int = 0
    halvings: int | None = None
    ignored: int | None = None
    sticks: int | None = None
    side: int | None = None
    types: int | None = None
    mean: bool = True
    pad: int = 0
    flip: bool = False
    corruption: Corruption | None = None


@dataclass(frozen=True)
class TrainingTable:
    """[training]: epochs, images per batch (of all processes together), optimiser and schedule.

    `clip` bounds the norm of the gradient (0: no bound); `average` is the decay of the moving average of the weights
    that is evaluated instead of them (0: none).
    """

    epochs: int = 10
    batch: int = 100
    optimiser: Optimiser = field(default_factory=SGD)
    schedule: Schedule = field(default_factory=Constant)
    clip: float = 0.0
    average: float = 0.0


@dataclass(frozen=True)
class RunTable:
    """[run]: how the computation is carried out.

    Parameters
    ----------
    device : str
        "cpu", "cuda" or "cuda:1".
    precision : {"float32", "float64", "tf32", "bfloat16"}
        "bfloat16" is autocast with float32 weights; "tf32" lets torch round the factors of CUDA products to 11 bits.
    channels_last, compile : bool
        torch's memory format, and torch.compile.
    threads : int
        CPU threads; 0 leaves torch's own choice.
    keep_every : int, epochs
        Keep a checkpoint of every so many epochs; 0 keeps only the best and the last.
    save_seconds : float
        Longest time between two checkpoints inside an epoch.
    reports : bool
        Figures and the audit at the end.
    """

    device: str = "cpu"
    precision: Literal["float32", "float64", "tf32", "bfloat16"] = "float32"
    channels_last: bool = False
    compile: bool = False
    threads: int = 0
    keep_every: int = 0
    save_seconds: float = 300.0
    reports: bool = True


@dataclass(frozen=True)
class Config:
    """A whole training file; `network` is what `pide.nets.models.from_config` takes."""

    title: str = ""
    seed: int = 0
    data: DataTable = DataTable()
    network: dict[str, Any] = field(default_factory=dict)
    training: TrainingTable = TrainingTable()
    decay: Decay = field(default_factory=Decay)
    run: RunTable = RunTable()


_TYPES: dict[Any, dict[str, Any]] = {
    Optimiser: {"sgd": SGD, "adamw": AdamW},
    Schedule: {"constant": Constant, "steps": Steps, "cosine": Cosine},
}


def read_config(path: str | Path, changes: Sequence[str] = ()) -> Config:
    """Config of a TOML file with changes "table.key=value"; see `parse_config`.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    CaseError
        With one line per problem: path in the file, what is wrong, what to write.
    """
    return parse_config(table_text(path, "training"), Path(path).name, changes)


def parse_config(text: str, name: str = "training", changes: Sequence[str] = ()) -> Config:
    """Config of a TOML text; `name` begins every line of an error.

    Values of changes are TOML (`training.epochs=3`); what is not TOML is taken as text (`data.name=qtips`).
    """
    if changes:
        table = _parsed(text, name)
        for change in changes:
            _change(table, change)
        text = _sections(table)
    config = structure(text, Config, _TYPES, name)
    problems = [f"{name}: {line}" for line in _inconsistencies(config)]
    if problems:
        raise CaseError("\n".join(problems))
    return config


def _parsed(text: str, name: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CaseError(f"{name}: not TOML: {error}. Strings need quotes, lists brackets, tables [headers].") from None


def _change(table: dict[str, Any], change: str) -> None:
    """Apply "a.b=value" to nested tables."""
    path, equals, value = change.partition("=")
    *parents, key = path.strip().split(".")
    if not equals or not key:
        raise CaseError(f"--set {change}: needs table.key=value. Write --set training.epochs=3.")
    for parent in parents:
        table = table.setdefault(parent, {})
        if not isinstance(table, dict):
            raise CaseError(f"--set {change}: {parent} is a value, not a table. Write --set table.key=value.")
    try:
        table[key] = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        table[key] = value.strip()


def _inconsistencies(config: Config) -> Iterator[str]:
    """Keys that are right one by one and wrong together, and numbers out of range."""
    data, training = config.data, config.training
    if data.name not in DATASETS:
        near = get_close_matches(data.name, DATASETS, 1)
        hint = f"Did you mean {near[0]!r}?" if near else f"Choose from {', '.join(DATASETS)}."
        yield f"data.name: {data.name!r} is not known. {hint}"
    if not 0 < data.fraction <= 1:
        yield f"data.fraction: {data.fraction:g}. Write a number in (0, 1]."
    if not 0 <= data.validation < 1:
        yield f"data.validation: {data.validation:g}. Write a number in [0, 1)."
    if data.checksums != "verify" and data.name not in SUMMED:
        yield f"data.checksums: not used by {data.name!r}, of which no sums are published. Remove it."
    if data.halvings is not None and data.name not in HALVED:
        yield f"data.halvings: not used by {data.name!r}; for {', '.join(HALVED)}. Remove it."
    for key in ("sticks", "side", "types"):
        if getattr(data, key) is not None and data.name != "qtips":
            yield f"data.{key}: not used by {data.name!r}; for qtips. Remove it."
    if data.ignored is not None and data.name != "segmentation_folder":
        yield f"data.ignored: not used by {data.name!r}; for segmentation_folder. Remove it."
    for key, value, least in (
        ("seed", config.seed, 0),
        ("data.pad", data.pad, 0),
        ("data.train_images", data.train_images, 0),
        ("data.test_images", data.test_images, 0),
        ("training.epochs", training.epochs, 1),
        ("training.batch", training.batch, 1),
        ("training.clip", training.clip, 0),
        ("run.threads", config.run.threads, 0),
        ("run.keep_every", config.run.keep_every, 0),
    ):
        if value < least:
            yield f"{key}: {value}. Write {least} or more."
    if not 0 <= training.average < 1:
        yield f"training.average: {training.average:g}. Write a decay in [0, 1), such as 0.999."


def to_toml(config: Config) -> str:
    """The complete training file, every default written out; `parse_config` reads it back."""
    return _sections(_plain(config))


def flattened(config: Config) -> dict[str, Any]:
    """Values by dotted path, to compare two configs."""
    found: dict[str, Any] = {}

    def visit(table: Mapping[str, Any], path: str) -> None:
        for key, value in table.items():
            if isinstance(value, dict) and value:
                visit(value, f"{path}{key}.")
            else:
                found[f"{path}{key}"] = value

    visit(_plain(config), "")
    return found


def _plain(value: Any) -> Any:
    """Nested tables without None; objects of a registry name their type."""
    if is_dataclass(value) and not isinstance(value, type):
        items = {item.name: getattr(value, item.name) for item in fields(value)}
        table = {key: _plain(item) for key, item in items.items() if item is not None}
        names = {kind: name for registry in _TYPES.values() for name, kind in registry.items()}
        return {"type": names[type(value)]} | table if type(value) in names else table
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items() if item is not None}
    return [_plain(item) for item in value] if isinstance(value, tuple | list) else value


def _sections(table: Mapping[str, Any]) -> str:
    """TOML: values first, then one section per table."""
    lines = [f"{key} = {_literal(value)}" for key, value in table.items() if not isinstance(value, dict)]
    for name, section in table.items():
        if isinstance(section, dict):
            lines += ["", f"[{name}]", *(f"{key} = {_literal(value)}" for key, value in section.items())]
    return "\n".join(lines).lstrip("\n") + "\n"


def _literal(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_literal(item)}" for key, item in value.items()) + " }" if value else "{}"
    if isinstance(value, list):
        return f"[{', '.join(map(_literal, value))}]"
    if isinstance(value, float):
        return repr(value)
    return json.dumps(value, ensure_ascii=False)

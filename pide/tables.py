"""Tables: TOML text into frozen dataclasses, strictly, with every problem at its path in the file.

No text becomes a number and no number a truth value; unknown keys are errors with a suggestion. A field whose type is
in `registries` is an object written as { type = "name", parameter = value }, built by calling the class of that name.
"""

from __future__ import annotations

import inspect
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

import cattrs
from cattrs.errors import ClassValidationError, ForbiddenExtraKeysError, IterableValidationError

from pide.errors import CaseError

__all__ = ["Registries", "structure", "table_text"]

T = TypeVar("T")
Registries = Mapping[Any, Mapping[str, Callable[..., Any]]]
"""Type of a field -> classes, or functions that make objects, by the name that `type` gives them."""


def structure(text: str, kind: type[T], registries: Registries, name: str) -> T:
    """Object of class `kind` from a TOML text; `name` begins every line of an error.

    Raises
    ------
    CaseError
        With one line per problem: path in the file, what is wrong, what to write.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CaseError(f"{name}: not TOML: {error}. Strings need quotes, lists brackets, tables [headers].") from None
    try:
        return _converter(registries).structure(table, kind)
    except ClassValidationError as error:
        raise CaseError("\n".join(f"{name}: {line}" for line in _lines(error, ""))) from None


def table_text(path: str | Path, noun: str) -> str:
    """The text of a TOML file; `noun` says in errors what it was to be.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    CaseError
        If it is not text in UTF-8.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such {noun} file. Give the path of a .toml file.")
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise CaseError(f"{path.name}: not a text file in UTF-8, so not TOML. Give the {noun} file.") from None


class _EntryError(ValueError):
    """A problem with the entry `key` of the table that is being read."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key


def _converter(registries: Registries) -> cattrs.Converter:
    """Structures strictly: no text becomes a number, no number a truth value."""
    converter = cattrs.Converter(forbid_extra_keys=True)
    converter.register_structure_hook(float, lambda value, _: _strict(value, (int, float), "a number", float))
    converter.register_structure_hook(int, lambda value, _: _strict(value, (int,), "an integer", int))
    converter.register_structure_hook(str, lambda value, _: _strict(value, (str,), "a text in quotes", str))
    converter.register_structure_hook(bool, lambda value, _: _truth(value))
    for kind in (tuple[float, ...], tuple[int, ...], tuple[str, ...]):
        converter.register_structure_hook_func(_is(kind), _sequence_hook(converter, get_args(kind)[0]))
    converter.register_structure_hook_func(lambda t: getattr(t, "__origin__", None) is Literal, _literal)
    for kind, registry in registries.items():
        converter.register_structure_hook_func(_is(kind, kind | None), _object_hook(registry))
    return converter


def _is(*kinds: Any) -> Callable[[Any], bool]:
    """Whether a type is one of these."""
    return lambda kind: kind in kinds


def _object_hook(registry: Mapping[str, Callable[..., Any]]) -> Callable[[Any, Any], Any]:
    return lambda value, _: _construct(value, registry)


def _strict(value: Any, accepted: tuple[type, ...], needed: str, kind: Callable[[Any], Any]) -> Any:
    if isinstance(value, bool) or not isinstance(value, accepted):
        raise ValueError(f"needs {needed}, not {value!r}.")
    return kind(value)


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"needs true or false, not {value!r}.")
    return value


def _sequence_hook(converter: cattrs.Converter, entry: type) -> Callable[[Any, Any], tuple[Any, ...]]:
    def structure(value: Any, _: Any) -> tuple[Any, ...]:
        return tuple(converter.structure(item, entry) for item in (value if isinstance(value, list) else [value]))

    return structure


def _literal(value: Any, kind: Any) -> Any:
    names = get_args(kind)
    if value not in names:
        raise ValueError(f"{value!r} is not known. {_choices(str(value), names)}")
    return value


def _choices(given: str, names: Any) -> str:
    near = get_close_matches(given, names, n=1)
    return f"Did you mean {near[0]!r}?" if near else f"Choose from {', '.join(sorted(names))}."


def _construct(value: Any, registry: Mapping[str, Callable[..., Any]]) -> Any:
    """Object of a table { type = "name", parameter = value, ... }."""
    if isinstance(value, str):
        value = {"type": value}
    if not isinstance(value, dict):
        raise ValueError(f'needs a table such as {{ type = "{next(iter(registry))}", ... }}, not {value!r}.')
    if value.get("type") not in registry:
        raise _EntryError("type", f"{value.get('type')!r} is not known. {_choices(str(value.get('type')), registry)}")
    kind = registry[value["type"]]
    parameters = dict(inspect.signature(kind).parameters)
    given = {key: _tuples(item) for key, item in value.items() if key != "type"}
    for key, item in given.items():
        if key not in parameters:
            raise _EntryError(key, f"unknown key for {value['type']}. {_choices(key, parameters)}")
        _check_kind(key, item, str(parameters[key].annotation))
    for key, parameter in parameters.items():
        if key not in given and parameter.default is parameter.empty:
            raise _EntryError(key, f"missing; {value['type']} needs it.")
    try:
        return kind(**given)
    except (TypeError, ValueError) as error:
        raise ValueError(str(error)) from None


def _check_kind(key: str, item: Any, annotation: str) -> None:
    """Refuse texts and truth values where the annotation of the parameter has none."""
    for kind in (str, bool):
        if isinstance(item, kind) and kind.__name__ not in annotation and "Literal" not in annotation:
            raise _EntryError(key, f"needs {'a number' if 'float' in annotation else annotation}, not {item!r}.")


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value


def _lines(error: BaseException, path: str) -> Iterator[str]:
    """One line per leaf of cattrs' tree of errors."""
    if isinstance(error, (ClassValidationError, IterableValidationError)):
        located, loose = error.group_exceptions()
        for leaf, note in located:
            key = note.name if hasattr(note, "name") else note.index
            yield from _lines(leaf, f"{path}.{key}".lstrip("."))
        for leaf in loose:
            yield from _lines(leaf, path)
    elif isinstance(error, ForbiddenExtraKeysError):
        names = [item.name for item in fields(error.cl)]
        for key in sorted(error.extra_fields):
            yield f"{path}.{key}: unknown key. {_choices(key, names)}".lstrip(".")
    elif isinstance(error, _EntryError):
        yield f"{path}.{error.key}: {error}"
    elif isinstance(error, KeyError):
        yield f"{path}: missing. Every case needs it; see examples/hillslope.toml."
    elif isinstance(error, (TypeError, AttributeError)) and not isinstance(error, ValueError):
        yield f"{path}: needs a table [{path}]."
    else:
        yield f"{path}: {error}"

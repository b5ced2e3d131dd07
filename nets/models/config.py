"""Models from tables of a configuration file."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any

from torch import nn

from pide.nets.models.hamiltonian import hamiltonian
from pide.nets.models.resnet import preresnet, preresnet20, preresnet56, resnet, resnet44
from pide.nets.models.shapes import DatasetLike

__all__ = ["MODELS", "from_config"]

MODELS: dict[str, Callable[..., nn.Module]] = {
    "hamiltonian": hamiltonian,
    "resnet": resnet,
    "resnet44": resnet44,
    "preresnet": preresnet,
    "preresnet20": preresnet20,
    "preresnet56": preresnet56,
}
_GENERAL = {"resnet44": resnet, "preresnet20": preresnet, "preresnet56": preresnet}


def from_config(config: Mapping[str, Any], dataset: DatasetLike | None = None) -> nn.Module:
    """The model of a table {name = "hamiltonian", dataset = "cifar10", ...} with the model's keywords as keys.

    Parameters
    ----------
    config : mapping
        `name` of the model, `dataset` unless given here, and keywords of the model's function.
    dataset : str, Dataset, DatasetShape or ((channels, height, width), classes), optional
        Where the table does not say it.

    Raises
    ------
    ValueError
        If a key or a name is unknown, with the nearest known one; or the data set is missing or given twice.

    Examples
    --------
    >>> net = from_config({"name": "preresnet20", "dataset": "cifar10", "variant": "basic", "nonlocal_blocks": 2})
    >>> type(net).__name__
    'ResidualNet'
    """
    options = dict(config)
    name = str(options.pop("name", None))
    if name not in MODELS:
        raise ValueError(f"model name {name!r} is unknown.{_meant(name, MODELS)} Write one of {', '.join(MODELS)}.")
    if (dataset is None) == ("dataset" not in options):
        raise ValueError(
            f"model {name!r}: the data set must be given once, in the table or beside it. Write dataset = 'cifar10'."
        )
    dataset = options.pop("dataset", dataset)
    known = [key for key in inspect.signature(_GENERAL.get(name, MODELS[name])).parameters if key != "dataset"]
    known = [key for key in known if not (key == "depth" and name in _GENERAL)]
    for key in options:
        if key not in known:
            raise ValueError(
                f"model {name!r} has no key {key!r}.{_meant(key, known)} Write some of {', '.join(known)}."
            )
    return MODELS[name](tuple(dataset) if isinstance(dataset, list) else dataset, **options)


def _meant(word: str, known: Any) -> str:
    near = get_close_matches(word, list(known), 1)
    return f" Did you mean {near[0]!r}?" if near else ""

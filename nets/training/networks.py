"""The network of a training file, and networks back from run folders."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from pide.errors import CaseError
from pide.nets import models
from pide.nets.data.images import Dataset
from pide.nets.data.preprocessing import Preprocessing
from pide.nets.training.checkpoints import FOREIGN, read_checkpoint
from pide.nets.training.config import Config, parse_config, to_toml
from pide.nets.training.runs import BEST, checkpoint_path, read_run_config

__all__ = ["Trained", "build_network", "description", "load_run"]


def build_network(config: Config, shape: models.DatasetLike) -> nn.Module:
    """Network of [network], its initial weights drawn from the seed of the config unless it gives its own.

    Parameters
    ----------
    config : Config
    shape : Dataset or DatasetShape
        What the network is to see.

    Raises
    ------
    CaseError
        If [network] has no name.
    ValueError
        If a key is unknown or does not fit; see `pide.nets.models.from_config`.
    """
    if not config.network.get("name"):
        raise CaseError(
            'network.name: missing. Write name = "hamiltonian" in [network], or give fit a network of your own.'
        )
    return models.from_config({"seed": config.seed} | config.network, shape)


def description(config: Config, dataset: Dataset, preprocessing: Preprocessing) -> dict[str, Any]:
    """What a checkpoint holds beside the state, so that the network can be built and used without the data."""
    return {
        "config": to_toml(config),
        "shape": {**asdict(models.dataset_shape(dataset)), "input_shape": list(dataset.shape)},
        "mean": preprocessing.mean,
        "classes": list(dataset.classes),
        "sample": dataset.test.pixels[:1],
    }


@dataclass(frozen=True, eq=False)
class Trained:
    """A network from a run folder with all that is needed to use it.

    Parameters
    ----------
    net : nn.Module
        In evaluation mode, on the CPU.
    config : Config
    preprocessing : Preprocessing
        With the mean image of the run's training set.
    classes : tuple of str
    shape : DatasetShape
    epoch : int
        Epochs done.
    sample : tensor, shape (1, C, H, W), uint8
        The first test image.
    """

    net: nn.Module
    config: Config
    preprocessing: Preprocessing
    classes: tuple[str, ...]
    shape: models.DatasetShape
    epoch: int
    sample: Tensor

    def __call__(self, pixels: Tensor) -> Tensor:
        """Probabilities of images of bytes, (B, C, H, W) -> (B, classes) or (B, classes, H, W)."""
        dtype = next(self.net.parameters()).dtype
        with torch.no_grad():
            outputs: Tensor = self.net(self.preprocessing(pixels, dtype))
        return outputs.softmax(1)


def load_run(folder: str | Path, checkpoint: str = BEST, net: nn.Module | None = None) -> Trained:
    """Network of a run folder.

    Parameters
    ----------
    folder : str or Path
        What `pide train` or `fit` wrote.
    checkpoint : str
        "best", "last", or "epoch-0010" where checkpoints of epochs were kept.
    net : nn.Module, optional
        Your own network, where `fit` trained one; it takes the weights.

    Raises
    ------
    FileNotFoundError, ValueError
        If the folder holds no run, or the checkpoint is missing, damaged or of another version.
    """
    folder = Path(folder)
    read_run_config(folder)
    path = checkpoint_path(folder, checkpoint)
    content = read_checkpoint(path, needs=("config", "shape", "mean", "classes", "sample", "network", "state"))
    config, shape = parse_config(content["config"]), _shape(path, content["shape"])
    net = build_network(config, shape) if net is None else net
    if config.run.precision == "float64":
        net.double()
    try:
        net.load_state_dict(content["network"])
    except RuntimeError:
        raise ValueError(
            f"{folder}: the weights do not fit {type(net).__name__}. If fit trained a network of your own, give one of "
            "the same architecture: load_run(folder, net=net). If it is the network of the config, the checkpoint was "
            f"{FOREIGN}"
        ) from None
    mean, classes, epoch = Preprocessing(content["mean"]), tuple(content["classes"]), content["state"]["epoch"]
    return Trained(net.eval(), config, mean, classes, shape, epoch, content["sample"])


def _shape(path: Path, stored: dict[str, Any]) -> models.DatasetShape:
    try:
        return models.DatasetShape(**{**stored, "input_shape": tuple(stored["input_shape"])})
    except (KeyError, TypeError):
        raise ValueError(f"{path}: describes its data with other entries than ours: {FOREIGN}") from None

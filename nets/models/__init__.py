"""Networks of the papers, exact to the last parameter."""

from pide.nets.models.config import MODELS, from_config
from pide.nets.models.hamiltonian import HamiltonianNet, Unit, hamiltonian
from pide.nets.models.initialise import initialise
from pide.nets.models.resnet import ResidualNet, preresnet, preresnet20, preresnet56, resnet, resnet44
from pide.nets.models.shapes import SHAPES, DatasetLike, DatasetShape, dataset_shape

__all__ = [
    "MODELS",
    "SHAPES",
    "DatasetLike",
    "DatasetShape",
    "HamiltonianNet",
    "ResidualNet",
    "Unit",
    "dataset_shape",
    "from_config",
    "hamiltonian",
    "initialise",
    "preresnet",
    "preresnet20",
    "preresnet56",
    "resnet",
    "resnet44",
]

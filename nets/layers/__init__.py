"""Layers: each applies pide operators to the axes of a batch of feature maps."""

from pide.nets.layers.affinity_diffusion import AffinityDiffusion
from pide.nets.layers.cloud import GraphDiffusion, PointCloudDiffusion
from pide.nets.layers.constraints import (
    Bounded,
    DoublyStochastic,
    NonexpansiveMixing,
    Positive,
    RowStochastic,
    Semidefinite,
    Symmetric,
)
from pide.nets.layers.diffusion import LearnableDiffusionStep, NonlocalDiffusionStep
from pide.nets.layers.hamiltonian import HamiltonianBlock, HamiltonianChain, SymmetricForce
from pide.nets.layers.nonlocal_block import NonlocalBlock
from pide.nets.layers.nonlocal_stage import NonlocalStage
from pide.nets.layers.pide_block import PIDEBlock
from pide.nets.layers.residual import BasicBlock, PreActBasic, PreActBottleneck
from pide.nets.layers.spectral import SpectralDiffusion
from pide.nets.layers.verlet_block import VerletBlock

__all__ = [
    "AffinityDiffusion",
    "BasicBlock",
    "Bounded",
    "DoublyStochastic",
    "GraphDiffusion",
    "HamiltonianBlock",
    "HamiltonianChain",
    "LearnableDiffusionStep",
    "NonexpansiveMixing",
    "NonlocalBlock",
    "NonlocalDiffusionStep",
    "NonlocalStage",
    "PIDEBlock",
    "PointCloudDiffusion",
    "Positive",
    "PreActBasic",
    "PreActBottleneck",
    "RowStochastic",
    "Semidefinite",
    "SpectralDiffusion",
    "Symmetric",
    "SymmetricForce",
    "VerletBlock",
]

"""Layers: each applies pide operators to the axes of a batch of feature maps."""

from pide.nets.layers.diffusion import LearnableDiffusionStep, NonlocalDiffusionStep
from pide.nets.layers.nonlocal_block import NonlocalBlock
from pide.nets.layers.nonlocal_stage import NonlocalStage
from pide.nets.layers.pide_block import PIDEBlock

__all__ = [
    "LearnableDiffusionStep",
    "NonlocalBlock",
    "NonlocalDiffusionStep",
    "NonlocalStage",
    "PIDEBlock",
]

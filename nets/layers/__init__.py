"""Layers: each applies one pide operator to the last axes of a batch of feature maps."""

from pide.nets.layers.diffusion import LearnableDiffusionStep, NonlocalDiffusionStep

__all__ = ["LearnableDiffusionStep", "NonlocalDiffusionStep"]

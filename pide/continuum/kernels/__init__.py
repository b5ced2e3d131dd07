"""Radial kernels gamma(|z|) and general two-point kernels of nonlocal operators."""

from pide.continuum.kernels.base import Kernel
from pide.continuum.kernels.constant import Constant
from pide.continuum.kernels.exponential import Exponential
from pide.continuum.kernels.fractional import Fractional
from pide.continuum.kernels.gaussian import Gaussian
from pide.continuum.kernels.linear import Linear
from pide.continuum.kernels.power_law import PowerLaw
from pide.continuum.kernels.radial import Radial
from pide.continuum.kernels.tempered import Tempered
from pide.continuum.kernels.truncated_fractional import TruncatedFractional
from pide.continuum.kernels.two_point import TwoPoint

__all__ = [
    "Constant",
    "Exponential",
    "Fractional",
    "Gaussian",
    "Kernel",
    "Linear",
    "PowerLaw",
    "Radial",
    "Tempered",
    "TruncatedFractional",
    "TwoPoint",
]

"""Radial kernels gamma(|z|) and general two-point kernels of nonlocal operators."""

from pide.continuum.kernels.base import Kernel
from pide.continuum.kernels.constant import Constant
from pide.continuum.kernels.fractional import Fractional
from pide.continuum.kernels.gaussian import Gaussian
from pide.continuum.kernels.two_point import TwoPoint

__all__ = ["Constant", "Fractional", "Gaussian", "Kernel", "TwoPoint"]
